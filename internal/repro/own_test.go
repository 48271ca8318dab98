package repro

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

// fares is a repository with tests of its own, which need its configuration.
const fares = `
-- fares.py --
def fare(zones, price=2):
    return zones * price - 1

def stuck(n):
    while n:
        n = n or 1

def deep(n):
    return deep(n + 1)
-- tests/conftest.py --
import pytest

@pytest.fixture
def price():
    return 3

@pytest.fixture
def nothing():
    raise RuntimeError("no server")
-- tests/test_fares.py --
import pytest
import fares

@pytest.mark.parametrize("zones, want", [(0, -1), (1, 2), (2, 4)], ids=["none", "one", "two"])
def test_fare(zones, want):
    assert fares.fare(zones) == want

class TestPrices:
    def test_given(self, price):
        assert fares.fare(2, price) == 6

def test_right():
    assert fares.fare(0) == -1

def test_stuck():
    fares.stuck(3)

def test_deep():
    fares.deep(0)

def test_without_server(nothing):
    pass

@pytest.mark.skip
def test_later():
    pass
`

func TestAFailingTestOfTheRepositoryIsAReproduction(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, fares)
	r := reproducer(t, sandboxtest.Any(t), []string{})
	for name, c := range map[string]struct{ id, is, typ, crash string }{
		"one case of a parametrised test":                      {"tests/test_fares.py::test_fare[two]", "tests/test_fares.py::test_fare[two]", "AssertionError", "test_fare"},
		"a parametrised test, of which one case fails":         {"tests/test_fares.py::test_fare", "tests/test_fares.py::test_fare[one]", "AssertionError", "test_fare"},
		"a method that needs a fixture":                        {"tests/test_fares.py::TestPrices::test_given", "tests/test_fares.py::TestPrices::test_given", "AssertionError", "test_given"},
		"an endless test":                                      {"tests/test_fares.py::test_stuck", "tests/test_fares.py::test_stuck", testrun.TimeoutType, "stuck"},
		"a test that exhausts the stack, also with the tracer": {"tests/test_fares.py::test_deep", "tests/test_fares.py::test_deep", "RecursionError", "deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := Input{Run: "test", Tree: dir, Repeats: 3}
			test, x, err := r.Witness(t.Context(), in, c.id)
			if err != nil {
				t.Fatal(err)
			}
			if test.ID() != c.is || !test.Own || x.Type != c.typ || len(x.Frames) == 0 {
				t.Errorf("got %s with %s and %d frames, want %s with %s", test.ID(), x.Type, len(x.Frames), c.is, c.typ)
			}
			in.Bundle = bundleOf(incident.Event{Exceptions: []incident.Exception{x}})
			got, err := r.ReproduceOwn(t.Context(), in, test.ID())
			if err != nil {
				t.Fatal(err)
			}
			if got.Failed != got.Runs || got.Runs < 2 || got.Signature.Type != c.typ || got.Signature.Function != c.crash || len(got.Trace) == 0 {
				t.Errorf("got %d of %d, signature %+v, %d bytes of trace", got.Failed, got.Runs, got.Signature, len(got.Trace))
			}
			for _, f := range got.Frames {
				if f.Path == "tests/test_fares.py" {
					t.Errorf("the test's own frame %s counts as the program's", f.Function)
				}
			}
		})
	}
}

func TestATestThatCannotStandForAnEventSaysWhy(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, fares)
	r := reproducer(t, sandboxtest.Any(t), []string{})
	for id, want := range map[string]struct {
		stop fault.StopType
		kind fault.Kind
		says string
	}{
		"tests/test_fares.py::test_right":          {stop: fault.NotReproduced, says: "test_right passes"},
		"tests/test_fares.py::test_later":          {stop: fault.NotReproduced, says: "is skipped"},
		"tests/test_fares.py::test_without_server": {stop: fault.NotReproduced, says: "no server"},
		"tests/test_fares.py::test_absent":         {kind: fault.NotFound, says: "there is no test"},
		"tests/test_fares.py::test_fare[three]":    {kind: fault.NotFound, says: "there is no test"},
		"tests/test_other.py::test_x":              {kind: fault.NotFound, says: "no file tests/test_other.py"},
		"../test_fares.py::test_x":                 {kind: fault.NotFound, says: "no file"},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			_, _, err := r.Witness(t.Context(), Input{Run: "test", Tree: dir}, id)
			stop := fault.AsStop(err)
			switch {
			case err == nil || !strings.Contains(err.Error(), want.says):
				t.Errorf("got %v, want it to say %q", err, want.says)
			case want.stop != "" && (stop == nil || stop.Type != want.stop || stop.Help == ""):
				t.Errorf("got %v, want a stop %s with help", err, want.stop)
			case want.stop == "" && fault.KindOf(err) != want.kind:
				t.Errorf("got %v, want kind %v", err, want.kind)
			}
		})
	}
}
