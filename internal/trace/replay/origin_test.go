package replay_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/replay"
)

// calling makes a trace of one call, f(x=1), of a function in a file.
func calling(t *testing.T, file, function string) *trace.Trace {
	t.Helper()
	trace, err := trace.Read(strings.NewReader(fmt.Sprintf(`{"k":"meta","v":1,"f":"trace-1","pid":1,"ppid":0,"python":"3.11.2","impl":"cpython","engine":"settrace","argv":[],"cwd":"/","forked":0}
{"k":"code","c":1,"file":%q,"name":%q,"line":1,"args":["x"],"kind":""}
{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x","1"]]}
{"k":"ret","i":1,"c":1,"t":1,"l":1,"v":"1"}
`, file, function)))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

const module = `import os
from os import remove
from shutil import *

launch = os.system
run = lambda x: x


class Job:
    """Text, that has a line

def remove(x):
    in it."""

    def start(x):
        def inner(x):
            return x
        return inner

    if os.name:
        def often(x):
            return x

    class Part:
        async def move(x): return x


if os.name:
    def late(x):
        return x


@property
def f(
    x,
):
    return x
`

func TestOnlyFunctionsOfTheProgramsOwnFilesAreRepeated(t *testing.T) {
	t.Parallel()
	root, elsewhere := t.TempDir(), t.TempDir()
	for _, name := range []string{"app.py", "pkg/__init__.py", "pkg/core.py", "venv/lib/python3.11/site-packages/six.py", "venv/lib/python3.11/shutil.py", "lib/python3_utils/core.py", "lib/python3/core.py", "data.txt", "folder.py/x"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, name), module)
	}
	write(t, filepath.Join(elsewhere, "other.py"), module)
	for link, target := range map[string]string{filepath.Join(root, "link.py"): filepath.Join(elsewhere, "other.py"), filepath.Join(elsewhere, "back.py"): filepath.Join(root, "app.py")} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	app := filepath.Join(root, "app.py")
	for name, c := range map[string]struct {
		file, function string
		within         []string
		why            string // "" for one that is repeated
	}{
		"a function":                             {app, "f", nil, ""},
		"a function of a package":                {root + "/pkg/core.py", "f", nil, ""},
		"a function that is defined under if":    {app, "late", nil, ""},
		"a method":                               {app, "Job.start", nil, ""},
		"a method under if":                      {app, "Job.often", nil, ""},
		"a method of a class in a class":         {app, "Job.Part.move", nil, ""},
		"a file of another root":                 {elsewhere + "/other.py", "f", []string{root, elsewhere}, ""},
		"a file outside":                         {elsewhere + "/other.py", "f", nil, "is not below " + root + ", and only the program's own files are imported (--root)"},
		"a file that a path climbs to":           {root + "/../" + filepath.Base(elsewhere) + "/other.py", "f", nil, "is not below"},
		"a link that leads outside":              {root + "/link.py", "f", nil, "/link.py is a link to " + elsewhere + "/other.py, which is not below " + root},
		"a link outside that leads inside":       {elsewhere + "/back.py", "f", nil, "is not below"},
		"a package of a virtual environment":     {root + "/venv/lib/python3.11/site-packages/six.py", "f", nil, "is an installed package's or Python's own"},
		"a module of a virtual environment":      {root + "/venv/lib/python3.11/shutil.py", "f", nil, "is an installed package's or Python's own"},
		"a directory that is called like Python": {root + "/lib/python3_utils/core.py", "f", nil, ""},
		"a distribution's library":               {root + "/lib/python3/core.py", "f", nil, "is an installed package's or Python's own"},
		"a file that is not there":               {root + "/antigravity.py", "f", nil, "is not here"},
		"a path that is not whole":               {"app.py", "f", nil, "its file cannot be imported"},
		"a folder":                               {root + "/folder.py", "f", nil, "is not a source file"},
		"a file of another kind":                 {root + "/data.txt", "f", nil, "its file cannot be imported"},
		"a function of an imported module":       {app, "os.system", nil, "defines no such function"},
		"an imported function":                   {app, "remove", nil, "defines no such function"},
		"a function that came with a star":       {app, "rmtree", nil, "defines no such function"},
		"another name for a function":            {app, "launch", nil, "defines no such function"},
		"a variable":                             {app, "run", nil, "defines no such function"},
		"a class as a function":                  {app, "Job", nil, "defines no such function"},
		"a function of another place":            {app, "often", nil, "defines no such function"},
		"a function inside a function, renamed":  {app, "Job.inner", nil, "defines no such function"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.within == nil {
				c.within = []string{root}
			}
			var b bytes.Buffer
			report, err := replay.Write(&b, calling(t, c.file, c.function), replay.Options{Within: c.within})
			if c.why == "" {
				if err != nil || report.Calls != 1 {
					t.Errorf("it is not repeated: %v %+v", err, report.Missing)
				}
				return
			}
			if !errors.Is(err, replay.ErrNothing) || len(report.Missing) != 1 || !strings.Contains(report.Missing[0].Why, c.why) || b.Len() > 0 {
				t.Errorf("got %v %+v, want %q\n%s", err, report.Missing, c.why, b.String())
			}
		})
	}
}

func TestWithoutARootTheProgramIsInTheCurrentDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "app.py"), module)
	trace := calling(t, filepath.Join(dir, "app.py"), "f")
	if report, err := replay.Write(&bytes.Buffer{}, trace, replay.Options{}); !errors.Is(err, replay.ErrNothing) {
		t.Errorf("outside of the current directory: %v %+v", err, report)
	}
	if report, err := replay.Write(&bytes.Buffer{}, trace, replay.Options{Roots: []string{dir}}); err != nil || report.Calls != 1 {
		t.Errorf("below a directory that modules are imported from: %v %+v", err, report)
	}
	t.Chdir(dir)
	if report, err := replay.Write(&bytes.Buffer{}, trace, replay.Options{}); err != nil || report.Calls != 1 {
		t.Errorf("in the current directory: %v %+v", err, report)
	}
	if _, err := replay.Write(&bytes.Buffer{}, trace, replay.Options{Within: []string{filepath.Join(dir, "none")}}); err == nil || errors.Is(err, replay.ErrNothing) {
		t.Errorf("a root that is not there: %v", err)
	}
}
