package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryCommandOfTheGuideDoesWhatItShows runs the console blocks of
// docs/trace.md. A block that begins with cd starts with a fresh copy of that
// project; lines of output must come in the order in which the guide shows
// them, where … stands for anything.
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
			cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+path, "PYTHONDONTWRITEBYTECODE=1", "PYTEST_ADDOPTS=-p no:cacheprovider", "COLUMNS=120")
			out, err := cmd.CombinedOutput()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatalf("%s: %v", command, err)
			}
			if line := missingLine(want, string(out)); line != "" {
				t.Errorf("block %d: $ %s\nthe output lacks the line %q, or has it before another\n%s", i+1, command, line, out)
			}
		}
	}
	if commands < 25 {
		t.Errorf("the guide has only %d commands", commands)
	}
}

// missingLine returns the first expected line that does not come in its turn.
func missingLine(want, got string) string {
	lines := strings.Split(got, "\n")
	for _, w := range strings.Split(strings.TrimSpace(want), "\n") {
		if strings.TrimSpace(w) == "…" || strings.TrimSpace(w) == "" {
			continue
		}
		begin, open := strings.CutSuffix(w, "…")
		for {
			if len(lines) == 0 {
				return w
			}
			line := strings.TrimRight(lines[0], " \r")
			lines = lines[1:]
			if line == w || open && strings.HasPrefix(line, strings.TrimRight(begin, " ")) {
				break
			}
		}
	}
	return ""
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
