"""How far the handling of exceptions is in a call: which have arrived, which of
them is being handled by what, and which are handled.
"""
import sys

import repaird_tracer.handlers as handlers_module
import repaird_tracer.scope as scope_module
from repaird_tracer.values import derives

_len, _id, _type, _range, _tuple, _Exception = len, id, type, range, tuple, Exception
_exc_info = sys.exc_info
_Group = getattr(sys.modules["builtins"], "BaseExceptionGroup", None)
_get_exceptions = _Group.__dict__["exceptions"].__get__ if _Group else None
_get_context = BaseException.__dict__["__context__"].__get__
FLOW = {id(k): k.__name__ for k in (StopIteration, GeneratorExit, StopAsyncIteration)}


class Trouble(object):
    """What an exception has to do with a call that is under way. pend is the
    exception on its way through the frame, obj its address, line and at where
    it arrived and fresh that nothing ran in the frame since; flow is the class
    of one that is no error; lines are those that began while it was handled,
    base is what was being handled when it arrived, group says that except* may
    take it in parts, and under holds the like of those in whose handling it came
    up; child is an exception that left a callee, child_frame its frame if what
    except* leaves over may take its place. quiet: what is on its way is not
    recorded. foreign: the call is the parent process's."""
    __slots__ = ("pend", "obj", "line", "at", "fresh", "flow", "lines", "base", "group", "under", "child", "child_obj", "child_frame", "quiet",
                 "foreign", "settled")

    def __init__(self):
        self.pend = self.obj = self.line = self.child = self.child_obj = self.child_frame = self.base = 0
        self.at, self.fresh, self.flow, self.lines, self.quiet, self.foreign, self.settled = -1, False, "", None, False, False, False
        self.group, self.under = False, None


def is_group(exc):
    return _Group is not None and derives(_type(exc), _Group)


class Handling(object):
    """The part of Core that follows exceptions through the handlers of a call."""

    def handlers(self, info):
        """The handlers of a code object."""
        if info.handlers is None:
            info.handlers = handlers_module.Handlers(info.code)
        return info.handlers

    def _arrived_over(self, th, e, x, key, frame):
        """An exception arrives in a frame that has not done with another one."""
        current = _exc_info()[1]
        if key == x.obj or self._lift(th, x, key):  # it is raised once more
            return
        if x.group and is_group(current) and _id(current) == key:  # what except* has left over of it
            th.flying[key], x.obj = x.pend, key
            return
        self._settle(th, e, x, current, frame)
        if x.pend or x.under:
            if x.under is None:
                x.under = []
            x.under.append((x.pend, x.obj, x.line, x.lines, x.base, x.group))
        x.pend = 0
        x.base = _id(current) if current is not None else 0

    def _lift(self, th, x, key):
        """Takes off what came up in the handling of an exception, if that is
        among those under way."""
        under = x.under
        if under:
            for i in _range(_len(under)):
                if under[i][1] == key:
                    for other in under[i + 1:]:
                        th.flying.pop(other[1], None)
                    if x.pend:
                        th.flying.pop(x.obj, None)
                    x.pend, x.obj, x.line, x.lines, x.base, x.group = under[i]
                    del under[i:]
                    return True
        return False

    def stepped(self, th, e, frame):
        """A line begins in a frame that an exception arrived in. True while
        the exception is still being handled."""
        x, at, info = e.trouble, frame.f_lasti, e.info
        handlers = info.handlers or self.handlers(info)
        if at in handlers.way:
            return True
        if at in handlers.pushes:  # of a with, whose manager is about to be asked
            if x.under:
                now = _exc_info()[1]
                if now is None or _id(now) != x.base:
                    self._over(th, e, x, frame)
            self._ran(x, frame.f_lineno)
            return True
        x.fresh = False
        current = _exc_info()[1]
        if not x.pend and not x.under:
            if x.flow and (current is None or FLOW.get(_id(_type(current)), "") != x.flow):
                x.flow = ""
            return False
        x.flow = ""
        if current is None or _id(current) != x.obj:
            self._settle(th, e, x, current, frame)
        if not x.pend and not x.under:
            return False
        self._ran(x, frame.f_lineno)
        return True

    def _ran(self, x, line):
        """A line begins while an exception is being handled."""
        if x.lines is None:
            x.lines = []
        if not x.lines or x.lines[-1] != line:
            x.lines.append(line)
            if _len(x.lines) > 16:
                del x.lines[8]

    def _settle(self, th, e, x, current, frame):
        """Finds out which of the exceptions that have arrived in a frame are
        handled by now, from the one that is being handled."""
        now = _id(current) if current is not None else 0
        star = e.info.handlers is not None and e.info.handlers.star
        while (x.pend or x.under) and now != x.obj:
            if now and now != x.base or x.under:
                if star and is_group(current):
                    # A part of a group, which except* has taken. What came up
                    # in such a handler goes on after all others.
                    mine = x.group or not x.under or x.obj in [_id(i) for i in _get_exceptions(current)]
                    if mine or handlers_module.is_clause(self._source(e.info.file), frame.f_lineno):
                        return
                    groups = [u[1] for u in x.under if u[5]]
                    self.all_handled(th, e, "continue", frame.f_lineno, groups[-1] if groups else x.under[-1][1])
                    return
                inner, n = current, 0
                while inner is not None and n < 100:  # an exception was raised while this one was handled
                    inner, n = _get_context(inner), n + 1
                    if inner is not None and _id(inner) == x.obj:
                        return
            self.all_handled(th, e, "continue", frame.f_lineno, now)

    def _over(self, th, e, x, frame):
        """Settles the last exception that arrived where no event tells: it came
        up while another one was handled, which is on its way again. It was
        handled if an except's lines ran, in the handler of the other, to an end
        that raises nothing."""
        while x.under and x.lines:
            lines, n, (_, _, line, ran, _, _) = self._source(e.info.file), x.lines[-1], x.under[-1]
            if n > _len(lines) or handlers_module.is_clause(lines, n) or b"raise" in lines[n - 1]:
                return
            header = self._find(e, x.line, [n])[0]
            if not handlers_module.is_clause(lines, header) or not handlers_module.within(lines, self._find(e, line, ran)[0], header):
                return
            self.handled(th, e, "continue", frame.f_lineno)
            self._lift(th, x, x.under[-1][1])

    def _leaves(self, th, e, x, frame, exc):
        """What leaves a call is not what arrived there last."""
        key = _id(exc)
        if x.under and key in [u[1] for u in x.under]:  # the last one was handled meanwhile
            while x.obj != key:
                self.handled(th, e, "continue", frame.f_lineno)
                self._lift(th, x, x.under[-1][1])
            return
        flow = FLOW.get(_id(_type(exc)), "")
        if flow:
            x.pend, x.under, x.flow = 0, None, flow
        elif x.pend and self.handlers(e.info).star and is_group(exc):
            groups = [u[1] for u in x.under or () if u[5]]
            while groups and x.obj != groups[-1]:
                self.handled(th, e, "continue", frame.f_lineno)
                self._lift(th, x, x.under[-1][1])
            th.flying[key], x.obj = x.pend, key  # what except* has left over of it

    def handled(self, th, e, outcome, after):
        """Records that the last exception which arrived was handled, and returns
        its handler."""
        x = e.trouble
        header, line = self._find(e, x.line, x.lines)
        if x.pend:
            self.writer.write('{"k":"handled","i":%d,"c":%d,"e":%d,"l":%d,"h":%d,"o":"%s","after":%d}\n' % (
                e.id, e.info.id, x.pend, x.line, line, outcome, after or 0))
            th.flying.pop(x.obj, None)
            if self.gone:
                for fid in [fid for fid, left in self.gone.items() if left[1] == x.pend]:
                    del self.gone[fid]
        if x.child and x.child_obj == x.obj:  # a with had been asked meanwhile
            x.child = 0
        x.pend = th.left = 0
        return header or line

    def all_handled(self, th, e, outcome, after, now=0):
        """The same of all that are under way, but for those whose handlers
        others have left, as far as one that is being handled again."""
        x = e.trouble
        line = self.handled(th, e, outcome, after)
        while x.under:
            x.pend, x.obj, x.line, x.lines, x.base, x.group = x.under.pop()
            if x.obj == now:
                return
            header = self._find(e, x.line, x.lines)[0]
            if header and header != line and handlers_module.within(self._source(e.info.file), header, line):
                line = self.handled(th, e, outcome, after)
            if x.pend:  # its handler was left by another
                th.flying.pop(x.obj, None)
                x.pend = 0

    def _find(self, e, arrived, ran):
        """The handler of an exception, see find; that of a loop is remembered."""
        found, key = (e.info.handlers or self.handlers(e.info)).found, (arrived, _tuple(ran or ()))
        at = found.get(key)
        if at is None:
            if _len(found) > 1000:
                found.clear()
            at = found[key] = handlers_module.find(self._source(e.info.file), arrived, key[1])
        return at

    def _source(self, path):
        if path not in self.sources:
            if _len(self.sources) >= 16:
                self.sources.clear()
            self.sources[path] = _read_lines(path)
        return self.sources[path]


def _read_lines(path):
    try:
        fd = scope_module.os.open(path, scope_module.os.O_RDONLY)
        try:
            return scope_module.os.read(fd, 1 << 20).split(b"\n")
        finally:
            scope_module.os.close(fd)
    except _Exception:
        return []
