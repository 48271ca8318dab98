package python

import (
	"context"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/environment"
	"github.com/repaird/repaird/internal/language/python/synth"
	"github.com/repaird/repaird/internal/testrun"
)

// Reproduction implements language.Reproduction for Python.
type Reproduction struct {
	Environments *environment.Builder
}

var _ language.Reproduction = (*Reproduction)(nil)

// EnsureEnvironment implements language.Reproduction.
func (r *Reproduction) EnsureEnvironment(ctx context.Context, req language.EnvironmentRequest) (testrun.Environment, func(), error) {
	return r.Environments.Ensure(ctx, req)
}

// Stack implements language.Reproduction.
func (r *Reproduction) Stack(tree string, setup language.Setup, x *incident.Exception) (language.Stack, error) {
	return synth.Open(r.Environments.Backend, tree, setup, x)
}

// Missing implements language.Reproduction.
func (*Reproduction) Missing(exception, output string) (name, lines string) {
	return synth.Missing(exception, output)
}

// Help implements language.Reproduction.
func (*Reproduction) Help(p language.Problem) string { return synth.Help(p) }
