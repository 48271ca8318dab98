// Package documents reads what Python source documents about its functions:
// examples after >>> or written as a call and a literal, and exceptions with
// their condition, in docstrings, a README and documents. And it runs the
// examples. The program document/main.py does both, in a sandbox, with only the
// standard library.
//
//	d := documents.Reader{Backend: backend, Overlaid: runner.Overlaid}
//	docs, err := d.Documentation(ctx, probe, lines)
//	outcomes, err := d.Examples(ctx, probe, docs.Examples)
package documents

import (
	"context"
	"embed"
	"errors"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
)

//go:embed document/*.py
var files embed.FS

var document = program.Program{Source: files, Dir: "document", Main: "main"}

// A Reader runs the program. Safe for concurrent use.
type Reader struct {
	Backend program.Sandbox
	// Overlaid returns a directory with a tree and an overlay over it.
	Overlaid func(tree string, overlay patch.Overlay) (dir string, remove func(), err error)
}

var _ language.Documenter = Reader{}

// Documentation implements language.Documenter.
func (r Reader) Documentation(ctx context.Context, p language.Probe, lines map[string][]int) (_ *language.Documentation, err error) {
	defer fault.Wrap(&err, "read documentation")
	request := map[string]any{"read": lines, "roots": p.Env.Roots, "documents": true}
	spec := program.Spec{Run: p.Run, Env: p.Env, Tree: p.Tree, Answer: 4 << 20, Limits: sandbox.Limits{Wall: 30 * time.Second, Processes: 16}}
	var docs language.Documentation
	err = document.Run(ctx, r.Backend, spec, request, &docs)
	if failure := new(program.Failure); errors.As(err, &failure) { // source that crashes the reader documents nothing
		return &language.Documentation{}, nil
	}
	return &docs, err
}

// Examples implements language.Documenter.
func (r Reader) Examples(ctx context.Context, p language.Probe, examples []language.Example) (_ []language.ExampleOutcome, err error) {
	defer fault.Wrap(&err, "run documented examples")
	none := make([]language.ExampleOutcome, len(examples))
	for i := range none {
		none[i].End = language.TooSlow
	}
	if len(examples) == 0 {
		return none, nil
	}
	tree, remove, err := r.Overlaid(p.Tree, p.Overlay)
	if err != nil {
		return nil, err
	}
	defer remove()
	spec := program.Spec{Run: p.Run, Env: p.Env, Tree: tree, Beside: true, Answer: 8 << 20, Limits: sandbox.Limits{Wall: 40 * time.Second}}
	var answer struct {
		Outcomes []language.ExampleOutcome `json:"outcomes"`
	}
	err = document.Run(ctx, r.Backend, spec, map[string]any{"run": examples, "roots": p.Env.Roots}, &answer)
	if failure := new(program.Failure); errors.As(err, &failure) {
		return none, nil
	}
	if err != nil || len(answer.Outcomes) != len(examples) {
		return none, err
	}
	return answer.Outcomes, nil
}
