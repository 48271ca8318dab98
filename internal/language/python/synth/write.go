package synth

import (
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
	name := "test_repaird_" + st.Name
	imports := map[string]bool{}
	args, lost := c.arguments(s, known, imports)
	if lost != nil {
		return testrun.Test{}, lost
	}
	callee, imported := c.callee()
	body := callee(args)
	switch {
	case c.function.Async && c.function.Generator:
		imports["import asyncio"] = true
		body = "asyncio.run(collect(" + body + "))"
	case c.function.Async:
		imports["import asyncio"] = true
		body = "asyncio.run(" + body + ")"
	case c.function.Generator:
		body = "list(" + body + ")"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\"\"\"%s\"\"\"\n\n", docstring(c, st))
	for _, i := range slices.Sorted(maps.Keys(imports)) {
		b.WriteString(i + "\n")
	}
	if len(imports) > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "from %s import %s\n\n\n", c.module, imported)
	if c.function.Async && c.function.Generator {
		b.WriteString("async def collect(items):\n    return [item async for item in items]\n\n\n")
	}
	fmt.Fprintf(&b, "def %s():\n    %s\n", name, body)
	return testrun.Test{Path: path.Join(folder, name+".py"), Name: name, Source: b.String()}, nil
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

func docstring(c *call, st language.Story) string {
	called := c.function.Qualname
	if c.function.Kind == "constructor" {
		called = c.function.Class.Name
	}
	return docText(fmt.Sprintf("Reproduces incident %s.", st.Incident)) + "\n\n" +
		"Production raised, in " + docText(st.Where) + ":\n\n    " + docText(st.Type+": "+text.Line(st.Message, 300)) + "\n\n" +
		"The call below is the one that led there: " + docText(called) + " with the arguments that the\n" +
		"error report recorded. The test fails as in production until that is repaired.\n"
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
