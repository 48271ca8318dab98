package pipeline

import (
	"bytes"

	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/scrub"
)

// root is the tree's place in the sandbox, cut from names in cards.
const root = "/work"

// redacted returns a trace with the tokens of the bundle in place of what is
// private. What cannot be redacted does not leave the stage: it becomes nil,
// which readers take for a run that was not traced.
func redacted(trace []byte, r *redact.Redactor) []byte {
	if len(trace) == 0 {
		return nil
	}
	var out bytes.Buffer
	if _, err := scrub.Trace(&out, bytes.NewReader(trace), r); err != nil {
		return nil
	}
	return out.Bytes()
}

// diagnose makes the diagnosis card. A trace that cannot be read makes no card:
// it comes from the code under test and may be anything.
func diagnose(red []byte, r *redact.Redactor) string {
	t, err := trace.Read(bytes.NewReader(red))
	if err != nil {
		return ""
	}
	return r.Text(card.Diagnose(t, card.Options{Root: root}).Text, nil).String()
}

// divergence makes the divergence card of the verdict's red and green runs.
func divergence(red, green []byte, r *redact.Redactor) *diverge.Divergence {
	a, err := trace.Read(bytes.NewReader(red))
	if err != nil {
		return nil
	}
	b, err := trace.Read(bytes.NewReader(green))
	if err != nil {
		return nil
	}
	d := diverge.Compare(a, b, card.Options{Root: root})
	text := func(s *string) { *s = r.Text(*s, nil).String() }
	text(&d.Text)
	for i := range d.Lines {
		text(&d.Lines[i].Where)
		text(&d.Lines[i].Red)
		text(&d.Lines[i].Green)
	}
	for i := range d.Changed {
		text(&d.Changed[i].Name)
		text(&d.Changed[i].Red)
		text(&d.Changed[i].Green)
	}
	d.RedCall, d.GreenCall = nil, nil // raw records stay in the trace
	return &d
}
