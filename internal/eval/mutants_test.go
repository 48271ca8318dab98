package eval

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/verify"
)

// A toy is a language of files that say what their program answers: "3" to
// every call. The test fails with "0".
type toy struct {
	language.Language
	made []string // mutants
}

func (y toy) Mutants(_ context.Context, p language.Probe, limit int) (list []language.Rival, err error) {
	for _, text := range y.made[:min(limit, len(y.made))] {
		list = append(list, language.Rival{Overlay: patch.Overlay{"a.toy": []byte(text)}, Path: "a.toy", Line: 1, Change: string(p.Overlay["a.toy"]) + " → " + text})
	}
	return list, nil
}

func (y toy) Neighbours(context.Context, language.Probe) (*language.Neighbourhood, error) {
	return &language.Neighbourhood{Calls: make([]language.Call, 2)}, nil
}

func (y toy) Compete(_ context.Context, _ language.Probe, overlays []patch.Overlay, calls []language.Call) (all [][]language.Answer, err error) {
	for _, o := range overlays {
		all = append(all, slices.Repeat([]language.Answer{{End: language.Returned, Value: strings.TrimSpace(string(o["a.toy"]))}}, len(calls)))
	}
	return all, nil
}

func (y toy) Run(_ context.Context, req testrun.Request) (*testrun.Result, error) {
	status := testrun.Passed
	if string(req.Overlay["a.toy"]) == "0" {
		status = testrun.Failed
	}
	return &testrun.Result{Cause: sandbox.Exited, Tests: []testrun.Outcome{{Status: status}}}, nil
}

func TestMutantsPassTheTestAndChangeAnAnswer(t *testing.T) {
	t.Parallel()
	y := toy{made: []string{"3 ", "0", "4", "5", "6"}} // the same answer, the test fails, and three that count
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.toy": "2"})
	m := &measuring{
		Evaluation: &Evaluation{Mutants: 2}, mutator: y,
		pipeline: &pipeline.Pipeline{Language: y, Verifier: &verify.Verifier{Prober: y}},
	}
	seen := &red{probe: func(candidate) language.Probe { return language.Probe{Tree: dir} }}
	right := candidate{label: "R1 three", key: "k", patch: patch.Patch{Edits: []patch.Edit{{Path: "a.toy", Search: "2", Replace: "3"}}}}
	list, err := m.changed(t.Context(), seen, right)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range list {
		overlay, err := patch.Apply(patch.Dir(dir), c.patch)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(overlay["a.toy"]))
		if c.kind != Mutant || c.key != "k" || !strings.HasSuffix(c.label, " [R1 three]") {
			t.Errorf("got %+v", c)
		}
	}
	if strings.Join(got, " ") != "4 5" {
		t.Errorf("got %q, want the first two that count, 4 and 5", got)
	}
}

func TestWhichAnswersDiffer(t *testing.T) {
	t.Parallel()
	answer := language.Answer{End: language.Returned, Type: "int", Value: "3"}
	for name, tt := range map[string]struct {
		change func(*language.Answer)
		want   bool
	}{
		"the same answer":         {func(*language.Answer) {}, false},
		"another value":           {func(a *language.Answer) { a.Value = "4" }, true},
		"an exception":            {func(a *language.Answer) { a.End, a.Value, a.Type = language.Raised, "", "KeyError" }, true},
		"other output":            {func(a *language.Answer) { a.Output = "x" }, true},
		"other files":             {func(a *language.Answer) { a.Files = "x" }, true},
		"another message":         {func(a *language.Answer) { a.Message = "x" }, false},
		"other state":             {func(a *language.Answer) { a.State = "x" }, false},
		"one that does not end":   {func(a *language.Answer) { a.End, a.Value = language.Slow, "" }, false},
		"one that varies":         {func(a *language.Answer) { a.Value, a.Varies = "4", true }, false},
		"one that cannot be read": {func(a *language.Answer) { a.End, a.Value = language.Opaque, "" }, false},
	} {
		other := answer
		tt.change(&other)
		if got := differ([]language.Answer{answer, answer}, []language.Answer{answer, other}); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}
