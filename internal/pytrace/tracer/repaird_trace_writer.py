"""Writes trace lines so that a kill, an abort or os._exit loses none of them.

Lines go straight into shared memory maps of the trace files: no buffer, no
system call for a line, nothing to flush. A map is made over a sparse file, and
the blocks below the write position are allocated ahead of it, so that a full
disk switches the tracer off instead of killing the program with SIGBUS. No
descriptor of ours is left open for the program to trip over; the map's own
duplicate is never closed by us, for its number may by then be the program's.

Bounds: half of the records and bytes go to the head, file 0. The rest goes to
files 1 and 2, which take turns: when one is full the other is wiped, so the
end of the run is kept. Definitions (code, thread, line) always go to file 0,
under a byte bound of their own.
"""
import mmap as _mmap
import os
import sys
from _thread import RLock

_open, _close, _truncate, _getpid = os.open, os.close, os.ftruncate, os.getpid
_allocate = getattr(os, "posix_fallocate", None)
_pwrite = getattr(os, "pwrite", None)
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_AGAIN = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_Map = _mmap.mmap
_OSError, _ValueError, _Exception, _len, _min, _max, _bytes = OSError, ValueError, Exception, len, min, max, bytes

MAX_LINE = 64 * 1024
# Without at-fork hooks (3.6) each line asks whether it is in a forked child,
# which has no file of its own there and must not write into its parent's.
_ASK_PID = not hasattr(os, "register_at_fork")
_AHEAD = 4 * MAX_LINE
_CHUNK = 1024 * 1024
_FIRST = 512 * 1024


class Segment(object):
    """One mapped file."""

    def __init__(self, path, size):
        self.path, self.map, self.limit, self.size, self.soft, self.count = path, None, 0, 0, 0, 0
        fd = _open(path, _FLAGS, 0o644)
        try:
            while True:  # a file size limit may forbid the wanted size
                try:
                    _truncate(fd, size)
                    break
                except _OSError:
                    size //= 2
                    if size < 2 * _FIRST:
                        raise
            self.size = size
            self._reserve(fd, 0, _FIRST)
            if sys.version_info >= (3, 13):
                self.map = _Map(fd, size, trackfd=False)
            else:
                self.map = _Map(fd, size)
            # Nobody who copies the file of a killed process shall copy holes;
            # the map stays, and below the limit it is backed.
            _truncate(fd, _FIRST)
        finally:
            _close(fd)
        self._extended(_FIRST)

    def _reserve(self, fd, at, n):
        if _allocate is not None:
            _allocate(fd, at, n)
        else:
            _pwrite(fd, _bytes(n), at)

    def _extended(self, limit):
        self.limit = limit
        self.soft = limit - _AHEAD if limit < self.size else self.size - _AHEAD

    def extend(self):
        """Allocates ahead of the write position; False when the segment is full."""
        if self.limit >= self.size:
            return False
        n = _min(_CHUNK, self.size - self.limit)
        fd = _open(self.path, _AGAIN)
        try:
            self._reserve(fd, self.limit, n)
        finally:
            _close(fd)
        self._extended(self.limit + n)
        return True

    def wipe(self):
        used = self.map.tell()
        self.map.seek(0)
        while used > 0:
            n = _min(used, _CHUNK)
            self.map.write(_bytes(n))
            used -= n
        self.map.seek(0)
        self.count = 0

    def finish(self, exact):
        """Cuts the file. Unless exact, room stays for a line that another
        thread may be writing: past the end of the file it would be killed."""
        try:
            used = self.map.tell()
            if not exact:
                used = _min(self.limit, used + 2 * MAX_LINE)
            fd = _open(self.path, _AGAIN)
            try:
                _truncate(fd, used)
            finally:
                _close(fd)
        except _Exception:
            pass


class Writer(object):
    """The trace files of one process."""

    def __init__(self, out, max_records, max_bytes):
        self.out, self.max_records, self.max_bytes = out, max_records, max_bytes
        self.lock = RLock()
        self.leaked = []  # maps that are no longer used must not be closed, see above
        self.open()

    def open(self):
        self.pid = _getpid()
        self.busy = False
        self.dead = ""
        self.written = self.dropped = self.oversize = 0
        self.segments = [None, None, None]
        self.defs = _min(self.max_bytes // 4, 16 << 20)
        self.head_records = _max(1, self.max_records // 2)
        self.tail_records = _max(1, self.max_records // 4)
        self.seg = 0  # ordinal of the segment being written: 0 head, then 1, 2, 3, … in turns
        head = _max(2 * _FIRST, self.max_bytes // 2)
        n = 0
        while True:
            base = "%s/trace-%d%s" % (self.out, self.pid, "" if n == 0 else "x%d" % n)
            try:
                self.segments[0] = Segment(base + "-0.jsonl", head + self.defs)
                break
            except OSError as e:  # a process id that was used before
                n += 1
                if e.errno != 17 or n > 1000:
                    raise
        self.base = base
        self.name = base[_len(self.out) + 1:]  # what tells processes apart: process ids come again
        self.current = self.segments[0]
        self.defs = _min(self.defs, self.current.size // 4)  # a file size limit may have made it smaller
        self.full = self.current.size - self.defs - _AHEAD

    def reopen(self):
        """In a forked child: own files; the parent's maps are left alone."""
        self.leaked.append(self.segments)
        self.lock = RLock()
        self.open()

    def define(self, line):
        """Writes a definition to the head."""
        if self.dead or self.defs <= 0 or (_ASK_PID and self._forked()):
            return
        b = line.encode("ascii")
        if _len(b) > MAX_LINE:
            return
        head = self.segments[0]
        self.defs -= _len(b)
        head.map.write(b)
        if head.map.tell() > head.soft:
            self._extend(head)

    def write(self, line):
        """Writes one record."""
        if self.dead or (_ASK_PID and self._forked()):
            return
        b = line.encode("ascii")
        if _len(b) > MAX_LINE:
            self.oversize += 1
            return
        s = self.current
        if s.count >= (self.head_records if self.seg == 0 else self.tail_records) or \
                (self.seg == 0 and s.map.tell() > self.full):
            if not self._rotate(s):
                return
            s = self.current
        s.map.write(b)
        s.count += 1
        self.written += 1
        if s.map.tell() > s.soft:
            self._extend(s)

    def _forked(self):
        if _getpid() != self.pid:
            self.dead = "forked"
            return True
        return False

    def alive(self, seg):
        """Says whether records of that segment are still kept."""
        return seg == 0 or seg >= self.seg - 1

    def _extend(self, s):
        with self.lock:
            if s.map.tell() <= s.soft:
                return
            try:
                if s.extend():
                    return
            except _Exception as e:
                self._die(e)
                return
            if s is self.segments[0] and self.seg > 0:
                self.defs = 0
            elif s is self.current:
                self._rotate(s)

    def _rotate(self, s):
        with self.lock:
            if self.busy or self.dead:
                return False
            if s is not self.current:
                return True  # another thread was faster
            self.busy = True
            try:
                at = self.seg % 2 + 1
                nxt = self.segments[at]
                if nxt is None:
                    nxt = self.segments[at] = Segment("%s-%d.jsonl" % (self.base, at), _max(2 * _FIRST, self.max_bytes // 4))
                else:
                    self.dropped += nxt.count
                    nxt.wipe()
                nxt.map.write(('{"k":"seg","f":"%s","n":%d,"written":%d,"dropped":%d}\n' % (
                    self.name, self.seg + 1, self.written, self.dropped)).encode("ascii"))
                self.seg += 1
                self.current = nxt
                return True
            except _Exception as e:
                self._die(e)
                return False
            finally:
                self.busy = False

    def _die(self, e):
        self.dead = type(e).__name__

    def finish(self, line, exact):
        if self._forked():
            return
        self.defs = _max(self.defs, 1)
        was, self.dead = self.dead, ""
        try:
            head = self.segments[0]
            if head.map.tell() < head.limit - MAX_LINE:
                head.map.write(line.encode("ascii"))
        except _Exception:
            pass
        self.dead = was or "stopped"
        for s in self.segments:
            if s is not None:
                s.finish(exact)
