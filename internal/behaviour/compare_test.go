package behaviour_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
)

func returns(value string, lines ...int) language.Answer {
	return language.Answer{End: language.Returned, Type: "int", Value: value, Lines: map[string][]int{"a.src": lines}}
}

func raises(kind string, lines ...int) language.Answer {
	return language.Answer{End: language.Raised, Type: kind, Raised: language.Place{Path: "a.src", Function: "f"}, Lines: map[string][]int{"a.src": lines}}
}

// near builds the two sides: the test's own call, which fails on base and
// returns 7, and n calls that both answer, off the changed line 5.
func near(n int) behaviour.Sides {
	s := behaviour.Sides{Added: map[string][]int{"a.src": {5}}, Removed: map[string][]int{"a.src": {5}}}
	s.Calls = append(s.Calls, language.Call{Shown: "f('eur')"})
	s.Base, s.Head = append(s.Base, raises("KeyError", 5)), append(s.Head, returns("7", 5))
	for i := range n {
		value := fmt.Sprint(100 + i)
		s = with(s, language.Call{Shown: "f(" + value + ")", Leaf: "x", To: value}, returns(value, 1), returns(value, 1))
	}
	return s
}

func with(s behaviour.Sides, c language.Call, base, head language.Answer) behaviour.Sides {
	s.Calls, s.Base, s.Head = append(s.Calls, c), append(s.Base, base), append(s.Head, head)
	return s
}

// refusing has the failing call, and n more that base answers, end in a ValueError.
func refusing(s behaviour.Sides, n int) behaviour.Sides {
	s.Head[0] = raises("ValueError", 5)
	for i := range n {
		s = with(s, language.Call{Shown: fmt.Sprintf("f(-%d)", i)}, returns("1", 5), raises("ValueError", 5))
	}
	return s
}

// filtered is near a filter that base cannot read, and answers with own: base
// answers it without a part, and two others.
func filtered(failing, without, own string) behaviour.Sides {
	s := near(12)
	s.Head[0] = returns(own, 5)
	for answer, to := range []string{without, "'city=Rome'", "'city=Bath'"} {
		known := returns(fmt.Sprint(answer), 1)
		call := language.Call{Shown: "select(" + to + ")", Leaf: "filter", Edit: "token", From: failing, To: to}
		if answer > 0 { // variations of the first
			call.Seed, call.From = 13, without
		}
		s = with(s, call, known, known)
	}
	return s
}

func TestAPatchMayNotTakeWhatFailedForNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		sides behaviour.Sides
		want  bool
	}{
		{"the answer without a sign of the filter", filtered("'city!=Oslo'", "'city=Oslo'", "0"), true},
		{"the answer without its end", filtered("'city=Oslo~'", "'city=Oslo'", "0"), true},
		{"an answer of its own", filtered("'city!=Oslo'", "'city=Oslo'", "7"), false},
		{"the answer with another sign", filtered("'city!=Oslo'", "'city~=Oslo'", "0"), false},
		{"the answer without separators in a number", filtered("'1,250'", "'1250'", "0"), false},
		{"the answer without an item of a list", filtered("['a', 'b']", "['a']", "0"), false},
	} {
		found := slices.ContainsFunc(behaviour.Compare(tt.sides), func(g behaviour.Ground) bool { return g.Name == "ignored" && g.Effect == behaviour.Lowers })
		if found != tt.want {
			t.Errorf("%s: got %v", tt.name, found)
		}
	}
}

// taken has base know two cards, with the answers 1 and 2, and not the failing
// one's, nor n others, all of which are answered alike with the patch.
func taken(s behaviour.Sides, n int, answer string) behaviour.Sides {
	s.Head[0] = returns(answer, 5)
	for value, card := range []string{"B2", "A1"} {
		known := returns(fmt.Sprint(2-value), 1)
		s = with(s, language.Call{Shown: card, Leaf: "card", From: "'C3'", To: "'" + card + "'"}, known, known)
	}
	for i := range n {
		s = with(s, language.Call{Shown: "?", Leaf: "card", From: "'C3'", To: fmt.Sprintf("'X%d'", i)}, raises("KeyError", 5), returns(answer, 5))
	}
	return s
}

func TestAnAnswerLikeOneOfTwoOthersMayBeChance(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]behaviour.Sides{
		"an answer of its own":             taken(near(12), 4, "7"),
		"too few others that base refuses": taken(near(12), 3, "1"),
		"others that are answered otherwise": with(taken(near(12), 4, "1"), language.Call{Shown: "?", Leaf: "card", From: "'C3'", To: "'Y'"},
			raises("KeyError", 5), returns("3", 5)),
	} {
		for _, g := range behaviour.Compare(s) {
			if g.Name == "collision" {
				t.Errorf("%s: %s", name, g.Evidence)
			}
		}
	}
}

// converted is near a lookup by number: base answers 23 and 7, and neither the
// failing '23' nor '7'.
func converted(own, other language.Answer) behaviour.Sides {
	s := near(12)
	s.Calls[0].Shown, s.Head[0] = "f('23')", own
	s = with(s, language.Call{Shown: "f(23)", Leaf: "x", Edit: "conversion", From: "'23'", To: "23", Twin: true, Normalising: true}, returns("{'to': 'Moreau', 'id': 23}", 1), returns("{'to': 'Moreau', 'id': 23}", 1))
	s = with(s, language.Call{Shown: "f('7')", Leaf: "x", Edit: "conversion", To: "'7'"}, raises("KeyError", 5), other)
	s = with(s, language.Call{Shown: "f(7)", Leaf: "x", To: "7", Partner: len(s.Calls) - 1}, returns("{'to': 'Okafor', 'id': 7}", 1), returns("{'to': 'Okafor', 'id': 7}", 1))
	return with(s, language.Call{Shown: "f('8')", Leaf: "x", Edit: "conversion", To: "'8'", Normalising: true}, raises("KeyError", 5), raises("KeyError", 5))
}

func TestATextOfANumberIsAnsweredLikeTheNumber(t *testing.T) {
	t.Parallel()
	moreau, okafor := "{'to': 'Moreau', 'id': 23}", "{'to': 'Okafor', 'id': 7}"
	for _, tt := range []struct {
		name       string
		own, other language.Answer
		effect     behaviour.Effect
	}{
		{"both are, whatever becomes of an unknown number's", returns(moreau, 5), returns(okafor, 5), behaviour.Supports},
		{"both are, and repeat the text", returns("{'to': 'Moreau', 'id': '23'}", 5), returns("{'to': 'Okafor', 'id': '7'}", 5), behaviour.Supports},
		{"the failing one is not", returns("{'to': '23', 'id': 23}", 5), returns(okafor, 5), behaviour.Lowers},
		{"the patch mends only the failing one", returns(moreau, 5), raises("KeyError", 5), behaviour.Lowers},
		{"the patch refuses texts", raises("ValueError", 5), raises("ValueError", 5), behaviour.Lowers},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, behaviour.Compare(converted(tt.own, tt.other)), "witness", tt.effect)
		})
	}
}

func TestWhatCallsNearTheFailingOneSay(t *testing.T) {
	t.Parallel()
	varies := returns("3")
	varies.Varies = true
	for _, tt := range []struct {
		name   string
		sides  behaviour.Sides
		ground string // that decides
		effect behaviour.Effect
	}{
		{"calls that base answers are answered the same", near(12), "preserved", behaviour.Shown},
		{"too few of them support nothing", near(3), "few", behaviour.Lowers},
		{"one that fails now rejects", with(near(12), language.Call{Shown: "f(1)"}, returns("1", 1), raises("ValueError")), "preserved", behaviour.Rejects},
		{"one that fails at a changed line as the failing call did is a question", with(near(12), language.Call{Shown: "f(1)"}, returns("1", 5), raises("KeyError", 5)), "preserved", behaviour.Lowers},
		{"one that is refused as the failing call is now is a question", refusing(near(12), 1), "preserved", behaviour.Lowers},
		{"more that are refused than answered reject", refusing(near(12), 13), "preserved", behaviour.Rejects},
		{"one that runs no changed line and changes rejects", with(near(12), language.Call{Shown: "f(1)"}, returns("1", 1), returns("2", 1)), "preserved", behaviour.Rejects},
		{"one that runs a changed line and changes is a question", with(near(12), language.Call{Shown: "f(1)"}, returns("1", 5), returns("2", 5)), "changed-answers", behaviour.Lowers},
		{"an answer that varies under another hash seed is not compared", with(near(12), language.Call{Shown: "f(1)"}, varies, returns("2", 1)), "preserved", behaviour.Shown},
		{"an own answer that varies only with the patch is a question", func() behaviour.Sides {
			s := near(12)
			s.Head[0].Varies = true
			return s
		}(), "repeatable", behaviour.Lowers},
		{"a neighbour that still fails is reported", with(near(12), language.Call{Shown: "f(1)"}, raises("KeyError", 5), raises("KeyError", 5)), "half-fix", behaviour.Shown},
		{"a patch that mends the failing call alone is a question", func() behaviour.Sides {
			s := near(12)
			for i := range 4 {
				s = with(s, language.Call{Shown: fmt.Sprint("f(", i, ")")}, raises("KeyError", 5), raises("KeyError", 5))
			}
			return s
		}(), "overfit", behaviour.Lowers},
		{"nonsense that base refuses and head answers is a question", func() behaviour.Sides {
			s := with(near(12), language.Call{Shown: "twin", Leaf: "x", Edit: "number", Seed: 1}, returns("1", 1), returns("1", 1))
			s = with(s, language.Call{Shown: "f('@@')", Leaf: "x", Edit: "nonsense", Seed: 1}, raises("ValueError", 5), raises("ValueError", 5))
			return with(s, language.Call{Shown: "f('@@')", Leaf: "x", Edit: "nonsense"}, raises("KeyError", 5), returns("0", 5))
		}(), "nonsense", behaviour.Lowers},
		{"an answer that is another value's is a question", func() behaviour.Sides {
			s := near(12)
			for i, unit := range []string{"s", "m", "h"} {
				value := fmt.Sprint(i)
				s = with(s, language.Call{Shown: unit, Leaf: "wait#0", From: "'wait 250ms'", To: "'wait 250" + unit + "'"}, returns(value, 1), returns(value, 1))
			}
			s.Head[0] = returns("1", 5)
			return s
		}(), "collision", behaviour.Lowers},
		{"an unknown value that is taken for one of two known ones is a question", taken(near(12), 4, "1"), "collision", behaviour.Lowers},
		{"an answer of another type than twenty of base's rejects", func() behaviour.Sides {
			s := near(25)
			s.Head[0].Type = "str"
			return s
		}(), "type", behaviour.Rejects},
		{"an answer with a part that none of base's has is a question", func() behaviour.Sides {
			s := near(25)
			for i := range s.Base {
				s.Base[i].Parts = []language.Part{{Path: "", Type: "int", Text: s.Base[i].Value}}
			}
			s.Head[0].Parts = []language.Part{{Path: "", Type: "int", Text: "-1"}}
			return s
		}(), "shape", behaviour.Lowers},
		{"a failing call that cannot be observed says nothing", behaviour.Sides{Calls: make([]language.Call, 1), Base: []language.Answer{{End: language.Lost}}, Head: []language.Answer{returns("1")}}, "observed", behaviour.Lowers},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, behaviour.Compare(tt.sides), tt.ground, tt.effect)
		})
	}
}

func TestWhereATestSaysWhatIsRightTheRestIsKept(t *testing.T) {
	t.Parallel()
	call := language.Call{Shown: "f(1)"}
	for _, tt := range []struct {
		name   string
		sides  behaviour.Sides
		effect behaviour.Effect // "" no ground
	}{
		{"calls that run no changed line are answered the same", near(3), behaviour.Shown},
		{"one that is answered otherwise rejects", with(near(3), call, returns("1", 1), returns("2", 1)), behaviour.Rejects},
		{"one that fails now rejects", with(near(3), call, returns("1", 1), raises("ValueError", 1)), behaviour.Rejects},
		{"one that runs a changed line may change", with(near(3), call, returns("1", 5), returns("2", 5)), behaviour.Shown},
		{"one that runs a changed line may fail", with(near(3), call, returns("1", 5), raises("ValueError", 5)), behaviour.Shown},
		{"one that base refuses may be answered", with(near(3), call, raises("ValueError", 1), returns("2", 1)), behaviour.Shown},
		{"where no call runs a changed line, nothing is known of what may change", func() behaviour.Sides {
			s := with(near(3), call, returns("1", 1), returns("2", 1))
			s.Added, s.Removed = nil, nil
			return s
		}(), ""},
		{"where base answers no call, nothing is known", near(0), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := behaviour.Kept(tt.sides)
			switch {
			case g == nil && tt.effect == "":
			case g == nil || g.Name != "preserved" || g.Effect != tt.effect:
				t.Errorf("got %+v, want %s", g, tt.effect)
			}
		})
	}
}

func TestADifferenceShowsWhatDiffers(t *testing.T) {
	t.Parallel()
	with := func(a language.Answer, change func(*language.Answer)) language.Answer {
		change(&a)
		return a
	}
	for _, tt := range []struct {
		name                  string
		before, after         language.Answer
		wantBefore, wantAfter string
	}{
		{"values", returns("1"), returns("2"), "returns 1", "returns 2"},
		{"of equal values, what is left behind", with(returns("1"), func(a *language.Answer) { a.State = "till.OPEN: [5]" }), returns("1"),
			"returns 1 and leaves till.OPEN: [5]", "returns 1 and leaves nothing else"},
		{"of equal values, what is written", returns("1"), with(returns("1"), func(a *language.Answer) { a.Output = "hello" }),
			"returns 1 and writes nothing else", "returns 1 and writes hello"},
		{"equal exceptions", raises("KeyError"), with(raises("KeyError"), func(a *language.Answer) { a.State = "x" }), "raises KeyError", "raises KeyError"},
	} {
		if d := behaviour.Differing("f(1)", tt.before, tt.after); d.Before != tt.wantBefore || d.After != tt.wantAfter {
			t.Errorf("%s: got %+v", tt.name, d)
		}
	}
}

func expect(t *testing.T, grounds []behaviour.Ground, name string, effect behaviour.Effect) {
	t.Helper()
	var all []string
	for _, g := range grounds {
		if g.Name == name && g.Effect == effect {
			return
		}
		all = append(all, fmt.Sprintf("%s %s: %s", g.Name, g.Effect, g.Evidence))
	}
	t.Errorf("no ground %s that %s in\n%s", name, effect, strings.Join(all, "\n"))
}

// normalised is near a lookup in upper case: base answers EUR and GBP, and not
// the failing eur, nor gbp.
func normalised(eur, gbp language.Answer) behaviour.Sides {
	s := near(12)
	s.Head[0] = eur
	s = with(s, language.Call{Shown: "f('EUR')", Leaf: "x", From: "'eur'", To: "'EUR'", Twin: true, Normalising: true}, returns("7 'EUR'", 1), returns("7 'EUR'", 1))
	s = with(s, language.Call{Shown: "f('gbp')", Leaf: "x", To: "'gbp'"}, raises("KeyError", 5), gbp)
	return with(s, language.Call{Shown: "f('GBP')", Leaf: "x", To: "'GBP'", Partner: len(s.Calls) - 1}, returns("8 'GBP'", 1), returns("8 'GBP'", 1))
}

func TestAnInputThatDiffersOnlyInFormIsAnsweredLikeTheOther(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		eur, gbp language.Answer
		effect   behaviour.Effect
	}{
		{"both are", returns("7 'eur'", 5), returns("8 'GBP'", 5), behaviour.Supports},
		{"the failing one is not", returns("1 'eur'", 5), returns("8 'GBP'", 5), behaviour.Rejects},
		{"the patch mends only the failing one", returns("7 'eur'", 5), raises("KeyError", 5), behaviour.Rejects},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, behaviour.Compare(normalised(tt.eur, tt.gbp)), "witness", tt.effect)
		})
	}
}

func TestOtherFormsOfTheFailingInputShouldBeAnsweredToo(t *testing.T) {
	t.Parallel()
	s := normalised(returns("7 'eur'", 5), returns("8 'GBP'", 5))
	s.Calls[13].Edit = "case"
	s = with(s, language.Call{Shown: "f('Eur')", Leaf: "x", To: "'Eur'", Normalising: true, Edit: "case"}, raises("KeyError", 5), raises("KeyError", 5))
	expect(t, behaviour.Compare(s), "witness", behaviour.Lowers)
}

func TestAConstantInPlaceOfAComputationIsRejected(t *testing.T) {
	t.Parallel()
	sides := func(answer func(i int) string) behaviour.Sides {
		s := with(near(12), language.Call{Shown: "f(10)", Leaf: "n", Twin: true}, returns("10", 1), returns("10", 1))
		s.Head[0] = returns(answer(0), 5)
		twin := len(s.Calls) - 1
		for i := range 6 {
			n := fmt.Sprint(i)
			s = with(s, language.Call{Shown: "twin " + n, Leaf: "n", To: n, Seed: twin}, returns("a"+n, 1), returns("a"+n, 1))
			s = with(s, language.Call{Shown: "own " + n, Leaf: "n", To: n}, raises("KeyError", 5), returns(answer(i), 5))
		}
		return s
	}
	expect(t, behaviour.Compare(sides(func(int) string { return "0" })), "sensitivity", behaviour.Rejects)
	for _, g := range behaviour.Compare(sides(func(i int) string { return fmt.Sprint(i * 3) })) {
		if g.Effect == behaviour.Rejects {
			t.Errorf("answers that vary are rejected: %s: %s", g.Name, g.Evidence)
		}
	}
}

func TestALiteralThatDoesNotMatterForTheFailingInputIsAQuestion(t *testing.T) {
	t.Parallel()
	// The twin differs in the card, and around it base's answers vary with a
	// member's points; the failing input has another customer, whose answers vary
	// with the price.
	s := with(near(12), language.Call{Shown: "f('K-17')", Leaf: "card", Twin: true}, returns("10", 1), returns("10", 1))
	twin := len(s.Calls) - 1
	for i := range 6 {
		n := fmt.Sprint(i)
		s = with(s, language.Call{Shown: "twin " + n, Leaf: "points", To: n, Seed: twin}, returns("a"+n, 1), returns("a"+n, 1))
		s = with(s, language.Call{Shown: "own points " + n, Leaf: "points", To: n}, raises("KeyError", 5), returns("0", 5))
		s = with(s, language.Call{Shown: "own price " + n, Leaf: "price", To: n}, raises("KeyError", 5), returns("p"+n, 5))
	}
	expect(t, behaviour.Compare(s), "sensitivity", behaviour.Lowers)
}

func TestALiteralThatIsOnlyRepeatedIsNotAComputation(t *testing.T) {
	t.Parallel()
	s := with(near(12), language.Call{Shown: "f('o-1')", Leaf: "id", Twin: true}, returns("'o-1'", 1), returns("'o-1'", 1))
	twin := len(s.Calls) - 1
	for i := range 84 { // every fourteenth is written otherwise than it was given, so that it is not masked
		literal, value := fmt.Sprintf("'o-%d'", i), fmt.Sprintf("'o-%d'", i)
		if i%14 == 0 {
			value = fmt.Sprintf("o-%d, escaped", i)
		}
		s = with(s, language.Call{Shown: "own", Leaf: "id", To: literal}, raises("KeyError", 5), returns(value, 5))
		if i%7 == 0 {
			s = with(s, language.Call{Shown: "twin", Leaf: "id", To: literal, Seed: twin}, returns(value, 1), returns(value, 1))
		}
	}
	for _, g := range behaviour.Compare(s) {
		if g.Effect == behaviour.Rejects || g.Name == "sensitivity" {
			t.Errorf("answers that repeat the literal on both sides: %s %s: %s", g.Name, g.Effect, g.Evidence)
		}
	}
}

func TestStrength(t *testing.T) {
	t.Parallel()
	ground := func(e behaviour.Effect) behaviour.Ground { return behaviour.Ground{Effect: e} }
	for _, tt := range []struct {
		name    string
		effects []behaviour.Effect
		want    behaviour.Strength
	}{
		{"nothing known", nil, behaviour.Undetermined},
		{"support alone", []behaviour.Effect{behaviour.Supports, behaviour.Shown}, behaviour.Supported},
		{"support beside something unexplained", []behaviour.Effect{behaviour.Supports, behaviour.Lowers}, behaviour.Undetermined},
		{"an established answer explains what is unexplained", []behaviour.Effect{behaviour.Lowers, behaviour.Establishes}, behaviour.Established},
		{"a rejection is never outweighed", []behaviour.Effect{behaviour.Establishes, behaviour.Rejects}, behaviour.Undetermined},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var grounds []behaviour.Ground
			for _, e := range tt.effects {
				grounds = append(grounds, ground(e))
			}
			if got := behaviour.StrengthOf(grounds); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAContestNeedsALoser(t *testing.T) {
	t.Parallel()
	var none, won, open behaviour.Contest
	none.Equal = 3
	won.Refuted("preserved")
	open.Refuted("preserved")
	open.Survives("1 → 2", behaviour.Difference{})
	for want, c := range map[behaviour.Effect]*behaviour.Contest{behaviour.Supports: &won} {
		if g := c.Ground(); g.Effect != want {
			t.Errorf("got %+v, want it %s", g, want)
		}
	}
	for _, c := range []*behaviour.Contest{&none, &open} {
		if g := c.Ground(); g.Effect != behaviour.Lowers {
			t.Errorf("got %+v, want it lowers", g)
		}
	}
}

func TestNumbersThatAreEqualInAllAnswersStayEqual(t *testing.T) {
	t.Parallel()
	pages := func(n, said int) language.Answer {
		a := returns(fmt.Sprint(n, said))
		for i := range n {
			a.Parts = append(a.Parts, language.Part{Path: fmt.Sprintf("[%d]", i), Type: "str", Text: fmt.Sprintf("page %d of %d", i+1, said)})
		}
		return a
	}
	sides := func(own language.Answer) behaviour.Sides {
		s := near(0)
		for n := range 22 {
			s = with(s, language.Call{Shown: fmt.Sprint(n)}, pages(n+1, n+1), pages(n+1, n+1))
		}
		s.Head[0] = own
		return s
	}
	expect(t, behaviour.Compare(sides(pages(3, 4))), "relations", behaviour.Lowers)
	for _, g := range behaviour.Compare(sides(pages(3, 3))) {
		if g.Name == "relations" {
			t.Errorf("labels that count are questioned: %s", g.Evidence)
		}
	}
}

func TestARivalAnswersOtherwise(t *testing.T) {
	t.Parallel()
	sides := func(heads ...language.Answer) behaviour.Sides {
		return behaviour.Sides{Calls: make([]language.Call, 2), Base: []language.Answer{raises("KeyError"), raises("KeyError")}, Head: heads}
	}
	own := returns("7")
	for _, tt := range []struct {
		name         string
		patch, rival language.Answer
		want         bool
	}{
		{"with another value", returns("1"), returns("2"), true},
		{"with a value where the patch fails", raises("KeyError"), returns("2"), true},
		{"with another exception where the patch answers", returns("1"), raises("ValueError"), true},
		{"not by mending less", returns("1"), raises("KeyError"), false},
		{"not by another refusal", raises("ValueError"), raises("TypeError"), false},
		{"not by the same value", returns("1"), returns("1"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if d, got := behaviour.Otherwise(sides(own, tt.patch), sides(own, tt.rival)); got != tt.want {
				t.Errorf("got %v (%+v), want %v", got, d, tt.want)
			}
		})
	}
}

func TestWhatTheOwnAnswerBeingKnownDoesNotExplain(t *testing.T) {
	t.Parallel()
	ground := func(name string, e behaviour.Effect) behaviour.Ground { return behaviour.Ground{Name: name, Effect: e} }
	for _, tt := range []struct {
		establishes, lowers string
		want                behaviour.Strength
	}{
		{"documented", "rivals", behaviour.Established},
		{"documented", "few", behaviour.Established},
		{"documented", "changed-answers", behaviour.Undetermined},
		{"history", "changed-answers", behaviour.Established},
		{"person", "changed-answers", behaviour.Established},
		{"person", "preserved", behaviour.Undetermined},
		{"history", "suite", behaviour.Undetermined},
	} {
		got := behaviour.StrengthOf([]behaviour.Ground{ground(tt.establishes, behaviour.Establishes), ground(tt.lowers, behaviour.Lowers)})
		if got != tt.want {
			t.Errorf("%s beside %s: got %s, want %s", tt.establishes, tt.lowers, got, tt.want)
		}
	}
}

func TestAnswersThatCannotBeComparedAreNotEqual(t *testing.T) {
	t.Parallel()
	s := near(30)
	for i := 1; i < 6; i++ {
		s.Head[i] = language.Answer{End: language.Slow}
	}
	expect(t, behaviour.Compare(s), "incomparable", behaviour.Lowers)
	refusing := near(12)
	for i := range 3 {
		refusing = with(refusing, language.Call{Shown: fmt.Sprint(-i)}, raises("ValueError", 5), returns("0", 5))
	}
	expect(t, behaviour.Compare(refusing), "refused-answers", behaviour.Lowers)
	own := near(12).Head
	if lost := behaviour.Only(own, []int{0, 1}); behaviour.Whole(own, lost) || !behaviour.Whole(own, own) {
		t.Error("answers that are lost count as given")
	}
}
