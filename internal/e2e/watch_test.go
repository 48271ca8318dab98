package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// files returns names, link targets and contents of all files below the
// directories; those of a repository's objects are compressed and are searched
// elsewhere. What vanishes meanwhile is left out.
func files(t *testing.T, dirs ...string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, dir := range dirs {
		collect(dir, func(_ string, content []byte) { out = append(out, content) })
	}
	return out
}

const maxWatched = 8 << 20 // bytes of one file

func collect(dir string, found func(key string, content []byte)) {
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Size() > maxWatched {
			return nil
		}
		key := fmt.Sprint(name, info.Size(), info.ModTime().UnixNano())
		if d.Type()&fs.ModeSymlink != 0 {
			target, _ := os.Readlink(name)
			found(key, []byte(name+" -> "+target))
		} else if d.Type().IsRegular() {
			if content, err := os.ReadFile(name); err == nil {
				found(key, append([]byte(name+"\n"), content...))
			}
		}
		return nil
	})
}

// watch reads, over and over, what the processes that descend from pid see in
// the folders of a sandbox (/in, /work, /out, /tmp), their arguments and their
// environment, and the daemon's working folders. The result ends the watch and
// returns everything that was there at some time.
func watch(t *testing.T, pid int, state, tmp string) func() [][]byte {
	t.Helper()
	var mu sync.Mutex
	all := map[[sha256.Size]byte][]byte{}
	keep := func(_ string, content []byte) {
		mu.Lock()
		defer mu.Unlock()
		all[sha256.Sum256(content)] = content
	}
	own, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	must(t, err)
	stop, done := make(chan struct{}), make(chan struct{})
	end := sync.OnceFunc(func() { close(stop); <-done })
	t.Cleanup(end)
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			for _, child := range descendants(pid) {
				root := fmt.Sprintf("/proc/%d", child)
				// Until it executes its program, a new process is the daemon's own
				// memory, environment included: nothing hostile runs in it. The
				// arguments are read first, so that the environment is not older.
				arguments, _ := os.ReadFile(filepath.Join(root, "cmdline"))
				if bytes.Equal(arguments, own) {
					continue
				}
				environment, _ := os.ReadFile(filepath.Join(root, "environ"))
				keep("", arguments)
				keep("", environment)
				// Only a sandbox has /in.
				if _, err := os.Stat(filepath.Join(root, "root", "in")); err == nil {
					for _, dir := range []string{"in", "work", "out", "tmp"} {
						collect(filepath.Join(root, "root", dir), func(_ string, content []byte) {
							// Without the process's number, so that the same is kept once.
							keep("", []byte(strings.TrimPrefix(string(content), root)))
						})
					}
				}
			}
			collect(filepath.Join(state, "work"), keep)
			collect(tmp, keep)
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func() (out [][]byte) {
		end()
		for _, content := range all {
			out = append(out, content)
		}
		return out
	}
}

// descendants returns the numbers of a process's children, theirs, and so on.
func descendants(pid int) (out []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(data)) {
			if child, err := strconv.Atoi(field); err == nil {
				out = append(append(out, child), descendants(child)...)
			}
		}
	}
	return out
}
