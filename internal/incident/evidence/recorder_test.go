package evidence_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
)

const recorder = "../../../sdk/python"

func runTests(t *testing.T, python string) {
	t.Helper()
	folder, err := filepath.Abs(recorder)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-m", "unittest", "discover", "-s", filepath.Join(folder, "tests"))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+folder, "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheRecordersOwnTestsPassOnEveryPython(t *testing.T) {
	t.Parallel()
	tracertest.EachPython(t, []string{"3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"}, func(t *testing.T, p tracertest.Interpreter) {
		runTests(t, p.Path)
	})
}

// With the SDKs that deploy/test-clients.sh installs: the current ones, and the
// distribution's, whose sentry-sdk is of the 1.x series.
func TestTheRecorderWorksWithRealSDKs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs Python, which -short does without")
	}
	for name, python := range map[string]string{
		"current":            filepath.Join(config.DefaultStateDir(), "test-clients/current/bin/python"),
		"the distribution's": "/usr/bin/python3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := exec.CommandContext(t.Context(), python, "-c", "import sentry_sdk").Run(); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("%s has no sentry_sdk (deploy/test-clients.sh): %v", python, err)
				}
				t.Skip("run deploy/test-clients.sh")
			}
			runTests(t, python)
		})
	}
}
