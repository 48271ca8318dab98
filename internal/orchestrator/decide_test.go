package orchestrator_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/orchestrator"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/postgres/pgtest"
	"github.com/repaird/repaird/internal/verify"
)

// askingStages ask a question until it has an answer.
type askingStages struct {
	mu   sync.Mutex
	seen []string
	got  pipeline.Decisions
}

func (s *askingStages) Do(_ context.Context, stage string, c *pipeline.Case) ([]pipeline.Artifact, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, stage)
	if s.got = c.Decisions; stage != "verify" || len(c.Decisions) > 0 {
		return nil, nil
	}
	content, err := json.Marshal(verify.Verdict{Decision: verify.Asked, Question: &verify.Question{
		Kind: verify.AskAnswer, Text: "What should quote(weight=25) answer?", Options: []verify.Option{
			{Key: "A", Answer: "returns 12", Literal: "12", Patch: patch.Patch{Why: "the last row"}},
			{Key: "B", Answer: "raises shop.TooHeavy", Raises: "shop.TooHeavy", Patch: patch.Patch{Why: "no row"}},
		},
	}})
	if err != nil {
		return nil, err
	}
	return []pipeline.Artifact{{Name: pipeline.ArtifactVerdict, Content: content, SHA256: sha256.Sum256(content)}},
		&fault.Stop{Type: fault.Undecided, Detail: "What should quote(weight=25) answer?", Help: "Answer."}
}

// asking starts a run that ends in a question.
func asking(t *testing.T) (*postgres.DB, *askingStages, string) {
	t.Helper()
	db := pgtest.New(t)
	s := &askingStages{}
	orc, _ := start(t, db, nil, func(o *orchestrator.Options) { o.Stages = s })
	run := accept(t, orc, delivery(1))
	if r := until(t, db, run, ended); r.State != "stopped" {
		t.Fatalf("got %s, want the question", r.State)
	}
	return db, s, run
}

func TestARunGoesOnWithAPersonsAnswer(t *testing.T) {
	t.Parallel()
	db, s, run := asking(t)
	d, err := orchestrator.Decide(ctx, db, run, pipeline.Choice{Key: "b"}, "ann")
	if err != nil || d.Expect.Raises != "shop.TooHeavy" || d.Patch == nil || d.Patch.Why != "no row" {
		t.Fatalf("got %+v, %v", d, err)
	}
	r := until(t, db, run, ended)
	if want := "assemble reproduce repair verify repair verify propose"; r.State != "proposed" || len(r.Stop) != 0 || strings.Join(s.seen, " ") != want {
		t.Errorf("got %s with stop %s after %v, want %s", r.State, r.Stop, s.seen, want)
	}
	if len(s.got) != 1 || s.got[0].By != "ann" || s.got[0].Key != "B" {
		t.Errorf("the stages saw %+v", s.got)
	}
	entries, err := db.Ledger(ctx, run, 0)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		if e.Kind == "decision" {
			lines = append(lines, string(e.Data))
		}
	}
	if len(lines) != 1 || !strings.Contains(lines[0], `"ann"`) || !strings.Contains(lines[0], "option B: raises shop.TooHeavy") || !strings.Contains(lines[0], "What should") || strings.Contains(lines[0], "literal") {
		t.Errorf("the ledger says %v", lines)
	}
	if _, err := postgres.VerifyLedger(run, entries); err != nil {
		t.Error(err)
	}
}

func TestWhatDoesNotAnswerTheQuestionChangesNothing(t *testing.T) {
	t.Parallel()
	db, _, run := asking(t)
	for name, c := range map[string]pipeline.Choice{
		"an option that is not there":   {Key: "C"},
		"nothing":                       {},
		"an option and a value":         {Key: "A", Expect: "12"},
		"permission that nobody wanted": {Key: "yes"},
	} {
		if _, err := orchestrator.Decide(ctx, db, run, c, "ann"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	if _, err := orchestrator.Decide(ctx, db, "run-none", pipeline.Choice{Key: "A"}, "ann"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown run: got %v, want NotFound", err)
	}
	if r, err := db.Run(ctx, run); err != nil || r.State != "stopped" || r.Finished == nil {
		t.Errorf("the run is %+v, %v", r, err)
	}
}

func TestOnlyOneOfTwoAnswersAtOnceCounts(t *testing.T) {
	t.Parallel()
	db, s, run := asking(t)
	errs := make(chan error, 4)
	for i := range cap(errs) {
		go func() {
			_, err := orchestrator.Decide(ctx, db, run, pipeline.Choice{Key: "AB"[i%2 : i%2+1]}, "ann")
			errs <- err
		}()
	}
	accepted := 0
	for range cap(errs) {
		switch err := <-errs; {
		case err == nil:
			accepted++
		case fault.KindOf(err) != fault.Invalid:
			t.Error(err)
		}
	}
	until(t, db, run, ended)
	s.mu.Lock()
	defer s.mu.Unlock()
	if accepted != 1 || len(s.got) != 1 {
		t.Errorf("%d answers were accepted, and the run had %d", accepted, len(s.got))
	}
}
