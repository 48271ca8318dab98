package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/repaird/repaird/internal/sandbox"
)

// probe probes the backend, unless the same backend, on the same base systems,
// of the same program since the same start of the machine, has passed within
// ProbeAge. The time of that is in probe-NAME.json of the state directory, where
// only the user who runs repaird can write.
func (m *Machine) probe(ctx context.Context, dir string, b sandbox.Backend, bases []sandbox.Base) error {
	type passed struct {
		Of string    `json:"of"`
		At time.Time `json:"at"`
	}
	name, of := filepath.Join(dir, "probe-"+b.Name()+".json"), m.probed(b, bases)
	var last passed
	if data, err := os.ReadFile(name); err == nil && json.Unmarshal(data, &last) == nil && last.Of == of {
		if age := time.Since(last.At); age >= 0 && age < m.ProbeAge {
			return nil
		}
	}
	if err := b.Probe(ctx); err != nil {
		_ = os.Remove(name)
		return err
	}
	// Where this cannot be kept, the next command probes too.
	if data, err := json.Marshal(passed{of, time.Now()}); err == nil {
		partial := fmt.Sprintf("%s.%d", name, os.Getpid())
		if os.WriteFile(partial, data, 0o600) == nil {
			_ = os.Rename(partial, name)
		}
	}
	return nil
}

// probed identifies what a probe has shown something about.
func (m *Machine) probed(b sandbox.Backend, bases []sandbox.Base) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %q %v\n", b.Name(), os.Geteuid(), m.Image, bases)
	for _, name := range []string{"/proc/sys/kernel/random/boot_id", "/proc/version", "/proc/self/cgroup"} {
		data, _ := os.ReadFile(name)
		fmt.Fprintf(h, "%s\n", data)
	}
	if program, err := os.Executable(); err == nil {
		if info, err := os.Stat(program); err == nil {
			fmt.Fprintf(h, "%s %d %s\n", program, info.Size(), info.ModTime())
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
