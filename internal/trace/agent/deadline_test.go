package agent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const tiny = `{"k":"meta","v":1,"f":"trace-1","pid":1,"ppid":0,"python":"3.11.2","impl":"cpython","engine":"settrace","argv":[],"cwd":"/","forked":0}
{"k":"code","c":1,"file":"/m.py","name":"greet","line":1,"args":["x"],"kind":""}
{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["x","1"]]}
{"k":"ret","i":1,"c":1,"t":1,"l":1,"v":"None"}
`

// quickServer serves a folder that holds the trace t.jsonl, and gives tools the
// time answer.
func quickServer(t *testing.T, answer time.Duration) (*Server, *mcp.ClientSession) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "t.jsonl"), []byte(tiny), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Dir: dir, Answer: answer, Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	here, there := mcp.NewInMemoryTransports()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, there) }()
	client, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(ctx, here, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		s.Close()
	})
	return s, client
}

// call calls a tool and returns its text, and whether it failed.
func call(t *testing.T, client *mcp.ClientSession, tool string, args map[string]any) (text string, failed bool) {
	t.Helper()
	result, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range result.Content {
		if c, ok := c.(*mcp.TextContent); ok {
			text += c.Text
		}
	}
	return text, result.IsError
}

func TestEveryToolThatTakesTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	for tool, args := range map[string]map[string]any{
		"findings": {"trace": "t.jsonl"}, "tree": {"trace": "t.jsonl"}, "snapshot": {"trace": "t.jsonl"}, "slice": {"trace": "t.jsonl"},
		"diff": {"red": "t.jsonl", "green": "t.jsonl"},
	} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			s, client := quickServer(t, time.Millisecond)
			s.reading.Lock() // nothing can be read until it is free
			text, failed := call(t, client, tool, args)
			if !failed || !strings.HasPrefix(text, "no answer within 1ms: ask for less") {
				t.Errorf("got %s", text)
			}
			for range maxWork - 1 {
				call(t, client, tool, args)
			}
			if text, failed := call(t, client, tool, args); !failed || !strings.Contains(text, "4 earlier questions are still worked on") {
				t.Errorf("with %d at work: %s", maxWork, text)
			}
			s.reading.Unlock()
			for range maxWork { // what was given up ends, and others may work
				s.work <- struct{}{}
			}
			for range maxWork {
				<-s.work
			}
		})
	}
}

func TestTheContextOfAToolEndsWithItsTime(t *testing.T) {
	t.Parallel()
	s, _ := quickServer(t, time.Millisecond)
	ended := make(chan error, 1)
	tool := func(ctx context.Context, _ *mcp.CallToolRequest, _ TraceInput) (*mcp.CallToolResult, any, error) {
		<-ctx.Done()
		ended <- ctx.Err()
		<-t.Context().Done() // it does not stop for that
		return nil, nil, nil
	}
	_, _, err := timed(s, time.Millisecond, tool)(t.Context(), nil, TraceInput{})
	if err == nil || !strings.HasPrefix(err.Error(), "no answer within 2ms") {
		t.Errorf("got %v", err)
	}
	if err := <-ended; err != context.DeadlineExceeded { //nolint:errorlint // as it is
		t.Errorf("the tool's context ended with %v", err)
	}
}

func TestAPipeIsNotReadAsATrace(t *testing.T) {
	t.Parallel()
	s, client := quickServer(t, time.Minute)
	if err := syscall.Mkfifo(filepath.Join(s.options.Dir, "pipe.jsonl"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, failed := call(t, client, "tree", map[string]any{"trace": "pipe.jsonl"}); !failed || !strings.Contains(text, "is neither a file") {
		t.Errorf("got %s", text)
	}
	if text, failed := call(t, client, "tree", map[string]any{"trace": "t.jsonl"}); failed || !strings.Contains(text, "greet(x=1)") {
		t.Errorf("got %s", text)
	}
}
