package behaviour_test

import (
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
)

func outcome(end language.ExampleEnd, got string) language.ExampleOutcome {
	return language.ExampleOutcome{End: end, Got: got, Lines: map[string][]int{"a.src": {1, 2}}}
}

// crash is an example's outcome that is the failure of near's own call.
var crash = language.ExampleOutcome{End: language.Failing, Got: "KeyError: 'eur'", Type: "KeyError", Place: &language.Place{Path: "a.src", Function: "f"}, Lines: map[string][]int{"a.src": {5}}}

func TestADocumentedExampleCountsOnlyWhereItTellsSidesApart(t *testing.T) {
	t.Parallel()
	met, unmet := outcome(language.Met, ""), outcome(language.Unmet, "3")
	onPath := unmet
	onPath.Lines = map[string][]int{"a.src": {5}}
	for _, tt := range []struct {
		name       string
		base, head language.ExampleOutcome
		effect     behaviour.Effect // "" no ground
	}{
		{"it holds on both", met, met, ""},
		{"it fails on base as the incident did and holds with the patch", crash, met, behaviour.Establishes},
		{"it fails on base in another way and holds with the patch", unmet, met, behaviour.Supports},
		{"another exception on base", outcome(language.Failing, "OSError"), met, behaviour.Supports},
		{"it holds on base only", met, unmet, behaviour.Rejects},
		{"it raises with the patch only", met, crash, behaviour.Rejects},
		{"an old example that fails on both sides, off the patch", unmet, unmet, ""},
		{"one that fails on both sides, on the patch's path", unmet, onPath, behaviour.Lowers},
		{"one that still fails as the incident did", crash, crash, behaviour.Rejects},
		{"one that failed as the incident did and now gives something else", crash, unmet, behaviour.Rejects},
		{"one that lacks its surroundings on base", outcome(language.Impossible, "NameError"), met, ""},
		{"one that lacks them with the patch", met, outcome(language.Impossible, "NameError"), ""},
		{"one that does not repeat itself", outcome(language.Unsteady, ""), met, ""},
		{"one that is too slow", met, outcome(language.TooSlow, ""), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := behaviour.Documents{
				Sides: near(3), Said: &language.Documentation{Examples: []language.Example{{Path: "a.src", Function: "f", Source: "f('eur')", Want: "7"}}},
				Met: []language.ExampleOutcome{tt.base}, Meets: []language.ExampleOutcome{tt.head},
			}
			only(t, behaviour.Documented(d), tt.effect)
		})
	}
}

func only(t *testing.T, grounds []behaviour.Ground, effect behaviour.Effect) {
	t.Helper()
	if effect == "" && len(grounds) == 0 {
		return
	}
	if len(grounds) != 1 || grounds[0].Effect != effect {
		t.Errorf("got %+v, want one that %s", grounds, effect)
	}
}

// lookup is near the look-up of a code: base answers the known ones, and fails
// with a KeyError in f for the others, nonsense included, which the head answers
// as given.
func lookup(nonsense ...language.Answer) behaviour.Sides {
	s := near(0)
	s = with(s, language.Call{Shown: "f('EUR')", Leaf: "code", From: "'eur'", To: "'EUR'", Edit: "case"}, returns("7", 1), returns("7", 1))
	for _, head := range nonsense {
		s = with(s, language.Call{Shown: "f('@@')", Leaf: "code", From: "'eur'", To: "'@@'", Edit: "nonsense"}, raises("KeyError", 5), head)
	}
	return s
}

func documented(s behaviour.Sides, condition string) behaviour.Documents {
	return behaviour.Documents{Sides: s, Said: &language.Documentation{Refusals: []language.Refusal{
		{Path: "a.src", Function: "f", First: 4, Last: 6, Type: "UnknownCode", Condition: condition},
	}}}
}

func TestADocumentedExceptionIsWhatItsInputGets(t *testing.T) {
	t.Parallel()
	unknown := raises("shop.UnknownCode", 5)
	const none = "when there is none"
	answeredOnBase := with(lookup(returns("0", 5), returns("0", 5)), language.Call{Leaf: "code", To: "'??'", Edit: "nonsense"}, returns("0", 5), returns("0", 5))
	blind := lookup(returns("0", 5), returns("0", 5))
	blind.Calls, blind.Base, blind.Head = append(blind.Calls[:1:1], blind.Calls[2:]...), append(blind.Base[:1:1], blind.Base[2:]...), append(blind.Head[:1:1], blind.Head[2:]...)
	elsewhere := lookup(returns("0", 5), returns("0", 5))
	for i := range elsewhere.Base {
		elsewhere.Base[i].Lines = map[string][]int{"a.src": {9}}
	}
	number := func(literal string, head language.Answer) behaviour.Sides {
		s := near(0)
		s = with(s, language.Call{Leaf: "opts.size", From: "'eur'", To: "5", Edit: "number"}, returns("7", 1), returns("7", 1))
		s = with(s, language.Call{Leaf: "opts.size", To: literal, Edit: "number"}, raises("ZeroDivisionError", 5), head)
		return with(s, language.Call{Leaf: "opts.size", To: literal + "0", Edit: "number"}, raises("ZeroDivisionError", 5), head)
	}
	for _, tt := range []struct {
		name      string
		sides     behaviour.Sides
		condition string
		effect    behaviour.Effect // "" no ground
	}{
		{"nonsense is answered by the patch", lookup(returns("0", 5), returns("0", 5)), none, behaviour.Rejects},
		{"some of it is", lookup(returns("0", 5), raises("KeyError", 5)), none, behaviour.Lowers},
		{"one call alone is a question", lookup(returns("0", 5)), "for an unknown code", behaviour.Lowers},
		{"nonsense is refused as documented", lookup(unknown, unknown), "if the code is not known", behaviour.Supports},
		{"it fails as before", lookup(raises("KeyError", 5), raises("KeyError", 5)), none, ""},
		{"base itself answers some nonsense: what is documented does not hold", answeredOnBase, none, ""},
		{"base answers nothing there: nonsense and other input are not told apart", blind, none, ""},
		{"the call does not run the function", elsewhere, none, ""},
		{"the condition is about something else", lookup(returns("0", 5), returns("0", 5)), "when the disk is full", ""},
		{"a number that is documented as refused is answered", number("-1", returns("0", 5)), "if size is negative", behaviour.Rejects},
		{"one that is not", number("1", returns("0", 5)), "if size is negative", ""},
		{"a condition on another number", number("-1", returns("0", 5)), "if width is negative", ""},
		{"zero is refused", number("0", returns("0", 5)), "if size < 1", behaviour.Rejects},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			only(t, behaviour.Documented(documented(tt.sides, tt.condition)), tt.effect)
		})
	}
}

func TestAPatchMayRefuseWhatIsDocumentedAsRefused(t *testing.T) {
	t.Parallel()
	refusing := func(literal string) behaviour.Sides {
		s := near(0)
		s.Head[0] = raises("shop.UnknownCode", 5)
		return with(s, language.Call{Leaf: "size", From: literal, To: "5", Edit: "number"}, returns("7", 1), returns("7", 1))
	}
	only(t, behaviour.Documented(documented(refusing("0"), "if size is not positive")), behaviour.Supports)
	only(t, behaviour.Documented(documented(refusing("3"), "if size is not positive")), behaviour.Shown)
	only(t, behaviour.Documented(documented(refusing("3"), "for reasons")), behaviour.Shown)
}
