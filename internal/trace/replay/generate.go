package replay

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A generator writes the steps of one file.
type generator struct {
	trace   *trace.Trace
	raises  map[int64]trace.Record   // by exception
	yields  map[int64][]trace.Record // by call
	options Options
	report  Report
	body    strings.Builder
	names   names
	objects map[object]*variable
	modules map[string]bool   // to import
	uses    map[string]bool   // of the standard library
	paths   []string          // for sys.path
	places  map[string]place  // by module, see claim
	reals   map[string]string // real paths by path, see real
	missing map[string]bool
	within  []string           // real directories of the program, see origin
	origins map[string]*origin // by file
	program map[string]string  // files by the traced modules, see traced
	mains   map[int]string     // by process, see main
}

// An object is the identity of a mutable object in a process of the trace.
type object struct{ process, id int }

// A variable stands for an object of the recorded run.
type variable struct {
	name  string
	class string
	text  string // Python text of a literal as it was last known
}

func (g *generator) sequence() error {
	g.modules, g.uses, g.missing = map[string]bool{}, map[string]bool{}, map[string]bool{}
	g.places, g.reals = map[string]place{}, map[string]string{}
	if g.options.Call != 0 {
		c := g.look(g.trace.Call(g.options.Call))
		if c.start.ID == 0 || c.start.Late {
			return fmt.Errorf("the trace has no call %d with its arguments as they were at its beginning", g.options.Call)
		}
		if why := g.step(c); why != "" {
			g.miss(c, why)
		}
		return nil
	}
	for _, c := range g.trace.Roots() {
		g.outermost(g.look(c), 0)
	}
	return nil
}

// outermost repeats a call, or what it called.
func (g *generator) outermost(c *call, depth int) {
	why := "its beginning was not recorded"
	if c.start.ID > 0 && !c.start.Late {
		why = repeatable(c)
	}
	if why == "" {
		if g.report.Calls >= g.options.Max {
			g.report.Left++
			return
		}
		if why = g.step(c); why == "" {
			return
		}
		g.miss(c, why)
	}
	if depth > 200 {
		return
	}
	for _, child := range c.Children() {
		g.outermost(g.look(child), depth+1)
	}
}

func (g *generator) miss(c *call, why string) {
	key := c.Code().Name + why
	if !g.missing[key] && len(g.report.Missing) < maxMissing {
		g.missing[key] = true
		g.report.Missing = append(g.report.Missing, Missing{c.ID(), c.Code().Name, why})
	}
}

// A form is how a call is written.
type form struct {
	target string // what is called, or read for a property
	args   []string
	made   *wire.Value // the object that a constructor makes
	getter bool
}

func (f form) expr() string {
	if f.getter {
		return f.target
	}
	return f.target + "(" + strings.Join(f.args, ", ") + ")"
}

// step writes one call; it says why it cannot and then writes nothing.
func (g *generator) step(c *call) (why string) {
	if why := repeatable(c); why != "" && (g.options.Call == 0 || c.Code().Kind != "") {
		return why
	}
	if c.end.ID == 0 {
		return "how it ended was not recorded"
	}
	module, why := g.source(c.Code())
	if why != "" {
		return why
	}
	paths := g.paths
	_, known := g.places[module]
	if why := g.claim(module, c.Code().File); why != "" {
		return why
	}
	b := builder{g: g, process: c.start.Process, module: module, pending: map[object]*variable{}, modules: map[string]bool{module: true}}
	f, why := b.form(c, module)
	if why == "" {
		why = g.claims(b.modules)
	}
	if why != "" {
		if !known {
			delete(g.places, module)
			g.paths = paths
		}
		return why
	}
	for o, v := range b.pending {
		g.objects[o] = v
	}
	for m := range b.modules {
		g.modules[m] = true
	}
	for _, line := range b.lines {
		g.body.WriteString(line + "\n")
	}
	g.write(c, f, &b)
	g.report.Calls++
	return ""
}

// source returns the module of a function; why says that it is not imported.
func (g *generator) source(code *trace.Code) (module, why string) {
	from := g.origin(code.File)
	if from.why != "" {
		return "", from.why
	}
	if module, _ = g.module(code.File); module == "" {
		return "", "its file cannot be imported"
	}
	if foreignModule(module) {
		return "", "it is of the standard library"
	}
	if !from.defs.functions[code.Name] {
		return "", "its file defines no such function"
	}
	if code.Kind == "generator" && from.wrapped(code) {
		return "", "what the decorator of a generator makes of it was not recorded"
	}
	return module, ""
}

// write writes the call and what is expected of it.
func (g *generator) write(c *call, f form, b *builder) {
	if f.made != nil {
		v := g.variable(object{c.start.Process, f.made.ID}, f.made.Type)
		if c.raised.ID == 0 {
			fmt.Fprintf(&g.body, "%s = %s\n", v.name, f.expr())
			return
		}
	}
	expr := f.expr()
	switch c.Code().Kind {
	case "coroutine":
		g.uses["asyncio"] = true
		expr = "asyncio.run(" + expr + ")"
	case "generator":
		g.uses["itertools"] = true
		n := len(g.yields[c.ID()])
		if c.end.Kind == wire.KindReturn {
			n++ // it had no more to give
		}
		expr = fmt.Sprintf("list(itertools.islice(%s, %d))", expr, n)
	}
	want, known := g.outcome(c, b)
	switch {
	case g.options.Pytest:
		g.demand(c, expr, want, known)
	case !known:
		fmt.Fprintf(&g.body, "print(\"called  %%s -> %%s\" %% (%s, _outcome(lambda: %s)))\n", literal(shorten(expr)), expr)
	default:
		fmt.Fprintf(&g.body, "_say(%s, %s, _outcome(lambda: %s))\n", literal(shorten(expr)), want, expr)
	}
	g.changed(c, b)
}

func shorten(s string) string {
	if len(s) > 160 {
		return s[:157] + "..."
	}
	return s
}

// outcome returns Python text of what is expected: of the repr of the result,
// or of the exception; known is false where the trace does not tell.
func (g *generator) outcome(c *call, b *builder) (text string, known bool) {
	if c.end.Kind == wire.KindUnwind {
		if c.raised.ID == 0 {
			return "", false
		}
		return literal(c.raised.Type() + ": " + c.raised.Text()), true
	}
	if c.Code().Kind == "generator" {
		items := []string{}
		for _, y := range g.yields[c.ID()] {
			s, ok := b.compare(y.Value())
			if !ok {
				return "", false
			}
			items = append(items, s)
		}
		return "repr([" + strings.Join(items, ", ") + "])", true
	}
	s, ok := b.compare(c.end.Value())
	if !ok {
		return "", false
	}
	return "repr(" + s + ")", true
}

// raising are modules of the standard library whose exceptions are named.
var raising = set("json json.decoder decimal queue asyncio.exceptions concurrent.futures._base zoneinfo zoneinfo._common sqlite3 re re._constants dataclasses")

// demand writes the call as an assertion.
func (g *generator) demand(c *call, expr, want string, known bool) {
	switch {
	case c.raised.ID != 0:
		g.uses["pytest"] = true
		class := "Exception"
		if dotted(c.raised.Type()) && !strings.Contains(c.raised.Type(), ".") {
			class = c.raised.Type()
			m := c.raised.Module()
			if m == "__main__" {
				m = g.main(c.start.Process)
			}
			switch {
			case m == "" || m == "builtins":
			case g.traced()[m] != "" && g.claims(map[string]bool{m: true}) == "" || raising[m]:
				class = m + "." + class
				g.modules[m] = true
			default:
				class = "Exception" // nothing else is imported
			}
		}
		fmt.Fprintf(&g.body, "with pytest.raises(%s) as caught:\n    %s\n", class, expr)
		if c.raised.Text() != "" && len(c.raised.Text()) < 300 {
			fmt.Fprintf(&g.body, "assert str(caught.value) == %s\n", literal(c.raised.Text()))
		}
	case !known:
		fmt.Fprintf(&g.body, "%s\n", expr)
	default:
		text := strings.TrimSuffix(strings.TrimPrefix(want, "repr("), ")")
		if text == "None" || text == "True" || text == "False" {
			fmt.Fprintf(&g.body, "assert %s is %s\n", expr, text)
		} else if strings.Contains(text, "nan") { // which equals nothing
			fmt.Fprintf(&g.body, "assert repr(%s) == repr(%s)\n", expr, text)
		} else {
			fmt.Fprintf(&g.body, "assert %s == %s\n", expr, text)
		}
	}
}

// changed compares arguments that the call changed in place.
func (g *generator) changed(c *call, b *builder) {
	for _, m := range c.end.Changed() {
		v := g.objects[object{c.start.Process, m.Value.ID}]
		text, ok := b.compare(&m.Value)
		if v == nil || !ok || !m.Value.Literal {
			continue
		}
		v.text = text
		if g.options.Pytest && strings.Contains(text, "nan") {
			fmt.Fprintf(&g.body, "assert repr(%s) == repr(%s)\n", v.name, text)
		} else if g.options.Pytest {
			fmt.Fprintf(&g.body, "assert %s == %s\n", v.name, text)
		} else {
			fmt.Fprintf(&g.body, "_say(%s, repr(%s), repr(%s))\n", literal(v.name+" afterwards"), text, v.name)
		}
	}
}

// variable returns the variable of an object, a new one where there is none.
func (g *generator) variable(o object, class string) *variable {
	v := &variable{name: g.names.next(class), class: class}
	g.objects[o] = v
	return v
}
