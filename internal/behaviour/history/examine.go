package history

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
	"github.com/repaird/repaird/internal/trace"
)

const (
	// maxChanged limits the files of the breaking commit that are read. A larger
	// one is a rewrite.
	maxChanged = 60
	sideBySide = 2 // sandboxes
)

// An examined commit is on disk.
type examined struct {
	index   int
	tree    string            // "" where it cannot be read
	answers []language.Answer // to the neighbourhood's calls
}

// runs are what is run of the ancestors, side by side.
type runs struct {
	green *trace.Trace    // of the test, on the newest
	suite *testrun.Result // of the newest, traced
	old   *testrun.Result // of the oldest, nil if it is the newest
}

// examine looks for doubts about what the ancestors answer: newest is the
// newest of them, broke the commit after it, oldest the oldest that agrees.
func (w *walk) examine(p *Past, newest, broke, oldest int) {
	before, release := w.open(newest)
	defer release()
	after, leave := w.open(broke)
	defer leave()
	old, let := w.open(oldest)
	defer let()
	var ran runs
	var g errgroup.Group // what fails is a doubt, no error
	g.SetLimit(sideBySide)
	each := func(do func()) { g.Go(func() error { do(); return nil }) }
	each(func() { before.answers = w.answers(before) })
	each(func() { after.answers = w.answers(after) })
	each(func() { ran.suite = w.suite(before.tree, nil, true) })
	each(func() { ran.green = w.run(before.tree) })
	if oldest != newest {
		each(func() { ran.old = w.suite(old.tree, nil, false) })
	}
	_ = g.Wait()
	if before.answers == nil {
		p.doubt(false, "what the ancestors answer near the call cannot be observed")
		return
	}
	p.answers, p.green = before.answers, ran.green
	w.ofItself(p, before)
	if p.Broke == nil {
		return
	}
	if after.answers == nil {
		p.doubt(false, "what the commit that broke it answers near the call cannot be observed")
		return
	}
	w.sinceThen(p, after)
	change, err := w.change(before, after)
	if err != nil {
		p.doubt(false, "%v", err)
		return
	}
	removed, added := on(change.removed, before.answers[0]), on(change.added, after.answers[0])
	if !change.touches(before.answers[0]) && !change.touches(after.answers[0]) {
		p.doubt(false, "the commit that broke it changed no file that the call runs")
	}
	if len(removed) > 0 {
		p.functions = functionsAt(p.green, removed)
	} else {
		p.functions = functionsIn(p.green, change.removed)
	}
	w.refuses(p, after, added)
	w.suites(p, before, after, ran, change, removed)
}

// open puts a commit's files in place.
func (w *walk) open(i int) (examined, func()) {
	tree, release, err := w.Source.Tree(w.ctx, w.commits[i])
	if err != nil {
		return examined{index: i}, func() {}
	}
	return examined{index: i, tree: tree}, release
}

// answers makes the neighbourhood's calls on a commit; nil if that is
// impossible.
func (w *walk) answers(e examined) []language.Answer {
	switch {
	case e.index == 0:
		return w.Near.Answers
	case e.tree == "":
		return nil
	}
	return w.asked(e.tree, w.Near.Calls)
}

// ofItself doubts an ancestor that has itself what a patch is rejected for.
func (w *walk) ofItself(p *Past, before examined) {
	for _, h := range before.answers[0].Handled {
		if incident.BareName(h.Type) == w.Signature.Type {
			p.doubt(true, "the ancestors swallow the %s in %s", w.Signature.Type, h.Function)
			break
		}
	}
	for _, g := range behaviour.Compare(behaviour.Sides{Calls: w.Near.Calls, Base: w.Near.Answers, Head: before.answers}) {
		if g.Effect == behaviour.Rejects || g.Name == "nonsense" {
			p.doubt(true, "the ancestors' own answers are doubtful: %s", g.Evidence)
		}
	}
	alike, n := 0, 0
	for i, a := range before.answers[1:] {
		if behaviour.Answered(a) && w.Near.Calls[i+1].Seed == 0 {
			n++
			if same(a, before.answers[0]) {
				alike++
			}
		}
	}
	if n >= several && alike == n {
		p.doubt(true, "the ancestors answer all %d calls near it alike", n)
	}
}

// sinceThen doubts what was right before other changes.
func (w *walk) sinceThen(p *Past, after examined) {
	differ := 0
	for i, base := range w.Near.Answers {
		if behaviour.Comparable(base) && behaviour.Comparable(after.answers[i]) && !same(base, after.answers[i]) && base.End == language.Returned {
			differ++
		}
	}
	if differ > 0 {
		p.doubt(true, "since the commit that broke it, %s near it changed too", text.Count(differ, "answer"))
	}
}

// refuses doubts a commit that meant to refuse such input: the statement that
// raises the exception, by its name, is the commit's own.
func (w *walk) refuses(p *Past, after examined, added map[string][]int) {
	at := after.answers[0].Raised
	if !slices.Contains(added[at.Path], at.Line) {
		return
	}
	source, err := patch.Dir(after.tree).ReadFile(at.Path)
	if err != nil {
		return
	}
	lines := bytes.Split(source, []byte("\n"))
	if at.Line >= 1 && at.Line <= len(lines) && slices.Contains(words(string(lines[at.Line-1])), w.Signature.Type) {
		p.doubt(true, "the commit added the statement that raises the %s", w.Signature.Type)
	}
}

func words(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r < 0x80
	})
}

// A change is what the breaking commit changed.
type change struct {
	overlay        patch.Overlay    // its files over its parent's
	removed, added map[string][]int // lines of its parent, and its own
}

func (w *walk) change(before, after examined) (c change, err error) {
	paths := w.commits[after.index].Changed
	if len(paths) > maxChanged {
		return c, fmt.Errorf("the commit that broke it changed %d files", len(paths))
	}
	c.overlay = patch.Overlay{}
	for _, path := range paths {
		content, err := patch.Dir(after.tree).ReadFile(path)
		switch {
		case err == nil:
			c.overlay[path] = content
		case os.IsNotExist(err):
			if _, err := patch.Dir(before.tree).Stat(path); err == nil {
				c.overlay[path] = nil
			}
		}
	}
	base := patch.Dir(before.tree)
	if c.removed, err = patch.RemovedLines(base, c.overlay); err != nil {
		return c, fmt.Errorf("the change that broke it cannot be read")
	}
	if c.added, err = patch.ChangedLines(base, c.overlay); err != nil {
		return c, fmt.Errorf("the change that broke it cannot be read")
	}
	return c, nil
}

// touches reports whether a call runs a changed file.
func (c change) touches(a language.Answer) bool {
	for path := range c.overlay {
		if len(a.Lines[path]) > 0 {
			return true
		}
	}
	return false
}

// on are the changed lines that a call runs.
func on(changed map[string][]int, a language.Answer) map[string][]int {
	ran := map[string][]int{}
	for path, lines := range changed {
		for _, n := range lines {
			if slices.Contains(a.Lines[path], n) {
				ran[path] = append(ran[path], n)
			}
		}
	}
	return ran
}

// run is the trace of the test on a tree, nil if there is none.
func (w *walk) run(tree string) *trace.Trace {
	if tree == "" {
		return nil
	}
	test := w.Probe.Test
	res, err := w.Session.Run(w.ctx, testrun.Request{Run: w.Probe.Run, Env: w.Probe.Env, Tree: tree, Test: &test, Trace: &testrun.Tracing{Lines: true},
		Limits: sandbox.Limits{Wall: w.Suites}, Seed: testrun.Seed})
	if err != nil || !res.OK() || res.Tests[0].Status != testrun.Passed {
		return nil
	}
	return read(res)
}

func read(res *testrun.Result) *trace.Trace {
	if !res.Traced {
		return nil
	}
	t, err := trace.Read(bytes.NewReader(res.Trace))
	if err != nil || !t.Traced() {
		return nil
	}
	return t
}

// suites doubts ancestors whose suite fails, does not run what the commit
// changed, or does not meet what the commit expects.
func (w *walk) suites(p *Past, before, after examined, ran runs, c change, removed map[string][]int) {
	if why := silent(ran.suite); why != "" {
		p.doubt(false, "the ancestors' suite %s", why)
		return
	}
	var broken *testrun.Result
	lost := failed(ran.suite)
	if len(lost) > 0 {
		broken = w.suite(after.tree, nil, false)
		lost = slices.DeleteFunc(lost, func(id string) bool { return slices.Contains(failed(broken), id) })
	}
	if len(lost) > 0 {
		p.doubt(true, "the ancestors fail %s of their own: %s", text.Count(len(lost), "test"), text.Clip(strings.Join(lost, ", "), 200))
	}
	if missed := unexecuted(read(ran.suite), c, removed, before.answers[0]); missed != "" {
		p.doubt(true, "the ancestors' suite does not run %s, which the commit that broke it changed", missed)
	}
	w.expectations(p, before, after, c, ran.suite, broken)
	if ran.old == nil {
		return
	}
	if why := silent(ran.old); why != "" {
		p.doubt(false, "the suite of the oldest that agrees %s", why)
	} else if n := len(failed(ran.old)); n > len(failed(ran.suite)) {
		p.doubt(true, "the oldest that agrees fails %s of its own", text.Count(n, "test"))
	}
}

// suite runs a tree's suite; nil where it cannot be run.
func (w *walk) suite(tree string, overlay patch.Overlay, traced bool) *testrun.Result {
	if tree == "" {
		return nil
	}
	arguments := w.Suite
	if arguments == nil {
		arguments = []string{}
	}
	req := testrun.Request{Run: w.Probe.Run, Env: w.Probe.Env, Tree: tree, Overlay: overlay, Suite: arguments, Limits: sandbox.Limits{Wall: w.Suites}, Seed: testrun.Seed}
	if traced {
		req.Trace = &testrun.Tracing{Lines: true, TreeOnly: true}
	}
	res, err := w.Session.Run(w.ctx, req)
	if err != nil {
		return nil
	}
	return res
}

// silent says why a run of the suite says nothing, "" if it does.
func silent(res *testrun.Result) string {
	switch {
	case res == nil:
		return "cannot be run"
	case res.Forged != "":
		return "cannot be trusted"
	case res.Cause != sandbox.Exited:
		return "does not finish in time"
	case len(res.Tests) == 0:
		return "has no tests that run"
	case !slices.ContainsFunc(res.Tests, func(o testrun.Outcome) bool { return o.Status == testrun.Passed }):
		return "has no test that passes"
	}
	return ""
}

func failed(res *testrun.Result) (ids []string) {
	if res == nil {
		return nil
	}
	for _, o := range res.Tests {
		if o.Status == testrun.Failed || o.Status == testrun.Error {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// unexecuted names a changed line that the call ran and the suite did not, ""
// if there is none. Where the commit only added lines, any line of its files
// that the call ran will do.
func unexecuted(suite *trace.Trace, c change, removed map[string][]int, a language.Answer) string {
	executed := map[string]map[int]bool{}
	if suite != nil {
		executed = suite.Executed()
	}
	for path, lines := range removed {
		for _, n := range lines {
			if !executed[root(path)][n] {
				return fmt.Sprintf("%s:%d", path, n)
			}
		}
	}
	if len(removed) > 0 {
		return ""
	}
	missed := ""
	for path := range c.overlay {
		if len(a.Lines[path]) == 0 {
			continue
		}
		if slices.ContainsFunc(a.Lines[path], func(n int) bool { return executed[root(path)][n] }) {
			return ""
		}
		missed = path
	}
	return missed
}

func root(name string) string { return path.Join(testrun.Root, name) }

// expectations doubts a commit that changed what its tests expect: with its
// tests, its parent fails one that it had, or one that is new by what it
// expects rather than by what is not there yet.
func (w *walk) expectations(p *Past, before, after examined, c change, was, now *testrun.Result) {
	if now == nil && !slices.ContainsFunc(w.commits[after.index].Changed, func(path string) bool { return len(before.answers[0].Lines[path]) == 0 }) {
		return // it changed nothing but files that the call runs
	}
	if now == nil {
		now = w.suite(after.tree, nil, false)
	}
	if why := silent(now); why != "" {
		p.doubt(false, "the suite of the commit that broke it %s", why)
		return
	}
	tests := patch.Overlay{}
	passing := map[string]bool{}
	for _, o := range now.Tests {
		passing[o.ID] = o.Status == testrun.Passed
		file, _, _ := strings.Cut(o.ID, "::")
		if content, ok := c.overlay[file]; ok {
			tests[file] = content
		}
	}
	if len(tests) == 0 {
		return
	}
	had := map[string]bool{}
	for _, o := range was.Tests {
		had[o.ID] = o.Status == testrun.Passed
	}
	mixed := w.suite(before.tree, tests, false)
	if mixed == nil || mixed.Forged != "" || mixed.Cause != sandbox.Exited {
		p.doubt(false, "the tests of the commit that broke it cannot be run on its parent")
		return
	}
	for _, o := range mixed.Tests {
		if o.Status == testrun.Passed || o.Status == testrun.Skipped || !passing[o.ID] {
			continue
		}
		if had[o.ID] || w.Rules.Expects(o.Type) {
			p.doubt(true, "the commit that broke it changed what is expected: its parent fails %s", o.ID)
			return
		}
	}
}
