"""Writes trace lines so that a kill, an abort or os._exit loses none of them.

Lines go straight into shared memory maps of the trace files (segments): no
buffer, no system call for a line, nothing to flush.

Bounds: half of the records and bytes go to the head, file 0. The rest goes to
files 1 and 2, which take turns: when one is full the other is wiped, so the
end of the run is kept. Definitions (code, thread, line) always go to file 0,
under a byte bound of their own. In ring mode file 0 has definitions only, and
the two others share all of the records.
"""
import os
import time
from _thread import RLock

from repaird_tracer.segment import AHEAD as _AHEAD, FIRST as _FIRST, MAX_LINE, Segment

_unlink, _getpid, _clock = os.unlink, os.getpid, time.monotonic
_ids = getattr(os, "getresuid", None)
_OSError, _ValueError, _BaseException, _Exception, _len, _min, _max, _type, _isinstance = OSError, ValueError, BaseException, Exception, len, min, max, type, isinstance

# Without at-fork hooks (3.6) each line asks whether it is in a forked child,
# which has no file of its own there and must not write into its parent's.
_ASK_PID = not hasattr(os, "register_at_fork")
_REASONS = {
    1: "its file may not be opened again: has it changed its user?",
    2: "its file is not there any more: was it deleted, or the root directory changed?",
    13: "its file may not be opened again: has it changed its user?",
    24: "it has too many files open", 27: "the limit on the size of files", 28: "the disk is full", 122: "the disk quota",
}


def _ours(error):
    """Says whether an error was raised here, and not by a signal handler."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return tb is not None and tb.tb_frame.f_code.co_filename in _FILES


_FILES = (_ours.__code__.co_filename, Segment.extend.__code__.co_filename)


def _gate(slow):
    """The hot path, with its state in cells: write(line), set(put, left, room),
    spend(bytes), shut() and room(). put takes the bytes, left of them and room
    records may come before slow(bytes) is asked. Between the test and put the
    interpreter does not change threads from 3.10 on; before, an update that two
    threads lose to each other costs a few bytes of the margin that slow keeps."""
    put, left, room, length, most = None, -1, 0, _len, MAX_LINE

    def write(line):
        nonlocal left, room
        line = line.encode()
        n = length(line)
        if n > left or room < 1 or n > most:
            return slow(line)
        left -= n
        room -= 1
        put(line)

    def set_(to, bytes_left, records_left):
        nonlocal put, left, room
        put, left, room = to, bytes_left, records_left

    def spend(n):
        nonlocal left
        left -= n

    def shut():
        nonlocal left
        left = -1

    def get():
        return room

    return write, set_, spend, shut, get


class Writer(object):
    """The trace files of one process. write is a function, not a method, and
    stays the same one through rotation and fork: it may be kept.

    max_events ends the recording after so many records, wall after so many
    seconds; full, when set, is called once then, and dead says which it was."""

    def __init__(self, out, max_records, max_bytes, ring=False, max_events=0, wall=0):
        self.out, self.max_records, self.max_bytes = out, max_records, max_bytes
        self.ring, self.max_events, self.wall = ring, max_events, wall
        self.full = None
        self.leaked = []  # maps that are no longer used must not be closed, see above
        self.write, self._set, self._spend, self._shut, self._room = _gate(self._slow)
        if wall or _ASK_PID:
            self.write = self._guarded(self.write)
        self.open()

    def _guarded(self, write):
        """write for the rare cases that need a look before each record."""
        clock = _clock  # a cell, which what replaces clocks in the variables of modules leaves alone
        end = clock() + self.wall if self.wall else 0

        def guarded(line):
            if end and clock() > end:
                self._end("wall")
            elif not (_ASK_PID and self._forked()):
                write(line)

        return guarded

    def open(self):
        self.lock = RLock()
        self.pid = _getpid()
        self.busy = False
        self.dead = ""
        self.dropped = self.oversize = self.undefined = self.before = 0
        self.limit = 0  # records that the current segment may take
        self.segments = [None, None, None]
        self.defs = _min(self.max_bytes // 4, 16 << 20)
        self.seg = 0  # ordinal of the segment being written: 0 head, then 1, 2, 3, … in turns
        self._set(None, -1, 0)
        share = 0 if self.ring else 2
        head = _max(2 * _FIRST, self.max_bytes // share if share else 0)
        n = 0
        while True:
            base = "%s/trace-%d%s" % (self.out, self.pid, "" if n == 0 else "x%d" % n)
            try:
                self.segments[0] = Segment(base + "-0.jsonl", head + self.defs, _ids is not None and 0 in _ids())
                break
            except _OSError as e:  # a process id that was used before
                n += 1
                if e.errno != 17 or n > 1000:
                    raise
        self.base = base
        self.name = base[_len(self.out) + 1:]  # what tells processes apart: process ids come again
        s = self.current = self.segments[0]
        self.defs = _min(self.defs, s.size // 4)  # a file size limit may have made it smaller
        s.full = s.size - self.defs - _AHEAD
        self.limit = 0 if self.ring else self._allowed(_max(1, self.max_records // 2))
        self._set(s.map.write, s.left(), self.limit)

    def _allowed(self, n):
        """n, or the number of events after which recording ends, whichever is less."""
        if self.max_events:
            n = _max(0, _min(n, self.max_events - self.before))
        return n

    @property
    def written(self):
        """How many records were written, the dropped ones included."""
        return self.before + self.limit - self._room()

    def reopen(self):
        """In a forked child: own files; the parent's maps are left alone."""
        self.leaked.append(self.segments)
        for s in self.segments:
            if s is not None:
                s.release()
        self.open()

    def define(self, line):
        """Writes a definition to the head, or counts it where there is no room."""
        if self.dead or (_ASK_PID and self._forked()):
            return
        b = line.encode("ascii")
        n = _len(b)
        if self.defs <= 0 or n > MAX_LINE:
            self.undefined += 1
            return
        head = self.segments[0]
        self.defs -= n
        head.map.write(b)
        if head is self.current:
            self._spend(n)
        if head.map.tell() > head.soft:
            with self.lock:
                try:
                    if head.map.tell() > head.soft and not head.extend():
                        self.defs = 0
                except _OSError as e:
                    if not _ours(e):
                        raise
                    self._die(e)

    def _slow(self, b):
        """Writes one record where the hot path may not: makes room for it."""
        if self.dead:
            return
        n = _len(b)
        if n > MAX_LINE:
            self.oversize += 1
            return
        with self.lock:
            if self.busy:  # a signal handler, in the middle of what follows
                self.oversize += 1
                return
            self.busy = True
            try:
                self._shut()  # other threads wait at the lock
                if not self._make_room():
                    return
                self.current.map.write(b)
                self._set(self.current.map.write, self.current.left(), self._room() - 1)
            except (_OSError, _ValueError) as e:
                if _ours(e):
                    self._die(e)
                else:
                    self._interrupted()
                    raise
            except _BaseException:
                # A signal handler's, or the recursion limit: the program's to
                # know. This record is lost, the next one tries again.
                self._interrupted()
                raise
            finally:
                self.busy = False

    def _interrupted(self):
        """Leaves the gate shut, so that the next record comes the slow way."""
        self.oversize += 1

    def _make_room(self):
        while not self.dead:
            s = self.current
            if self._room() < 1:
                if self.max_events and self.written >= self.max_events:
                    self._end("max_events")
                    return False
                self._rotate()
            elif s.map.tell() <= _min(s.soft, s.full):
                return True
            elif s.map.tell() > s.full or not s.extend():
                self._rotate()
        return False

    def _rotate(self):
        """Goes on in the next of the two tail segments. The state changes at
        the end: an exception of a signal handler leaves it as it was."""
        was, lost = self.current, 0
        count = self.limit - self._room()
        at = self.seg % 2 + 1
        nxt = self.segments[at]
        size = _max(2 * _FIRST, self.max_bytes // (2 if self.ring else 4))
        if nxt is None:
            path = "%s-%d.jsonl" % (self.base, at)
            try:
                nxt = self.segments[at] = Segment(path, size)
            except _OSError as e:
                if e.errno != 17 or not _ours(e):
                    raise
                _unlink(path)  # an interruption left it, and nobody uses it
                nxt = self.segments[at] = Segment(path, size)
        else:
            lost = nxt.count
            nxt.wipe()
        nxt.map.write(('{"k":"seg","f":"%s","n":%d,"written":%d,"dropped":%d}\n' % (
            self.name, self.seg + 1, self.before + count, self.dropped + lost)).encode("ascii"))
        was.count, nxt.count = count, 0
        self.before += count
        self.dropped += lost
        self.limit = self._allowed(_max(1, self.max_records // (2 if self.ring else 4)))
        self.seg += 1
        self.current = nxt
        self._set(nxt.map.write, -1, self.limit)  # still shut: the caller counts its record first

    def _forked(self):
        if _getpid() != self.pid:
            self._stop("forked")
            return True
        return False

    def alive(self, seg):
        """Says whether records of that segment are still kept."""
        return (seg == 0 and not self.ring) or seg >= self.seg - 1

    def _die(self, e):
        why = _type(e).__name__
        if _isinstance(e, _OSError):
            why += " %s" % e.errno
            if e.errno in _REASONS:
                why += ", " + _REASONS[e.errno]
        self._stop(why)
        # At once: the process may end without an end record.
        self._last('{"k":"problem","msg":"process %d is recorded up to its record %d: %s"}\n' % (self.pid, self.written, why))

    def _last(self, line):
        """Writes a definition into the room that is left for the last ones."""
        head = self.segments[0]
        if head.map.tell() < head.limit - MAX_LINE:
            head.map.write(line.encode("ascii"))

    def _stop(self, why):
        self.dead = self.dead or why
        self.before, self.limit = self.written, 0
        self._set(None, -1, 0)

    def _end(self, why):
        """Ends the recording in order: the program goes on without."""
        if self.dead:
            return
        self._stop(why)
        if self.full is not None:
            try:
                self.full()
            except _Exception:
                pass

    def ending(self, line):
        """The end record, with what was not defined."""
        return '%s,"undefined":%d}\n' % (line[:-2], self.undefined)

    def finish(self, line, exact):
        """Writes the last line and cuts the files to their length."""
        if self._forked():
            return
        self._stop("stopped")
        try:
            self._last(line)
        except _Exception:
            pass
        for s in self.segments:
            if s is not None:
                s.finish(exact)
