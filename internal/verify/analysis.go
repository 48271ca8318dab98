package verify

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// The analyser: standard library only, parses and compiles, executes nothing
// of what it reads.
//
//go:embed analyse/*.py
var analyseFiles embed.FS

// question is what the analyser is asked, in one batch.
type question struct {
	Root      string         `json:"root"` // where the base tree stands
	Files     []questionFile `json:"files"`
	Modules   []string       `json:"modules"`   // names of new modules
	Stack     []*level       `json:"stack"`     // of the failure on base, outermost first; nil for levels left out
	Exception string         `json:"exception"` // bare class name
}

type questionFile struct {
	Path    string `json:"path"`
	Base    string `json:"base"`
	Head    string `json:"head"`
	Changed []int  `json:"changed"`
}

// level is one in-tree level of the failure's stack.
type level struct {
	Path     string `json:"path"`
	Function string `json:"function"` // bare
	Line     int    `json:"line"`
}

// analysis is the analyser's answer.
type analysis struct {
	Violations []patch.Violation            `json:"violations"` // of the policy on code
	Broad      []patch.Violation            `json:"broad"`      // handlers for everything
	Guards     []guard                      `json:"guards"`
	Lines      map[string]map[string][2]int `json:"lines"` // file → executable line → lines of its statement
	Python     string                       `json:"python"`
}

// guard is a construct that the patch adds to a function of the failure's
// stack; analyse/guards.py says what the fields mean.
type guard struct {
	Path       string   `json:"path"`
	Function   string   `json:"function"` // qualified
	Line       int      `json:"line"`     // in head
	Kind       string   `json:"kind"`
	Origin     string   `json:"origin"`
	Documented string   `json:"documented"`
	Roots      []string `json:"roots"`
	Levels     []int    `json:"levels"`    // of the stack, that are this function
	InputAt    []int    `json:"input_at"`  // levels at which the parameters it depends on are parts of the input
	DirectAt   []int    `json:"direct_at"` // those at which it asks about the parameters themselves
	BaseCase   bool     `json:"base_case"`
}

// maxLevels bounds the stack that the analyser sees; of a deeper one the
// outermost and the innermost halves remain, with a gap.
const maxLevels = 200

func trimStack(stack []*level) []*level {
	if len(stack) <= maxLevels {
		return stack
	}
	trimmed := make([]*level, len(stack))
	copy(trimmed, stack[:maxLevels/2])
	copy(trimmed[len(stack)-maxLevels/2:], stack[len(stack)-maxLevels/2:])
	return trimmed
}

// questionOn makes the question about an overlay.
func questionOn(in Input, base fs.FS, overlay patch.Overlay, stack []*level) (question, error) {
	q := question{Root: strings.TrimSuffix(treeRoot, "/"), Modules: patchrules.NewModules(base, overlay), Stack: trimStack(stack), Exception: in.Signature.Type}
	changed, err := patch.ChangedLines(base, overlay)
	if err != nil {
		return q, err
	}
	for _, path := range sorted(overlay) {
		before, err := fs.ReadFile(base, path)
		if err != nil {
			before = nil // a new file
		}
		q.Files = append(q.Files, questionFile{Path: path, Base: source(before), Head: source(overlay[path]), Changed: changed[path]})
	}
	return q, nil
}

// files are the analyser's own and its request.
func (q question) files() (map[string][]byte, error) {
	entries, err := analyseFiles.ReadDir("analyse")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if files["analyse/"+e.Name()], err = analyseFiles.ReadFile("analyse/" + e.Name()); err != nil {
			return nil, err
		}
	}
	files["analyse/request.json"], err = json.Marshal(q)
	return files, err
}

// analyse runs the analyser in a sandbox on the overlay.
func (v *Verifier) analyse(ctx context.Context, in Input, base fs.FS, overlay patch.Overlay, stack []*level) (*analysis, error) {
	q, err := questionOn(in, base, overlay, stack)
	if err != nil {
		return nil, err
	}
	files, err := q.files()
	if err != nil {
		return nil, err
	}
	spec := sandbox.Spec{
		Run: in.Run, Image: in.Env.Image, Files: files, Dir: "/tmp",
		Argv:   []string{interpreter(in.Env), "-I", "-S", "-B", "/in/analyse/main.py"},
		Mounts: []sandbox.Mount{{Host: in.Tree, Target: "/work"}},
		Limits: sandbox.Limits{Wall: 30 * time.Second, Processes: 16, Output: 8 << 20},
	}
	if in.Env.Dir != "" {
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Host: in.Env.Dir, Target: "/env"})
	}
	res, err := v.Runner.Backend.Run(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("analyse the patch: %w", err)
	}
	if res.Cause != sandbox.Exited || res.Exit != 0 {
		// Sources that end the analyser are the patch's fault: nothing else was read.
		return &analysis{Violations: []patch.Violation{{Rule: "code-analysis", Detail: fmt.Sprintf(
			"the patched files cannot be analysed (%s, status %d): %s", res.Cause, res.Exit, tail(res.Stderr, 300))}}}, nil
	}
	var a analysis
	if err := json.Unmarshal(res.Stdout, &a); err != nil {
		return nil, fmt.Errorf("analyse the patch: read the answer: %w", err)
	}
	return &a, nil
}

// source is a file as the analyser gets it: without a byte order mark, which
// Python accepts in files but not in texts.
func source(content []byte) string {
	return string(bytes.TrimPrefix(content, []byte("\ufeff")))
}

// interpreter is the image's own Python where the environment's stands in a
// virtual environment, whose files installed packages have written.
func interpreter(env testrun.Environment) string {
	if env.Interpreter == "" || env.Dir != "" {
		return "python3"
	}
	return env.Interpreter
}

// statement returns the lines of the statement to which an executable line of
// a file belongs; ok is false for lines that cannot execute.
func (a *analysis) statement(path string, line int) (first, last int, ok bool) {
	span, ok := a.Lines[path][strconv.Itoa(line)]
	return span[0], span[1], ok
}

func tail(b []byte, n int) string {
	b = bytes.TrimSpace(b)
	if len(b) > n {
		b = b[len(b)-n:]
	}
	return string(bytes.ToValidUTF8(b, []byte("?")))
}
