package repro

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
)

// verbatim are the rules of a language whose messages do not change.
type verbatim struct{ language.Rules }

func (verbatim) Reworded(a, b string) bool { return a == b }
func (verbatim) Exhausts(x string) bool    { return x == "RecursionError" }

func TestFidelityComparesWhatTheEventHas(t *testing.T) {
	t.Parallel()
	mapped := func(path, function string, line int, locals ...incident.Variable) language.Frame {
		return language.Frame{Frame: incident.Frame{File: path, Function: function, Line: line, InApp: true, Locals: locals, HasVars: len(locals) > 0}, Path: path}
	}
	frame := func(path, function string, line int, locals ...incident.Variable) incident.Frame {
		return mapped(path, function, line, locals...).Frame
	}
	x := &incident.Exception{Type: "shop.PricingError", Message: "no rate for 7"}
	frames := []language.Frame{mapped("", "main", 1), mapped("a.py", "f", 2), mapped("a.py", "g", 9, repr("n", "7"), repr("o", "<T object at 0x7f>"), list("l", "1"))}
	now := []incident.Variable{repr("n", "7"), repr("o", "<T object at 0x55>"), list("l", "1")}
	test := incident.Frame{File: "tests/t.py", Function: "t", Line: 1}
	for _, c := range []struct {
		name    string
		outcome testrun.Outcome
		want    Fidelity
	}{
		{"the same", testrun.Outcome{Type: "PricingError", Message: "no rate for 12", Frames: []incident.Frame{test, frame("a.py", "f", 2), frame("a.py", "g", 9, now...)}}, Fidelity{1, 1, 1, 1, 1}},
		{"only the crash frame", testrun.Outcome{Type: "PricingError", Message: "no rate for 7", Frames: []incident.Frame{test, frame("a.py", "g", 9, now...)}}, Fidelity{0.85, 1, 1, 0.5, 1}},
		{"another line and value", testrun.Outcome{Type: "PricingError", Message: "no rate for 7", Frames: []incident.Frame{frame("a.py", "f", 2), frame("a.py", "g", 8, repr("n", "8"), now[1], now[2])}}, Fidelity{0.825, 1, 1, 0.75, 0.5}},
		{"another exception", testrun.Outcome{Type: "TypeError", Message: "no list", Frames: []incident.Frame{frame("a.py", "f", 2)}}, Fidelity{0.15 + 0.032, 0, 0.16, 0.5, 0}},
		{"passed", testrun.Outcome{}, Fidelity{}},
	} {
		got := fidelity(x, frames, c.outcome, verbatim{})
		round := cmp.Comparer(func(a, b float64) bool { return a-b < 0.0011 && b-a < 0.0011 })
		if d := cmp.Diff(c.want, got, round); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	frames[2].HasVars, frames[2].Locals = false, nil
	if got := fidelity(x, frames, testrun.Outcome{Type: "PricingError", Message: "no rate for 7", Frames: []incident.Frame{frame("a.py", "f", 2), frame("a.py", "g", 9)}}, verbatim{}); got.Score != 1 || got.Locals != -1 {
		t.Errorf("without locals: got %+v", got)
	}
}

func TestARecursionsFramesAreFolded(t *testing.T) {
	t.Parallel()
	var frames []language.Frame
	for i := range 1000 {
		frames = append(frames, language.Frame{Frame: incident.Frame{File: "a.py", Function: "f", Line: 2 + i/500}, Path: "a.py"})
	}
	got := folded(frames)
	if len(got) != 3 || got[0].Repeated != 499 || got[1].Repeated != 498 || got[2].Repeated != 0 {
		t.Errorf("got %+v", got)
	}
}
