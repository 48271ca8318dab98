package verify

import (
	"context"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

// reports is a Linter that says what it is told to, of base and of head.
type reports struct{ base, head []language.Check }

func (r reports) Lint(_ context.Context, s language.Sources) ([]language.Check, error) {
	if s.Overlay == nil {
		return r.base, nil
	}
	return r.head, nil
}

// What the repository's own checkers newly report rejects where the code is
// wrong, and is a risk where it is style.
func TestNewErrorsOfTheRepositorysCheckersReject(t *testing.T) {
	t.Parallel()
	const file, test = "shop/cart.py", "tests/test_repaird_1a2b.py"
	wrong := func(line int, message string) language.Finding {
		return language.Finding{Path: file, Line: line, Code: "F821", Message: message, Error: true}
	}
	long := language.Finding{Path: file, Line: 7, Code: "E501", Message: "line too long (120 > 88 characters)"}
	flake8 := func(found ...language.Finding) []language.Check {
		return []language.Check{{Checker: "flake8", Findings: found}}
	}
	mypy := func(failure string) language.Check { return language.Check{Checker: "mypy", Failure: failure} }
	for _, c := range []struct {
		name       string
		base, head []language.Check
		outcome    Outcome
		says, risk string
	}{
		{"no checker is configured", nil, nil, NotApplied, "configures no known linter", ""},
		{"nothing is reported", flake8(), flake8(), Held, "flake8: no new error", ""},
		{"a new error", flake8(), flake8(wrong(4, "undefined name 'sun'")), Failed, "flake8 reports shop/cart.py:4: undefined name 'sun' (F821)", ""},
		{"an old error on another line", flake8(wrong(4, "redefinition of 'a' from line 2")), flake8(wrong(9, "redefinition of 'a' from line 7")), Held, "no new error", ""},
		{"one more error like an old one", flake8(wrong(4, "undefined name 'sun'")), flake8(wrong(4, "undefined name 'sun'"), wrong(5, "undefined name 'sun'")), Failed, "cart.py:5", ""},
		{"an error in a file that is new", nil, flake8(wrong(1, "undefined name 'sun'")), Failed, "undefined name", ""},
		{"an error that is gone", flake8(wrong(4, "undefined name 'sun'")), flake8(), Held, "no new error", ""},
		{"new style", flake8(), flake8(long), Held, "1 new finding on style", "flake8 reports shop/cart.py:7: line too long"},
		{"a long line made longer", flake8(long), flake8(language.Finding{Path: file, Line: 9, Code: "E501", Message: "line too long (130 > 88 characters)"}), Held, "no new error in", ""},
		{"an error in the new test", flake8(), flake8(language.Finding{Path: test, Line: 1, Code: "F821", Message: "undefined name 'x'", Error: true}), Held, "no new error", "of the test that is added"},
		{"a checker that is not installed", []language.Check{mypy("is not installed")}, []language.Check{mypy("is not installed")}, NotApplied, "mypy is configured, but is not installed", "mypy is configured, but"},
		{"a checker that ends on base only", append(flake8(), mypy("")), append(flake8(), mypy("did not end within 1m0s")), NotApplied, "mypy is configured, but did not end within 1m0s; flake8: no new error", "mypy is configured, but"},
		{"an error beside a checker that is not installed", append(flake8(), mypy("is not installed")), append(flake8(wrong(4, "undefined name 'sun'")), mypy("is not installed")), Failed, "undefined name", "mypy is configured, but"},
	} {
		for _, quick := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				v := &Verifier{Linter: reports{c.base, c.head}}
				j := newVerification(v, Input{Tree: t.TempDir(), Test: testrun.Test{Path: test, Source: "x\n"}, Quick: quick}, nil)
				j.overlay = patch.Overlay{file: []byte("…")}
				j.analysis = &language.Analysis{Touched: []language.Touched{{Path: file, First: 5, Last: 5}}}
				f, err := j.lint(t.Context())
				if err != nil || f.outcome != c.outcome || !strings.Contains(f.evidence, c.says) {
					t.Errorf("got %+v, %v; want %s saying %q", f, err, c.outcome, c.says)
				}
				if risks := strings.Join(j.risks, "\n"); (risks == "") != (c.risk == "") || !strings.Contains(risks, c.risk) {
					t.Errorf("got the risks %q, want %q", risks, c.risk)
				}
			})
		}
	}
}

// The test is checked too, on head alone, unless it is the repository's own.
func TestTheTestThatIsPublishedIsCheckedOnHead(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		var asked []string
		v := &Verifier{Linter: linterFunc(func(s language.Sources) []language.Check {
			if s.Overlay != nil {
				asked = s.Paths
				if _, ok := s.Overlay["tests/test_a.py"]; ok == own {
					t.Errorf("own %v: the test is over head: %v", own, ok)
				}
			}
			return nil
		})}
		j := newVerification(v, Input{Tree: t.TempDir(), Test: testrun.Test{Path: "tests/test_a.py", Source: "x\n", Own: own}}, nil)
		j.overlay = patch.Overlay{"a.py": []byte("…")}
		if _, err := j.lint(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{false: "a.py tests/test_a.py", true: "a.py"}[own]; strings.Join(asked, " ") != want {
			t.Errorf("own %v: got %v, want %s", own, asked, want)
		}
	}
}

type linterFunc func(language.Sources) []language.Check

func (f linterFunc) Lint(_ context.Context, s language.Sources) ([]language.Check, error) {
	return f(s), nil
}
