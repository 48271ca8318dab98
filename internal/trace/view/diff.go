package view

import (
	"io"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
)

// DiffOptions shape Diff. The zero value is usable.
type DiffOptions struct {
	Options
}

// What heads the sides of a comparison: that of a patch, and that of two runs of
// which nothing else is known. The first halves are as wide.
const (
	patchHead, patchSide = "  red (before the patch)", "green (with the patch)\n"
	runsHead, runsSide   = "  red (failing run)     ", "green (passing run)\n"
)

// Diff writes where two runs of the same test part, side by side: red is the
// failing one, green the passing one.
func Diff(w io.Writer, red, green *trace.Trace, o DiffOptions) error {
	root := o.Root
	if root == "" {
		root = commonRoot(red)
	}
	d := diverge.Compare(red, green, card.Options{Root: root})
	if rest, ok := strings.CutPrefix(d.Text, patchHead); ok {
		d.Text = runsHead + strings.Replace(rest, patchSide, runsSide, 1)
	}
	if o.JSON {
		return writeJSON(w, d)
	}
	p := newPainter(w, o.Options)
	p.width = maxWidth // the card has a width of its own
	if d.Found {
		p.line("1", "The runs part: another %s%s.", visible(partsIn(d.Kind)), in(d))
		p.line("", "")
	}
	for _, line := range strings.Split(strings.TrimRight(d.Text, "\n"), "\n") {
		style := ""
		if strings.HasPrefix(line, "≠") {
			style = "31"
		}
		p.line(style, "%s", visible(line))
	}
	if d.Found && len(d.Changed) > 0 {
		p.line("", "")
		for _, c := range d.Changed {
			p.line("31", "- %s = %s", visible(c.Name), visible(c.Red))
			p.line("32", "+ %s = %s", visible(c.Name), visible(c.Green))
		}
	}
	return p.err
}

func partsIn(kind string) string {
	switch kind {
	case "return":
		return "return value"
	case "state":
		return "state of an argument"
	}
	return kind
}

// in names the call in which the runs part.
func in(d diverge.Divergence) string {
	for _, r := range []*rec{d.RedCall, d.GreenCall} {
		if r != nil && r.Code != nil {
			return " at " + visible(r.Code.Name) + ", call " + callName(r.Call)
		}
	}
	return ""
}
