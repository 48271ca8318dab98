package bwrap

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
)

// decide interprets the filter as the kernel does.
func decide(t *testing.T, filter []byte, arch, nr uint32, args ...uint64) uint32 {
	t.Helper()
	data := make([]byte, 64)
	binary.NativeEndian.PutUint32(data[offNumber:], nr)
	binary.NativeEndian.PutUint32(data[offArch:], arch)
	for i, a := range args {
		binary.NativeEndian.PutUint64(data[offArgs+8*i:], a)
	}
	var acc uint32
	for pc := 0; pc*8 < len(filter); pc++ {
		code := binary.NativeEndian.Uint16(filter[pc*8:])
		jt, jf := int(filter[pc*8+2]), int(filter[pc*8+3])
		k := binary.NativeEndian.Uint32(filter[pc*8+4:])
		switch code {
		case loadWord:
			acc = binary.NativeEndian.Uint32(data[k:])
		case andConst:
			acc &= k
		case jumpEqual, jumpAtLeast:
			if code == jumpEqual && acc == k || code == jumpAtLeast && acc >= k {
				pc += jt
			} else {
				pc += jf
			}
		case ret:
			return k
		default:
			t.Fatalf("instruction %d: code %#x", pc, code)
		}
	}
	t.Fatal("the filter runs off its end")
	return 0
}

func TestFilter(t *testing.T) {
	t.Parallel()
	f := filter()
	if n := len(f) / 8; n > 4096 {
		t.Fatalf("%d instructions, the kernel takes 4096", n)
	}
	const allow, kill uint32 = unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_KILL_PROCESS
	const eperm, enosys = uint32(unix.SECCOMP_RET_ERRNO | unix.EPERM), uint32(unix.SECCOMP_RET_ERRNO | unix.ENOSYS)
	for _, tt := range []struct {
		name string
		arch uint32
		nr   uint32
		args []uint64
		want uint32
	}{
		{"read", auditArch, unix.SYS_READ, nil, allow},
		{"the last plain rule", auditArch, unix.SYS_RECVMMSG, nil, allow},
		{"fork", auditArch, unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, allow},
		{"a new user namespace", auditArch, unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER}, eperm},
		{"a new network namespace among others", auditArch, unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_NEWNET}, eperm},
		{"clone3", auditArch, unix.SYS_CLONE3, nil, enosys},
		{"a local socket", auditArch, unix.SYS_SOCKET, []uint64{unix.AF_UNIX}, allow},
		{"a routing socket", auditArch, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, 3, 0}, allow},
		{"a netfilter socket", auditArch, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, 3, 12}, eperm},
		{"vsock", auditArch, unix.SYS_SOCKET, []uint64{unix.AF_VSOCK}, eperm},
		{"a family with high bits set", auditArch, unix.SYS_SOCKET, []uint64{1<<32 | unix.AF_UNIX}, eperm},
		{"own limits", auditArch, unix.SYS_PRLIMIT64, []uint64{0, 1}, allow},
		{"process 1's limits", auditArch, unix.SYS_PRLIMIT64, []uint64{1, 1}, eperm},
		{"personality: query", auditArch, unix.SYS_PERSONALITY, []uint64{0xffffffff}, allow},
		{"personality: another system's", auditArch, unix.SYS_PERSONALITY, []uint64{8}, eperm},
		{"ptrace", auditArch, unix.SYS_PTRACE, nil, eperm},
		{"a call from the future", auditArch, 9999, nil, enosys},
		{"an x32 call", auditArch, x32Bit | unix.SYS_READ, nil, enosys},
		{"another architecture", unix.AUDIT_ARCH_I386, unix.SYS_READ, nil, kill},
	} {
		if got := decide(t, f, tt.arch, tt.nr, tt.args...); got != tt.want {
			t.Errorf("%s: got %#x, want %#x", tt.name, got, tt.want)
		}
	}
	for _, rule := range sandbox.AllowedSyscalls() {
		if nr, ok := syscallNumbers[rule.Name]; ok && len(rule.Args) == 0 {
			if got := decide(t, f, auditArch, nr); got != allow {
				t.Errorf("%s: got %#x", rule.Name, got)
			}
		}
	}
	for _, name := range sandbox.RefusedSyscalls() {
		if nr, ok := syscallNumbers[name]; ok {
			if got := decide(t, f, auditArch, nr); got != eperm {
				t.Errorf("%s: got %#x", name, got)
			}
		}
	}
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	if _, err := New(Options{}); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "setup.sh") {
		t.Errorf("no base systems: got %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err := New(Options{Bases: []sandbox.Base{{}}})
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "apt-get install bubblewrap") {
		t.Errorf("no bwrap: got %v", err)
	}
}

func TestRootArguments(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{"usr/bin", "etc", "proc", "tmp", "opt", "run"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("usr/bin", filepath.Join(root, "bin")); err != nil {
		t.Fatal(err)
	}
	got, err := rootArguments(root)
	if err != nil {
		t.Fatal(err)
	}
	want := "--symlink usr/bin /bin --ro-bind /tmp/root/etc /etc --ro-bind /tmp/root/usr /usr --dir /run"
	if strings.Join(got, " ") != want {
		t.Errorf("got %q", got)
	}
	if _, err := interpreter(root); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a base without Python: got %v", err)
	}
}
