package diverge

import (
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// rootPairs is what two runs are compared by: their outermost calls.
type rootPairs struct {
	failed     trace.Call // the outermost call that failed in red, if one did
	paired     bool       // it is the first of pairs
	pairs      []pair     // functions first, then modules, each in order of execution
	reds       []string   // what red alone ran, each once
	greens     []string   // what green alone ran
	incomplete bool       // a trace lacks records
}

const (
	maxAlone     = 3   // names of what one run alone ran
	maxAncestors = 100 // looked at for a call of the same function
)

// pairRoots pairs the outermost calls of two runs by their functions, the
// second of a function with the second. Where none has a partner, one trace may
// be a slice, which begins within a run: then its outermost calls are sought
// within the other.
func pairRoots(red, green *trace.Trace) rootPairs {
	out := rootPairs{incomplete: red.Footer.Partial() || green.Footer.Partial()}
	if path, _ := red.Crash(); len(path) > 0 {
		out.failed = path[0]
	}
	reds, greens := red.Roots(), green.Roots()
	out.pair(reds, greens)
	if len(out.pairs) == 0 {
		out.pair(reds, outermost(green, reds))
	}
	if len(out.pairs) == 0 {
		out.pair(outermost(red, greens), greens)
	}
	return out
}

type codeKey struct{ name, file string }

// keyOf is the same for what sameCode holds for.
func keyOf(c trace.Call) codeKey {
	return codeKey{c.Code().Name, baseName(c.Code().File)}
}

// outermost returns the calls of the functions of roots, but for those that
// such a call made itself.
func outermost(t *trace.Trace, roots []trace.Call) []trace.Call {
	wanted := map[codeKey]bool{}
	for _, c := range roots {
		wanted[keyOf(c)] = true
	}
	var out []trace.Call
	for i := range t.Nodes() {
		c := t.CallAt(int32(i) + 1)
		if !wanted[keyOf(c)] {
			continue
		}
		inner := false
		up := c.Parent()
		for range maxAncestors {
			if inner = up.Index != 0 && sameCode(up, c); inner || up.Index == 0 {
				break
			}
			up = up.Parent()
		}
		if !inner {
			out = append(out, c)
		}
	}
	return out
}

// pair pairs calls; what failed comes first, modules come last.
func (p *rootPairs) pair(reds, greens []trace.Call) {
	left, seen := map[codeKey][]trace.Call{}, map[codeKey]bool{}
	for _, c := range greens {
		left[keyOf(c)] = append(left[keyOf(c)], c)
	}
	var first, functions, modules []pair
	p.reds, p.greens = nil, nil
	for _, c := range reds {
		k := keyOf(c)
		if len(left[k]) == 0 {
			p.reds = addName(p.reds, c, seen[k])
			continue
		}
		both := pair{c, left[k][0]}
		left[k], seen[k] = left[k][1:], true
		switch {
		case c == p.failed:
			first = append(first, both)
		case c.Code().Kind == "module":
			modules = append(modules, both)
		default:
			functions = append(functions, both)
		}
	}
	for _, c := range greens {
		if k := keyOf(c); len(left[k]) > 0 && left[k][0] == c {
			p.greens = addName(p.greens, c, seen[k])
			left[k] = left[k][1:]
		}
	}
	p.paired = len(first) > 0
	p.pairs = append(append(first, functions...), modules...)
}

// addName adds what c ran to a list of names that is not full; more says that
// the other run ran it too, less often.
func addName(names []string, c trace.Call, more bool) []string {
	name := rootName(c)
	if more {
		name += " more often"
	}
	for _, n := range names {
		if n == name {
			return names
		}
	}
	if len(names) == maxAlone {
		return append(names, "…")
	}
	if len(names) > maxAlone {
		return names
	}
	return append(names, name)
}

// rootName names a function, or a module by its file.
func rootName(c trace.Call) string {
	code := c.Code()
	if code.Kind == "module" {
		return wire.OneLine(baseName(code.File))
	}
	return wire.OneLine(code.Name)
}

// compareRoots compares what failed, and all else where that does not differ.
// It returns the difference to show, and those before it.
func (d *differ) compareRoots(roots rootPairs) (s *split, passed []*split) {
	for i, p := range roots.pairs {
		from := len(d.splits)
		d.compare(p.red, p.green, 0)
		for _, s := range d.splits[from:] {
			s.top = p
		}
		if i == 0 && roots.paired {
			if s, passed = d.choose(); s != nil {
				return s, passed
			}
		}
	}
	return d.choose()
}

// alike says that nothing differs, and of what.
func (p *rootPairs) alike() string {
	text := "The two runs made the same calls with the same values"
	if len(p.reds)+len(p.greens) > 0 {
		text = "What both runs ran is the same, with the same values"
	}
	if p.incomplete {
		text += ", as far as it was recorded"
	}
	text += ".\n"
	if len(p.reds) > 0 {
		text += "Only the failing run ran " + strings.Join(p.reds, ", ") + ".\n"
	}
	if len(p.greens) > 0 {
		text += "Only the passing run ran " + strings.Join(p.greens, ", ") + ".\n"
	}
	return text
}
