package trace

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/trace/wire"
)

// Stacks of a program that ran into its deadline.
//
// With Config.Timeout the tracer makes every traced process answer
// StacksSignal (42, a real-time signal that programs leave alone): CPython's
// faulthandler appends the stacks of all its threads to
// Config.Out/stacks-PID.txt, in C and without the interpreter's lock, so also
// in a program that hangs in C code. The file is there from the start of the
// process on; a process that has none must not get the signal, for it
// would end it. What the runner does at the deadline:
//
//	pids, err := RequestStacks(config.Out) // sends StacksSignal to each process with a file
//	WaitStacks(ctx, config.Out, pids) // until they have written; ctx of two seconds
//	kill the process group
//	stacks, err := CollectStacks(config.Out)  // parses, and adds stack records to the trace files
//	exit with code 124
//
// Where process ids are not those of the host (in a container), the runner
// sends the signal itself: PIDs are those of the files' names.

// StacksSignal makes a traced process write the stacks of its threads.
const StacksSignal = syscall.Signal(42)

// Bounds of what is read; faulthandler itself writes up to 100 threads of 100 frames.
const (
	maxStacksFile  = 4 << 20
	maxThreads     = 256
	maxStackFrames = 256
)

// A ThreadStack is what one thread was doing.
type ThreadStack struct {
	PID    int          `json:"pid,omitempty"`
	Ident  uint64       `json:"ident"`          // threading.get_ident()
	Name   string       `json:"name,omitempty"` // MainThread, the name where the file tells it (CPython 3.14), or ""
	Frames []StackFrame `json:"frames"`         // innermost first
	Cut    bool         `json:"cut,omitempty"`  // there were more frames
}

// A StackFrame is one frame of a ThreadStack. Line is 0 where it is not known.
type StackFrame struct {
	File string `json:"file"`
	Name string `json:"name"`
	Line int    `json:"line"`
}

var (
	stackThread = regexp.MustCompile(`^(Thread|Current thread) 0x([0-9a-fA-F]{1,16})(?: \[(.*)\])? \(most recent call first\):$`)
	stackFrame  = regexp.MustCompile(`^  File (?:"(.*)"|\?\?\?), line (\d{1,9}|\?\?\?) in (.*)$`)
	stackMain   = regexp.MustCompile(`^main 0x([0-9a-fA-F]{1,16})$`)
	stacksFile  = regexp.MustCompile(`^stacks-(\d{1,10})\.txt$`)
	ownFile     = regexp.MustCompile(`(?:^|/)repaird_tracer/[a-z_]+\.py$`) // the tracer at work, in the middle of the program's stack
	pyEscape    = regexp.MustCompile(`\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}`)
)

// ParseStacks reads what faulthandler wrote for one process. Of several dumps
// the last that is not empty counts. What it does not know it skips.
func ParseStacks(text []byte) []ThreadStack {
	if len(text) > maxStacksFile {
		text = text[len(text)-maxStacksFile:]
	}
	var stacks []ThreadStack
	var main uint64
	seen := map[uint64]bool{}
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(nil, 64<<10)
	open := false
	for in.Scan() {
		line := in.Text()
		if m := stackMain.FindStringSubmatch(line); m != nil {
			main, _ = strconv.ParseUint(m[1], 16, 64)
			open = false
			continue
		}
		if m := stackThread.FindStringSubmatch(line); m != nil {
			ident, _ := strconv.ParseUint(m[2], 16, 64)
			if seen[ident] { // another dump begins
				stacks, seen = nil, map[uint64]bool{}
			}
			if open = len(stacks) < maxThreads; open {
				seen[ident] = true
				stacks = append(stacks, ThreadStack{Ident: ident, Name: unescape(m[3])})
			}
			continue
		}
		if !open {
			continue
		}
		last := &stacks[len(stacks)-1]
		switch m := stackFrame.FindStringSubmatch(line); {
		case m != nil && len(last.Frames) < maxStackFrames:
			n, _ := strconv.Atoi(m[2])
			if !ownFile.MatchString(m[1]) {
				last.Frames = append(last.Frames, StackFrame{File: wire.Clip(unescape(m[1]), wire.MaxName), Name: wire.Clip(unescape(m[3]), wire.MaxName), Line: n})
			}
		case m != nil || line == "  ...":
			last.Cut = true
		case line != "" && !strings.HasPrefix(line, "  "):
			open = false // a C stack (CPython 3.14), or a message
		}
	}
	for i := range stacks {
		if main != 0 && stacks[i].Ident == main {
			stacks[i].Name = "MainThread"
		}
	}
	sort.SliceStable(stacks, func(i, j int) bool { return stacks[i].Name == "MainThread" && stacks[j].Name != "MainThread" })
	return stacks
}

// unescape undoes faulthandler's \x, \u and \U. It does not escape the
// backslash itself, so a name that holds such a text comes out changed.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return pyEscape.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[2:], 16, 32)
		if err != nil || n > 0x10ffff {
			return e
		}
		return string(rune(n))
	})
}

// stacksFiles lists the processes that have a file, with its content.
func stacksFiles(out string) (map[int][]byte, error) {
	entries, err := os.ReadDir(out)
	if err != nil {
		return nil, fmt.Errorf("trace: stacks: %w", err)
	}
	files := map[int][]byte{}
	for _, e := range entries {
		m := stacksFile.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() || len(files) >= 10000 {
			continue
		}
		pid, err := strconv.Atoi(m[1])
		if err != nil || pid <= 1 {
			continue
		}
		if files[pid], err = readHead(filepath.Join(out, e.Name()), maxStacksFile); err != nil {
			return nil, fmt.Errorf("trace: stacks: %w", err)
		}
	}
	return files, nil
}

// RequestStacks asks every traced process that is still there for its stacks,
// and returns the ids of those. A process counts as traced when it holds its
// file open, so that one that came later to the same id is left alone.
func RequestStacks(out string) ([]int, error) {
	files, err := stacksFiles(out)
	if err != nil {
		return nil, err
	}
	var asked []int
	for pid := range files {
		if holdsOpen(pid, filepath.Join(out, fmt.Sprintf("stacks-%d.txt", pid))) && syscall.Kill(pid, StacksSignal) == nil {
			asked = append(asked, pid)
		}
	}
	sort.Ints(asked)
	return asked, nil
}

// holdsOpen says whether a process has a file open, by /proc.
func holdsOpen(pid int, path string) bool {
	want, err := os.Stat(path)
	if err != nil {
		return false
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if got, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && os.SameFile(got, want) {
			return true
		}
	}
	return false
}

// WaitStacks waits until each of these processes has written its stacks, which
// is when its file has some and has not grown for a while. It returns false when
// the context ends before.
func WaitStacks(ctx context.Context, out string, pids []int) bool {
	const look, calm = 20 * time.Millisecond, 5 // a dump has no end mark
	tick := time.NewTicker(look)
	defer tick.Stop()
	for was, same := -1, 0; same < calm; {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		files, err := stacksFiles(out)
		if err != nil {
			return false
		}
		size := 0
		for _, pid := range pids {
			if len(ParseStacks(files[pid])) == 0 && syscall.Kill(pid, 0) == nil {
				size = -1
				break
			}
			size += len(files[pid])
		}
		if size < 0 || size != was {
			was, same = size, 0
			continue
		}
		same++
	}
	return true
}

// CollectStacks parses the stacks files and adds stack records to the trace
// files of the same processes, which must have ended. The processes come in
// the order of their ids, a process's main thread first.
func CollectStacks(out string) ([]ThreadStack, error) {
	files, err := stacksFiles(out)
	if err != nil {
		return nil, err
	}
	var all []ThreadStack
	for pid, text := range files {
		stacks := ParseStacks(text)
		for i := range stacks {
			stacks[i].PID = pid
		}
		if err := addStacks(out, pid, stacks); err != nil {
			return nil, err
		}
		all = append(all, stacks...)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].PID < all[j].PID })
	return all, nil
}

// addStacks appends the records to the newest head file of the process. Behind
// them Read tolerates the NUL bytes of a killed process's file.
func addStacks(out string, pid int, stacks []ThreadStack) error {
	if len(stacks) == 0 {
		return nil
	}
	heads, err := filepath.Glob(filepath.Join(out, fmt.Sprintf("trace-%d*-0.jsonl", pid)))
	if err != nil {
		return fmt.Errorf("trace: stacks: %w", err)
	}
	newest, at := "", int64(-1)
	for _, name := range heads {
		rest := strings.TrimPrefix(filepath.Base(name), fmt.Sprintf("trace-%d", pid))
		if rest != "-0.jsonl" && !strings.HasPrefix(rest, "x") {
			continue
		}
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && info.ModTime().UnixNano() > at {
			newest, at = name, info.ModTime().UnixNano()
		}
	}
	if newest == "" {
		return nil
	}
	var b bytes.Buffer
	b.WriteByte('\n') // a line that the kill cut ends here
	for _, s := range stacks {
		line, err := json.Marshal(struct {
			K      string       `json:"k"`
			Why    string       `json:"why"`
			Name   string       `json:"name"`
			Ident  uint64       `json:"ident"`
			Frames []StackFrame `json:"frames"`
			Cut    bool         `json:"more,omitempty"`
		}{"stack", "timeout", s.Name, s.Ident, s.Frames, s.Cut})
		if err != nil {
			return fmt.Errorf("trace: stacks: %w", err)
		}
		if len(line) < wire.MaxLine {
			b.Write(line)
			b.WriteByte('\n')
		}
	}
	f, err := os.OpenFile(newest, os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("trace: stacks: %w", err)
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		f.Close()
		return fmt.Errorf("trace: stacks: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("trace: stacks: %w", err)
	}
	return nil
}

// readHead reads the beginning of a file that the program may have replaced.
func readHead(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	var all []byte
	for int64(len(all)) < limit {
		n, err := f.Read(b)
		all = append(all, b[:n]...)
		if err != nil || n == 0 {
			break
		}
	}
	return all, nil
}
