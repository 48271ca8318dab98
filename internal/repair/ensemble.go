package repair

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
)

// An ensemble is one repair with a model: independent conversations, its
// samples, that share a budget. Patches that the judge does not reject are
// clustered by what they do; the smallest of the largest cluster is the result.
type ensemble struct {
	model  llm.Model
	opts   ModelOptions
	in     Input
	budget Budget
	purse  *purse
	clean  cleaner
	tree   *tree
	begin  time.Time

	trace     *trace.Trace // of the red run; nil if the card policy forbids it
	diagnosis card.Card
	reading   sync.Mutex // held by who reads a trace

	first sync.Once
	warm  chan struct{} // closed once a first answer has begun: by then the vendor has the prompt in its cache

	mu        sync.Mutex
	judged    map[string]*judged // by what the patch makes of the tree
	attempts  []Attempt
	reserved  int // attempts that are being verified
	proposals []proposal
}

// A proposal is a patch that the judge did not reject.
type proposal struct {
	patch     patch.Patch
	why       string
	asked     bool
	behaviour string
	size      int
}

// judged is what is known of a patch; samples that propose the same patch have it
// verified once.
type judged struct {
	known      chan struct{} // closed when the rest is set
	assessment *Assessment
	behaviour  string // if no gate failed
	err        error
}

// end is how one sample ended: with a proposal (nil), a stop or an error.
type end struct {
	number int
	err    error
}

func newEnsemble(model llm.Model, opts ModelOptions, in Input) (*ensemble, error) {
	if in.Redactor == nil || in.Judge == nil {
		return nil, fault.Errorf(fault.Internal, "a repair needs a redactor and a judge")
	}
	e := &ensemble{model: model, opts: opts, in: in, budget: in.Budget.WithDefaults(DefaultModelAttempts),
		clean: cleaner{in.Redactor, in.Known}, begin: opts.Now(), warm: make(chan struct{}), judged: map[string]*judged{}}
	e.purse = newPurse(e.budget, opts.Prices, model.Name())
	var err error
	if e.tree, err = openTree(in.Tree); err != nil {
		return nil, err
	}
	if len(in.Trace) > 0 && in.Card != CardNever {
		if t, err := trace.Read(bytes.NewReader(in.Trace)); err == nil {
			e.trace = t
			e.diagnosis = card.Diagnose(t, card.Options{Root: treeRoot, Source: e.source})
		}
	}
	return e, nil
}

// run holds the conversations until enough of them agree or all have ended. The
// second begins when the first is being answered: it then finds the opening in
// the vendor's cache, and an endpoint that refuses is asked once.
func (e *ensemble) run(ctx context.Context) (*Result, error) {
	outer := ctx
	ctx, stop := context.WithTimeout(outer, e.budget.Time)
	defer stop()
	ends := make(chan end)
	for n := range e.opts.Samples {
		go func() {
			if n > 0 {
				select {
				case <-e.warm:
				case <-ctx.Done():
				}
			}
			ends <- end{n + 1, e.sample(ctx, n+1)}
		}()
	}
	var all []end
	for range e.opts.Samples {
		x := <-ends
		all = append(all, x)
		switch {
		case x.err == nil && e.agreed(e.opts.Samples/2+1):
			stop()
		case fault.KindOf(x.err) == fault.Denied, len(all) == 1 && x.number == 1 && !e.answered():
			stop() // the others would fare no better
		}
	}
	if outer.Err() == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		all = append(all, end{err: e.over("time", e.budget.Time.String())})
	}
	return e.decide(all)
}

// answered reports whether the model has begun to answer at all.
func (e *ensemble) answered() bool {
	select {
	case <-e.warm:
		return true
	default:
		return false
	}
}

// sample holds one conversation. Its error is nil if it ended in a proposal.
func (e *ensemble) sample(ctx context.Context, number int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := newSession(e, number)
	if err != nil {
		return err
	}
	if err := s.loop(ctx); err != nil {
		if ctx.Err() != nil {
			e.progress(number, "is ended")
			return err
		}
		e.progress(number, "ended without a patch: %s", e.clean.text(err.Error(), 300))
		return err
	}
	return nil
}

// take reserves one attempt; it reports false if none is left.
func (e *ensemble) take() (number int, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.attempts)+e.reserved >= e.budget.Attempts {
		return 0, false
	}
	e.reserved++
	return len(e.attempts) + e.reserved, true
}

// tried records an attempt that take has reserved; it returns how many are left.
// nil gives the attempt back.
func (e *ensemble) tried(a *Attempt) (left int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reserved--
	if a != nil {
		e.attempts = append(e.attempts, *a)
	}
	return e.budget.Attempts - len(e.attempts) - e.reserved
}

// judge has a patch verified, or waits for the sample that already does.
func (e *ensemble) judge(ctx context.Context, p patch.Patch) (*judged, error) {
	key := digest(effect(e.in.Tree, p))
	for {
		e.mu.Lock()
		j := e.judged[key]
		if j == nil {
			j = &judged{known: make(chan struct{})}
			e.judged[key] = j
			e.mu.Unlock()
			if j.assessment, j.err = e.in.Judge.Judge(ctx, p); j.err == nil && (j.assessment.Accepted || j.assessment.Asked) {
				if len(j.assessment.Patch.Edits) == 0 {
					j.assessment.Patch = p
				}
				j.behaviour = e.behaviour(ctx, j.assessment.Patch, j.assessment)
			}
			if j.err != nil { // perhaps only for this sample
				e.mu.Lock()
				delete(e.judged, key)
				e.mu.Unlock()
			}
			close(j.known)
			return j, j.err
		}
		e.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-j.known:
		}
		if j.err == nil {
			return j, nil
		}
	}
}

// propose adds a patch that the judge did not reject.
func (e *ensemble) propose(j *judged, why string) {
	x := proposal{patch: j.assessment.Patch, why: why, asked: !j.assessment.Accepted, behaviour: j.behaviour, size: changedLines(e.in.Tree, j.assessment.Patch)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.proposals = append(e.proposals, x)
}

// agreed reports whether so many samples arrived at one behaviour.
func (e *ensemble) agreed(need int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := cluster(e.proposals)
	return len(c) > 0 && c[0].samples >= need
}

// A choice is one behaviour that samples arrived at, with the patch that stands
// for it.
type choice struct {
	patch   patch.Patch
	why     string // redacted
	samples int
}

// cluster groups proposals by behaviour, the most frequent first. Of those of
// one behaviour the smallest that needs no person is taken, else the smallest.
func cluster(proposals []proposal) []choice {
	groups := map[string][]proposal{}
	var order []string
	for _, p := range proposals {
		if groups[p.behaviour] == nil {
			order = append(order, p.behaviour)
		}
		groups[p.behaviour] = append(groups[p.behaviour], p)
	}
	var out []choice
	for _, key := range order {
		group := groups[key]
		best := slices.MinFunc(group, func(a, b proposal) int {
			if a.asked != b.asked {
				if a.asked {
					return 1
				}
				return -1
			}
			return cmp.Compare(a.size, b.size)
		})
		out = append(out, choice{best.patch, best.why, len(group)})
	}
	slices.SortStableFunc(out, func(a, b choice) int { return b.samples - a.samples })
	return out
}

// decide is the end of the repair, when no sample runs any more. Its Result is
// never nil.
func (e *ensemble) decide(all []end) (*Result, error) {
	r := &Result{Proposer: e.model.Name(), Attempts: e.attempts, Samples: e.opts.Samples, Wall: e.opts.Now().Sub(e.begin)}
	priced := false
	r.Usage, r.Dollars, priced = e.purse.used()
	r.Unpriced = r.Usage.Used() && !priced
	e.record("spent", map[string]any{"usage": r.Usage, "dollars": r.Dollars, "unpriced": r.Unpriced, "attempts": len(r.Attempts), "samples": r.Samples})
	choices := cluster(e.proposals)
	for _, c := range choices {
		p := c.patch
		p.Why = c.why
		r.Alternatives = append(r.Alternatives, p)
	}
	switch {
	case len(choices) == 0:
		return r, e.failure(all, r.Usage)
	case 2*choices[0].samples <= len(e.proposals):
		return r, e.undecided(choices)
	}
	r.Patch, r.Why, r.Agreed = choices[0].patch, choices[0].why, choices[0].samples
	r.Alternatives = r.Alternatives[1:]
	return r, nil
}

func (e *ensemble) undecided(c []choice) *fault.Stop {
	var whys []string
	for _, x := range c {
		whys = append(whys, strings.TrimRight(x.why, ". "))
	}
	return &fault.Stop{Type: fault.Undecided,
		Detail: fmt.Sprintf("%d independent attempts of %s lead to %d different behaviours, none of them in the majority: %s.", len(e.proposals), e.model.Name(), len(c),
			e.clean.text(strings.Join(whys, "; "), 1500)),
		Help: "Choose one of the candidates in the repair's result, or repair by hand."}
}

// failure is the error of a repair without a proposal: that of the sample whose
// end tells most.
func (e *ensemble) failure(all []end, used llm.Usage) error {
	slices.SortStableFunc(all, func(a, b end) int { return a.number - b.number })
	var failed, cut error
	var stops []*fault.Stop
	for _, x := range all {
		switch stop := fault.AsStop(x.err); {
		case stop != nil:
			stops = append(stops, stop)
		case errors.Is(x.err, context.Canceled), errors.Is(x.err, context.DeadlineExceeded):
			cut = cmp.Or(cut, x.err)
		default:
			failed = cmp.Or(failed, x.err)
		}
	}
	switch {
	case len(stops) > 0:
		order := []fault.StopType{fault.Rejected, fault.OverBudget, fault.NoPatch}
		return slices.MinFunc(stops, func(a, b *fault.Stop) int { return slices.Index(order, a.Type) - slices.Index(order, b.Type) })
	case failed != nil && used.Input+used.Output > 0:
		// Trying the stage again would spend the budget again.
		return &fault.Stop{Type: fault.NoPatch, Detail: fmt.Sprintf("The conversation with %s could not be continued: %s.", e.model.Name(), e.clean.text(failed.Error(), 500)),
			Help: "Check the model's endpoint and its account, and retry the run."}
	case failed != nil:
		return failed
	}
	return cut
}

// over is the stop at the end of a budget.
func (e *ensemble) over(what, detail string) *fault.Stop {
	text := fmt.Sprintf("The repair's budget of %s is exhausted (%s)", what, detail)
	if n, gate := e.lastGate(0); gate != "" {
		text += fmt.Sprintf("; %d patches were verified, the last one failed gate %s", n, gate)
	}
	return &fault.Stop{Type: fault.OverBudget, Detail: text + ".", Help: "Raise the repair's budget, or repair by hand with the diagnosis card."}
}

// lastGate is the gate that the last attempt of a sample failed, or of any with
// sample 0, and how many there were.
func (e *ensemble) lastGate(sample int) (n int, gate string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.attempts {
		if sample == 0 || a.Sample == sample {
			n, gate = n+1, a.Gate
		}
	}
	return n, gate
}

func (e *ensemble) progress(sample int, format string, args ...any) {
	if e.in.Progress != nil {
		e.in.Progress(fmt.Sprintf("%s, sample %d: %s", e.model.Name(), sample, fmt.Sprintf(format, args...)))
	}
}

func (e *ensemble) record(kind string, payload map[string]any) {
	if e.in.Record != nil {
		e.in.Record(kind, payload)
	}
}
