package pipeline

import (
	"slices"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/verify"
)

// shown redacts what people read of a verdict: it is stored, and printed on
// pages and in folders. The patches, diffs and literals stay: they are applied
// and asserted.
func shown(v *verify.Verdict, r *redact.Redactor) {
	hide := func(texts ...*string) {
		for _, s := range texts {
			*s = r.Text(*s, nil).String()
		}
	}
	differences := func(ds []behaviour.Difference) []behaviour.Difference {
		ds = slices.Clone(ds)
		for i := range ds {
			hide(&ds[i].Call, &ds[i].Before, &ds[i].After)
		}
		return ds
	}
	hide(&v.Call)
	if v.Answer != nil {
		answer := *v.Answer
		hide(&answer.Value, &answer.Message, &answer.State, &answer.Output)
		answer.Parts = slices.Clone(answer.Parts)
		for i := range answer.Parts {
			hide(&answer.Parts[i].Path, &answer.Parts[i].Text)
		}
		v.Answer = &answer
	}
	v.Grounds = slices.Clone(v.Grounds)
	for i := range v.Grounds {
		hide(&v.Grounds[i].Evidence)
		v.Grounds[i].Examples = differences(v.Grounds[i].Examples)
	}
	for i := range v.Gates {
		hide(&v.Gates[i].Evidence)
	}
	if v.Head != nil {
		for i := range v.Head.Gates {
			hide(&v.Head.Gates[i].Evidence)
		}
	}
	for i := range v.Risks {
		hide(&v.Risks[i])
	}
	if v.Question == nil {
		return
	}
	question := *v.Question
	hide(&question.Text)
	question.Options = slices.Clone(question.Options)
	for i := range question.Options {
		o := &question.Options[i]
		hide(&o.Answer, &o.Standing)
		o.Changes = differences(o.Changes)
	}
	v.Question = &question
}
