// Package verify computes the verdict on a candidate patch. It is model-free:
// base and head are rerun, N times, in fresh sandboxes, with the same command,
// and each gate says with its evidence whether it holds.
//
//	v := verify.Verifier{Session: lang, Analyser: lang, Rules: lang, Prober: lang} // lang is a language
//	verdict, err := v.Judge(ctx, verify.Input{Tree: dir, Env: env, Test: test, Patch: p, Signature: sig})
//	if err == nil && verdict.Decision == verify.Accepted { … } // verdict.Diff is what may be proposed
//
// The gates, in the order in which a Verdict lists them:
//
//	applies       the patch applies, and the policy allows its paths, its texts and the code that it adds
//	base-sha      on base the test fails N of N with the incident's signature
//	head-green    on head it passes N of N; at least one test ran, none was skipped, the session was not forged
//	suite         tests that passed on base, twice, pass on head
//	reverted-fix  with the patch applied and reverted, the test fails as before
//	minimal       every part of the patch is needed: without it the test, the suite or a call near the failing one ends
//	              otherwise; one that is not is dropped, and the rest is verified from the start
//	on-path       the test executed a changed line; the others, where no test of the suite executes them, are risks
//	no-band-aid   the failure is gone because its cause is (see bandaid.go for the rule)
//	same-failure-gone  the green run holds the incident's exception neither escaping nor newly swallowed, and the runs part
//	              in what the patch changes (see gone.go)
//	conditions    called twice by a bare driver, with another home, working directory, place of the tree, seeds, process ids
//	              and clock, the test passes too
//	behaviour     calls near the failing one that base answers are answered on head, the same where they run no changed
//	              line, and the answers that the patch adds vary as base's do (package behaviour has the rules)
//	lint          the repository's own linters and type checkers report no new error in the changed files
//
// They are computed cheapest first. A full verification continues after a
// failed gate, unless the later ones depend on it. What those have run in any
// case is run side by side.
//
// A quick verification (Input.Quick) is feedback for a proposer, never a
// verdict to publish. It stops at the first gate that fails, runs the test once
// on head, and leaves reverted-fix to the full verification.
//
// What a verification learns of a base (runs of the test, two of the suite,
// answers of the calls near the failing one) serves the next one on the same
// tree, test and environment, and so do a head's answers. A full verification
// counts earlier runs of the test on base among its N, but makes at least one
// itself, and all of those on head; it repeats a suite that was cut short with
// less time.
//
// Of the N runs on base and on head the last is made under the tracer, in a
// sandbox of its own. The others share one, each in a process of its own, and
// the first of them finds it fresh (language.Session.Repeat). Traces
// come from the code under test. They can reject a patch but never support it:
// without a trace, on-path fails.
package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/behaviour/history"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

// An Input is what is verified.
type Input struct {
	Run          string
	Tree         string              // host directory of the base commit's tree
	TreeID       string              // names the tree's content, such as its commit; "" where it may change between verifications
	Env          testrun.Environment //
	Test         testrun.Test        // the synthesized test
	Patch        patch.Patch         //
	Signature    incident.Signature  // what base must fail with; File relative to the tree
	Outer        int                 // functions of the tree that were on production's stack outside the one that the test calls
	Callers      []language.Level    // these, outermost first, as far as their files are known
	Suite        []string            // of the repository, as testrun.Request takes it; nil: the whole tree
	Repeats      int                 // N, default 5
	Policy       patch.Policy        // with the rules of the language
	History      history.Source      // of the base commit; nil if there is none
	Alternatives []patch.Patch       // other candidates that the patch has to hold its own against
	Grounds      []behaviour.Ground  // known from elsewhere, such as a person's answer that the test asserts
	Permitted    string              // ID of a patch that may add what the policy leaves to people, because one has permitted it; "" none
	Quick        bool                // feedback for a proposer: see the package comment
	Progress     func(gate string)   // may be nil
}

// A Verdict is the result of verification.
type Verdict struct {
	Decision   Decision           `json:"decision"`
	Strength   behaviour.Strength `json:"strength"`           // how well it is known that the answer is right
	Grounds    []behaviour.Ground `json:"grounds,omitempty"`  // what the strength rests on
	Question   *Question          `json:"question,omitempty"` // where a person has to decide
	Call       string             `json:"call,omitempty"`     // the test's call, as people read it
	Answer     *language.Answer   `json:"answer,omitempty"`   // what it answers with the patch: its end, value, type, parts, literal and message; nil where that is not known
	Refuses    string             `json:"refuses,omitempty"`  // the type of the exception with which the call refuses its input; the test passes once it expects it
	Gates      []Gate             `json:"gates"`              // in order; all of them, also those not reached
	ProofModes []string           `json:"proof_modes"`        // base-sha, reverted-fix, captured-failure
	Patch      patch.Patch        `json:"patch"`              // the patch that was verified in the end, without unneeded hunks
	Diff       string             `json:"diff"`               // unified, of Patch
	Dropped    string             `json:"dropped,omitempty"`  // unified, of what was proposed besides and is not needed
	Risks      []string           `json:"risks,omitempty"`    // what is not known of the patch, a sentence each
	Covered    bool               `json:"covered,omitempty"`  // tests of the suite execute every changed line
	Red        []byte             `json:"-"`                  // trace on base
	Green      []byte             `json:"-"`                  // trace on head
	TestSHA    string             `json:"test_sha256"`
	Head       *Head              `json:"head,omitempty"` // the verdict on the branch's head; nil where that is the commit that failed
}

// A Decision is what a verdict comes to.
type Decision string

// The decisions.
const (
	Accepted Decision = "accepted" // every gate holds, and the answer is at least supported
	Asked    Decision = "asked"    // no gate failed, but a person has to decide
	Rejected Decision = "rejected" // a gate failed, or one was not reached
)

// A Question is what a person has to decide.
type Question struct {
	Kind    QuestionKind `json:"kind"`
	Text    string       `json:"text"`    // What should ring_up(basket=…) answer?
	Options []Option     `json:"options"` // the candidates, side by side
}

// A QuestionKind says what is asked.
type QuestionKind string

// The kinds of questions.
const (
	AskAnswer     QuestionKind = "answer"     // what the call should answer
	AskPermission QuestionKind = "permission" // whether the patch may add a construct that the policy leaves to people
)

// An Option is one candidate behaviour.
type Option struct {
	Key      string                 `json:"key"`     // A, B, …
	Answer   string                 `json:"answer"`  // what the call answers: returns 12, raises ValueError('…')
	Literal  string                 `json:"literal"` // the result as source, "" where it has none
	Raises   string                 `json:"raises"`  // the exception's type, "" where the call returns
	Patch    patch.Patch            `json:"patch"`
	Diff     string                 `json:"diff"`
	Changes  []behaviour.Difference `json:"changes"`  // how it differs from the first option or from base, at most five calls
	Standing string                 `json:"standing"` // how it fares: gates and grounds, in a sentence
}

// A Gate is one question with its answer.
type Gate struct {
	Name     string  `json:"name"`     // applies, base-sha, head-green, suite, reverted-fix, minimal, on-path, no-band-aid, …
	Outcome  Outcome `json:"outcome"`  //
	Evidence string  `json:"evidence"` // one or two sentences with figures
	Millis   int64   `json:"millis"`   // of gates that ran side by side, each has its own time
}

// An Outcome of a gate.
type Outcome string

// The outcomes.
const (
	Held       Outcome = "held"
	Failed     Outcome = "failed"
	NotReached Outcome = "not_reached" // an earlier gate failed
	NotApplied Outcome = "not_applied" // nothing to ask, with the reason in Evidence
)

// The gates' names, in the order of a Verdict.
const (
	Applies         = "applies"
	BaseSHA         = "base-sha"
	HeadGreen       = "head-green"
	Suite           = "suite"
	RevertedFix     = "reverted-fix"
	Minimal         = "minimal"
	OnPath          = "on-path"
	NoBandAid       = "no-band-aid"
	SameFailureGone = "same-failure-gone"
	Conditions      = "conditions"
	Behaviour       = "behaviour"
	Lint            = "lint"
)

// GateNames lists the gates in the order of a Verdict.
var GateNames = []string{Applies, BaseSHA, HeadGreen, Suite, RevertedFix, Minimal, OnPath, NoBandAid, SameFailureGone, Conditions, Behaviour, Lint}

// Failed returns the first gate that failed, nil if none did.
func (v *Verdict) Failed() *Gate {
	for i := range v.Gates {
		if v.Gates[i].Outcome == Failed {
			return &v.Gates[i]
		}
	}
	return nil
}

// A Verifier computes verdicts. Safe for concurrent use.
type Verifier struct {
	Session    language.Session
	Analyser   language.Analyser
	Rules      language.Rules
	Prober     language.Prober
	Documenter language.Documenter // nil: documentation does not count
	Linter     language.Linter     // nil: no checkers are run

	// SuiteWall is the budget for the repository's suite, twice what one run may
	// take; default 5 minutes, in a quick verification at most one.
	SuiteWall time.Duration

	lax   map[string]bool // what this package's tests switch off: policy, code, suite, behaviour
	mu    sync.Mutex
	bases []*keptBase // of quick verifications, the latest last
}

// Judge computes the verdict. An error means that it could not be computed:
// the sandbox failed, or ctx ended. A patch that does not apply or breaks the
// policy is a Verdict.
func (v *Verifier) Judge(ctx context.Context, in Input) (verdict *Verdict, err error) {
	defer fault.Wrap(&err, "verify patch %s", in.Patch.ID())
	if in.Test.Path == "" || in.Test.Name == "" || in.Tree == "" {
		return nil, fault.Errorf(fault.Invalid, "no test or no tree")
	}
	if in.Repeats <= 0 {
		in.Repeats = 5
	}
	var spent time.Duration
	var dropped []patch.Hunk
	for {
		j := newVerification(v, in, dropped)
		smaller, err := j.run(ctx)
		if err != nil {
			return nil, err
		}
		j.of(Minimal).Millis += spent.Milliseconds()
		if smaller == nil {
			return j.verdict()
		}
		spent += j.spent()
		dropped = append(dropped, smaller.dropped...)
		in.Patch = smaller.patch
	}
}

// verdict assembles the gates' results.
func (j *verification) verdict() (*Verdict, error) {
	sum := sha256.Sum256([]byte(j.in.Test.Source))
	verdict := &Verdict{
		Decision: Accepted, Patch: j.in.Patch, Diff: j.diff, TestSHA: hex.EncodeToString(sum[:]),
		Red: j.red.raw, Green: j.green.raw, Risks: j.risks,
	}
	var err error
	if verdict.Dropped, err = j.unneeded(); err != nil {
		return nil, err
	}
	uncovered, err := j.uncovered()
	if err != nil {
		return nil, err
	}
	verdict.Risks = append(verdict.Risks, uncovered...)
	if verdict.Covered, err = j.coveredBySuite(); err != nil {
		return nil, err
	}
	for _, g := range j.gates {
		verdict.Gates = append(verdict.Gates, *g)
		if g.Outcome == Failed || g.Outcome == NotReached {
			verdict.Decision = Rejected
		}
	}
	verdict.Grounds, verdict.Strength = j.grounds, behaviour.StrengthOf(j.grounds)
	switch {
	case verdict.Decision != Accepted || j.in.Quick:
	case len(j.permissions()) > 0:
		verdict.Decision, verdict.Question = Asked, j.permission()
	case !j.v.blind() && verdict.Strength == behaviour.Undetermined:
		verdict.Decision, verdict.Question = Asked, j.question()
	}
	verdict.Call, verdict.Answer = j.answer()
	if j.refused != nil {
		verdict.Refuses = j.refused.signature.Type
		if verdict.Answer == nil || verdict.Answer.End != language.Raised {
			verdict.Answer = &language.Answer{End: language.Raised, Type: j.refused.qualified(j.green.read)}
		}
	}
	for _, mode := range []string{BaseSHA, RevertedFix} {
		if j.of(mode).Outcome == Held {
			verdict.ProofModes = append(verdict.ProofModes, mode)
		}
	}
	// The signature is that of the production event, and base fails with it.
	if j.of(BaseSHA).Outcome == Held && j.in.Signature.Type != "" && !j.in.Test.Own {
		verdict.ProofModes = append(verdict.ProofModes, "captured-failure")
	}
	return verdict, nil
}

// unneeded is what was dropped of the proposed patch, as a diff.
func (j *verification) unneeded() (string, error) {
	p, err := patch.Combine(j.base, ordered([][]patch.Hunk{j.dropped}), "")
	if err != nil || len(p.Edits) == 0 {
		return "", err
	}
	overlay, err := patch.Apply(j.base, p)
	if err != nil {
		return "", err
	}
	return patch.Diff(j.base, overlay)
}

func (j *verification) of(name string) *Gate { return j.gates[slices.Index(GateNames, name)] }

func (j *verification) spent() (d time.Duration) {
	for _, g := range j.gates {
		d += time.Duration(g.Millis) * time.Millisecond
	}
	return d
}

// UnmarshalJSON also reads verdicts stored before there were decisions.
func (v *Verdict) UnmarshalJSON(data []byte) error {
	type plain Verdict
	old := struct {
		*plain
		Accepted *bool `json:"accepted"`
	}{plain: (*plain)(v)}
	if err := json.Unmarshal(data, &old); err != nil {
		return err
	}
	if v.Decision == "" && old.Accepted != nil {
		v.Decision, v.Strength = Rejected, behaviour.Undetermined
		if *old.Accepted {
			v.Decision = Accepted
		}
	}
	return nil
}
