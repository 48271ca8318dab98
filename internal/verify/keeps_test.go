package verify

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

const parcels = `FEE = 3


def price(kg):
    """The price of a parcel."""
    if kg > 10:
        return kg * FEE
    return kg + 2
`

// What a failing test of the repository's own asserts is right, and what it
// does not concern is kept.
func TestATestOfTheRepositorysOwnSaysNothingOfOtherCalls(t *testing.T) {
	t.Parallel()
	const source = "from parcels import price\n\n\ndef test_price():\n    assert price(3) == 6\n"
	dir := sandboxtest.Dir(t)
	write(t, filepath.Join(dir, "parcels.py"), parcels)
	write(t, filepath.Join(dir, "tests", "test_price.py"), source)
	own := affair{
		testrun.Test{Path: "tests/test_price.py", Name: "test_price", Source: source, Own: true},
		incident.Signature{Type: "AssertionError", File: "tests/test_price.py", Function: "test_price", Message: incident.MaskMessage("assert 5 == 6\n +  where 5 = price(3)")},
	}
	for _, tt := range []struct {
		name     string
		edits    []string
		decision Decision
		says     string // of the gate
	}{
		{"a patch that keeps the others is accepted", []string{"kg + 2", "kg * 2"}, Accepted, "all that run no changed line"},
		{"one that changes them in passing is rejected", []string{"kg + 2", "kg * TWICE", "FEE = 3", "FEE, TWICE = 4, 2"}, Rejected, "run no changed line are answered differently"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := own.input(dir, "parcels.py", tt.edits...)
			verdict := judge(t, verifier(t, "bwrap", "code"), in)
			if g := gate(t, verdict, Behaviour); verdict.Decision != tt.decision || !strings.Contains(g.Evidence, tt.says) {
				t.Errorf("got %s:\n%s", verdict.Decision, table(verdict))
			}
		})
	}
}
