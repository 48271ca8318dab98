package tracer_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

// T1, T7: the sitecustomize that ours shadows runs once, whatever it does, and
// sys.path, sys.modules and what the site module prints are as without us.
func TestSitecustomizeGivesWay(t *testing.T) {
	t.Parallel()
	const show = `
import sys
print(sys.path)
print(sorted(m for m in sys.modules if m.endswith("customize")))
try:
    import sitecustomize
    print(sitecustomize.__file__, sorted(vars(sitecustomize)))
except ImportError as e:
    print(type(e), e)
`
	theirs := map[string]string{
		"is absent":             "",
		"is there":              "import sys; print('theirs', sys.path)\nvalue = 1\n",
		"raises":                "print('theirs')\nraise RuntimeError('broken')\n",
		"misses a module":       "print('theirs')\nimport not_there\n",
		"is imported once more": "import sys; print('theirs'); del sys.modules['sitecustomize']\n",
	}
	for name, body := range theirs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tracertest.OnePython(t, tracertest.AnyPythons)
			dir := t.TempDir()
			if body != "" {
				if err := os.WriteFile(filepath.Join(dir, "sitecustomize.py"), []byte(body), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			j := tracertest.Job{Python: p, Files: map[string]string{"prog.py": show}, Tracer: tracertest.Dir(t)}
			bare := j
			bare.Env = []string{"PYTHONPATH=" + dir}
			j.Env = []string{"PYTHONPATH=" + j.Tracer + ":" + dir}
			// The ones of the machine itself are out of the way with an environment of its own.
			want, got := bare.Run(t, false), j.Run(t, true)
			if string(got.Out) != string(want.Out) || string(got.Err) != string(want.Err) || got.Code != want.Code {
				t.Errorf("traced, exit %d:\n%s%s\nbare, exit %d:\n%s%s", got.Code, got.Out, got.Err, want.Code, want.Out, want.Err)
			}
			if !got.Trace.Traced() {
				t.Error("no handshake")
			}
		})
	}
}

// T2: what an interpreter's options do to the tracer, and that a Python that was
// not traced is reported as that.
func TestUntracedPythonsAreReported(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			s := tracertest.Job{Python: p, Files: map[string]string{"prog.py": `
import os, subprocess, sys
def spawn(*options, **more):
    subprocess.check_call([sys.executable] + list(options) + ["-c", "print(%r)" % (options,)], **more)
for options in ("-S",), ("-I",), ("-E", "-s"), ("-s",), ("-O", "-B"):
    spawn(*options)
spawn("-v0" and "-q", env={}) # T4
subprocess.check_call("exit 0", shell=True)
`}}.Same(t)
			var untraced []string
			for _, c := range s.Trace.Untraced() {
				untraced = append(untraced, strings.Join(c.Argv[1:len(c.Argv)-2], " "))
				if c.How != "subprocess" || c.PID == 0 {
					t.Errorf("child %+v", c)
				}
			}
			if got := strings.Join(untraced, "|"); got != "-S|-I|-E -s|-q" {
				t.Errorf("untraced %q", got)
			}
			if len(s.Trace.Processes) != 3 || len(s.Trace.Children()) != 7 {
				t.Errorf("%d processes, want 3; children %+v", len(s.Trace.Processes), s.Trace.Children())
			}
		})
	}
}

// T3: a child Python of another version or kind runs as ever.
func TestOtherPythonsAreNotBroken(t *testing.T) {
	t.Parallel()
	var others []string
	if home, err := os.UserHomeDir(); err == nil {
		others, _ = filepath.Glob(filepath.Join(home, ".pyenv/versions/2.7*/bin/python"))
	}
	for _, name := range []string{"python2.7", "pypy3", "pypy"} {
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "-c", "").Run() == nil {
			others = append(others, path)
		}
	}
	if len(others) == 0 {
		t.Skip("no Python 2.7 and no PyPy on this machine")
	}
	for _, path := range others {
		t.Run(filepath.Base(filepath.Dir(filepath.Dir(path))), func(t *testing.T) {
			t.Parallel()
			j := tracertest.Job{Python: tracertest.Interpreter{Path: path}, Files: map[string]string{"prog.py": "import sys\nprint(sys.version, sys.path)\nsys.exit(3)\n"}}
			bare, traced := j.Run(t, false), j.Run(t, true)
			if string(bare.Out) != string(traced.Out) || string(bare.Err) != string(traced.Err) || traced.Code != 3 {
				t.Errorf("traced, exit %d: %s%s\nbare: %s%s", traced.Code, traced.Out, traced.Err, bare.Out, bare.Err)
			}
		})
	}
}

// The launcher runs a program as the interpreter does. T6 (see also the matrix).
func TestTheLauncherIsLikeTheInterpreter(t *testing.T) {
	t.Parallel()
	const show = `
import sys
def f(n):
    return 10 // n
print(sys.argv, sys.path, __name__, __doc__, __package__, type(__loader__), __spec__ and __spec__.name, sorted(globals()))
print(globals().get("__file__"), sys.modules["__main__"].__dict__ is globals(), sys.excepthook is sys.__excepthook__)
f(1)
`
	files := map[string]string{
		"prog.py":     show,
		"fails.py":    "'''Doc.'''\n" + show + "f(0)\n",
		"syntax.py":   "def f(:\n",
		"exits.py":    "import sys\nsys.exit('with a message')\n",
		"stops.py":    "raise KeyboardInterrupt\n",
		"hook.py":     "import sys\ndef hook(kind, value, tb):\n    while tb: print(tb.tb_frame.f_code.co_filename, tb.tb_lineno); tb = tb.tb_next\nsys.excepthook = hook\n1 / 0\n",
		"chain.py":    "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise KeyError(1)\n",
		"__main__.py": show + "f(0)\n",
	}
	cases := map[string]struct {
		options, args []string
	}{
		"a script":                    {[]string{"-I"}, []string{"prog.py", "a", "-m"}},
		"a script by path, no -I":     {[]string{"-E", "-s"}, []string{"./prog.py"}},
		"a script without site":       {[]string{"-S"}, []string{"prog.py", "--"}},
		"an error":                    {[]string{"-I"}, []string{"fails.py"}},
		"a syntax error":              {[]string{"-I"}, []string{"syntax.py"}},
		"an exit":                     {[]string{"-E"}, []string{"exits.py"}},
		"an interrupt":                {[]string{"-E"}, []string{"stops.py"}},
		"an excepthook":               {[]string{"-I"}, []string{"hook.py"}},
		"an error in a handler":       {[]string{"-I"}, []string{"chain.py"}},
		"a directory":                 {[]string{"-I"}, []string{".", "a"}},
		"a module":                    {[]string{"-E"}, []string{"-m", "prog", "a"}},
		"a failing module":            {[]string{"-E"}, []string{"-mfails"}},
		"a command":                   {[]string{"-I"}, []string{"-c", show + "f(0)", "a"}},
		"a module of the library, -I": {[]string{"-I"}, []string{"-m", "json.tool", "--help"}},
		"no such file":                {[]string{"-I"}, []string{"absent.py"}},
	}
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		for name, c := range cases {
			t.Run(p.Version+"/"+name, func(t *testing.T) {
				t.Parallel()
				j := tracertest.Job{Python: p, Files: files, Options: c.options, Args: c.args}
				if name == "no such file" {
					bare, traced := j.Run(t, false), j.Run(t, true)
					if bare.Code != traced.Code || !strings.Contains(string(traced.Err), "absent.py") {
						t.Errorf("exit %d: %s; bare %d: %s", traced.Code, traced.Err, bare.Code, bare.Err)
					}
					return
				}
				s := j.Same(t)
				// A command's code has no file that could be in scope.
				if n := strings.Count(tracertest.Outline(s.Trace, wire.KindCall), "f(n="); name != "a command" && strings.Contains(string(s.Out), "__main__") && n == 0 {
					t.Error("no calls were recorded")
				}
			})
		}
	}
}

// T15: nothing of ours warns, where warnings are errors, with threads and forks.
func TestWarningsAsErrors(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			tracertest.Job{Python: p, Env: []string{"PYTHONWARNINGS=error", "PYTHONDEVMODE=1"}, Files: map[string]string{"prog.py": `
import os, subprocess, sys, threading
t = threading.Thread(target=print, args=("thread",))
t.start()
t.join()
sys.stdout.flush()
pid = os.fork()
if pid == 0:
    sys.exit(0)
print(os.waitpid(pid, 0)[1], subprocess.call([sys.executable, "-c", "print(1)"]))
`}}.Same(t)
		})
	}
}

// What a program sees of the import system is as without us, also where the
// tracer has its bytecode from one file; and nothing is imported for the tracer
// that programs import, or look for, themselves.
func TestTheImportSystemIsAsWithoutUs(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			j := tracertest.Job{Python: p, Tracer: tracertest.Dir(t), Files: map[string]string{"prog.py": `
import sys
print(sys.path)
print(sys.meta_path, len(sys.path_hooks))
print(sorted(sys.path_importer_cache))
print([n for n in ("threading", "opcode", "re", "json", "collections", "subprocess", "multiprocessing.util") if n in sys.modules])
import importlib.util
importlib.util.find_spec("subprocess") # does not import it
def work(n):
    return n
import threading
t = threading.Thread(target=work, args=(1,), name="a worker")
t.start()
t.join()
import subprocess
subprocess.check_call(["true"])
print(sys.meta_path)
`}}
			j.Run(t, true) // writes that file
			s := j.Same(t)
			if text := tracertest.Outline(s.Trace, wire.KindCall); !strings.Contains(text, "work(n=1)") {
				t.Errorf("the thread's call is missing:\n%s", text)
			}
			if x := s.Trace.Processes[0]; len(x.Threads) != 2 || x.Threads[1] != "a worker" {
				t.Errorf("threads %q", x.Threads)
			}
			if len(s.Trace.Children()) != 1 {
				t.Errorf("children %+v, want 1", s.Trace.Children())
			}
		})
	}
}

// T5: the bytecode of all modules is in one file, which is built once, and rebuilt when a module has changed.
func TestTheBundleFollowsTheModules(t *testing.T) {
	t.Parallel()
	p := tracertest.OnePython(t, tracertest.AnyPythons)
	j := tracertest.Job{Python: p, Tracer: tracertest.Dir(t), Env: []string{"PYTHONDONTWRITEBYTECODE=1"}, Files: map[string]string{"prog.py": "def work(n):\n    return n\nwork(1)\n"}}
	bundle := filepath.Join(j.Tracer, "repaird_tracer", "__pycache__", "repaird.cpython-"+strings.ReplaceAll(p.Version, ".", "")+".bundle")
	var made [3]os.FileInfo
	for i := range made {
		if i == 2 { // a module changes
			writer := filepath.Join(j.Tracer, "repaird_tracer", "writer.py")
			text, err := os.ReadFile(writer)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(writer, append(text, "\nMAX_LINE = 65536\n"...), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s := j.Same(t)
		tracertest.Want(t, tracertest.Outline(s.Trace, wire.KindReturn), "  -> 1\n-> None\n")
		var err error
		if made[i], err = os.Stat(bundle); err != nil {
			t.Fatal(err)
		}
	}
	if !os.SameFile(made[0], made[1]) || os.SameFile(made[1], made[2]) {
		t.Error("the bundle is rebuilt although nothing has changed, or not although a module has")
	}
	// What is broken is not used.
	if err := os.WriteFile(bundle, []byte("broken"), 0o644); err != nil {
		t.Fatal(err)
	}
	tracertest.Want(t, tracertest.Outline(j.Same(t).Trace, wire.KindReturn), "  -> 1\n-> None\n")
}

func TestAProcessIsNamedByTheModuleThatItRuns(t *testing.T) {
	t.Parallel()
	tracertest.EachPython(t, []string{"3.6", "3.7", "3.9", "3.13"}, func(t *testing.T, p tracertest.Interpreter) {
		j := tracertest.Job{Python: p, Args: []string{"-m", "prog", "x", "-m"}, Files: map[string]string{"prog.py": "import sys\nprint(sys.argv[1:])\n"}}
		if got := j.Same(t).Trace.Processes[0].Argv; !slices.Equal(got, j.Args) {
			t.Errorf("arguments %q", got)
		}
	})
}
