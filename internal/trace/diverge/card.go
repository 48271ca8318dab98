package diverge

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

const (
	cardRows = 30 // one screen, with the heading
	Width    = 62 // of each side
)

// cardLines lays out a divergence: the way to it, the calls that part with the
// values that differ, and how both runs end.
func cardLines(red, green *trace.Trace, r, g trace.Call, s *split, passed []*split, opts card.Options) []Line {
	a, b := s.red, s.green
	if s.kind == "call" {
		a, b = s.under[0], s.under[1]
	}
	way, other := a.Path()[len(r.Path())-1:], b.Path()[len(g.Path())-1:]
	var rows []Line
	add := func(depth int, left, right string, differs bool, where string) {
		pad := strings.Repeat("  ", min(depth, 8))
		rows = append(rows, Line{pad + left, pad + right, differs, where})
	}
	depth := 0
	for i := range way {
		if len(way) > 9 && i >= 4 && i < len(way)-4 {
			if i == 4 {
				add(depth, fmt.Sprintf("… %d calls", len(way)-8), fmt.Sprintf("… %d calls", len(way)-8), false, "")
				depth++
			}
			continue
		}
		left, right := way[i], way[i]
		if i < len(other) {
			right = other[i]
		}
		at := fmt.Sprintf("%s:%d", wire.Relative(left.Code().File, opts.Root), left.Code().Line)
		differs := i == len(way)-1 && s.kind == "argument"
		add(depth, callName(left), callName(right), differs, at)
		depth++
	}
	shared := commonCalls(a, b)
	if shared > 0 {
		text := fmt.Sprintf("… %d calls without a difference", shared)
		add(depth, text, text, false, "")
	}
	for i, ch := range s.changed {
		if i >= 6 {
			text := fmt.Sprintf("… %d more differ", len(s.changed)-i)
			add(depth, text, text, true, "")
			break
		}
		add(depth, ch.Name+" = "+ch.Red, ch.Name+" = "+ch.Green, true, "")
	}
	rows = append(rows, ends(red, green, a, b, r, g, depth)...)
	if n := len(passed); n > 0 {
		rows = rows[:min(len(rows), cardRows-3)]
		p := passed[n-1]
		left, right := p.changed[0].Red, p.changed[0].Green
		rows = append(rows, Line{fmt.Sprintf("passed over: %d, such as %s %s=%s", n, p.name(), p.changed[0].Name, left), right, false, ""})
	}
	if len(rows) > cardRows-2 {
		rows = rows[:cardRows-2]
	}
	return rows
}

// name is the function in which a split is.
func (s *split) name() string {
	for _, c := range []trace.Call{s.red, s.green} {
		if c.Index != 0 {
			return wire.OneLine(c.Code().Name)
		}
	}
	return ""
}

// commonCalls counts the calls that both made before they parted.
func commonCalls(a, b trace.Call) int {
	n, reds, greens := 0, a.Children(), b.Children()
	for n < len(reds) && n < len(greens) && sameCode(reds[n], greens[n]) && endsAlike(reds[n], greens[n]) {
		n++
	}
	return n
}

// endsAlike says whether two calls ended in the same way, with results that are
// not known to differ.
func endsAlike(a, b trace.Call) bool {
	v, w := a.End().Value(), b.End().Value()
	if v == nil || w == nil {
		return v == w
	}
	return equality.Compare(v, w) != equality.Different
}

// ends says how the parting calls and the test ended.
func ends(red, green *trace.Trace, a, b, r, g trace.Call, depth int) []Line {
	var rows []Line
	pad := strings.Repeat("  ", min(depth, 8))
	left, right := endText(red, a, 120), endText(green, b, 120)
	rows = append(rows, Line{pad + left, pad + right, left != right, ""})
	if a != r {
		left, right = endText(red, r, 120), endText(green, g, 120)
		rows = append(rows, Line{wire.OneLine(r.Code().Name) + " " + left, wire.OneLine(g.Code().Name) + " " + right, left != right, ""})
	}
	return rows
}

// sideBySide renders rows in fixed width; a row that differs is marked.
func sideBySide(rows []Line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s | %s\n", padRight("red (before the patch)", Width), "green (with the patch)")
	fmt.Fprintf(&b, "  %s-+-%s\n", strings.Repeat("-", Width), strings.Repeat("-", Width))
	for _, row := range rows {
		mark := " "
		if row.Differs {
			mark = "≠"
		}
		fmt.Fprintf(&b, "%s %s | %s\n", mark, padRight(fit(row.Red), Width), strings.TrimRight(fit(row.Green), " "))
	}
	return b.String()
}

// fit cuts the middle out of what is wider than a side, since names stand
// first and the part that tells often last.
func fit(s string) string {
	s = wire.OneLine(s)
	n := utf8.RuneCountInString(s)
	if n <= Width {
		return s
	}
	runes := []rune(s)
	tail := 18
	return string(runes[:Width-tail-1]) + "…" + string(runes[n-tail:])
}

func padRight(s string, n int) string {
	if k := utf8.RuneCountInString(s); k < n {
		return s + strings.Repeat(" ", n-k)
	}
	return s
}
