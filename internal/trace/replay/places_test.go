package replay_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/replay"
)

// loading is the head of a program that loads files under names of its own.
const loading = `import importlib.util
def load(name, file):
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
`

func TestOneModuleNameStandsForOneFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		main    string
		repeats []string // what is called of the program's files
		misses  []string // functions that are not repeated, and why
	}{
		"two files of one name": {
			`load("x", "a/util.py").val(1); load("y", "b/util.py").val(1); load("y", "b/util.py").val(2)`,
			[]string{"util.val(x=1) -> ('a', 1)"},
			[]string{"val: another file is imported as util"}},
		"a directory that hides a file that was imported": {
			`load("x", "a/util.py").val(1); load("y", "b/other.py").val(1)`,
			[]string{"util.val(x=1) -> ('a', 1)"},
			[]string{"val: where it is, there is another file to import as util"}},
		"a file whose name is hidden by a directory": {
			`load("y", "b/other.py").val(1); load("x", "a/util.py").val(1)`,
			[]string{"other.val(x=1) -> ('o', 1)", "util.val(x=1) -> ('a', 1)"}, nil},
		"a file that a directory put before its own hides": {
			`load("z", "a/first.py").val(1); load("y", "b/other.py").val(1); load("x", "a/util.py").val(1)`,
			[]string{"first.val(x=1) -> ('f', 1)", "other.val(x=1) -> ('o', 1)"},
			[]string{"val: another file is imported as util"}},
		"a class of the second file as an argument": {
			`load("x", "a/util.py").val(1); util = load("util", "b/util.py"); import sys; sys.modules["util"] = util; show(util.Box(3))`,
			[]string{"util.val(x=1) -> ('a', 1)"},
			[]string{"show: "}},
		"a call that is not repeated takes no name": {
			`load("x", "a/util.py").val(lambda: 0); load("y", "b/util.py").val(1)`,
			[]string{"util.val(x=1) -> ('b', 1)"},
			[]string{"val: x: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace, dir := record(t, map[string]string{
				"a/util.py":  "def val(x):\n    return ('a', x)\n",
				"b/util.py":  "import dataclasses\n@dataclasses.dataclass\nclass Box:\n    n: int\ndef val(x):\n    return ('b', x)\n",
				"a/first.py": "def val(x):\n    return ('f', x)\n",
				"b/other.py": "def val(x):\n    return ('o', x)\n",
				"main.py":    loading + "def show(x):\n    return x\nif __name__ == '__main__':\n    " + c.main + "\n",
			})
			source, report := generate(t, trace, replay.Options{Within: []string{dir}})
			out, code := execute(t, source)
			if code != 0 || strings.Contains(out, "differs") {
				t.Errorf("exit %d\n%s\n%s", code, out, source)
			}
			for _, want := range c.repeats {
				if !strings.Contains(out, "same    "+want+"\n") {
					t.Errorf("no %q in\n%s\n%s", want, out, source)
				}
			}
			var misses []string
			for _, m := range report.Missing {
				if m.Name == "val" || m.Name == "show" {
					misses = append(misses, m.Name+": "+m.Why)
				}
			}
			if len(misses) != len(c.misses) {
				t.Fatalf("missing: %q, want %q", misses, c.misses)
			}
			for i, m := range misses {
				if !strings.HasPrefix(m, c.misses[i]) {
					t.Errorf("missing: %q, want %q", m, c.misses[i])
				}
			}
		})
	}
}

func TestAFileUnderTwoPathsIsOneFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "app.py"), module)
	if err := os.Symlink(root, filepath.Join(root, "again")); err != nil {
		t.Fatal(err)
	}
	trace, err := trace.Read(strings.NewReader(fmt.Sprintf(`{"k":"meta","v":1,"f":"trace-1","pid":1,"ppid":0,"python":"3.11.2","impl":"cpython","engine":"settrace","argv":[],"cwd":"/","forked":0}
{"k":"code","c":1,"file":%q,"name":"f","line":1,"args":["x"],"kind":""}
{"k":"code","c":2,"file":%q,"name":"f","line":1,"args":["x"],"kind":""}
{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x","1"]]}
{"k":"ret","i":1,"c":1,"t":1,"l":1,"v":"1"}
{"k":"call","i":2,"p":0,"c":2,"d":0,"n":1,"t":1,"l":0,"a":[["x","1"]]}
{"k":"ret","i":2,"c":2,"t":1,"l":1,"v":"1"}
`, filepath.Join(root, "app.py"), filepath.Join(root, "again", "app.py"))))
	if err != nil {
		t.Fatal(err)
	}
	report, err := replay.Write(&bytes.Buffer{}, trace, replay.Options{Within: []string{root}})
	if err != nil || report.Calls != 2 {
		t.Errorf("%v %+v", err, report)
	}
}

func TestWhatADecoratorMakesOfAGeneratorIsNotRepeated(t *testing.T) {
	t.Parallel()
	trace, dir := record(t, map[string]string{"main.py": `import contextlib

@contextlib.contextmanager  # opens
def opened(x):
    yield x

class Rows:
    def __init__(self):
        self.n = 2

    @staticmethod
    def count(n):
        yield n

    @property
    def all(self):
        yield self.n

def plain(n):
    yield n

if __name__ == "__main__":
    with opened(1):
        pass
    list(Rows.count(3)); list(Rows().all); list(plain(4))
`})
	source, report := generate(t, trace, replay.Options{Within: []string{dir}})
	out, code := execute(t, source)
	if code != 0 || strings.Count(out, "same    list(") != 3 {
		t.Errorf("exit %d\n%s\n%s", code, out, source)
	}
	last := report.Missing[len(report.Missing)-1]
	if last.Name != "opened" || last.Why != "what the decorator of a generator makes of it was not recorded" {
		t.Errorf("missing: %+v", report.Missing)
	}
}
