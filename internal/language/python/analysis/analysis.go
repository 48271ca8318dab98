// Package analysis reads the Python source of a patch: forbidden code that the
// patch adds, handlers and guards that it adds, and which lines are executable.
// The program analyse/main.py does this, in a sandbox, with only the standard
// library; it parses and compiles the source, but does not execute it.
//
//	a := analysis.Analyser{Backend: backend}
//	found, err := a.Analyse(ctx, language.Question{Tree: dir, Env: env, Overlay: overlay})
package analysis

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
)

//go:embed analyse/*.py
var files embed.FS

var analyse = program.Program{Source: files, Dir: "analyse", Main: "main"}

// An Analyser runs the program. Safe for concurrent use.
type Analyser struct{ Backend program.Sandbox }

var _ language.Analyser = Analyser{}

// request is one batch of questions to the program.
type request struct {
	Files     []file             `json:"files"`
	Modules   []string           `json:"modules"`   // names of new modules
	Roots     []string           `json:"roots"`     // source roots relative to the tree
	Stack     []*language.Level  `json:"stack"`     // the callers' levels before it; nil for levels left out
	Outside   int                `json:"outside"`   // of them, how many are the callers'
	Ways      [][]language.Level `json:"ways"`      // each with the callers' levels before it
	Raised    []string           `json:"raised"`    // bare class names
	Refusal   *language.Raise    `json:"refusal"`   // asks about this exception instead of the patch
	Exception string             `json:"exception"` // bare class name
	Test      string             `json:"test"`      // source
}

type file struct {
	Path    string `json:"path"`
	Base    string `json:"base"`
	Head    string `json:"head"`
	Changed []int  `json:"changed"` // lines of head
	Removed []int  `json:"removed"` // lines of base
}

// Analyse reads both sides of a patch.
func (a Analyser) Analyse(ctx context.Context, q language.Question) (_ *language.Analysis, err error) {
	defer fault.Wrap(&err, "analyse the patch")
	r, err := requestOf(q)
	if err != nil {
		return nil, err
	}
	var found language.Analysis
	err = a.run(ctx, q, r, &found)
	var failure *program.Failure
	if errors.As(err, &failure) && failure.Answer == "" {
		// Source that crashes the program is the patch's fault: nothing else
		// was read.
		return &language.Analysis{Violations: []patch.Violation{{Rule: "code-analysis", Detail: fmt.Sprintf(
			"the patched files cannot be analysed (%s, exit code %d): %s", failure.Cause, failure.Exit, program.Tail(failure.Stderr, 300))}}}, nil
	}
	if err != nil {
		return nil, err
	}
	return &found, nil
}

// Refuses says what speaks for an exception in which the test ends on head.
func (a Analyser) Refuses(ctx context.Context, q language.Question, raised language.Raise) (_ *language.Purpose, err error) {
	defer fault.Wrap(&err, "analyse the exception")
	r, err := requestOf(q)
	if err != nil {
		return nil, err
	}
	r.Refusal = &raised
	var found language.Purpose
	err = a.run(ctx, q, r, &found)
	var failure *program.Failure
	if errors.As(err, &failure) && failure.Answer == "" {
		return &language.Purpose{}, nil // nothing speaks for it
	}
	return &found, err
}

func (a Analyser) run(ctx context.Context, q language.Question, r request, answer any) error {
	return analyse.Run(ctx, a.Backend, program.Spec{
		Run: q.Run, Env: q.Env, Tree: q.Tree, Answer: 8 << 20,
		Limits: sandbox.Limits{Wall: 30 * time.Second, Processes: 16},
	}, r, answer)
}

func requestOf(q language.Question) (request, error) {
	base := patch.Dir(q.Tree)
	r := request{Modules: patchrules.NewModules(base, q.Overlay), Exception: q.Exception, Test: q.Test, Roots: q.Env.Roots, Raised: q.Raised}
	callers := q.Callers
	if most := maxLevels / 4; len(callers) > most {
		callers = slices.Concat([]language.Level{{}}, callers[len(callers)-most:]) // nothing is known beyond the first
	}
	r.Stack, r.Outside = trim(slices.Concat(callers, q.Stack)), len(callers)
	for _, way := range q.Ways {
		r.Ways = append(r.Ways, slices.Concat(callers, way))
	}
	changed, err := patch.ChangedLines(base, q.Overlay)
	if err != nil {
		return r, err
	}
	removed, err := patch.RemovedLines(base, q.Overlay)
	if err != nil {
		return r, err
	}
	for _, path := range slices.Sorted(maps.Keys(q.Overlay)) {
		if !strings.HasSuffix(path, ".py") {
			continue // data
		}
		before, err := fs.ReadFile(base, path)
		if err != nil {
			before = nil // a new file
		}
		r.Files = append(r.Files, file{Path: path, Base: text(before), Head: text(q.Overlay[path]), Changed: changed[path], Removed: removed[path]})
	}
	return r, nil
}

// maxLevels limits the stack that the program sees; a deeper one is reduced to
// its outermost and innermost parts, with a gap between them.
const maxLevels = 200

func trim(stack []language.Level) []*language.Level {
	trimmed := make([]*language.Level, len(stack))
	for i := range stack {
		if len(stack) <= maxLevels || i < maxLevels/2 || i >= len(stack)-maxLevels/2 {
			trimmed[i] = &stack[i]
		}
	}
	return trimmed
}

// text is a file's content without a byte order mark, which Python accepts in
// files but not in strings.
func text(content []byte) string {
	return string(bytes.TrimPrefix(content, []byte("\ufeff")))
}
