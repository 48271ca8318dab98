package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
)

var bases = []sandbox.Base{{Release: "bookworm", Python: "3.11", Docker: "repaird/base:x", Rootfs: "/x"}}

func TestADeadEngineIsAClearRetryableFault(t *testing.T) {
	t.Parallel()
	silent := filepath.Join(t.TempDir(), "silent.sock")
	l, err := net.Listen("unix", silent)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, socket := range map[string]string{"no socket": "/no/such.sock", "a socket where nobody answers": silent} {
		t.Run(name, func(t *testing.T) {
			b, err := New(Options{Bases: bases, Host: "unix://" + socket, InDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			b.patience = 100 * time.Millisecond
			_, runErr := b.Run(context.Background(), sandbox.Spec{Argv: []string{"true"}})
			_, reapErr := b.Reap(context.Background())
			for what, err := range map[string]error{"Run": runErr, "Probe": b.Probe(context.Background()), "Reap": reapErr} {
				if fault.KindOf(err) != fault.Retryable || !strings.Contains(err.Error(), socket) || !strings.Contains(err.Error(), "does not answer") {
					t.Errorf("%s: got %v", what, err)
				}
			}
		})
	}
}

// TestTheContainerIsConfigured reads back from the engine what its own defaults
// would weaken, H08 among it.
func TestTheContainerIsConfigured(t *testing.T) {
	t.Parallel()
	t.Log("uses-backend: docker")
	b := local(t)
	spec, err := sandbox.Spec{Run: "r1", Argv: []string{"secret-argument"}, Env: map[string]string{"SECRET": "secret-value"}}.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.create(context.Background(), spec, b.options.Bases[0].Docker, b.owner.Next(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.remove(context.Background(), id) }()
	info, err := b.api.ContainerInspect(context.Background(), id, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := info.Container.HostConfig
	if h.LogConfig.Type != "none" || !h.ReadonlyRootfs || h.Privileged || h.NetworkMode != "none" || !h.AutoRemove ||
		h.Memory != h.MemorySwap || h.PidsLimit == nil || len(h.CapAdd) != 0 || strings.Join(h.CapDrop, "") != "ALL" {
		t.Errorf("got %+v", h)
	}
	if len(h.MaskedPaths) == 0 || len(h.ReadonlyPaths) == 0 {
		t.Error("the engine's masked paths are gone")
	}
	if c := info.Container.Config; c.User != strconv.Itoa(sandbox.UID)+":"+strconv.Itoa(sandbox.UID) && c.User[0] == '0' || c.Labels[labelRun] != "r1" {
		t.Errorf("got user %s, labels %v", c.User, c.Labels)
	}
	text, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "secret-argument") || strings.Contains(string(text), "secret-value") {
		t.Error("the engine was told the command or its environment")
	}
}

func TestAnImageWithVolumesIsRefused(t *testing.T) {
	t.Parallel()
	t.Log("uses-backend: docker")
	b := local(t)
	ref := fmt.Sprintf("repaird/test:volumes-%d", os.Getpid())
	empty := bytes.NewReader(make([]byte, 1024)) // the end of a tar file
	out, err := b.api.ImageImport(context.Background(), client.ImageImportSource{Source: empty, SourceName: "-"}, ref, client.ImageImportOptions{Changes: []string{"VOLUME /data"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Fatal(err)
	}
	out.Close()
	defer func() {
		if _, err := b.api.ImageRemove(context.Background(), ref, client.ImageRemoveOptions{}); err != nil {
			t.Error(err)
		}
	}()
	_, err = b.Run(context.Background(), sandbox.Spec{Image: ref, Argv: []string{"true"}})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "volumes") {
		t.Errorf("got %v", err)
	}
}

// local returns a backend on this machine's engine. It repeats what sandboxtest
// does, which a test inside this package cannot import.
func local(t *testing.T) *Backend {
	t.Helper()
	missing := t.Skip
	if os.Getenv("CI") == "true" {
		missing = t.Fatal
	}
	found, err := sandbox.LoadBases(cmp.Or(os.Getenv("REPAIRD_STATE"), "/var/lib/repaird"))
	if err != nil {
		missing(err)
	}
	b, err := New(Options{Bases: found})
	if err == nil {
		err = b.Ready()
	}
	if err != nil {
		missing(err)
	}
	return b
}

func TestOrphaned(t *testing.T) {
	t.Parallel()
	self, err := sandbox.SelfOwner()
	if err != nil {
		t.Fatal(err)
	}
	dead, foreign := self, self
	dead.Start += "0"
	foreign.PidNS = "1"
	now := time.Unix(1_000_000, 0)
	for _, tt := range []struct {
		name, owner, until string
		want               bool
	}{
		{"the owner lives", self.String(), "1000060", false},
		{"the owner is dead", dead.String(), "1000060", true},
		{"the owner cannot be judged, and time remains", foreign.String(), "1000060", false},
		{"the owner cannot be judged, and its time is up", foreign.String(), "999999", true},
		{"the label is nonsense", "me", "1000060", true},
	} {
		if got := orphaned(map[string]string{labelOwner: tt.owner, labelUntil: tt.until}, now); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	pinned := "python:3.12-slim@sha256:" + strings.Repeat("0", 64)
	for _, tt := range []struct{ name, option, image, want string }{
		{"nothing named: the first base", "", "", "repaird/base:x"},
		{"nothing named: the configured image", pinned, "", pinned},
		{"a release is its base", pinned, "bookworm", "repaird/base:x"},
		{"anything else is taken literally", "", pinned, pinned},
	} {
		b := &Backend{options: Options{Bases: bases, Image: tt.option}}
		if got, err := b.image(tt.image); err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v", tt.name, got, err)
		}
	}
	if _, err := (&Backend{}).image(""); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no base and no image: got %v", err)
	}
}

func TestFilesFolderRefusesWhatOthersCanWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "in")
	if _, err := filesFolder(dir); err != nil {
		t.Fatal(err)
	}
	shared := t.TempDir()
	if err := os.Chmod(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := filesFolder(shared); fault.KindOf(err) != fault.Denied {
		t.Errorf("got %v", err)
	}
}
