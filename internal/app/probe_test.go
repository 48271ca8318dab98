package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/sandbox"
)

// probing is a backend that counts its probes.
type probing struct {
	sandbox.Backend
	name   string
	probes int
	err    error
}

func (p *probing) Name() string { return p.name }

func (p *probing) Probe(context.Context) error { p.probes++; return p.err }

func TestAProbeThatPassedIsNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	one, two := []sandbox.Base{{Release: "a"}}, []sandbox.Base{{Release: "b"}}
	dir := t.TempDir()
	b := &probing{name: "bwrap"}
	for _, c := range []struct {
		name  string
		age   time.Duration
		bases []sandbox.Base
		want  int // probes so far
	}{
		{"the first", time.Hour, one, 1},
		{"the second finds it", time.Hour, one, 1},
		{"on another base system", time.Hour, two, 2},
		{"on that one again", time.Hour, two, 2},
		{"too long ago", time.Nanosecond, two, 3},
		{"always", 0, two, 4},
	} {
		m := Machine{ProbeAge: c.age}
		if err := m.probe(t.Context(), dir, b, c.bases); err != nil || b.probes != c.want {
			t.Errorf("%s: %d probes, want %d; %v", c.name, b.probes, c.want, err)
		}
	}
	m := Machine{ProbeAge: time.Hour}
	other := &probing{name: "docker", err: errors.New("leaks")}
	for range 2 {
		if err := m.probe(t.Context(), dir, other, two); err == nil {
			t.Error("a failed probe passes")
		}
	}
	if other.probes != 2 {
		t.Errorf("a failed probe was kept: %d probes", other.probes)
	}
}

func TestConfiguredImagesStandBeforeTheBaseSystems(t *testing.T) {
	t.Parallel()
	bases := []sandbox.Base{{Release: "bookworm", Python: "3.11", Docker: "repaird/base:bookworm", Rootfs: "/b"}, {Release: "trixie", Python: "3.13", Docker: "repaird/base:trixie", Rootfs: "/t"}}
	for _, c := range []struct {
		name, backend string
		images        map[string]string
		want          []string // releases
	}{
		{"none", "docker", nil, []string{"bookworm", "trixie"}},
		{"a container image", "docker", map[string]string{"3.8": "python:3.8-slim"}, []string{"python:3.8-slim", "bookworm", "trixie"}},
		{"a container image, which bwrap cannot use", "bwrap", map[string]string{"3.8": "python:3.8-slim"}, []string{"bookworm", "trixie"}},
		{"a directory", "bwrap", map[string]string{"3.8": "/srv/py38"}, []string{"/srv/py38", "bookworm", "trixie"}},
		{"a base system by its release", "bwrap", map[string]string{"3.13": "trixie"}, []string{"trixie", "bookworm", "trixie"}},
		{"a base system of another Python", "bwrap", map[string]string{"3.8": "trixie"}, nil},
	} {
		m := Machine{Images: c.images, Logger: slog.New(slog.DiscardHandler)}
		got, err := m.basesOf(c.backend, bases)
		if (err != nil) != (c.want == nil) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var releases []string
		for _, b := range got {
			releases = append(releases, b.Release)
		}
		if diff := cmp.Diff(c.want, releases); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
