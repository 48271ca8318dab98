package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write writes a trace's file below a server's directory.
func write(t *testing.T, s *Server, name, text string) {
	t.Helper()
	path := filepath.Join(s.options.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// traceOf returns a process's trace that calls a function of this name once.
func traceOf(function string) string { return strings.ReplaceAll(tiny, "greet", function) }

// childOf returns the like for another process, which the first one started.
func childOf(function string) string {
	return strings.Replace(traceOf(function), `"f":"trace-1","pid":1,"ppid":0`, `"f":"trace-2","pid":2,"ppid":1`, 1)
}

func TestATraceThatWasRecordedAgainIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ trace, file string }{
		"a file":      {"t.jsonl", "t.jsonl"},
		"a directory": {"traces", "traces/trace-1.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := quickServer(t, time.Minute)
			path := filepath.Join(s.options.Dir, test.file)
			for i, function := range []string{"greet", "leave", "longer_than_that", "leave"} {
				write(t, s, test.file, traceOf(function))
				at := time.Unix(1_000_000_000+int64(i), 0)
				if err := os.Chtimes(path, at, at); err != nil {
					t.Fatal(err)
				}
				if text, failed := call(t, client, "tree", map[string]any{"trace": test.trace}); failed || !strings.Contains(text, function+"(x=1)") {
					t.Errorf("after %s was recorded: %s", function, text)
				}
			}
			if len(s.read) != 1 || len(s.order) != 1 {
				t.Errorf("%d traces are kept, in the order of %q", len(s.read), s.order)
			}
		})
	}
}

func TestATraceThatDidNotChangeIsReadOnce(t *testing.T) {
	t.Parallel()
	s, _ := quickServer(t, time.Minute)
	write(t, s, "traces/trace-1.jsonl", tiny)
	for _, name := range []string{"t.jsonl", "traces"} {
		first, err := s.load(name)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.load(name); err != nil || again != first {
			t.Errorf("%s was read twice: %v", name, err)
		}
	}
}

func TestAProcessThatJoinsADirectoryIsRead(t *testing.T) {
	t.Parallel()
	s, client := quickServer(t, time.Minute)
	write(t, s, "traces/trace-1.jsonl", tiny)
	call(t, client, "tree", map[string]any{"trace": "traces"})
	write(t, s, "traces/trace-2.jsonl", childOf("later"))
	if text, failed := call(t, client, "tree", map[string]any{"trace": "traces"}); failed || !strings.Contains(text, "later(x=1)") {
		t.Errorf("got %s", text)
	}
}

func TestACallOfAnyProcessCanBeNamed(t *testing.T) {
	t.Parallel()
	s, client := quickServer(t, time.Minute)
	write(t, s, "traces/trace-1.jsonl", tiny)
	write(t, s, "traces/trace-2.jsonl", childOf("child"))
	text, failed := call(t, client, "slice", map[string]any{"trace": "traces", "functions": []string{"child"}})
	if failed || !strings.Contains(text, " 1.1  child(x=1)") {
		t.Fatalf("the child's call has no id to be named by: %s", text)
	}
	for what, test := range map[string]struct {
		id         any
		want, lack string
	}{
		"of the child as it is shown":        {"1.1", "child", "greet"},
		"of the child as JSON holds it":      {1<<40 + 1, "child", "greet"},
		"of the first process":               {1, "greet", "child"},
		"of the first process, as a string":  {"1", "greet", "child"},
		"of the first process, as both have": {"0.1", "greet", "child"},
	} {
		for tool, args := range map[string]map[string]any{"tree": {"trace": "traces", "call": test.id}, "slice": {"trace": "traces", "calls": []any{test.id}}} {
			if text, failed := call(t, client, tool, args); failed || !strings.Contains(text, test.want+"(x=1)") || strings.Contains(text, test.lack+"(") {
				t.Errorf("%s with the id %s: %s", tool, what, text)
			}
		}
	}
	for _, bad := range []any{"x", "1.", "1.-1", "-1", -1, 2.14, "99999999.1", true} {
		for tool, args := range map[string]map[string]any{"tree": {"trace": "traces", "call": bad}, "slice": {"trace": "traces", "calls": []any{bad}}} {
			if text, failed := call(t, client, tool, args); !failed || !strings.Contains(text, "call") {
				t.Errorf("%s took %v: %s", tool, bad, text)
			}
		}
	}
	for _, none := range []any{0, "", "0"} {
		if text, failed := call(t, client, "tree", map[string]any{"trace": "traces", "call": none}); failed || !strings.Contains(text, "child") || !strings.Contains(text, "greet") {
			t.Errorf("with %#v for no call: %s", none, text)
		}
	}
}

func TestWhatIsNoTraceIsSaidToBeNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for what, raw := range map[string]bool{"redacted": false, "raw": true} {
		s, err := New(Options{Dir: dir, Raw: raw})
		if err != nil {
			t.Fatal(err)
		}
		write(t, s, "bad.jsonl", "hello\n")
		write(t, s, "empty/readme", "")
		for _, name := range []string{"bad.jsonl", "empty"} {
			_, _, err := s.findings(t.Context(), nil, FindingsInput{Trace: name})
			if err == nil || !strings.HasPrefix(err.Error(), name+": not a trace") {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAQuestionWithoutAnAnswerIsTold(t *testing.T) {
	t.Parallel()
	_, client := quickServer(t, time.Minute)
	if text, failed := call(t, client, "slice", map[string]any{"trace": "t.jsonl", "functions": []string{"nowhere"}}); failed || text != "No record matches.\n" {
		t.Errorf("slice: %q", text)
	}
	for _, dir := range []string{"nope", "t.jsonl", ".."} {
		text, failed := call(t, client, "trace", map[string]any{"command": []string{"app.py"}, "dir": dir})
		if !failed || !strings.HasPrefix(text, `dir "`+dir+`": `) || strings.Contains(text, "no trace") {
			t.Errorf("dir %s: %s", dir, text)
		}
	}
}
