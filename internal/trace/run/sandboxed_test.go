package run

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/repaird/repaird/internal/sandbox"
)

// A patient sandbox runs until its context ends.
type patient struct {
	sandbox.Backend
	began chan struct{}
}

func (p patient) Run(ctx context.Context, _ sandbox.Spec) (*sandbox.Result, error) {
	close(p.began)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestASignalEndsASandbox(t *testing.T) {
	t.Parallel()
	for s, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			signals, b := make(chan os.Signal, 1), patient{began: make(chan struct{})}
			go func() {
				<-b.began
				signals <- s
			}()
			result, err := Run(context.Background(), Options{Command: []string{"python3", "-c", "0"}, Dir: t.TempDir(), Sandbox: b, Signals: signals})
			if err != nil || result.Exit != want || result.Signal != s.String() {
				t.Errorf("exit %d, signal %q, %v", result.Exit, result.Signal, err)
			}
		})
	}
}
