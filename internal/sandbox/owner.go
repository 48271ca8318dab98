package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/repaird/repaird/internal/fault"
)

// An Owner names the process that owns what a backend creates. Its text is a part
// of labels and of names, so that a later daemon can tell what is orphaned:
//
//	<host>.<boot id>.<pid namespace>.<pid>.<start time in clock ticks since boot>
//
// Older versions wrote no host.
type Owner struct {
	Host  string // see Host; "" in the texts of older versions
	Boot  string // boot of the host, without dashes
	PidNS string // inode of the PID namespace in which Pid counts
	Pid   int
	Start string
}

// HostVariable is the environment variable that names this host, for containers
// and clones of machines, whose own identities change or are all the same.
const HostVariable = "REPAIRD_HOST"

// Host returns the identity of this host among those that share a database or a
// container engine: a digest of what HostVariable says, else of the machine-id
// of systemd, else of the host's name.
var Host = sync.OnceValue(func() string { return hostOf(os.Getenv(HostVariable), "/etc/machine-id") })

func hostOf(named, machineID string) string {
	id := "name " + named
	if named == "" {
		if data, err := os.ReadFile(machineID); err == nil && len(strings.TrimSpace(string(data))) == 32 {
			id = "machine " + strings.TrimSpace(string(data))
		} else {
			name, _ := os.Hostname()
			id = "hostname " + name
		}
	}
	sum := sha256.Sum256([]byte("repaird host " + id)) // a machine-id is not to be shown
	return "h" + hex.EncodeToString(sum[:8])           // no boot id begins with an h
}

// SelfOwner returns the owner of this process.
func SelfOwner() (Owner, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Owner{}, err
	}
	ns, err := pidNamespace()
	if err != nil {
		return Owner{}, err
	}
	start, err := startTime(os.Getpid())
	if err != nil {
		return Owner{}, err
	}
	return Owner{Host: Host(), Boot: strings.ReplaceAll(strings.TrimSpace(string(boot)), "-", ""), PidNS: ns, Pid: os.Getpid(), Start: start}, nil
}

// String returns the stored form.
func (o Owner) String() string {
	s := fmt.Sprintf("%s.%s.%d.%s", o.Boot, o.PidNS, o.Pid, o.Start)
	if o.Host != "" {
		s = o.Host + "." + s
	}
	return s
}

var ownerCount atomic.Uint64

// Next returns a name that is unique on this host and contains the owner.
func (o Owner) Next() string { return fmt.Sprintf("%s.%d", o, ownerCount.Add(1)) }

// ParseOwner reads the stored form, or a name that Next returned.
func ParseOwner(s string) (Owner, error) {
	var o Owner
	parts := strings.Split(s, ".")
	if strings.HasPrefix(parts[0], "h") {
		o.Host, parts = parts[0], parts[1:]
	}
	if len(parts) != 4 && len(parts) != 5 {
		return Owner{}, fault.Errorf(fault.Invalid, "owner %q", s)
	}
	pid, err := strconv.Atoi(parts[2])
	if err != nil || pid <= 0 || parts[0] == "" || parts[1] == "" || parts[3] == "" {
		return Owner{}, fault.Errorf(fault.Invalid, "owner %q", s)
	}
	o.Boot, o.PidNS, o.Pid, o.Start = parts[0], parts[1], pid, parts[3]
	return o, nil
}

// Dead reports whether the owner is known to be dead. One on another host, or in
// another PID namespace of this one, cannot be checked and counts as alive; a caller that
// must not wait for ever lets claims expire.
func (o Owner) Dead() bool {
	self, err := SelfOwner()
	legacy := o.Host == "" // as older versions wrote it: only this host has this boot
	if err != nil || !legacy && o.Host != self.Host || legacy && o.Boot != self.Boot {
		return false
	}
	if o.Boot != self.Boot {
		return true
	}
	if o.PidNS != self.PidNS {
		return false
	}
	start, err := startTime(o.Pid)
	return err != nil || start != o.Start
}

func pidNamespace() (string, error) {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimPrefix(link, "pid:["), "]"), nil
}

// startTime is field 22 of /proc/PID/stat; the command name, field 2, may contain
// anything, parentheses too. A zombie counts as dead.
func startTime(pid int) (string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return "", fmt.Errorf("process %d is gone", pid)
	}
	return fields[19], nil
}
