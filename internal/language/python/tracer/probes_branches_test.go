package tracer_test

import (
	"fmt"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

const branchesProgram = `
def kinds(n):
    if n > 1:
        a = 1
    elif n == 1:
        a = 2
    else:
        a = 3
    for i in range(2):
        if i == 0:
            continue
        a += 1
    while a < 6:
        a += 2
    if (n and
            a):
        a = 0
    if n: a = 9
    while True:
        break
    return a

def last(n):
    if n:
        return 1

def raises(d):
    try:
        if d["x"]:
            return 1
    except KeyError:
        return 2

def nested(f):
    if (lambda v:
            v)(f):
        f = 0
    return [x for x in (1, 2)
            if x > 1]

kinds(2)
kinds(0)
last(0)
last(1)
raises({})
nested(1)
`

// branches renders the decisions of one function's calls: "2→3 yes".
func branches(trace *trace.Trace, function string) []string {
	var out []string
	for r := range trace.All() {
		if r.Kind == wire.KindBranch && r.Code.Name == function {
			held := "no"
			if r.Taken() {
				held = "yes"
			}
			out = append(out, fmt.Sprintf("%d→%d %s", r.Line, r.To(), held))
		}
	}
	return out
}

func TestDecisionsSayWhetherTheTestHeldAndWhatCameNext(t *testing.T) {
	t.Parallel()
	probePythons(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, branchesProgram, tracer.Config{Level: "control", Engine: engine})
		want := []string{
			"2→3 yes", "8→9 yes", "9→10 yes", "8→9 yes", "9→11 no", "8→12 no", "12→13 yes", "12→13 yes", "12→14 no", "14→16 yes",
			"2→4 no", "4→7 no", "8→9 yes", "9→10 yes", "8→9 yes", "9→11 no", "8→12 no", "12→13 yes", "12→14 no", "14→17 no"}
		if !atLeast(s.Trace.Processes[0].Python, 10) { // a body that only jumps on cannot be seen there
			var seen []string
			for _, b := range want {
				if b[:1] != "9" {
					seen = append(seen, b)
				}
			}
			want = seen
		}
		expect(t, "kinds", branches(s.Trace, "kinds"), want)
		expect(t, "last", branches(s.Trace, "last"), []string{"23→0 no", "23→24 yes"})
		expect(t, "raises", branches(s.Trace, "raises"), nil)
		expect(t, "nested", branches(s.Trace, "nested"), []string{"34→36 yes"})
	})
}

func TestDecisionsOfMatchStatementsAreRecorded(t *testing.T) {
	t.Parallel()
	const source = `
def kind(v):
    match v:
        case 1:
            return "one"
        case [a, b] if a > b:
            return "pair"
        case _:
            return "other"

kind(1)
kind([2, 1])
kind([1, 2])
`
	probePythons(t, func(t *testing.T, python, engine string) {
		if !atLeast(pythonVersion(t, python), 10) {
			return
		}
		s := tracertest.RunSource(t, python, source, tracer.Config{Level: "control", Engine: engine})
		got := branches(s.Trace, "kind")
		want := []string{"3→4 yes", "3→5 no", "5→6 yes", "3→5 no", "5→7 no", "7→8 yes"}
		if len(got) == 5 { // a pattern that takes everything may have no event of its own
			want = []string{"3→4 yes", "3→5 no", "5→6 yes", "3→5 no", "5→8 no"}
		}
		expect(t, "kind", got, want)
	})
}

// T15: the source is parsed to find its decisions, which must neither show nor
// raise the warnings that the program has shown or turned off, nor make the
// program forget which it has shown.
func TestReadingTheSourceWarnsOfNothing(t *testing.T) {
	t.Parallel()
	const source = `
import warnings, sys
def warns():
    warnings.warn("once for this place")
def escapes(n):
    if n:
        return "\d"
    return 1or 2
for i in range(3):
    warns()
    escapes(i)
print(len(warnings.filters))
`
	probePythons(t, func(t *testing.T, python, engine string) {
		for _, option := range []string{"-Wdefault", "-Werror::SyntaxWarning", "-Werror::DeprecationWarning"} {
			dir, file := tracertest.Program(t, source)
			config := tracer.Config{Level: "control", Engine: engine, Include: []string{dir}}
			// The first run compiles what later runs import, and warns then.
			bare := tracertest.Run(t, python, nil, option, file)
			traced := tracertest.Run(t, python, &config, option, file)
			if string(bare.Out) != string(traced.Out) || string(bare.Err) != string(traced.Err) || bare.Code != traced.Code {
				t.Errorf("%s: traced: %d %q %q; bare: %d %q %q", option, traced.Code, traced.Out, traced.Err, bare.Code, bare.Out, bare.Err)
			}
			if option == "-Wdefault" && len(branches(traced.Trace, "escapes")) != 3 {
				t.Errorf("got %v, want three decisions", branches(traced.Trace, "escapes"))
			}
		}
	})
}
