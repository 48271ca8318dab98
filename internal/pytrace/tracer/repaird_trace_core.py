"""The rules of recording: what becomes of calls, returns and exceptions.

A back end (repaird_trace_settrace) turns the interpreter's events into calls
of these methods. A Thread holds the calls in scope that are under way in one
thread; an Entry is one of them.
"""
from _thread import get_ident
from itertools import count
import sys
import time

import repaird_trace_scope as scope_module
from repaird_trace_exceptions import Entry, Exceptions, Thread
from repaird_trace_values import MUTABLE, Renderer, derives, _get_class_dict, _get_mro, FunctionType, quote

_clock = getattr(time, "perf_counter_ns", None)
if _clock is None:
    _perf = time.perf_counter

    def _clock():
        return int(_perf() * 1e9)

_len, _id, _type, _str, _modules = len, id, type, str, sys.modules
MAX_LINES = 300000
# Any of these in the configuration asks for lines or snapshots.
_PROBES = ("steps", "breakpoints", "watches", "exception_snapshot")


class Core(Exceptions):
    """One process's recorder."""

    def __init__(self, config, writer, own_dir):
        self.writer, self.config = writer, config
        self.scope = scope_module.Scope(config.get("include") or [], config.get("exclude") or [], own_dir)
        self.render = Renderer(self.scope.holds, config.get("max_value_chars") or 400, config.get("max_value_items") or 32)
        self.max_depth = config.get("max_depth") or 200
        self.per_code = config.get("max_per_function") or 2000
        self.lines = bool(config.get("lines"))
        self.codes, self.infos, self.sources = {}, [], {}
        self.next_call, self.next_exc = count(1).__next__, count(1).__next__
        self.start = _clock()
        self.line_count = self.faults = self.uncalled = self.snaps = self.resynced = 0
        self.threads = 0
        self.main = get_ident()
        self.lost = ""
        self.probes = None
        if config.get("level") not in (None, "", "functions") or [k for k in _PROBES if config.get(k)]:
            from repaird_trace_probes import Probes
            self.probes = Probes(self, config)

    # Threads and code.

    def thread(self):
        th = Thread()
        th.index = self.threads
        self.threads += 1
        th.suffix = "" if th.index == 0 else ',"th":%d' % th.index
        th.stack, th.flying, th.escaped = [], {}, 0
        if th.index > 0:
            self.writer.define('{"k":"thread","th":%d,"name":%s}\n' % (th.index, quote(_thread_name()[:100])))
        return th

    def register(self, frame, code, path):
        if _len(self.infos) >= scope_module.MAX_CODES:
            return None
        function = _function(frame, code)
        name = function.__qualname__ if function is not None and _type(function.__qualname__) is _str else ""
        info = scope_module.describe(_len(self.infos) + 1, code, path, name)
        info.defaults = _mutable_defaults(function, code)
        self.infos.append(info)
        self.define_code(info)
        self.codes[_id(code)] = info
        if self.probes is not None:
            info.watch = self.probes.lines_of(info)
        if self.lines and (info.kind == "module"):
            self._executable(info)
        return info

    def define_code(self, info):
        self.writer.define('{"k":"code","c":%d,"file":%s,"name":%s,"line":%d,"args":[%s],"kind":"%s"}\n' % (
            info.id, quote(info.file), quote(info.name[:300]), info.code.co_firstlineno,
            ",".join(quote(a) for a in info.args[:64]), info.kind))

    def _executable(self, info):
        lines = set()
        for c in scope_module.nested_codes(info.code):
            lines.update(scope_module.code_lines(c))
        lines = sorted(lines)
        for i in range(0, _len(lines), 2000):
            self.writer.define('{"k":"lines","c":%d,"l":[%s]}\n' % (info.id, ",".join("%d" % n for n in lines[i:i + 2000])))

    def line(self, info, number):
        """First execution of a line."""
        info.seen.add(number)
        self.line_count += 1
        if self.line_count <= MAX_LINES:
            self.writer.define('{"k":"line","c":%d,"l":%d}\n' % (info.id, number))

    def micros(self):
        return (_clock() - self.start) // 1000

    # Calls.

    def enter(self, th, frame, info):
        """A call begins that is recorded: the back end has counted it and asked for the bounds."""
        stack = th.stack
        e = Entry()
        e.id, e.fid, e.info = self.next_call(), _id(frame), info
        e.pend = e.child = e.obj = 0
        e.fresh, e.flow, e.lines, e.foreign = False, "", None, False
        parent, line = 0, 0
        if stack:
            parent = stack[-1].id
            back = frame.f_back
            if back is not None and _id(back) == stack[-1].fid:
                line = back.f_lineno or 0
        e.parent = parent
        e.seg = self.writer.seg
        args = ""
        e.muts = None
        if info.args:
            args = self._args(e, frame, info)
        self.writer.write('{"k":"call","i":%d,"p":%d,"c":%d,"d":%d,"n":%d,"t":%d,"l":%d%s%s}\n' % (
            e.id, parent, info.id, _len(stack), info.calls, self.micros(), line, args, th.suffix))
        stack.append(e)
        return e

    def _args(self, e, frame, info):
        values, parts = frame.f_locals, []
        named = self.render.named
        for name in info.args:
            if name in values:
                v = values[name]
                text = named(name, v)
                parts.append(text)
                if '"id":' in text:
                    if e.muts is None:
                        e.muts = []
                    e.muts.append((name, text, _id(v)))
        args = ',"a":[%s]' % ",".join(parts)
        if info.defaults:
            used = [quote(n) for n, i in info.defaults if n in values and _id(values[n]) == i]
            if used:
                args += ',"df":[%s]' % ",".join(used)
        return args

    def _changed(self, e, frame):
        """Arguments that the call changed in place."""
        if not e.muts:
            return ""
        values, parts = frame.f_locals, []
        for name, text, i in e.muts:
            if name in values:
                v = values[name]
                if _id(v) == i:
                    now = self.render.named(name, v)
                    if now != text:
                        parts.append(now)
        return ',"m":[%s]' % ",".join(parts) if parts else ""

    def returned(self, th, e, frame, value):
        if e.pend:
            self.handled(th, e, "return", frame.f_lineno)
        elif e.child:
            self._outside(th, e, "outside", frame.f_lineno)
        if e.foreign:
            return
        left = self.probes.left(th, e, frame) if e.info.watch is True else ""
        self.writer.write('{"k":"ret","i":%d,"c":%d,"t":%d,"l":%d,"v":%s%s%s}\n' % (
            e.id, e.info.id, self.micros(), frame.f_lineno or 0, self.render.value(value), self._changed(e, frame), left))

    def yielded(self, th, e, frame, value):
        info = e.info
        info.yields += 1
        if info.yields <= self.per_code and not e.foreign:
            self.writer.write('{"k":"yield","i":%d,"c":%d,"t":%d,"l":%d,"v":%s}\n' % (
                e.id, e.info.id, self.micros(), frame.f_lineno or 0, self.render.value(value)))

    def resumed(self, th, e, frame):
        stack = th.stack
        if e.info.yields <= self.per_code and not e.foreign:
            self.writer.write('{"k":"resume","i":%d,"c":%d,"p":%d,"t":%d%s}\n' % (
                e.id, e.info.id, stack[-1].id if stack else 0, self.micros(), th.suffix))
        stack.append(e)

    def mark(self, name, state):
        self.writer.write('{"k":"mark","name":%s,"state":%s,"t":%d}\n' % (
            quote(_str(name)[:500]), quote(_str(state)[:100]), self.micros()))

    def footer(self):
        if self.probes is not None:
            self.probes.finish()
        for info in self.infos:
            if info.calls:
                self.writer.define('{"k":"count","c":%d,"n":%d}\n' % (info.id, info.calls))
        w = self.writer
        return '{"k":"end","records":%d,"dropped":%d,"uncalled":%d,"faults":%d,"oversize":%d,"resynced":%d,"lost":%s,"dead":%s,"t":%d}\n' % (
            w.written, w.dropped, self.uncalled, self.faults, w.oversize, self.resynced, quote(self.lost), quote(w.dead), self.micros())


def _thread_name():
    threading = _modules.get("threading")
    if threading is None:
        return ""
    t = threading._active.get(get_ident())
    if t is None:
        return ""
    name = object.__getattribute__(t, "__dict__").get("_name")
    return name if _type(name) is _str else ""


def _function(frame, code):
    """The function object of a frame, where its class or module leads to it."""
    if not code.co_flags & 1:
        return None
    places = [frame.f_globals.get(code.co_name)]
    if code.co_argcount > 0:
        v = frame.f_locals.get(code.co_varnames[0])
        for k in _get_mro(v if derives(_type(v), type) else _type(v)):
            f = _get_class_dict(k).get(code.co_name)
            if _type(f) is property:
                places.extend((f.fget, f.fset, f.fdel))
            places.append(f)
    for f in places:
        for _ in range(8):  # decorators that say what they wrap
            if _type(f) is classmethod or _type(f) is staticmethod:
                f = f.__func__
            if _type(f) is not FunctionType:
                break
            if f.__code__ is code:
                return f
            f = f.__dict__.get("__wrapped__")
    return None


def _mutable_defaults(function, code):
    """(parameter, address) of defaults that all calls share and can change."""
    if function is None:
        return ()
    found = []
    values = function.__defaults__ or ()
    names = code.co_varnames[:code.co_argcount][-_len(values):] if values else ()
    pairs = list(zip(names, values)) + list((function.__kwdefaults__ or {}).items())
    for name, v in pairs:
        if _id(_type(v)) in MUTABLE:
            found.append((name, _id(v)))
    return tuple(found)
