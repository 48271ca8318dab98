package repro

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// fleet is a program whose failures need more than literal arguments.
const fleet = `
-- fleet/__init__.py --
-- fleet/kinds.py --
from dataclasses import dataclass, field
from enum import Enum


class Fuel(Enum):
    DIESEL = "d"
    NONE = ""


@dataclass(frozen=True)
class Van:
    fuel: Fuel
    stops: list = field(default_factory=list)

    def share(self, load):
        return load / len(self.stops)


class Depot:
    class Gate:
        def __init__(self, width):
            self.width = width

        def __repr__(self):
            return "Depot.Gate(width=%r)" % self.width

        def passes(self, van_width):
            return self.width // van_width
-- fleet/plan.py --
from fleet.kinds import Fuel, Van


class Base:
    def rate(self, day):
        table = self.table
        return table[day]


class Tariff(Base):
    def __init__(self, table, currency="EUR"):
        self.table = table
        self.currency = currency
        self.seen = []


class Quote:
    def __init__(self, source):
        self.table = source.load()
        self.limit = 3

    def price(self, day):
        table = self.table
        return table[day] + self.limit


def clean(text):
    text = text.strip()
    return int(text)


def last(words):
    words = words[1:]
    return words[0].upper()


def word(lines, n, log):
    return last(lines[n])


def charge(table, day):
    day = day.lower()
    tariff = Tariff(table)
    return tariff.rate(day)


def price_of(kind, prices):
    return prices[kind]


def convert(kind, text):
    return kind(text)


class Params:
    def __init__(self, params=None):
        self.params = params or {}

    def pick(self, names):
        wanted = self.params.get("name", "best")
        found = [n for n in names if n == wanted]
        if not found:
            raise ValueError("not available")
        return found[0]


def down(n):
    return up(n + 1)


def up(n):
    return down(n - 1)
`

// at is an in-app frame of one of fleet's files.
func at(file, function, code string, locals ...incident.Variable) incident.Frame {
	var source string
	for _, f := range txtar.Parse([]byte(fleet)).Files {
		if f.Name == file {
			source = string(f.Data)
		}
	}
	f := fr(source, function, code, locals...)
	f.File, f.AbsPath, f.Module = file, "/srv/app/"+file, strings.ReplaceAll(strings.TrimSuffix(file, ".py"), "/", ".")
	return f
}

func dict(name string, fields ...incident.Variable) incident.Variable {
	return incident.Variable{Name: name, Value: incident.Value{Kind: incident.KindDict, Fields: fields}}
}

func TestWhatTheReportShowsOfObjectsIsRebuilt(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, fleet)
	const plan, kinds = "fleet/plan.py", "fleet/kinds.py"
	var deep []incident.Frame
	for range 30 {
		deep = append(deep, at(plan, "down", "return up(n + 1)", repr("n", "0")), at(plan, "up", "return down(n - 1)", repr("n", "1")))
	}
	generated := incident.Frame{File: "<string>", AbsPath: "/srv/app/<string>", Function: "made", Line: 1, InApp: true, HasVars: true}
	for _, c := range []struct {
		name, called, strategy string
		source                 []string // each in the test
		event                  incident.Event
	}{
		{"a method of a data class, whose repr is its constructor's call", "fleet.kinds.Van.share", "outermost-literal",
			[]string{"Van(fuel=Fuel.DIESEL, stops=[]).share(load=4)", "from fleet.kinds import Fuel, Van"},
			event("ZeroDivisionError", "division by zero", at(kinds, "share", "return load / len(self.stops)", repr("self", "Van(fuel=<Fuel.DIESEL: 'd'>, stops=[])"), repr("load", "4")))},
		{"a method of a nested class with a repr of its own", "fleet.kinds.Depot.Gate.passes", "outermost-literal",
			[]string{"Depot.Gate(width=3).passes(van_width=0)"},
			event("ZeroDivisionError", "integer division or modulo by zero", at(kinds, "passes", "return self.width // van_width", repr("self", "Depot.Gate(width=3)"), repr("van_width", "0")))},
		{"a member of an enumeration as an argument", "fleet.plan.price_of", "outermost-literal",
			[]string{"price_of(kind=Fuel.NONE, prices={})"},
			event("KeyError", "<Fuel.NONE: ''>", at(plan, "price_of", "return prices[kind]", repr("kind", "<Fuel.NONE: ''>"), dict("prices")))},
		{"a class as an argument", "fleet.plan.convert", "outermost-literal",
			[]string{"convert(kind=Fuel, text='x')"},
			event("ValueError", "'x' is not a valid Fuel", at(plan, "convert", "return kind(text)", repr("kind", "<enum 'Fuel'>"), repr("text", "'x'")))},
		{"a parameter that was reassigned to what it would be again", "fleet.plan.clean", "rebound-values",
			[]string{"clean(text='x')"},
			event("ValueError", "invalid literal for int() with base 10: 'x'", at(plan, "clean", "return int(text)", repr("text", "'x'")))},
		{"a parameter that was reassigned, as the caller passed it", "fleet.plan.last", "caller-expression",
			[]string{"lines = [[], ['a', None]]", "n = 1", "last(lines[n])"},
			event("AttributeError", "'NoneType' object has no attribute 'upper'",
				at(plan, "word", "return last(lines[n])", incident.Variable{Name: "lines", Value: incident.Value{Kind: incident.KindList, Items: []incident.Value{list("").Value, list("", "'a'", "None").Value}}}, repr("n", "1"), repr("log", "<socket.socket fd=3>")),
				at(plan, "last", "return words[0].upper()", list("words", "None")))},
		{"an object that the caller made", "fleet.plan.Base.rate", "caller-expression",
			[]string{"tariff = Tariff(table)", "tariff.rate(day)"},
			event("KeyError", "'su'",
				at(plan, "charge", "return tariff.rate(day)", dict("table", repr("mo", "1")), repr("day", "'su'"), repr("tariff", "<fleet.plan.Tariff object at 0x7f01>")),
				at(plan, "rate", "return table[day]", repr("self", "<fleet.plan.Tariff object at 0x7f01>"), repr("day", "'su'"), dict("table", repr("mo", "1"))))},
		{"an object of a subclass, by its constructor", "fleet.plan.Base.rate", "rebuilt-objects",
			[]string{"tariff = Tariff(table={\"mo\": 1})", "tariff.rate(day='su')"},
			event("KeyError", "'su'", at(plan, "rate", "return table[day]", repr("self", "<fleet.plan.Tariff object at 0x7f01>"), repr("day", "'su'"), dict("table", repr("mo", "1"))))},
		{"an object whose constructor needs what is not known, by its attributes", "fleet.plan.Quote.price", "rebuilt-objects",
			[]string{"quote = Quote.__new__(Quote)", "quote.limit = 3", "quote.table = {\"mo\": 1}", "quote.price(day='su')"},
			event("KeyError", "'su'", at(plan, "price", "return table[day] + self.limit", repr("self", "<fleet.plan.Quote object at 0x7f01>"), repr("day", "'su'"), dict("table", repr("mo", "1"))))},
		{"a message that another version words otherwise", "fleet.plan.price_of", "outermost-literal",
			[]string{"price_of(kind=[], prices={})"},
			event("TypeError", "cannot use 'list' as a dict key (unhashable type: 'list')", at(plan, "price_of", "return prices[kind]", list("kind"), dict("prices")))},
		{"an endless recursion that ends elsewhere in its cycle", "fleet.plan.down", "outermost-literal",
			[]string{"down(n=0)"},
			event("RecursionError", "maximum recursion depth exceeded in comparison", deep...)},
		{"code that was generated is not where it crashed", "fleet.plan.convert", "outermost-literal",
			[]string{"convert(kind=int, text='x')"},
			event("ValueError", "invalid literal for int() with base 10: 'x'", at(plan, "convert", "return kind(text)", repr("kind", "<class 'int'>"), repr("text", "'x'")), generated)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), Input{Bundle: bundleOf(c.event), Tree: dir, Repeats: 2})
			if stop != nil {
				t.Fatal(stop)
			}
			if got.Called != c.called || got.Strategy != c.strategy {
				t.Errorf("got %s by %s, want %s by %s", got.Called, got.Strategy, c.called, c.strategy)
			}
			for _, s := range c.source {
				if !strings.Contains(got.Test.Source, s) {
					t.Errorf("the test lacks %s", s)
				}
			}
			if got.Guessed == "" && got.Fidelity.Score < 0.95 {
				t.Errorf("production's input is repeated exactly, and the fidelity is %+v", got.Fidelity)
			}
		})
	}
}

func TestATestThatFailsForAnotherReasonIsNoReproduction(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, fleet)
	for _, c := range []struct {
		name  string
		event incident.Event
	}{
		{"an instance without arguments, which asks for something else", event("ValueError", "not available",
			at("fleet/plan.py", "pick", `raise ValueError("not available")`, repr("self", "<fleet.plan.Params object at 0x7f01>"), list("names", "'a'"), repr("wanted", "'b'"), list("found")))},
		{"a value on the line that crashed is another", event("KeyError", "'su'",
			at("fleet/plan.py", "price_of", "return prices[kind]", repr("kind", "'mo'"), dict("prices")),
			at("fleet/plan.py", "price_of", "return prices[kind]", repr("kind", "<fleet.kinds.Van object at 0x7f02>"), dict("prices", repr("x", "1"))))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), Input{Bundle: bundleOf(c.event), Tree: dir, Repeats: 2})
			if stop == nil {
				t.Fatalf("reproduced by %s, fidelity %+v", got.Strategy, got.Fidelity)
			}
			if stop.Type != fault.NotReproduced && stop.Type != fault.NeedsInput {
				t.Errorf("got %s", stop.Type)
			}
		})
	}
}

func TestARecordedTextHandsTheCodeNothingThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, fleet)
	for _, text := range []string{"<class 'os.system'>", "<class 'subprocess.Popen'>", "<built-in function eval>", "<class 'exec'>", "<class 'builtins.eval'>", "<function system at 0x7f>", "<module 'subprocess' from 'x'>"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			x := event("ZeroDivisionError", "division by zero", at("fleet/plan.py", "convert", "return kind(text)", repr("kind", text), repr("text", "'1/0'")))
			_, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), Input{Bundle: bundleOf(x), Tree: dir, Repeats: 2})
			if stop == nil || stop.Type != fault.NeedsInput {
				t.Errorf("got %v, want a test that cannot be written", stop)
			}
		})
	}
}

func TestARecordedTextRunsNothingThatItNames(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, fleet)
	for _, text := range []string{"Tariff(table={})", "__import__('os').system('true')", "Van(fuel=open('/etc/passwd'))", "<function system at 0x7f>", "Quote(source=Popen('true'))"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			x := event("KeyError", "'a'", at("fleet/plan.py", "price_of", "return prices[kind]", repr("kind", text), dict("prices")))
			if got, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), Input{Bundle: bundleOf(x), Tree: dir, Repeats: 2}); stop == nil {
				t.Errorf("it was called in\n%s", got.Test.Source)
			}
		})
	}
}
