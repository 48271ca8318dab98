package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

var (
	due = affair{
		testOf("from desk.orders import take", "take({'lines': [1], 'currency': 'USD', 'instalments': 0})"),
		incident.Signature{Type: "ZeroDivisionError", File: "desk/orders.py", Function: "due", Message: "integer division or modulo by zero"},
	}
	total = affair{
		testOf("from desk.orders import total", "total({'lines': [1, 2], 'currency': 'eur'})"),
		incident.Signature{Type: "TypeError", File: "desk/orders.py", Function: "total", Message: "unsupported operand type(s) for *: <str> and <str>"},
	}
	quantity = affair{
		testOf("from desk.orders import quantity", "quantity({'qty': '1,200'})"),
		incident.Signature{Type: "ValueError", File: "desk/orders.py", Function: "quantity", Message: "invalid literal for int() with base <num>: <str>"},
	}
	note = affair{
		testOf("from desk.orders import note", "note({'qty': '1'})"),
		incident.Signature{Type: "KeyError", File: "desk/orders.py", Function: "note", Message: "<str>"},
	}
	share = affair{
		testOf("from desk.orders import share", "share(0, 4)"),
		incident.Signature{Type: "ZeroDivisionError", File: "desk/orders.py", Function: "share", Message: "division by zero"},
	}
	timeout = affair{
		testOf("from desk.settings import timeout", "timeout([('timeout', '250ms')])"),
		incident.Signature{Type: "KeyError", File: "desk/settings.py", Function: "timeout", Message: "<str>"},
	}
)

// Patches of what the rule on band-aids and that on refusals say, both errors.
func TestWhatMayBeRefusedAndWhatMayNotBeHidden(t *testing.T) {
	t.Parallel()
	v := verifier(t, "bwrap", "suite", "behaviour", "permission")
	tree := laid(t, "testdata/desk.txtar")
	view := []language.Level{{Path: "desk/web.py", Function: "post", Line: 7}}
	outside := func(in Input, callers ...language.Level) Input {
		in.Outer, in.Callers = len(callers), callers
		return in
	}
	for _, tt := range []struct {
		name string
		in   Input
		gate string // that rejects it, or whose evidence says it; rejected unless accepted
		says string
		ok   bool
	}{
		{"an exception that the view handles", outside(due.input(tree, "desk/orders.py", `    return 30 // body["instalments"]`, "    if body[\"instalments\"] < 1:\n        raise Refused(\"no instalments\")\n    return 30 // body[\"instalments\"]"), view...), HeadGreen, "desk/web.py:8 handles Refused", true},
		{"the same, of which nothing says that it is handled, but which is usual", due.input(tree, "desk/orders.py", `    return 30 // body["instalments"]`, "    if body[\"instalments\"] < 1:\n        raise Refused(\"no instalments\")\n    return 30 // body[\"instalments\"]"), HeadGreen, "raises Refused for bad input elsewhere too", true},
		{"the failure translated into one that the view handles", outside(due.input(tree, "desk/orders.py", `    return 30 // body["instalments"]`, "    try:\n        return 30 // body[\"instalments\"]\n    except ZeroDivisionError as e:\n        raise Refused(\"no instalments\") from e"), view...), NoBandAid, "raises another exception", true},
		{"an exception that nobody expects", outside(due.input(tree, "desk/orders.py", `    return 30 // body["instalments"]`, "    if body[\"instalments\"] < 1:\n        raise OverflowError(\"no instalments\")\n    return 30 // body[\"instalments\"]"), view...), HeadGreen, "OverflowError", false},
		{"an exception that an operation raises", due.input(tree, "desk/orders.py", `30 // body["instalments"]`, `30 // body["none"]`), HeadGreen, "KeyError", false},
		{"an exception that is documented", total.input(tree, "desk/rates.py", "    return load(code)", "    if code not in TABLE:\n        raise LookupError(code)\n    return load(code)"), HeadGreen, "rate documents that it raises LookupError", true},
		{"a documented exception in a function that does not document it", total.input(tree, "desk/orders.py", "    return sum(body[\"lines\"])", "    if body[\"currency\"] == \"eur\":\n        raise LookupError(\"eur\")\n    return sum(body[\"lines\"])"), HeadGreen, "LookupError", false},
		{"validation of the input beside one that there is", share.input(tree, "desk/orders.py", "    return whole / parts", "    if parts < 1:\n        raise ValueError(\"parts must be positive\")\n    return whole / parts"), HeadGreen, "raises ValueError for bad input elsewhere too", true},
		{"a refusal of what the tree computed", total.input(tree, "desk/orders.py", "    return sum(body[\"lines\"]) * rates.rate(body[\"currency\"])", "    found = rates.rate(body[\"currency\"])\n    if found is None:\n        raise Refused(\"no rate\")\n    return sum(body[\"lines\"]) * found"), HeadGreen, "Refused", false},
		{"a second accepted format", quantity.input(tree, "desk/orders.py", `    return int(form["qty"])`, "    try:\n        return int(form[\"qty\"])\n    except ValueError:\n        return int(form[\"qty\"].replace(\",\", \"\"))"), NoBandAid, "reads the same value in another way", true},
		{"a handler that answers a constant", quantity.input(tree, "desk/orders.py", `    return int(form["qty"])`, "    try:\n        return int(form[\"qty\"])\n    except ValueError:\n        return 0"), NoBandAid, "swallowed", false},
		{"an absence that is documented", note.input(tree, "desk/orders.py", `form["note"].upper()`, `form.get("note", "").upper()`), NoBandAid, "production's input", true},
		{"a constant where the bad value came from, off the stack", total.input(tree, "desk/rates.py", "TABLE.get(code)", "TABLE.get(code, 1.0)"), NoBandAid, "a guard (get-default) to load", false},
		{"a constant where the bad value came through", total.input(tree, "desk/rates.py", "    return load(code)", "    return load(code) or 1.0"), NoBandAid, "a guard (or-default) to rate", false},
		{"the same in a function that the patch adds", total.input(tree, "desk/rates.py", "    return load(code)", "    return known(code)\n\n\ndef known(code):\n    found = load(code)\n    if found is None:\n        return 1.0\n    return found"), NoBandAid, "a guard (exit)", false},
		{"the input normalised off the stack", total.input(tree, "desk/rates.py", "    return load(code)", "    return load(code.upper())"), NoBandAid, "no guard where the failure passed", true},
		{"a branch for the input off the stack that the call does not take", total.input(tree, "desk/rates.py", "    return load(code)", "    if not code:\n        return None\n    return load(code.upper())"), NoBandAid, "no guard where the failure passed", true},
		{"a handler where the first exception was raised, which another one followed", timeout.input(tree, "desk/settings.py", "    return float(text[:-1])", "    try:\n        return float(text[:-1])\n    except ValueError:\n        return 0.0"), NoBandAid, "a guard (try) to seconds", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			t.Log("uses-backend: bwrap")
			tt.in.Quick = true
			verdict := judge(t, v, tt.in)
			if !tt.ok {
				rejectedBy(t, verdict, tt.gate, tt.says)
				return
			}
			if verdict.Decision != Accepted || !strings.Contains(gate(t, verdict, tt.gate).Evidence, tt.says) {
				t.Errorf("not accepted with %s saying %q:\n%s", tt.gate, tt.says, table(verdict))
			}
		})
	}
}

// What a full verification says of a refusal: every run ends in it, and the test
// that is verified stays the one that fails on base.
func TestARefusalIsVerifiedInFull(t *testing.T) {
	t.Parallel()
	v := verifier(t, "bwrap", "behaviour")
	in := due.input(laid(t, "testdata/desk.txtar"), "desk/orders.py", `    return 30 // body["instalments"]`, "    if body[\"instalments\"] < 1:\n        raise Refused(\"no instalments\")\n    return 30 // body[\"instalments\"]")
	in.Outer, in.Callers = 1, []language.Level{{Path: "desk/web.py", Function: "post", Line: 7}}
	verdict := judge(t, v, in)
	if verdict.Decision != Accepted || !strings.Contains(gate(t, verdict, HeadGreen).Evidence, "refuses its input, 2 of 2") || !strings.Contains(gate(t, verdict, Conditions).Evidence, "same refusal twice") {
		t.Errorf("got %s\n%s", verdict.Decision, table(verdict))
	}
	if len(verdict.Grounds) != 1 || verdict.Grounds[0].Name != "refusal" || verdict.Grounds[0].Effect != behaviour.Supports {
		t.Errorf("got grounds %+v", verdict.Grounds)
	}
}

func TestARepairAfterWhichTheExpressionNoLongerRunsIsNoted(t *testing.T) {
	t.Parallel()
	v := verifier(t, "bwrap", "suite", "behaviour")
	tree := laid(t, "testdata/desk.txtar")
	for _, tt := range []struct {
		name string
		in   Input
		gone bool
	}{
		{"another expression in its place", note.input(tree, "desk/orders.py", `form["note"].upper()`, `form.get("note", "").upper()`), true},
		{"the value mended that it is given", total.input(tree, "desk/rates.py", "load(code)\n", "load(code.upper())\n"), false},
		{"left before it", total.input(tree, "desk/orders.py", "    return sum(body", "    if body[\"currency\"] == \"eur\":\n        return body[\"lines\"][0] * 1.08\n    return sum(body"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			t.Log("uses-backend: bwrap")
			tt.in.Quick = true
			verdict := judge(t, v, tt.in)
			gone := slices.ContainsFunc(verdict.Grounds, func(g behaviour.Ground) bool { return g.Name == "expression-gone" && g.Effect == behaviour.Lowers })
			if verdict.Decision != Accepted || gone != tt.gone {
				t.Errorf("got %s with grounds %+v\n%s", verdict.Decision, verdict.Grounds, table(verdict))
			}
		})
	}
}
