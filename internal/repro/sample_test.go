package repro

import (
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/incident"
)

// ledger is a small program with bugs of several kinds.
const ledger = `
-- ledger/__init__.py --
-- ledger/core.py --
import random


class LedgerError(Exception):
    pass


def report(rows, currency="EUR", *, places=2):
    totals = collect(rows)
    return render(totals, currency, places)


def collect(rows):
    totals = {}
    for name, amount in rows:
        totals[name] = totals.get(name, 0) + amount
    return totals


def render(totals, currency, places):
    best = max(totals)
    if best == "":
        raise LedgerError("account without a name, total %s" % totals[best])
    return "%s %.*f" % (currency, places, totals[best])


def consume(queue):
    first = queue.pop(0)
    return first / len(queue)


def rebind(value):
    value = value.strip()
    return int(value)


def halve(value):
    value = value // 2
    return [1][value]


def coin(value):
    if random.SystemRandom().random() < 0.5:
        raise ValueError("tails")
    return value


def pair(key):
    return {(1, 2): "x"}[key] + hash(key)


class Account:
    def __init__(self, owner=None):
        self.owner = owner

    def balance(self, entries):
        return sum(entries) / len(entries)

    @staticmethod
    def parse(text):
        return float(text)

    @classmethod
    def named(cls, owner, limits):
        return cls(owner).balance(limits)


class Vault:
    def __init__(self, key):
        self.key = key

    def open(self, code):
        return self.key[code]


async def fetch(pages, number):
    return pages[number]


def lines(texts):
    for text in texts:
        yield text.upper()
`

// fr is an in-app frame of ledger/core.py as the SDK would send it.
func fr(source, function, code string, locals ...incident.Variable) incident.Frame {
	line := 0
	for i, l := range strings.Split(source, "\n") {
		if strings.TrimSpace(l) == strings.TrimSpace(code) {
			line = i + 1
			break
		}
	}
	return incident.Frame{
		File: "ledger/core.py", AbsPath: "/srv/app/ledger/core.py", Module: "ledger.core", Function: function,
		Line: line, Code: code, InApp: true, Locals: locals, HasVars: true,
	}
}

func core() string {
	for _, f := range txtar.Parse([]byte(ledger)).Files {
		if f.Name == "ledger/core.py" {
			return string(f.Data)
		}
	}
	return ""
}

func repr(name, text string) incident.Variable {
	return incident.Variable{Name: name, Value: incident.Value{Kind: incident.KindRepr, Repr: text}}
}

func list(name string, items ...string) incident.Variable {
	v := incident.Value{Kind: incident.KindList, Items: []incident.Value{}}
	for _, text := range items {
		v.Items = append(v.Items, incident.Value{Kind: incident.KindRepr, Repr: text})
	}
	return incident.Variable{Name: name, Value: v}
}

func event(typ, message string, frames ...incident.Frame) incident.Event {
	return incident.Event{
		ID: "0123456789abcdef0123456789abcdef", Source: incident.SourceSentry, Platform: "python",
		Exceptions:  []incident.Exception{{Type: typ, Message: message, Frames: frames}},
		Environment: incident.Environment{Python: "3.11.2"},
	}
}
