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

// A Lease names the process that owns what a backend creates. Its text is a part
// of labels and of names, so that a later daemon can tell what is orphaned:
//
//	<host>.<boot id>.<pid namespace>.<pid>.<start time in clock ticks since boot>
//
// Older versions wrote no host.
type Lease struct {
	Host  string // see Host; "" in leases of older versions
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

// SelfLease returns the lease of this process.
func SelfLease() (Lease, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Lease{}, err
	}
	ns, err := pidNamespace()
	if err != nil {
		return Lease{}, err
	}
	start, err := startTime(os.Getpid())
	if err != nil {
		return Lease{}, err
	}
	return Lease{Host: Host(), Boot: strings.ReplaceAll(strings.TrimSpace(string(boot)), "-", ""), PidNS: ns, Pid: os.Getpid(), Start: start}, nil
}

// String returns the stored form.
func (l Lease) String() string {
	s := fmt.Sprintf("%s.%s.%d.%s", l.Boot, l.PidNS, l.Pid, l.Start)
	if l.Host != "" {
		s = l.Host + "." + s
	}
	return s
}

var leaseCount atomic.Uint64

// Next returns a name that is unique on this host and carries the lease.
func (l Lease) Next() string { return fmt.Sprintf("%s.%d", l, leaseCount.Add(1)) }

// ParseLease reads the stored form, or a name that Next has made.
func ParseLease(s string) (Lease, error) {
	var l Lease
	parts := strings.Split(s, ".")
	if strings.HasPrefix(parts[0], "h") {
		l.Host, parts = parts[0], parts[1:]
	}
	if len(parts) != 4 && len(parts) != 5 {
		return Lease{}, fault.Errorf(fault.Invalid, "lease %q", s)
	}
	pid, err := strconv.Atoi(parts[2])
	if err != nil || pid <= 0 || parts[0] == "" || parts[1] == "" || parts[3] == "" {
		return Lease{}, fault.Errorf(fault.Invalid, "lease %q", s)
	}
	l.Boot, l.PidNS, l.Pid, l.Start = parts[0], parts[1], pid, parts[3]
	return l, nil
}

// Dead reports whether the owner is known to be dead. One on another host, or in
// another PID namespace of this one, cannot be judged and counts as alive; who
// must not wait for ever gives leases an end.
func (l Lease) Dead() bool {
	self, err := SelfLease()
	if err != nil || l.Host != self.Host {
		return false
	}
	if l.Boot != self.Boot {
		return true
	}
	if l.PidNS != self.PidNS {
		return false
	}
	start, err := startTime(l.Pid)
	return err != nil || start != l.Start
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
