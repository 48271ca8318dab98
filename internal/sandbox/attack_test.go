package sandbox

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
)

// TestAttacksSucceedWithoutASandbox shows that the attacks can tell: on the host
// itself, those that are harmless there succeed.
func TestAttacksSucceedWithoutASandbox(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Python, which -short does without")
	}
	t.Parallel()
	cases := []string{"h16_network", "h19_host_processes", "h20_daemon_environment", "h24_namespaces", "h28_setuid"}
	if os.Geteuid() == 0 {
		cases = append(cases, "h05_fill_dev")
	}
	name := filepath.Join(t.TempDir(), "attack.py")
	if err := os.WriteFile(name, []byte(AttackSource), 0o644); err != nil {
		t.Fatal(err)
	}
	spec := AttackSpec(cases...)
	cmd := exec.Command("python3", append([]string{"-I", name}, spec.Argv[3:]...)...)
	cmd.Env = append(os.Environ(), "A_SECRET=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	reports, err := ParseAttack(out)
	if err != nil || len(reports) != len(cases) {
		t.Fatalf("got %d reports, %v", len(reports), err)
	}
	for _, r := range reports {
		if r.Contained {
			t.Errorf("%s: nothing contains it, yet it says so: %s", r.Case, r.Detail)
		}
	}
}

// A fake answers every run alike.
type fake struct {
	Backend
	result func(Spec) *Result
}

func (f fake) Run(_ context.Context, s Spec) (*Result, error) { return f.result(s), nil }

func TestAttackRefusesAWeakSandbox(t *testing.T) {
	t.Parallel()
	all := strings.Repeat(`{"case":"h00","contained":true,"detail":"x"}`+"\n", 27)
	good := func(s Spec) *Result {
		r := &Result{Cause: Exited, Stdout: []byte(all)}
		for _, c := range endings {
			if s.Argv[len(s.Argv)-1] == c.program {
				return &Result{Cause: c.want, Exit: -1}
			}
		}
		return r
	}
	if err := Attack(context.Background(), fake{result: good}); err != nil {
		t.Fatalf("a good sandbox: %v", err)
	}
	for _, tt := range []struct {
		name   string
		change func(*Result)
		want   string
	}{
		{"an attack that succeeded is named", func(r *Result) {
			if r.Cause == Exited {
				r.Stdout = append(r.Stdout, `{"case":"h21_core_pattern","contained":false,"detail":"writing\u001b"}`...)
			}
		}, `h21_core_pattern: writing\x1b`},
		{"attacks that did not run count as failed", func(r *Result) {
			if r.Cause == Exited {
				r.Stdout = nil
			}
		}, "did not complete"},
		{"a memory bomb that exits is named", func(r *Result) {
			if r.Cause == OutOfMemory {
				r.Cause = Exited
			}
		}, "h02_memory: ended with exited"},
		{"a followed link is named", func(r *Result) {
			if r.Cause == Timeout {
				r.Artifacts = map[string][]byte{"link": nil}
			}
		}, "followed a link"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := Attack(context.Background(), fake{result: func(s Spec) *Result { r := good(s); tt.change(r); return r }})
			if err == nil || !strings.Contains(err.Error(), tt.want) || fault.KindOf(err) == fault.Retryable {
				t.Errorf("got %v", err)
			}
		})
	}
}
