package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"os"
	"strings"
)

func TestTheOutermostKindCounts(t *testing.T) {
	t.Parallel()
	inner := fault.Errorf(fault.Retryable, "connection: %w", io.ErrUnexpectedEOF)
	tests := []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"no error", nil, fault.Internal},
		{"an error of no kind", io.EOF, fault.Internal},
		{"a kind", inner, fault.Retryable},
		{"a kind within an error of no kind", fmt.Errorf("query: %w", inner), fault.Retryable},
		{"a kind within another", fault.Errorf(fault.Invalid, "event: %w", inner), fault.Invalid},
		{"a kind among joined errors", errors.Join(io.EOF, inner), fault.Retryable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fault.KindOf(tt.err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if !errors.Is(inner, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
}

func TestWrapKeepsTheKindAndAddsContext(t *testing.T) {
	t.Parallel()
	open := func(name string, fail error) (err error) {
		defer fault.Wrap(&err, "open bundle %s", name)
		return fail
	}
	err := open("b.json", fault.Errorf(fault.NotFound, "no such file"))
	if fault.KindOf(err) != fault.NotFound || err.Error() != "open bundle b.json: no such file" {
		t.Errorf("got %s %q", fault.KindOf(err), err)
	}
	if err := open("b.json", nil); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestKindsHaveNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := fault.Internal; k <= fault.Budget; k++ {
		if k.String() == "" || seen[k.String()] {
			t.Errorf("kind %d is called %q", k, k)
		}
		seen[k.String()] = true
	}
	if got := fault.Kind(99).String(); got != "internal" {
		t.Errorf("got %q for a kind that is none", got)
	}
}

func TestAStopIsFoundInAnErrorsTree(t *testing.T) {
	t.Parallel()
	stop := &fault.Stop{Type: fault.NeedsLocals, Detail: "no frame has locals", Help: "set include_local_variables"}
	err := fmt.Errorf("reproduce: %w", stop)
	if got := fault.AsStop(err); got != stop {
		t.Errorf("got %v, want the stop", got)
	}
	if got := fault.AsStop(io.EOF); got != nil {
		t.Errorf("got %v, want none", got)
	}
	seen := map[fault.StopType]bool{}
	for _, typ := range fault.StopTypes {
		if seen[typ] {
			t.Errorf("%s is listed twice", typ)
		}
		seen[typ] = true
	}
	page, err := os.ReadFile("../../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	for typ := range seen {
		if !strings.Contains(string(page), "\n| `"+string(typ)+"` |") {
			t.Errorf("docs/states.md does not explain %s", typ)
		}
	}
}
