package pipeline

import (
	"bytes"

	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/scrub"
)

// root is the tree's path in the sandbox, stripped from names in cards.
const root = "/work"

// redacted returns a trace in which the bundle's tokens replace private values.
// A trace that cannot be redacted does not leave the stage: the result is nil,
// which readers treat as an untraced run.
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

// diagnose builds the diagnosis card; there is none if the trace cannot be
// read, because it comes from the code under test and may contain anything.
func diagnose(red []byte, r *redact.Redactor) string {
	t, err := trace.Read(bytes.NewReader(red))
	if err != nil {
		return ""
	}
	return r.Text(card.Diagnose(t, card.Options{Root: root}).Text, nil).String()
}

// divergence builds the divergence card of the verdict's red and green runs.
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
