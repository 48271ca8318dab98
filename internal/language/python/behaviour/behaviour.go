// Package behaviour asks Python code what it answers: to a failing test's call,
// and to calls near it. The program in probe makes variations of the test's own
// source, runs each side in an interpreter of its own that imports the tree
// once, and makes each call in a fork of it. Answers are encoded without the
// program's own code (probe/encode.py).
//
//	p := behaviour.Prober{Backend: backend}
//	near, err := p.Neighbours(ctx, language.Probe{Tree: dir, Env: env, Test: test})
//	head, err := p.Answers(ctx, language.Probe{Tree: dir, Env: env, Test: test, Overlay: overlay}, near.Calls)
package behaviour

import (
	"context"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/language/python/tree"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/store"
)

//go:embed probe/*.py
var files embed.FS

var probe = program.Program{Source: files, Dir: "probe", Main: "main"}

const (
	maxParts      = 200 // of an answer, as probe/encode.py has it
	defaultLimit  = 400
	defaultRivals = 24
	seconds       = 20 // that one side may take for its calls
)

// A Prober runs the program. Safe for concurrent use.
type Prober struct {
	Backend program.Sandbox
	Scratch *store.Scratch // for patched trees; nil is the system's temporary directory
}

var _ language.Prober = Prober{}

// request is what the program reads; which fields it has depends on Ask.
type request struct {
	Ask      string               `json:"ask"`
	Test     testFile             `json:"test"`
	Roots    []string             `json:"roots"`
	Seconds  float64              `json:"seconds"`
	Limit    int                  `json:"limit"`
	Overlay  map[string]*string   `json:"overlay"`  // of rivals: base64, null deletes
	Overlays []map[string]*string `json:"overlays"` //
	Calls    []string             `json:"calls"`    // sources of the test
	Added    map[string][]int     `json:"added"`    // lines of the overlay
}

type testFile struct {
	Path   string `json:"path"`
	Name   string `json:"name"`
	Source string `json:"source"`
}

// Neighbours chooses calls near the test's own and makes them on base.
func (b Prober) Neighbours(ctx context.Context, p language.Probe) (_ *language.Neighbourhood, err error) {
	defer fault.Wrap(&err, "neighbours of the test's call")
	r := requestOf("neighbours", p)
	if r.Limit = p.Limit; r.Limit == 0 {
		r.Limit = defaultLimit
	}
	var near language.Neighbourhood
	if why, err := b.run(ctx, p, r, &near); why != "" || err != nil {
		own := language.Call{Shown: p.Test.Name, Test: p.Test.Source, Partner: -1}
		return &language.Neighbourhood{Calls: []language.Call{own}, Answers: []language.Answer{{End: language.Lost}}, Why: why}, err
	}
	if len(near.Calls) == 0 || len(near.Calls) != len(near.Answers) {
		return nil, fmt.Errorf("%d calls have %d answers", len(near.Calls), len(near.Answers))
	}
	for _, c := range near.Calls {
		if c.Seed < 0 || c.Seed >= len(near.Calls) || c.Partner < -1 || c.Partner >= len(near.Calls) {
			return nil, fmt.Errorf("a call names another that there is not")
		}
	}
	return &near, nil
}

// Answers makes calls on a tree with an overlay.
func (b Prober) Answers(ctx context.Context, p language.Probe, calls []language.Call) (answers []language.Answer, err error) {
	defer fault.Wrap(&err, "answers to %d calls", len(calls))
	r := requestOf("answers", p)
	r.Calls = sources(calls)
	// Head's sandbox has nothing of what the patch replaces: its code cannot ask
	// base what to answer.
	dir, _, remove, err := tree.With(b.Scratch, p.Tree, p.Overlay, patchrules.Steers)
	if err != nil {
		return nil, err
	}
	defer remove()
	p.Tree = dir
	if _, err := b.run(ctx, p, r, &answers); err != nil {
		return nil, err
	}
	return filled(answers, len(calls)), nil
}

// Compete makes calls on several overlays.
func (b Prober) Compete(ctx context.Context, p language.Probe, overlays []patch.Overlay, calls []language.Call) (answers [][]language.Answer, err error) {
	defer fault.Wrap(&err, "answers of %d rivals", len(overlays))
	r := requestOf("compete", p)
	r.Calls = sources(calls)
	for _, o := range overlays {
		r.Overlays = append(r.Overlays, encoded(o))
	}
	if _, err := b.run(ctx, p, r, &answers); err != nil {
		return nil, err
	}
	for len(answers) < len(overlays) {
		answers = append(answers, nil)
	}
	answers = answers[:len(overlays)]
	for i := range answers {
		answers[i] = filled(answers[i], len(calls))
	}
	return answers, nil
}

// Rivals changes one constant, operator or name of the overlay's added lines.
func (b Prober) Rivals(ctx context.Context, p language.Probe) (rivals []language.Rival, err error) {
	defer fault.Wrap(&err, "rivals of the patch")
	r := requestOf("rivals", p)
	r.Overlay = encoded(p.Overlay)
	if r.Limit = p.Limit; r.Limit == 0 {
		r.Limit = defaultRivals
	}
	if r.Added, err = patch.ChangedLines(patch.Dir(p.Tree), p.Overlay); err != nil {
		return nil, err
	}
	var found []struct {
		Path    string `json:"path"`
		Line    int    `json:"line"`
		Change  string `json:"change"`
		Value   bool   `json:"value"`
		Content string `json:"content"`
	}
	if _, err := b.run(ctx, p, r, &found); err != nil {
		return nil, err
	}
	for _, f := range found {
		content, err := base64.StdEncoding.DecodeString(f.Content)
		if _, ok := p.Overlay[f.Path]; err != nil || !ok {
			continue
		}
		overlay := patch.Overlay{}
		for path, old := range p.Overlay {
			overlay[path] = old
		}
		overlay[f.Path] = content
		rivals = append(rivals, language.Rival{Overlay: overlay, Path: f.Path, Line: f.Line, Change: f.Change, Value: f.Value})
	}
	return rivals, nil
}

// run runs the program; why says that it came to no answer.
func (b Prober) run(ctx context.Context, p language.Probe, r request, answer any) (why string, err error) {
	spec := program.Spec{
		Run: p.Run, Env: p.Env, Tree: p.Tree, Beside: true, Answer: 256 << 20,
		Limits: sandbox.Limits{Wall: 4 * seconds * time.Second, CPUs: 2},
	}
	err = probe.Run(ctx, b.Backend, spec, r, answer)
	var failure *program.Failure
	if errors.As(err, &failure) {
		return failure.Error(), nil
	}
	return "", err
}

func requestOf(ask string, p language.Probe) request {
	r := request{
		Ask: ask, Test: testFile{p.Test.Path, p.Test.Name, p.Test.Source}, Roots: p.Env.Roots, Seconds: seconds,
	}
	if len(r.Roots) == 0 {
		r.Roots = []string{"."}
	}
	return r
}

// encoded is an overlay without the files that steer a test runner, as sessions
// have it.
func encoded(o patch.Overlay) map[string]*string {
	out := map[string]*string{}
	for path, content := range o {
		if patchrules.Steers(path) {
			continue
		}
		out[path] = nil
		if content != nil {
			text := base64.StdEncoding.EncodeToString(content)
			out[path] = &text
		}
	}
	return out
}

func sources(calls []language.Call) (sources []string) {
	for _, c := range calls {
		sources = append(sources, c.Test)
	}
	return sources
}

// filled has exactly n answers; those that are missing are lost.
func filled(answers []language.Answer, n int) []language.Answer {
	if len(answers) > n {
		answers = answers[:n]
	}
	for i := range answers {
		answers[i].Parts = answers[i].Parts[:min(len(answers[i].Parts), maxParts)]
	}
	return append(slices.Clone(answers), slices.Repeat([]language.Answer{{End: language.Lost}}, n-len(answers))...)
}
