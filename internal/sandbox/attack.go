package sandbox

import (
	"bytes"
	"context"
	_ "embed" // attack.py
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// AttackSource is a Python program that attacks the sandbox it runs in.
//
//go:embed attack.py
var AttackSource string

// An AttackReport is the outcome of one case of AttackSource.
type AttackReport struct {
	Case      string `json:"case"` // such as h21_core_pattern
	Contained bool   `json:"contained"`
	Detail    string `json:"detail"`
}

// attackLimits are small, so that the attacks hit them quickly.
var attackLimits = Limits{
	Wall: 30 * time.Second, Memory: 192 << 20, Processes: 40, CPUs: 1,
	FileSize: 1 << 20, Scratch: 6 << 20, Inodes: 300, Output: 256 << 10, Artifacts: 1 << 20,
}

// AttackSpec returns a spec that runs all cases of AttackSource, or those named.
func AttackSpec(cases ...string) Spec {
	l := attackLimits
	limits := fmt.Sprintf(`{"processes":%d,"scratch":%d,"inodes":%d,"fsize":%d}`, l.Processes, l.Scratch, l.Inodes, l.FileSize)
	return Spec{
		Run: "probe", Argv: append([]string{"python3", "-I", "/in/attack.py", limits}, cases...),
		Files: map[string][]byte{"attack.py": []byte(AttackSource)}, Limits: l,
	}
}

// ParseAttack parses the output of AttackSource.
func ParseAttack(stdout []byte) ([]AttackReport, error) {
	var reports []AttackReport
	for line := range bytes.Lines(stdout) {
		var r AttackReport
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fault.Errorf(fault.Internal, "attack report %q: %w", escape(string(line)), err)
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// Attack implements Probe for every backend: it really attacks sandboxes, in a
// few runs, and returns an error that lists the attacks that succeeded.
func Attack(ctx context.Context, b Backend) error {
	var escaped []string
	result, err := b.Run(ctx, AttackSpec())
	if err != nil {
		return err
	}
	reports, err := ParseAttack(result.Stdout)
	if err != nil {
		return err
	}
	if result.Cause != Exited || result.Exit != 0 || len(reports) < 20 {
		return fault.Errorf(fault.Internal, "the attacks did not complete (%s, exit %d, %d reports): %s",
			result.Cause, result.Exit, len(reports), escape(string(result.Stderr)))
	}
	for _, r := range reports {
		if !r.Contained {
			escaped = append(escaped, r.Case+": "+escape(r.Detail))
		}
	}
	for _, c := range endings {
		spec := Spec{Run: "probe", Argv: []string{"python3", "-I", "-c", c.program}, Limits: attackLimits}
		spec.Limits.Wall = c.wall
		result, err := b.Run(ctx, spec)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if result.Cause != c.want {
			escaped = append(escaped, fmt.Sprintf("%s: ended with %s (exit %d), want %s: %s", c.name, result.Cause, result.Exit, c.want, escape(string(result.Stderr))))
		}
		if len(result.Artifacts) > 0 {
			escaped = append(escaped, c.name+": an artifact followed a link")
		}
	}
	if len(escaped) > 0 {
		return fault.Errorf(fault.Denied, "the sandbox is weaker than declared: %s", strings.Join(escaped, "; "))
	}
	return nil
}

// endings are attacks that end the run.
var endings = []struct {
	name, program string
	wall          time.Duration
	want          Cause
}{
	{"h02_memory", "b = []\nwhile True: b.append(bytearray(b'x' * (8 << 20)))", 20 * time.Second, OutOfMemory},
	{"h10_time", `
import os, signal
os.symlink("/etc/passwd", "/out/link")
os.link("/out/link", "/out/second")
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
if os.fork() == 0: os.setsid()
while True: pass
`, 500 * time.Millisecond, Timeout},
	{"h07_output", "import os\nwhile True: os.write(1, b'x' * 65536)", 20 * time.Second, OutputLimit},
}
