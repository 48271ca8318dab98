package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestOwner(t *testing.T) {
	t.Parallel()
	self, err := SelfOwner()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{self.String(), self.Next()} {
		if got, err := ParseOwner(text); err != nil || got != self {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, err, self)
		}
	}
	if first, second := self.Next(), self.Next(); first == second {
		t.Error("Next repeats itself")
	}
	if got, err := ParseOwner("c0ffee.1.2.3"); err != nil || got != (Owner{Boot: "c0ffee", PidNS: "1", Pid: 2, Start: "3"}) {
		t.Errorf("without a host: got %+v, %v", got, err)
	}
	for _, bad := range []string{"", "a.b.c.d", "a.b.-1.d", "a.b.1", "..1.", "a.b.1.2.3.4", "h1.a.b.1", "h1"} {
		if l, err := ParseOwner(bad); err == nil {
			t.Errorf("%q: got %+v", bad, l)
		}
	}
}

func TestOwnerKnowsTheDead(t *testing.T) {
	t.Parallel()
	self, err := SelfOwner()
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
	recycled, rebooted, foreign, elsewhere, older, olderHere := child, child, child, child, child, recycledBy(child)
	recycled.Start += "1"
	rebooted.Boot = strings.Repeat("0", 32)
	foreign.PidNS, foreign.Pid = "1", 1<<30
	elsewhere.Host, elsewhere.Boot = "h0123456789abcdef", rebooted.Boot
	older.Host, older.Boot = "", rebooted.Boot
	for name, tt := range map[string]struct {
		owner Owner
		dead  bool
	}{
		"this process lives":                              {self, false},
		"a running child lives":                           {child, false},
		"a process with a recycled number is another one": {recycled, true},
		"a process of an earlier boot is dead":            {rebooted, true},
		"a process on another host cannot be judged":      {elsewhere, false},
		"an owner without a host cannot be checked":       {older, false},
		"but for one of this boot, which is this host's":  {olderHere, true},
		"a process of another namespace cannot be judged": {foreign, false},
	} {
		if got := tt.owner.Dead(); got != tt.dead {
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

// recycledBy is an owner as older versions wrote it, without a host, whose
// process number now belongs to another process.
func recycledBy(o Owner) Owner {
	o.Host, o.Start = "", o.Start+"1"
	return o
}

func TestAHostIsNamedByItsSettingItsMachineIDOrItsName(t *testing.T) {
	t.Parallel()
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "machine-id")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	one, two := file(strings.Repeat("1", 32)+"\n"), file(strings.Repeat("2", 32)+"\n")
	unset := file("uninitialized\n")
	for name, same := range map[string]bool{
		"two machine-ids are two hosts":           hostOf("", one) == hostOf("", two),
		"a name stands above the machine-id":      hostOf("a", one) == hostOf("", one),
		"two names on one machine are two hosts":  hostOf("a", one) == hostOf("b", one),
		"a machine-id that is none is not one":    hostOf("", unset) == hostOf("", one),
		"the host's name is not a machine's name": hostOf("", unset) == hostOf("a", unset),
	} {
		if same {
			t.Errorf("%s: they are one", name)
		}
	}
	if hostOf("a", one) != hostOf("a", two) || hostOf("", unset) != hostOf("", filepath.Join(t.TempDir(), "none")) {
		t.Error("one host has two identities")
	}
}
