package otlp_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/intake/otlp"
)

// recordedSpan is a span of an exception that the recorder described, or not.
func recordedSpan(span, nanos, document string) string {
	s := spanOf(traceA, span, nanos, "KeyError", "7")
	if document == "" {
		return s
	}
	return strings.Replace(s, `"attributes":[`, `"attributes":[{"key":"repaird.evidence","value":{"stringValue":`+strconv.Quote(document)+`}},`, 1)
}

func TestTheRecordersAttributeGivesFramesTheirValues(t *testing.T) {
	t.Parallel()
	const document = `{"version":1,"exceptions":[{"type":"builtins:KeyError","frames":[{"file":"/srv/a.py","function":"f","line":7,"locals":[["n",5]]}]}]}`
	for name, tt := range map[string]struct {
		spans []string
		want  string
	}{
		"on the only record":             {[]string{recordedSpan(spanA, "1", document)}, "[n=5]"},
		"on a later record of the same":  {[]string{recordedSpan(spanA, "1", ""), recordedSpan(spanB, "2", document)}, "[n=5]"},
		"on none":                        {[]string{recordedSpan(spanA, "1", "")}, "[]"},
		"where a limit has cut the text": {[]string{recordedSpan(spanA, "1", document[:80])}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := otlp.Traces(tracesOf(tt.spans...), otlp.JSON)
			if err != nil || len(b.Events) != 1 {
				t.Fatalf("%d events, %v", len(b.Events), err)
			}
			got := []string{}
			for _, v := range b.Events[0].Exceptions[0].Frames[0].Locals {
				got = append(got, v.Name+"="+v.Value.Repr)
			}
			if s := fmt.Sprint(got); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
		})
	}
}
