package sandbox

import (
	"os/exec"
	"strings"
	"testing"
)

func TestLease(t *testing.T) {
	t.Parallel()
	self, err := SelfLease()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{self.String(), self.Next()} {
		if got, err := ParseLease(text); err != nil || got != self {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, err, self)
		}
	}
	if first, second := self.Next(), self.Next(); first == second {
		t.Error("Next repeats itself")
	}
	for _, bad := range []string{"", "a.b.c.d", "a.b.-1.d", "a.b.1", "..1.", "a.b.1.2.3.4"} {
		if l, err := ParseLease(bad); err == nil {
			t.Errorf("%q: got %+v", bad, l)
		}
	}
}

func TestLeaseKnowsTheDead(t *testing.T) {
	t.Parallel()
	self, err := SelfLease()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child := self
	child.Pid = cmd.Process.Pid
	if child.Start, err = startTime(child.Pid); err != nil {
		t.Fatal(err)
	}
	recycled, rebooted, foreign := child, child, child
	recycled.Start += "1"
	rebooted.Boot = strings.Repeat("0", 32)
	foreign.PidNS, foreign.Pid = "1", 1<<30
	for name, tt := range map[string]struct {
		lease Lease
		dead  bool
	}{
		"this process lives":                              {self, false},
		"a running child lives":                           {child, false},
		"a process with a recycled number is another one": {recycled, true},
		"a process of an earlier boot is dead":            {rebooted, true},
		"a process of another namespace cannot be judged": {foreign, false},
	} {
		if got := tt.lease.Dead(); got != tt.dead {
			t.Errorf("%s: got dead = %v", name, got)
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !child.Dead() {
		t.Error("a process that has ended counts as alive")
	}
}
