package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/verify"
)

func TestAFolderHoldsEverythingThatARunCameTo(t *testing.T) {
	t.Parallel()
	full, stopped := sample(t), sample(t)
	stopped.Repair, stopped.Verdict, stopped.Divergence, stopped.Diagnosis = nil, nil, nil, ""
	rejected := sample(t)
	v := *rejected.Verdict
	v.Decision = verify.Rejected
	rejected.Verdict = &v
	asked := sample(t)
	w := *asked.Verdict
	w.Decision, w.Question = verify.Asked, &verify.Question{Kind: verify.AskAnswer, Text: "What should top answer?", Options: []verify.Option{{Key: "A", Answer: "returns 1"}}}
	asked.Verdict = &w
	for _, c := range []struct {
		name    string
		in      Input
		stop    *fault.Stop
		pr      *forge.PullRequest
		outcome string
		files   []string
	}{
		{"verified", full, nil, &forge.PullRequest{Number: 7, URL: "http://forge/7"}, "verified", []string{"attempts.json", "bundle.json", "bundle.yaml", "card.md", "divergence.md", "green.jsonl", "patch.diff", "pull_request.md", "red.jsonl", "report.json", "test_repaird_5d1c0a.py", "verdict.json"}},
		{"no patch", stopped, &fault.Stop{Type: fault.NoPatch, Detail: "60 candidates"}, nil, "stopped", []string{"bundle.json", "bundle.yaml", "red.jsonl", "report.json", "test_repaird_5d1c0a.py"}},
		{"rejected", rejected, &fault.Stop{Type: fault.Rejected}, nil, "stopped", []string{"attempts.json", "bundle.json", "bundle.yaml", "card.md", "divergence.md", "green.jsonl", "patch.diff", "red.jsonl", "report.json", "test_repaird_5d1c0a.py", "verdict.json"}},
		{"asked", asked, &fault.Stop{Type: fault.Undecided}, nil, "stopped", []string{"attempts.json", "bundle.json", "bundle.yaml", "card.md", "divergence.md", "green.jsonl", "patch.diff", "question.md", "red.jsonl", "report.json", "test_repaird_5d1c0a.py", "verdict.json"}},
		{"no source", Input{Run: "r", Redactor: redactor}, &fault.Stop{Type: fault.NoSource}, nil, "stopped", []string{"report.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "out", "nested")
			s, err := WriteFolder(dir, c.in, c.stop, c.pr)
			if err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, e := range entries {
				names = append(names, e.Name())
				if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: mode %v, %v", e.Name(), info.Mode(), err)
				}
			}
			if d := cmp.Diff(c.files, names); d != "" {
				t.Errorf("files (-want +got):\n%s", d)
			}
			var read Summary
			data, err := os.ReadFile(filepath.Join(dir, FileReport))
			if err != nil || json.Unmarshal(data, &read) != nil {
				t.Fatalf("report.json: %v", err)
			}
			if read.Outcome != c.outcome || read.Run != c.in.Run || (read.PullRequest == nil) != (c.pr == nil) {
				t.Errorf("report %+v", read)
			}
			slices.Sort(s.Files)
			if d := cmp.Diff(slices.DeleteFunc(names, func(n string) bool { return n == FileReport }), s.Files); len(s.Files) > 0 && d != "" {
				t.Errorf("files listed (-want +got):\n%s", d)
			}
		})
	}
}

func TestAFolderCanBeReadBack(t *testing.T) {
	t.Parallel()
	dir, in := t.TempDir(), sample(t)
	if _, err := WriteFolder(dir, in, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{FileBundle, FileBundleYAML} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := bundle.Open(data); err != nil || b.ID != in.Bundle.ID {
			t.Errorf("%s: %v, want bundle %s", name, err, in.Bundle.ID)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, FilePullRequest))
	if err != nil || !strings.HasPrefix(string(page), "# Fix IndexError in pick") {
		t.Errorf("page %.80q, %v", page, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, FileReport))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.golden.json", string(data))
}

func TestAFolderIsNotLeft(t *testing.T) {
	t.Parallel()
	in := sample(t)
	for path, want := range map[string]string{
		"../../etc/test_x.py": "test_x.py", "tests/../..": "test", "bundle.json": "test_bundle.json", "a/Report.JSON": "test_Report.JSON",
		"a/test_b.py": "test_b.py", "": "test", ".profile": "test_.profile", "..": "test",
	} {
		if got := testFile(path); got != want {
			t.Errorf("test file of %q is %q, want %q", path, got, want)
		}
	}
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	if err := os.Symlink(outside, filepath.Join(dir, FilePatch)); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteFolder(dir, in, nil, nil); err == nil {
		t.Error("a link out of the folder was followed")
	}
	if _, err := os.Lstat(outside); !os.IsNotExist(err) {
		t.Errorf("the file outside: %v", err)
	}
}

func TestDiffSizeCountsLinesInsideHunksOnly(t *testing.T) {
	t.Parallel()
	if f, a, r := diffSize(sampleDiff); f != 1 || a != 1 || r != 2 {
		t.Errorf("%d files, %d added, %d removed, want 1, 1, 2", f, a, r)
	}
	if f, a, r := diffSize("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"); f != 1 || a != 1 || r != 1 {
		t.Errorf("%d files, %d added, %d removed, want 1, 1, 1", f, a, r)
	}
}

func TestShellWordsStayOneWord(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"tests/test_a.py": "tests/test_a.py", "a b": "'a b'", "a'; rm -rf ~ #": `'a'\''; rm -rf ~ #'`, "-rf": "'-rf'", "": "''"} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestAFolderHasTheTestAsItIsPublished(t *testing.T) {
	t.Parallel()
	in := sample(t)
	in.Assertion.Test = "def test_top():\n    assert top([3, 1, 2], 3) == 1\n"
	dir := t.TempDir()
	if _, err := WriteFolder(dir, in, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "test_repaird_5d1c0a.py")); err != nil || string(got) != in.Assertion.Test {
		t.Errorf("got %q, %v", got, err)
	}
}
