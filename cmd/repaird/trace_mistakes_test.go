package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMistakesAreToldBeforeTheCommandRuns(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"app.py": "open('ran', 'w').close()\n"})
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"a trace in a directory that is not there", []string{"--out", "no/such/red.jsonl"}, 1, "--out: no/such/red.jsonl cannot be written"},
		{"a trace in place of a directory", []string{"--out", "."}, 1, "is a directory"},
		{"a trace on standard output", []string{"--out", "-"}, 2, "give a file"},
		{"snapshots in a directory that is not there", []string{"--breakpoint", "app.py:1", "--json-out", "no/such.json", "--print-result"}, 1, "--json-out: no/such.json cannot be written"},
		{"snapshots on standard output", []string{"--breakpoint", "app.py:1", "--json-out", "-"}, 2, "give a file"},
		{"a scope that is not there", []string{"--include", "no/such"}, 2, "--include no/such: no such file or directory"},
		{"fewer events than none", []string{"--max-events", "-1"}, 2, "--max-events -1"},
		{"control characters in a file's name", []string{"--out", "no\x1b[31m\u202e/x"}, 1, "no·[31m·/x"},
		{"control characters in a flag", []string{"--x\x1b[31m"}, 2, "x·[31m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := p.trace(t, append(c.args, "app.py")...)
			if got.code != c.code || !strings.Contains(got.stderr, c.want) || got.stdout != "" {
				t.Errorf("exit code %d, standard output %q, standard error %q", got.code, got.stdout, got.stderr)
			}
			if _, err := os.Stat(filepath.Join(p.dir, "ran")); err == nil {
				t.Error("the command ran")
			}
		})
	}
}

func TestErrorsOfViewsHoldNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, nil)
	got := p.trace(t, "tree", "x\x1b[31m\u202e.py")
	if got.code != 1 || !strings.Contains(got.stderr, "x·[31m·.py") || strings.ContainsAny(got.stderr, "\x1b\u202e") {
		t.Errorf("exit code %d, standard error %q", got.code, got.stderr)
	}
}

func TestFlagsWithoutEffectAreTold(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"app.py": "pass\n"})
	got := p.trace(t, "--watch", "x", "--locals", "--quiet", "app.py")
	if got.code != 0 || !strings.Contains(got.stderr, "--watch has no effect") || !strings.Contains(got.stderr, "--locals has no effect") {
		t.Errorf("exit code %d, standard error %q", got.code, got.stderr)
	}
	got = p.trace(t, "--on-exception", "snapshot", "--locals", "--quiet", "app.py")
	if got.code != 0 || got.stderr != "" {
		t.Errorf("exit code %d, standard error %q", got.code, got.stderr)
	}
}
