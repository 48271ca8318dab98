package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestEveryCommandOfTheGuideDoesWhatItShows runs the console blocks of
// docs/trace.md. A block that begins with cd starts with a fresh copy of that
// project; lines of output must come in the order in which the guide shows
// them, where … stands for anything. A command that is shown without output
// must print nothing, one with output must show at least one line of it, and
// its exit code must be 0 unless what is shown tells of a failure.
func TestEveryCommandOfTheGuideDoesWhatItShows(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/trace.md")
	if err != nil {
		t.Fatal(err)
	}
	path := guidePath(t)
	dir, commands := "", 0
	for i, block := range strings.Split(string(guide), "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for _, step := range strings.Split("\n"+block, "\n$ ")[1:] {
			command, want, _ := strings.Cut(step, "\n")
			if project, ok := strings.CutPrefix(command, "cd "); ok {
				dir = filepath.Join(t.TempDir(), filepath.Base(project))
				if err := os.CopyFS(dir, os.DirFS(filepath.Join("../..", project))); err != nil {
					t.Fatal(err)
				}
				continue
			}
			commands++
			env := append(os.Environ(), "PATH="+path, "PYTHONDONTWRITEBYTECODE=1", "PYTEST_ADDOPTS=-p no:cacheprovider", "COLUMNS=120")
			for _, problem := range runStep(t, dir, env, command, want) {
				t.Errorf("block %d: $ %s\n%s", i+1, command, problem)
			}
		}
	}
	if commands < 25 {
		t.Errorf("the guide has only %d commands", commands)
	}
}

// runStep runs a command of the guide and says what is not as the guide shows
// it. Of a pipe the exit codes of the first and the last command count.
func runStep(t *testing.T, dir string, env []string, command, want string) (problems []string) {
	statuses := filepath.Join(t.TempDir(), "statuses")
	cmd := exec.CommandContext(t.Context(), "bash", "-c", command+"\necho \"${PIPESTATUS[@]}\" >'"+statuses+"'")
	cmd.Dir, cmd.Env = dir, env
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return []string{err.Error()}
	}
	codes, err := os.ReadFile(statuses)
	if err != nil {
		return []string{err.Error()}
	}
	out := stdout.String() + stderr.String()
	list := strings.Fields(string(codes))
	if first, last := list[0], list[len(list)-1]; first != exitShown(want) || len(list) > 1 && last != "0" {
		problems = append(problems, fmt.Sprintf("exit codes %v, but what is shown tells of %s\n%s", list, exitShown(want), out))
	}
	if line := missingLine(want, stdout.String(), stderr.String()); line != "" {
		problems = append(problems, fmt.Sprintf("the output lacks the line %q, or has it before another\n%s", line, out))
	}
	switch shown := strings.TrimSpace(want); {
	case shown == "" && len(out) > 0:
		problems = append(problems, fmt.Sprintf("the guide shows no output, but there is some\n%s", out))
	case shown != "" && strings.Trim(shown, "… \n") == "":
		problems = append(problems, "the guide shows no line of the output")
	}
	for _, m := range outFiles.FindAllStringSubmatch(command, -1) {
		if err := checkFile(filepath.Join(dir, m[1])); err != nil {
			problems = append(problems, fmt.Sprintf("%v\n%s", err, out))
		}
	}
	return problems
}

var (
	outFiles   = regexp.MustCompile(`--(?:json-)?out (\S+)`)
	exitLine   = regexp.MustCompile(`(?m)^repaird trace: exit code (\d+) `)
	failedLine = regexp.MustCompile(`(?m)^(?:E  |\d+ failed|Exception: |KeyError: |repaird: )`)
)

// exitShown is the exit code that the shown output reports.
func exitShown(want string) string {
	if m := exitLine.FindStringSubmatch(want); m != nil {
		return m[1]
	}
	if failedLine.MatchString(want) {
		return "1"
	}
	return "0"
}

// checkFile says what is wrong with a file that a command of the guide wrote.
func checkFile(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if strings.HasSuffix(name, ".zst") {
		r, err := zstd.NewReader(bytes.NewReader(data))
		if err != nil {
			return err
		}
		defer r.Close()
		if data, err = io.ReadAll(r); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		name = strings.TrimSuffix(name, ".zst")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("%s is empty", name)
	}
	documents := [][]byte{data}
	switch filepath.Ext(name) {
	case ".jsonl":
		documents = bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	case ".json":
	case ".html":
		if !bytes.Contains(data, []byte("</html>")) {
			return fmt.Errorf("%s is not a complete page", name)
		}
		return nil
	default:
		return nil
	}
	for i, d := range documents {
		if !json.Valid(d) {
			return fmt.Errorf("%s: document %d is not JSON: %.80s", name, i+1, d)
		}
	}
	return nil
}

// missingLine returns the first expected line that does not come in its turn in
// either stream: which of two streams comes first is chance.
func missingLine(want string, streams ...string) string {
	left := make([][]string, len(streams))
	for i, s := range streams {
		left[i] = strings.Split(s, "\n")
	}
	for _, w := range strings.Split(strings.TrimSpace(want), "\n") {
		if strings.TrimSpace(w) == "…" || strings.TrimSpace(w) == "" {
			continue
		}
		pattern, found := linePattern(w), false
		for i, lines := range left {
			n := slices.IndexFunc(lines, func(line string) bool { return pattern.MatchString(strings.TrimRight(line, " \r")) })
			if n >= 0 {
				left[i], found = lines[n+1:], true
				break
			}
		}
		if !found {
			return w
		}
	}
	return ""
}

// linePattern matches a line of the guide, in which … stands for anything.
func linePattern(line string) *regexp.Regexp {
	parts := strings.Split(line, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	if n := len(parts) - 1; n > 0 && parts[n] == "" {
		parts[n-1] = strings.TrimRight(parts[n-1], " ") // so was the output
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
}

func TestTheGuidesChecksFindWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, command, want, problem string }{
		{"what is shown", "echo one two; echo 3 >a.json; : --out a.json", "one…\n", ""},
		{"a failure that is shown", "echo 'repaird: no'; false", "repaird: no\n", ""},
		{"a failure that is not shown", "echo one; false", "one\n", "exit codes"},
		{"a failure at the head of a pipe", "false | echo one", "one\n", "exit codes"},
		{"a failure that did not come", "echo 'repaird trace: exit code 3 in 1 s'", "repaird trace: exit code 3 in …\n", "exit codes"},
		{"lines of both streams", "echo one >&2; echo two; echo three >&2", "two\none\nthree\n", ""},
		{"lines in another order", "echo one; echo two", "two\none\n", "lacks the line"},
		{"a line that differs", "echo one three", "one…two\n", "lacks the line"},
		{"output that is not shown", "echo one", "", "the guide shows no output"},
		{"output of which nothing is shown", "echo one", "…\n", "shows no line"},
		{"a file that is not there", ": --out none.json", "", "none.json"},
		{"an empty file", ": >b.py; : --out b.py", "", "is empty"},
		{"a file that is not JSON", "echo '{' >c.json; : --json-out c.json", "", "is not JSON"},
		{"a line that is not JSON", "printf '{}\\n{\\n' >d.jsonl; : --out d.jsonl", "", "is not JSON"},
		{"half a page", "echo '<html>' >e.html; : --out e.html", "", "not a complete page"},
		{"a trace that is not compressed", "echo '{}' >f.jsonl.zst; : --out f.jsonl.zst", "", "f.jsonl.zst"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(runStep(t, t.TempDir(), os.Environ(), c.command, c.want), "\n")
			if (got == "") != (c.problem == "") || !strings.Contains(got, c.problem) {
				t.Errorf("got %q, want %q", got, c.problem)
			}
		})
	}
}

// guidePath is a PATH with repaird and a python3 that has pytest.
func guidePath(t *testing.T) string {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	python := ""
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import pytest").Run() == nil {
			python, err = exec.LookPath(name)
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no python3 with pytest")
		}
		t.Skip("no python3 with pytest: the guide's commands need one")
	}
	dir := t.TempDir()
	for name, target := range map[string]string{"repaird": bin, "python3": python} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir + ":" + os.Getenv("PATH")
}
