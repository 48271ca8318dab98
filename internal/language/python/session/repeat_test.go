package session

import (
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

func repeat(t *testing.T, req testrun.Request, n int) []*testrun.Result {
	t.Helper()
	r := Runner{Backend: backend(t)}
	if req.Limits.Wall == 0 {
		req.Limits.Wall = time.Minute
	}
	results, err := r.Repeat(t.Context(), req, n)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != n {
		t.Fatalf("got %d results, want %d", len(results), n)
	}
	return results
}

func TestASessionRepeatedSaysWhatASingleOneDoes(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, shop)
	own := testrun.Test{Path: "tests/test_cart.py", Name: "test_repeatable", Own: true}
	for name, req := range map[string]testrun.Request{
		"a synthesized test":   {Test: &red},
		"the repository's own": {Test: &own, Seed: 7},
		"the suite":            {Seed: 3},
		"a test that a file of the tree cannot import": {Test: &red, Overlay: map[string][]byte{"shop/cart.py": []byte("import nothing")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req.Tree = dir
			want := run(t, req)
			for i, got := range repeat(t, req, 3) {
				if got.Forged != want.Forged || got.Cause != want.Cause || got.Runner != want.Runner || len(got.Tests) != len(want.Tests) || len(got.Errors) != len(want.Errors) {
					t.Fatalf("session %d: got %+v, want %+v", i, got, want)
				}
				for k, o := range got.Tests {
					if w := want.Tests[k]; o.ID != w.ID || o.Status != w.Status || o.Type != w.Type || o.Message != w.Message || len(o.Frames) != len(w.Frames) {
						t.Errorf("session %d: got %+v, want %+v", i, o, w)
					}
				}
			}
		})
	}
}

// What a session leaves behind, or does to the process that starts them, must not
// become what another one says.
func TestSessionsInOneSandboxDoNotInfluenceEachOther(t *testing.T) {
	t.Parallel()
	test := testrun.Test{Path: "test_x.py", Name: "test_x", Source: `import os
import signal
import time


def test_x():
    seen = sorted(os.listdir("/tmp") + os.listdir("/out") + os.listdir("/dev/shm"))
    others = [p for p in os.listdir("/proc") if p.isdigit() and open("/proc/%s/stat" % p).read().split(")")[0].endswith("(left")]
    for name in ("environ", "mem", "maps", "fd/3", "cwd"):
        path = "/proc/%d/%s" % (os.getppid(), name)
        try:
            os.readlink(path) if name in ("cwd", "fd/3") else open(path, "rb").read(1)
        except OSError:
            continue
        seen.append(name)
    pipes = [fd for fd in range(3, 64) if os.path.exists("/proc/self/fd/%d" % fd) and os.readlink("/proc/self/fd/%d" % fd).startswith("pipe")]
    for folder in ("/tmp", "/out", "/dev/shm"):
        os.makedirs(folder + "/a/b")
        open(folder + "/a/b/c", "w").close()
        os.symlink("/work", folder + "/l")
        os.chmod(folder + "/a/b", 0)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open("/proc/self/comm", "w").write("left")
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        os._exit(0)
    raise ValueError("seen %s, %d processes, %d pipes" % (",".join(seen) or "nothing", len(others), len(pipes)))
`}
	req := testrun.Request{Tree: sandboxtest.Tree(t, sample), Test: &test}
	alone := run(t, req)
	if !alone.OK() || !strings.HasPrefix(alone.Tests[0].Message, "seen nothing, 0 processes, ") {
		t.Fatalf("alone: got %+v", alone)
	}
	for i, res := range repeat(t, req, 3) {
		if !res.OK() || res.Tests[0].Message != alone.Tests[0].Message {
			t.Errorf("session %d: got %+v, want %s", i, res, alone.Tests[0].Message)
		}
	}
}

func TestWhoeverEndsThePoolIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"killed":      "os.kill(os.getppid(), 9)",
		"interrupted": "os.kill(os.getppid(), 2)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test := testrun.Test{Path: "test_x.py", Name: "test_x", Source: "import os\nimport time\n\n\ndef test_x():\n    " + body + "\n    time.sleep(1)\n"}
			for i, res := range repeat(t, testrun.Request{Tree: sandboxtest.Tree(t, sample), Test: &test}, 3) {
				if res.OK() || res.Forged == "" {
					t.Errorf("session %d is believed: %+v", i, res)
				}
			}
		})
	}
}

func TestEachOfTheSessionsHasItsOwnTime(t *testing.T) {
	t.Parallel()
	test := testrun.Test{Path: "test_x.py", Name: "test_x", Source: "import time\n\n\ndef test_x():\n    time.sleep(600)\n"}
	for i, res := range repeat(t, testrun.Request{Tree: sandboxtest.Tree(t, sample), Test: &test, Limits: sandbox.Limits{Wall: 6 * time.Second}}, 2) {
		if res.Cause != sandbox.Timeout || res.Forged != "" || len(res.Tests) != 1 || res.Tests[0].Type != testrun.TimeoutType {
			t.Errorf("session %d: got %+v", i, res)
		}
	}
}
