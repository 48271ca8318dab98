package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/text"
)

// lint asks whether the repository's own linters and type checkers report an
// error in a changed file that they do not report on base. What is new and only
// style is a risk, and so is what they say of the test that is published: neither
// makes a right patch wrong. A checker that does not run to its end on both sides
// says nothing, so the gate does not hold then.
func (j *verification) lint(ctx context.Context) (finding, error) {
	if j.v.Linter == nil {
		return notApplied("no checkers are run"), nil
	}
	base, head, err := j.checks(ctx)
	if err != nil {
		return finding{}, err
	}
	if len(head) == 0 {
		return notApplied("the repository configures no known linter or type checker for the changed files"), nil
	}
	if len(base) == 0 { // none of the files is there
		base = make([]language.Check, len(head))
	}
	var ran, idle []string
	var wrong, style, ofTest []complaint
	for i, check := range head {
		if failure := cmp.Or(check.Failure, base[i].Failure); failure != "" {
			idle = append(idle, fmt.Sprintf("%s is configured, but %s", check.Checker, clip(failure, 300)))
			continue
		}
		ran = append(ran, check.Checker)
		for _, f := range j.added(base[i].Findings, check.Findings) {
			c := complaint{check.Checker, f}
			switch {
			case f.Path == j.in.Test.Path && !j.in.Test.Own:
				ofTest = append(ofTest, c)
			case f.Error:
				wrong = append(wrong, c)
			default:
				style = append(style, c)
			}
		}
	}
	for _, why := range idle {
		j.risks = append(j.risks, "Of the repository's own checkers, "+why+".")
	}
	if len(style) > 0 {
		j.risks = append(j.risks, fmt.Sprintf("The repository's own checkers report what they did not report before: %s.", listed(style)))
	}
	if len(ofTest) > 0 {
		j.risks = append(j.risks, fmt.Sprintf("The repository's own checkers report of the test that is added: %s.", listed(ofTest)))
	}
	switch {
	case len(wrong) > 0:
		return failed("with the patch, %s", listed(wrong)), nil
	case len(idle) > 0:
		evidence := strings.Join(idle, "; ")
		if len(ran) > 0 {
			evidence += fmt.Sprintf("; %s: no new error", strings.Join(ran, ", "))
		}
		return notApplied("%s", evidence), nil
	}
	evidence := fmt.Sprintf("%s: no new error in the changed files", strings.Join(ran, ", "))
	if n := len(style); n > 0 {
		evidence += fmt.Sprintf("; %s on style, see the risks", count(n, "new finding"))
	}
	return held("%s", evidence), nil
}

// checks has both sides checked, side by side; on head also the test that is to
// be published.
func (j *verification) checks(ctx context.Context) (base, head []language.Check, err error) {
	paths, over := sorted(j.overlay), patch.Overlay{}
	for path, content := range j.overlay {
		over[path] = content
	}
	if t := j.in.Test; !t.Own {
		paths, over[t.Path] = append(paths, t.Path), []byte(t.Source)
	}
	side := func(ctx context.Context, overlay patch.Overlay) ([]language.Check, error) {
		return j.v.Linter.Lint(ctx, language.Sources{Run: j.in.Run, Env: j.in.Env, Tree: j.in.Tree, Overlay: overlay, Paths: paths})
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		base, err = j.v.kept(j.in).lint(strings.Join(paths, "\n"), func() ([]language.Check, error) { return side(gctx, nil) })
		return err
	})
	g.Go(func() (err error) {
		head, err = side(gctx, over)
		return err
	})
	return base, head, g.Wait()
}

// lint keeps what is reported on base of some files.
func (k *keptBase) lint(paths string, run func() ([]language.Check, error)) ([]language.Check, error) {
	all, err := k.linted.update(func(earlier map[string][]language.Check, _ bool) (map[string][]language.Check, error) {
		if _, ok := earlier[paths]; ok {
			return earlier, nil
		}
		checks, err := run()
		more := map[string][]language.Check{paths: checks}
		maps.Copy(more, earlier)
		return more, err
	})
	return all[paths], err
}

// numbers in a message, such as another line's or a count, are not what it says.
var numbers = regexp.MustCompile(`\b\d+\b`)

// added are the findings of head that base does not have. Lines move, so a
// finding is known by its file, code and message; of several alike, as many are
// new as there are more of them, those on changed lines first.
func (j *verification) added(base, head []language.Finding) []language.Finding {
	type same struct{ path, code, message string }
	of := func(f language.Finding) same {
		return same{f.Path, f.Code, numbers.ReplaceAllString(f.Message, "N")}
	}
	left := map[same]int{}
	for _, f := range head {
		left[of(f)]++
	}
	for _, f := range base {
		left[of(f)]--
	}
	var found []language.Finding
	for _, changed := range []bool{true, false} {
		for _, f := range head {
			if j.touches(f) == changed && left[of(f)] > 0 {
				left[of(f)]--
				found = append(found, f)
			}
		}
	}
	return found
}

// touches reports whether a finding is on a line that the patch adds or alters.
func (j *verification) touches(f language.Finding) bool {
	return j.analysis != nil && slices.ContainsFunc(j.analysis.Touched, func(t language.Touched) bool {
		return !t.Base && t.Path == f.Path && t.First <= f.Line && f.Line <= t.Last
	})
}

// A complaint is what one checker reports.
type complaint struct {
	checker string
	language.Finding
}

func (c complaint) String() string {
	s := fmt.Sprintf("%s:%d: %s", text.Line(c.Path, 120), c.Line, text.Line(c.Message, 200))
	if c.Code != "" {
		s += fmt.Sprintf(" (%s)", text.Line(c.Code, 60))
	}
	return c.checker + " reports " + s
}

// maxComplaints limits those that a sentence lists.
const maxComplaints = 3

func listed(found []complaint) string {
	var said []string
	for _, c := range found[:min(len(found), maxComplaints)] {
		said = append(said, c.String())
	}
	return strings.Join(said, "; ") + more(len(found)-maxComplaints)
}
