package behaviour

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

const (
	enoughDistinct = 20 // different answers of base from which an invariant is read
	enoughValues   = 4  // values of one literal from which it is said whether answers vary with it
)

// sensitivity: where base's answers vary with a literal, the answers that the
// patch adds must vary with it too. A constant in place of the failing
// computation shows here.
func (c *comparison) sensitivity() (lowers *Ground) {
	for _, leaf := range c.leaves() {
		var added []pair
		values := map[string]bool{}
		for _, p := range c.healed() {
			if p.call.Seed == 0 && p.call.Leaf == leaf {
				added = append(added, p)
				values[mask(p.head.Value, p.call.To)] = true
			}
		}
		if len(added) < enoughValues || len(values) > max(1, len(added)/10) {
			continue
		}
		around := c.aroundTwins(leaf)
		for _, seed := range slices.Sorted(maps.Keys(around)) {
			known := around[seed]
			distinct := map[string]bool{}
			for _, p := range known {
				distinct[mask(p.base.Value, p.call.To)] = true
			}
			// What mask leaves of a literal, such as its escapes, varies on both sides.
			if len(known) < enoughValues || len(distinct) < max(3, len(known)*2/5, 2*len(values)+1) {
				continue
			}
			g := &Ground{"sensitivity", c.insensitive(seed, leaf), fmt.Sprintf("around %s base's answers vary with %s (%d different ones for %d values), but those that the patch adds do not (%d for %d)",
				c.pairs[seed].call.Shown, leaf, len(distinct), len(known), len(values), len(added)), examples(added)}
			if g.Effect == Rejects {
				return g
			}
			if lowers == nil {
				lowers = g
			}
		}
	}
	return lowers
}

// insensitive is what it does to a verdict that added answers do not vary with a
// leaf. It rejects where the leaf is the one that production's value made fail,
// or where the added answers vary with nothing. Otherwise the failing input may
// be one for which the leaf does not matter: the points of a member who is not
// the customer.
func (c *comparison) insensitive(twin int, leaf string) Effect {
	if c.pairs[twin].call.Leaf == leaf {
		return Rejects
	}
	values, n := map[string]bool{}, 0
	for _, p := range c.healed() {
		if p.call.Seed == 0 && p.call.Leaf != "" {
			values[mask(p.head.Value, p.call.To)] = true
			n++
		}
	}
	if len(values) <= max(1, n/10) {
		return Rejects
	}
	return Lowers
}

// leaves are the literals that calls change, in order of appearance.
func (c *comparison) leaves() (found []string) {
	for _, p := range c.pairs {
		if p.call.Leaf != "" && p.call.Edit != "joint" && !slices.Contains(found, p.call.Leaf) {
			found = append(found, p.call.Leaf)
		}
	}
	return found
}

// aroundTwins are the calls that vary a leaf of a twin and that base answers,
// by the twin's index.
func (c *comparison) aroundTwins(leaf string) map[int][]pair {
	found := map[int][]pair{}
	for _, p := range c.pairs {
		if p.call.Seed != 0 && p.call.Seed < len(c.pairs) && p.call.Leaf == leaf && Answered(p.base) {
			found[p.call.Seed] = append(found[p.call.Seed], p)
		}
	}
	return found
}

// nonsense: a literal that base looks up or parses: around a call that base
// answers, ordinary values are answered and nonsense is refused. A patch that
// answers nonsense there avoids the failure rather than mending it.
func (c *comparison) nonsense() *Ground {
	for _, leaf := range c.leaves() {
		var added []pair
		answered, refused, accepted := 0, 0, 0
		for _, p := range c.pairs {
			around := p.call.Seed != 0
			switch {
			case p.call.Leaf != leaf || !Comparable(p.base):
			case p.call.Edit != "nonsense":
				if around && Answered(p.base) {
					answered++
				}
			case Answered(p.base):
				accepted++
			case Answered(p.head):
				added = append(added, p)
				fallthrough
			default:
				if around {
					refused++
				}
			}
		}
		if len(added) > 0 && answered > 0 && refused > 0 && accepted == 0 {
			return &Ground{"nonsense", Lowers, fmt.Sprintf("with the patch %s with nonsense at %s are answered, all of which base refuses", text.Count(len(added), "call"), leaf), examples(added)}
		}
	}
	return nil
}

// collision: base tells what stands at one place of a literal apart, each value
// has an answer of its own; the failing call is now answered like one with
// another value there. A unit or a key that is taken for another shows here. Two
// values may differ by chance; they count where whatever base does not know
// there is now answered like one of them.
func (c *comparison) collision() *Ground {
	own := c.pairs[0]
	if !Answered(own.head) || c.Asserted {
		return nil
	}
	type group struct {
		known   int
		answers map[string]bool
		like    *pair
	}
	groups := map[string]*group{}
	for _, p := range c.pairs {
		if p.call.Seed != 0 || p.call.Normalising || !Answered(p.base) {
			continue
		}
		leaf, _, _ := strings.Cut(p.call.Leaf, "#")
		at, from, to := place(p.call.From, p.call.To)
		if leaf == "" || from == "" || to == "" {
			continue
		}
		g := groups[leaf+"\x00"+at]
		if g == nil {
			g = &group{answers: map[string]bool{}}
			groups[leaf+"\x00"+at] = g
		}
		g.known++
		answer := mask(p.base.Value, to)
		g.answers[answer] = true
		if answer == mask(own.head.Value, from) {
			g.like = &p
		}
	}
	for _, at := range slices.Sorted(maps.Keys(groups)) {
		leaf, _, _ := strings.Cut(at, "\x00")
		if g := groups[at]; g.like != nil && len(g.answers) == g.known && (g.known >= 3 || g.known == 2 && c.levelled(leaf)) {
			return &Ground{"collision", Lowers, fmt.Sprintf("base answers each of %d other values in %s in a way of its own; the failing call is now answered like one of them", g.known, leaf),
				[]Difference{{Call: g.like.call.Shown, Before: Show(g.like.base), After: "the failing call " + Show(own.head)}}}
		}
	}
	return nil
}

// levelled reports whether the values of a literal with which the call failed as
// it does are all answered alike now, as the failing call is.
func (c *comparison) levelled(leaf string) bool {
	own, n := c.pairs[0].head, 0
	for _, p := range c.healed() {
		if p.call.Seed != 0 || p.call.Leaf != leaf || p.call.Normalising {
			continue
		}
		if p.head.Value != own.Value {
			return false
		}
		n++
	}
	return n >= enoughValues
}

// ignored: the failing call is answered as base answers it without a part of a
// text, and base's answers vary with that text: the patch takes what made the
// call fail for nothing. Separators within a number are nothing.
func (c *comparison) ignored() *Ground {
	own := c.pairs[0]
	if !Answered(own.head) || c.Asserted {
		return nil
	}
	distinct, like := map[string]map[string]bool{}, map[string]pair{}
	for _, p := range c.pairs[1:] {
		if p.call.Normalising || !Answered(p.base) {
			continue
		}
		leaf, _, _ := strings.Cut(p.call.Leaf, "#")
		if distinct[leaf] == nil {
			distinct[leaf] = map[string]bool{}
		}
		distinct[leaf][mask(p.base.Value, p.call.To)] = true
		if p.call.Seed == 0 && left(p.call.From, p.call.To) && p.base.Type == own.head.Type && mask(p.base.Value, p.call.To) == mask(own.head.Value, p.call.From) {
			like[leaf] = p
		}
	}
	for _, leaf := range slices.Sorted(maps.Keys(like)) {
		if p := like[leaf]; len(distinct[leaf]) >= 3 {
			return &Ground{"ignored", Lowers, fmt.Sprintf("the failing call is answered as base answers it without a part of %s", leaf),
				[]Difference{{Call: p.call.Shown, Before: Show(p.base), After: "the failing call " + Show(own.head)}}}
		}
	}
	return nil
}

// left reports whether a text is another one without a part of it that is more
// than a separator between two digits.
func left(whole, rest string) bool {
	if len(rest) >= len(whole) || whole == "" || !strings.ContainsAny(whole[:1], `'"`) {
		return false
	}
	i := 0
	for i < len(rest) && whole[i] == rest[i] {
		i++
	}
	end := i + len(whole) - len(rest)
	if whole[end:] != rest[i:] {
		return false
	}
	return strings.Trim(whole[i:end], ",._ ") != "" || kind(whole[i-1]) != 2 || kind(whole[end]) != 2
}

// place says where two literals differ: what stands before and after that, and
// what stands there in each, as whole runs of letters or of digits.
func place(a, b string) (at, from, to string) {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	k := 0
	for k < min(len(a), len(b))-i && a[len(a)-1-k] == b[len(b)-1-k] {
		k++
	}
	for i > 0 && i < len(a) && kind(a[i-1]) != 0 && (kind(a[i-1]) == kind(a[i]) || i < len(b) && kind(a[i-1]) == kind(b[i])) {
		i--
	}
	for k > 0 && kind(a[len(a)-k]) != 0 && len(a)-k-1 >= i && kind(a[len(a)-k]) == kind(a[len(a)-k-1]) {
		k--
	}
	if i+k > min(len(a), len(b)) {
		return "", "", ""
	}
	return a[:i] + "\x00" + a[len(a)-k:], a[i : len(a)-k], b[i : len(b)-k]
}

// kind of a byte: 1 a letter, 2 a digit, 0 anything else.
func kind(b byte) int {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == '_', b >= 0x80:
		return 1
	case b >= '0' && b <= '9':
		return 2
	}
	return 0
}

// answers are base's different answers, and whether there are enough of them.
func (c *comparison) answers() (known []pair, enough bool) {
	seen := map[string]bool{}
	for _, p := range c.pairs {
		if Answered(p.base) && !seen[p.base.Value] {
			seen[p.base.Value] = true
			known = append(known, p)
		}
	}
	return known, len(known) >= enoughDistinct
}

// types: answers that the patch adds have a type that base's answers have. A
// type says also whether a result is lazy.
func (c *comparison) types() *Ground {
	known, enough := c.answers()
	types := map[string]bool{}
	for _, p := range known {
		types[p.base.Type] = true
	}
	var added []pair
	for _, p := range c.healed() {
		if !types[p.head.Type] {
			added = append(added, p)
		}
	}
	if len(added) == 0 || len(known) == 0 {
		return nil
	}
	effect := Lowers
	if enough {
		effect = Rejects
	}
	return &Ground{"type", effect, fmt.Sprintf("%s that the patch answers return %s; base's %d different answers are %s",
		text.Count(len(added), "call"), added[0].head.Type, len(known), strings.Join(slices.Sorted(maps.Keys(types)), ", ")), examples(added)}
}

var (
	word   = regexp.MustCompile(`[\p{L}\p{N}_]+`)
	number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$`)
	index  = regexp.MustCompile(`\[[0-9]+\]`)
)

// trait is what one part of an answer looks like: its place without indices, and
// its type, sign and emptiness or the shape of its text.
func traits(a language.Answer) map[string]bool {
	found := map[string]bool{}
	for _, part := range a.Parts {
		shape := part.Type
		switch {
		case number.MatchString(part.Text):
			v, _ := strconv.ParseFloat(part.Text, 64)
			switch {
			case v == 0:
				shape += " zero"
			case v < 0:
				shape += " below zero"
			default:
				shape += " above zero"
			}
		default:
			shape += " " + text.Clip(word.ReplaceAllString(part.Text, "w"), 80)
		}
		found[index.ReplaceAllString(part.Path, "[]")+": "+shape] = true
	}
	return found
}

// shapes: the failing call's answer looks like base's answers do: the same
// parts, with texts of the same shape and numbers of the same sign.
func (c *comparison) shapes() *Ground {
	own := c.pairs[0]
	if !Answered(own.head) || c.Asserted {
		return nil
	}
	known, enough := c.answers()
	if !enough {
		return nil
	}
	usual := map[string]bool{}
	for _, p := range known {
		maps.Copy(usual, traits(p.base))
	}
	var unusual []string
	for t := range traits(own.head) {
		if !usual[t] {
			unusual = append(unusual, t)
		}
	}
	if len(unusual) == 0 {
		return &Ground{"shape", Shown, fmt.Sprintf("the answer looks like base's %d different answers", len(known)), nil}
	}
	slices.Sort(unusual)
	return &Ground{"shape", Lowers, fmt.Sprintf("the answer has parts that look like none in base's %d different answers: %s",
		len(known), text.Clip(strings.Join(unusual, "; "), maxShown)), []Difference{own.difference()}}
}
