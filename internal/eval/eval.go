// Package eval measures the verdict: it has patches judged of which it is known
// whether they are right, and counts.
//
//	e := eval.Evaluation{Dir: "cases", Machine: machine, Row: func(r eval.Row) { fmt.Println(r) }}
//	report, err := e.Run(ctx)
//	fmt.Println(report) // right: 20 accepted, 9 asked, 2 rejected of 31; wrong: …
//
// A folder has two kinds of cases. NAME.bundle is a git repository with its
// production event, NAME.envelope.gz: the event is reproduced once, by the
// pipeline's own stages, and each patch of NAME.json takes the place of the
// repair stage's. Where there is no NAME.json, the default proposer repairs, and
// how that ends is shown and not counted. NAME.txtar is a tree without an event,
// whose NAME.json has failing tests as well as patches; these are verified
// directly.
//
// Nothing here knows what a verdict rests on. Cases do not influence each other.
package eval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/verify"
)

// An Evaluation is a folder of cases, and how it is measured.
type Evaluation struct {
	Dir      string
	Only     *regexp.Regexp // of "case label"; nil is all
	Machine  app.Machine
	Repeats  int           // runs of each test; 0 means 5
	Jobs     int           // verdicts at a time; 0 means 2
	Mutants  int           // of each right patch, to be judged instead of the patches; 0 judges the patches
	Wall     time.Duration // limit of one verdict, and of one reproduction; 0 means 10 minutes
	Row      func(Row)     // called with each row, in the folder's order, as soon as those before it are there; may be nil
	Progress func(string)  // one line; called concurrently; may be nil
}

// A Row is what became of one patch.
type Row struct {
	Case     string             `json:"case"`
	Label    string             `json:"label"`
	Kind     Kind               `json:"kind,omitempty"` // "" for the end of a repair, which is not counted
	Decision verify.Decision    `json:"decision"`       // rejected also where there is no verdict
	Strength behaviour.Strength `json:"strength,omitempty"`
	Ground   string             `json:"ground,omitempty"` // what decided: a gate, a ground, a stop
	Evidence string             `json:"evidence,omitempty"`
	Question string             `json:"question,omitempty"`
	Gates    []verify.Gate      `json:"gates,omitempty"`
	Grounds  []behaviour.Ground `json:"grounds,omitempty"`
	Seconds  float64            `json:"seconds"`
}

// Run measures all cases. The report has all rows that there are, also when
// ctx ends early.
func (e *Evaluation) Run(ctx context.Context) (*Report, error) {
	list, broken, err := read(e.Dir)
	if err != nil {
		return nil, err
	}
	if e.Machine.Logger == nil {
		e.Machine.Logger = slog.New(slog.DiscardHandler)
	}
	state, err := e.Machine.State()
	if err != nil {
		return nil, err
	}
	defer state.Close()
	dir, _, err := state.Scratch.Mkdir("eval-") // it goes with the state
	if err != nil {
		return nil, err
	}
	own, err := store.Open(filepath.Join(dir, "store"), store.Options{})
	if err != nil {
		return nil, err
	}
	e.say("probing the sandbox")
	backend, bases, err := e.Machine.Sandbox(ctx)
	if err != nil {
		return nil, err
	}
	proposer, err := app.Proposer(config.Model{}, backend)
	if err != nil {
		return nil, err
	}
	pl := state.Pipeline(backend, bases, proposer)
	pl.Source = &pipeline.Repos{Store: own} // a clone's mirror is of no use to anyone else
	pl.Repeats = e.Repeats
	if e.Mutants > 0 && pl.Verifier.Prober == nil {
		return nil, fault.Errorf(fault.Invalid, "answers cannot be compared: the verifier has no prober")
	}
	m := &measuring{Evaluation: e, pipeline: pl, mutator: app.Mutator(backend), dir: dir, slots: make(chan struct{}, cmp.Or(e.Jobs, 2)), out: &ordered{emit: func(r Row) {
		if e.Row != nil && ctx.Err() == nil { // what was interrupted is not a result
			e.Row(r)
		}
	}}}
	for _, s := range list {
		if e.Only != nil && !s.only(e.Only.MatchString) {
			continue
		}
		if e.Mutants > 0 {
			s.patches = slices.DeleteFunc(s.patches, func(c candidate) bool { return c.kind != Right })
		}
		switch why := broken[s.name]; {
		case why != nil:
			m.out.reserve(1).fill(0, s, Row{Decision: verify.Rejected, Ground: "unreadable", Evidence: why.Error()})
		case e.Mutants == 0 || len(s.patches) > 0:
			m.measure(ctx, s)
		}
	}
	m.running.Wait()
	for _, leave := range m.leave {
		leave()
	}
	return newReport(m.out.rows, e.Mutants > 0), ctx.Err()
}

func (e *Evaluation) say(format string, args ...any) {
	if e.Progress != nil {
		e.Progress(fmt.Sprintf(format, args...))
	}
}

// measuring is an evaluation under way.
type measuring struct {
	*Evaluation
	pipeline *pipeline.Pipeline
	mutator  Mutator
	dir      string
	slots    chan struct{}
	running  sync.WaitGroup
	out      *ordered
	leave    []func() // to be called at the end
}

// start waits for a slot, and then runs do in it: its row, or the row that says
// why there is none, goes to done.
func (m *measuring) start(ctx context.Context, do func(context.Context) (Row, error), done func(Row)) {
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		done(Row{Decision: verify.Rejected, Ground: "error", Evidence: reason(ctx.Err())})
		return
	}
	m.running.Go(func() {
		defer func() { <-m.slots }()
		began := time.Now()
		row, err := m.limited(ctx, do)
		if err != nil {
			row = Row{Decision: verify.Rejected, Ground: "error", Evidence: reason(err)}
		}
		row.Seconds = time.Since(began).Seconds()
		done(row)
	})
}

// limited runs do within the limit of time. A panic is an error, so that it
// does not end the other cases.
func (m *measuring) limited(ctx context.Context, do func(context.Context) (Row, error)) (row Row, err error) {
	wall := cmp.Or(m.Wall, 10*time.Minute)
	within, cancel := context.WithTimeoutCause(ctx, wall, fmt.Errorf("it took longer than %s", wall))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if row, err = do(within); err != nil && ctx.Err() == nil && within.Err() != nil {
		err = context.Cause(within)
	}
	return row, err
}

// measure reproduces a situation's failure, and starts the verdicts on its
// patches.
func (m *measuring) measure(ctx context.Context, s situation) {
	var seen *red
	ready := make(chan Row, 1)
	m.start(ctx, func(ctx context.Context) (_ Row, err error) {
		seen, err = m.redden(ctx, s)
		return Row{}, err
	}, func(r Row) { ready <- r })
	if r := <-ready; seen == nil {
		r.Ground = "not reproduced"
		rows := m.out.reserve(max(1, len(s.patches)))
		for i := range max(1, len(s.patches)) {
			rows.fill(i, s, r)
		}
		return
	}
	switch {
	case m.Mutants > 0:
		m.mutate(ctx, s, seen)
	case len(s.patches) == 0:
		rows := m.out.reserve(1)
		m.start(ctx, seen.end, func(r Row) {
			r.Label = "(templates)"
			rows.fill(0, s, r)
		})
	default:
		m.verdicts(ctx, s, seen)
	}
}

// verdicts starts the verdicts on a situation's patches.
func (m *measuring) verdicts(ctx context.Context, s situation, seen *red) {
	rows := m.out.reserve(len(s.patches))
	for i, c := range s.patches {
		m.start(ctx, func(ctx context.Context) (Row, error) {
			v, err := seen.verdict(ctx, c)
			if err != nil {
				return Row{}, err
			}
			return rowOf(v), nil
		}, func(r Row) {
			m.say("%s %s: %s", s.name, c.label, r.Decision)
			rows.fill(i, s, r)
		})
	}
}

// rowOf reads a verdict. What decided is the gate that failed, and otherwise the
// ground with the effect that the decision follows from.
func rowOf(v *verify.Verdict) Row {
	r := Row{Decision: v.Decision, Strength: v.Strength, Gates: v.Gates, Grounds: v.Grounds}
	if v.Question != nil {
		r.Question = v.Question.Text
	}
	if g := v.Failed(); g != nil {
		r.Ground, r.Evidence = g.Name, g.Evidence
		return r
	}
	effects := map[verify.Decision][]behaviour.Effect{
		verify.Accepted: {behaviour.Establishes, behaviour.Supports},
		verify.Asked:    {behaviour.Lowers},
		verify.Rejected: {behaviour.Rejects},
	}
	for _, effect := range effects[v.Decision] {
		for _, g := range v.Grounds {
			if g.Effect == effect {
				r.Ground, r.Evidence = g.Name, g.Evidence
				return r
			}
		}
	}
	r.Evidence = r.Question
	return r
}

func reason(err error) string {
	if stop := fault.AsStop(err); stop != nil {
		return string(stop.Type) + ": " + stop.Detail
	}
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return err.Error()
}
