package run

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace/wire"
)

// reprLimit bounds the text of one value.
const reprLimit = 2000

// repr writes a value as Python would, as near as the trace knows it: objects
// as Class(attribute=value). Identities are left out, so that runs can be
// compared.
func repr(v *wire.Value) string {
	var b strings.Builder
	writeRepr(&b, v, 0)
	s := oneWord(b.String())
	if len(s) > reprLimit {
		s = strings.ToValidUTF8(s[:reprLimit-3], "") + "..."
	}
	return s
}

func writeRepr(b *strings.Builder, v *wire.Value, depth int) {
	if v == nil || b.Len() > reprLimit || depth > 40 {
		b.WriteString("...")
		return
	}
	switch {
	case v.Masked:
		fmt.Fprintf(b, "<masked %s>", v.Type)
	case v.Cycle:
		fmt.Fprintf(b, "<%s again>", v.Type)
	case v.Text != "" && len(v.Fields) == 0 && len(v.Shared) == 0 && len(v.Items) == 0 && len(v.Pairs) == 0:
		writeText(b, v)
	case v.Pairs != nil || v.Type == "dict":
		writePairs(b, v, depth)
	case v.Items != nil || v.Type == "list" || v.Type == "set" || v.Type == "tuple":
		writeItems(b, v, depth)
	default:
		writeObject(b, v, depth)
	}
}

func writeText(b *strings.Builder, v *wire.Value) {
	switch v.Type {
	case "", "list", "dict", "set", "tuple", "frozenset", "float", "complex", "str", "bytes", "bytearray", "int", "bool", "NoneType":
		b.WriteString(v.Text)
	case "function", "method", "builtin_function_or_method", "type", "module":
		fmt.Fprintf(b, "<%s %s>", v.Type, v.Text)
	default:
		if strings.HasPrefix(v.Text, v.Type+"(") || strings.HasPrefix(v.Text, "<") {
			b.WriteString(v.Text)
		} else {
			fmt.Fprintf(b, "%s(%s)", v.Type, v.Text)
		}
	}
	if v.Cut {
		b.WriteString("...")
	}
}

func writePairs(b *strings.Builder, v *wire.Value, depth int) {
	open, end := "{", "}"
	if v.Type != "dict" && v.Type != "" {
		open, end = v.Type+"({", "})"
	}
	b.WriteString(open)
	for i := range v.Pairs {
		comma(b, i)
		writeRepr(b, &v.Pairs[i][0], depth+1)
		b.WriteString(": ")
		writeRepr(b, &v.Pairs[i][1], depth+1)
	}
	rest(b, v, len(v.Pairs))
	b.WriteString(end)
}

func writeItems(b *strings.Builder, v *wire.Value, depth int) {
	open, end := v.Type+"([", "])"
	switch {
	case v.Type == "list":
		open, end = "[", "]"
	case v.Type == "tuple":
		open, end = "(", ")"
	case v.Type == "set" && v.Len > 0:
		open, end = "{", "}"
	case v.Type == "set":
		open, end = "set(", ")"
	}
	b.WriteString(open)
	for i := range v.Items {
		comma(b, i)
		writeRepr(b, &v.Items[i], depth+1)
	}
	rest(b, v, len(v.Items))
	if v.Type == "tuple" && v.Len == 1 {
		b.WriteString(",")
	}
	b.WriteString(end)
}

func writeObject(b *strings.Builder, v *wire.Value, depth int) {
	if len(v.Args) == 0 && len(v.Fields) == 0 && len(v.Shared) == 0 && v.Text == "" {
		size := ""
		if v.Len > 0 {
			size = fmt.Sprintf(" len=%d", v.Len)
		}
		fmt.Fprintf(b, "<%s%s>", v.Type, size)
		return
	}
	b.WriteString(v.Type + "(")
	n := 0
	if v.Text != "" {
		b.WriteString(v.Text)
		n++
	}
	for i := range v.Args {
		comma(b, n)
		writeRepr(b, &v.Args[i], depth+1)
		n++
	}
	for _, list := range []struct {
		vars []wire.Var
		of   string
	}{{v.Fields, ""}, {v.Shared, v.Type + "."}} {
		for i := range list.vars {
			comma(b, n)
			b.WriteString(list.of + list.vars[i].Name + "=")
			writeRepr(b, &list.vars[i].Value, depth+1)
			n++
		}
	}
	b.WriteString(")")
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

func rest(b *strings.Builder, v *wire.Value, shown int) {
	if v.Len > shown {
		comma(b, shown)
		b.WriteString("...")
	}
}
