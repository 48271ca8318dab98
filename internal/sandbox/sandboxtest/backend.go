// Package sandboxtest is the suite that every sandbox backend must pass. It also
// provides ready backends for the tests of other packages.
//
//	func TestBackend(t *testing.T) { sandboxtest.Run(t, "docker") }
//
//	for _, name := range sandboxtest.Backends() {
//		t.Run(name, func(t *testing.T) {
//			b := sandboxtest.Backend(t, name)
//
// A test whose backend is missing is skipped, or fails if the environment variable
// CI is true.
package sandboxtest

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/bwrap"
	"github.com/repaird/repaird/internal/sandbox/docker"
)

// Backends returns the names of the backends.
func Backends() []string { return []string{"docker", "bwrap"} }

// Each runs f with every backend, in a subtest with the backend's name.
func Each(t *testing.T, f func(t *testing.T, b sandbox.Backend)) {
	t.Helper()
	for _, name := range Backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, Backend(t, name))
		})
	}
}

// Backend returns a ready backend, or skips or fails the test: see the package
// comment. It logs the line that testreport counts.
func Backend(t testing.TB, name string) sandbox.Backend {
	t.Helper()
	t.Logf("uses-backend: %s", name)
	b, err := open(name, Bases(t))
	if err != nil {
		missing(t, "backend %s: %v", name, err)
	}
	return b
}

// Any returns the first backend that is usable on this machine.
func Any(t testing.TB) sandbox.Backend {
	t.Helper()
	bases := Bases(t)
	for _, name := range Backends() {
		if b, err := open(name, bases); err == nil {
			t.Logf("uses-backend: %s", name)
			return b
		}
	}
	missing(t, "no sandbox backend is usable; run deploy/setup.sh")
	return nil
}

// Bases returns the base systems built by deploy/setup.sh. With -short the test is
// skipped here, as every test that needs a sandbox is.
func Bases(t testing.TB) []sandbox.Base {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a sandbox, which -short does without")
	}
	bases, err := sandbox.LoadBases(StateDir())
	if err != nil {
		missing(t, "%v", err)
	}
	return bases
}

// StateDir returns the state directory that deploy/setup.sh uses.
func StateDir() string {
	if dir := os.Getenv("REPAIRD_STATE"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/lib/repaird"
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".local/share/repaird")
}

func open(name string, bases []sandbox.Base) (sandbox.Backend, error) {
	log := slog.New(slog.DiscardHandler)
	if name == "docker" {
		b, err := docker.New(docker.Options{Bases: bases, Logger: log})
		if err != nil {
			return nil, err
		}
		return b, b.Ready()
	}
	return bwrap.New(bwrap.Options{Bases: bases, Logger: log})
}

func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
