package sandboxtest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
)

// mounts are about host directories.
var mounts = []caseFunc{
	{"a mounted tree is read-only, also below closed folders of the host", func(t *testing.T, b sandbox.Backend) {
		closed := t.TempDir()
		if err := os.Chmod(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		tree := filepath.Join(closed, "tree")
		write(t, filepath.Join(tree, "pkg/a.py"), "x = 1")
		r := succeed(t, b, python(`
import os
print(open("/work/pkg/a.py").read())
for attempt in (lambda: open("/work/new", "w"), lambda: open("/work/pkg/a.py", "w"), lambda: os.unlink("/work/pkg/a.py"), lambda: os.chmod("/work", 0o777)):
    try: attempt(); print("changed")
    except OSError: pass`, func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: tree, Target: "/work"}} }))
		if string(r.Stdout) != "x = 1\n" {
			t.Errorf("got %q", r.Stdout)
		}
	}},
	{"links in a mounted tree lead nowhere on the host", func(t *testing.T, b sandbox.Backend) {
		outside, tree := t.TempDir(), t.TempDir()
		write(t, filepath.Join(outside, "secret"), planted)
		for name, target := range map[string]string{"absolute": filepath.Join(outside, "secret"), "relative": "../" + filepath.Base(outside) + "/secret", "up": "../../../../../../" + outside + "/secret"} {
			if err := os.Symlink(target, filepath.Join(tree, name)); err != nil {
				t.Fatal(err)
			}
		}
		r := succeed(t, b, python(`
for name in ("absolute", "relative", "up"):
    try: print(open("/work/" + name).read())
    except OSError as e: print(e.strerror)`, func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: tree, Target: "/work"}} }))
		if strings.Contains(string(r.Stdout), planted) || strings.Count(string(r.Stdout), "No such file") != 3 {
			t.Errorf("got %q", r.Stdout)
		}
	}},
	{"set-user-id files and devices of a mounted tree have no power", func(t *testing.T, b sandbox.Backend) {
		tree := t.TempDir()
		write(t, filepath.Join(tree, "suid"), "#!/bin/sh\nid -u\n")
		if err := os.Chmod(filepath.Join(tree, "suid"), 0o4755); err != nil {
			t.Fatal(err)
		}
		r := succeed(t, b, sandbox.Spec{Argv: []string{"sh", "-c", "cp /usr/bin/id /tmp/id; chmod u+s /tmp/id; /tmp/id -u; /work/suid"}, Limits: quick, Mounts: []sandbox.Mount{{Host: tree, Target: "/work"}}})
		if got := string(r.Stdout); got != "65534\n65534\n" {
			t.Errorf("got uids %q", got)
		}
	}},
	{"several mounts, also below /opt", func(t *testing.T, b sandbox.Backend) {
		one, two := t.TempDir(), t.TempDir()
		write(t, filepath.Join(one, "f"), "1")
		write(t, filepath.Join(two, "f"), "2")
		r := succeed(t, b, python("print(open('/env/f').read(), open('/opt/wheels/f').read())", func(s *sandbox.Spec) {
			s.Mounts = []sandbox.Mount{{Host: one, Target: "/env"}, {Host: two, Target: "/opt/wheels"}}
		}))
		if string(r.Stdout) != "1 2\n" {
			t.Errorf("got %q", r.Stdout)
		}
	}},
	{"an environment build has no network, and writes to its mount", func(t *testing.T, b sandbox.Backend) {
		dir := t.TempDir()
		if err := sandbox.PrepareWritable(dir); err != nil {
			t.Fatal(err)
		}
		r := succeed(t, b, python(`
import os
open("/env/made", "w").write("x"); os.symlink("/etc/shadow", "/env/link"); os.chmod("/env/made", 0o4755)
print(os.getuid() != 0, [l.split(":")[0].strip() for l in open("/proc/net/dev") if ":" in l])
try: open("/usr/x", "w"); print("root is writable")
except OSError: pass`, func(s *sandbox.Spec) {
			s.Build, s.Mounts = true, []sandbox.Mount{{Host: dir, Target: "/env", Writable: true}}
		}))
		if string(r.Stdout) != "True ['lo']\n" {
			t.Errorf("got %q, want a user, and no interface but lo", r.Stdout)
		}
		info, err := os.Lstat(filepath.Join(dir, "made"))
		if err != nil {
			t.Fatal(err)
		}
		if uid, _ := sandbox.Account(); int(info.Sys().(*syscall.Stat_t).Uid) != uid {
			t.Errorf("the file belongs to %d, want %d", info.Sys().(*syscall.Stat_t).Uid, uid)
		}
	}},
	{"hostile or mistaken specs are refused as invalid", func(t *testing.T, b sandbox.Backend) {
		dir, closed := t.TempDir(), filepath.Join(t.TempDir(), "closed")
		if err := os.Mkdir(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "file")
		write(t, file, "")
		bad := map[string]func(*sandbox.Spec){
			"no command":                func(s *sandbox.Spec) { s.Argv = nil },
			"NUL in an argument":        func(s *sandbox.Spec) { s.Argv = []string{"a\x00b"} },
			"odd variable":              func(s *sandbox.Spec) { s.Env = map[string]string{"A=B": ""} },
			"relative directory":        func(s *sandbox.Spec) { s.Dir = "x" },
			"file outside /in":          func(s *sandbox.Spec) { s.Files = map[string][]byte{"../x": nil} },
			"absolute file":             func(s *sandbox.Spec) { s.Files = map[string][]byte{"/x": nil} },
			"file below a file":         func(s *sandbox.Spec) { s.Files = map[string][]byte{"a": nil, "a/b": nil} },
			"relative mount":            func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: "x", Target: "/work"}} },
			"mount that does not exist": func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: "/no/such", Target: "/work"}} },
			"mount of a file":           func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: file, Target: "/work"}} },
			"mount over /proc":          func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: dir, Target: "/proc"}} },
			"mount over the root":       func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: dir, Target: "/"}} },
			"mount below /out":          func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: dir, Target: "/out/x"}} },
			"mount below another mount": func(s *sandbox.Spec) {
				s.Mounts = []sandbox.Mount{{Host: dir, Target: "/work"}, {Host: dir, Target: "/work/x"}}
			},
			"two mounts at one place": func(s *sandbox.Spec) {
				s.Mounts = []sandbox.Mount{{Host: dir, Target: "/work"}, {Host: dir, Target: "/work"}}
			},
			"writable mount, no build":      func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: dir, Target: "/work", Writable: true}} },
			"negative limit":                func(s *sandbox.Spec) { s.Limits.Processes = -1 },
			"mount that no user could read": func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: closed, Target: "/work"}} },
		}
		if os.Geteuid() != 0 { // the daemon's own user can
			delete(bad, "mount that no user could read")
		}
		for name, change := range bad {
			if _, err := b.Run(context.Background(), python("", change)); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}},
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
