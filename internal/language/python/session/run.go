package session

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

//go:embed runner/*.py
var runnerFiles embed.FS

var runner = program.Program{Source: runnerFiles, Dir: "runner"}

const (
	maxOutput = 64 << 10 // bytes of pytest's own output that are kept
	traceDir  = "trace"  // below /out
)

// config is what parent.py and child.py read.
type config struct {
	Python   string            `json:"python"` // "" is the parent's own interpreter
	Dir      string            `json:"dir"`    // working directory of the child
	Root     string            `json:"root"`   // the tree
	Roots    []string          `json:"roots"`
	Env      map[string]string `json:"env"`
	Seed     int               `json:"seed"`
	Script   string            `json:"script"` // in place of child.py
	Wall     float64           `json:"wall"`   // seconds until the parent terminates the session
	Output   int               `json:"output"` // bytes
	Test     string            `json:"test"`   // file of the synthesized test, "" for the suite
	Shown    string            `json:"shown"`  // its path in the repository
	INI      string            `json:"ini"`
	Suite    []string          `json:"suite"`
	First    []string          `json:"first"`    // files whose tests run first
	Watch    map[string][]int  `json:"watch"`    // absolute path → lines
	Canaries []string          `json:"canaries"` // two files
	Trace    *tracer.Config    `json:"trace"`
	Repeats  int               `json:"repeats"` // of the session, by pool.py
	Session  float64           `json:"session"` // seconds until pool.py terminates one of them
}

// Run runs one session. An error means that the session could not be run; a
// failing or forged session is a Result. Without pytest in the environment the
// error's kind is fault.NotFound, and its text has the interpreter's output.
func (r *Runner) Run(ctx context.Context, req testrun.Request) (res *testrun.Result, err error) {
	defer fault.Wrap(&err, "run pytest")
	tree, ignored, cleanup, err := r.materialise(req.Tree, req.Overlay)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	canaries := [2]canary{newCanary(), newCanary()}
	spec, err := specOf(req, tree, canaries)
	if err != nil {
		return nil, err
	}
	ran, err := r.Backend.Run(ctx, spec)
	if err != nil {
		return nil, err
	}
	res = &testrun.Result{Cause: ran.Cause, Wall: ran.Wall, Ignored: ignored}
	if ran.Cause != sandbox.Exited {
		res.Output = tailOf(ran.Stderr)
		return res, nil
	}
	rep, err := openReport(ran.Stdout)
	if err != nil {
		res.Output = tailOf(ran.Stderr)
		res.Forged = fmt.Sprintf("no report from the runner (exit code %d): %v", ran.Exit, err)
		return res, nil
	}
	if err := evaluate(res, rep, req, canaries); err != nil {
		return nil, err
	}
	res.Trace = joinTraces(ran.Artifacts)
	res.Traced = res.Traced && len(res.Trace) > 0
	return res, nil
}

func tailOf(b []byte) string {
	if len(b) > maxOutput {
		b = b[len(b)-maxOutput:]
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// A canary is a test that must fail with a given message.
type canary struct{ name, token string }

func newCanary() canary { return canary{"test_" + random(), random()} }

func random() string {
	b := make([]byte, 12)
	rand.Read(b)
	return "r" + hex.EncodeToString(b)
}

func (c canary) file() string { return path.Join(c.name, c.name+".py") }

func (c canary) source() []byte {
	return fmt.Appendf(nil, "def %s():\n    raise AssertionError(%q)\n", c.name, c.token)
}

// specOf lays a session out in the sandbox:
//
//	/work        the tree
//	/env         the virtual environment
//	/in/runner   the runner and its config.json
//	/in/tracer   the tracer
//	/in/test     the synthesized test and an empty configuration
//	/in/test_r…  the canaries
//	/out/trace   traces
func specOf(req testrun.Request, tree string, canaries [2]canary) (sandbox.Spec, error) {
	limits := req.Limits.WithDefaults()
	cfg := config{
		Python: req.Env.Interpreter, Dir: testrun.Root, Root: testrun.Root, Roots: req.Env.Roots, Env: program.Variables(req.Env.Env),
		Seed: req.Seed, Wall: innerWall(limits.Wall).Seconds(), Output: maxOutput, Suite: req.Suite, First: req.First,
		Canaries: []string{"/in/" + canaries[0].file(), "/in/" + canaries[1].file()},
	}
	if len(cfg.Roots) == 0 {
		cfg.Roots = []string{"."}
	}
	for name, lines := range req.Watch {
		if cfg.Watch == nil {
			cfg.Watch = map[string][]int{}
		}
		cfg.Watch[path.Join(testrun.Root, name)] = lines
	}
	files, err := runner.Files("runner")
	if err != nil {
		return sandbox.Spec{}, err
	}
	for _, c := range canaries {
		files[c.file()] = c.source()
	}
	switch {
	case req.Test != nil && req.Test.Own:
		cfg.Suite = []string{"--", req.Test.ID()}
	case req.Test != nil:
		base := path.Base(req.Test.Path)
		if !strings.HasSuffix(base, ".py") || base == ".py" {
			return sandbox.Spec{}, fault.Errorf(fault.Invalid, "test path %q is not a Python file", req.Test.Path)
		}
		cfg.Test, cfg.Shown, cfg.INI = "/in/test/"+base, req.Test.Path, "/in/test/empty.ini"
		files["test/"+base] = []byte(req.Test.Source)
		files["test/empty.ini"] = []byte("[pytest]\n")
	}
	if req.Trace != nil {
		cfg.Trace = traceOf(*req.Trace, req.Test)
		for name, data := range tracer.Files() {
			files["tracer/"+name] = data
		}
	}
	if files["runner/config.json"], err = json.Marshal(cfg); err != nil {
		return sandbox.Spec{}, err
	}
	spec := sandbox.Spec{
		Run: req.Run, Image: req.Env.Image, Dir: testrun.Root, Files: files, Limits: limits,
		Argv:   []string{program.Interpreter(req.Env), "-I", "-S", "-B", "/in/runner/parent.py"},
		Mounts: program.Mounts(tree, req.Env),
	}
	return spec, nil
}

// traceOf is the tracer's configuration.
func traceOf(t testrun.Tracing, test *testrun.Test) *tracer.Config {
	cfg := &tracer.Config{Include: []string{testrun.Root}, Lines: t.Lines, Out: "/out/" + traceDir}
	switch {
	case test != nil && test.Own && t.TreeOnly:
		cfg.Exclude = []string{path.Join(testrun.Root, test.Path)}
	case !t.TreeOnly:
		cfg.Include = append(cfg.Include, "/in/test")
	}
	return cfg
}

// innerWall leaves the parent time to start and to report before the sandbox
// kills it.
func innerWall(wall time.Duration) time.Duration {
	return wall - min(max(wall/10, 3*time.Second), 6*time.Second, wall/2)
}

// joinTraces concatenates the files of all processes, in the order of their
// names.
func joinTraces(artifacts map[string][]byte) []byte {
	var names []string
	for name := range artifacts {
		if strings.HasPrefix(name, traceDir+"/") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var all []byte
	for _, name := range names {
		all = append(all, artifacts[name]...)
		if n := len(all); n > 0 && all[n-1] != '\n' {
			all = append(all, '\n')
		}
	}
	return all
}

// Command runs the test with the clone's own pytest: the file of a synthesized
// one, which holds no other.
func (r *Runner) Command(t testrun.Test) []string {
	if t.Own {
		return []string{"python", "-m", "pytest", t.ID()}
	}
	return []string{"python", "-m", "pytest", t.Path}
}

// Suite returns the arguments that follow pytest's name in a test command: the
// runner is our own. nil means the whole tree, also for a command that is not
// pytest's.
func (r *Runner) Suite(command []string) []string {
	for i, word := range command {
		if word == "pytest" || word == "py.test" {
			return append([]string{}, command[i+1:]...)
		}
	}
	return nil
}
