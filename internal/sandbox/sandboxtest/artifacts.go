package sandboxtest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/sandbox"
)

// artifacts are what untrusted code leaves in /out.
var artifacts = []caseFunc{
	{"H33 links are not followed", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python(`
import os
os.symlink("/etc/passwd", "/out/file"); os.symlink("/etc", "/out/folder"); os.symlink("nowhere", "/out/dangling")
os.symlink("/proc/1/environ", "/out/proc"); os.mkdir("/out/d"); os.symlink("..", "/out/d/up"); open("/out/d/real", "w").write("x")`))
		for _, name := range []string{"file", "folder", "dangling", "proc", "d/up"} {
			refusedAs(t, r, name, "symbolic link")
		}
		wantNames(t, r, "d/real")
	}},
	{"H34 files that are swapped for links until the end yield nothing foreign", func(t *testing.T, b sandbox.Backend) {
		for range 3 {
			r := succeed(t, b, python(`
import os
if os.fork() == 0:
    while True:
        try:
            open("/out/n", "w").write("mine"); os.rename("/out/n", "/out/a")
            os.symlink("/etc/passwd", "/out/n"); os.rename("/out/n", "/out/a")
            os.mkdir("/out/d2"); open("/out/d2/passwd", "w").write("mine"); os.rename("/out/d2", "/out/d")
            os.rename("/out/d", "/out/e"); os.symlink("/etc", "/out/d"); os.unlink("/out/d"); os.unlink("/out/e/passwd"); os.rmdir("/out/e")
        except OSError: pass
import time; time.sleep(0.1)`))
			for name, data := range r.Artifacts {
				if s := string(data); s != "mine" && s != "" {
					t.Errorf("%s: got %q", name, s)
				}
			}
		}
	}},
	{"H35 files with several links are refused", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python("import os; open('/out/a', 'w').write('x'); os.link('/out/a', '/out/b')"))
		refusedAs(t, r, "a", "2 links")
		refusedAs(t, r, "b", "2 links")
		wantNames(t, r)
	}},
	{"H36 pipes, sockets and unreadable files are refused without blocking", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python(`
import os, socket
os.mkfifo("/out/pipe"); socket.socket(socket.AF_UNIX).bind("/out/socket")
open("/out/secret", "w"); os.chmod("/out/secret", 0); os.mkdir("/out/closed", 0)`))
		refusedAs(t, r, "pipe", "named pipe")
		refusedAs(t, r, "socket", "socket")
		refusedAs(t, r, "secret", "cannot be read")
		refusedAs(t, r, "closed", "cannot be read")
		wantNames(t, r)
	}},
	{"H36 a sparse giant is refused, its neighbour is kept", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python("import os; f = open('/out/giant', 'w'); f.truncate(1 << 40); open('/out/small', 'w').write('x')", func(s *sandbox.Spec) {
			s.Limits.FileSize = 1 << 41
		}))
		refusedAs(t, r, "giant", "too large")
		wantNames(t, r, "small")
	}},
	{"the bound on all artifacts together holds", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python("for i in range(5): open('/out/%d' % i, 'wb').write(b'x' * (1 << 20))"))
		refusedAs(t, r, "4", "too large")
		wantNames(t, r, "0", "1", "2", "3")
	}},
	{"too many files and too deep folders are refused", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python(`
import os
for i in range(6000): open("/out/%04d" % i, "w")
p = "/out/deep"
for _ in range(100): os.mkdir(p); p += "/d"
`))
		if len(r.Artifacts) != 5_000 {
			t.Errorf("got %d artifacts", len(r.Artifacts))
		}
		if len(r.Refused) > 200 || !strings.Contains(strings.Join(r.Refused, "\n"), "more were refused") {
			t.Errorf("got %d refusals", len(r.Refused))
		}
		r = succeed(t, b, python("import os\np = '/out/deep'\nfor _ in range(100): os.mkdir(p); p += '/d'\nopen('/out/z', 'w')"))
		if len(r.Refused) != 1 || !strings.Contains(r.Refused[0], "too deeply") {
			t.Errorf("got %q", r.Refused)
		}
		wantNames(t, r, "z")
	}},
	{"H38 names are escaped, and odd ones refused", func(t *testing.T, b sandbox.Backend) {
		odd := []string{`a\nb`, `\x1b[31mred`, `\xff\xfe`, `\u202egpj.exe`, `\u200b`, `tab\t`, `back\\slash`, `\x7f`, `\U000e0041`}
		r := succeed(t, b, python("import os\nfor n in ("+quoted(odd)+"): open(os.path.join(b'/out', n), 'w')\nos.mkdir('/out/d\\n')\nopen('/out/d\\n/x', 'w')\nfor n in ('n' * 255, 'sp ace', 'ümlaut', '-rf', '...', 'a\"b'): open('/out/' + n, 'w').write('x')"))
		wantNames(t, r, strings.Repeat("n", 255), "sp ace", "ümlaut", "-rf", "...", `a"b`)
		if len(r.Refused) != len(odd)+1 {
			t.Errorf("got %d refusals: %q", len(r.Refused), r.Refused)
		}
		for _, line := range r.Refused {
			for _, c := range line {
				if c < ' ' || c > '~' {
					t.Errorf("unescaped %q in %q", c, line)
				}
			}
		}
	}},
	{"/out itself cannot be replaced", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python(`
import os
open("/out/a", "w").write("x")
for attempt in (lambda: os.rename("/out", "/tmp/o"), lambda: os.rmdir("/out"), lambda: os.symlink("/etc", "/out")):
    try: attempt(); print("replaced")
    except OSError: pass`))
		if len(r.Stdout) != 0 {
			t.Error("replaced")
		}
		wantNames(t, r, "a")
	}},
}

// quoted writes names as Python byte strings.
func quoted(names []string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(`"` + n + `".encode("latin-1" if all(ord(c) < 256 for c in "` + n + `") else "utf-8"), `)
	}
	return b.String()
}

func wantNames(t *testing.T, r *sandbox.Result, want ...string) {
	t.Helper()
	got := slices.Sorted(maps.Keys(r.Artifacts))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got artifacts %q, want %q", got, want)
	}
}
