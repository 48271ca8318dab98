package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
)

const (
	maxOptions = 4   // of a question
	maxCalls   = 5   // that options are compared by
	maxShown   = 100 // bytes of a call that is shown whole
)

// question is what a person has to decide about a patch that no gate rejects:
// its own behaviour, and those of the rivals that nothing refutes, the most
// plausible first. Rivals with another constant that nothing supports are not
// offered: a line says how many there are.
func (j *verification) question() *Question {
	if j.near == nil || len(j.near.Calls) == 0 || len(j.head) == 0 {
		return nil
	}
	var rivals, idle []survivor
	for _, s := range j.surviving {
		if s.Value && !j.backed(s) {
			idle = append(idle, s)
		} else {
			rivals = append(rivals, s)
		}
	}
	slices.SortStableFunc(rivals, func(a, b survivor) int { return j.order(a) - j.order(b) })
	options := []Option{j.option(j.head, j.in.Patch, j.diff, j.standing()+j.summary(idle))}
	calls := j.telling(rivals)
	options[0].Changes = j.beside(j.head, calls)
	seen := map[string]bool{j.behaviourOf(j.head): true}
	others := 0
	for _, s := range rivals {
		p, diff, ok := j.patchOf(s)
		if !ok {
			continue
		}
		key := j.behaviourOf(s.answers)
		if j.tied { // the calls that were tried need not show the difference that the proposer saw
			key = diff
		}
		if len(options) == maxOptions || seen[key] {
			continue
		}
		seen[key] = true
		if j.differs(s, 0) {
			others++
		}
		standing := "passes the test, and no answer near the call speaks against it: " + s.Change
		if s.Path != "" {
			standing = "passes the test, and no answer near the call speaks against it; it differs from A in " + s.Change
		}
		o := j.option(s.answers, p, diff, standing)
		o.Key, o.Changes = string(rune('A'+len(options))), j.beside(s.answers, calls)
		options = append(options, o)
	}
	call := clip(j.near.Calls[0].Shown, 300)
	text := fmt.Sprintf("What should %s answer?", call)
	if others == 0 && len(options) > 1 {
		text = fmt.Sprintf("Which is right? The candidates answer %s alike, and calls near it otherwise.", call)
	}
	switch {
	case j.tied && len(options) == 1:
		text = fmt.Sprintf("Is this right? With it %s passes, and nothing else confirms it.", j.in.Test.Name)
	case j.tied && len(calls) == 0:
		text = fmt.Sprintf("Which is right? With each of the candidates %s passes, and no call that was tried tells them apart.", j.in.Test.Name)
	}
	return &Question{Kind: AskAnswer, Text: text, Options: options}
}

// order is how plausible a rival is, the lowest first: by whether it answers the
// test's call otherwise, then by whether a proposer had it, then by whether
// calls that base answers support it.
func (j *verification) order(s survivor) (n int) {
	if !j.differs(s, 0) {
		n = 4
	}
	if s.Path != "" { // it differs from the patch in one place
		n += 2
	}
	if !j.backed(s) {
		n++
	}
	return n
}

// backed reports whether base's answers support a rival: one of them is what it
// answers to the test's call and the patch does not, or it keeps one that the
// patch changes.
func (j *verification) backed(s survivor) bool {
	for i, base := range j.near.Answers {
		if !behaviour.Answered(base) {
			continue
		}
		own := s.answers[0]
		if j.differs(s, 0) && own.End == language.Returned && own.Type == base.Type && own.Value == base.Value {
			return true
		}
		if i < len(s.answers) && j.differs(s, i) && behaviour.Same(base, s.answers[i]) {
			return true
		}
	}
	return false
}

// summary is one line on rivals that are not offered.
func (j *verification) summary(idle []survivor) string {
	if len(idle) == 0 {
		return ""
	}
	var shown []string
	for _, s := range idle[:min(len(idle), maxCalls)] {
		shown = append(shown, fmt.Sprintf("%s %s", clip(s.Change, maxShown), behaviour.Show(s.answers[0])))
	}
	return fmt.Sprintf("; with another constant, which nothing near the call supports: %s%s", strings.Join(shown, ", "), more(len(idle)-len(shown)))
}

func (j *verification) option(answers []language.Answer, p patch.Patch, diff, standing string) Option {
	o := Option{Key: "A", Answer: behaviour.Show(answers[0]), Patch: p, Diff: diff, Standing: standing}
	switch expected := answers[0].Expected(); {
	case answers[0].Varies:
	case expected.Raises != "":
		o.Raises = expected.Raises
	default:
		o.Literal = expected.Literal
	}
	return o
}

// standing is how the patch fares: what is not known of it.
func (j *verification) standing() string {
	var lowers []string
	for _, g := range j.grounds {
		if g.Effect == behaviour.Lowers {
			lowers = append(lowers, g.Evidence)
		}
	}
	return "every gate holds; not known: " + strings.Join(lowers, "; ")
}

// differs reports whether a rival answers a call otherwise than the patch.
func (j *verification) differs(s survivor, call int) bool {
	a, b := j.head[call], s.answers[call]
	return behaviour.Comparable(a) && behaviour.Comparable(b) && !behaviour.Same(a, b)
}

// telling are the calls near the test's that some rival answers otherwise.
func (j *verification) telling(rivals []survivor) (calls []int) {
	for i := 1; i < len(j.near.Calls) && len(calls) < maxCalls; i++ {
		if slices.ContainsFunc(rivals, func(s survivor) bool { return j.differs(s, i) }) {
			calls = append(calls, i)
		}
	}
	return calls
}

// beside are what one side answers to those calls, beside base.
func (j *verification) beside(answers []language.Answer, calls []int) (all []behaviour.Difference) {
	for _, i := range calls {
		all = append(all, behaviour.Differing(shownCall(j.near.Calls[i]), j.near.Answers[i], answers[i]))
	}
	return all
}

// shownCall is a call as people read it; a long one by what it changes in the
// failing call.
func shownCall(c language.Call) string {
	if len(c.Shown) > maxShown && c.Seed == 0 && c.Leaf != "" && c.From != "" {
		return fmt.Sprintf("the call with %s %s instead of %s", clip(c.Leaf, 100), clip(c.To, 100), clip(c.From, 100))
	}
	return clip(c.Shown, 300)
}

// behaviourOf tells behaviours apart by their answers to the calls that rivals
// made.
func (j *verification) behaviourOf(answers []language.Answer) string {
	var b strings.Builder
	for i, a := range answers {
		if len(j.surviving) > 0 && behaviour.Comparable(j.surviving[0].answers[i]) {
			fmt.Fprintf(&b, "%s %s %s\n", a.End, a.Type, a.Value)
		}
	}
	return b.String()
}

// patchOf is a rival as a patch of base.
func (j *verification) patchOf(s survivor) (p patch.Patch, diff string, ok bool) {
	hunks, err := patch.Hunks(j.base, s.Overlay)
	if err != nil {
		return p, "", false
	}
	why := s.Change
	if s.Path != "" && j.in.Patch.Why != "" { // it differs from the patch in one place
		why = j.in.Patch.Why + " (with " + s.Change + ")"
	}
	if p, err = patch.Combine(j.base, hunks, why); err != nil {
		return p, "", false
	}
	diff, err = patch.Diff(j.base, s.Overlay)
	return p, diff, err == nil
}
