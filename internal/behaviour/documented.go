package behaviour

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

// Documents is what base documents, and how both sides compare with it. That
// something is documented says nothing: what counts is an example that only one
// side meets, and an exception that is promised for the very input.
type Documents struct {
	Sides
	Said  *language.Documentation
	Met   []language.ExampleOutcome // of Said.Examples on base
	Meets []language.ExampleOutcome // and on head
}

// Documented applies the rules on documentation.
func Documented(d Documents) (grounds []Ground) {
	if d.Said == nil || len(d.Calls) == 0 || len(d.Base) != len(d.Calls) || len(d.Head) != len(d.Calls) {
		return nil
	}
	for _, rule := range []func() *Ground{d.examples, d.refusals, d.refused} {
		if g := rule(); g != nil {
			grounds = append(grounds, *g)
		}
	}
	return grounds
}

// examples: one that base meets must be met on head. One that fails on base as
// the incident did says what is right: head must meet it.
func (d Documents) examples() *Ground {
	var lost, still, mended, fixed, unmet []Difference
	for i, e := range d.Said.Examples[:min(len(d.Said.Examples), len(d.Met), len(d.Meets))] {
		b, h := d.Met[i], d.Meets[i]
		if !ended(b) || !ended(h) {
			continue
		}
		shown := Difference{Call: fmt.Sprintf("%s (%s:%d), documented to give %s", strings.TrimSpace(e.Source), e.Path, e.Line, text.Clip(strings.TrimSpace(e.Want), 100)), Before: gives(b), After: gives(h)}
		switch {
		case b.End == language.Met && h.End != language.Met:
			lost = append(lost, shown)
		case b.End == language.Met:
		case h.End == language.Met && d.asIncident(b):
			fixed = append(fixed, shown)
		case d.asIncident(b):
			still = append(still, shown)
		case h.End == language.Met:
			mended = append(mended, shown)
		case e.Function != "" && runsAny(h.Lines, d.Added):
			unmet = append(unmet, shown)
		}
	}
	ground := func(effect Effect, shown []Difference, format string) *Ground {
		return &Ground{"documented", effect, fmt.Sprintf(format, text.Count(len(shown), "documented example")), shown[:min(len(shown), maxExamples)]}
	}
	switch {
	case len(lost) > 0:
		return ground(Rejects, lost, "%s that base meets fail with the patch")
	case len(still) > 0:
		return ground(Rejects, still, "%s that failed as the incident did still do not hold with the patch")
	case len(unmet) > 0:
		return ground(Lowers, unmet, "%s on the patch's path fail on base and with it")
	case len(fixed) > 0:
		return ground(Establishes, fixed, "%s failed as the incident did, and hold with the patch")
	case len(mended) > 0:
		return ground(Supports, mended, "%s failed on base, and hold with the patch")
	}
	return nil
}

// ended reports whether something follows from an outcome.
func ended(o language.ExampleOutcome) bool {
	return o.End == language.Met || o.End == language.Unmet || o.End == language.Failing
}

func gives(o language.ExampleOutcome) string {
	switch o.End {
	case language.Met:
		return "as documented"
	case language.Failing:
		return "raises " + text.Clip(o.Got, maxShown)
	}
	return "gives " + text.Clip(o.Got, maxShown)
}

// asIncident reports whether an example failed as the test's own call does on base.
func (d Documents) asIncident(o language.ExampleOutcome) bool {
	own := d.Base[0]
	return o.End == language.Failing && own.End == language.Raised && incident.BareName(o.Type) == incident.BareName(own.Type) &&
		o.Place != nil && o.Place.Path == own.Raised.Path && incident.BareName(o.Place.Function) == incident.BareName(own.Raised.Function)
}

func runsAny(ran, lines map[string][]int) bool { return runs(language.Answer{Lines: ran}, lines) }

// refusals: an exception that is documented for a class of input, such as an
// unknown name, is what such input gets. Calls that base refuses, if with
// another exception, must not be answered by the patch. The class must tell
// inputs apart: base answers others at the same place, and none of the class.
func (d Documents) refusals() *Ground {
	var against, along []Difference
	all, refusal := true, language.Refusal{}
	for _, r := range d.Said.Refusals {
		for _, members := range d.members(r) {
			answered := 0
			var shown []Difference
			for _, i := range members {
				diff := Difference{Call: d.Calls[i].Shown, Before: Show(d.Base[i]), After: Show(d.Head[i])}
				switch {
				case Answered(d.Head[i]):
					answered++
					shown = append(shown, diff)
				case d.Head[i].End == language.Raised && incident.BareName(d.Head[i].Type) == r.Type && incident.BareName(d.Base[i].Type) != r.Type:
					along = append(along, diff)
				}
			}
			if answered > 0 {
				against, refusal = append(against, shown...), r
				all = all && answered == len(members) && answered > 1
			}
		}
	}
	switch {
	case len(against) > 0:
		effect := Lowers
		if all {
			effect = Rejects
		}
		return &Ground{"documented", effect, fmt.Sprintf("%s documents %s %s, but with the patch %s of that kind, which base refuses, %s answered",
			incident.BareName(refusal.Function), refusal.Type, text.Line(refusal.Condition, 100), text.Count(len(against), "call"), are(len(against))), against[:min(len(against), maxExamples)]}
	case len(along) > 0:
		return &Ground{"documented", Supports, fmt.Sprintf("with the patch %s %s refused as documented", text.Count(len(along), "call"), are(len(along))), along[:min(len(along), maxExamples)]}
	}
	return nil
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// members are the calls that a refusal speaks of, by the literal that was
// changed for them.
func (d Documents) members(r language.Refusal) map[string][]int {
	found := map[string][]int{}
	distinct := map[string]bool{} // literals of which base answers an ordinary value
	kept := map[string]bool{}     // and those of which it answers one of the class
	in := classOf(r.Condition)
	if in == nil {
		return nil
	}
	for i, c := range d.Calls {
		switch {
		case c.Leaf == "" || !Comparable(d.Base[i]) || !Comparable(d.Head[i]):
		case !in(c.Leaf, c.Edit, c.To):
			if Answered(d.Base[i]) {
				distinct[c.Leaf] = true
			}
		case Answered(d.Base[i]):
			kept[c.Leaf] = true
		case ran(d.Base[i], r):
			found[c.Leaf] = append(found[c.Leaf], i)
		}
	}
	for leaf := range found {
		if kept[leaf] || !distinct[leaf] {
			delete(found, leaf)
		}
	}
	return found
}

// ran reports whether a call ran the function that documents the refusal.
func ran(a language.Answer, r language.Refusal) bool {
	return slices.ContainsFunc(a.Lines[r.Path], func(n int) bool { return r.First <= n && n <= r.Last })
}

// refused: the patch answers production's call with a documented exception.
// Where the condition is one on a number or on emptiness, it must hold for
// production's input.
func (d Documents) refused() *Ground {
	own := d.Head[0]
	if own.End != language.Raised {
		return nil
	}
	for _, r := range d.Said.Refusals {
		if incident.BareName(own.Type) != r.Type || !ran(own, r) {
			continue
		}
		g := &Ground{"documented", Shown, fmt.Sprintf("with the patch the call raises %s, which %s documents: %s", r.Type, incident.BareName(r.Function), text.Line(r.Condition, 100)), nil}
		if in := classOf(r.Condition); in != nil {
			for _, c := range d.Calls {
				if c.Seed == 0 && c.Leaf != "" && c.From != "" && in(c.Leaf, "", c.From) {
					g.Effect = Supports
				}
			}
		}
		return g
	}
	return nil
}

// A class of input: whether the literal at a leaf, as it is or after an edit, is
// of it.
type class func(leaf, edit, literal string) bool

var (
	unknown     = regexp.MustCompile(`(?i)\b(?:unknown|unrecogni[sz]ed|unsupported|unlisted|undefined|invalid|malformed|unparsable|illegal|bad|wrong)\b|\bno such\b|\bthere (?:is|are) (?:none|no)\b|\bnone (?:is|are|was|matches)\b|\b(?:not|n't|cannot be|can't be|never) (?:a |an |one |be |in |the |of |any )*(?:known|found|listed|recogni[sz]ed|supported|registered|published|parsed|understood|read|valid|exist\w*|member|table|there)\b|\bnot (?:a|an|one)\b`)
	nothing     = regexp.MustCompile(`(?i)\b(?:empty|blank)\b`)
	negative    = regexp.MustCompile(`(?i)\bnegative\b|\b(?:below|less than|under|smaller than) (?:0|zero)\b|<\s*0\b`)
	nonPositive = regexp.MustCompile(`(?i)\bnot positive\b|\bnon-?positive\b|\b(?:must|has to) be positive\b|\bzero or (?:less|negative)\b|<\s*1\b|<=\s*0\b|\b(?:below|less than|smaller than) (?:1|one)\b`)
)

// classOf is the class of input that a condition names; nil for one that is not
// understood. One on a number or on emptiness must name the input.
func classOf(condition string) class {
	named := func(is func(literal string) bool) class {
		words := strings.FieldsFunc(strings.ToLower(condition), func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') })
		return func(leaf, _, literal string) bool {
			return slices.Contains(words, strings.ToLower(last(leaf))) && is(literal)
		}
	}
	number := func(is func(float64) bool) class {
		return named(func(literal string) bool {
			n, err := strconv.ParseFloat(strings.Trim(literal, "'\" "), 64)
			return err == nil && is(n)
		})
	}
	switch {
	case nonPositive.MatchString(condition):
		return number(func(n float64) bool { return n <= 0 })
	case negative.MatchString(condition):
		return number(func(n float64) bool { return n < 0 })
	case nothing.MatchString(condition):
		return named(func(literal string) bool {
			return slices.Contains([]string{"''", `""`, "[]", "{}", "()", "b''", `b""`}, literal)
		})
	case unknown.MatchString(condition):
		return func(_, edit, _ string) bool { return edit == "nonsense" }
	}
	return nil
}

// last is the name at the end of a leaf's path: size for options.size[0].
func last(leaf string) string {
	name := leaf[strings.LastIndexByte(leaf, '.')+1:]
	name, _, _ = strings.Cut(name, "[")
	return name
}
