package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
)

func TestAQuestionHasTheBehavioursSideBySide(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "till.py"), []byte("x = 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	returns := func(values ...string) (all []language.Answer) {
		for _, v := range values {
			all = append(all, language.Answer{End: language.Returned, Type: "int", Value: v, Literal: v})
		}
		return all
	}
	refuses := language.Answer{End: language.Raised, Type: "till.NotForSale", Message: "crate"}
	rival := func(change, path string, answers []language.Answer) survivor {
		return survivor{language.Rival{Overlay: patch.Overlay{"till.py": []byte("x = 1 # " + change + "\n")}, Change: change, Path: path}, answers}
	}
	constant := func(change string, answers []language.Answer) survivor {
		s := rival(change, "till.py", answers)
		s.Value = true
		return s
	}
	const call = "ring_up({'crate': 1})"
	for name, tt := range map[string]struct {
		base    string // what it answers to the third call
		rivals  []survivor
		text    string
		answers []string // of the options
		calls   int      // that they are compared by
		says    string   // of A
	}{
		"what is left of the contest": {"45", []survivor{
			rival("+ → -", "till.py", returns("1", "126", "45")), rival("a deposit", "", returns("150", "275", "45")), rival("refused", "", []language.Answer{refuses, refuses, returns("45")[0]}),
		}, "What should " + call + " answer?", []string{"returns 0", "returns 150", "raises till.NotForSale: crate", "returns 1"}, 1, ""},
		"constants that nothing near the call supports are one line": {"45", []survivor{
			constant("0 → 1", returns("1", "126", "45")), constant("0 → -1", returns("-1", "124", "45")), rival("a deposit", "", returns("150", "275", "45")),
		}, "What should " + call + " answer?", []string{"returns 0", "returns 150"}, 1,
			"; with another constant, which nothing near the call supports: 0 → 1 returns 1, 0 → -1 returns -1"},
		"a constant with which the call answers as another one does is an option, before an operator with which it does not": {"45", []survivor{
			rival("+ → -", "till.py", returns("-5", "126", "45")), constant("0 → 45", returns("45", "126", "45")),
		}, "What should " + call + " answer?", []string{"returns 0", "returns 45", "returns -5"}, 1, ""},
		"a constant that keeps what the patch changes is an option": {"44", []survivor{constant("45 → 46", returns("0", "125", "44"))},
			"Which is right?", []string{"returns 0", "returns 0"}, 1, ""},
		"alike at the call, otherwise near it": {"45", []survivor{rival("twice", "", returns("0", "250", "45"))},
			"Which is right?", []string{"returns 0", "returns 0"}, 1, ""},
		"equal behaviours are one option": {"45", []survivor{rival("a deposit", "", returns("150", "275", "45")), rival("a deposit too", "", returns("150", "275", "45"))},
			"What should", []string{"returns 0", "returns 150"}, 1, ""},
		"no rival": {"45", nil, "What should " + call + " answer?", []string{"returns 0"}, 0, ""},
	} {
		j := &verification{
			v: &Verifier{}, base: patch.Dir(dir), head: returns("0", "125", "45"), surviving: tt.rivals, diff: "the patch",
			in:      Input{Patch: patch.Patch{Why: "left out"}},
			near:    &language.Neighbourhood{Calls: []language.Call{{Shown: call}, {Shown: "ring_up({'milk': 1, 'crate': 1})"}, {Shown: "ring_up({'apple': 1})"}}, Answers: []language.Answer{refuses, refuses, returns(tt.base)[0]}},
			grounds: []behaviour.Ground{{Name: "rivals", Effect: behaviour.Lowers, Evidence: "one behaviour more passes the test"}},
		}
		q := j.question()
		var answers []string
		for i, o := range q.Options {
			answers = append(answers, o.Answer)
			if o.Key != string(rune('A'+i)) || len(o.Changes) != tt.calls || o.Standing == "" || o.Diff == "" || (o.Literal == "") != (o.Raises != "") {
				t.Errorf("%s: option %d is %+v", name, i, o)
			}
		}
		if !strings.HasPrefix(q.Text, tt.text) || strings.Join(answers, ", ") != strings.Join(tt.answers, ", ") {
			t.Errorf("%s: got %q with %q, want %q with %q", name, q.Text, answers, tt.text, tt.answers)
		}
		if says := q.Options[0].Standing; !strings.Contains(says, "one behaviour more passes the test") || !strings.HasSuffix(says, tt.says) {
			t.Errorf("%s: A fares thus: %s", name, q.Options[0].Standing)
		}
	}
}

func TestAPersonOverrulesWhatSpeaksAboutTheCallOnly(t *testing.T) {
	t.Parallel()
	grounds := func() []behaviour.Ground {
		return []behaviour.Ground{{Name: "history", Effect: behaviour.Rejects}, {Name: "witness", Effect: behaviour.Lowers}, {Name: "preserved", Effect: behaviour.Rejects}, {Name: "documented", Effect: behaviour.Supports}}
	}
	effects := func(j *verification) (s string) {
		for _, g := range j.overruled(grounds()) {
			s += string(g.Effect) + " "
		}
		return s
	}
	if got := effects(&verification{}); got != "rejects lowers rejects supports " {
		t.Errorf("nobody has decided: %s", got)
	}
	if got := effects(&verification{in: Input{Grounds: []behaviour.Ground{{Name: Person, Effect: behaviour.Establishes}}}}); got != "shown shown rejects supports " {
		t.Errorf("a person has decided: %s", got)
	}
}
