package pytrace

// A Divergence is where two runs of one test part.
type Divergence struct {
	Found     bool       `json:"found"`
	Kind      string     `json:"kind"`       // argument, call, return, exception, state, or none
	RedCall   *Record    `json:"red_call"`   // the call in which they part; nil when only the other run made it
	GreenCall *Record    `json:"green_call"` //
	Changed   []Change   `json:"changed"`    // the values that differ there
	Text      string     `json:"text"`       // side by side in fixed width, at most 30 lines
	Lines     []CardLine `json:"lines"`      // the same as rows of a table
}

// A Change is one value that differs between the runs.
type Change struct {
	Name  string `json:"name"` // argument, "return", "raise" or "call"
	Red   string `json:"red"`
	Green string `json:"green"`
}

// A CardLine is one row of the divergence card.
type CardLine struct {
	Red     string `json:"red"`
	Green   string `json:"green"`
	Differs bool   `json:"differs"`
	Where   string `json:"where,omitempty"` // file:line of the function
}

// A split is the first difference that was found.
type split struct {
	kind       string
	red, green Call // none on the side that did not make the call
	under      [2]Call
	changed    []Change
}

// Diverge aligns two runs of the same test, the failing and the passing one,
// and says where they first part. Values are compared without identities.
func Diverge(red, green *Trace, opts CardOptions) Divergence {
	r, g := testRoots(red, green)
	if r.n == 0 || g.n == 0 {
		return Divergence{Kind: "none", Text: "The two runs have no call in common.\n"}
	}
	d := differ{red: red, green: green, budget: 2_000_000}
	s := d.compare(r, g, 0)
	if s == nil {
		return Divergence{Kind: "none", Text: "The two runs made the same calls with the same values.\n"}
	}
	out := Divergence{Found: true, Kind: s.kind, Changed: s.changed}
	out.RedCall, out.GreenCall = startOf(s.red), startOf(s.green)
	out.Lines = cardLines(red, green, r, g, s, opts)
	out.Text = sideBySide(out.Lines)
	return out
}

func startOf(c Call) *Record {
	r := c.Start()
	if r.ID == 0 {
		return nil
	}
	return &r
}

// testRoots returns the root calls to compare: the one that crashed, and the
// one of the same function in the passing run.
func testRoots(red, green *Trace) (r, g Call) {
	if path, _ := red.crash(); len(path) > 0 {
		r = path[0]
	}
	roots := red.Roots()
	for _, c := range roots {
		if r.n == 0 && c.Code().Kind != "module" {
			r = c
		}
	}
	if r.n == 0 && len(roots) > 0 {
		r = roots[len(roots)-1]
	}
	if r.n == 0 {
		return r, r
	}
	nth := 0 // a test may be run more than once
	for _, c := range roots {
		if c == r {
			break
		}
		if sameCode(c, r) {
			nth++
		}
	}
	for _, c := range green.Roots() {
		if sameCode(c, r) {
			if g = c; nth == 0 {
				break
			}
			nth--
		}
	}
	return r, g
}

// sameCode says whether two calls are of the same function in their two trees.
// Lines move with the patch, and so may the tree's place.
func sameCode(a, b Call) bool {
	x, y := a.Code(), b.Code()
	return x.Name == y.Name && baseName(x.File) == baseName(y.File)
}

func baseName(file string) string {
	for i := len(file) - 1; i >= 0; i-- {
		if file[i] == '/' {
			return file[i+1:]
		}
	}
	return file
}

type differ struct {
	red, green *Trace
	budget     int // values compared
}

// compare returns the first difference of two calls in the order of execution:
// arguments, then the calls inside, then the end.
func (d *differ) compare(r, g Call, depth int) *split {
	if d.budget--; d.budget < 0 || depth > 1000 {
		return nil
	}
	if a, b := r.Start(), g.Start(); a.ID != 0 && b.ID != 0 && a.body != b.body {
		if ch := changes(a.Args(), b.Args()); len(ch) > 0 {
			return &split{kind: "argument", red: r, green: g, changed: ch}
		}
	}
	reds, greens := r.Children(), g.Children()
	n := min(len(reds), len(greens))
	for i := 0; i < n; i++ {
		if !sameCode(reds[i], greens[i]) {
			return d.extra(r, g, reds[i], greens[i])
		}
		if s := d.compare(reds[i], greens[i], depth+1); s != nil {
			return s
		}
	}
	return d.compareEnds(r, g, reds, greens)
}

// compareEnds compares what follows the calls that both made.
func (d *differ) compareEnds(r, g Call, reds, greens []Call) *split {
	n := min(len(reds), len(greens))
	reds, greens = reds[n:], greens[n:]
	rx, gx := raisedIn(r), raisedIn(g)
	if rx.Type() != gx.Type() || rx.Text() != gx.Text() || (rx.ID == 0) != (gx.ID == 0) {
		return &split{kind: "exception", red: r, green: g, changed: []Change{{"raise", raiseText(rx, reds), raiseText(gx, greens)}}}
	}
	if len(reds) > 0 || len(greens) > 0 {
		var a, b Call
		if len(reds) > 0 {
			a = reds[0]
		}
		if len(greens) > 0 {
			b = greens[0]
		}
		return d.extra(r, g, a, b)
	}
	x, y := r.End(), g.End()
	if x.ID == 0 || y.ID == 0 {
		return nil
	}
	if x.Kind != y.Kind {
		return &split{kind: "exception", red: r, green: g, changed: []Change{{"end", endText(d.red, r, 200), endText(d.green, g, 200)}}}
	}
	if x.body == y.body {
		return nil
	}
	if v, w := x.Value(), y.Value(); v != nil && w != nil && v.plain() != w.plain() {
		return &split{kind: "return", red: r, green: g, changed: []Change{{"return", v.String(), w.String()}}}
	}
	if ch := changes(x.Changed(), y.Changed()); len(ch) > 0 {
		return &split{kind: "state", red: r, green: g, changed: ch}
	}
	return nil
}

// extra is the difference that one run made a call where the other made another or none.
func (d *differ) extra(r, g, a, b Call) *split {
	s := &split{kind: "call", red: a, green: b, under: [2]Call{r, g}}
	s.changed = []Change{{"call", callName(a), callName(b)}}
	return s
}

func callName(c Call) string {
	if c.n == 0 {
		return "no call"
	}
	return oneLine(c.Code().Name) + "(" + renderVars(c.Start().Args(), 60, 120, false) + ")"
}

// raisedIn returns the first exception that was raised in the call's own frame.
func raisedIn(c Call) Record {
	for _, r := range c.Events() {
		if r.Kind == KindRaise {
			return r
		}
	}
	return Record{}
}

func raiseText(r Record, more []Call) string {
	switch {
	case r.ID != 0:
		return exceptionText(r.Type(), r.Text(), 200)
	case len(more) > 0:
		return "goes on, calls " + callName(more[0])
	default:
		return "nothing"
	}
}

// endText says how a call ended.
func endText(t *Trace, c Call, limit int) string {
	end := c.End()
	if end.ID == 0 {
		return "did not end"
	}
	if v := end.Value(); end.Kind == KindReturn && v != nil {
		return "returns " + v.render(limit, false)
	}
	if r := t.raiseOf(end.Exc); r.ID != 0 {
		return "raises " + exceptionText(r.Type(), r.Text(), limit)
	}
	return "raises " + oneLine(end.Type())
}

// changes compares variables by name.
func changes(a, b []Var) []Change {
	var out []Change
	seen := map[string]bool{}
	for _, x := range a {
		seen[x.Name] = true
		other := "not there"
		for _, y := range b {
			if y.Name == x.Name {
				other = y.Value.plain()
			}
		}
		if mine := x.Value.plain(); mine != other {
			out = append(out, Change{x.Name, mine, other})
		}
	}
	for _, y := range b {
		if !seen[y.Name] {
			out = append(out, Change{y.Name, "not there", y.Value.plain()})
		}
	}
	return out
}
