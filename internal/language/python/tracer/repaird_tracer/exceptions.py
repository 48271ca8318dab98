"""What becomes of exceptions: raised, passed on, handled, and the calls around
them, which are recorded after the fact where a bound had left them out.
"""
import sys

from repaird_tracer.frames import unreadable
from repaird_tracer.handling import FLOW, Handling, Trouble, is_group
from repaird_tracer.hot import ENOUGH_TEXT, Entry
from repaird_tracer.values import FunctionType, ModuleType, derives, quote

_len, _id, _type, _max, _Exception = len, id, type, max, Exception
_enumerate, _range, _GeneratorExit, _BaseException = enumerate, range, GeneratorExit, BaseException
_exc_info = sys.exc_info
_get_context = BaseException.__dict__["__context__"].__get__
_get_traceback = BaseException.__dict__["__traceback__"].__get__
_NO_SNAPSHOT = frozenset(map(id, (FunctionType, ModuleType, type)))
# Calls around an exception that are told in full after all, and of all exceptions.
NEAR, MAX_REFINED = 8, 400
MANY = 16  # raises on one line with the exception's value in full
# Raises on one line that are recorded, and each power of two: a loop that counts
# on exceptions costs little. What leaves a test or the program is recorded then.
MOST = 500
QUIET = -1  # in the place of the number of an exception that is not recorded


class Thread(object):
    """The state of one thread."""
    __slots__ = ("index", "suffix", "tail", "stack", "flying", "escaped", "left", "orphans", "owner", "held", "greenlet", "root", "parked", "floor")


class Exceptions(Handling):
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
        x.flow = FLOW.get(_id(_type(exc)), "")
        if x.pend and _type(exc) is _GeneratorExit:  # closed where a handler had yielded
            self.all_handled(th, e, "yield", frame.f_lineno)
        if x.flow or not derives(_type(exc), _BaseException):
            return
        key, ctx = _id(exc), 0
        inner = tb.tb_next if tb is not None else None
        anew = inner is not None and inner.tb_frame is frame
        if anew:  # it has been here before, with the calls that it came from
            inner = None
        context = _get_context(exc)
        before = _id(context) if context is not None else 0
        if before:
            ctx = _max(0, th.flying.get(before, 0))
        over = x.pend or x.under
        if over:
            self._arrived_over(th, e, x, key, frame)
        known = th.flying.get(key, 0)
        if x.child and x.child_obj != key and x.child_frame and inner is not None and _id(inner.tb_frame) == x.child_frame and is_group(exc):
            known = th.flying[key] = x.child  # what except* has left over of it
            x.child_obj = key
        if x.child and x.child_obj != key and before != x.child_obj:
            self.outside(th, e, "outside", frame.f_lineno)
        x.child = 0
        # A known address may be another exception's by now. This one is known
        # if it was here before, or left a call that was called from here; one
        # that was thrown into an inner generator left that under its resumer,
        # and one that comes out of a task has left the task's.
        own = x.child_obj == key
        came = inner is not None and (own or e.info.gen and th.left == key or self.switches and self._within(inner))
        if inner is not None and known > 0 and e.info.gen and not came:
            # Thrown into a generator by a with whose body has raised it.
            came = bool([o for o in th.stack if o.fid == _id(inner.tb_frame) and o.trouble is not None and o.trouble.obj == key])
        x.child_obj = 0
        if inner is not None and not own:
            if not came and self.gone:
                known, came = self._from_task(th, inner, key, known)
            if came and known:
                for other in th.stack:  # it did not end where it left the task
                    if other.trouble is not None and other.trouble.child == known:
                        other.trouble.child = 0
        if known == QUIET and not came and not anew:
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
        if not over and key != x.obj:
            current = _exc_info()[1]
            x.base = _id(current) if current is not None else 0
        x.pend, x.obj, x.line, x.lines, x.group = number, key, frame.f_lineno or 0, None, self.handlers(e.info).star and is_group(exc)

    def _from_task(self, th, tb, key, known):
        """The number of an exception that left a recorded call before, into code
        out of scope that raises it again where a task or future is waited for."""
        left = None
        while tb is not None and left is None:
            f, tb = tb.tb_frame, tb.tb_next
            left = self.gone.get(_id(f))
        if left is None or left[0].code is not f.f_code or left[2] != key or left[0].calls > self.per_code:
            return known, False
        th.flying[key] = left[1]
        return left[1], True

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

    def outside(self, th, e, outcome, after):
        x = e.trouble
        self.writer.write('{"k":"handled","i":%d,"c":%d,"e":%d,"l":%d,"h":0,"o":"%s","after":%d}\n' % (
            e.id, e.info.id, x.child, after or 0, outcome, after or 0))
        x.child = th.left = 0
        th.flying.pop(x.child_obj, None)

    def unwound(self, th, e, frame, exc=None):
        """An exception leaves a call, which the back end has taken off the
        stack: exc, where the back end knows."""
        stack, x = th.stack, e.trouble
        if x is None:
            x = e.trouble = Trouble()
        if exc is None:
            self._over(th, e, x, frame)
        elif _id(exc) != x.obj:
            self._leaves(th, e, x, frame, exc)
        if not x.foreign:
            left = self.probes.left(th, e, frame) if e.info.watch is True else ""
            self.writer.write('{"k":"unwind","i":%d,"c":%d,"t":%d,"e":%d%s%s%s}\n' % (
                e.id, e.info.id, self.micros(), x.pend, ',"x":"%s"' % x.flow if x.flow and not x.pend else "",
                self.changed(e, frame) if e.muts else "", left))
        th.left = x.obj if x.pend or x.quiet else 0
        below = stack[-1] if stack else None
        if _len(stack) <= th.floor and self.switches:
            below = self.greenlets.caller(th)
        if x.pend and (below is None or frame.f_back is None or _id(frame.f_back) != below.fid):
            if _len(self.gone) > 64:
                self.gone.clear()
            self.gone[e.fid] = (e.info, x.pend, x.obj)
        if below is None:  # out of scope; the address may soon be another exception's
            if not th.parked:
                th.flying.clear()
            th.escaped = x.obj if x.pend else 0
            if th is self.first:
                self.fled = x.obj if x.quiet else 0
        elif x.pend:
            caller = self.trouble(below)
            caller.child, caller.child_obj = x.pend, x.obj
            caller.child_frame = e.fid if exc is None and self.handlers(e.info).star else 0
        elif x.quiet:
            caller = self.trouble(below)
            caller.child, caller.child_obj = 0, x.obj

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
