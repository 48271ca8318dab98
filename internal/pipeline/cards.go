package pipeline

import (
	"bytes"

	"github.com/repaird/repaird/internal/pytrace"
	"github.com/repaird/repaird/internal/redact"
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
	if _, err := pytrace.Redact(&out, bytes.NewReader(trace), r); err != nil {
		return nil
	}
	return out.Bytes()
}

// diagnose makes the diagnosis card. A trace that cannot be read makes no card:
// it comes from the code under test and may be anything.
func diagnose(red []byte, r *redact.Redactor) string {
	t, err := pytrace.Read(bytes.NewReader(red))
	if err != nil {
		return ""
	}
	return r.Text(pytrace.Diagnose(t, pytrace.CardOptions{Root: root}).Text, nil).String()
}

// diverge makes the divergence card of the verdict's red and green runs.
func diverge(red, green []byte, r *redact.Redactor) *pytrace.Divergence {
	a, err := pytrace.Read(bytes.NewReader(red))
	if err != nil {
		return nil
	}
	b, err := pytrace.Read(bytes.NewReader(green))
	if err != nil {
		return nil
	}
	d := pytrace.Diverge(a, b, pytrace.CardOptions{Root: root})
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
