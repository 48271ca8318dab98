"""Attacks the sandbox that it runs in and prints one JSON line per case.

    python3 attack.py '{"processes": 64, "scratch": 8388608, "inodes": 500, "fsize": 1048576}' [case ...]

A line is {"case", "contained", "detail"}. Case numbers refer to the table in
docs/threat-model.md. Successful attacks do no harm: they write back what they
read, or stop somewhat above the limit.
"""
import ctypes
import errno
import glob
import json
import os
import platform
import resource
import signal
import socket
import stat
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
LIMITS = json.loads(sys.argv[1])
NUMBERS = {
    "x86_64": dict(clone=56, ptrace=101, mount=165, keyctl=250, add_key=248, request_key=249, bpf=321,
                   perf_event_open=298, io_uring_setup=425, userfaultfd=323, unshare=272, setns=308, chroot=161,
                   clone3=435, process_vm_readv=310, pidfd_getfd=438, kcmp=312, open_by_handle_at=304,
                   init_module=175, kexec_load=246, fsopen=430, open_tree=428, x32_getpid=0x40000000 + 39),
    "aarch64": dict(clone=220, ptrace=117, mount=40, keyctl=219, add_key=217, request_key=218, bpf=280,
                    perf_event_open=241, io_uring_setup=425, userfaultfd=282, unshare=97, setns=268, chroot=51,
                    clone3=435, process_vm_readv=270, pidfd_getfd=438, kcmp=272, open_by_handle_at=265,
                    init_module=105, kexec_load=104, fsopen=430, open_tree=428),
}[platform.machine()]
NEWUSER, NEWNS = 0x10000000, 0x00020000


class Escaped(Exception):
    pass


def refuses(what, attempt, *errnos):
    """The attempt must fail with an OSError, with one of the given numbers if any."""
    try:
        attempt()
    except OSError as e:
        if errnos and e.errno not in errnos:
            raise Escaped("%s failed with %s only" % (what, errno.errorcode.get(e.errno, e.errno)))
        return errno.errorcode.get(e.errno, str(e.errno))
    raise Escaped(what + " succeeded")


def call(name, *args):
    def attempt():
        ctypes.set_errno(0)
        r = LIBC.syscall(ctypes.c_long(NUMBERS[name]), *[ctypes.c_long(a) for a in args])
        if r == 0 and name == "clone":
            os._exit(0)
        if r < 0:
            raise OSError(ctypes.get_errno(), name)
    return attempt


def forbidden(*calls):
    for name, args in calls:
        if name in NUMBERS:
            refuses(name, call(name, *args), errno.EPERM)
    return ", ".join(name for name, _ in calls) + ": EPERM"


def write_to(path):
    def attempt():
        fd = os.open(path, os.O_WRONLY)
        os.close(fd)
    return attempt


def read_from(path):
    def attempt():
        fd = os.open(path, os.O_RDONLY)
        try:
            if not os.read(fd, 16):
                raise OSError(errno.ENODATA, path)
        finally:
            os.close(fd)
    return attempt


def create_in(folder):
    def attempt():
        fd = os.open(folder + "/repaird-attack", os.O_WRONLY | os.O_CREAT)
        os.close(fd)
        os.unlink(folder + "/repaird-attack")
    return attempt


def fill(folder, bound):
    """Writes 256 KiB files until an error; more than bound bytes is an escape."""
    block, total, names = b"x" * (256 << 10), 0, []
    try:
        while total <= bound + (32 << 20):
            name = "%s/fill-%d" % (folder, len(names))
            fd = os.open(name, os.O_WRONLY | os.O_CREAT)
            names.append(name)
            try:
                n = os.write(fd, block)
                total += n
                if n < len(block):
                    raise OSError(errno.ENOSPC, name)
            finally:
                os.close(fd)
    except OSError as e:
        if total > bound:
            raise Escaped("%s took %d bytes" % (folder, total))
        return "%s took %d bytes: %s" % (folder, total, errno.errorcode[e.errno])
    finally:
        for name in names:
            os.unlink(name)
    raise Escaped("%s took %d bytes" % (folder, total))


def fill_inodes(folder, bound):
    names = []
    try:
        while len(names) <= bound + 100:
            name = "%s/inode-%d" % (folder, len(names))
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT))
            names.append(name)
    except OSError as e:
        if len(names) > bound:
            raise Escaped("%s took %d files" % (folder, len(names)))
        return "%s took %d files: %s" % (folder, len(names), errno.errorcode[e.errno])
    finally:
        for name in names:
            os.unlink(name)
    raise Escaped("%s took more than %d files" % (folder, bound))


def status(field):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return line.split(":", 1)[1].strip()
    return ""


def h01_fork_bomb():
    children, why = [], ""
    try:
        while len(children) <= LIMITS["processes"]:
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            children.append(pid)
    except OSError as e:
        why = errno.errorcode[e.errno]
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    if not why:
        raise Escaped("%d processes" % len(children))
    return "%d processes, then %s" % (len(children), why)


def h03_fill_tmp():
    return fill("/tmp", LIMITS["scratch"]) + "; " + fill("/out", LIMITS["scratch"])


def h04_fill_shm():
    return fill("/dev/shm", min(LIMITS["scratch"], 64 << 20))


def h05_fill_dev():
    return "a file in /dev: " + refuses("a file in /dev", create_in("/dev"))


def h06_inodes():
    return "; ".join([fill_inodes("/tmp", LIMITS["inodes"]), fill_inodes("/out", LIMITS["inodes"]), fill_inodes("/dev/shm", 1024)])


def h14_write_root():
    folders = ["/", "/usr", "/usr/lib", "/etc", "/in", "/var", "/run", "/bin", "/work", "/home", "/opt"]
    return "; ".join(f + " " + refuses("a file in " + f, create_in(f)) for f in folders if os.path.isdir(f))


def h15_metadata_service():
    def attempt():
        with socket.socket() as s:
            s.settimeout(3)
            s.connect(("169.254.169.254", 80))
    return refuses("connecting to 169.254.169.254", attempt, errno.ENETUNREACH, errno.EHOSTUNREACH)


def h16_network():
    with open("/proc/net/dev") as f:
        names = [line.split(":")[0].strip() for line in f if ":" in line]
    if names != ["lo"]:
        raise Escaped("interfaces: %s" % names)
    try:
        socket.getaddrinfo("example.com", 80)
    except socket.gaierror:
        return "only lo; no name resolves"
    raise Escaped("a name resolves")


def h17_unix_sockets():
    with open("/proc/net/unix") as f:
        found = [line.split()[-1] for line in f if "@" in line]
    if found:
        raise Escaped("abstract sockets: %s" % found[:3])
    return "no abstract sockets"


def h18_docker_socket():
    for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"):
        if os.path.exists(path):
            raise Escaped(path)
    return "absent"


def h19_host_processes():
    pids = [int(p) for p in os.listdir("/proc") if p.isdigit()]
    if len(pids) > 8 or os.getpid() > 64:
        raise Escaped("%d processes are visible" % len(pids))
    return "%d processes are visible" % len(pids)


def h20_daemon_environment():
    kept = set(os.environ) - {"PATH", "HOME", "LANG", "PWD", "SHLVL", "_", "LC_CTYPE"}
    if kept:
        raise Escaped("own environment: %s" % sorted(kept))
    return "/proc/1/environ: " + refuses("reading /proc/1/environ", read_from("/proc/1/environ"))


def h21_core_pattern():
    names = ["kernel/core_pattern", "kernel/modprobe", "kernel/sysrq", "vm/drop_caches", "vm/overcommit_memory", "fs/file-max"]
    return "; ".join(n + " " + refuses("writing " + n, write_to("/proc/sys/" + n)) for n in names if os.path.exists("/proc/sys/" + n))


def h22_kernel_files():
    refuses("writing sysrq-trigger", write_to("/proc/sysrq-trigger"))
    refuses("reading kcore", read_from("/proc/kcore"))
    refuses("reading kmsg", read_from("/dev/kmsg"))
    for pattern in ("/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/*/release_agent", "/sys/fs/cgroup/*/cgroup.procs", "/sys/fs/cgroup/cgroup.procs"):
        for path in glob.glob(pattern):
            refuses("writing " + path, write_to(path))
    for folder in glob.glob("/sys/fs/cgroup/*/") + ["/sys/fs/cgroup/"]:
        if os.path.isdir(folder):
            refuses("a cgroup in " + folder, lambda: os.mkdir(folder + "attack"))
    return "refused"


def h23_timer_list():
    return "; ".join(p + " " + refuses("reading " + p, read_from(p)) for p in ("/proc/timer_list", "/proc/slabinfo", "/proc/vmallocinfo"))


def h24_namespaces():
    refuses("mount", call("mount", 0, 0, 0, 0, 0), errno.EPERM)
    refuses("clone3", call("clone3", 0, 0), errno.ENOSYS)
    return forbidden(("unshare", (NEWUSER,)), ("unshare", (NEWNS,)), ("clone", (NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)),
                     ("setns", (0, 0)), ("chroot", (0,)), ("fsopen", (0, 0)), ("open_tree", (0, 0, 0)))


def h25_kernel_interfaces():
    return forbidden(("keyctl", (0, 0, 0, 0, 0)), ("add_key", (0, 0, 0, 0, 0)), ("request_key", (0, 0, 0, 0)), ("bpf", (0, 0, 0)),
                     ("perf_event_open", (0, 0, 0, 0, 0)), ("open_by_handle_at", (0, 0, 0)), ("init_module", (0, 0, 0)), ("kexec_load", (0, 0, 0, 0)))


def h26_io_uring():
    return forbidden(("io_uring_setup", (1, 0)))


def h27_userfaultfd():
    return forbidden(("userfaultfd", (0,)))


def h28_setuid():
    if os.getuid() == 0 or os.geteuid() == 0 or 0 in os.getgroups() or os.getgid() == 0:
        raise Escaped("root: uid %d, groups %s" % (os.getuid(), os.getgroups()))
    refuses("setuid(0)", lambda: os.setuid(0))
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        if int(status(field) or "0", 16) != 0:
            raise Escaped("%s is %s" % (field, status(field)))
    if status("NoNewPrivs") != "1" or status("Seccomp") != "2":
        raise Escaped("NoNewPrivs %s, Seccomp %s" % (status("NoNewPrivs"), status("Seccomp")))
    return "uid %d, no capability, no new privileges" % os.getuid()


def h30_terminal():
    import fcntl
    refuses("opening /dev/tty", read_from("/dev/tty"))
    for fd in (0, 1, 2):
        refuses("TIOCSTI", lambda: fcntl.ioctl(fd, 0x5412, b"x"))
    return "no terminal"


def h31_clock():
    return refuses("clock_settime", lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()), errno.EPERM)


def h32_sockets():
    kinds = [("vsock", 40, socket.SOCK_STREAM, 0), ("packet", 17, socket.SOCK_RAW, 0), ("alg", 38, socket.SOCK_SEQPACKET, 0),
             ("raw", socket.AF_INET, socket.SOCK_RAW, 1), ("netfilter", 16, socket.SOCK_RAW, 12), ("bluetooth", 31, socket.SOCK_RAW, 0)]
    for name, family, kind, proto in kinds:
        refuses("a socket of " + name, lambda: socket.socket(family, kind, proto).close(), errno.EPERM)
    return ", ".join(k[0] for k in kinds) + ": EPERM"


def s01_supervisor():
    """Process 1 of the sandbox has the same user, but must be out of reach."""
    for name in ("mem", "maps", "environ", "fd/0", "fd/1", "cwd", "root"):
        refuses("/proc/1/" + name, lambda: os.listdir("/proc/1/fd") if name == "fd/0" else os.readlink("/proc/1/" + name) if name in ("cwd", "root") else read_from("/proc/1/" + name)())
    for name in ("oom_score_adj", "comm", "clear_refs", "coredump_filter"):
        if os.path.exists("/proc/1/" + name):
            refuses("writing /proc/1/" + name, write_to("/proc/1/" + name))
    forbidden(("ptrace", (16, 1, 0, 0)), ("process_vm_readv", (1, 0, 0, 0, 0, 0)), ("pidfd_getfd", (0, 0, 0)), ("kcmp", (1, 1, 0, 0, 0)))
    refuses("prlimit of process 1", lambda: resource.prlimit(1, resource.RLIMIT_FSIZE, (0, 0)), errno.EPERM)
    for s in (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGALRM, signal.SIGSEGV, signal.SIGXCPU):
        os.kill(1, s)
    return "out of reach"


def s02_foreign_interfaces():
    """Calls through another ABI would evade a filter by number."""
    if "x32_getpid" not in NUMBERS:
        return "none on this architecture"
    pid = os.fork()
    if pid == 0:
        try:
            call("x32_getpid")()
        except OSError:
            os._exit(1)
        os._exit(0)
    st = os.waitpid(pid, 0)[1]
    if st == 0:
        raise Escaped("an x32 call succeeded")
    return "SIGSYS" if os.WIFSIGNALED(st) else "refused"


def s03_file_size():
    fd = os.open("/out/large", os.O_WRONLY | os.O_CREAT)
    try:
        refuses("a sparse file of 1 TB", lambda: os.ftruncate(fd, 1 << 40), errno.EFBIG)
        refuses("writing at 1 TB", lambda: os.pwrite(fd, b"x", 1 << 40), errno.EFBIG)
        os.pwrite(fd, b"x", LIMITS["fsize"] - 1)
        refuses("one byte too many", lambda: os.pwrite(fd, b"x", LIMITS["fsize"]), errno.EFBIG)
    finally:
        os.close(fd)
        os.unlink("/out/large")
    if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        raise Escaped("core files are possible")
    return "EFBIG"


def s04_devices():
    for name, mode, dev in (("mem", stat.S_IFCHR, os.makedev(1, 1)), ("disk", stat.S_IFBLK, os.makedev(254, 0))):
        refuses("a device node", lambda: os.mknod("/tmp/" + name, mode | 0o666, dev))
    found = [p for p in glob.glob("/dev/*") if stat.S_ISBLK(os.stat(p).st_mode if os.path.exists(p) else 0)]
    if found:
        raise Escaped("block devices: %s" % found)
    return "none"


def main():
    cases = {f.__name__: f for n, f in sorted(globals().items()) if n[:1] in "hs" and n[1:3].isdigit() and callable(f)}
    for name in sys.argv[2:] or cases:
        try:
            contained, detail = True, cases[name]()
        except Escaped as e:
            contained, detail = False, str(e)
        except Exception as e:
            contained, detail = False, "the attack itself failed: %r" % (e,)
        print(json.dumps({"case": name, "contained": contained, "detail": detail}), flush=True)


main()
