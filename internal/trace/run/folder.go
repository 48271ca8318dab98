package run

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/language/python/tracer"
)

// A folder is a run's temporary directory: the tracer's files, its
// configuration, and the trace.
type folder struct {
	root, lib, out, config string
}

const prefix = "repaird-trace-"

// newFolder makes one that only this user can enter, and removes those that
// killed runs have left.
func newFolder() (*folder, error) {
	sweep()
	root, err := os.MkdirTemp("", prefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil, err
	}
	f := &folder{root, filepath.Join(root, "lib"), filepath.Join(root, "out"), filepath.Join(root, "config.json")}
	for _, d := range []string{f.lib, f.out} {
		if err := os.Mkdir(d, 0o700); err != nil {
			f.remove()
			return nil, err
		}
	}
	return f, nil
}

func (f *folder) remove() {
	_ = os.RemoveAll(f.root) // nobody could do more about what is left
}

// sweep removes the folders of runs whose process is gone.
func sweep() {
	entries, _ := os.ReadDir(os.TempDir())
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		number, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(number)
		if !ok || err != nil || pid <= 1 || !e.IsDir() {
			continue
		}
		var st unix.Stat_t
		path := filepath.Join(os.TempDir(), e.Name())
		if unix.Lstat(path, &st) == nil && int(st.Uid) == os.Geteuid() && unix.Kill(pid, 0) == unix.ESRCH {
			_ = os.RemoveAll(path)
		}
	}
}

// install writes the tracer and its configuration.
func (f *folder) install(o Options, p *plan) error {
	if err := tracer.Install(f.lib); err != nil {
		return err
	}
	c := o.Config
	c.Out = f.out
	if len(c.Include) == 0 {
		c.Include = p.scope
	}
	if slices.Contains(c.Include, everything) {
		c.Include = append(c.Include[:len(c.Include):len(c.Include)], p.packages()...)
	}
	c.Exclude = append(c.Exclude[:len(c.Exclude):len(c.Exclude)], p.outside(c.Include)...)
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return os.WriteFile(f.config, data, 0o600)
}

// environment returns env with what leads Python to the tracer. Its plugin for
// pytest needs no variable: it joins pytest by itself.
func (f *folder) environment(env []string) []string {
	const path = "PYTHONPATH="
	out := make([]string, 0, len(env)+2)
	old := ""
	for _, e := range env {
		switch {
		case strings.HasPrefix(e, path):
			old = e[len(path):]
		case strings.HasPrefix(e, "REPAIRD_TRACE_CONFIG="):
		default:
			out = append(out, e)
		}
	}
	return append(out, path+join(":", f.lib, old), f.mark())
}

// mark returns the variable that tells this run's processes from all others.
func (f *folder) mark() string { return "REPAIRD_TRACE_CONFIG=" + f.config }

func join(sep, first, rest string) string {
	if rest == "" {
		return first
	}
	return first + sep + rest
}
