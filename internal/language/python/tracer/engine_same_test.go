package tracer_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

// The same program gives the same records through both engines (T30, T31, T33,
// T34, T36): calls, returns, suspensions, exceptions with the lines of their
// handlers, tasks, threads.
func TestTheEnginesGiveTheSameRecords(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("testdata/engines/corpus.py")
	if err != nil {
		t.Fatal(err)
	}
	configs := map[string]tracer.Config{
		"calls":          {},
		"lines":          {Lines: true},
		"control":        {Level: "control", MaxRecords: 1 << 20},
		"comprehensions": {Comprehensions: true},
		"calls only":     {CallsOnly: true},
		"depth":          {MaxDepth: 5},
	}
	for _, version := range []string{"3.12", "3.13", "3.14", "3.15"} {
		p, ok := tracertest.ByVersion()[version]
		if !ok {
			t.Logf("there is no Python %s on this machine", version)
			continue
		}
		for name, config := range configs {
			t.Run(version+"/"+name, func(t *testing.T) {
				t.Parallel()
				dir, file := tracertest.Program(t, string(source))
				config.Include = []string{dir}
				var got [2][]string
				for i, engine := range []string{"settrace", "monitoring"} {
					config.Engine = engine
					s := tracertest.Run(t, p.Path, &config, file)
					if e := s.Trace.Processes[0].Engine; e != engine || !s.Trace.Footer.Ended {
						t.Fatalf("engine %q, footer %+v", e, s.Trace.Footer)
					}
					got[i] = normalised(t, s.Dir)
				}
				if len(got[0]) < 500 {
					t.Errorf("%d records: the program was not traced to its end", len(got[0]))
				}
				if diff := cmp.Diff(got[0], got[1]); diff != "" {
					t.Errorf("settrace −, monitoring +:\n%.4000s", diff)
				}
			})
		}
	}
}

// normalised returns the lines of a trace without what differs between two
// runs of one engine: times, and addresses, by which objects are told apart.
func normalised(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, files %v", err, files)
	}
	slices.Sort(files)
	var out []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(bytes.NewReader(bytes.ReplaceAll(b, []byte{0}, nil)))
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			var m map[string]any
			if err := json.Unmarshal(sc.Bytes(), &m); err != nil {
				t.Fatalf("%v: %s", err, sc.Bytes())
			}
			switch m["k"] {
			case "meta", "thread", "end": // a thread is known from its first event, which not every engine sees
				continue
			}
			delete(m, "t")
			text, err := json.Marshal(withoutTags(m))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(text))
		}
	}
	return out
}

func withoutTags(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "id")
		for k, e := range v {
			v[k] = withoutTags(e)
		}
	case []any:
		for i, e := range v {
			v[i] = withoutTags(e)
		}
	}
	return v
}

// A function that was called too often is switched off with sys.monitoring,
// while calls of it are under way. What comes after must find its parents.
func TestCallsAfterAFunctionIsSwitchedOffHaveTheRightParents(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
def down(n):
    if n == 0:
        raise KeyError("bottom")
    try:
        return down(n - 1)
    except ValueError:
        pass
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def after(n):
    return inner(n)
def inner(n):
    return n
def main():
    fib(12)
    after(1)
    try:
        down(60)
    except KeyError:
        after(2)
    return after(3)
def numbers(n):
    for i in range(n):
        yield inner(i)
main()
for i in numbers(200):
    pass
after(4)
`, tracer.Config{Engine: engine, PerCode: 50})
		parents := map[string]string{}
		for r := range s.Trace.All() {
			if r.Kind == wire.KindCall && (r.Code.Name == "inner" || r.Code.Name == "after") {
				parent := "nobody"
				if c := s.Trace.Call(r.Parent); c.Code() != nil {
					parent = c.Code().Name
				}
				parents[r.Code.Name+" "+r.Args()[0].Value.Text] = parent
			}
		}
		for call, want := range map[string]string{"after 1": "main", "inner 1": "numbers", "after 2": "main", "after 3": "main", "after 4": "<module>"} {
			if parents[call] != want {
				t.Errorf("%s was called by %s, want %s", call, parents[call], want)
			}
		}
		raised := s.Trace.Raised()
		if len(raised) != 1 || raised[0].Name != "down" || raised[0].Line != 3 {
			t.Errorf("raised %+v, want one in down", raised)
		}
		for _, c := range s.Trace.Codes() {
			switch {
			case c.Name == "fib" && c.Calls < 50, c.Name == "fib" && engine == "settrace" && c.Calls != 465, c.Name == "main" && c.Calls != 1:
				t.Errorf("%s was called %d times", c.Name, c.Calls)
			}
		}
		if k := tracertest.Kinds(s.Trace, "main"); strings.Count(k, "call") != 1 || !strings.HasSuffix(k, "ret") {
			t.Errorf("records of main: %s", k)
		}
	})
}
