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
	red, green *call // nil on the side that did not make the call
	under      [2]*call
	changed    []Change
}

// Diverge aligns two runs of the same test, the failing and the passing one,
// and says where they first part. Values are compared without identities.
func Diverge(red, green *Trace, opts CardOptions) Divergence {
	r, g := testRoots(red, green)
	if r == nil || g == nil {
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

func startOf(c *call) *Record {
	if c == nil || c.start == nil {
		return nil
	}
	r := c.start.record()
	return &r
}

// testRoots returns the root calls to compare: the one that crashed, and the
// one of the same function in the passing run.
func testRoots(red, green *Trace) (r, g *call) {
	if path, _ := red.crash(); len(path) > 0 {
		r = path[0]
	}
	for _, c := range red.roots {
		if r == nil && c.code.Kind != "module" {
			r = c
		}
	}
	if r == nil && len(red.roots) > 0 {
		r = red.roots[len(red.roots)-1]
	}
	if r == nil {
		return nil, nil
	}
	nth := 0 // a test may be run more than once
	for _, c := range red.roots {
		if c == r {
			break
		}
		if sameCode(c, r) {
			nth++
		}
	}
	for _, c := range green.roots {
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
func sameCode(a, b *call) bool {
	return a.code.Name == b.code.Name && baseName(a.code.File) == baseName(b.code.File)
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
func (d *differ) compare(r, g *call, depth int) *split {
	if d.budget--; d.budget < 0 || depth > 1000 {
		return nil
	}
	if r.start != nil && g.start != nil {
		if ch := changes(r.start.Args, g.start.Args); len(ch) > 0 {
			return &split{kind: "argument", red: r, green: g, changed: ch}
		}
	}
	n := min(len(r.children), len(g.children))
	for i := 0; i < n; i++ {
		if !sameCode(r.children[i], g.children[i]) {
			return d.extra(r, g, r.children[i], g.children[i])
		}
		if s := d.compare(r.children[i], g.children[i], depth+1); s != nil {
			return s
		}
	}
	return d.compareEnds(r, g, n)
}

// compareEnds compares what follows the n calls that both made.
func (d *differ) compareEnds(r, g *call, n int) *split {
	rx, gx := d.red.raisedIn(r), d.green.raisedIn(g)
	if (rx == nil) != (gx == nil) || (rx != nil && (rx.Type != gx.Type || rx.Text != gx.Text)) {
		return &split{kind: "exception", red: r, green: g, changed: []Change{{"raise", raiseText(rx, r, n), raiseText(gx, g, n)}}}
	}
	if len(r.children) != len(g.children) {
		var a, b *call
		if n < len(r.children) {
			a = r.children[n]
		}
		if n < len(g.children) {
			b = g.children[n]
		}
		return d.extra(r, g, a, b)
	}
	if r.end == nil || g.end == nil {
		return nil
	}
	if r.end.Kind != g.end.Kind {
		return &split{kind: "exception", red: r, green: g, changed: []Change{{"end", endText(d.red, r, 200), endText(d.green, g, 200)}}}
	}
	if r.end.Value != nil && g.end.Value != nil && r.end.Value.plain() != g.end.Value.plain() {
		return &split{kind: "return", red: r, green: g, changed: []Change{{"return", r.end.Value.String(), g.end.Value.String()}}}
	}
	if ch := changes(r.end.Changed, g.end.Changed); len(ch) > 0 {
		return &split{kind: "state", red: r, green: g, changed: ch}
	}
	return nil
}

// extra is the difference that one run made a call where the other made another or none.
func (d *differ) extra(r, g, a, b *call) *split {
	s := &split{kind: "call", red: a, green: b, under: [2]*call{r, g}}
	s.changed = []Change{{"call", callName(a), callName(b)}}
	return s
}

func callName(c *call) string {
	if c == nil {
		return "no call"
	}
	args := ""
	if c.start != nil {
		args = renderVars(c.start.Args, 60, 120, false)
	}
	return oneLine(c.code.Name) + "(" + args + ")"
}

// raisedIn returns the first exception that was raised in the call's own frame.
func (t *Trace) raisedIn(c *call) *event {
	for _, r := range c.events {
		if r.Kind == KindRaise {
			return r
		}
	}
	return nil
}

func raiseText(r *event, c *call, n int) string {
	switch {
	case r != nil:
		return exceptionText(r.Type, r.Text, 200)
	case n < len(c.children):
		return "goes on, calls " + callName(c.children[n])
	default:
		return "nothing"
	}
}

// endText says how a call ended.
func endText(t *Trace, c *call, limit int) string {
	if c.end == nil {
		return "did not end"
	}
	if c.end.Kind == KindReturn {
		return "returns " + c.end.Value.render(limit, false)
	}
	for i := range t.records {
		if r := &t.records[i]; r.Kind == KindRaise && r.Exc == c.end.Exc {
			return "raises " + exceptionText(r.Type, r.Text, limit)
		}
	}
	return "raises " + oneLine(c.end.Type)
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
