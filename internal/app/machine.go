package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

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

// Machine says where and how untrusted code runs on this host.
type Machine struct {
	StateDir   string            // store, work, base images; created with mode 0755
	StoreBytes int64             // size limit of the store; 0 is none
	Backend    string            // auto, docker, bwrap
	Image      string            // docker image, or a base system's release; "" the base systems of deploy/setup.sh
	Images     map[string]string // minor version of Python → docker image, or a base system's release or directory
	ProbeAge   time.Duration     // for which a probe that passed is not repeated; 0 always probes
	Logger     *slog.Logger
}

// Sandbox opens and probes the backend: a sandbox that does not isolate as it
// claims is refused. auto takes Docker if an engine responds.
func (m *Machine) Sandbox(ctx context.Context) (_ sandbox.Backend, _ []sandbox.Base, err error) {
	dir, err := filepath.Abs(m.StateDir) // mounts need it
	if err != nil {
		return nil, nil, err
	}
	bases, err := sandbox.LoadBases(dir)
	if err != nil && m.Image == "" {
		return nil, nil, fault.Errorf(fault.NotFound, "no base system for sandboxes in %s (%w): run deploy/setup.sh, or set sandbox.image", m.StateDir, err)
	}
	openDocker := func(bases []sandbox.Base) (sandbox.Backend, error) {
		return docker.New(docker.Options{Bases: bases, Image: m.Image, Logger: m.Logger})
	}
	openBwrap := func(bases []sandbox.Base) (sandbox.Backend, error) {
		return bwrap.New(bwrap.Options{Bases: bases, Logger: m.Logger})
	}
	tries := []string{"docker", "bwrap"}
	if m.Backend == "docker" || m.Backend == "bwrap" {
		tries = []string{m.Backend}
	} else if _, ok := sandbox.FindBase(bases, m.Image); !ok && m.Image != "" {
		tries = tries[:1] // a container image
	}
	var errs []error
	for _, name := range tries {
		open := openDocker
		if name == "bwrap" {
			open = openBwrap
		}
		usable, err := m.basesOf(name, bases)
		if err != nil {
			return nil, nil, err
		}
		b, err := open(usable)
		if err == nil {
			err = m.probe(ctx, dir, b, usable)
		}
		if err == nil {
			m.Logger.Debug("sandbox", "backend", b.Name())
			return b, usable, nil
		}
		errs = append(errs, err)
	}
	return nil, nil, fault.Errorf(fault.Retryable, "no sandbox backend is usable: %w", errors.Join(errs...))
}

// basesOf adds the configured images to the base systems of a backend, before
// those with the same Python.
func (m *Machine) basesOf(backend string, bases []sandbox.Base) ([]sandbox.Base, error) {
	var made []sandbox.Base
	for _, python := range slices.Sorted(maps.Keys(m.Images)) {
		image := m.Images[python]
		b, found := sandbox.FindBase(bases, image)
		switch {
		case found && b.Python != python:
			return nil, fault.Errorf(fault.Invalid, "sandbox.images: %s has Python %s, not %s", image, b.Python, python)
		case found:
		case filepath.IsAbs(image) && backend == "bwrap":
			b = sandbox.Base{Release: image, Python: python, Docker: image, Rootfs: image}
		case !filepath.IsAbs(image) && backend == "docker":
			b = sandbox.Base{Release: image, Python: python, Docker: image}
		default:
			m.Logger.Warn("sandbox.images: the backend cannot use this image", "python", python, "image", image, "backend", backend)
			continue
		}
		made = append(made, b)
	}
	return append(made, bases...), nil
}

// A State is the machine's state directory, opened by one process:
//
//	store/  mirrors, trees and environments, shared by all processes
//	work/   a folder of each process
type State struct {
	Store   *store.Store
	Scratch *store.Scratch
	work    string
}

// State opens the state directory.
func (m *Machine) State() (*State, error) {
	dir, err := filepath.Abs(m.StateDir)
	if err != nil {
		return nil, err
	}
	s := &State{work: filepath.Join(dir, "work")}
	if s.Store, err = store.Open(filepath.Join(dir, "store"), m.storeOptions()); err != nil {
		return nil, err
	}
	s.Scratch, err = store.OpenScratch(s.work)
	return s, err
}

// ExistingState opens the state directory to inspect or prune it. It creates
// nothing, so the state has no Scratch and needs no Close.
func (m *Machine) ExistingState() (*State, error) {
	st, err := store.OpenExisting(filepath.Join(m.StateDir, "store"), m.storeOptions())
	if err != nil {
		return nil, fmt.Errorf("no store in the state directory %s: %w", m.StateDir, err)
	}
	return &State{Store: st, work: filepath.Join(m.StateDir, "work")}, nil
}

func (m *Machine) storeOptions() store.Options {
	return store.Options{MaxBytes: m.StoreBytes, Logger: m.Logger}
}

// Reap removes the directories of dead processes.
func (s *State) Reap() (int, error) { return store.Reap(s.work) }

// Close removes this process's own directory.
func (s *State) Close() error { return s.Scratch.Close() }

// Pipeline wires the stages on a backend.
func (s *State) Pipeline(b sandbox.Backend, bases []sandbox.Base, proposer repair.Proposer) *pipeline.Pipeline {
	lang := python.New(b, python.Host{Store: s.Store, Scratch: s.Scratch, Bases: bases})
	verifier := &verify.Verifier{Session: lang, Analyser: lang, Rules: lang, Prober: lang, Documenter: lang, Linter: lang} // one, since what it learns of a base serves the next verification
	return &pipeline.Pipeline{
		Language:   lang,
		Source:     &pipeline.Repos{Store: s.Store},
		Reproducer: &repro.Reproducer{Language: lang, Session: lang, Rules: lang},
		Verifier:   verifier,
		Quick:      verifier,
		Proposer:   proposer,
	}
}
