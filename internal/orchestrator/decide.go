package orchestrator

import (
	"context"
	"encoding/json"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/verify"
)

// Decide answers the question of a run that stopped undecided, in one
// transaction with the job that resumes it; by says who answers.
// fault.NotFound when there is no such run, fault.Invalid when it does not wait
// for an answer or the choice is none.
func Decide(ctx context.Context, db *postgres.DB, id string, choice pipeline.Choice, by string) (d pipeline.Decision, err error) {
	run, err := db.Run(ctx, id)
	if err != nil {
		return d, err
	}
	if run.Finished == nil || !waits(run) {
		return d, fault.Errorf(fault.Invalid, "run %s does not wait for an answer", id)
	}
	var c pipeline.Case
	artifacts, err := db.Artifacts(ctx, id)
	if err == nil {
		err = c.Restore(artifacts)
	}
	if err != nil {
		return d, err
	}
	var q *verify.Question
	if c.Verdict != nil {
		q = c.Verdict.Question
	}
	if d, err = pipeline.Decide(q, choice, by, time.Now()); err != nil {
		return d, err
	}
	content, err := json.Marshal(append(c.Decisions, d))
	if err != nil {
		return d, err
	}
	entry := map[string]any{"stage": pipeline.Repair, "by": d.By, "kind": d.Kind, "key": d.Key, "answer": d.Told(q)}
	if d.Patch != nil {
		entry["patch"] = d.Patch.ID()
	}
	if q != nil {
		entry["question"] = q.Text
	}
	return d, db.Resume(ctx, id, postgres.Resumption{
		Stop: string(fault.Undecided), Fence: run.Fence, State: pipeline.BeforeRepair, Stage: pipeline.Repair,
		Artifact: pipeline.ArtifactDecisions, Content: content, Entry: entry,
	})
}

// Question is the question that a run's verdict asks; nil if it asks none.
func Question(ctx context.Context, db *postgres.DB, id string) (*verify.Question, error) {
	content, err := db.Artifact(ctx, id, pipeline.ArtifactVerdict)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	var v verify.Verdict
	if err == nil {
		err = json.Unmarshal(content, &v)
	}
	return v.Question, err
}

// waits reports whether a run stopped with a question.
func waits(run *postgres.Run) bool {
	var stop fault.Stop
	return json.Unmarshal(run.Stop, &stop) == nil && stop.Type == fault.Undecided
}
