package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// announces is a program that writes its process and the folder of its run into
// a pipe, and ends only when it is killed.
const announces = `import os, signal
def wait():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder = os.path.dirname(os.environ["PYTHONPATH"].split(":")[0])
    fd = os.open("pipe", os.O_WRONLY)
    os.write(fd, ("%d %s\n" % (os.getpid(), folder)).encode())
    while True:
        signal.pause()
wait()
`

func TestACommandEndsWithItsServer(t *testing.T) {
	t.Parallel()
	for what, leave := range map[string]func(net.Conn, context.CancelFunc){
		"when the client leaves":         func(c net.Conn, _ context.CancelFunc) { c.Close() },
		"when the server is told to end": func(_ net.Conn, end context.CancelFunc) { end() },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "p.py"), []byte(announces), 0o644); err != nil {
				t.Fatal(err)
			}
			s, err := New(Options{Dir: dir, Raw: true})
			if err != nil {
				t.Fatal(err)
			}
			here, there := net.Pipe()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			served := make(chan error, 1)
			go func() { served <- s.Serve(ctx, &mcp.IOTransport{Reader: there, Writer: there}) }()
			client, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &mcp.IOTransport{Reader: here, Writer: here}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			pid, folder := runningCommand(t, client, dir)
			defer syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it should be gone

			leave(here, cancel)
			select {
			case err := <-served:
				if err != nil {
					t.Errorf("serve: %v", err)
				}
			case <-time.After(time.Minute):
				t.Fatal("the server waits for the command")
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("the command is still there: %v", err)
			}
			for _, path := range []string{folder, s.folder} {
				if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is still there: %v", path, err)
				}
			}
		})
	}
}

// runningCommand traces the program announces, and returns its process and the
// folder of its run when it is under way.
func runningCommand(t *testing.T, client *mcp.ClientSession, dir string) (pid int, folder string) {
	t.Helper()
	name := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if err := pipe.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	go func() { // it has no answer: the command ends with the server
		_, _ = client.CallTool(t.Context(), &mcp.CallToolParams{Name: "trace", Arguments: map[string]any{"command": []string{"p.py"}}})
	}()
	if _, err := fmt.Fscanln(pipe, &pid, &folder); err != nil || pid <= 1 || !strings.Contains(folder, "repaird-trace-") {
		t.Fatalf("the command said %d %q: %v", pid, folder, err)
	}
	return pid, folder
}

func TestClosingDoesNotWaitForeverForATool(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Dir: t.TempDir(), Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	s.work <- struct{}{} // one that never ends
	if err := s.wait(time.Millisecond); err == nil || !strings.HasPrefix(err.Error(), "1 tools are still at work") {
		t.Errorf("got %v", err)
	}
	for range maxWork {
		<-s.work
	}
	for range 2 { // the second has nothing to do
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
