package pipeline

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
	"github.com/repaird/repaird/internal/verify"
)

// A Choice is what a person says to a question: one of its fields is set.
type Choice struct {
	Key    string // of an option, or its Reference; yes or no where it is a permission that is asked for
	Expect string // a value, as source
	Raises string // an exception, with its module unless it is built in
}

// A Decision is a person's answer to a run's question.
type Decision struct {
	Kind   verify.QuestionKind  `json:"kind"`
	Key    string               `json:"key,omitempty"`    // of the option that was chosen
	Expect language.Expectation `json:"expect,omitzero"`  // what the call should answer; zero where the chosen option's answer has no literal
	Patch  *patch.Patch         `json:"patch,omitempty"`  // the chosen option's
	Permit bool                 `json:"permit,omitempty"` // the answer to a question of permission
	By     string               `json:"by"`               // who; as the operating system, the page's form or the code host says
	At     time.Time            `json:"at"`
}

// Decide reads a choice as the answer to a question; a nil question is the one
// that has not been asked yet. The error of a choice that does not answer it is
// fault.Invalid.
func Decide(q *verify.Question, c Choice, by string, at time.Time) (d Decision, err error) {
	d = Decision{Kind: verify.AskAnswer, By: text.Line(by, 80), At: at.UTC().Truncate(time.Second)}
	given := 0
	for _, s := range []string{c.Key, c.Expect, c.Raises} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return d, fault.Errorf(fault.Invalid, "give an option's key, a value or an exception, and one of them only")
	}
	if q != nil && q.Kind == verify.AskPermission {
		d.Kind = verify.AskPermission
		if len(q.Options) > 0 {
			d.Patch = &q.Options[0].Patch
		}
		switch strings.ToLower(c.Key) {
		case "yes":
			d.Permit = true
		case "no":
		default:
			return d, fault.Errorf(fault.Invalid, "the answer has to be yes or no")
		}
		return d, nil
	}
	if c.Key == "" {
		d.Expect = language.Expectation{Literal: c.Expect, Raises: c.Raises}
		if q != nil && c.Raises != "" { // a bare name may be one of the options' exceptions
			for _, o := range q.Options {
				if o.Raises == c.Raises || strings.HasSuffix(o.Raises, "."+c.Raises) {
					d.Expect.Raises = o.Raises
				}
			}
		}
		return d, nil
	}
	if q == nil {
		return d, fault.Errorf(fault.Invalid, "there is no option %s: nothing has been asked", text.Line(c.Key, 20))
	}
	var keys []string
	key, digest, _ := strings.Cut(c.Key, "-")
	for _, o := range q.Options {
		if strings.EqualFold(o.Key, key) {
			if digest != "" && !strings.EqualFold(Reference(o), c.Key) {
				return d, fault.Errorf(fault.Invalid, "option %s is not the one that was shown as %s: it is %s now, and %s", o.Key, text.Line(c.Key, 20), Reference(o), text.Line(o.Answer, 200))
			}
			d.Key, d.Expect, d.Patch = o.Key, language.Expectation{Literal: o.Literal, Raises: o.Raises}, &o.Patch
			return d, nil
		}
		keys = append(keys, o.Key)
	}
	return d, fault.Errorf(fault.Invalid, "there is no option %s; the options are %s", text.Line(c.Key, 20), strings.Join(keys, ", "))
}

// Reference is an option's key with a digest of its answer and patch: B-3f2a. A
// run that is repeated may give the letter to another option.
func Reference(o verify.Option) string {
	sum := sha256.Sum256([]byte(o.Literal + "\n" + o.Raises + "\n" + o.Patch.ID()))
	return o.Key + "-" + hex.EncodeToString(sum[:2])
}

// String is the decision as a person reads it: option B (returns 12).
func (d Decision) String() string {
	answer := ""
	switch {
	case d.Kind == verify.AskPermission && d.Permit:
		return "yes"
	case d.Kind == verify.AskPermission:
		return "no"
	case d.Expect.Raises != "":
		answer = "raises " + d.Expect.Raises
	case d.Expect.Literal != "":
		answer = text.Clip(d.Expect.Literal, 200)
	}
	switch {
	case d.Key == "":
		return answer
	case answer == "":
		return "option " + d.Key
	}
	return "option " + d.Key + ": " + answer
}

// Told is the decision as the ledger keeps it: private values are replaced, and
// of an option there is what q shows of its answer, not its source.
func (d Decision) Told(q *verify.Question) string {
	said := d
	if d.Key != "" && q != nil {
		for _, o := range q.Options {
			if o.Key == d.Key {
				said.Expect = language.Expectation{Literal: o.Answer}
			}
		}
	}
	key := make([]byte, 32) // of this one text
	_, _ = rand.Read(key)
	return redact.New(key).Text(said.String(), nil).String()
}

// mark is the comment above the assertion in the published test.
func (d Decision) mark() string {
	return fmt.Sprintf("Established by %s on %s.", d.By, d.At.Format(time.DateOnly))
}

// maxFeedback limits what an attempt keeps of a verdict, in bytes.
const maxFeedback = 2000

// A Pinned test is the one that is published: it asserts what the call answers.
type Pinned struct {
	language.Pinned
	By      string `json:"by,omitempty"`      // who or what established the answer; "" nobody: it is what the patch makes the call answer
	Why     string `json:"why,omitempty"`     // why nothing is asserted, where nothing is
	Decided bool   `json:"decided,omitempty"` // by a person, before there was a patch
}

// Decisions are the answers that a run has had, the latest last.
type Decisions []Decision

// latest is the last answer of a kind, nil if there is none.
func (ds Decisions) latest(kind verify.QuestionKind) *Decision {
	for i := len(ds) - 1; i >= 0; i-- {
		if ds[i].Kind == kind {
			return &ds[i]
		}
	}
	return nil
}

// chose reports whether a person chose this very patch with the latest answer,
// or permitted it after that: what is permitted then is the chosen one, without
// the parts that it does not need.
func (ds Decisions) chose(p patch.Patch) bool {
	for i := len(ds) - 1; i >= 0; i-- {
		if ds[i].Patch != nil && ds[i].Patch.ID() == p.ID() && (ds[i].Kind == verify.AskAnswer || ds[i].Permit) {
			return true
		}
		if ds[i].Kind == verify.AskAnswer {
			break
		}
	}
	return false
}

// grounds are what people's answers are to a verdict on a candidate. An answer
// that the test does not assert says nothing of a patch that was not chosen.
func (r Red) grounds(candidate patch.Patch) (grounds []behaviour.Ground) {
	ds := r.Decisions
	if d := ds.latest(verify.AskAnswer); d != nil && (r.asserted() || ds.chose(candidate)) {
		grounds = append(grounds, behaviour.Ground{Name: verify.Person, Effect: behaviour.Establishes,
			Evidence: fmt.Sprintf("%s answered on %s: %s", d.By, d.At.Format(time.DateOnly), d)})
	}
	if d := ds.latest(verify.AskPermission); d != nil && d.Permit {
		grounds = append(grounds, behaviour.Ground{Name: "permission", Effect: behaviour.Shown,
			Evidence: fmt.Sprintf("%s permitted on %s what the policy leaves to people", d.By, d.At.Format(time.DateOnly))})
	}
	return grounds
}

// permitted is the ID of the patch that a person has permitted, "" if there is
// none.
func (ds Decisions) permitted() string {
	if d := ds.latest(verify.AskPermission); d != nil && d.Permit && d.Patch != nil {
		return d.Patch.ID()
	}
	return ""
}

// pinByPerson has the reproduction's test assert what a person answered, if that
// has a literal; nil if nobody has answered.
func (a *at) pinByPerson(ctx context.Context, env testrun.Environment, test testrun.Test, d *Decision) (*Pinned, error) {
	if d == nil {
		return nil, nil
	}
	as := &Pinned{Pinned: language.Pinned{Test: test}, By: d.By}
	if d.Expect.IsZero() {
		return as, nil
	}
	pinned, err := a.Language.Pin(ctx, language.Pin{Run: a.Run, Env: env, Test: test, Expect: d.Expect, Mark: d.mark()})
	why := ""
	switch {
	case fault.KindOf(err) == fault.Invalid:
		return nil, a.unanswered("The answer cannot be asserted: " + err.Error() + ".")
	case err != nil:
		return nil, err
	case pinned.Asserts == "":
		why = "the test does not end with the call, or asserts something already"
	case a.private(pinned.Test, test):
		why = "it looks like a credential or personal data"
	}
	if why != "" {
		if d.Patch != nil {
			as.Why = why
			return as, nil
		}
		return nil, a.unanswered("The answer cannot be asserted: " + why + ".")
	}
	return &Pinned{Pinned: pinned, By: d.By, Decided: true}, nil
}

// private reports whether asserting the answer puts something into a test that
// must not be published.
func (a *at) private(pinned, test testrun.Test) bool {
	r := a.redactor()
	return r.Code(pinned.Source, nil).String() != pinned.Source && r.Code(test.Source, nil).String() == test.Source
}

// meant stops where a person says that production's own exception is what the
// call should raise: then no patch is wanted, and no test can tell one from base.
func (r Red) meant() *fault.Stop {
	d := r.Decisions.latest(verify.AskAnswer)
	if d == nil || d.Expect.Raises == "" {
		return nil
	}
	production := r.Reproduction.Signature.Type
	if d.Expect.Raises != production && !strings.HasSuffix(d.Expect.Raises, "."+production) {
		return nil
	}
	return &fault.Stop{
		Type:   fault.Cancelled,
		Detail: fmt.Sprintf("%s answered that the call should raise %s, as it did in production: then there is nothing to repair in it.", d.By, production),
		Help:   "Handle the exception in the caller, or prevent such a call.",
	}
}

// undecided stops with a question.
func (a *at) undecided(q *verify.Question) *fault.Stop {
	s := &fault.Stop{Type: fault.Undecided, Detail: "The evidence does not say which behaviour is right.", Help: "Continue by hand from the run's page."}
	if q == nil {
		return s
	}
	s.Detail = a.redactor().Text(q.Text, nil).String()
	if q.Kind == verify.AskPermission {
		s.Help = "Read the patch on the run's page, and answer with `repaird run decide " + a.Run + " yes` or `no`."
		return s
	}
	s.Help = "Compare the candidates on the run's page, and answer with " + a.howToAnswer() + "."
	return s
}

// unanswered stops again with the question that was asked before.
func (a *at) unanswered(detail string) *fault.Stop {
	return &fault.Stop{Type: fault.Undecided, Detail: a.redactor().Text(detail, nil).String(), Help: "Give another answer: " + a.howToAnswer() + "."}
}

func (a *at) howToAnswer() string {
	return "`repaird run decide " + a.Run + " KEY`, with --expect VALUE or --raises TYPE instead of KEY for an answer that is not among the options"
}

// decided is what a person's decision makes of the candidates that were known
// when the question was asked: the first that gives the answer, the option that
// was chosen before the others; nil if none does, or if nothing was asked. Where
// the test does not assert the answer, it cannot tell which candidates give it:
// then the chosen one is the only one.
func (a *at) decided(ctx context.Context, in Wanted, judge repair.Judge) (*repair.Result, error) {
	if len(in.Decisions) == 0 || in.Tried == nil {
		return nil, nil
	}
	if last := in.Decisions[len(in.Decisions)-1]; last.Kind == verify.AskPermission {
		if !last.Permit {
			return nil, &fault.Stop{Type: fault.Policy, Detail: fmt.Sprintf("%s does not permit what the patch adds.", last.By), Help: "Continue by hand from the run's page."}
		}
		result := *in.Tried
		if last.Patch != nil {
			result.Patch = *last.Patch
		}
		return &result, nil
	}
	d := in.Decisions.latest(verify.AskAnswer)
	var known []patch.Patch
	add := func(p patch.Patch) {
		if len(p.Edits) > 0 && !slices.ContainsFunc(known, func(other patch.Patch) bool { return other.ID() == p.ID() }) {
			known = append(known, p)
		}
	}
	if d.Patch != nil {
		add(*d.Patch)
	}
	if in.asserted() {
		add(in.Tried.Patch)
		if in.Asked != nil {
			for _, o := range in.Asked.Options {
				add(o.Patch)
			}
		}
		for _, p := range in.Tried.Alternatives {
			add(p)
		}
	}
	result := *in.Tried
	result.Attempts = slices.Clone(in.Tried.Attempts)
	for i, p := range known {
		a.progress("candidate %d of %d with the answer as the test's assertion", i+1, len(known))
		got, err := judge.Judge(ctx, p)
		if err != nil {
			return nil, err
		}
		feedback := text.Clip(a.redactor().Text(got.Feedback, nil).String(), maxFeedback)
		result.Attempts = append(result.Attempts, repair.Attempt{Patch: p, Gate: got.Gate, Feedback: feedback})
		switch {
		case !in.asserted() && (got.Accepted || got.Asked): // whole, as it was chosen; the verdict asks what is left to ask
			result.Patch, result.Alternatives = p, nil
			return &result, nil
		case !in.asserted():
			return nil, a.unanswered("The candidate that was chosen does not hold: " + feedback + ".")
		case got.Accepted:
			if p.Why != "" && p.ID() != in.Tried.Patch.ID() {
				result.Why = a.redactor().Text(p.Why, nil).String()
			}
			result.Patch, result.Alternatives = got.Patch, nil
			return &result, nil
		case got.Gate == verify.BaseSHA:
			return nil, a.unanswered("With this answer the test does not fail on base as production did: " + got.Feedback + ".")
		}
	}
	if !in.asserted() {
		return nil, a.unanswered("The answer cannot be asserted, and there is no candidate that gives it.")
	}
	return nil, nil
}

// pinByPatch has the test of an accepted patch assert what the patch makes the
// call answer, if the test then still fails on base and passes with the patch.
func (a *at) pinByPatch(ctx context.Context, in verify.Input, v *verify.Verdict) (*Pinned, error) {
	left := func(why string) (*Pinned, error) {
		return &Pinned{Pinned: language.Pinned{Test: in.Test}, Why: why}, nil
	}
	switch {
	case in.Test.Own:
		return nil, nil
	case v.Answer == nil:
		return left("what the call answers is not known")
	case v.Answer.Varies:
		return left("what the call answers varies between runs")
	}
	by, mark := establishedBy(v), "What this patch makes it answer: please review."
	if by != "" {
		mark = "Established by " + by + "."
	}
	pinned, err := a.Language.Pin(ctx, language.Pin{Run: a.Run, Env: in.Env, Test: in.Test, Expect: v.Answer.Expected(), Mark: mark})
	if fault.KindOf(err) == fault.Invalid || err == nil && pinned.Asserts == "" {
		return left("what the call answers has no literal form")
	}
	if err != nil {
		return nil, err
	}
	if a.private(pinned.Test, in.Test) {
		return left("what the call answers looks like a credential or personal data")
	}
	why, err := a.Verifier.Tells(ctx, in, pinned.Test)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return left("a test that asserts the answer does not tell the patch from base (" + a.redactor().Text(text.Clip(why, 200), nil).String() + ")")
	}
	return &Pinned{Pinned: pinned, By: by}, nil
}

// establishedBy names the grounds that establish the answer.
func establishedBy(v *verify.Verdict) string {
	var names []string
	for _, g := range v.Grounds {
		if g.Effect == behaviour.Establishes && !slices.Contains(names, g.Name) {
			names = append(names, g.Name)
		}
	}
	return strings.Join(names, " and ")
}
