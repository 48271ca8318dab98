package repair_test

import (
	"context"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// sessions keeps requests and answers with one failure.
type sessions struct {
	language.Session
	asked []testrun.Request
}

func (s *sessions) Run(_ context.Context, req testrun.Request) (*testrun.Result, error) {
	s.asked = append(s.asked, req)
	return &testrun.Result{Cause: sandbox.Exited, Output: "OUTPUT", Tests: []testrun.Outcome{
		{ID: "a::one", Status: testrun.Passed}, {ID: "a::two", Status: testrun.Failed, Type: "KeyError", Message: "'x'"}}}, nil
}

func TestWhatAModelWantsToRunIsRunInASandbox(t *testing.T) {
	t.Parallel()
	own := testrun.Test{Path: "tests/test_a.py", Name: "TestA.test_b", Source: "own", Own: true}
	overlay := patch.Overlay{"a.py": []byte("x")}
	for name, c := range map[string]struct {
		run   repair.TestRun
		check func(req testrun.Request) bool
	}{
		"the incident's test": {repair.TestRun{}, func(r testrun.Request) bool { return r.Test.Source == "own" && r.Test.Own && r.Overlay == nil }},
		"a candidate":         {repair.TestRun{Overlay: overlay}, func(r testrun.Request) bool { return r.Test.Source == "own" && string(r.Overlay["a.py"]) == "x" }},
		"a test of its own": {repair.TestRun{Source: "import a\n\n\ndef test_mine():\n    pass\n"}, func(r testrun.Request) bool {
			return r.Test.Name == "test_mine" && !r.Test.Own && r.Test.Path != own.Path && strings.Contains(r.Test.Source, "import a")
		}},
		"parts of the suite": {repair.TestRun{Suite: []string{"tests/x.py::y"}, Overlay: overlay}, func(r testrun.Request) bool {
			return r.Test == nil && r.Suite[0] == "tests/x.py::y" && r.Overlay != nil && r.Limits.Wall > 0
		}},
	} {
		s := &sessions{}
		out, err := repair.SandboxTests{Session: s}.RunTest(t.Context(), repair.Input{Run: "r", Tree: "/tree", Test: own}, c.run)
		if err != nil || len(s.asked) != 1 || !c.check(s.asked[0]) || s.asked[0].Tree != "/tree" {
			t.Errorf("%s: asked %+v, %v", name, s.asked, err)
		}
		if out != "a::two: failed KeyError 'x'\n1 of 2 tests passed\nOUTPUT" {
			t.Errorf("%s: got %q", name, out)
		}
	}
}
