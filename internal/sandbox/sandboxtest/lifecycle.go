package sandboxtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/sandbox"
)

// victimVariable makes a test program a daemon that is going to be killed: its
// value is the backend, a space, and the folder of the wire ("" for none).
const victimVariable = "REPAIRD_SANDBOXTEST_VICTIM"

// Main is the TestMain of packages that call Run.
func Main(m *testing.M) {
	if v := os.Getenv(victimVariable); v != "" {
		os.Exit(victim(v))
	}
	os.Setenv("REPAIRD_SANDBOXTEST_SECRET", planted)
	os.Exit(m.Run())
}

// hold runs until it is killed, with descendants that would outlive it.
const hold = doubleFork + `
daemon()
for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(s, signal.SIG_IGN)
fd = os.open("/wire/wire", os.O_WRONLY)
os.fork()
while True: time.sleep(1000)
`

func victim(arg string) int {
	name, dir, _ := strings.Cut(arg, " ")
	bases, err := sandbox.LoadBases(StateDir())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	b, err := open(name, bases)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	self, err := sandbox.SelfOwner()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(self)
	_, err = b.Run(context.Background(), python(hold, (&wire{dir: dir}).attach))
	fmt.Println(err)
	return 1
}

// lifecycle is about ends that come from outside.
var lifecycle = []caseFunc{
	{"H59 kill -9 of the daemon leaves nothing", func(t *testing.T, b sandbox.Backend) {
		w := newWire(t)
		kill, owner := startVictim(t, b, w)
		w.ready(t)
		if len(owned(t, b, owner)) == 0 {
			t.Error("the backend does not know what the daemon owns")
		}
		kill()
		reapAll(t, b, owner)
		w.dead(t)
	}},
	{"H59 kill -9 of the daemon while it starts a sandbox leaves nothing", func(t *testing.T, b sandbox.Backend) {
		for range 4 {
			kill, owner := startVictim(t, b, newWire(t))
			kill()
			reapAll(t, b, owner)
		}
	}},
	{"Reap leaves the runs of the living alone", func(t *testing.T, b sandbox.Backend) {
		w := newWire(t)
		go1, release := fifo(t, filepath.Join(w.dir, "go"))
		defer go1.Close()
		done := make(chan *sandbox.Result, 1)
		go func() {
			r, _ := b.Run(context.Background(), python("import os; os.write(os.open('/wire/wire', os.O_WRONLY), b'r'); print(open('/wire/go').readline())", w.attach))
			done <- r
		}()
		w.ready(t)
		if _, err := b.Reap(context.Background()); err != nil {
			t.Error(err)
		}
		if _, err := release.WriteString("went on\n"); err != nil {
			t.Fatal(err)
		}
		if r := <-done; r == nil || r.Cause != sandbox.Exited || string(r.Stdout) != "went on\n\n" {
			t.Errorf("got %+v", r)
		}
	}},
	{"a cancelled context ends the run and everything in it", func(t *testing.T, b sandbox.Backend) {
		w := newWire(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		why := errors.New("cancelled by a person")
		done := make(chan error, 1)
		go func() {
			_, err := b.Run(ctx, python(hold, w.attach))
			done <- err
		}()
		w.ready(t)
		cancel(why)
		if err := <-done; !errors.Is(err, why) {
			t.Errorf("got error %v", err)
		}
		w.dead(t)
	}},
	{"a context that has ended starts nothing", func(t *testing.T, b sandbox.Backend) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := b.Run(ctx, python("")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}},
	{"the start of a run can be cancelled at any moment", func(t *testing.T, b sandbox.Backend) {
		for i := range 6 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i*i)*4*time.Millisecond)
			if r, err := b.Run(ctx, python("import time; time.sleep(1000)")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %+v, %v", r, err)
			}
			cancel()
		}
	}},
	{"concurrent runs do not see each other", func(t *testing.T, b sandbox.Backend) {
		type answer struct {
			r   *sandbox.Result
			err error
		}
		answers := make(chan answer)
		const n = 4
		for i := range n {
			go func() {
				r, err := b.Run(context.Background(), python(fmt.Sprintf("import os; open('/tmp/%d', 'w'); open('/out/%d', 'w'); open('/dev/shm/%d', 'w'); print(os.listdir('/tmp') + os.listdir('/dev/shm'))", i, i, i)))
				answers <- answer{r, err}
			}()
		}
		for range n {
			a := <-answers
			if a.err != nil {
				t.Error(a.err)
			} else if len(a.r.Artifacts) != 1 || strings.Count(string(a.r.Stdout), ",") != 1 {
				t.Errorf("got %q, %q", a.r.Artifacts, a.r.Stdout)
			}
		}
	}},
	{"the probe passes", func(t *testing.T, b sandbox.Backend) {
		if err := b.Probe(context.Background()); err != nil {
			t.Error(err)
		}
	}},
}

// startVictim starts this test program as a daemon, and returns what kills it.
func startVictim(t *testing.T, b sandbox.Backend, w *wire) (kill func(), owner sandbox.Owner) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), victimVariable+"="+b.Name()+" "+w.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if owner, err = sandbox.ParseOwner(strings.TrimSpace(line)); err != nil {
		t.Fatalf("the victim said %q", line)
	}
	return kill, owner
}

// reapAll reaps until nothing of the dead daemon is left. Once is enough unless
// the daemon died in the middle of a call that its engine still carries out.
func reapAll(t *testing.T, b sandbox.Backend, owner sandbox.Owner) {
	t.Helper()
	if !owner.Dead() {
		t.Fatal("the killed daemon counts as alive")
	}
	end := time.Now().Add(time.Minute)
	for {
		if _, err := b.Reap(context.Background()); err != nil {
			t.Fatal(err)
		}
		left := owned(t, b, owner)
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("left after reaping: %q", left)
		}
	}
}
