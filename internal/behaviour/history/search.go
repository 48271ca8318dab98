package history

import (
	"context"
	"fmt"
	"slices"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

// Find makes the call on ancestors until one answers, and between that one and
// the incident's commit for the one that broke it. It returns nil where no
// ancestor answers. Errors are those of ctx alone: an ancestor whose code cannot
// be read or run is skipped.
func (s Search) Find(ctx context.Context) (*Past, error) {
	if s.Near == nil || len(s.Near.Calls) == 0 || len(s.Near.Answers) == 0 || s.Near.Answers[0].End != language.Raised {
		return nil, nil
	}
	if s.Commits == 0 {
		s.Commits = defaultCommits
	}
	if s.Wall == 0 {
		s.Wall = defaultWall
	}
	if s.Suites == 0 {
		s.Suites = defaultSuites
	}
	limited, cancel := context.WithTimeout(ctx, s.Wall)
	defer cancel()
	commits, err := s.Source.Commits(limited, maxLine)
	if err != nil || len(commits) < 2 {
		return nil, ctx.Err()
	}
	w := &walk{Search: s, ctx: limited, commits: commits, looks: map[int]look{0: {state: failing}}}
	past := w.past()
	return past, ctx.Err()
}

// A walk is one search on a line of commits, which it names by their indices.
type walk struct {
	Search
	ctx     context.Context
	commits []Commit
	looks   map[int]look
	tried   int
	skipped int
}

// A look is what the call did on one commit.
type look struct {
	state  state
	answer language.Answer
}

type state int

const (
	untried  state = iota // not tried, because the limits are reached
	failing               // as the incident did
	answered              //
	skipped               // it could not be observed, or failed differently
)

// look makes the call on a commit, once.
func (w *walk) look(i int) state {
	if l, ok := w.looks[i]; ok {
		return l.state
	}
	if w.tried >= w.Commits || w.ctx.Err() != nil {
		return untried
	}
	w.tried++
	l := look{state: skipped}
	if answers := w.ask(i, w.Near.Calls[:1]); len(answers) == 1 {
		l = w.classify(answers[0])
	}
	if l.state == skipped {
		w.skipped++
	}
	w.looks[i] = l
	return l.state
}

// ask makes calls on a commit; nil if that is impossible.
func (w *walk) ask(i int, calls []language.Call) []language.Answer {
	tree, release, err := w.Source.Tree(w.ctx, w.commits[i])
	if err != nil {
		return nil
	}
	defer release()
	return w.asked(tree, calls)
}

func (w *walk) asked(tree string, calls []language.Call) []language.Answer {
	p := w.Probe
	p.Tree, p.Overlay = tree, nil
	answers, err := w.Prober.Answers(w.ctx, p, calls)
	if err != nil || len(answers) != len(calls) {
		return nil
	}
	return answers
}

func (w *walk) classify(a language.Answer) look {
	switch {
	case behaviour.Answered(a):
		return look{answered, a}
	case a.End == language.Raised && incident.BareName(a.Type) == w.Signature.Type && incident.MaskMessage(a.Message) == incident.MaskMessage(w.Near.Answers[0].Message):
		return look{failing, a} // wherever it was raised: the code may have moved
	}
	return look{skipped, a}
}

// starts are the commits at which a stretch begins, newest first, in which no
// file changes that the call runs on base. Trying one of a stretch is enough at
// first.
func (w *walk) starts() []int {
	ran := map[string]bool{w.Signature.File: true}
	for _, a := range w.Near.Answers {
		for path := range a.Lines {
			ran[path] = true
		}
	}
	starts := []int{0}
	for i, c := range w.commits[:len(w.commits)-1] {
		if slices.ContainsFunc(c.Changed, func(path string) bool { return ran[path] }) {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// past is the whole search.
func (w *walk) past() *Past {
	starts := w.starts()
	lo, hi := w.leap(starts)
	if hi < 0 { // what broke it may be in a file that the call does not run
		starts = starts[:0]
		for i := range w.commits {
			starts = append(starts, i)
		}
		lo, hi = w.leap(starts)
	}
	if hi < 0 {
		return nil
	}
	lo, hi = w.narrow(starts, lo, hi)
	newest, broke := starts[hi], starts[hi]-1
	from := starts[lo]
	if hi-lo == 1 && broke > from && w.look(broke) == answered {
		// No file that the call runs on base changed there; yet something did.
		var all []int
		for i := from; i <= broke; i++ {
			all = append(all, i)
		}
		lo, hi = w.narrow(all, 0, len(all)-1)
		from, newest, broke = all[lo], all[hi], all[hi]-1
	}
	p := &Past{Agree: []Commit{w.commits[newest]}}
	if w.looks[broke].state == failing {
		p.Broke = &w.commits[broke]
	} else {
		p.doubt(false, "which of %d commits broke it is not known", newest-from)
	}
	oldest := w.agreeing(p, starts, newest)
	w.examine(p, newest, broke, oldest)
	p.Tried, p.Skipped = w.tried, w.skipped
	if w.ctx.Err() != nil {
		p.doubt(false, "the search ran out of time")
	}
	return p
}

// leap tries ever older points until one answers: lo is the oldest tried before
// it that fails, hi is -1 if none answers. Where one is skipped, its two
// successors are tried.
func (w *walk) leap(points []int) (lo, hi int) {
	last := len(points) - 1
	for step := 1; ; step *= 2 {
		at := min(step, last)
		for k := at; k <= min(at+2, last); k++ {
			switch w.look(points[k]) {
			case answered:
				return lo, k
			case failing:
				lo = k
			case untried:
				return lo, -1
			case skipped:
				continue
			}
			break
		}
		if at == last {
			return lo, -1
		}
	}
}

// narrow moves a point that fails and an older one that answers together, as
// far as the points between can be tried.
func (w *walk) narrow(points []int, lo, hi int) (int, int) {
	for hi-lo > 1 {
		at := w.between(points, lo, hi)
		switch {
		case at < 0:
			return lo, hi
		case w.looks[points[at]].state == answered:
			hi = at
		default:
			lo = at
		}
	}
	return lo, hi
}

// between returns the point nearest the middle that answers or fails, -1 if
// there is none.
func (w *walk) between(points []int, lo, hi int) int {
	for d := range hi - lo {
		for _, at := range []int{(lo+hi)/2 - d, (lo+hi)/2 + d} {
			if at <= lo || at >= hi {
				continue
			}
			switch w.look(points[at]) {
			case answered, failing:
				return at
			case untried:
				return -1
			case skipped:
			}
		}
	}
	return -1
}

// agreeing counts the ancestors beyond the newest that answers that answer
// alike, up to the first that does not, and returns the oldest. Those tried
// already count first, then others are asked, those with other code first.
func (w *walk) agreeing(p *Past, starts []int, newest int) (oldest int) {
	var others []int
	for i, l := range w.looks {
		if i > newest && l.state == answered {
			others = append(others, i)
		}
	}
	k, _ := slices.BinarySearch(starts, newest+1)
	for i := 1; i < 2*enough; i, k = i+1, k+1 {
		if k < len(starts) {
			others = append(others, starts[k])
		}
		if newest+i < len(w.commits) {
			others = append(others, newest+i)
		}
	}
	agree := []int{newest}
	differs := len(w.commits)
	for _, i := range others {
		if i > differs || slices.Contains(agree, i) {
			continue
		}
		if l, ok := w.looks[i]; len(agree) >= enough && (!ok || l.state != answered) {
			break
		}
		if w.look(i) != answered {
			continue
		}
		if same(w.looks[i].answer, w.looks[newest].answer) {
			agree = append(agree, i)
		} else {
			differs = i
		}
	}
	slices.Sort(agree)
	agree = slices.DeleteFunc(agree, func(i int) bool { return i > differs })
	for _, i := range agree[1:] {
		p.Agree = append(p.Agree, w.commits[i])
	}
	switch {
	case len(agree) >= several:
	case differs < len(w.commits):
		p.doubt(true, "an earlier ancestor, %s, answers differently: it %s", name(w.commits[differs]), behaviour.Show(w.looks[differs].answer))
	default:
		p.doubt(false, "only one ancestor's answer is known")
	}
	return agree[len(agree)-1]
}

// same compares the answers of two commits. The state of modules is left out:
// with other code it is another.
func same(a, b language.Answer) bool {
	return a.End == b.End && a.Type == b.Type && a.Value == b.Value && a.Output == b.Output && (a.End == language.Returned || a.Message == b.Message)
}

func (p *Past) doubt(opposed bool, format string, args ...any) {
	p.Doubts = append(p.Doubts, Doubt{Why: fmt.Sprintf(format, args...), Opposed: opposed})
}

// name is a commit as people name it.
func name(c Commit) string { return c.ID[:min(len(c.ID), 12)] }
