package eval

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// Mutant is the kind of a right patch in which one constant or operator is
// another, so that the test still passes and some call near the failing one is
// answered differently.
const Mutant Kind = "mutant"

const (
	maxMutants = 120              // versions of one patch that are tried
	batch      = 8                // of them, asked in one sandbox
	nearCalls  = 80               // calls that each is asked
	slowTest   = 30 * time.Second // a mutant may never end
)

// A Mutator changes patches in one place.
type Mutator interface {
	// Mutants returns versions of the probe's overlay, at most limit, in a
	// fixed order.
	Mutants(ctx context.Context, p language.Probe, limit int) ([]language.Rival, error)
}

// mutate judges mutants of a situation's right patches.
func (m *measuring) mutate(ctx context.Context, s situation, seen *red) {
	for _, c := range s.patches {
		var list []candidate
		ready := make(chan Row, 1)
		m.start(ctx, func(ctx context.Context) (_ Row, err error) {
			list, err = m.changed(ctx, seen, c)
			return Row{}, err
		}, func(r Row) { ready <- r })
		if r := <-ready; r.Ground != "" {
			m.say("%s %s: no mutants: %s", s.name, c.label, r.Evidence)
			continue
		}
		m.say("%s %s: %d mutants change an answer", s.name, c.label, len(list))
		m.verdicts(ctx, situation{name: s.name, tests: s.tests, patches: list}, seen)
	}
}

// changed returns the first mutants of a patch with which the test passes and
// an answer differs from the patch's own.
func (m *measuring) changed(ctx context.Context, seen *red, c candidate) ([]candidate, error) {
	probe := seen.probe(c)
	base, prober := patch.Dir(probe.Tree), m.pipeline.Verifier.Prober
	overlay, err := patch.Apply(base, c.patch)
	if err != nil {
		return nil, err
	}
	probe.Overlay = overlay
	rivals, err := m.mutator.Mutants(ctx, probe, maxMutants)
	if err != nil || len(rivals) == 0 {
		return nil, err
	}
	atBase := probe
	atBase.Overlay, atBase.Limit = nil, nearCalls
	near, err := prober.Neighbours(ctx, atBase)
	if err != nil {
		return nil, err
	}
	var list []candidate
	for some := range slices.Chunk(rivals, batch) {
		overlays := []patch.Overlay{overlay}
		for _, r := range some {
			overlays = append(overlays, r.Overlay)
		}
		answers, err := prober.Compete(ctx, atBase, overlays, near.Calls)
		if err != nil {
			return nil, err
		}
		for i, r := range some {
			if !differ(answers[0], answers[i+1]) {
				continue
			}
			passes, err := m.passes(ctx, probe, r.Overlay)
			if err != nil {
				return nil, err
			}
			if !passes {
				continue
			}
			mutant, err := patchOf(base, r.Overlay)
			if err != nil {
				return nil, err
			}
			list = append(list, candidate{label: fmt.Sprintf("%s [%s]", r.Change, c.label), kind: Mutant, key: c.key, patch: mutant})
			if len(list) == m.Mutants {
				return list, nil
			}
		}
	}
	return list, nil
}

// patchOf is the patch that makes an overlay.
func patchOf(base patch.Dir, overlay patch.Overlay) (patch.Patch, error) {
	hunks, err := patch.Hunks(base, overlay)
	if err != nil {
		return patch.Patch{}, err
	}
	return patch.Combine(base, hunks, "")
}

func (m *measuring) passes(ctx context.Context, p language.Probe, overlay patch.Overlay) (bool, error) {
	res, err := m.pipeline.Language.Run(ctx, testrun.Request{
		Run: p.Run, Env: p.Env, Tree: p.Tree, Overlay: overlay, Test: &p.Test, Limits: sandbox.Limits{Wall: slowTest}, Seed: testrun.Seed,
	})
	return err == nil && res.OK() && res.Tests[0].Status == testrun.Passed, err
}

// differ reports whether two programs answer some call differently: with
// another value or another type of exception. Other texts of exceptions do not
// count, nor does the state of modules, in which a changed constant is.
func differ(one, other []language.Answer) bool {
	for i := range min(len(one), len(other)) {
		a, b := one[i], other[i]
		switch {
		case !settled(a) || !settled(b):
		case a.End != b.End || a.Type != b.Type || a.Value != b.Value || a.Output != b.Output || a.Files != b.Files:
			return true
		}
	}
	return false
}

func settled(a language.Answer) bool {
	return !a.Varies && (a.End == language.Returned || a.End == language.Raised)
}
