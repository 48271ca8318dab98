package python

import (
	"cmp"
	"context"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/environment"
	"github.com/repaird/repaird/internal/language/python/synth"
	"github.com/repaird/repaird/internal/testrun"
)

// EnsureEnvironment implements language.Reproduction.
func (l *Language) EnsureEnvironment(ctx context.Context, req language.EnvironmentRequest) (testrun.Environment, func(), error) {
	return l.environments.Ensure(ctx, req)
}

// Stack implements language.Reproduction.
func (l *Language) Stack(tree string, setup language.Setup, x *incident.Exception) (language.Stack, error) {
	return synth.Open(l.environments.Backend, cmp.Or(l.environments.Reader(), setup.Image), tree, setup, x)
}

// Unimportable implements language.Reproduction.
func (*Language) Unimportable(exception string, res *testrun.Result) *language.Import {
	return environment.Unimportable(exception, res)
}

// Help implements language.Reproduction.
func (*Language) Help(p language.Problem) string { return synth.Help(p) }
