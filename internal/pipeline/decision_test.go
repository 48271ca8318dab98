package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/verify"
)

func change(why string) patch.Patch {
	return patch.Patch{Why: why, Edits: []patch.Edit{{Path: "till.py", Search: "x", Replace: why}}}
}

var asked = &verify.Question{Kind: verify.AskAnswer, Text: "What should ring_up(basket={'crate': 1}) answer?", Options: []verify.Option{
	{Key: "A", Answer: "returns 0", Literal: "0", Patch: change("left out")},
	{Key: "B", Answer: "raises till.NotForSale", Raises: "till.NotForSale", Patch: change("refused")},
	{Key: "C", Answer: "returns <Receipt>", Patch: change("a receipt")},
}}

func TestAChoiceAnswersTheQuestion(t *testing.T) {
	t.Parallel()
	permission := &verify.Question{Kind: verify.AskPermission, Options: []verify.Option{{Key: "A", Patch: change("import os")}}}
	for name, tt := range map[string]struct {
		question *verify.Question
		choice   Choice
		want     string // the decision, "" refused
	}{
		"an option":                                 {asked, Choice{Key: "A"}, "option A: 0"},
		"an option, in another case":                {asked, Choice{Key: "b"}, "option B: raises till.NotForSale"},
		"an option with its digest":                 {asked, Choice{Key: Reference(asked.Options[1])}, "option B: raises till.NotForSale"},
		"an option that is another by now":          {asked, Choice{Key: "A" + Reference(asked.Options[1])[1:]}, ""},
		"an option without a literal":               {asked, Choice{Key: "C"}, "option C"},
		"a value":                                   {asked, Choice{Expect: "150"}, "150"},
		"an exception":                              {asked, Choice{Raises: "ValueError"}, "raises ValueError"},
		"an option's exception by its bare name":    {asked, Choice{Raises: "NotForSale"}, "raises till.NotForSale"},
		"a value before anything is asked":          {nil, Choice{Expect: "150"}, "150"},
		"an option before anything is asked":        {nil, Choice{Key: "A"}, ""},
		"an option that is not there":               {asked, Choice{Key: "D"}, ""},
		"nothing":                                   {asked, Choice{}, ""},
		"two answers":                               {asked, Choice{Expect: "1", Raises: "ValueError"}, ""},
		"permission":                                {permission, Choice{Key: "Yes"}, "yes"},
		"no permission":                             {permission, Choice{Key: "no"}, "no"},
		"an option where permission is asked":       {permission, Choice{Key: "A"}, ""},
		"a value where permission is asked":         {permission, Choice{Expect: "yes"}, ""},
		"permission where an answer is what counts": {asked, Choice{Key: "yes"}, ""},
	} {
		d, err := Decide(tt.question, tt.choice, "ann", time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC))
		switch {
		case tt.want == "" && fault.KindOf(err) != fault.Invalid:
			t.Errorf("%s: got %v, %v, want Invalid", name, d, err)
		case tt.want != "" && (err != nil || d.String() != tt.want || d.By != "ann"):
			t.Errorf("%s: got %s by %s, %v, want %s", name, d, d.By, err, tt.want)
		}
	}
}

func TestAReferenceIsOfTheAnswerAndThePatch(t *testing.T) {
	t.Parallel()
	o := verify.Option{Key: "A", Answer: "returns 0", Literal: "0", Patch: change("left out")}
	for name, other := range map[string]struct {
		option verify.Option
		same   bool
	}{
		"told in other words": {verify.Option{Key: "A", Answer: "returns zero", Literal: "0", Patch: change("left out"), Standing: "every gate holds"}, true},
		"another answer":      {verify.Option{Key: "A", Answer: "returns 0", Literal: "1", Patch: change("left out")}, false},
		"an exception":        {verify.Option{Key: "A", Answer: "returns 0", Raises: "ValueError", Patch: change("left out")}, false},
		"another patch":       {verify.Option{Key: "A", Answer: "returns 0", Literal: "0", Patch: change("refused")}, false},
	} {
		if got := Reference(other.option); (got == Reference(o)) != other.same || len(got) != len("A-3f2a") {
			t.Errorf("%s: got %s beside %s", name, got, Reference(o))
		}
	}
}

// accepting is a judge that accepts one patch, and notes what it was asked.
type accepting struct {
	why, gate string
	seen      []string
}

func (j *accepting) Judge(_ context.Context, p patch.Patch) (*repair.Assessment, error) {
	j.seen = append(j.seen, p.Why)
	if p.Why == j.why {
		return &repair.Assessment{Accepted: true, Patch: p}, nil
	}
	return &repair.Assessment{Gate: j.gate, Feedback: "passed in 1 of 1 with " + credential + strings.Repeat(" x", maxFeedback)}, nil
}

func TestADecisionTriesTheCandidatesThatAreKnown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		choice   Choice
		accepted string // of the candidates, by the judge
		gate     string // at which it refuses the others
		seen     string // the candidates tried, in order
		want     string // the result's patch, "" none
		stop     fault.StopType

		unasserted bool // the test does not assert the answer, although it has a literal
	}{
		"the chosen option comes first":                          {Choice{Key: "B"}, "refused", verify.HeadGreen, "refused", "refused", "", false},
		"the others follow":                                      {Choice{Key: "B"}, "a deposit", verify.HeadGreen, "refused, left out, a receipt, a deposit", "a deposit", "", false},
		"an option without a literal is the only one":            {Choice{Key: "C"}, "left out", verify.HeadGreen, "a receipt", "", fault.Undecided, false},
		"an option without a literal is taken":                   {Choice{Key: "C"}, "a receipt", verify.HeadGreen, "a receipt", "a receipt", "", false},
		"so is an option that the test cannot assert":            {Choice{Key: "B"}, "refused", verify.HeadGreen, "refused", "refused", "", true},
		"or that one is, and no other":                           {Choice{Key: "B"}, "left out", verify.HeadGreen, "refused", "", fault.Undecided, true},
		"a value is sought among all":                            {Choice{Expect: "150"}, "a deposit", verify.HeadGreen, "left out, refused, a receipt, a deposit", "a deposit", "", false},
		"none gives it, and the proposer has to":                 {Choice{Expect: "7"}, "", verify.HeadGreen, "left out, refused, a receipt, a deposit", "", "", false},
		"base gives it already: it does not tell what is broken": {Choice{Raises: "TypeError"}, "", verify.BaseSHA, "left out", "", fault.Undecided, false},
	} {
		d, err := Decide(asked, tt.choice, "ann", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		j := &accepting{why: tt.accepted, gate: tt.gate}
		a := &at{&Pipeline{}, &Job{Run: "run-1", Project: Project{RedactKey: make([]byte, 32)}}}
		got, err := a.decided(t.Context(), Wanted{Red: Red{Decisions: Decisions{d}, Pinned: &Pinned{Decided: !tt.unasserted && !d.Expect.IsZero()}}, Asked: asked, Tried: &repair.Result{
			Patch: change("left out"), Alternatives: []patch.Patch{change("refused"), change("a deposit")}, Attempts: make([]repair.Attempt, 2),
		}}, j)
		why := ""
		if got != nil {
			why = got.Patch.Why
		}
		if seen := strings.Join(j.seen, ", "); seen != tt.seen || why != tt.want {
			t.Errorf("%s: tried %q and got %q, want %q and %q", name, seen, why, tt.seen, tt.want)
		}
		if stop := fault.AsStop(err); (stop != nil) != (tt.stop != "") || stop != nil && stop.Type != tt.stop || stop == nil && err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		if got != nil && len(got.Attempts) != 2+len(j.seen) {
			t.Errorf("%s: %d attempts are recorded", name, len(got.Attempts))
		}
		if got != nil {
			for _, attempt := range got.Attempts {
				if strings.Contains(attempt.Feedback, credential) || len(attempt.Feedback) > maxFeedback+len("…") {
					t.Errorf("%s: stored is %s", name, attempt.Feedback)
				}
			}
		}
	}
}

func TestPermissionIsForThePatchThatWasShown(t *testing.T) {
	t.Parallel()
	q := &verify.Question{Kind: verify.AskPermission, Options: []verify.Option{{Key: "A", Patch: change("smaller")}}}
	a := &at{&Pipeline{}, &Job{Run: "run-1", Project: Project{RedactKey: make([]byte, 32)}}}
	for answer, want := range map[string]string{"yes": "smaller", "no": ""} {
		d, err := Decide(q, Choice{Key: answer}, "ann", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ds := Decisions{d}
		got, err := a.decided(t.Context(), Wanted{Red: Red{Decisions: ds}, Asked: q, Tried: &repair.Result{Patch: change("whole")}}, &accepting{})
		if want != "" && (err != nil || got.Patch.Why != want || ds.permitted() != got.Patch.ID()) {
			t.Errorf("%s: got %+v, %v", answer, got, err)
		}
		if stop := fault.AsStop(err); want == "" && (stop == nil || stop.Type != fault.Policy || ds.permitted() != "") {
			t.Errorf("%s: got %+v, %v", answer, got, err)
		}
	}
}

// pinning is a language of which only Pin is known.
type pinning struct {
	language.Language
	asserts string
	err     error
}

func (p pinning) Pin(_ context.Context, q language.Pin) (language.Pinned, error) {
	q.Test.Source += "# " + q.Mark + "\nassert " + q.Expect.Literal + q.Expect.Raises + "\n"
	return language.Pinned{Test: q.Test, Asserts: p.asserts}, p.err
}

func TestAPersonsAnswerBecomesTheTestsAssertion(t *testing.T) {
	t.Parallel()
	secret := &verify.Question{Kind: verify.AskAnswer, Options: append(slices.Clone(asked.Options), verify.Option{Key: "S", Literal: "'" + credential + "'", Patch: change("a credential")})}
	at20 := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		language pinning
		choice   Choice
		source   string
		stop     string
	}{
		"a value":                               {pinning{asserts: "the value"}, Choice{Expect: "150"}, "call()\n# Established by ann on 2026-11-20.\nassert 150\n", ""},
		"an option without a literal":           {pinning{asserts: "the value"}, Choice{Key: "C"}, "call()\n", ""},
		"a value that is not a literal":         {pinning{err: fault.Errorf(fault.Invalid, "x( is not a literal")}, Choice{Expect: "x("}, "", "x( is not a literal"},
		"a value that nothing could assert":     {pinning{}, Choice{Expect: "150"}, "", "cannot be asserted"},
		"an option that nothing could assert":   {pinning{}, Choice{Key: "A"}, "call()\n", ""},
		"an option that is a credential":        {pinning{asserts: "the value"}, Choice{Key: "S"}, "call()\n", ""},
		"a value that is a credential":          {pinning{asserts: "the value"}, Choice{Expect: "'" + credential + "'"}, "", "looks like a credential"},
		"a sandbox that fails is not a refusal": {pinning{err: fault.Errorf(fault.Retryable, "engine away")}, Choice{Expect: "1"}, "", "engine away"},
	} {
		d, err := Decide(secret, tt.choice, "ann", at20)
		if err != nil {
			t.Fatal(err)
		}
		a := &at{&Pipeline{Language: tt.language}, &Job{Run: "run-1", Project: Project{RedactKey: make([]byte, 32)}}}
		got, err := a.pinByPerson(t.Context(), testrun.Environment{}, testrun.Test{Source: "call()\n"}, &d)
		switch {
		case tt.stop == "" && (err != nil || got.Test.Source != tt.source || got.By != "ann"):
			t.Errorf("%s: got %+v, %v", name, got, err)
		case tt.stop != "" && (err == nil || !strings.Contains(err.Error(), tt.stop)):
			t.Errorf("%s: got %v, want %q", name, err, tt.stop)
		}
	}
}

func TestWhereProductionsExceptionIsMeantNothingIsRepaired(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		production string
		choice     Choice
		want       bool
	}{
		"production's own exception":                 {"KeyError", Choice{Raises: "KeyError"}, true},
		"production's own, named with its module":    {"NotForSale", Choice{Raises: "till.NotForSale"}, true},
		"another exception":                          {"KeyError", Choice{Raises: "ValueError"}, false},
		"one whose name only ends like production's": {"Error", Choice{Raises: "KeyError"}, false},
		"a value": {"KeyError", Choice{Expect: "150"}, false},
	} {
		d, err := Decide(nil, tt.choice, "ann", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		stop := Red{Reproduction: &repro.Reproduction{Signature: incident.Signature{Type: tt.production}}, Decisions: Decisions{d}}.meant()
		if (stop != nil) != tt.want || stop != nil && (stop.Type != fault.Cancelled || !strings.Contains(stop.Detail, tt.production)) {
			t.Errorf("%s: got %+v", name, stop)
		}
	}
	if stop := (Red{}).meant(); stop != nil {
		t.Errorf("nobody has answered: got %+v", stop)
	}
}

func TestAPersonsAnswerEstablishes(t *testing.T) {
	t.Parallel()
	pinned := &Pinned{Decided: true}
	permitted := Decision{Kind: verify.AskPermission, Patch: &patch.Patch{Edits: change("smaller").Edits}, Permit: true}
	for name, tt := range map[string]struct {
		key       string // of the option, "" nobody has answered
		pinned    *Pinned
		later     Decisions
		candidate string
		want      bool
	}{
		"nothing without an answer":                          {"", nil, nil, "left out", false},
		"every candidate where the test asserts it":          {"A", pinned, nil, "refused", true},
		"the chosen patch where it does not":                 {"C", &Pinned{}, nil, "a receipt", true},
		"no other patch where it does not":                   {"C", &Pinned{}, nil, "left out", false},
		"no other patch where an answer could not be pinned": {"B", &Pinned{}, nil, "left out", false},
		"the part of it that was permitted afterwards":       {"C", &Pinned{}, Decisions{permitted}, "smaller", true},
		"no other patch after a permission":                  {"C", &Pinned{}, Decisions{permitted}, "left out", false},
	} {
		var ds Decisions
		if tt.key != "" {
			d, err := Decide(asked, Choice{Key: tt.key}, "ann", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			ds = append(Decisions{d}, tt.later...)
		}
		grounds := Red{Decisions: ds, Pinned: tt.pinned}.grounds(change(tt.candidate))
		got := len(grounds) > 0 && grounds[0].Name == verify.Person && strings.Contains(grounds[0].Evidence, "ann") && behaviour.StrengthOf(grounds) == behaviour.Established
		if got != tt.want {
			t.Errorf("%s: got %+v", name, grounds)
		}
	}
}

// credential looks like a code host's.
var credential = "ghp_" + strings.Repeat("aB3dE5gH7j", 4)[:36]

func TestWhatAVerdictShowsIsRedacted(t *testing.T) {
	t.Parallel()
	said := "returns " + credential
	difference := []behaviour.Difference{{Call: said, Before: said, After: said}}
	v := &verify.Verdict{
		Call: said, Answer: &language.Answer{End: language.Returned, Value: credential, Message: said, State: said, Output: said, Parts: []language.Part{{Text: said}}},
		Grounds: []behaviour.Ground{{Evidence: said, Examples: difference}}, Gates: []verify.Gate{{Evidence: said}}, Risks: []string{said},
		Question: &verify.Question{Text: said, Options: []verify.Option{{Key: "A", Answer: said, Standing: said, Changes: difference}}},
	}
	shown(v, (&Job{Project: Project{RedactKey: make([]byte, 32)}}).redactor())
	stored, err := json.Marshal(v)
	if err != nil || strings.Contains(string(stored), credential) || strings.Count(string(stored), "returns ") != 17 {
		t.Errorf("stored is %s, %v", stored, err)
	}
	v.Question.Options[0].Literal, v.Question.Options[0].Patch, v.Question.Options[0].Diff = credential, change(credential), credential
	shown(v, (&Job{Project: Project{RedactKey: make([]byte, 32)}}).redactor())
	if o := v.Question.Options[0]; o.Literal != credential || o.Diff != credential || o.Patch.Why != credential {
		t.Errorf("what is applied has changed: %+v", o)
	}
}

func TestTheLedgerIsNotToldAnOptionsSource(t *testing.T) {
	t.Parallel()
	q := &verify.Question{Kind: verify.AskAnswer, Options: []verify.Option{{Key: "A", Answer: "returns <secret>", Literal: credential}}}
	for choice, want := range map[Choice]string{
		{Key: "A"}:                       "option A: returns <secret>",
		{Expect: "150"}:                  "150",
		{Raises: "ValueError"}:           "raises ValueError",
		{Expect: "'" + credential + "'"}: "",
	} {
		d, err := Decide(q, choice, "ann", time.Now())
		if got := d.Told(q); err != nil || strings.Contains(got, credential) || want != "" && got != want {
			t.Errorf("%v: got %q, %v", choice, got, err)
		}
	}
}
