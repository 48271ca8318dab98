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
	Passed    int        `json:"passed"`     // differences before it that were passed over: noise, or without effect on the failure
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

// Diverge aligns two runs of the same test, the failing and the passing one,
// and says where they part.
//
// Values are compared without identities. Calls that only one run made are
// found by aligning the calls that the same call made. That is the first
// difference in the order of execution, but for those that cannot have led to
// the failure as long as there is another: times, addresses, temporary names
// and numbers that the runs made up (see pairing), and what happened within
// calls that ended alike and changed the same.
func Diverge(red, green *Trace, opts CardOptions) Divergence {
	r, g := testRoots(red, green)
	if r.n == 0 || g.n == 0 {
		return Divergence{Kind: "none", Text: "The two runs have no call in common.\n"}
	}
	d := newDiffer(red, green)
	d.compare(r, g, 0)
	s, passed := d.choose()
	if s == nil {
		return Divergence{Kind: "none", Text: "The two runs made the same calls with the same values.\n"}
	}
	out := Divergence{Found: true, Kind: s.kind, Changed: s.changed, Passed: len(passed)}
	out.RedCall, out.GreenCall = startOf(s.red), startOf(s.green)
	out.Lines = cardLines(red, green, r, g, s, passed, opts)
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
