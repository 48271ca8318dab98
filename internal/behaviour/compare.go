package behaviour

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

// Sides are the answers of base and head to the same calls.
type Sides struct {
	Calls      []language.Call // the first is the test's own
	Base, Head []language.Answer
	Removed    map[string][]int // lines of base that the patch removes or replaces, by file
	Added      map[string][]int // lines of head that it adds
	Asserted   bool             // base answers the test's own call, wrongly: it may be wrong near it, not only where it fails
	Enough     int              // calls that must be comparable for support; default 10
}

const (
	defaultEnough = 10
	maxExamples   = 5
	maxShown      = 200 // bytes of an answer in an example
)

// Compare applies every rule to the answers. The grounds are in a fixed order;
// a rule that has nothing to say has none.
func Compare(s Sides) []Ground {
	if s.Enough == 0 {
		s.Enough = defaultEnough
	}
	c := s.comparison()
	if len(c.pairs) == 0 || (c.pairs[0].base.End != language.Raised && !s.Asserted) {
		return []Ground{{Name: "observed", Effect: Lowers, Evidence: "the failing call could not be observed beside its neighbours, so nothing is known of what calls near it answer"}}
	}
	var grounds []Ground
	for _, rule := range []func() *Ground{c.repeatable, c.preserved, c.incomparable, c.refused, c.changed, c.halfFix, c.overfit, c.witness, c.sensitivity, c.nonsense, c.collision, c.ignored, c.types, c.shapes, c.relations} {
		if g := rule(); g != nil {
			grounds = append(grounds, *g)
		}
	}
	return grounds
}

// Kept compares the answers where the failing test itself says what is right:
// calls that base answers and that run no changed line have to be answered the
// same; what the test asserts decides about the others, which base may answer as
// wrongly as the test's own. nil if no call can be compared.
func Kept(s Sides) *Ground {
	c := s.comparison()
	if c.dark {
		return nil
	}
	same, other := 0, 0
	var strayed []pair
	for _, p := range c.pairs[1:] {
		switch {
		case !Answered(p.base) || !Comparable(p.head):
		case Same(p.base, p.head):
			same++
		case c.touches(p):
			other++
		default:
			strayed = append(strayed, p)
		}
	}
	switch {
	case len(strayed) > 0:
		return &Ground{"preserved", Rejects, fmt.Sprintf("%s that base answers and that run no changed line are answered differently with the patch", text.Count(len(strayed), "call")), examples(strayed)}
	case same+other == 0:
		return nil
	}
	return &Ground{"preserved", Shown, fmt.Sprintf("of %s near the test's own that base answers, %d are answered the same with the patch, and all that run no changed line", text.Count(same+other, "call"), same), nil}
}

// Answered reports whether an answer is a result that can be compared.
func Answered(a language.Answer) bool { return a.End == language.Returned && !a.Varies }

// Comparable reports whether an answer is a result or an exception that can be
// compared.
func Comparable(a language.Answer) bool {
	return (a.End == language.Returned || a.End == language.Raised) && !a.Varies
}

// Same reports whether two comparable answers are the same, with all effects.
func Same(a, b language.Answer) bool {
	if a.End != b.End {
		return false
	}
	if a.End == language.Raised {
		return a.Type == b.Type && a.Raised.Function == b.Raised.Function
	}
	return a.Type == b.Type && a.Value == b.Value && a.State == b.State && a.Output == b.Output && a.Files == b.Files
}

// Show renders an answer in a few words.
func Show(a language.Answer) string {
	switch a.End {
	case language.Returned:
		return "returns " + text.Clip(a.Value, maxShown)
	case language.Raised:
		if a.Message == "" {
			return "raises " + a.Type
		}
		return "raises " + a.Type + ": " + text.Clip(a.Message, maxShown)
	case language.Slow:
		return "does not end in time"
	}
	return "cannot be compared"
}

// comparison is Sides, call by call.
type comparison struct {
	Sides
	pairs []pair
	dark  bool // none of the calls runs a changed line
}

func (s Sides) comparison() *comparison {
	c := &comparison{Sides: s}
	for i := range min(len(s.Calls), len(s.Base), len(s.Head)) {
		c.pairs = append(c.pairs, pair{i: i, call: s.Calls[i], base: s.Base[i], head: s.Head[i]})
	}
	c.dark = !slices.ContainsFunc(c.pairs, c.runsChange)
	return c
}

type pair struct {
	i          int
	call       language.Call
	base, head language.Answer
}

func (p pair) difference() Difference { return Differing(p.call.Shown, p.base, p.head) }

// Differing shows a call with two answers to it; where these return equal values,
// with what else they did.
func Differing(call string, before, after language.Answer) Difference {
	d := Difference{Call: call, Before: Show(before), After: Show(after)}
	if d.Before != d.After || before.End != language.Returned {
		return d
	}
	for _, effect := range []struct{ what, before, after string }{
		{"leaves ", before.State, after.State}, {"writes ", before.Output, after.Output}, {"writes files ", before.Files, after.Files},
	} {
		if effect.before != effect.after {
			d.Before += " and " + effect.what + effected(effect.before)
			d.After += " and " + effect.what + effected(effect.after)
			break
		}
	}
	return d
}

func effected(s string) string {
	if s == "" {
		return "nothing else"
	}
	return text.Clip(s, maxShown)
}

// failedAlike reports whether an answer is the failure of the test's own call on base.
func (c *comparison) failedAlike(a language.Answer) bool {
	own := c.pairs[0].base
	return own.End == language.Raised && a.End == language.Raised && a.Type == own.Type && a.Raised.Path == own.Raised.Path && a.Raised.Function == own.Raised.Function
}

// refusedAlike reports whether an answer is that in which the test's own call
// ends on head, where it ends in an exception.
func (c *comparison) refusedAlike(a language.Answer) bool {
	own := c.pairs[0].head
	return own.End == language.Raised && a.Type == own.Type && a.Raised.Path == own.Raised.Path && a.Raised.Function == own.Raised.Function
}

// touches reports whether a call runs a changed line on either side. A changed
// line that no call runs, such as one of a module's body or of a data file, may
// be behind any answer.
func (c *comparison) touches(p pair) bool { return c.dark || c.runsChange(p) }

func (c *comparison) runsChange(p pair) bool {
	return runs(p.base, c.Removed) || runs(p.head, c.Added)
}

func runs(a language.Answer, lines map[string][]int) bool {
	for path, changed := range lines {
		ran := a.Lines[path]
		if slices.ContainsFunc(changed, func(n int) bool { return slices.Contains(ran, n) }) {
			return true
		}
	}
	return false
}

func examples(pairs []pair) (found []Difference) {
	for _, p := range pairs {
		if len(found) == maxExamples {
			break
		}
		found = append(found, p.difference())
	}
	return found
}

// repeatable: the test's own call answers the same each time with the patch.
func (c *comparison) repeatable() *Ground {
	own := c.pairs[0]
	switch {
	case own.head.Varies && !own.base.Varies:
		return &Ground{"repeatable", Lowers, "with the patch the failing call does not answer the same each time", nil}
	case !Comparable(own.head):
		return &Ground{"repeatable", Lowers, "with the patch the failing call's answer cannot be compared: it " + Show(own.head), nil}
	}
	return nil
}

// preserved: a call that base answers is answered on head, and answered the
// same where it runs no changed line. One that now fails as the incident did,
// at a changed line, is left to a person: a wrong bound mended moves the input
// that fails. So is one that is refused as the failing call is now, as long as
// more of them are answered than refused.
func (c *comparison) preserved() *Ground {
	var broke, moved, narrowed, strayed []pair
	same, incomparable := 0, 0
	for _, p := range c.pairs {
		switch {
		case !Answered(p.base):
		case !Comparable(p.head):
			incomparable++
		case p.head.End == language.Raised && c.failedAlike(p.head) && c.touches(p):
			moved = append(moved, p)
		case p.head.End == language.Raised && c.refusedAlike(p.head) && c.touches(p):
			narrowed = append(narrowed, p)
		case p.head.End == language.Raised:
			broke = append(broke, p)
		case Same(p.base, p.head):
			same++
		case !c.touches(p):
			strayed = append(strayed, p)
		}
	}
	switch {
	case c.Asserted && len(broke) > 0:
		return &Ground{"preserved", Lowers, fmt.Sprintf("%s that base answers fail with the patch", text.Count(len(broke), "call")), examples(broke)}
	case len(broke) > 0:
		return &Ground{"preserved", Rejects, fmt.Sprintf("%s that base answers fail with the patch", text.Count(len(broke), "call")), examples(broke)}
	case len(narrowed) > same:
		return &Ground{"preserved", Rejects, fmt.Sprintf("%s that base answers are refused with the patch, more than the %d that are answered", text.Count(len(narrowed), "call"), same), examples(narrowed)}
	case len(strayed) > 0:
		return &Ground{"preserved", Rejects, fmt.Sprintf("%s that run no changed line are answered differently with the patch", text.Count(len(strayed), "call")), examples(strayed)}
	case len(moved) > 0:
		return &Ground{"preserved", Lowers, fmt.Sprintf("%s that base answers fail with the patch as the failing one did", text.Count(len(moved), "call")), examples(moved)}
	case len(narrowed) > 0:
		return &Ground{"preserved", Lowers, fmt.Sprintf("%s that base answers are refused with the patch as the failing one is", text.Count(len(narrowed), "call")), examples(narrowed)}
	case same < c.Enough && !c.Asserted:
		return &Ground{"few", Lowers, fmt.Sprintf("only %s near the failing one can be compared, fewer than %d", text.Count(same, "call"), c.Enough), nil}
	}
	evidence := fmt.Sprintf("%s near the failing one that base answers are answered the same with the patch", text.Count(same, "call"))
	if incomparable > 0 {
		evidence += fmt.Sprintf(" (%d more cannot be compared)", incomparable)
	}
	return &Ground{"preserved", Shown, evidence, nil}
}

// incomparable: calls that base answers and whose answers with the patch cannot
// be compared, because they hang, die or vary. One or two may be the machine's.
func (c *comparison) incomparable() *Ground {
	var lost []pair
	answered := 0
	for _, p := range c.pairs {
		if Answered(p.base) {
			answered++
			if !Comparable(p.head) {
				lost = append(lost, p)
			}
		}
	}
	if len(lost) <= max(2, answered/20) {
		return nil
	}
	return &Ground{"incomparable", Lowers, fmt.Sprintf("%s of %d that base answers cannot be compared with the patch: they hang, die or vary", text.Count(len(lost), "call"), answered), examples(lost)}
}

// refused: calls that base refuses, all in one place and not as the incident
// failed, run a changed line and get an answer with the patch.
func (c *comparison) refused() *Ground {
	at := map[string][]pair{}
	for _, p := range c.pairs {
		if p.base.End == language.Raised && !p.base.Varies && p.base.Type != c.pairs[0].base.Type && Answered(p.head) && c.touches(p) {
			key := p.base.Type + "\x00" + p.base.Raised.Path + "\x00" + p.base.Raised.Function
			at[key] = append(at[key], p)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(at)) {
		if now := at[key]; len(now) >= 3 {
			return &Ground{"refused-answers", Lowers, fmt.Sprintf("%s that base refuses with %s return with the patch", text.Count(len(now), "call"), now[0].base.Type), examples(now)}
		}
	}
	return nil
}

// changed: a call that base answers, runs a changed line and is answered
// differently: base or head is wrong about it.
func (c *comparison) changed() *Ground {
	var changed []pair
	for _, p := range c.pairs {
		if Answered(p.base) && Answered(p.head) && !Same(p.base, p.head) && c.touches(p) {
			changed = append(changed, p)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	effect := Lowers
	if c.Asserted {
		effect = Shown
	}
	return &Ground{"changed-answers", effect, fmt.Sprintf("%s that base answers are answered differently with the patch", text.Count(len(changed), "call")), examples(changed)}
}

// healed are the calls that fail on base as the test's own does, and are
// answered on head.
func (c *comparison) healed() (found []pair) {
	for _, p := range c.pairs {
		if c.failedAlike(p.base) && Answered(p.head) {
			found = append(found, p)
		}
	}
	return found
}

// still are the neighbours that fail as the test's own call does, on both sides.
func (c *comparison) still() (found []pair) {
	for _, p := range c.pairs[1:] {
		if c.failedAlike(p.base) && c.failedAlike(p.head) {
			found = append(found, p)
		}
	}
	return found
}

// halfFix reports neighbours that still fail as the incident did.
func (c *comparison) halfFix() *Ground {
	still := c.still()
	if len(still) == 0 {
		return nil
	}
	return &Ground{"half-fix", Shown, fmt.Sprintf("%s near the failing one still fail as it did; %d no longer do",
		text.Count(len(still), "call"), len(c.healed())), examples(still)}
}

// overfit: of the calls that fail as the test's own does, that one alone is
// answered now.
func (c *comparison) overfit() *Ground {
	still := len(c.still())
	if c.Asserted || still < enoughValues || len(c.healed()) > 1 {
		return nil
	}
	return &Ground{"overfit", Lowers, fmt.Sprintf("%d calls near the failing one fail as it did, with the patch too: it mends this call alone", still), nil}
}

// witness: where the failing input differs from one that base answers only by
// a normalising change, head must answer it as base answers the other, and the
// same change must hold for other inputs.
func (c *comparison) witness() *Ground {
	var holds, fails, converted []pair
	alike := map[string]bool{} // literals and kinds of change by which the failing input differs from an answered one
	for _, p := range c.pairs {
		var partner pair
		switch {
		case p.call.Twin && p.call.Normalising && p.call.Seed == 0:
			partner = c.pairs[0]
			alike[p.call.Leaf+"\x00"+p.call.Edit] = true
		case p.call.Partner > 0 && p.call.Partner < len(c.pairs):
			partner = c.pairs[p.call.Partner]
		default:
			continue
		}
		if !Answered(p.base) || !Comparable(partner.head) || Answered(partner.base) {
			continue
		}
		shown := pair{call: partner.call, base: p.base, head: partner.head}
		shown.call.Shown = partner.call.Shown + ", compared with " + p.call.Shown
		number := p.call.Edit == conversion || partner.call.Edit == conversion
		switch {
		case partner.head.End == language.Returned && alikeBut(number, p.base.Value, p.call.To, partner.head.Value, other(partner, p)):
			holds = append(holds, shown)
		case number:
			converted = append(converted, shown)
		default:
			fails = append(fails, shown)
		}
	}
	still := c.stillByForm(alike)
	switch {
	case len(fails) > 0:
		return &Ground{"witness", Rejects, fmt.Sprintf("of %d inputs that differ from an answered one only by case, space or form, %d are not answered like it", len(fails)+len(holds), len(fails)), examples(fails)}
	case len(converted) > 0:
		return &Ground{"witness", Lowers, fmt.Sprintf("of %d texts of a number that base answers, %d are not answered like the number", len(converted)+len(holds), len(converted)), examples(converted)}
	case len(holds) > 0 && len(still) > 0:
		return &Ground{"witness", Lowers, fmt.Sprintf("%s that differ from the failing one only by form still fail as it did", text.Count(len(still), "call")), examples(still)}
	case len(holds) >= 2:
		return &Ground{"witness", Supports, fmt.Sprintf("%d inputs that differ from an answered one only by case, space, form or type are answered like it", len(holds)), examples(holds)}
	}
	return nil
}

// conversion is the edit by which a text becomes the number that it is.
const conversion = "conversion"

// alikeBut reports whether two answers are equal but for what they repeat of
// their literals, of which one may be a number and the other its text.
func alikeBut(number bool, a, from, b, to string) bool {
	a, b = mask(a, from), mask(b, to)
	if number {
		digits := regexp.MustCompile(`(^|[^\w.])` + regexp.QuoteMeta(strings.Trim(to, `'"`)) + `($|[^\w.])`)
		a, b = digits.ReplaceAllString(a, "$1□$2"), digits.ReplaceAllString(b, "$1□$2")
	}
	return a == b
}

// stillByForm are the other forms of the failing input, by the same kind of
// change, that fail with the patch as they did on base. A number has one text
// only: those of other numbers may fail as these do.
func (c *comparison) stillByForm(alike map[string]bool) []pair {
	return slices.DeleteFunc(c.still(), func(p pair) bool {
		return p.call.Seed != 0 || !p.call.Normalising || p.call.Edit == conversion || !alike[p.call.Leaf+"\x00"+p.call.Edit]
	})
}

// other is the partner's own literal: what it was changed to, or for the test's
// own call what the twin was changed from.
func other(partner, twin pair) string {
	if partner.i == 0 {
		return twin.call.From
	}
	return partner.call.To
}

// mask replaces a literal's content in an answer, in whatever case, so that
// answers that only repeat their input are equal.
func mask(answer, literal string) string {
	content := strings.TrimSpace(strings.Trim(literal, `'"`))
	if content == "" {
		return answer
	}
	for _, v := range []string{literal, content, strings.ToUpper(content), strings.ToLower(content)} {
		for _, quote := range []string{"'", `"`} {
			answer = strings.ReplaceAll(answer, quote+v+quote, "□")
		}
	}
	return answer
}
