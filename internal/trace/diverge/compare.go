package diverge

import (
	"hash/maphash"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A split is a difference between the runs.
type split struct {
	kind       string
	red, green trace.Call // none on the side that did not make the call
	under      [2]trace.Call
	top        pair // the outermost calls that were compared
	changed    []Change
	noise      bool // what differs is made up in each run
	contained  bool // within a call that ended alike
}

const (
	maxSplits    = 2000
	maxCallDepth = 1000
)

type differ struct {
	red, green  *trace.Trace
	comparisons int // calls compared
	seed        maphash.Seed
	crash       map[int64]bool // red's way to the failure
	inCrash     map[int]bool   // identities of what its frames held
	pairs       pairing
	splits      []*split // in the order of execution
}

func newDiffer(red, green *trace.Trace) *differ {
	d := &differ{red: red, green: green, comparisons: 2_000_000, seed: maphash.MakeSeed(), crash: map[int64]bool{}, inCrash: map[int]bool{}}
	path, raise := red.Crash()
	note := func(v, _ *wire.Value, _ string, _ bool) {
		if v.ID > 0 {
			d.inCrash[v.ID] = true
		}
	}
	for _, c := range path {
		d.crash[c.ID()] = true
		wire.WalkVars(c.Start().Args(), note)
	}
	wire.WalkVars(raise.Args(), note)
	return d
}

func (d *differ) add(s split) {
	if len(d.splits) < maxSplits {
		d.splits = append(d.splits, &s)
	}
}

// choose returns the difference to show, and those before it.
func (d *differ) choose() (s *split, passed []*split) {
	for _, wanted := range []func(*split) bool{
		func(s *split) bool { return !s.noise && (!s.contained || d.reaches(s)) },
		func(s *split) bool { return !s.noise },
		func(s *split) bool { return !s.contained },
		func(*split) bool { return true },
	} {
		for i, s := range d.splits {
			if wanted(s) {
				return s, d.splits[:i]
			}
		}
	}
	return nil, nil
}

// reaches says whether a value that differs is, or holds, an object that the
// frames of the failure held too.
func (d *differ) reaches(s *split) (found bool) {
	if s.red.Index == 0 || len(d.inCrash) == 0 {
		return false
	}
	vars := s.red.Start().Args()
	if s.kind == "state" {
		vars = s.red.End().Changed()
	} else if s.kind != "argument" {
		return false
	}
	for i := range vars {
		for _, c := range s.changed {
			if c.Name == vars[i].Name {
				vars[i].Value.Walk(nil, "", false, func(v, _ *wire.Value, _ string, _ bool) { found = found || v.ID > 0 && d.inCrash[v.ID] })
			}
		}
	}
	return found
}

// compare notes the differences of two calls in the order of execution:
// arguments, then the calls inside, then the end. Where they ended alike, what
// differs inside had no effect that can be seen.
func (d *differ) compare(r, g trace.Call, depth int) {
	if d.comparisons--; d.comparisons < 0 || depth > maxCallDepth || len(d.splits) >= maxSplits {
		return
	}
	from := len(d.splits)
	if a, b := r.Start(), g.Start(); a.ID != 0 && b.ID != 0 && a.Body != b.Body {
		d.changed("argument", r, g, a.Args(), b.Args())
	}
	pairs := d.align(r.Children(), g.Children())
	last := len(pairs) // what only one run made, after all that both made
	for last > 0 && (pairs[last-1].red.Index == 0 || pairs[last-1].green.Index == 0) {
		last--
	}
	var alone []pair
	for _, p := range pairs[:last] {
		if p.red.Index == 0 || p.green.Index == 0 {
			alone = append(alone, p)
			continue
		}
		d.extras(r, g, alone)
		alone = alone[:0]
		d.compare(p.red, p.green, depth+1)
	}
	d.extras(r, g, alone)
	if d.compareEnds(r, g, pairs[last:]) && !d.crash[r.ID()] {
		for _, s := range d.splits[from:] {
			s.contained = true
		}
	}
}

// compareEnds compares what follows the calls that both made; more are those
// that one of them made after that.
func (d *differ) compareEnds(r, g trace.Call, more []pair) (alike bool) {
	alike = true
	var reds, greens []trace.Call
	for _, p := range more {
		if p.red.Index != 0 {
			reds = append(reds, p.red)
		} else {
			greens = append(greens, p.green)
		}
	}
	x, y := r.End(), g.End()
	rx, gx := raisedIn(r), raisedIn(g)
	switch {
	case rx.Type() != gx.Type() || (rx.ID == 0) != (gx.ID == 0) || !d.pairs.alike(rx.Text(), gx.Text()):
		alike = x.ID != 0 && y.ID != 0 && x.Kind == wire.KindReturn && y.Kind == wire.KindReturn // it may have been swallowed
		d.add(split{kind: "exception", red: r, green: g, changed: []Change{{"raise", raiseText(rx, reds), raiseText(gx, greens)}}})
	case rx.Text() != gx.Text():
		d.add(split{kind: "exception", red: r, green: g, noise: true, changed: []Change{{"raise", raiseText(rx, reds), raiseText(gx, greens)}}})
	default:
		d.extras(r, g, more)
	}
	if x.ID == 0 || y.ID == 0 {
		return false
	}
	if x.Kind != y.Kind {
		d.add(split{kind: "exception", red: r, green: g, changed: []Change{{"end", endText(d.red, r, 200), endText(d.green, g, 200)}}})
		return false
	}
	if x.Body == y.Body {
		return alike
	}
	if v, w := x.Value(), y.Value(); v != nil && w != nil {
		if a, b := v.Plain(), w.Plain(); equality.Compare(v, w) == equality.Different {
			noise := d.pairs.alike(a, b)
			alike = alike && noise
			d.add(split{kind: "return", red: r, green: g, noise: noise, changed: []Change{{"return", v.String(), w.String()}}})
		}
	}
	return !d.changed("state", r, g, x.Changed(), y.Changed()) && alike
}

// changed notes variables that differ, and says whether any does beyond noise.
func (d *differ) changed(kind string, r, g trace.Call, a, b []wire.Var) bool {
	list := changes(a, b)
	if len(list) == 0 {
		return false
	}
	var real []Change
	for _, c := range list {
		if madeUp.MatchString(c.Name) {
			d.pairs.learn(c.Red, c.Green)
		} else if !d.pairs.alike(c.Red, c.Green) {
			real = append(real, c)
		}
	}
	if len(real) > 0 {
		list = real
	}
	d.add(split{kind: kind, red: r, green: g, changed: list, noise: len(real) == 0})
	return len(real) > 0
}

// extras notes calls, between two that both runs made, that one run made and
// the other did not; the first of each are shown as one in the other's place.
func (d *differ) extras(r, g trace.Call, alone []pair) {
	var first pair
	for _, p := range alone {
		if first.red.Index == 0 {
			first.red = p.red
		}
		if first.green.Index == 0 {
			first.green = p.green
		}
	}
	if first.red.Index != 0 && first.green.Index != 0 {
		d.extra(r, g, first)
	}
	for _, p := range alone {
		if first.red.Index == 0 || first.green.Index == 0 || p.red != first.red && p.green != first.green {
			d.extra(r, g, p)
		}
	}
}

func (d *differ) extra(r, g trace.Call, p pair) {
	d.add(split{kind: "call", red: p.red, green: p.green, under: [2]trace.Call{r, g}, changed: []Change{{"call", callName(p.red), callName(p.green)}}})
}

func callName(c trace.Call) string {
	if c.Index == 0 {
		return "no call"
	}
	return wire.OneLine(c.Code().Name) + "(" + wire.RenderVars(c.Start().Args(), 60, 120, false) + ")"
}

// raisedIn returns the first exception that was raised in the call's own frame.
func raisedIn(c trace.Call) trace.Record {
	for _, r := range c.Events() {
		if r.Kind == wire.KindRaise {
			return r
		}
	}
	return trace.Record{}
}

func raiseText(r trace.Record, more []trace.Call) string {
	switch {
	case r.ID != 0:
		return wire.ExceptionText(r.Type(), r.Text(), 200)
	case len(more) > 0:
		return "goes on, calls " + callName(more[0])
	default:
		return "nothing"
	}
}

// endText says how a call ended.
func endText(t *trace.Trace, c trace.Call, limit int) string {
	end := c.End()
	if end.ID == 0 {
		return "did not end"
	}
	if v := end.Value(); end.Kind == wire.KindReturn && v != nil {
		return "returns " + v.Render(limit, false)
	}
	if r := t.RaiseOf(end.Exc); r.ID != 0 {
		return "raises " + wire.ExceptionText(r.Type(), r.Text(), limit)
	}
	return "raises " + wire.OneLine(end.Type())
}

// changes returns the variables that are known to differ: what was cut is not.
func changes(a, b []wire.Var) []Change {
	var out []Change
	seen := map[string]bool{}
	for _, x := range a {
		seen[x.Name] = true
		other, known := "not there", equality.Different
		for _, y := range b {
			if y.Name == x.Name {
				if known = equality.Compare(&x.Value, &y.Value); known == equality.Different {
					other = y.Value.Plain()
				}
			}
		}
		if known == equality.Different {
			out = append(out, Change{x.Name, x.Value.Plain(), other})
		}
	}
	for _, y := range b {
		if !seen[y.Name] {
			out = append(out, Change{y.Name, "not there", y.Value.Plain()})
		}
	}
	return out
}
