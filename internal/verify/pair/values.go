package pair

import (
	"regexp"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/equality"
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

// same reports whether two values may be equal: they are not known to differ. So
// what was cut off, masked or never recorded counts as equal, and identities do
// not count.
func same(a, b wire.Value) bool {
	c := equality.Comparison{Text: func(text string) string { return volatile.ReplaceAllString(text, "") }}
	return c.Values(&a, &b) != equality.Different
}
