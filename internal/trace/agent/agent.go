// Package agent serves the tracer to coding agents over the Model Context
// Protocol: they run a command under it, and ask about what it did.
//
//	server, err := agent.New(agent.Options{Dir: "/src/shop", Version: "1.0"})
//	defer server.Close()
//	err = server.Serve(ctx, &mcp.StdioTransport{})
//
// The tools are trace, findings, tree, snapshot, slice and diff. A trace that
// was recorded is named by the tool trace (trace1, trace2, …) until the server
// ends; a file below the working directory can be named instead.
//
// What agents read goes to a model, so traces and the program's output are
// redacted before they are kept, with a key that lives as long as the server:
// equal secrets have equal tokens within one session. Every answer is bounded,
// in bytes and in the time that it may take.
// A command runs with the rights of the server unless Options.Sandbox is set.
package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/trace"
)

// Options shape a server. Dir is required.
type Options struct {
	Dir     string          // working directory: commands run there or below, and files are read there
	Timeout time.Duration   // longest run of a command, default two minutes
	Answer  time.Duration   // longest time that a tool may take, without the run of a command, default a minute
	Sandbox sandbox.Backend // run commands in a sandbox; nil runs them on this machine
	Image   string          // of the sandbox
	Version string          // of this program, told to clients
	Raw     bool            // do not redact
}

// A Server answers one client.
type Server struct {
	options Options
	mcp     *mcp.Server
	folder  string // of the traces
	redact  *redact.Redactor

	ended   context.Context // of all tools: done when nobody waits for an answer any more
	end     context.CancelFunc
	work    chan struct{} // one for each tool that is at work
	reading sync.Mutex    // held while a file is read, which may take long
	closing sync.Once
	closed  error // what Close returns

	mu     sync.Mutex
	traces int
	last   string             // name of the last trace that was kept
	read   map[string]reading // the last few, by path
	order  []string
}

const (
	defaultTimeout = 2 * time.Minute
	defaultAnswer  = time.Minute
	maxWork        = 4 // tools at work at the same time, those included that were given up
	maxTraces      = 200
	maxRead        = 4
	maxClosing     = 10 * time.Second // longest that Close waits for tools, most of all for commands that are ended
	maxAnswer      = 24_000           // bytes of an answer's text
	maxOutput      = 4_000            // of the program's output, its end, as it is answered
	maxWindow      = 64_000           // of its end as it is redacted
)

const instructions = `Watch Python run instead of guessing. First call trace with the failing test's command;
then findings (likely causes with evidence; against a passing run too), tree (what called what, with values), slice (the
part about a function, object or time) and diff (where a failing and a passing run part). For the state at a line, call trace with breakpoints,
then snapshot. Record ids such as 14 and identities such as #3 mean the same in all answers about one trace. A process
that is "not traced" made no claim: it is not one that made no calls.`

// New makes a server. Close removes its traces.
func New(o Options) (*Server, error) {
	dir, err := filepath.EvalSymlinks(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Answer <= 0 {
		o.Answer = defaultAnswer
	}
	sweep(os.TempDir())
	folder, err := os.MkdirTemp("", folderPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, folder: folder, read: map[string]reading{}, work: make(chan struct{}, maxWork)}
	s.ended, s.end = context.WithCancel(context.Background())
	if !o.Raw {
		key := make([]byte, 32)
		rand.Read(key)
		s.redact = redact.New(key)
	}
	s.mcp = mcp.NewServer(&mcp.Implementation{Name: "repaird", Title: "repaird trace", Version: o.Version}, &mcp.ServerOptions{Instructions: instructions})
	s.tools()
	return s, nil
}

// Close ends the tools that are at work, with the commands that they run, and
// removes the recorded traces. Nothing can be asked afterwards. A tool that does
// not end within ten seconds is left to itself, which is an error.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.end()
		s.closed = errors.Join(s.wait(maxClosing), os.RemoveAll(s.folder))
	})
	return s.closed
}

// wait waits until no tool is at work, and lets none begin: a command whose
// tool was given up is still to be ended with all that it started.
func (s *Server) wait(most time.Duration) error {
	late := time.NewTimer(most)
	defer late.Stop()
	for n := range maxWork {
		select {
		case s.work <- struct{}{}:
		case <-late.C:
			return fmt.Errorf("%d tools are still at work after %s", maxWork-n, most)
		}
	}
	return nil
}

// Serve answers until the client leaves or ctx ends. Tools that are at work then
// are told to end; Close waits for them.
func (s *Server) Serve(ctx context.Context, t mcp.Transport) error {
	defer s.end()
	stop := context.AfterFunc(ctx, s.end)
	defer stop()
	err := s.mcp.Run(ctx, t)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *Server) tools() {
	read := &mcp.ToolAnnotations{ReadOnlyHint: true}
	mcp.AddTool(s.mcp, &mcp.Tool{Name: "trace", Title: "Run a command under the tracer", Description: "Runs a Python command (a test, a script) under the tracer and keeps the trace. " +
		"Returns the trace's name, the command's exit code and the end of its output, what was and was not traced, and the first findings. " +
		"Changes nothing in the project by itself; the command does what it does."}, timed(s, s.options.Timeout, s.trace))
	mcp.AddTool(s.mcp, &mcp.Tool{Name: "findings", Title: "Likely causes", Annotations: read,
		Description: "What is odd in a trace, most telling first, each with the records that prove it: exceptions raised and swallowed, objects shared by accident, where a wrong value came from, arguments changed in place, recursion without progress, None where others got a value. With green, a passing run of the same test: also where the two part and calls that never came; what both runs have comes last."}, timed(s, 0, s.findings))
	mcp.AddTool(s.mcp, &mcp.Tool{Name: "tree", Title: "Call tree", Annotations: read,
		InputSchema: schema[TreeInput](), Description: "The folded call tree with arguments and results. Narrow it by depth or to one call."}, timed(s, 0, s.tree))
	mcp.AddTool(s.mcp, &mcp.Tool{Name: "snapshot", Title: "State at breakpoints", Annotations: read,
		Description: "What breakpoints recorded: stack, local variables and watched expressions; also the state at an exception that nobody caught."}, timed(s, 0, s.snapshot))
	mcp.AddTool(s.mcp, &mcp.Tool{Name: "slice", Title: "Records about something", Annotations: read,
		InputSchema: schema[SliceInput](), Description: "The records about functions, files, modules, a value's text, an object's identity, calls or a time."}, timed(s, 0, s.slice))
	mcp.AddTool(s.mcp, &mcp.Tool{Name: "diff", Title: "Where two runs part", Annotations: read,
		Description: "Compares a failing run with a passing run of the same test and shows the first place where they differ."}, timed(s, 0, s.diff))
}

// answer makes a result of text, within bounds. What comes from files is
// redacted here; what was recorded by this server already is.
func (s *Server) answer(text string) *mcp.CallToolResult {
	if s.redact != nil {
		text = s.redact.Text(text, nil).String()
	}
	if len(text) > maxAnswer {
		text = text[:strings.LastIndexByte(text[:maxAnswer], '\n')+1] + "… cut: ask for less (depth, functions, call, limit)\n"
	}
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: strings.ToValidUTF8(text, "?")}}}
}

// shown runs a view over a trace.
func (s *Server) shown(name string, show func(*bytes.Buffer, *trace.Trace) error) (*mcp.CallToolResult, any, error) {
	t, err := s.load(name)
	if err != nil {
		return nil, nil, s.failure(err)
	}
	var b bytes.Buffer
	if err := show(&b, t); err != nil {
		return nil, nil, s.failure(err)
	}
	return s.answer(b.String()), nil, nil
}
