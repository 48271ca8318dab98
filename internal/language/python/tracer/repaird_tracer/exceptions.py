"""What becomes of exceptions: raised, passed on, handled, and the calls around
them, which are recorded after the fact where a bound had left them out.
"""
import sys

from opcode import opmap

import repaird_tracer.scope as scope_module
from repaird_tracer.frames import unreadable
from repaird_tracer.hot import ENOUGH_TEXT, Entry
from repaird_tracer.values import FunctionType, ModuleType, derives, quote

_len, _id, _type, _max, _Exception = len, id, type, max, Exception
_enumerate, _range, _GeneratorExit = enumerate, range, GeneratorExit
_BaseException, _exc_info = BaseException, sys.exc_info
# Where a line may begin while an exception is on its way: through a yield from
# or an await, or to a handler that begins.
_ON_ITS_WAY = frozenset(opmap[n] for n in ("CLEANUP_THROW", "PUSH_EXC_INFO") if n in opmap)
_get_context = BaseException.__dict__["__context__"].__get__
_get_traceback = BaseException.__dict__["__traceback__"].__get__
_FLOW = {id(k): k.__name__ for k in (StopIteration, GeneratorExit, StopAsyncIteration)}
_NO_SNAPSHOT = frozenset(map(id, (FunctionType, ModuleType, type)))
# Calls around an exception that are told in full after all, and of all exceptions.
NEAR, MAX_REFINED = 8, 400
MANY = 16  # raises on one line with the exception's value in full
# Raises on one line that are recorded, and each power of two: a loop that counts
# on exceptions costs little. What leaves a test or the program is recorded then.
MOST = 500
QUIET = -1  # in the place of the number of an exception that is not recorded


class Trouble(object):
    """What an exception has to do with a call that is under way. pend is the
    exception on its way through the frame, obj its address, line and at where
    it arrived and fresh that nothing ran in the frame since; flow is the class
    of one that is no error; lines are those that ran since; child is an
    exception that left a callee. quiet: what is on its way is not recorded.
    foreign: the call is the parent process's."""
    __slots__ = ("pend", "obj", "line", "at", "fresh", "flow", "lines", "child", "child_obj", "quiet", "foreign", "settled")

    def __init__(self):
        self.pend = self.obj = self.line = self.child = self.child_obj = 0
        self.at, self.fresh, self.flow, self.lines, self.quiet, self.foreign, self.settled = -1, False, "", None, False, False, False


class Thread(object):
    """The state of one thread."""
    __slots__ = ("index", "suffix", "tail", "stack", "flying", "escaped", "left", "orphans", "owner", "held", "greenlet", "root", "parked", "floor")


class Exceptions(object):
    """The part of Core that deals with exceptions."""

    def trouble(self, e):
        x = e.trouble
        if x is None:
            x = e.trouble = Trouble()
        return x

    def late(self, th, frame, info, parent, gap, depth=0, often=False):
        """Records a call after the fact, for an exception that came from it."""
        e = Entry()
        e.id, e.fid, e.info, e.muts, e.light, e.trouble, e.place = self.next_call(), _id(frame), info, None, False, None, None
        e.sid, e.seg = "%d" % e.id, self.writer.seg
        self.lates += 1
        self._write_late(th, e, frame, parent, gap, depth, often)
        return e

    def _write_late(self, th, e, frame, parent, gap, depth, often):
        room = 0 if often or self.refined >= MAX_REFINED else ENOUGH_TEXT
        if room:
            self.refined += 1
        args = self.args(e, frame, e.info, room) if e.info.args and self.values else ""
        e.muts = None
        self.writer.write('{"k":"call","i":%d,"p":%d,"c":%d,"d":%d,"n":%d,"t":%d,"l":0,"late":1,"gap":%d%s%s}\n' % (
            e.id, parent, e.info.id, depth, e.info.calls, self.micros(), gap, args, th.suffix))

    # Exceptions.

    def raised(self, th, e, frame, exc, tb):
        """An exception arrived in a frame, raised there or further in."""
        x = e.trouble
        if x is None:
            x = e.trouble = Trouble()
        x.at, x.fresh, x.quiet = frame.f_lasti, True, False
        x.flow = _FLOW.get(_id(_type(exc)), "")
        if x.pend and _type(exc) is _GeneratorExit:  # closed where a handler had yielded
            self.handled(th, e, "yield", frame.f_lineno)
        if x.flow or not derives(_type(exc), _BaseException):
            return
        key, ctx, number = _id(exc), 0, 0
        inner = tb.tb_next if tb is not None else None
        known = th.flying.get(key, 0)
        context = _get_context(exc)
        before = _id(context) if context is not None else 0
        if before:
            ctx = _max(0, th.flying.get(before, 0))
        if x.pend and x.obj != key and before != x.obj:
            self.handled(th, e, "continue", frame.f_lineno)
        if x.child and x.child_obj != key and before != x.child_obj:
            self.outside(th, e, "outside", frame.f_lineno)
        x.child = 0
        # A known address may be another exception's by now. This one is known
        # if it was here before, or left a call that was called from here; one
        # that was thrown into an inner generator left that under its resumer.
        came = inner is not None and (x.child_obj == key or e.info.gen and th.left == key or self.switches and self._within(inner))
        x.child_obj = 0
        if known == QUIET and not came and (inner is None or inner.tb_frame is not frame):
            known = 0  # nothing tells the end of one that is not recorded
        if known and (x.obj == key or came):
            if known == QUIET:
                x.pend, x.obj, x.quiet = 0, key, True
                return
            number = known
            self.writer.write('{"k":"pass","i":%d,"c":%d,"e":%d,"l":%d}\n' % (e.id, e.info.id, number, frame.f_lineno or 0))
        else:
            if _len(th.flying) > 256:
                self._land(th.flying)
            n = self._count(e.info.arrived, frame.f_lineno or 0, exc, ctx)
            if n > MOST and n & (n - 1):
                self.quiet += 1
                th.flying[key] = QUIET
                x.pend, x.obj, x.quiet = 0, key, True
                return
            number = th.flying[key] = self.next_exc()
            self._first(th, e, frame, exc, inner, number, ctx, n > MANY)
        x.pend, x.obj, x.line, x.lines = number, key, frame.f_lineno or 0, None

    def _count(self, arrived, line, exc, ctx):
        """How often an exception arrived as this one does: a rare class among
        common ones is rare, and so is what was raised while another was handled."""
        key = (line, _id(_type(exc)), ctx > 0)
        if key not in arrived and _len(arrived) > 1000:
            key = line
        n = arrived[key] = arrived.get(key, 0) + 1
        return n

    def _land(self, flying):
        """Forgets exceptions, first those that are not recorded."""
        for key in [k for k, number in flying.items() if number == QUIET]:
            del flying[key]
        if _len(flying) > 256:
            flying.clear()

    def _within(self, tb):
        """Says whether an exception came from code in scope; with greenlets
        not always through those that called it."""
        while tb is not None:
            if self.scope.holds(tb.tb_frame.f_code.co_filename):
                return True
            tb = tb.tb_next
        return False

    def _first(self, th, e, frame, exc, tb, number, ctx, often):
        """First sight of an exception: keep its callers, backfill its callees.
        often says that many came before on its line."""
        self._keep(th, frame, often)
        frames, total, last = [], 0, None
        while tb is not None and total < 100000:
            f = tb.tb_frame
            if self.scope.holds(f.f_code.co_filename):
                info = self.codes.get(_id(f.f_code)) or self.register(f, f.f_code, self.scope.files[f.f_code.co_filename])
                if info is not None and not info.fold:
                    frames.append((f, info, tb.tb_lineno, total))
                    if _len(frames) > 24:
                        del frames[8]
            total += 1
            last = tb
            tb = tb.tb_next
        origin = ""
        if last is not None and not self.scope.holds(last.tb_frame.f_code.co_filename):
            code = last.tb_frame.f_code
            origin = ',"from":{"file":%s,"name":%s,"line":%d}' % (
                quote(code.co_filename[-300:]), quote(code.co_name), last.tb_lineno or 0)
        if not frames:
            self._raise(th, e, frame, e.info, frame.f_lineno, exc, number, origin, ctx)
            return
        made, parent, seen, depth = [], e, -1, _len(th.stack)
        for f, info, line, nth in frames:
            late = self.late(th, f, info, parent.id, nth - seen - 1, depth, often)
            made.append((late, line))
            parent, seen, depth = late, nth, depth + 1
        f, info, line, nth = frames[-1]
        self._raise(th, made[-1][0], f, info, line, exc, number, origin, ctx)
        for i in _range(_len(made) - 1, -1, -1):
            late, line = made[i]
            if i < _len(made) - 1:
                self.writer.write('{"k":"pass","i":%d,"c":%d,"e":%d,"l":%d}\n' % (late.id, late.info.id, number, line or 0))
            self.writer.write('{"k":"unwind","i":%d,"c":%d,"t":%d,"e":%d}\n' % (late.id, late.info.id, self.micros(), number))
        self.writer.write('{"k":"pass","i":%d,"c":%d,"e":%d,"l":%d}\n' % (e.id, e.info.id, number, frame.f_lineno or 0))

    def _raise(self, th, e, frame, info, line, exc, number, origin, ctx):
        render = self.render
        about = render.class_info(_type(exc))
        # The same raise again and again, in a loop that counts on it, is told briefly.
        often = info.raised[line] = info.raised.get(line, 0) + 1
        value = render.light(exc) if often > MANY and often & (often - 1) else render.value(exc)
        self.writer.write('{"k":"raise","i":%d,"c":%d,"l":%d,"e":%d,"x":%s,"xm":%s,"msg":%s,"v":%s,"ctx":%d%s%s}\n' % (
            e.id, info.id, line or 0, number, quote(about.name[:200]), quote(render.class_module(_type(exc))[:200]),
            quote(render.message(exc)), value, ctx, origin, self._locals(info, frame, line)))

    def _locals(self, info, frame, line):
        """The frame's variables, for the first raises of each line."""
        n = info.snaps.get(line, 0)
        if info.kind == "module" or n >= 3 or self.snaps >= 1000 or not self.values:
            return ""
        info.snaps[line] = n + 1
        self.snaps += 1
        parts, values, left = [], frame.f_locals, 2 * ENOUGH_TEXT
        skip, named, light_named = unreadable(info.code), self.render.named, self.render.light_named
        for name in info.code.co_varnames + info.code.co_cellvars + info.code.co_freevars:
            if name[:1] in "@." or name in skip or name not in values or _len(parts) >= 24:
                continue
            v = values[name]
            if _id(_type(v)) not in _NO_SNAPSHOT:
                text = named(name, v) if left > 0 else light_named(name, v)
                if text not in parts:
                    left -= _len(text)
                    parts.append(text)
        v = None
        if info.pins:
            self.hold(frame, values)
        return ',"loc":[%s]' % ",".join(parts)

    def _keep(self, th, frame, often):
        """Writes the calls around an exception again: those that the ring has
        lost, and in full the nearest of those that were recorded lightly."""
        alive, stack, near = self.writer.alive, th.stack, _len(th.stack) - NEAR
        again = []
        for depth, e in _enumerate(stack):
            if not alive(e.seg):
                again.append((depth, e))
            elif e.light and depth >= near and not often and self.refined < MAX_REFINED and e.info.args and self.values:
                again.append((depth, e))
        if not again:
            return
        frames = {}
        while frame is not None:
            frames[_id(frame)] = frame
            frame = frame.f_back
        for depth, e in again:
            f = frames.get(e.fid)
            if not e.foreign and f is not None:
                muts, e.seg, e.light = e.muts, self.writer.seg, False
                parent = stack[depth - 1].id if depth else 0
                self._write_late(th, e, f, parent, 0, depth, often)
                # What the call changed before the exception is not to be seen any more.
                e.muts = e.muts if muts is not None else None

    def stepped(self, th, e, frame):
        """A line begins in a frame that an exception arrived in. True while
        the exception is still being handled."""
        x, at = e.trouble, frame.f_lasti
        if 0 <= at < _len(e.info.ops) and e.info.ops[at] in _ON_ITS_WAY:
            return True
        x.fresh = False
        current = _exc_info()[1]
        if not x.pend:
            if x.flow and (current is None or _FLOW.get(_id(_type(current)), "") != x.flow):
                x.flow = ""
            return False
        x.flow = ""
        if current is not None and _id(current) == x.obj:
            if x.lines is None:
                x.lines = []
            if _len(x.lines) < 16:
                x.lines.append(frame.f_lineno)
            return True
        while current is not None:  # an exception was raised while this one was handled
            current = _get_context(current)
            if current is not None and _id(current) == x.obj:
                return True
        self.handled(th, e, "continue", frame.f_lineno)
        return False

    def handled(self, th, e, outcome, after):
        x = e.trouble
        self.writer.write('{"k":"handled","i":%d,"c":%d,"e":%d,"l":%d,"h":%d,"o":"%s","after":%d}\n' % (
            e.id, e.info.id, x.pend, x.line, self._handler(e.info.file, x), outcome, after or 0))
        x.pend = th.left = 0
        th.flying.pop(x.obj, None)

    def outside(self, th, e, outcome, after):
        x = e.trouble
        self.writer.write('{"k":"handled","i":%d,"c":%d,"e":%d,"l":%d,"h":0,"o":"%s","after":%d}\n' % (
            e.id, e.info.id, x.child, after or 0, outcome, after or 0))
        x.child = th.left = 0
        th.flying.pop(x.child_obj, None)

    def unwound(self, th, e, frame):
        """An exception leaves a call, which the back end has taken off the stack."""
        stack, x = th.stack, e.trouble
        if x is None:
            x = e.trouble = Trouble()
        if not x.foreign:
            left = self.probes.left(th, e, frame) if e.info.watch is True else ""
            self.writer.write('{"k":"unwind","i":%d,"c":%d,"t":%d,"e":%d%s%s%s}\n' % (
                e.id, e.info.id, self.micros(), x.pend, ',"x":"%s"' % x.flow if x.flow and not x.pend else "",
                self.changed(e, frame) if e.muts else "", left))
        th.left = x.obj if x.pend or x.quiet else 0
        below = stack[-1] if stack else None
        if _len(stack) <= th.floor and self.switches:
            below = self.greenlets.caller(th)
        if below is None:  # out of scope; the address may soon be another exception's
            if not th.parked:
                th.flying.clear()
            th.escaped = x.obj if x.pend else 0
            if th is self.first:
                self.fled = x.obj if x.quiet else 0
        elif x.pend:
            caller = self.trouble(below)
            caller.child, caller.child_obj = x.pend, x.obj
        elif x.quiet:
            caller = self.trouble(below)
            caller.child, caller.child_obj = 0, x.obj

    def _handler(self, path, x):
        """The line of the handler. Of the lines that ran since the exception,
        the last of the leading except clauses; the first line of a finally; or
        the with whose manager took the exception. 0 where the source does not tell."""
        text, ran = self._source(path), x.lines or ()
        if not text:
            return ran[0] if ran else 0
        best = 0
        for n in ran:
            if not _starts(text, n, (b"except",)):
                break
            best = n
        if best:
            return best
        if ran:
            for n in _range(x.line + 1, ran[0] + 1):
                if _starts(text, n, (b"finally",)):
                    return ran[0]
        for n in _range(x.line, _max(0, x.line - 100), -1):
            if _starts(text, n, (b"with ", b"with(", b"async with")):
                return n
        return ran[0] if ran else 0

    def _source(self, path):
        if path not in self.sources:
            if _len(self.sources) >= 16:
                self.sources.clear()
            self.sources[path] = _read_lines(path)
        return self.sources[path]

    # After the fact.

    def failure(self, th, exc, alive):
        """Records the way to an exception that the tracer did not see raised.
        alive says whether the tracer is still installed in the thread."""
        if alive and (th.flying.get(_id(exc), QUIET) != QUIET or _id(exc) == th.escaped):
            return
        tb = _get_traceback(exc)
        while tb is not None:
            frame = tb.tb_frame
            if self.scope.holds(frame.f_code.co_filename):
                break
            tb = tb.tb_next
        if tb is None:
            return
        info = self.codes.get(_id(frame.f_code)) or self.register(frame, frame.f_code, self.scope.files[frame.f_code.co_filename])
        if info is None:
            return
        number = self.next_exc()
        th.flying[_id(exc)] = number
        outer = self.late(th, frame, info, 0, 0)
        if tb.tb_next is None:
            self._raise(th, outer, frame, info, tb.tb_lineno, exc, number, "", 0)
        else:
            saved, th.stack = th.stack, [outer]
            try:
                self._first(th, outer, frame, exc, tb.tb_next, number, 0, False)
            finally:
                th.stack = saved
        self.writer.write('{"k":"unwind","i":%d,"c":%d,"t":%d,"e":%d}\n' % (outer.id, info.id, self.micros(), number))


def _starts(lines, n, words):
    if not 0 < n <= _len(lines):
        return False
    line = lines[n - 1].lstrip()
    for w in words:
        if line.startswith(w):
            return True
    return False


def _read_lines(path):
    try:
        fd = scope_module.os.open(path, scope_module.os.O_RDONLY)
        try:
            return scope_module.os.read(fd, 1 << 20).split(b"\n")
        finally:
            scope_module.os.close(fd)
    except _Exception:
        return []
