package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/wire"
)

// load reads a trace that --out wrote.
func (p *traceProject) load(t *testing.T, name string) *trace.Trace {
	t.Helper()
	trace, err := view.Open(filepath.Join(p.dir, name), nil)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// called returns the names of the functions that were called.
func called(t *trace.Trace) string {
	var names []string
	for _, c := range t.Codes() {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

// T2, T3: whatever way a Python is started, it is traced, or said not to be.
func TestEveryWayToStart(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"app.py":          "import sys\n\n\ndef f(x):\n    return x\n\n\nprint(f(sys.argv[1:]))\n",
		"pkg/__init__.py": "", "pkg/__main__.py": "import sys\n\n\ndef f(x):\n    return x\n\n\nprint(f(sys.argv[1:]))\n",
		"tool": "#!/usr/bin/env python3\nimport sys\n\n\ndef f(x):\n    return x\n\n\nprint(f(sys.argv[1:]))\n",
	}
	code := "import sys\ndef f(x): return x\nprint(f(sys.argv[1:]))"
	for name, c := range map[string]struct {
		args   []string
		traced string // functions, "" for none
		says   string
	}{
		"a script":                        {[]string{"app.py", "a"}, "<module> f", ""},
		"a script by its path":            {[]string{"--", "python3", "./app.py", "a"}, "<module> f", ""},
		"a module":                        {[]string{"--", "python3", "-m", "pkg", "a"}, "<module> <module> f", ""},
		"a program of its own":            {[]string{"--", "./tool", "a"}, "<module> f", ""},
		"from a shell":                    {[]string{"--", "sh", "-c", "python3 app.py a"}, "<module> f", ""},
		"another interpreter":             {[]string{"--python", "/usr/bin/python3", "app.py", "a"}, "<module> f", ""},
		"another interpreter, in place":   {[]string{"--python", "/usr/bin/python3", "--", "python3", "app.py", "a"}, "<module> f", ""},
		"isolated":                        {[]string{"--", "python3", "-I", "app.py", "a"}, "<module> f", "python -I ignores PYTHONPATH"},
		"isolated, of a path":             {[]string{"--", "python3", "-I", "tool", "a"}, "<module> f", "python -I ignores"},
		"without the environment":         {[]string{"--", "python3", "-E", "-m", "pkg", "a"}, "<module> <module> f", "python -E ignores"},
		"without the site module":         {[]string{"--", "python3", "-S", "app.py", "a"}, "<module> f", "python -S ignores"},
		"with options that change little": {[]string{"--", "python3", "-s", "-W", "ignore", "-Xutf8", "app.py", "a"}, "<module> f", ""},
		"isolated further in":             {[]string{"--", "sh", "-c", "python3 -I app.py a"}, "", "not traced: no Python process"},
		"with an empty environment":       {[]string{"--", "env", "-i", "PATH=" + os.Getenv("PATH"), "python3", "app.py", "a"}, "", "not traced: no Python process"},
		"not Python at all":               {[]string{"--", "echo", "['a']"}, "", "not traced: no Python process"},
		"code in an argument":             {[]string{"--", "python3", "-c", code, "a"}, "", ""},
		"code in a group of options":      {[]string{"--", "python3", "-Ic", code, "a"}, "", "python -I ignores"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newTraceProject(t, files)
			if err := os.Chmod(filepath.Join(p.dir, "tool"), 0o755); err != nil {
				t.Fatal(err)
			}
			got := p.trace(t, append([]string{"--out", "t.jsonl", "--quiet"}, c.args...)...)
			if got.code != 0 || got.stdout != "['a']\n" {
				t.Errorf("exit code %d, standard output %q, standard error %q", got.code, got.stdout, got.stderr)
			}
			if (c.says == "") != (got.stderr == "") || !strings.Contains(got.stderr, c.says) {
				t.Errorf("standard error %q, want %q", got.stderr, c.says)
			}
			if strings.HasPrefix(c.says, "not traced: no Python") {
				// Nothing is in it that could be taken for a run without calls.
				if got := p.trace(t, "show", "t.jsonl"); got.code != 1 || !strings.Contains(got.stderr, "in which nothing was traced") {
					t.Errorf("show: exit code %d, standard error %q", got.code, got.stderr)
				}
				return
			}
			if names := called(p.load(t, "t.jsonl")); names != c.traced {
				t.Errorf("traced %q, want %q", names, c.traced)
			}
		})
	}
}

// T4: a process that was not traced is not one without calls.
func TestAnUntracedChildIsReported(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"parent.py": `import subprocess, sys
subprocess.run([sys.executable, "-c", "pass"] if len(sys.argv) > 1 else [sys.executable, "-I", "-c", "pass"], check=True)
`})
	got := p.trace(t, "--quiet", "--require-traced", "parent.py")
	if got.code != 1 || !regexp.MustCompile(`not traced: process \d+: \S*python\S* -I -c pass\n`).MatchString(got.stderr) {
		t.Errorf("exit code %d, standard error %q", got.code, got.stderr)
	}
	if got := p.trace(t, "--quiet", "parent.py"); got.code != 0 {
		t.Errorf("without --require-traced: exit code %d", got.code)
	}
	if got := p.trace(t, "--quiet", "--require-traced", "parent.py", "traced"); got.code != 0 || got.stderr != "" {
		t.Errorf("a traced child: exit code %d, standard error %q", got.code, got.stderr)
	}
}

func TestOutKeepsTheTrace(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"plain": "t.jsonl", "compressed": "t.jsonl.zst"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newTraceProject(t, samples)
			got := p.trace(t, "--out", file, "calls.py")
			if want := "repaird trace: the trace is in " + file; !strings.Contains(got.stderr, want) || !strings.Contains(got.stderr, "traced 1 process (Python 3.") {
				t.Errorf("standard error:\n%s", got.stderr)
			}
			trace := p.load(t, file)
			if trace.Len() != 12 || !trace.Footer.Ended || trace.Footer.Skipped != 0 {
				t.Errorf("%d records, %+v", trace.Len(), trace.Footer)
			}
			if info, err := os.Stat(filepath.Join(p.dir, file)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the trace may be read by others: %v %v", info.Mode(), err)
			}
		})
	}
}

// T44: what was recorded before a kill is kept.
func TestTheTraceOfAKilledProgramIsKept(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"dies.py": "import os, signal\n\n\ndef f(n):\n    return n\n\n\nfor n in range(50):\n    f(n)\nos.kill(os.getpid(), signal.SIGKILL)\n"})
	got := p.trace(t, "--out", "t.jsonl", "dies.py")
	if got.code != 137 || !strings.Contains(got.stderr, "killed: killed") {
		t.Errorf("exit code %d, standard error %q", got.code, got.stderr)
	}
	if strings.Contains(p.read(t, "t.jsonl"), "\x00") {
		t.Error("NUL bytes in the kept trace")
	}
	if trace := p.load(t, "t.jsonl"); trace.Len() != 101 || trace.Footer.Ended {
		t.Errorf("%d records, %+v", trace.Len(), trace.Footer)
	}
}

func TestWhatIsKept(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"many.py": "def f(n):\n    return n\n\n\ndef g(n):\n    return n\n\n\nfor n in range(3000):\n    f(n)\ng(1)\n"})
	for name, c := range map[string]struct {
		args  []string
		check func(*trace.Trace) bool
	}{
		"10,000 records by default, with the last": {nil, func(x *trace.Trace) bool { return x.Len() <= 10_000 && strings.Contains(called(x), " g") }},
		"as many records as asked for":             {[]string{"--max-records", "100"}, func(x *trace.Trace) bool { return x.Len() <= 100 && x.Footer.Dropped > 900 }},
		"the calls of a function up to a cap":      {[]string{"--max-per-function", "10"}, func(x *trace.Trace) bool { return x.Len() < 60 && x.Footer.Uncalled > 2900 }},
		"events up to a limit":                     {[]string{"--max-events", "40"}, func(x *trace.Trace) bool { return x.Len() == 40 }},
		"only the end": {[]string{"--ring", "--max-records", "100"}, func(x *trace.Trace) bool {
			return x.Len() <= 100 && strings.Contains(called(x), "g") && x.Record(1).Micros > 0
		}},
		"steps and branches": {[]string{"--level", "control", "--function", "f"}, func(x *trace.Trace) bool {
			for r := range x.All() {
				if r.Kind == wire.KindStep && r.Line == 2 {
					return true
				}
			}
			return false
		}},
		"one engine": {[]string{"--engine", "settrace"}, func(x *trace.Trace) bool { return x.Processes[0].Engine == "settrace" }},
		"a module by its name": {[]string{"--include", os.DevNull, "--module", "textwrap"}, func(x *trace.Trace) bool {
			return !strings.Contains(called(x), "f")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := strings.ReplaceAll(name, " ", "-") + ".jsonl"
			got := p.trace(t, append(append([]string{"--quiet", "--out", out}, c.args...), "many.py")...)
			if x := p.load(t, out); got.code != 0 || !c.check(x) {
				t.Errorf("%d records of %q, %+v, exit code %d, standard error %q", x.Len(), called(x), x.Footer, got.code, got.stderr)
			}
		})
	}
}

func TestXTracePrintsLinesAsBashDoes(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{
		"app.py":     "import part\n\n\ndef f(x):\n    y = x + 1\n    return y\n\n\nprint(part.g(f(1)))\n",
		"part.py":    "def g(n):\n    return n * 2\n",
		"library.py": "import textwrap\ntextwrap.dedent(\"a\")\n",
		"child.py":   "import subprocess, sys\nsubprocess.run([sys.executable, \"part.py\"])\n",
	})
	for name, c := range map[string]struct {
		args []string
		want string // regular expression for standard error
	}{
		"the lines": {[]string{"--xtrace", "app.py"},
			`^\+ import part\n\+ def g\(n\):\n\+ def f\(x\):\n\+ print\(part\.g\(f\(1\)\)\)\n\+     y = x \+ 1\n\+     return y\n\+     return n \* 2\n$`},
		"with numbers": {[]string{"--xtrace=numbers", "app.py"},
			`^\+ \[     1\] import part\n\+ \[part\.py:1\] def g\(n\):\n\+ \[     4\] def f\(x\):\n\+ \[     9\] print\(part\.g\(f\(1\)\)\)\n\+ \[     5\]     y = x \+ 1\n\+ \[     6\]     return y\n\+ \[part\.py:2\]     return n \* 2\n$`},
		"of all files": {[]string{"--xtrace=all", "app.py"},
			`(?s)\+ \[                          app\.py:1     \] import part\n.*\+ \[                         part\.py:2     \]     return n \* 2\n`},
		"of the standard library too": {[]string{"--xtrace=all", "library.py"}, `(?s)\+ \[                      library\.py:1     \] import textwrap\n.*\+ \[[^]]*textwrap\.py:\d+ *\] def dedent\(`},
		"not of it otherwise":         {[]string{"--xtrace=numbers", "library.py"}, `^\+ \[     1\] import textwrap\n\+ \[     2\] textwrap\.dedent\("a"\)\n$`},
		"of children":                 {[]string{"--xtrace", "child.py"}, `(?s)^\+ import subprocess, sys\n\+ subprocess\.run.*\+ def g\(n\):\n`},
		"up to a limit":               {[]string{"--xtrace", "--max-events", "2", "app.py"}, `^\+ import part\n\+ def g\(n\):\nMAX_EVENTS reached \(2\)\n$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := p.trace(t, c.args...)
			if !regexp.MustCompile(c.want).MatchString(got.stderr) {
				t.Errorf("standard error:\n%.3000s\nwant:\n%s", got.stderr, c.want)
			}
		})
	}
}

// The silent swallower, with a configuration and a log of PyTrace Autopsy's.
func TestTraceConfigOfTargets(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{
		"src/settings.py": `def read(path):
    return {"database": "x"}


def validate(config):
    missing = [k for k in ("api_key", "port") if k not in config]
    if missing:
        raise ValueError("Missing required config fields: %s" % missing)


def load(path, defaults=None):
    defaults = defaults or {}
    try:
        config = read(path)
        validate(config)
        return config
    except Exception:
        return defaults
`,
		"test_settings.py": "import sys\nsys.path.insert(0, 'src')\nimport settings\nprint(settings.load('/tmp/x.json'))\n",
	})
	config := map[string]any{
		"trace_targets": map[string]any{"paths": []string{p.dir + "/src"}, "modules": []string{}, "functions": []string{"read", "validate", "load"}},
		"output":        map[string]any{"log_file": "$TRACE_DIR/log.jsonl", "max_entries": 1000},
	}
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "trace_config.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	got := p.trace(t, "--quiet", "--trace-config", "trace_config.json", "test_settings.py")
	if got.code != 0 || got.stdout != "{}\n" || got.stderr != "" {
		t.Errorf("%+v", got)
	}
	type line struct {
		Event  string            `json:"event"`
		Call   int               `json:"call_id"`
		Parent int               `json:"parent_id"`
		Depth  int               `json:"depth"`
		Func   string            `json:"func"`
		Args   map[string]string `json:"args"`
		Return *string           `json:"return_value"`
		Type   string            `json:"exc_type"`
		Value  string            `json:"exc_value"`
	}
	var story []string
	for _, text := range strings.Split(strings.TrimSpace(p.read(t, "log.jsonl")), "\n") {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		s := fmt.Sprintf("%d %s %s", l.Depth, l.Event, l.Func)
		switch {
		case l.Event == "call":
			s += fmt.Sprint(" ", l.Args, " under ", l.Parent)
		case l.Return != nil:
			s += " " + *l.Return
		default:
			s += " " + l.Type + " " + l.Value
		}
		story = append(story, s)
	}
	message := `ValueError("Missing required config fields: ['api_key', 'port']")`
	want := []string{
		"0 call load map[defaults:None path:'/tmp/x.json'] under 0", "1 call read map[path:'/tmp/x.json'] under 1", "1 return read {'database': 'x'}",
		"1 call validate map[config:{'database': 'x'}] under 1", "1 exception validate ValueError " + message, "0 exception load ValueError " + message, "0 return load {}",
	}
	if strings.Join(story, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log tells:\n%s\nwant:\n%s", strings.Join(story, "\n"), strings.Join(want, "\n"))
	}
}

func TestTraceConfigOfOptions(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{
		"app.py":   "import noise\n\n\ndef total(price):\n    tax = price * 0.08\n    if tax > 5:\n        tax = 5\n    return price + tax\n\n\ndef test_it():\n    return total(100)\n\n\nnoise.make()\ntest_it()\n",
		"noise.py": "def make():\n    pass\n",
		"c.json": `{"trace_functions": true, "trace_variables": true, "trace_control_flow": true, "trace_exceptions": true,
			"exclude_patterns": ["test_", "__"], "exclude_modules": ["noise"], "max_string_length": 100, "max_call_depth": 20,
			"max_trace_size_mb": 10, "buffer_size": 1000, "async_write": true}`,
		"bad.json": `{"trace_functions": true, "trace_everything": true}`,
	})
	got := p.trace(t, "--quiet", "--trace-config", "c.json", "--out", "t.jsonl", "app.py")
	if got.code != 0 || !strings.Contains(got.stderr, "buffer_size is not needed") || !strings.Contains(got.stderr, "async_write is not needed") {
		t.Errorf("%+v", got)
	}
	trace := p.load(t, "t.jsonl")
	assigned, branches := "", 0
	for r := range trace.All() {
		for _, v := range r.Assigned() {
			assigned += fmt.Sprintf("%s=%s ", v.Name, v.Value.Text)
		}
		if r.Kind == wire.KindBranch {
			branches++
		}
	}
	if called(trace) != "<module> total" || !strings.Contains(assigned, "tax=8.0 ") || !strings.Contains(assigned, "tax=5 ") || branches != 1 {
		t.Errorf("functions %q, assigned %q, %d branches", called(trace), assigned, branches)
	}
	if got := p.trace(t, "--trace-config", "bad.json", "app.py"); got.code == 0 || !strings.Contains(got.stderr, `bad.json: unknown field "trace_everything"`) {
		t.Errorf("an unknown key: %+v", got)
	}
}

func TestRedactionCoversWhatIsKeptAndShown(t *testing.T) {
	t.Parallel()
	const secret = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	p := newTraceProject(t, map[string]string{
		"app.py": "def login(token, user):\n    return user\n\n\nlogin(\"" + secret + "\", \"ann@example.com\")\n",
		"key":    strings.Repeat("k", 32), "short": "k",
	})
	got := p.trace(t, "--redact", "key", "--out", "t.jsonl", "--breakpoint", "app.py:2", "app.py")
	kept := p.read(t, "t.jsonl")
	for _, text := range []string{kept, got.stdout} {
		if strings.Contains(text, secret) || strings.Contains(text, "ann@example.com") || !strings.Contains(text, "login") {
			t.Errorf("not redacted, or nothing there: %s", text)
		}
	}
	if !strings.Contains(got.stdout, `{"breakpoint": "app.py:2"`) {
		t.Errorf("no snapshot: %+v", got)
	}
	if got := p.trace(t, "--redact", "short", "app.py"); got.code != 1 || !strings.Contains(got.stderr, "32 bytes") {
		t.Errorf("a short key: %+v", got)
	}
}

func TestTheProjectIsNotTouched(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, samples)
	p.trace(t, "calls.py", "--calls")
	var left []string
	for _, e := range entries(t, p.dir) {
		if samples[e] == "" {
			left = append(left, e)
		}
	}
	if len(left) > 0 {
		t.Errorf("left in the project: %v", left)
	}
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
