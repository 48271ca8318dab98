package synth

import (
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
	"maps"
	"slices"
)

const maxTestLine = 100 // columns, the formatters' default

// test writes the test of a call. It asserts nothing about the exception: it makes
// the call, so it fails as in production, and passes once the call returns.
func (c *call) test(s shape, st language.Story, folder string) (testrun.Test, error) {
	args, before, lost := c.arguments(s)
	if lost != nil {
		return testrun.Test{}, lost
	}
	write, imported := c.callee()
	before.need(slices.Sorted(maps.Keys(c.receiver.imports)), c.receiver.setup)
	before.need(imported, nil)
	return written{
		doc: docstring(c.function, c.how, st), imports: before.imports, setup: before.setup,
		call: write(args), async: c.function.Async, generator: c.function.Generator,
	}.test(st, folder), nil
}

// test writes the test of a call with what the recorder described.
func (c *recordedCall) test(st language.Story, folder string) testrun.Test {
	how := "values that were recorded in production"
	if guess := c.guess(); guess != "" {
		how += ", " + guess
	}
	call := c.callee + "(" + strings.Join(c.args, ", ") + ")"
	if c.function.Kind == "property" {
		call = c.callee
	}
	setup := c.w.setup
	for i := range setup {
		setup[i] = broken(setup[i], 4)
	}
	return written{
		doc: docstring(c.function, how, st), imports: c.w.imports, setup: setup, call: broken(call, 4),
		async: c.function.Async, generator: c.function.Generator,
	}.test(st, folder)
}

// written is what a test consists of.
type written struct {
	doc              string
	imports          map[string]bool // statements
	setup            []string        // statements
	call             string          // expression
	async, generator bool            // what it evaluates to
}

func (w written) test(st language.Story, folder string) testrun.Test {
	name := "test_repaird_" + st.Name
	body := w.call
	var helper string
	switch {
	case w.async && w.generator:
		w.imports["import asyncio"] = true
		body = "asyncio.run(collect(" + body + "))"
		helper = "async def collect(items):\n    return [item async for item in items]\n\n\n"
	case w.async:
		w.imports["import asyncio"] = true
		body = "asyncio.run(" + body + ")"
	case w.generator:
		body = "list(" + body + ")"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\"\"\"%s\"\"\"\n\n", w.doc)
	plain, from := importBlocks(w.imports)
	for _, block := range [][]string{plain, from} {
		if len(block) > 0 {
			b.WriteString(strings.Join(block, "\n") + "\n\n")
		}
	}
	b.WriteString("\n" + helper)
	fmt.Fprintf(&b, "def %s():\n", name)
	for _, line := range append(w.setup[:len(w.setup):len(w.setup)], body) {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	return testrun.Test{Path: path.Join(folder, name+".py"), Name: name, Source: b.String()}
}

// importBlocks are the statements in the usual order: modules, then names, those
// of one module in one statement.
func importBlocks(imports map[string]bool) (plain, from []string) {
	names := map[string][]string{}
	for _, i := range slices.Sorted(maps.Keys(imports)) {
		rest, ok := strings.CutPrefix(i, "from ")
		if !ok {
			plain = append(plain, i)
			continue
		}
		module, name, _ := strings.Cut(rest, " import ")
		names[module] = append(names[module], name)
	}
	for _, module := range slices.Sorted(maps.Keys(names)) {
		from = append(from, "from "+module+" import "+strings.Join(names[module], ", "))
	}
	return plain, from
}

// callee returns how the function is called, and the imports that this needs.
func (c *call) callee() (write func(args []string) string, imports []string) {
	fn := c.function
	plain := func(head string) func([]string) string {
		return func(args []string) string { return head + parenthesised(head, args) }
	}
	switch fn.Kind {
	case "constructor":
		return plain(fn.Class.Name), []string{importOf(fn.Class.Module, fn.Class.Name)}
	case "staticmethod":
		return plain(fn.Qualname), []string{importOf(c.module, fn.Qualname)}
	case "classmethod":
		return plain(fn.Class.Name + "." + mangled(fn)), []string{importOf(fn.Class.Module, fn.Class.Name)}
	case "method":
		if fn.Name == "__call__" {
			return plain(c.receiver.source), nil
		}
		return plain(c.receiver.source + "." + mangled(fn)), nil
	case "property":
		return func([]string) string { return c.receiver.source + "." + mangled(fn) }, nil
	}
	return plain(fn.Name), []string{importOf(c.module, fn.Name)}
}

// mangled is a method's name as it is called from outside of its class.
func mangled(fn function) string {
	if !strings.HasPrefix(fn.Name, "__") || strings.HasSuffix(fn.Name, "__") {
		return fn.Name
	}
	class := strings.TrimSuffix(fn.Qualname, "."+fn.Name)
	return "_" + strings.TrimLeft(incident.BareName(class), "_") + fn.Name
}

// parenthesised writes an argument list on one line, or one argument per line.
func parenthesised(head string, args []string) string {
	one := "(" + strings.Join(args, ", ") + ")"
	if len(head)+len(one)+20 <= maxTestLine || len(args) == 0 {
		return one
	}
	return "(\n        " + strings.Join(args, ",\n        ") + ",\n    )"
}

// arguments writes the values, by keyword where the signature allows, for
// readability, and what has to stand before them.
func (c *call) arguments(s shape) (args []string, before rebuilt, _ *lost) {
	before.imports = map[string]bool{}
	star := false
	for _, a := range c.args {
		star = star || a.param.Kind == "var" && len(a.value.Items) > 0
	}
	for _, a := range c.args {
		want := s
		if a.param.Kind == "var" {
			want = shape{"list", s.intKeys}
		}
		r, lost := c.by.rebuild(a.value, want)
		if lost != nil {
			return nil, before, lost
		}
		before.need(slices.Sorted(maps.Keys(r.imports)), r.setup)
		switch a.param.Kind {
		case "posonly":
			args = append(args, r.source)
		case "pos":
			if star {
				args = append(args, r.source)
			} else {
				args = append(args, a.param.Name+"="+r.source)
			}
		case "kwonly":
			args = append(args, a.param.Name+"="+r.source)
		case "var":
			if len(a.value.Items) > 0 {
				args = append(args, "*"+r.source)
			}
		case "varkw":
			if len(a.value.Fields) > 0 {
				args = append(args, "**"+r.source)
			}
		}
	}
	return args, before, nil
}

// docstring tells the test's reader what it repeats. how says how the arguments
// are known, "" where the report has them as they were passed.
func docstring(fn function, how string, st language.Story) string {
	called := fn.Qualname
	if fn.Kind == "constructor" {
		called = fn.Class.Name
	}
	if how == "" {
		how = "the arguments that the error report recorded"
	}
	return docText(fmt.Sprintf("Reproduces incident %s.", st.Incident)) + "\n\n" +
		"Production raised, in " + docText(st.Where) + ":\n\n    " + docText(st.Type+": "+text.Line(st.Message, 300)) + "\n\n" +
		wrapped("The call below is the one that led there: "+docText(called)+" with "+docText(how)+
			". The test fails as in production until that is repaired.") + "\n"
}

// docColumns is the width of a docstring's text.
const docColumns = 80

// wrapped breaks a text into lines between its words.
func wrapped(s string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(s) {
		switch {
		case column == 0:
		case column+1+len(word) > docColumns:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// docText makes untrusted text safe for a docstring: one line, without
// invisible characters or anything that ends the string.
func docText(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\\' || c == '"':
			return '\''
		case c == ' ' || unicode.IsGraphic(c) && !unicode.Is(unicode.Cf, c) && !unicode.IsSpace(c):
			return c
		}
		return -1
	}, s)
	return strings.TrimSpace(s)
}
