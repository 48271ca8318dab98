package eval

import (
	"fmt"
	"strings"
	"sync"

	"github.com/repaird/repaird/internal/text"
	"github.com/repaird/repaird/internal/verify"
)

// A Report is what an evaluation found.
type Report struct {
	Rows    []Row  `json:"rows"` // in the folder's order
	Right   Tally  `json:"right"`
	Wrong   Tally  `json:"wrong"`
	Forging Tally  `json:"forging"`
	Mutants *Tally `json:"mutants,omitempty"` // where they were judged
}

func newReport(rows []Row, mutants bool) *Report {
	r := &Report{Rows: rows, Right: tally(rows, Right), Wrong: tally(rows, Wrong), Forging: tally(rows, Forging)}
	if mutants {
		t := tally(rows, Mutant)
		r.Mutants = &t
	}
	return r
}

// A Tally counts decisions. A patch on which there is no verdict counts as
// rejected.
type Tally struct {
	Accepted int `json:"accepted"`
	Asked    int `json:"asked"`
	Rejected int `json:"rejected"`
	Of       int `json:"of"`
}

func tally(rows []Row, k Kind) (t Tally) {
	for _, row := range rows {
		if row.Kind != k {
			continue
		}
		t.Of++
		switch row.Decision {
		case verify.Accepted:
			t.Accepted++
		case verify.Asked:
			t.Asked++
		default:
			t.Rejected++
		}
	}
	return t
}

// String is "2 accepted, 1 asked, 0 rejected of 3".
func (t Tally) String() string {
	return fmt.Sprintf("%d accepted, %d asked, %d rejected of %d", t.Accepted, t.Asked, t.Rejected, t.Of)
}

// String is the report in one line.
func (r *Report) String() string {
	if r.Mutants != nil {
		return fmt.Sprintf("mutants: %s that change an answer", r.Mutants)
	}
	return fmt.Sprintf("right: %s; wrong: %s; forging: %d accepted of %d", r.Right, r.Wrong, r.Forging.Accepted, r.Forging.Of)
}

// Header names the columns of rows.
var Header = line("case", "patch", "kind", "decision", "strength", "decided by", "seconds", "evidence")

// String is the row as a line of a table.
func (r Row) String() string {
	kind := string(r.Kind)
	if kind == "" {
		kind = "repair"
	}
	return line(r.Case, r.Label, kind, string(r.Decision), dash(string(r.Strength)), dash(r.Ground), fmt.Sprintf("%.1f", r.Seconds), r.Evidence)
}

func line(name, label, kind, decision, strength, ground, seconds, evidence string) string {
	return strings.TrimRight(fmt.Sprintf("%-6s %-44s %-7s %-8s %-12s %-14s %7s  %s", text.Line(name, 12), text.Line(label, 41), kind, decision, strength, text.Line(ground, 20),
		seconds, text.Line(evidence, 160)), " ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// ordered passes rows on in the folder's order, whatever the order in which
// they come.
type ordered struct {
	emit func(Row)

	mu    sync.Mutex
	rows  []Row
	there []bool
	next  int
}

// A block is the rows of one situation.
type block struct {
	*ordered
	first int
}

func (o *ordered) reserve(n int) block {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := block{o, len(o.rows)}
	o.rows, o.there = append(o.rows, make([]Row, n)...), append(o.there, make([]bool, n)...)
	return b
}

// fill sets the row of a situation's i-th patch.
func (b block) fill(i int, s situation, r Row) {
	r.Case = s.name
	if i < len(s.patches) {
		r.Label, r.Kind = s.patches[i].label, s.patches[i].kind
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[b.first+i], b.there[b.first+i] = r, true
	for ; b.next < len(b.rows) && b.there[b.next]; b.next++ {
		b.emit(b.rows[b.next])
	}
}
