package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/repaird/repaird/internal/sandbox"
)

// The fix changes what other calls answer, as it has to: only a person, or
// something else that knows, can say that those were wrong too.
func TestAnHonestFixHoldsEveryGateAndIsAskedAboutForOtherAnswers(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{"bwrap", "docker"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			v := verifier(t, backend)
			in := ranking.input(shop(t), "shop/ranking.py", "return kth(above, k)", "return kth(above, k - lower_or_equal)")
			verdict := judge(t, v, in)
			t.Logf("gates:\n%s", table(verdict))
			for _, g := range verdict.Gates {
				if g.Outcome != Held && g.Name != Lint { // the shop configures no checker
					t.Errorf("%s: got %s (%s), want held", g.Name, g.Outcome, g.Evidence)
				}
			}
			if verdict.Decision != Asked || verdict.Question == nil || len(verdict.Question.Options) == 0 || !strings.Contains(verdict.Question.Options[0].Standing, "answered differently") {
				t.Errorf("got %s, want a question that names the answers that change: %+v", verdict.Decision, verdict.Question)
			}
			if want := []string{"base-sha", "reverted-fix", "captured-failure"}; !slices.Equal(verdict.ProofModes, want) {
				t.Errorf("got proof modes %v, want %v", verdict.ProofModes, want)
			}
			sum := sha256.Sum256([]byte(in.Test.Source))
			if verdict.TestSHA != hex.EncodeToString(sum[:]) {
				t.Errorf("got test digest %s", verdict.TestSHA)
			}
			if !strings.Contains(verdict.Diff, "+        return kth(above, k - lower_or_equal)") {
				t.Errorf("got diff %s", verdict.Diff)
			}
			if !bytes.Contains(verdict.Red, []byte("kth")) || !bytes.Contains(verdict.Green, []byte("kth")) {
				t.Error("the traces do not show the function")
			}
			quick := in
			quick.Quick = true
			if q := judge(t, v, quick); q.Decision != Accepted || gate(t, q, RevertedFix).Outcome != NotApplied {
				t.Errorf("quick verification: %s\n%s", q.Decision, table(q))
			}
		})
	}
}

const fix = "return kth(above, k - lower_or_equal)"

// What a plausible wrong patch, or a right one with something wrong about it,
// is rejected for. All of them make the test pass, or nearly.
func TestPatchesAreJudged(t *testing.T) {
	t.Parallel()
	v := verifier(t, "bwrap", "suite", "behaviour")
	tree := shop(t)
	for _, tt := range []struct {
		name string
		in   Input
		gate string // that rejects it; "" accepted
		says string
	}{
		{"a guard where it crashed", crashing(ranking.input(tree, "shop/ranking.py", "    pivot = values[0]", "    if not values:\n        return None\n    pivot = values[0]")), NoBandAid, "kth is called with the same arguments as on base (values=[]"},
		{"a guard one call further out", crashing(ranking.input(tree, "shop/ranking.py", "return kth(above, k)", "return kth(above, k) if above else pivot")), NoBandAid, "a guard (ifexp)"},
		{"one more condition further out", crashing(ranking.input(tree, "shop/ranking.py", "elif k >= lower_or_equal:", "elif k >= lower_or_equal and above:")), NoBandAid, "a guard (conjunct)"},
		{"a handler for the exception", crashing(ranking.input(tree, "shop/ranking.py", "    pivot = values[0]", "    try:\n        pivot = values[0]\n    except IndexError:\n        return None")), NoBandAid, "is still raised in kth"},
		{"a catch-all handler", crashing(ranking.input(tree, "shop/ranking.py", "    return kth(totals, len(totals) // 2)", "    try:\n        return kth(totals, len(totals) // 2)\n    except Exception:\n        return None")), NoBandAid, "catch-all handler at shop/ranking.py:"},
		{"a wrong answer", ranking.input(tree, "shop/ranking.py", "    pivot = values[0]", "    if not values:\n        return None\n    pivot = values[0]"), HeadGreen, "AssertionError"},
		{"another failure", ranking.input(tree, "shop/ranking.py", "kth(above, k)", "kth(above, k, 1)"), HeadGreen, "TypeError"},
		{"a file that does not compile", ranking.input(tree, "shop/ranking.py", "kth(above, k)", "kth(above, k"), Applies, "code-syntax"},
		{"a text that is not there", ranking.input(tree, "shop/ranking.py", "kth(above,k)", "x"), Applies, "white space"},
		{"a file that is not for patches", ranking.input(tree, "setup.py", "", "x = 1\n"), Applies, "steering"},
		{"an installed module's name", ranking.input(tree, "shop/pygments.py", "", "x = 1\n"), Applies, "shadow"},
		{"a guard for the input, in a function that only passes it on", monthly.input(tree, "shop/report.py", "    return sum(values)", "    if not values:\n        return 0.0\n    return sum(values)"), "", "production's input"},
		{"the same guard where another function stood outside the test's call", inside(monthly.input(tree, "shop/report.py", "    return sum(values)", "    if not values:\n        return 0.0\n    return sum(values)")), NoBandAid, "another function of the repository, which the test does not call"},
		{"the same guard for a value that the tree makes wrong", lifetime.input(tree, "shop/report.py", "    return sum(values)", "    if not values:\n        return 0.0\n    return sum(values)"), NoBandAid, "fix the code that produces it"},
		{"a guard in the outermost call for a value that the tree makes wrong", lifetime.input(tree, "shop/report.py", "    return mean(paid)", "    return mean(paid) if paid else 0.0"), NoBandAid, "fix the code that produces it"},
		{"the maker of the value mended", lifetime.input(tree, "shop/report.py", `"payed"`, `"paid"`), "", "no guard"}, //nolint:misspell // the fault that is mended
		{"a guard for what a function should have found", price.input(tree, "shop/invoice.py", `    return line["price"]`, "    if line is None:\n        return 0\n    return line[\"price\"]"), NoBandAid, "a guard (exit) to price_of"},
		{"the search mended", price.input(tree, "shop/invoice.py", `line["name"] == sku`, `line["sku"] == sku`), "", "no guard"},
		{"a guard for what a function documents", coupon.input(tree, "shop/invoice.py", `    return coupon["price"]`, "    if coupon is None:\n        return 0\n    return coupon[\"price\"]"), "", "the docstring of find_coupon"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			t.Log("uses-backend: bwrap")
			tt.in.Quick = true
			verdict := judge(t, v, tt.in)
			if tt.gate != "" {
				rejectedBy(t, verdict, tt.gate, tt.says)
				return
			}
			if verdict.Decision != Accepted || !strings.Contains(gate(t, verdict, NoBandAid).Evidence, tt.says) {
				t.Errorf("not accepted saying %q:\n%s", tt.says, table(verdict))
			}
		})
	}
}

func TestWhatNothingExecutesIsARisk(t *testing.T) {
	t.Parallel()
	v := verifier(t, "bwrap", "behaviour")
	in := ranking.input(shop(t), "shop/ranking.py", "return kth(above, k)", "if k > 100:\n            return kth(above[1:], k)\n        "+fix)
	in.Quick = true
	verdict := judge(t, v, in)
	if g := gate(t, verdict, OnPath); g.Outcome != Held || !strings.Contains(g.Evidence, "2 of 3 executable changed lines, not shop/ranking.py:15") {
		t.Errorf("got %+v", g)
	}
	if g := gate(t, verdict, Suite); !strings.Contains(g.Evidence, "shop/ranking.py:15 by none, shop/ranking.py:16 by 2 tests") {
		t.Errorf("got %+v", g)
	}
	if want := []string{"Nothing that was run executes shop/ranking.py:15."}; !slices.Equal(verdict.Risks, want) {
		t.Errorf("got risks %q, want %q", verdict.Risks, want)
	}
}

// crashing makes the test ask only that nothing is raised, as tests made from
// production events do.
func crashing(in Input) Input {
	in.Test = testOf("from shop.ranking import median_total", "median_total([{'total': n} for n in (3, 7, 1, 9, 5)])")
	return in
}

// inside says that production's call came through one more function.
func inside(in Input) Input {
	in.Outer = 1
	return in
}

func TestAHunkThatIsNotNeededIsDropped(t *testing.T) {
	t.Parallel()
	v := verifier(t, "bwrap", "behaviour")
	in := ranking.input(shop(t), "shop/ranking.py", "return kth(above, k)", fix, `"""Order statistics."""`, `"""Order statistics of small lists."""`)
	in.Patch.Edits = append(in.Patch.Edits, ranking.input("", "shop/report.py", "values) / len(values)", "values) / max(1, len(values))").Patch.Edits...)
	in.Quick = true
	verdict := judge(t, v, in)
	if verdict.Decision != Accepted || !strings.Contains(gate(t, verdict, Minimal).Evidence, "2 hunks of the proposed patch (shop/ranking.py:1, shop/report.py:5)") {
		t.Errorf("not accepted:\n%s", table(verdict))
	}
	if !strings.Contains(verdict.Dropped, "small lists") || !strings.Contains(verdict.Dropped, "max(1, len(values))") || strings.Contains(verdict.Dropped, fix) {
		t.Errorf("got as dropped\n%s", verdict.Dropped)
	}
	if len(verdict.Patch.Edits) != 1 || strings.Count(verdict.Diff, "\n+") != 2 || !strings.Contains(verdict.Diff, fix) {
		t.Errorf("got edits %+v and diff\n%s", verdict.Patch.Edits, verdict.Diff)
	}
}

func TestATestThatFailsOnlySometimesProvesNothing(t *testing.T) {
	t.Parallel()
	in := ranking.input(shop(t), "shop/ranking.py", "kth(above, k)", "kth(above, k - lower_or_equal)")
	// One run in 64 fails; 3 in a row are too unlikely for a test to meet.
	in.Test = testOf("import os\n\nfrom shop.ranking import median_total", "os.urandom(1)[0] < 4 and median_total([{'total': n} for n in (3, 7, 1, 9, 5)])")
	rejectedBy(t, judge(t, verifier(t, "bwrap"), in), BaseSHA, "of 1 runs on base; one ended differently: passed")
}

func TestAnotherFailureThanTheIncidentsProvesNothing(t *testing.T) {
	t.Parallel()
	in := ranking.input(shop(t), "shop/ranking.py", "kth(above, k)", "kth(above, k - lower_or_equal)")
	in.Quick = true
	in.Test = testOf("from shop.ranking import median_total", "median_total(None)")
	rejectedBy(t, judge(t, verifier(t, "bwrap"), in), BaseSHA, "not the incident's failure")
	in.Test.Source = "def helper():\n    pass\n"
	rejectedBy(t, judge(t, verifier(t, "bwrap"), in), BaseSHA, "no test was collected")
}

func TestAPatchThatBreaksTheSuiteIsRejected(t *testing.T) {
	t.Parallel()
	in := ranking.input(shop(t), "shop/ranking.py", "kth(above, k)", "kth(above, 0)")
	in.Quick = true
	rejectedBy(t, judge(t, verifier(t, "bwrap", "behaviour"), in), Suite, "1 of 8 tests that pass on base fail twice on head: tests/test_shop.py::test_kth_among_equals")
	none := ranking.input(t.TempDir(), "a.py", "", "x = 1\n")
	if _, err := verifier(t, "bwrap").Judge(t.Context(), Input{Tree: none.Tree}); err == nil {
		t.Error("an input without a test was judged")
	}
}

// turns makes one test of the suite fail in some of its runs, counted from 1.
type turns struct {
	sandbox.Backend
	n    *atomic.Int32
	fail []int32
}

func (b turns) Run(ctx context.Context, spec sandbox.Spec) (*sandbox.Result, error) {
	_, session := spec.Files["runner/config.json"]
	_, alone := spec.Files["test/empty.ini"]
	if session && !alone && slices.Contains(b.fail, b.n.Add(1)) {
		spec.Files["fail"] = []byte("1")
	}
	return b.Backend.Run(ctx, spec)
}

func TestTheSuitesOwnFlakesDoNotCount(t *testing.T) {
	t.Parallel()
	tree := shop(t)
	for _, tt := range []struct {
		name string
		fail []int32 // runs 1 and 2 are on base, 3 and 4 on head, 5 on base
		want Outcome
		says string
	}{
		{"it fails once on base", []int32{2, 3}, Held, "all 7 tests that pass on base pass on head; not counted: 1 flaky and 1 failing on base"},
		{"it fails once on head", []int32{3}, Held, "all 8 tests that pass on base pass on head, 1 of them on the second try"},
		{"it fails on head and then on base", []int32{3, 4, 5}, Held, "all 7 tests that pass on base pass on head; not counted: 1 flaky"},
		{"it fails on head only", []int32{3, 4}, Failed, "test_that_a_turn_can_fail"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newVerifier(turns{opened(t, "bwrap"), new(atomic.Int32), tt.fail})
			in := ranking.input(tree, "shop/ranking.py", "return kth(above, k)", fix)
			j := newVerification(v, in, nil)
			if _, err := j.applies(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := j.suite(t.Context())
			if err != nil || got.outcome != tt.want || !strings.Contains(got.evidence, tt.says) {
				t.Errorf("got %s %q (%v), want %s saying %q", got.outcome, got.evidence, err, tt.want, tt.says)
			}
		})
	}
}
