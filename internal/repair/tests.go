package repair

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
)

// suiteWall limits a run of parts of the suite that a model asks for.
const suiteWall = 2 * time.Minute

// Tests runs tests that a model asks for. [SandboxTests] is one.
type Tests interface {
	// RunTest returns the run's output, unredacted.
	RunTest(ctx context.Context, in Input, run TestRun) (string, error)
}

// A TestRun is what a model wants to be run. All of it is untrusted.
type TestRun struct {
	Source  string        // a test file; "" the incident's test
	Suite   []string      // files, folders or node ids of the repository's own tests, instead of Source
	Overlay patch.Overlay // over the tree; nil is base
}

// SandboxTests runs tests in a sandbox, like every other test.
type SandboxTests struct{ Session language.Session }

// RunTest runs a test file, the incident's test or parts of the suite.
func (s SandboxTests) RunTest(ctx context.Context, in Input, run TestRun) (string, error) {
	req := testrun.Request{Run: in.Run, Env: in.Env, Tree: in.Tree, Overlay: run.Overlay, Seed: testrun.Seed}
	test := in.Test
	switch {
	case len(run.Suite) > 0:
		req.Suite, req.Limits = run.Suite, sandbox.Limits{Wall: suiteWall}
	case run.Source != "":
		test = testrun.Test{Path: "tests/test_repaird_try.py", Source: run.Source} // runs alone, whatever the incident's test is
		if m := testName.FindStringSubmatch(run.Source); m != nil {
			test.Name = m[1]
		}
		fallthrough
	default:
		req.Test = &test
	}
	res, err := s.Session.Run(ctx, req)
	if err != nil {
		return "", err
	}
	return said(res), nil
}

var testName = regexp.MustCompile(`(?m)^def (test_\w+)\(`)

// said is the result of a session as text: what did not pass, and what the test
// runner printed.
func said(res *testrun.Result) string {
	var b strings.Builder
	passed := 0
	for _, o := range res.Tests {
		if o.Status == testrun.Passed {
			passed++
			continue
		}
		fmt.Fprintf(&b, "%s: %s %s %s\n", o.ID, o.Status, o.Type, o.Message)
	}
	fmt.Fprintf(&b, "%d of %d tests passed\n", passed, len(res.Tests))
	for _, e := range res.Errors {
		fmt.Fprintf(&b, "error: %s\n", e)
	}
	if res.Cause != sandbox.Exited {
		fmt.Fprintf(&b, "the run was ended: %s\n", res.Cause)
	}
	b.WriteString(res.Output)
	return b.String()
}

func (s *session) runTest(ctx context.Context, in runInput) reply {
	run := TestRun{Source: in.Source, Suite: in.Suite}
	if in.Source != "" && len(in.Suite) > 0 {
		return s.refuse(fault.Errorf(fault.Invalid, "give either source or suite"))
	}
	for _, id := range in.Suite {
		if file, _, _ := strings.Cut(id, "::"); file == "" || strings.HasPrefix(id, "-") || path.IsAbs(file) || strings.Contains(id, "..") || strings.ContainsAny(id, "\x00\n\\") {
			return s.refuse(fault.Errorf(fault.Denied, "%q is not a test of the repository", clip(id, 100)))
		}
	}
	if len(in.Edits) > 0 {
		p := patch.Patch{Edits: in.Edits}
		if err := s.in.Policy.Check(patch.Dir(s.in.Tree), p); err != nil {
			return s.refuse(err)
		}
		var err error
		if run.Overlay, err = patch.Apply(patch.Dir(s.in.Tree), p); err != nil {
			return s.refuse(err)
		}
	}
	out, err := s.opts.Tests.RunTest(ctx, s.in, run)
	if err != nil {
		if ctx.Err() == nil {
			return s.refuse(fault.Errorf(fault.KindOf(err), "the test could not be run"))
		}
		return s.refuse(ctx.Err())
	}
	return reply{text: quoted(redact.Constant("pytest.output"), s.clean.tail(out, maxFeedback))}
}

// nodeID is a test's name in the evidence of a gate.
var nodeID = regexp.MustCompile(`[\w./-]+::[\w:]+(?:\[[^\]\s]*\])?`)

// rejected is the reply to a patch that failed a gate: the gate's evidence, where
// the run with the patch parts from the failing one, and the tracebacks of tests
// of the suite that the patch breaks.
func (s *session) rejected(ctx context.Context, p patch.Patch, judged *Assessment, left int) reply {
	parts := []redact.Clean{redact.Concat(redact.Constant("The patch is rejected. The failed gate: "), s.clean.text(judged.Gate, 100)),
		quoted(redact.Constant("verifier"), s.clean.text(judged.Feedback, maxFeedback))}
	if broken := nodeID.FindAllString(judged.Feedback, 5); judged.Gate == "suite" && len(broken) > 0 && s.opts.Tests != nil {
		slices.Sort(broken)
		if overlay, err := patch.Apply(patch.Dir(s.in.Tree), p); err == nil {
			if out, err := s.opts.Tests.RunTest(ctx, s.in, TestRun{Suite: slices.Compact(broken), Overlay: overlay}); err == nil {
				parts = append(parts, redact.Constant("These tests with the patch:"), quoted(redact.Constant("pytest.output"), s.clean.tail(out, maxFeedback)))
			}
		}
	}
	if s.compare(judged.Green) {
		s.reading.Lock()
		d := diverge.Compare(s.trace, s.green, card.Options{Root: treeRoot, Source: s.source})
		s.reading.Unlock()
		parts = append(parts, redact.Constant("Where the run with the patch (green) parts from the failing one (red); query_trace shows more of both:"),
			quoted(redact.Constant("trace"), s.clean.text(d.Text, maxFeedback)))
	}
	parts = append(parts, redact.Concat(redact.Constant("Patches left: "), redact.Number(left)))
	return reply{redact.Join(redact.Constant("\n"), parts...), true}
}

// compare keeps the trace of a rejected patch, where traces may be shown; it
// reports whether there is one.
func (s *session) compare(green []byte) bool {
	s.green = nil
	if !s.shown || len(green) == 0 {
		return false
	}
	t, err := trace.Read(bytes.NewReader(green))
	if err != nil || !t.Traced() {
		return false
	}
	s.green = t
	return true
}
