// Package replay turns recorded calls into Python that repeats them: a script
// that says whether each call still does what it did, or a pytest file that
// demands it.
//
//	report, err := replay.Write(os.Stdout, t, replay.Options{Pytest: true})
//
// gives for a trace of a shopping cart's tests
//
//	import shop.cart
//
//
//	def test_replay():
//	    cart1 = shop.cart.Cart(customer_name='Bob')
//	    cart1.add_item(name='Apple', price=1.5, quantity=3)
//	    assert cart1.get_item_count() == 3
//
// Without a call's id the recorded sequence is repeated: the outermost calls
// that can be. Tests and modules' bodies are not calls to repeat, so theirs
// are; where the arguments of a call cannot be rebuilt, its callees are tried.
// What could not be rebuilt is in the report and in the file's head.
//
// Objects are those that the recorded constructors made, as long as these are
// part of the sequence; else they are put together from their recorded fields
// without calling a constructor. Every text that comes from the trace, which
// may be hostile, is written as a Python literal, as a checked identifier or as
// a comment of one line; expressions of the tracer ("re" in the format) are
// checked to name known constructors, and classes and names of the traced
// program's own modules, and nothing else. The program's modules are the files
// below Options.Within, and its functions and classes those that these files
// define: a trace cannot name any other. What the program's own functions do
// when they are called with a trace's values is the program's business: read a
// script before you run it when you do not know where a trace comes from.
package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/repaird/repaird/internal/trace"
)

// Options say what is repeated and how.
type Options struct {
	Call   int64  // the one call to repeat; 0 for the recorded sequence
	Pytest bool   // a pytest file instead of a script
	Max    int    // most calls in a sequence, default 200
	Source string // what the head names as the trace's file
	// Roots are directories that modules are imported from, searched in order
	// for the one that holds a file; without one, the file's own package tells.
	Roots []string
	// Within are the directories of the program, Roots besides: only files below
	// them are imported, without those of installed packages. Default, where
	// there are no Roots either, is the current directory.
	Within []string
}

// A Report says what was written.
type Report struct {
	Calls   int       `json:"calls"`   // calls that the file repeats
	Left    int       `json:"left"`    // calls of the sequence over Max
	Missing []Missing `json:"missing"` // what could not be repeated, at most 50
}

// A Missing is a call or value that could not be rebuilt.
type Missing struct {
	Call int64  `json:"call_id"`
	Name string `json:"name"` // function
	Why  string `json:"why"`
}

// ErrNothing says that no recorded call can be repeated.
var ErrNothing = errors.New("no recorded call can be repeated")

const (
	defaultMax = 200
	maxMissing = 50
)

// Write writes the Python source. ErrNothing comes with a report that says why.
func Write(w io.Writer, t *trace.Trace, o Options) (Report, error) {
	if o.Max <= 0 {
		o.Max = defaultMax
	}
	g := &generator{trace: t, options: o, names: names{}, objects: map[object]*variable{}}
	var err error
	if g.within, err = o.roots(); err != nil {
		return g.report, err
	}
	g.index(t)
	if err := g.sequence(); err != nil {
		return g.report, err
	}
	if g.report.Calls == 0 {
		return g.report, ErrNothing
	}
	_, err = w.Write(g.file())
	return g.report, err
}

// file puts head, imports and steps together.
func (g *generator) file() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "\"\"\"Repeats %d recorded %s%s.", g.report.Calls, plural(g.report.Calls, "call"), from(g.options.Source))
	if len(g.report.Missing) > 0 || g.report.Left > 0 {
		b.WriteString("\n\nNot repeated:\n")
		for _, m := range g.report.Missing {
			fmt.Fprintf(&b, "  call %d %s: %s\n", m.Call, comment(m.Name), comment(m.Why))
		}
		if g.report.Left > 0 {
			fmt.Fprintf(&b, "  %d more calls (--max)\n", g.report.Left)
		}
	}
	b.WriteString("\"\"\"\n")
	g.imports(&b)
	if g.options.Pytest {
		b.WriteString("\n\ndef test_replay():\n")
		b.WriteString(indent(g.body.String(), "    "))
		return b.Bytes()
	}
	b.WriteString(scriptHead)
	b.WriteString(g.body.String())
	b.WriteString("\nsys.exit(1 if _differ else 0)\n")
	return b.Bytes()
}

// scriptHead compares what happens with what was recorded.
const scriptHead = `
_differ = 0


def _say(call, was, now):
    """Prints whether a call did what it did when it was recorded."""
    global _differ
    if was == now:
        print("same    %s -> %s" % (call, now))
    else:
        _differ += 1
        print("differs %s -> %s, recorded %s" % (call, now, was))


def _outcome(call):
    """What a call does: the repr of its result, or its exception."""
    try:
        return repr(call())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return "%s: %s" % (type(error).__name__, error)


`

func (g *generator) imports(b *bytes.Buffer) {
	standard := map[string]bool{"sys": true}
	if g.options.Pytest {
		delete(standard, "sys")
	}
	for _, m := range []string{"asyncio", "itertools"} {
		if g.uses[m] {
			standard[m] = true
		}
	}
	if len(g.paths) > 0 {
		standard["sys"] = true
	}
	for _, m := range sorted(standard) {
		fmt.Fprintf(b, "import %s\n", m)
	}
	if g.uses["pytest"] {
		b.WriteString("\nimport pytest\n")
	}
	if len(g.paths) > 0 {
		b.WriteString("\n")
		for _, p := range g.paths {
			fmt.Fprintf(b, "sys.path.insert(0, %s)\n", literal(p))
		}
	}
	if len(g.modules) > 0 {
		b.WriteString("\n")
		for _, m := range sorted(g.modules) {
			fmt.Fprintf(b, "import %s\n", m)
		}
	}
}

func from(source string) string {
	if source == "" {
		return ""
	}
	return " of " + comment(source)
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func indent(s, by string) string {
	lines := strings.SplitAfter(s, "\n")
	for i, l := range lines {
		if strings.TrimSpace(l) != "" {
			lines[i] = by + l
		}
	}
	return strings.Join(lines, "")
}
