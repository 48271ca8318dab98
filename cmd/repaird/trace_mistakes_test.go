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
		{"a trace on standard output", []string{"--out", "-"}, 2, "name a file"},
		{"snapshots in a directory that is not there", []string{"--breakpoint", "app.py:1", "--json-out", "no/such.json", "--print-result"}, 1, "--json-out: no/such.json cannot be written"},
		{"snapshots on standard output", []string{"--breakpoint", "app.py:1", "--json-out", "-"}, 2, "name a file"},
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
