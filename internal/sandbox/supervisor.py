"""Process 1 of a sandbox: runs one command, relays its output, collects files.

Started by a backend as `python3 -I -S -B -c <this file>` in a fresh PID
namespace, as the same unprivileged user as the command. The command cannot trace
it, open its /proc entries (PR_SET_DUMPABLE=0) or kill it (process 1 of a namespace
gets only those signals from inside that it handles).

Standard input: a 4-byte big-endian length, a JSON header, then nothing. Its end
means that the daemon is gone: everything is killed immediately.
Standard output: frames of 1 byte type, 4 bytes big-endian length, and payload.

    S   {}                        the command is about to run
    o e bytes                     of its standard output or standard error
    E   {cause, exit, ns, oom}    it has ended, and all other processes are dead
    A   {name, size}              an artifact, followed by D frames of size bytes
    D   bytes
    R   {name, why}               a file that was not collected
    Z   {}                        complete; a stream that ends without it was cut off
"""
import ctypes
import errno
import json
import os
import resource
import select
import signal
import stat
import struct
import sys
import time

CHUNK = 65536
DEPTH = 32


def harden():
    """Makes this process untouchable for code of the same user."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    if libc.prctl(3, 0, 0, 0, 0) != 0 or os.getpid() != 1:  # PR_GET_DUMPABLE
        sys.exit("supervisor: not process 1, or still dumpable")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # else Python's own handler
    return libc


def read_header():
    def exactly(n):
        buf = b""
        while len(buf) < n:
            part = os.read(0, n - len(buf))
            if not part:
                os._exit(75)
            buf += part
        return buf

    return json.loads(exactly(struct.unpack(">I", exactly(4))[0]).decode("utf-8"))


def send(kind, payload):
    if not isinstance(payload, (bytes, memoryview)):
        payload = json.dumps(payload).encode("ascii")
    buf = memoryview(kind + struct.pack(">I", len(payload)) + bytes(payload))
    while buf:
        buf = buf[os.write(1, buf):]


def oom_kills():
    """How often the kernel killed in this memory cgroup; None when not visible."""
    for name in ("/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"):
        try:
            with open(name) as f:
                for line in f:
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        except OSError:
            pass
    return None


def become(h, libc, out, err):
    """Turns the forked child into the command."""
    try:
        os.setsid()
        # Make the OOM killer prefer the command to its supervisor. The file belongs
        # to root while the process is not dumpable.
        libc.prctl(4, 1, 0, 0, 0)
        try:
            with open("/proc/self/oom_score_adj", "w") as f:
                f.write("1000")
        except OSError:
            pass
        os.nice(5)  # so that the supervisor gets the processor if the command spins
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, 1024)
        for what, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, h["fsize"]),
            (resource.RLIMIT_NOFILE, 1024),
            (resource.RLIMIT_MEMLOCK, 65536),
        ):
            hard = resource.getrlimit(what)[1]
            if hard != resource.RLIM_INFINITY:
                value = min(value, hard)
            resource.setrlimit(what, (value, value))
        os.umask(0o022)
        os.chdir(h["dir"])
        env = {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "HOME": "/tmp",
            "LANG": "C.UTF-8",
        }
        env.update(h["env"])
        for s in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
            signal.signal(s, signal.SIG_DFL)
        os.execvpe(h["argv"][0], h["argv"], env)
    except OSError as e:
        os.write(2, ("sandbox: cannot run %r: %s\n" % (h["argv"][0], e.strerror)).encode("utf-8", "replace"))
        os._exit(126 if e.errno == errno.EACCES else 127)
    except BaseException as e:
        os.write(2, ("sandbox: cannot run: %r\n" % (e,)).encode("utf-8", "replace"))
        os._exit(127)


def reap(main, status):
    """Collects dead children; returns main's wait status once it has one."""
    while True:
        try:
            pid, st = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == main:
            status = st


def kill_all(main, status):
    """Kills every process but this one and waits until they are gone."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        status = reap(main, status)
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return reap(main, status)
        time.sleep(0.001)
    os._exit(76)  # the backend kills processes that do not die


class Abandoned(Exception):
    pass


def relay(h, main, pipes, wake):
    """Passes output on until main ends, time is over, or too much was written.

    Returns the cause and main's wait status.
    """
    left = [h["output"]]
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(wake, select.POLLIN)
    for fd in pipes:
        os.set_blocking(fd, False)
        poll.register(fd, select.POLLIN | select.POLLHUP)
    open_pipes = dict(pipes)

    def forward(fd):
        """Reads once; False when nothing is there now, or ever, or is wanted."""
        if left[0] < 0:
            return False
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            poll.unregister(fd)
            del open_pipes[fd]
            return False
        over = len(data) > left[0]
        data = data[: left[0]]
        left[0] -= len(data)
        if data:
            send(open_pipes[fd], data)
        if over:
            left[0] = -1
        return True

    deadline = time.monotonic() + h["wall"]
    cause, status = "exited", None
    while True:
        status = reap(main, status)
        if status is not None:
            break
        rest = deadline - time.monotonic()
        if rest <= 0:
            cause = "timeout"
            break
        for fd, _ in poll.poll(min(rest, 60) * 1000 + 1):
            if fd == 0:
                raise Abandoned()
            if fd == wake:
                try:
                    os.read(wake, CHUNK)
                except BlockingIOError:
                    pass
            elif fd in open_pipes:
                forward(fd)
        if left[0] < 0:
            cause = "output_limit"
            break
    status = kill_all(main, status)
    for fd in list(open_pipes):  # drain what dead writers left in the pipes
        while forward(fd):
            pass
    if left[0] < 0 and cause == "exited":
        cause = "output_limit"
    return cause, status


class Collector:
    """Sends the regular files below /out. No other process lives meanwhile."""

    def __init__(self, limit, count):
        self.left, self.count, self.refused = limit, count, 0

    def refuse(self, name, why):
        self.refused += 1
        if self.refused <= 100:
            send(b"R", {"name": ascii(name)[1:-1][:300], "why": why})

    def walk(self, dirfd, prefix, depth):
        for name in sorted(os.listdir(dirfd)):
            path = prefix + name
            try:
                st = os.lstat(name, dir_fd=dirfd)
                if not name.isprintable() or "\\" in name:
                    self.refuse(path, "its name is not printable")
                elif stat.S_ISDIR(st.st_mode):
                    self.descend(name, dirfd, path, depth)
                else:
                    self.take(name, dirfd, path, st)
            except OSError as e:
                if e.errno == errno.EPIPE:
                    raise
                self.refuse(path, "it cannot be read: " + (e.strerror or "?"))

    def descend(self, name, dirfd, path, depth):
        if depth >= DEPTH:
            self.refuse(path, "it is nested too deeply")
            return
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dirfd)
        try:
            self.walk(fd, path + "/", depth + 1)
        finally:
            os.close(fd)

    def take(self, name, dirfd, path, st):
        if not stat.S_ISREG(st.st_mode):
            kinds = ((stat.S_ISLNK, "a symbolic link"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))
            kind = next((k for is_kind, k in kinds if is_kind(st.st_mode)), "a device")
            self.refuse(path, "it is " + kind)
            return
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dirfd)
        try:
            st = os.fstat(fd)
            if not stat.S_ISREG(st.st_mode):
                self.refuse(path, "it is not a regular file")
            elif st.st_nlink != 1:
                self.refuse(path, "it has %d links" % st.st_nlink)
            elif st.st_size > self.left:
                self.refuse(path, "it is too large (%d bytes, %d are left)" % (st.st_size, self.left))
            elif self.count <= 0:
                self.refuse(path, "there are too many files")
            else:
                self.left -= st.st_size
                self.count -= 1
                self.copy(fd, path, st.st_size)
        finally:
            os.close(fd)

    def copy(self, fd, path, size):
        send(b"A", {"name": path, "size": size})
        while size > 0:
            data = os.read(fd, min(CHUNK, size))
            if not data:
                os._exit(77)
            size -= len(data)
            send(b"D", data)


def main():
    libc = harden()
    h = read_header()
    wake_r, wake_w = os.pipe()
    os.set_blocking(wake_r, False)
    os.set_blocking(wake_w, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_w)
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    before = oom_kills()
    send(b"S", {})
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        become(h, libc, out_w, err_w)
    os.close(out_w)
    os.close(err_w)
    cause, status = relay(h, pid, {out_r: b"o", err_r: b"e"}, wake_r)
    ns = int((time.monotonic() - start) * 1e9)
    code = -1
    if status is not None:
        code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    after = oom_kills()
    oom = None if before is None or after is None else after - before
    send(b"E", {"cause": cause, "exit": code, "ns": ns, "oom": oom})
    top = os.open("/out", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    c = Collector(h["artifacts"], h["count"])
    try:
        c.walk(top, "", 0)
    except RecursionError:
        os._exit(77)
    if c.refused > 100:
        send(b"R", {"name": "", "why": "%d more were refused" % (c.refused - 100)})
    send(b"Z", {})


try:
    main()
except Abandoned:
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os._exit(75)
except BrokenPipeError:
    os._exit(75)
