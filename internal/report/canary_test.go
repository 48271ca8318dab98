package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/verify"
)

// planted is an event with values that must not be published.
func planted() (incident.Event, []string) {
	canaries := []string{
		"hunter2-correct-horse-battery", "ada.lovelace@analytical-engine.example", "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8",
		"4111 1111 1111 1111", "s3ss10n-0f-4d4-l0v3l4c3-in-l0nd0n",
	}
	text := func(name, v string) incident.Variable {
		return incident.Variable{Name: name, Value: incident.Value{Kind: incident.KindRepr, Repr: "'" + v + "'"}}
	}
	return incident.Event{
		ID: "9b1f4f2f6c2f4d0e8a0c6a2d3b4c5d6e", Source: incident.SourceSentry, Platform: "python",
		Exceptions: []incident.Exception{{Type: "ValueError", Message: "login failed", Frames: []incident.Frame{{
			File: "shop/auth.py", Function: "login", Line: 3, InApp: true, HasVars: true,
			Locals: []incident.Variable{text("password", canaries[0]), text("email", canaries[1]), text("card", canaries[3])},
		}}}},
		Request: &incident.Request{
			Method: "POST", URL: "https://shop.example/login",
			Headers: []incident.Header{{Name: "Authorization", Value: "token " + canaries[2]}},
			Cookies: []incident.Header{{Name: "session", Value: canaries[4]}},
		},
	}, canaries
}

// TestCanariesAreNotPublishedWhereverTheyTurnUp lets the code under test and the
// proposer print what production's event held: they are not to be trusted not to.
func TestCanariesAreNotPublishedWhereverTheyTurnUp(t *testing.T) {
	t.Parallel()
	raw, canaries := planted()
	evidence := redactor.Event(raw)
	b, err := bundle.Seal(bundle.Incident{ID: "inc-5d1c0a52b7d94e66", Project: "shop", Fingerprint: "5d1c0a52b7d94e6688aa01c2f00d1234"},
		bundle.Code{Repository: "shop/api", Commit: "4257f44b0ff1181dedaddee43c1f0ff4fce3a011", Language: "python"}, evidence)
	if err != nil {
		t.Fatal(err)
	}
	for i, canary := range canaries {
		for place, plant := range map[string]func(*Input, string){
			"root cause": func(in *Input, s string) { in.Repair.Why = s },
			"output":     func(in *Input, s string) { in.Reproduction.Output = s },
			"diagnosis":  func(in *Input, s string) { in.Diagnosis = s },
			"divergence": func(in *Input, s string) { in.Divergence.Text = s },
			"gate": func(in *Input, s string) {
				in.Verdict.Gates = []verify.Gate{{Name: "suite", Outcome: verify.NotApplied, Evidence: s}}
			},
		} {
			in := sample(t)
			in.Bundle, in.Known = b, evidence.Known()
			plant(&in, fmt.Sprintf("the value was %q here, and %s.\nAgain:\n    x = '%s'\n", canary, canary, canary))
			p := PullRequest(in)
			all := strings.Join([]string{p.Title.String(), p.Body.String(), p.Message.String(), p.Check.Summary.String(), p.Check.Text.String()}, "\n")
			if strings.Contains(all, canary) {
				t.Errorf("canary %d in %s is published", i, place)
			}
			leaks, err := Leaks(all, EvidenceTexts(raw), EvidenceTexts(b.Event), nil)
			if err != nil || len(leaks) > 0 {
				t.Errorf("canary %d in %s: leaks %q, %v", i, place, leaks, err)
			}
		}
	}
}
