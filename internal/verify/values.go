package verify

import (
	"regexp"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// What differs between two runs of one program although nothing else does.
var volatile = regexp.MustCompile(`0x[0-9a-fA-F]+|\b\d{9,}(?:\.\d+)?\b|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?`)

// sameArguments reports whether two calls of one function got equal arguments,
// as far as traces show. Parameters that only one of them has, because the
// patch adds or removes them, do not count; nor does what was cut off, so that
// doubt speaks against the patch.
func sameArguments(red, green *trace.Record) bool {
	if red.Late || green.Late { // recorded after they may have changed
		return true
	}
	got := map[string]wire.Value{}
	for _, a := range green.Args() {
		got[a.Name] = a.Value
	}
	for _, a := range red.Args() {
		if v, ok := got[a.Name]; ok && !same(a.Value, v) {
			return false
		}
	}
	return true
}

// same compares two values as the tracer rendered them; identities do not
// count.
func same(a, b wire.Value) bool {
	if a.Type != b.Type || a.Module != b.Module || a.Len != b.Len || a.Cycle != b.Cycle ||
		volatile.ReplaceAllString(a.Text, "") != volatile.ReplaceAllString(b.Text, "") ||
		len(a.Items) != len(b.Items) || len(a.Pairs) != len(b.Pairs) || len(a.Fields) != len(b.Fields) || len(a.Args) != len(b.Args) {
		return false
	}
	for i := range a.Items {
		if !same(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for i := range a.Pairs {
		if !same(a.Pairs[i][0], b.Pairs[i][0]) || !same(a.Pairs[i][1], b.Pairs[i][1]) {
			return false
		}
	}
	for i := range a.Fields {
		if a.Fields[i].Name != b.Fields[i].Name || !same(a.Fields[i].Value, b.Fields[i].Value) {
			return false
		}
	}
	for i := range a.Args {
		if !same(a.Args[i], b.Args[i]) {
			return false
		}
	}
	return true
}
