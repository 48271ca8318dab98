package report

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/incident"
)

func TestLeaksFindsWhatWentRoundTheRedactor(t *testing.T) {
	t.Parallel()
	raw := []string{"customer Ada Lovelace of 12 St James's Square, London", "def total(items): return sum(items[:-1])", "short"}
	tree := fstest.MapFS{"shop/cart.py": {Data: []byte("import os\ndef total(items): return sum(items[:-1])\n")}}
	for _, c := range []struct {
		name      string
		published string
		allowed   []string
		want      []string
	}{
		{"nothing of it", "The last item was left out.", nil, nil},
		{"23 characters", "xx customer Ada Lovelace o zz", nil, nil},
		{"24 characters", "xx customer Ada Lovelace of zz", nil, []string{"customer Ada Lovelace of "}},
		{"a longer piece comes whole", "a: Lovelace of 12 St James's Square, b", nil, []string{" Lovelace of 12 St James's Square, "}},
		{"two pieces", "customer Ada Lovelace of 9 | of 12 St James's Square", nil, []string{"customer Ada Lovelace of ", " of 12 St James's Square"}},
		{"in the base tree", "`def total(items): return sum(items[:-1])`", nil, nil},
		{"in the redacted evidence", "customer Ada Lovelace of 12", []string{"customer Ada Lovelace of 12 xxx"}, nil},
	} {
		got, err := Leaks(c.published, raw, c.allowed, tree)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestAPullRequestPublishesNothingButRedactedEvidence(t *testing.T) {
	t.Parallel()
	in := sample(t)
	p := PullRequest(in)
	raw := incident.Event{
		User:  map[string]string{"email": "ada.lovelace@analytical-engine.example", "token": "tok_live_4f9a8b7c6d5e4f3a2b1c0d9e"},
		Extra: []incident.Variable{{Name: "note", Value: incident.Value{Kind: incident.KindRepr, Repr: "'delivered to 12 St James's Square, London'"}}},
	}
	texts := append(EvidenceTexts(raw), EvidenceTexts(in.Bundle.Event)...)
	allowed := append(EvidenceTexts(in.Bundle.Event), in.Repair.Why, in.Reproduction.Output)
	leaks, err := Leaks(p.Body.String()+p.Message.String()+p.Check.Text.String(), texts, allowed, nil)
	if err != nil || len(leaks) != 0 {
		t.Errorf("leaks %q, %v", leaks, err)
	}
	// The check bites: the same page with one raw value in it.
	leaks, err = Leaks(p.Body.String()+raw.User["token"], texts, allowed, nil)
	if err != nil || len(leaks) != 1 || !strings.Contains(leaks[0], "tok_live") {
		t.Errorf("planted value: leaks %q, %v", leaks, err)
	}
}

func TestEvidenceTextsReachesEveryText(t *testing.T) {
	t.Parallel()
	e := incident.Event{
		Message:    "m1",
		Exceptions: []incident.Exception{{Frames: []incident.Frame{{Locals: []incident.Variable{{Name: "n1", Value: incident.Value{Kind: incident.KindDict, Fields: []incident.Variable{{Name: "n2", Value: incident.Value{Kind: incident.KindRepr, Repr: "v2"}}}}}}}}}},
		Tags:       map[string]string{"k3": "v3"},
	}
	got := map[string]bool{}
	for _, s := range EvidenceTexts(e) {
		got[s] = true
	}
	for _, want := range []string{"m1", "n1", "n2", "v2", "k3", "v3"} {
		if !got[want] {
			t.Errorf("%q is missing", want)
		}
	}
}
