package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/bwrap"
	"github.com/repaird/repaird/internal/sandbox/docker"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/verify"
)

// Machine says where and how hostile code runs on this host.
type Machine struct {
	StateDir string // mirrors, environments, base images; created with mode 0755
	Backend  string // auto, docker, bwrap
	Image    string // docker image; "" the base images of deploy/setup.sh
	Logger   *slog.Logger
}

// Sandbox opens and probes the backend: a sandbox that cannot contain what it
// declares is refused. auto takes Docker where an engine answers.
func (m *Machine) Sandbox(ctx context.Context) (_ sandbox.Backend, _ []sandbox.Base, err error) {
	bases, err := sandbox.LoadBases(m.StateDir)
	if err != nil && m.Image == "" {
		return nil, nil, fault.Errorf(fault.NotFound, "no base system for sandboxes in %s (%w): run deploy/setup.sh, or set sandbox.image", m.StateDir, err)
	}
	openDocker := func() (sandbox.Backend, error) {
		return docker.New(docker.Options{Bases: bases, Image: m.Image, Logger: m.Logger})
	}
	openBwrap := func() (sandbox.Backend, error) { return bwrap.New(bwrap.Options{Bases: bases, Logger: m.Logger}) }
	var tries []func() (sandbox.Backend, error)
	switch m.Backend {
	case "docker":
		tries = append(tries, openDocker)
	case "bwrap":
		tries = append(tries, openBwrap)
	default:
		tries = append(tries, openDocker, openBwrap)
	}
	var errs []error
	for _, open := range tries {
		b, err := open()
		if err == nil {
			err = b.Probe(ctx)
		}
		if err == nil {
			m.Logger.Debug("sandbox", "backend", b.Name())
			return b, bases, nil
		}
		errs = append(errs, err)
	}
	return nil, nil, fault.Errorf(fault.Retryable, "no sandbox can be had: %w", errors.Join(errs...))
}

// Pipeline wires the stages on a backend.
func (m *Machine) Pipeline(b sandbox.Backend, bases []sandbox.Base, proposer func(pipeline.Project) repair.Proposer) (*pipeline.Pipeline, error) {
	kept, err := store.Open(m.StateDir, store.Options{})
	if err != nil {
		return nil, err
	}
	for _, d := range []string{m.work(), m.mirrors()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	lang := python.New(b, python.Environments{Store: kept, Bases: bases})
	return &pipeline.Pipeline{
		Language:   lang,
		Source:     &pipeline.Repos{Cache: m.mirrors(), Work: m.work()},
		Reproducer: &repro.Reproducer{Language: lang, Session: lang, Rules: lang},
		Verifier:   &verify.Verifier{Session: lang, Analyser: lang, Rules: lang},
		Quick:      &verify.Verifier{Session: lang, Analyser: lang, Rules: lang},
		Proposer:   proposer,
	}, nil
}

func (m *Machine) work() string    { return filepath.Join(m.StateDir, "work") }
func (m *Machine) mirrors() string { return filepath.Join(m.StateDir, "mirrors") }
