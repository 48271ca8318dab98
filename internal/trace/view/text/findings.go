package text

import (
	"io"
	"strconv"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/view"
)

// FindingsOptions shape Findings. The zero value is usable.
type FindingsOptions struct {
	view.Options
	Evidence int          // records that are shown below each finding; default 6, -1 for none
	Green    *trace.Trace // a passing run of the same test, to compare with; nil for none
}

const defaultEvidence = 6

// Findings writes what is odd in a trace, most telling first, each with the
// records that prove it. With a passing run, what the trace did otherwise is
// among them, and what both did comes last; records are those of t alone.
func Findings(w io.Writer, t *trace.Trace, o FindingsOptions) error {
	found := view.FindingsOf(t, o.Green)
	if o.JSON {
		return findingsJSON(w, t, found, o.Green)
	}
	p := view.NewPainter(w, o.Options)
	root := o.Root
	if root == "" {
		root = view.CommonRoot(t)
	}
	if !t.Traced() {
		p.Line("33", "No process of this run was traced.")
		return p.Err
	}
	if o.Green != nil {
		if note := diverge.Note(t, o.Green); note != "" {
			p.Line("33", "%s", view.Visible(note))
		}
	}
	if len(found) == 0 {
		p.Line("", "Nothing odd was found in %s.", view.Summary(t))
		return p.Err
	}
	evidence := o.Evidence
	if evidence == 0 {
		evidence = defaultEvidence
	}
	for i, f := range found {
		head := strconv.Itoa(i+1) + ". [" + view.Visible(f.Kind) + "] "
		wrap(p, "1", head, view.Visible(f.Text))
		p.Line("2", "   %s %s:%d", view.Visible(f.Name), view.Visible(view.Relative(f.File, root)), f.Line)
		for n, id := range f.Records {
			if n >= evidence {
				break
			}
			r := t.Record(id)
			if r.ID == 0 {
				continue
			}
			p.Line("", "   %6d  %-7s %s", r.ID, r.Kind, view.RecordText(r, root, p.Width-18, view.IdsMarked))
		}
	}
	return p.Err
}

func findingsJSON(w io.Writer, t *trace.Trace, found []findings.Finding, green *trace.Trace) error {
	if found == nil {
		found = []findings.Finding{}
	}
	out := struct {
		Traced   bool               `json:"traced"`
		Summary  string             `json:"summary"`
		Green    string             `json:"green,omitempty"` // summary of the passing run
		Note     string             `json:"note,omitempty"`
		Findings []findings.Finding `json:"findings"`
	}{Traced: t.Traced(), Summary: view.Summary(t), Findings: found}
	if green != nil {
		out.Green = view.Summary(green)
		out.Note = diverge.Note(t, green)
	}
	return view.WriteJSON(w, out)
}

// wrap writes text over as many lines as it takes, the first behind head, the
// others indented as far.
func wrap(p *view.Painter, style, head, text string) {
	const indent = "   "
	room := max(p.Width-len(head), 20)
	for first := true; first || text != ""; first = false {
		line, rest := splitLine(text, room)
		if !first {
			head = indent
		}
		p.Line(style, "%s%s", head, line)
		text = rest
	}
}

// splitLine splits off what fits in room columns, at a blank where there is one.
func splitLine(s string, room int) (line, rest string) {
	n, blank := 0, -1
	for i, r := range s {
		if r == ' ' {
			blank = i
		}
		if n++; n > room {
			if blank > room/3 {
				return s[:blank], s[blank+1:]
			}
			return s[:i], s[i:]
		}
	}
	return s, ""
}
