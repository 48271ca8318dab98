package text

import (
	"io"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/view"
)

// DiffOptions shape Diff. The zero value is usable.
type DiffOptions struct {
	view.Options
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
		root = view.CommonRoot(red)
	}
	d := diverge.Compare(red, green, card.Options{Root: root})
	if rest, ok := strings.CutPrefix(d.Text, patchHead); ok {
		d.Text = runsHead + strings.Replace(rest, patchSide, runsSide, 1)
	}
	if o.JSON {
		return view.WriteJSON(w, d)
	}
	p := view.NewPainter(w, o.Options)
	p.Width = view.MaxWidth // the card has a width of its own
	if d.Found {
		p.Line("1", "The runs part: another %s%s.", view.Visible(view.DivergedBy(d.Kind)), view.DivergedIn(d))
		p.Line("", "")
	}
	for _, line := range strings.Split(strings.TrimRight(d.Text, "\n"), "\n") {
		style := ""
		if strings.HasPrefix(line, "≠") {
			style = "31"
		}
		p.Line(style, "%s", view.Visible(line))
	}
	if d.Found && len(d.Changed) > 0 {
		p.Line("", "")
		for _, c := range d.Changed {
			p.Line("31", "- %s = %s", view.Visible(c.Name), view.Visible(c.Red))
			p.Line("32", "+ %s = %s", view.Visible(c.Name), view.Visible(c.Green))
		}
	}
	return p.Err
}
