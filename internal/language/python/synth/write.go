package synth

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
	"maps"
	"slices"
)

const maxTestLine = 100 // columns, the formatters' default

// testOf writes the test of one call. It asserts nothing about the exception:
// it makes the call, so it fails as in production, and passes once the call
// returns.
func testOf(c *call, s shape, known map[string]literal, st language.Story, folder string) (testrun.Test, error) {
	imports := map[string]bool{}
	args, lost := c.arguments(s, known, imports)
	if lost != nil {
		return testrun.Test{}, lost
	}
	callee, imported := c.callee()
	return written{
		doc: docstring(c.function, "", st), imports: imports, own: "from " + c.module + " import " + imported, call: callee(args),
		async: c.function.Async, generator: c.function.Generator,
	}.test(st, folder), nil
}

// test writes the test of a call with what the recorder described.
func (c *recordedCall) test(st language.Story, folder string) testrun.Test {
	how := "values that were recorded in production"
	if len(c.changed) > 0 {
		how += ",\n" + strings.Join(c.changed, " and ") + " as it was at the crash"
	}
	call := c.callee + "(" + strings.Join(c.args, ", ") + ")"
	if c.function.Kind == "property" {
		call = c.callee
	}
	return written{
		doc: docstring(c.function, how, st), imports: c.w.imports, setup: c.w.setup, call: call,
		async: c.function.Async, generator: c.function.Generator,
	}.test(st, folder)
}

// written is what a test consists of.
type written struct {
	doc              string
	imports          map[string]bool // statements
	own              string          // statement that imports what is called, apart from the others
	setup            []string        // statements
	call             string          // expression
	async, generator bool            // what it evaluates to
}

func (w written) test(st language.Story, folder string) testrun.Test {
	name := "test_repaird_" + st.Name
	body, helper := w.call, ""
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
	for _, i := range importLines(w.imports) {
		b.WriteString(i + "\n")
	}
	if w.own != "" {
		if len(w.imports) > 0 {
			b.WriteString("\n")
		}
		b.WriteString(w.own + "\n")
	}
	fmt.Fprintf(&b, "\n\n%sdef %s():\n", helper, name)
	for _, line := range append(w.setup[:len(w.setup):len(w.setup)], body) {
		fmt.Fprintf(&b, "    %s\n", wrapped(line, 4))
	}
	return testrun.Test{Path: path.Join(folder, name+".py"), Name: name, Source: b.String()}
}

// importLines are import statements in the usual order: modules, then names, those
// of one module in one statement.
func importLines(imports map[string]bool) []string {
	var lines []string
	order := func(a, b string) int {
		return cmp.Or(-cmp.Compare(len(strings.Fields(b)), len(strings.Fields(a))), strings.Compare(a, b))
	}
	for _, i := range slices.SortedFunc(maps.Keys(imports), order) {
		module, name, ok := strings.Cut(i, " import ")
		last := len(lines) - 1
		if ok && last >= 0 && strings.HasPrefix(lines[last], module+" import ") {
			lines[last] += ", " + name
			continue
		}
		lines = append(lines, i)
	}
	return lines
}

// callee returns how the function is called, and the name to import for it.
func (c *call) callee() (write func(args []string) string, imported string) {
	fn := c.function
	plain := func(head string) func([]string) string {
		return func(args []string) string { return head + parenthesised(head, args) }
	}
	switch fn.Kind {
	case "constructor":
		return plain(fn.Class.Name), fn.Class.Name
	case "staticmethod", "classmethod":
		return plain(fn.Qualname), fn.Class.Name
	case "method":
		return plain(fn.Class.Name + "()." + fn.Name), fn.Class.Name
	case "property":
		return func([]string) string { return fn.Class.Name + "()." + fn.Name }, fn.Class.Name
	}
	return plain(fn.Name), fn.Name
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
// readability.
func (c *call) arguments(s shape, known map[string]literal, imports map[string]bool) ([]string, *lost) {
	star := false
	for _, a := range c.args {
		star = star || a.param.Kind == "var" && len(a.value.Items) > 0
	}
	var args []string
	for _, a := range c.args {
		want := s
		if a.param.Kind == "var" {
			want = shape{"list", s.intKeys}
		}
		r, lost := rebuild(a.value, known, want)
		if lost != nil {
			return nil, lost
		}
		for i := range r.imports {
			imports[i] = true
		}
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
	return args, nil
}

// docstring tells the test's reader what it repeats. how says how the arguments
// are known, "" where the report has them as they were passed.
func docstring(fn function, how string, st language.Story) string {
	called := fn.Qualname
	if fn.Kind == "constructor" {
		called = fn.Class.Name
	}
	known := "with the arguments that the\nerror report recorded."
	if how != "" {
		known = "with\n" + docLines(how) + "."
	}
	return docText(fmt.Sprintf("Reproduces incident %s.", st.Incident)) + "\n\n" +
		"Production raised, in " + docText(st.Where) + ":\n\n    " + docText(st.Type+": "+text.Line(st.Message, 300)) + "\n\n" +
		"The call below is the one that led there: " + docText(called) + " " + known + " The test fails as in production until that is repaired.\n"
}

func docLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = docText(lines[i])
	}
	return strings.Join(lines, "\n")
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
