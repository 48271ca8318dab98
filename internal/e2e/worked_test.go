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

	"github.com/repaird/repaird/internal/llm/llmtest"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/report"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// worked are the worked examples, each with its failing test, a line of the
// repair that is looked for, and for one the patch that its story gives.
var worked = []struct {
	name, dir, test, want string
	given                 []patch.Edit
}{
	{"phantom", "trace/phantom", "tests/test_cart.py::test_carts_are_independent", "+        self.items = []", nil},
	{"swallower", "trace/swallower", "tests/test_loader.py::test_an_invalid_config_raises", "+    except FileNotFoundError:", []patch.Edit{
		{Path: "settings/loader.py", Search: "    except Exception:", Replace: "    except FileNotFoundError:"},
	}},
	{"timestamps", "repair/timestamps", "tests/test_report.py::test_a_time_without_a_zone_is_accepted", "%Y-%m-%d %H:%M", nil},
}

func TestTheWorkedExamplesEndInTheirRepair(t *testing.T) {
	t.Parallel()
	for _, w := range worked {
		t.Run(w.name+" without a model", func(t *testing.T) {
			t.Parallel()
			out, text, exit := repairTest(t, filepath.Join("..", "..", "examples", w.dir), w.test, withoutModels())
			if exit != 0 || !strings.Contains(read(t, out, report.FilePatch), w.want) {
				t.Fatalf("exit %d, no patch with %q\n%s", exit, w.want, text)
			}
			tried := attemptsOf(t, out)
			if len(tried.Trials) == 0 || len(tried.Attempts) == 0 {
				t.Errorf("%d candidates tried, %d verified, want some of both", len(tried.Trials), len(tried.Attempts))
			}
		})
		if w.given == nil {
			continue
		}
		t.Run(w.name+" with a model that has the patch", func(t *testing.T) {
			t.Parallel()
			model := llmtest.Start(t, llmtest.Chat, llmtest.Each(llmtest.Turn{Calls: llmtest.Call("propose_patch", map[string]any{"why": "as the story says", "edits": w.given})}))
			env := append(withoutModels(), "OPENAI_API_KEY=key", "OPENAI_BASE_URL="+model.URL)
			out, text, exit := repairTest(t, filepath.Join("..", "..", "examples", w.dir), w.test, env)
			if exit != 0 || !strings.Contains(read(t, out, report.FilePatch), w.want) {
				t.Fatalf("exit %d, no patch with %q\n%s", exit, w.want, text)
			}
		})
	}
}

// Candidates that pass a test of the repository and differ near it end in one
// question, with what each answers there, and its answer decides.
func TestATieOfCandidatesIsOneQuestion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "tests"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "even.py"), []byte(`def even_steps(steps):
    total = 0
    for step in steps:
        if step < 0:
            return False
        total += step
    return True
`), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "tests", "test_even.py"), []byte(`from even import even_steps


def test_even():
    assert even_steps([1, 2]) is False
`), 0o644))
	out, text, exit := repairTest(t, dir, "tests/test_even.py::test_even", withoutModels())
	question := read(t, out, report.FileQuestion)
	for _, want := range []string{"Which is right?", "| `A` |", "| `B` |", "`even_steps([1, 0])`", "Patch of option B"} {
		if !strings.Contains(question, want) {
			t.Errorf("exit %d, the question lacks %q\n%s\n%s", exit, want, question, text)
		}
	}
	for _, trial := range attemptsOf(t, out).Trials {
		if trial.End == "" || !strings.HasPrefix(trial.Diff, "diff --git") {
			t.Errorf("a candidate that was tried has no end or no diff: %+v", trial)
		}
	}
	out, text, exit = repairTest(t, dir, "tests/test_even.py::test_even", withoutModels(), "--decide", "B")
	if exit != 0 || read(t, out, report.FilePatch) == "" {
		t.Errorf("exit %d after the answer\n%s", exit, text)
	}
}

// repairTest repairs a failing test; it returns the output folder, what was
// printed, and the exit code.
func repairTest(t *testing.T, repo, test string, env []string, more ...string) (out, text string, exit int) {
	t.Helper()
	sandboxtest.Backend(t, "bwrap")
	out = filepath.Join(t.TempDir(), "out")
	args := append([]string{"repair", "--repo", repo, "--test", test, "--out", out, "--repeats", "2", "--sandbox", "bwrap"}, more...)
	cmd := exec.CommandContext(t.Context(), program, args...)
	var printed bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &printed, &printed
	var ended *exec.ExitError
	if err := cmd.Run(); errors.As(err, &ended) {
		exit = ended.ExitCode()
	} else {
		must(t, err)
	}
	return out, printed.String(), exit
}

// read is a file of the output folder, "" if there is none.
func read(t *testing.T, out, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}

func attemptsOf(t *testing.T, out string) (tried report.Tried) {
	t.Helper()
	must(t, json.Unmarshal([]byte(read(t, out, report.FileAttempts)), &tried))
	return tried
}
