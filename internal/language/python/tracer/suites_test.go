package tracer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A suite is a module of Python's own tests.
type suite struct {
	tests string   // module below test
	scope []string // what it tests, below the standard library
	skip  string   // ids of tests that take long, or differ between two bare runs
	deep  bool     // runs into the recursion limit, where events are lost; with pytest, whose plugin puts a lost trace function back at the next test
	long  bool     // only with REPAIRD_SUITES=all
}

// The suites that run always: twenty-four, of some tenths of a second each.
var pythonSuites = []suite{
	{tests: "test_contextlib", scope: []string{"contextlib.py"}},
	{tests: "test_functools", scope: []string{"functools.py"}, deep: true},
	{tests: "test_weakref", scope: []string{"weakref.py", "_weakrefset.py"}, skip: `threaded|test_atexit|_destroy_while_iterating`},
	{tests: "test_asyncio.test_queues", scope: []string{"asyncio"}},
	{tests: "test_asyncio.test_locks", scope: []string{"asyncio"}},
	{tests: "test_typing", scope: []string{"typing.py"}, deep: true},
	{tests: "test_textwrap", scope: []string{"textwrap.py"}},
	{tests: "test_difflib", scope: []string{"difflib.py"}},
	{tests: "test_configparser", scope: []string{"configparser.py"}},
	{tests: "test_shlex", scope: []string{"shlex.py"}},
	{tests: "test_fractions", scope: []string{"fractions.py", "numbers.py"}},
	{tests: "test_heapq", scope: []string{"heapq.py"}},
	{tests: "test_bisect", scope: []string{"bisect.py"}},
	{tests: "test_collections", scope: []string{"collections", "_collections_abc.py"}},
	{tests: "test_dataclasses", scope: []string{"dataclasses.py"}},
	{tests: "test_enum", scope: []string{"enum.py"}},
	{tests: "test_string", scope: []string{"string.py", "string"}},
	{tests: "test_csv", scope: []string{"csv.py"}},
	{tests: "test_sched", scope: []string{"sched.py"}},
	{tests: "test_copy", scope: []string{"copy.py", "copyreg.py"}},
	{tests: "test_reprlib", scope: []string{"reprlib.py"}},
	{tests: "test_pprint", scope: []string{"pprint.py"}},
	{tests: "test_contextlib_async", scope: []string{"contextlib.py"}},
	// The test left out wants a signal handled at one instruction exactly; the
	// interpreter handles it before that in any trace function or callback.
	{tests: "test_generators", skip: "test_raise_and_yield_from"},
	{tests: "test_json", scope: []string{"json"}, deep: true, long: true},
	{tests: "test_argparse", scope: []string{"argparse.py"}, long: true},
	{tests: "test_ast", scope: []string{"ast.py"}, long: true},
	// Up to 3.11 the call of a built-in method makes an object where any trace
	// function is set, and the garbage collector may run where it never does.
	{tests: "test_queue", scope: []string{"queue.py"}, skip: `CSimpleQueueTest\.test_reentrancy`, long: true},
	{tests: "test_tokenize", scope: []string{"tokenize.py"}, skip: "test_random_files", long: true},
	// Those left out count the references to a variable before and after an
	// exception. Up to 3.12 the interpreter keeps a frame's variables in a
	// dictionary from one event of any trace function to the next.
	{tests: "test_coroutines", skip: `CoroutineTest\.test_for_[234]$`, long: true},
	{tests: "test_asyncgen", long: true},
	{tests: "test_exceptions", deep: true, long: true},
	{tests: "test_statistics", scope: []string{"statistics.py", "fractions.py"}, long: true},
	{tests: "test_asyncio.test_futures", scope: []string{"asyncio"}, long: true},
	{tests: "test_asyncio.test_tasks", scope: []string{"asyncio"}, long: true},
	{tests: "test_decimal", scope: []string{"_pydecimal.py", "decimal.py"}, long: true},
	{tests: "test_logging", scope: []string{"logging"}, long: true},
	{tests: "test_threading", scope: []string{"threading.py"}, long: true},
	{tests: "test_unittest", scope: []string{"unittest"}, long: true},
}

// T17: Python's own tests give, traced, the outcomes of the bare run, and the
// tracer sees the last of them.
func TestSuitesOfPython(t *testing.T) {
	t.Parallel()
	versions, all := suiteVersions()
	tracer := tracertest.Dir(t)
	tracertest.EachPython(t, versions, func(t *testing.T, p tracertest.Interpreter) {
		library := filepath.Dir(pythonPrints(t, p, "import os; print(os.__file__)"))
		for _, s := range pythonSuites {
			if s.long && !all {
				continue
			}
			t.Run(s.tests, func(t *testing.T) {
				t.Parallel()
				name := "test." + s.tests
				if out := pythonPrints(t, p, "import importlib.util as u; print(u.find_spec('"+name+"') is not None)"); out != "True" {
					t.Skipf("Python %s came without %s", p.Version, name)
				}
				here, err := filepath.Abs("testdata/suites")
				if err != nil {
					t.Fatal(err)
				}
				tests := filepath.Join(library, "test", strings.ReplaceAll(s.tests, ".", "/"))
				include := []string{tests, tests + ".py", filepath.Join(here, "last")}
				for _, name := range s.scope {
					include = append(include, filepath.Join(library, name))
				}
				r := suiteRun{python: p, tracer: tracer, include: include, deep: s.deep, args: func(out string) []string {
					return []string{filepath.Join(here, "run_module.py"), out, s.skip, name}
				}}
				if s.deep {
					r.env = []string{"PYTHONPATH=" + here}
					r.args = func(string) []string {
						// As unittest does: cases alone, not the mixins called Test….
						return pytestArgs("-o", "python_classes=unused", "--pyargs", name, filepath.Join(here, "last", "test_last.py"))
					}
				}
				r.compare(t)
			})
		}
	})
}

// The same for the tests of projects from the package index, with pytest and
// the tracer's plugin, all of the project in scope.
func TestSuitesOfProjects(t *testing.T) {
	t.Parallel()
	root := projectsDir(t)
	versions, _ := suiteVersions()
	tracer := tracertest.Dir(t)
	here, err := filepath.Abs("testdata/suites")
	if err != nil {
		t.Fatal(err)
	}
	tracertest.EachPython(t, versions, func(t *testing.T, p tracertest.Interpreter) {
		if !p.Has("pytest") {
			t.Skipf("Python %s has no pytest here", p.Version)
		}
		for _, project := range []string{"click", "jinja2", "more-itertools"} {
			t.Run(project, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(root, project)
				paths := []string{here, filepath.Join(dir, "src"), dir, filepath.Join(root, "markupsafe", "src")}
				r := suiteRun{python: p, tracer: tracer, dir: dir, env: []string{"PYTHONPATH=" + strings.Join(paths, ":")},
					include: []string{dir, filepath.Join(here, "last")},
					args: func(string) []string {
						return pytestArgs("tests", filepath.Join(here, "last", "test_last.py"))
					}}
				r.compare(t)
			})
		}
	})
}

// pytestArgs runs pytest with the plugin of testdata/suites.
func pytestArgs(args ...string) []string {
	return append([]string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "outcomes"}, args...)
}

// projectsDir is where deploy/test-clients.sh puts the sources of projects.
func projectsDir(t *testing.T) string {
	t.Helper()
	state := os.Getenv("REPAIRD_STATE")
	if state == "" {
		state = "/var/lib/repaird"
		if home, err := os.UserHomeDir(); err == nil && os.Geteuid() != 0 {
			state = filepath.Join(home, ".local/share/repaird")
		}
	}
	dir, err := filepath.EvalSymlinks(filepath.Join(state, "test-clients/projects"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v; deploy/test-clients.sh makes it", err)
		}
		t.Skipf("%v; deploy/test-clients.sh makes it", err)
	}
	return dir
}

// A suiteRun runs tests bare and traced.
type suiteRun struct {
	python  tracertest.Interpreter
	tracer  string
	include []string
	dir     string
	deep    bool
	env     []string
	args    func(out string) []string
}

// compare requires that the outcomes are the same, and that the test_last of
// testdata/suites/last was recorded, after all others.
func (r suiteRun) compare(t *testing.T) {
	t.Helper()
	bare, _ := r.outcomes(t, nil)
	if len(bare) < 5 {
		t.Fatalf("%d tests ran: %v", len(bare), bare)
	}
	traced, trace := r.outcomes(t, &tracer.Config{Include: r.include})
	different := differences(bare, traced)
	if len(different) > 0 {
		// A test that two bare runs do not agree on says nothing.
		again, _ := r.outcomes(t, nil)
		for id := range differences(bare, again) {
			delete(different, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(different)) {
		t.Errorf("%s: traced %v; bare %v", id, traced[id], bare[id])
	}
	checkAlive(t, trace, r.deep, r.python.AtLeast(12))
}

func differences(a, b map[string][]string) map[string]bool {
	out := map[string]bool{}
	for id := range a {
		out[id] = !slices.Equal(a[id], b[id])
	}
	for id := range b {
		out[id] = !slices.Equal(a[id], b[id])
	}
	maps.DeleteFunc(out, func(_ string, differ bool) bool { return !differ })
	return out
}

func checkAlive(t *testing.T, trace *trace.Trace, deep, monitored bool) {
	t.Helper()
	if !trace.Traced() {
		t.Fatal("not traced")
	}
	last := -1 // the process of the last test; numbers of processes come round
	for r := range trace.All() {
		if r.Kind == wire.KindReturn && r.Code.Name == "reached" && r.Value().Text == "'end!'" {
			last = r.Process
		}
	}
	if last < 0 {
		t.Fatalf("the last test's calls are missing; %d records", trace.Len())
	}
	main := trace.Processes[last]
	if want := map[bool]string{true: "monitoring", false: "settrace"}[monitored]; main.Engine != want {
		t.Errorf("engine %s; want %s", main.Engine, want)
	}
	if !main.Ended {
		t.Error("the tracer did not end in order")
	}
	if main.Lost != "" && (!deep || !strings.HasSuffix(main.Lost, "put back")) {
		t.Errorf("the tracer was lost: %s", main.Lost)
	}
	if trace.Footer.Faults > trace.Footer.Oversize && !deep {
		t.Errorf("%d events were lost to faults of the tracer", trace.Footer.Faults)
	}
	if trace.Footer.Skipped > 0 {
		t.Errorf("%d lines of the trace do not fit the schema", trace.Footer.Skipped)
	}
}

// outcomes runs the tests, traced where a config is given.
func (r suiteRun) outcomes(t *testing.T, config *tracer.Config) (map[string][]string, *trace.Trace) {
	t.Helper()
	dir := t.TempDir()
	out, home := filepath.Join(dir, "outcomes.json"), filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(r.python.Path, r.args(out)...)
	cmd.Dir = r.dir
	if cmd.Dir == "" {
		cmd.Dir = home
	}
	// A clean environment: tests look at it.
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=" + home, "TMPDIR=" + dir, "PYTHONHASHSEED=0",
		"PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8", "TERM=dumb", "OUTCOMES=" + out}, r.env...)
	traces := filepath.Join(dir, "traces")
	if config != nil {
		c := *config
		c.Out = traces
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(traces, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.Env = addPythonPath(cmd.Env, r.tracer)
		cmd.Env = append(cmd.Env, "REPAIRD_TRACE_CONFIG="+string(text), "PYTEST_PLUGINS=repaird_tracer.pytest")
	}
	text, runErr := cmd.CombinedOutput()
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatalf("%v, %v: %s", runErr, err, text[max(0, len(text)-2000):])
	}
	outcomes := map[string][]string{}
	if err := json.Unmarshal(data, &outcomes); err != nil {
		t.Fatal(err)
	}
	if config == nil {
		return outcomes, nil
	}
	trace, err := trace.ReadDir(traces)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes, trace
}

// addPythonPath puts a directory before others in PYTHONPATH.
func addPythonPath(env []string, dir string) []string {
	out := []string{"PYTHONPATH=" + dir}
	for _, e := range env {
		if rest, ok := strings.CutPrefix(e, "PYTHONPATH="); ok {
			out[0] += ":" + rest
			continue
		}
		out = append(out, e)
	}
	return out
}

// suiteVersions gives one version for each engine, or with REPAIRD_SUITES=all
// every version, and long suites; REPAIRD_SUITES may also name versions.
func suiteVersions() (versions []string, all bool) {
	switch wanted := os.Getenv("REPAIRD_SUITES"); wanted {
	case "":
		return []string{"3.11", "3.13"}, false
	case "all":
		for v := range tracertest.ByVersion() {
			versions = append(versions, v)
		}
		sort.Strings(versions)
		return versions, true
	default:
		return strings.Split(wanted, ","), true
	}
}

func pythonPrints(t *testing.T, p tracertest.Interpreter, code string) string {
	t.Helper()
	out, err := exec.Command(p.Path, "-I", "-c", code).Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", code, err))
	}
	return strings.TrimSpace(string(out))
}
