"""One trace file as a shared memory map.

A map is made over a sparse file, and the blocks below the write position are
allocated ahead of it, so that a full disk switches the tracer off instead of
killing the program with SIGBUS. No descriptor of ours is left open for the
program to trip over; the map's own duplicate is never closed by us, for its
number may by then be the program's. Root alone, which may yet become a user or
change to a root directory that cannot open the head again, keeps one to it,
with a high number.
"""
import mmap as _mmap
import os
import sys

_open, _close, _truncate, _fstat, _dup2 = os.open, os.close, os.ftruncate, os.fstat, os.dup2
_allocate = getattr(os, "posix_fallocate", None)
_pwrite = getattr(os, "pwrite", None)
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_AGAIN = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_Map = _mmap.mmap
_OSError, _Exception, _min, _max, _bytes = OSError, Exception, min, max, bytes

MAX_LINE = 64 * 1024
AHEAD = 4 * MAX_LINE
FIRST = 512 * 1024
_CHUNK = 1024 * 1024
_HIGH = range(1000, 1008)


class Segment(object):
    """One mapped file. limit is how far it is allocated; soft is where the
    next allocation is due, limited by full where it must not go on."""

    def __init__(self, path, size, spare=False):
        self.path, self.map, self.limit, self.size, self.soft, self.count, self.used = path, None, 0, 0, 0, 0, 0
        self.spare = -1  # a descriptor for when the path leads nowhere any more
        fd = _open(path, _FLAGS, 0o644)
        try:
            while True:  # a file size limit may forbid the wanted size
                try:
                    _truncate(fd, size)
                    break
                except _OSError:
                    size //= 2
                    if size < 2 * FIRST:
                        raise
            self.size = self.full = size
            self._reserve(fd, 0, FIRST)
            self.file = _identity(fd)
            if sys.version_info >= (3, 13):
                self.map = _Map(fd, size, trackfd=False)
            else:
                self.map = _Map(fd, size)
            # Nobody who copies the file of a killed process shall copy holes;
            # the map stays, and below the limit it is backed.
            _truncate(fd, FIRST)
            if spare:
                self._keep(fd)
        finally:
            _close(fd)
        self._extended(FIRST)

    def _keep(self, fd):
        """Keeps a copy of the descriptor where no program expects one."""
        for n in _HIGH:
            try:
                _fstat(n)
            except _OSError:  # it is free
                try:
                    _dup2(fd, n, False)
                    self.spare = n
                except _OSError:  # a low limit
                    pass
                return

    def _again(self, use):
        """Calls use with a descriptor of the file."""
        try:
            fd = _open(self.path, _AGAIN)
        except _OSError:
            if not self._has_spare():
                raise
            use(self.spare)
            return
        try:
            if _identity(fd) != self.file:  # the program has put another file there
                raise _OSError(2, "replaced")
            use(fd)
        finally:
            _close(fd)

    def release(self):
        """Closes what was kept."""
        if self._has_spare():
            _close(self.spare)
        self.spare = -1

    def _has_spare(self):
        """Says whether what was kept is there: the number may be the program's now."""
        try:
            return self.spare >= 0 and _identity(self.spare) == self.file
        except _OSError:
            return False

    def _reserve(self, fd, at, n):
        if _allocate is not None:
            _allocate(fd, at, n)
        else:
            _pwrite(fd, _bytes(n), at)

    def _extended(self, limit):
        self.limit = limit
        self.soft = (limit if limit < self.size else self.size) - AHEAD

    def left(self):
        """How many bytes may be written before the next look."""
        return _min(self.soft, self.full) - self.map.tell()

    def extend(self):
        """Allocates ahead of the write position; False when the segment is full."""
        if self.limit >= self.size:
            return False
        n = _min(_CHUNK, self.size - self.limit)
        self._again(lambda fd: self._reserve(fd, self.limit, n))
        self._extended(self.limit + n)
        return True

    def wipe(self):
        """Fills it with NUL again; what an interruption left is done the next time."""
        left = self.used = _max(self.used, self.map.tell())
        self.map.seek(0)
        while left > 0:
            n = _min(left, _CHUNK)
            self.map.write(_bytes(n))
            left -= n
        self.map.seek(0)
        self.used = 0

    def finish(self, exact):
        """Cuts the file. Unless exact, room stays for a line that another
        thread may be writing: past the end of the file it would be killed."""
        try:
            used = self.map.tell()
            if not exact:
                used = _min(self.limit, used + 2 * MAX_LINE)
            self._again(lambda fd: _truncate(fd, used))
        except _Exception:
            pass
        self.release()


def _identity(fd):
    about = _fstat(fd)
    return about.st_dev, about.st_ino
