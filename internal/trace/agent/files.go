package agent

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/scrub"
	"github.com/repaird/repaird/internal/trace/view"
)

// load returns a trace by its name, or from a file below the working directory.
// What this server did not record is redacted before any view shortens it.
func (s *Server) load(name string) (*trace.Trace, error) {
	path, own, err := s.path(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() { // a pipe may keep its reader forever
		return nil, fmt.Errorf("%q is neither a file nor a directory", name)
	}
	s.reading.Lock() // so that two tools do not read the same file
	defer s.reading.Unlock()
	now, err := stateOf(path, info) // before it is read: what changes meanwhile is read again
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	known := s.read[path]
	s.mu.Unlock()
	if known.trace != nil && known.state == now {
		return known.trace, nil
	}
	open := func(path string) (*trace.Trace, error) { return view.Open(path, nil) }
	if !own && s.redact != nil {
		open = s.redacted
	}
	t, err := open(path)
	if err != nil { // with the name by which it was asked for
		return nil, errors.New(strings.ReplaceAll(err.Error(), path, cmp.Or(name, "the last trace")))
	}
	s.keep(path, reading{now, t})
	return t, nil
}

// A reading is a trace, and the state of the file or directory it was read from.
type reading struct {
	state state
	trace *trace.Trace
}

// A state tells what a file or directory holds now from what it held when
// another run had been recorded there: it is a digest of the names, numbers in
// the file system, sizes and times of change.
type state [sha256.Size]byte

// stateOf looks at a file, or at a directory and the files in it.
func stateOf(path string, info os.FileInfo) (state, error) {
	list := []os.FileInfo{info}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return state{}, err
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil { // else it has just gone
				list = append(list, info)
			}
		}
	}
	h := sha256.New()
	for _, info := range list {
		var number uint64
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			number = st.Ino
		}
		fmt.Fprintf(h, "%q %d %d %d\n", info.Name(), number, info.Size(), info.ModTime().UnixNano())
	}
	return state(h.Sum(nil)), nil
}

// keep keeps the last few, and of each path the last.
func (s *Server) keep(path string, r reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = slices.DeleteFunc(s.order, func(p string) bool { return p == path })
	if len(s.order) >= maxRead {
		delete(s.read, s.order[0])
		s.order = s.order[1:]
	}
	s.read[path] = r
	s.order = append(s.order, path)
}

// redacted reads a trace's file or directory from a redacted copy.
func (s *Server) redacted(path string) (*trace.Trace, error) {
	dir, err := os.MkdirTemp(s.folder, "read-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if err := s.copy(filepath.Join(dir, "trace-1.jsonl"), path); err != nil {
			return nil, err
		}
	} else if err := copyTraces(dir, path); err != nil {
		return nil, err
	} else if _, err := scrub.Dir(dir, s.redact); err != nil {
		return nil, err
	}
	t, err := view.Open(dir, nil)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), dir, path))
	}
	return t, nil
}

// copy writes a redacted copy of a file.
func (s *Server) copy(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = scrub.Trace(out, in, s.redact)
	return errors.Join(err, out.Close())
}

const maxCopied = 4 << 30 // bytes of a directory's trace files

// copyTraces copies the trace files of a directory, without following links.
func copyTraces(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	left := int64(maxCopied)
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), "trace-") || !strings.HasSuffix(e.Name(), ".jsonl") {
			continue
		}
		n, err := copyFile(filepath.Join(to, e.Name()), filepath.Join(from, e.Name()), left)
		if err != nil {
			return err
		}
		if left -= n; left <= 0 {
			return fmt.Errorf("the traces in %s are too large", from)
		}
	}
	return nil
}

func copyFile(to, from string, most int64) (n int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(out, io.LimitReader(in, most))
	return n, errors.Join(err, out.Close())
}

// path finds the file of a trace; own says that this server recorded it.
func (s *Server) path(name string) (path string, own bool, err error) {
	if name == "" {
		s.mu.Lock()
		name = s.last
		s.mu.Unlock()
		if name == "" {
			return "", false, errors.New("there is no trace yet: call trace first")
		}
	}
	if path := filepath.Join(s.folder, name+".jsonl.zst"); !strings.ContainsAny(name, "/\\") {
		if _, err := os.Stat(path); err == nil {
			return path, true, nil
		}
	}
	path, err = s.inside(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("no trace %q: name one that the tool trace returned, or a file below %s", name, s.options.Dir)
	}
	return path, false, err
}

// inside returns the real path of a file or directory below the working directory.
func (s *Server) inside(name string) (string, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.options.Dir, path)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(s.options.Dir, real); err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", fmt.Errorf("%s is not below %s", name, s.options.Dir)
	}
	return real, nil
}

// folderPrefix begins the names of folders of traces; the server's process id follows.
const folderPrefix = "repaird-mcp-"

// sweep removes folders that servers which were killed left behind: those whose
// process has gone, and those without a process in the name after a day.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), folderPrefix)
		if !ok || !e.IsDir() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Getuid() {
			continue
		}
		text, _, ok := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(text)
		gone := time.Since(info.ModTime()) > 24*time.Hour
		if ok && err == nil && pid > 0 {
			gone = errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
		}
		if gone {
			_ = os.RemoveAll(filepath.Join(parent, e.Name())) // the next server tries again
		}
	}
}
