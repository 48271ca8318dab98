package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/app/samples"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/postgres/pgtest"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// The commands of README.md, as a reader types them.

func TestTheDemoRepairsWhatItCanAndAsksWhatItCannotKnow(t *testing.T) {
	t.Parallel()
	sandboxtest.Backend(t, "docker")
	pgtest.URL(t) // a server is installed
	cmd := exec.CommandContext(t.Context(), program, "demo", "--listen", freeAddress(t), "--serve=false")
	cmd.Env = withoutModels()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := string(out)
	if n := strings.Count(text, "verified: draft pull request"); n < 3 {
		t.Errorf("%d incidents end in a verified pull request, want three\n%s", n, text)
	}
	for _, want := range []string{"proposer: templates (no model", "stopped: needs_locals", "what would help:", "evidence: http://",
		"QUESTION: What should handle(", "price = DEPOSIT", "To answer: repaird run --config ", "answering with option A"} {
		if !strings.Contains(text, want) {
			t.Errorf("the demo does not say %q\n%s", want, text)
		}
	}
}

func withoutModels() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "ANTHROPIC_") && !strings.HasPrefix(e, "OPENAI_") {
			env = append(env, e)
		}
	}
	return env
}

func TestRepairingOneEventNeedsNoServer(t *testing.T) {
	t.Parallel()
	all, err := samples.All()
	must(t, err)
	for _, s := range all {
		for name, c := range map[string]struct {
			backend string
			exit    int
			files   []string
		}{
			"tariff": {"bwrap", 0, []string{"report.json", "bundle.json", "bundle.yaml", "red.jsonl", "green.jsonl", "card.md", "divergence.md", "patch.diff", "verdict.json", "pull_request.md"}},
			"meter":  {"docker", 3, []string{"report.json", "bundle.json"}},
			"till":   {"bwrap", 4, []string{"report.json", "bundle.json", "verdict.json", "question.md"}},
		} {
			if s.Name != name {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				sandboxtest.Backend(t, c.backend)
				repo, out := makeRepository(t, s.Files), filepath.Join(t.TempDir(), "out")
				cmd := exec.CommandContext(t.Context(), program, "repair", "--repo", repo, "--event", "-", "--out", out, "--json", "--repeats", "2", "--sandbox", c.backend)
				cmd.Env, cmd.Stdin = withoutModels(), bytes.NewReader(s.Envelope)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				stdout, err := cmd.Output()
				exit := 0
				var ended *exec.ExitError
				if errors.As(err, &ended) {
					exit = ended.ExitCode()
				}
				if exit != c.exit {
					t.Fatalf("exit %d, want %d\n%s%s", exit, c.exit, stdout, stderr.Bytes())
				}
				var printed struct {
					Accepted bool
					Diff     string
					Stop     *struct{ Type string }
				}
				if err := json.Unmarshal(stdout, &printed); err != nil {
					t.Fatalf("standard output is not one JSON value: %v\n%s", err, stdout)
				}
				if printed.Accepted != (c.exit == 0) || (printed.Stop == nil) != (c.exit == 0) {
					t.Errorf("got %s", stdout)
				}
				for _, f := range c.files {
					if st, err := os.Stat(filepath.Join(out, f)); err != nil || st.Size() == 0 {
						t.Errorf("--out lacks %s: %v", f, err)
					}
				}
				if c.exit != 0 {
					return
				}
				// The sealed bundle is an event too, and repairs to the same end.
				again := exec.CommandContext(t.Context(), program, "repair", "--repo", repo, "--event", filepath.Join(out, "bundle.yaml"), "--json", "--repeats", "1", "--sandbox", c.backend)
				again.Env = withoutModels()
				stdout, err = again.Output()
				if err != nil || !bytes.Contains(stdout, []byte(`"accepted": true`)) {
					t.Errorf("from the bundle: %v\n%s", err, stdout)
				}
			})
		}
	}
}

func TestTheStateFolderMayBeRelative(t *testing.T) {
	t.Parallel()
	sandboxtest.Backend(t, "bwrap")
	all, err := samples.All()
	must(t, err)
	for _, s := range all {
		if s.Name != "tariff" {
			continue
		}
		dir := t.TempDir()
		bases, err := os.ReadFile(filepath.Join(config.DefaultStateDir(), "bases.json"))
		must(t, err)
		must(t, os.Mkdir(filepath.Join(dir, "state"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "state", "bases.json"), bases, 0o600))
		cmd := exec.CommandContext(t.Context(), program, "repair", "--repo", makeRepository(t, s.Files), "--event", "-", "--json", "--repeats", "1", "--sandbox", "bwrap", "--state", "state")
		cmd.Env, cmd.Stdin, cmd.Dir = withoutModels(), bytes.NewReader(s.Envelope), dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "state", "work", "*")); len(left) != 0 || err != nil {
			t.Errorf("the process left %v, %v", left, err)
		}
	}
}
