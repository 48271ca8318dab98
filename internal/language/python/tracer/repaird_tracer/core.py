"""The rules of recording: what becomes of calls, returns and exceptions.

A back end (repaird_tracer.settrace, repaird_tracer.monitoring) turns the
interpreter's events into calls of these methods. A Thread holds the calls in
scope that are under way in one thread; an Entry is one of them.

How much of a call is recorded: of the first FULL calls of a function and of
each whose ordinal is a power of two, values in full; of the others light
values, which is scalars and what tells objects apart; after max_per_function
nothing, the calls are only counted. Exceptions are recorded whatever the
bounds, with the calls that they came from.
"""
from _thread import get_ident
from itertools import count
import sys
import time

import repaird_tracer.hot
import repaird_tracer.scope as scope_module
from repaird_tracer.exceptions import Exceptions, Thread
from repaird_tracer.greenlets import Greenlets, own_calls
from repaird_tracer.tasks import Tasks
from repaird_tracer.values import MUTABLE, Renderer, unwrapped, derives, _get_class_dict, _get_mro, FunctionType, head_of, quote

_clock, _int = time.perf_counter, int
_len, _id, _type, _str, _dict, _modules = len, id, type, str, dict, sys.modules
_tuple, _list, _set, _sorted, _range, _enumerate, _zip = tuple, list, set, sorted, range, enumerate, zip
_Type, _object, _classmethod, _staticmethod, _property = type, object, classmethod, staticmethod, property
_getattr, _BaseException = getattr, BaseException
_getrefcount = getattr(sys, "getrefcount", None)
MAX_LINES = 300000
FULL, ENOUGH_TEXT = repaird_tracer.hot.FULL, repaird_tracer.hot.ENOUGH_TEXT
PER_CODE = 500  # calls of one function that are recorded unless the configuration says otherwise
# Any of these in the configuration asks for lines or snapshots.
_PROBES = ("steps", "breakpoints", "watches", "exception_snapshot")


class Core(Exceptions):
    """One process's recorder."""

    def __init__(self, config, writer, own_dir):
        self.writer, self.config = writer, config
        self.scope = scope_module.Scope(config.get("include") or [], config.get("exclude") or [], own_dir, config.get("modules") or [])
        self.choice = scope_module.Choice(config.get("functions") or [], config.get("exclude_functions") or [])
        self.render = Renderer(self.scope.holds, config.get("max_value_chars") or 400, config.get("max_value_items") or 32)
        self.max_depth = config.get("max_depth") or 200
        self.per_code = config.get("max_per_function") or PER_CODE
        self.values = not config.get("calls_only")
        self.counts_only = bool(config.get("counts_only"))
        self.comprehensions = bool(config.get("comprehensions"))
        self.lines = bool(config.get("lines"))
        self.codes, self.infos, self.sources, self.beyond = {}, [], {}, _set()
        self.next_code, self.next_call, self.next_exc = count(1).__next__, count(1).__next__, count(1).__next__
        self.started, self.seconds = _clock(), _clock
        self.line_count = self.faults = self.snaps = self.resynced = self.refined = self.quiet = 0
        self.fled = 0  # address of an exception that left the main thread's calls and was only counted
        self.lates = 0  # numbers of calls that were given without the call being counted
        self.gone = {}  # by address of a frame that an exception has left for code out of scope: its code, the exception's number and address
        self.threads = 0
        self.main, self.first = get_ident(), None
        self.lost = ""
        # The task of the calling thread; empty as long as there is no asyncio.
        self.tasks, self.tasks_of = [], Tasks(writer.define)
        # What tells that another greenlet runs; empty as long as there are none.
        self.switches, self.greenlets = [], Greenlets()
        # By thread: addresses of frames, and their variables' dictionaries that are ours to empty.
        self.held = {}
        self.probes = None
        if config.get("level") not in (None, "", "functions") or [k for k in _PROBES if config.get(k)]:
            from repaird_tracer.probes import Probes
            self.probes = Probes(self, config)
        self.enter, self.leave = repaird_tracer.hot.make(self)

    # Threads and code.

    def thread(self):
        th = Thread()
        th.index = self.threads
        self.threads += 1
        if th.index == 0:
            self.first = th
        th.suffix = "" if th.index == 0 else ',"th":%d' % th.index
        th.tail = th.suffix + "}\n"
        th.stack, th.flying, th.escaped, th.left, th.orphans, th.owner = [], {}, 0, 0, 0, None
        th.greenlet, th.root, th.parked, th.floor = None, None, {}, 0
        th.held = self.held[get_ident()] = []
        if th.index > 0:
            self.writer.define('{"k":"thread","th":%d,"name":%s}\n' % (th.index, quote(_thread_name()[:100])))
        return th

    def register(self, frame, code, path):
        if _len(self.infos) >= scope_module.MAX_CODES:
            if _id(code) not in self.beyond and _len(self.beyond) < 100000:
                self.beyond.add(_id(code))
                self.writer.undefined += 1
            return None
        function = _function(self, frame, code)
        name = function.__qualname__ if function is not None and _type(function.__qualname__) is _str else ""
        info = scope_module.describe(self.next_code(), code, path, name, self.comprehensions)
        if not info.fold and not self.choice.holds(info.name, frame.f_globals):
            info.fold = True
        info.defaults = _mutable_defaults(function, code)
        info.heads = _heads(info.args)
        if self.probes is not None:
            info.watch = self.probes.lines_of(info)
        try:
            other = self.codes.setdefault(_id(code), info)
            if other is not info:  # another thread was faster
                return other
            self.define_code(info)
            self.infos.append(info)
        except _BaseException:  # a signal handler's: the next call tries again
            if self.codes.get(_id(code)) is info:
                del self.codes[_id(code)]
            raise
        if not self.tasks and self.tasks_of.ready():
            self.tasks.append(self.tasks_of.suffix)
        if not self.switches and self.greenlets.ready():
            self.switches.append(self.greenlets.switched)
            for known in self.infos:
                known.mixed = True
        info.mixed = info.mixed or _len(self.switches) > 0
        if self.lines and (info.kind == "module"):
            self._executable(info)
        return info

    def define_code(self, info):
        self.writer.define('{"k":"code","c":%d,"file":%s,"name":%s,"line":%d,"args":[%s],"kind":"%s"%s}\n' % (
            info.id, quote(info.file), quote(info.name[:300]), info.code.co_firstlineno,
            ",".join(quote(a) for a in info.args[:64]), info.kind, scope_module.signature(info.code)))

    def _executable(self, info):
        lines = _set()
        for c in scope_module.nested_codes(info.code):
            lines.update(scope_module.code_lines(c))
        lines = _sorted(lines)
        for i in _range(0, _len(lines), 2000):
            self.writer.define('{"k":"lines","c":%d,"l":[%s]}\n' % (info.id, ",".join("%d" % n for n in lines[i:i + 2000])))

    def line(self, info, number):
        """First execution of a line."""
        info.seen.add(number)
        self.line_count += 1
        if self.line_count <= MAX_LINES:
            self.writer.define('{"k":"line","c":%d,"l":%d}\n' % (info.id, number))

    def forked(self, th):
        """In the child, with its one thread: the calls under way and their
        numbers are the parent's."""
        self.lates = self.next_call()
        for e in own_calls(th):
            self.trouble(e).foreign = True

    def micros(self):
        return _int((self.seconds() - self.started) * 1e6)

    # Frames' variables. Up to 3.12 asking a frame for them leaves a dictionary
    # in it that keeps its values alive until it returns: programs that count on
    # the end of an object would notice.

    def hold(self, frame, values):
        held = self.held.get(get_ident())
        if held is not None and _len(held) < 1000:
            held.append((_id(frame), values))

    def release(self, held, fid):
        """Empties the dictionaries that nobody else has got hold of, but for
        that of the frame whose event this is: with sys.settrace the interpreter
        is about to copy it back into the frame."""
        own = None
        while held:
            frame, d = held.pop()
            others = _getrefcount(d) if _getrefcount is not None else 0  # d and the argument, then the frame
            if others > 2 and frame == fid:
                own = d
            elif others == 3:
                d.clear()
        if own is not None:
            held.append((fid, own))

    # Calls.

    def args(self, e, frame, info, left=ENOUGH_TEXT):
        """The values of a call's arguments, in full as long as there is something left."""
        values, parts = frame.f_locals, []
        named, light, light_named = self.render.named, self.render.light, self.render.light_named
        for name in info.args:
            if name in values:
                v = values[name]
                lightly = left <= 0
                text = light_named(name, v) if lightly else named(name, v)
                left -= _len(text)
                parts.append(text)
                if '"id":' in text and (not lightly or _id(_type(v)) in MUTABLE):
                    if e.muts is None:
                        e.muts = []
                    e.muts.append((name, light(v) if lightly else text, _id(v), lightly))
        v = None
        if info.pins and parts:
            self.hold(frame, values)
        args = ',"a":[%s]' % ",".join(parts)
        if info.defaults:
            args += self.shared_defaults(info, values)
        return args

    def shared_defaults(self, info, values):
        used = [quote(n) for n, i in info.defaults if n in values and _id(values[n]) == i]
        return ',"df":[%s]' % ",".join(used) if used else ""

    def changed(self, e, frame):
        """Arguments that the call changed in place, at the detail of its record."""
        values, parts = frame.f_locals, []
        named, light = self.render.named, self.render.light
        for name, text, i, lightly in e.muts:
            if name in values:
                v = values[name]
                if _id(v) == i:
                    now = light(v) if lightly else named(name, v)
                    if now != text:
                        parts.append('[%s,%s]' % (quote(name), now) if lightly else now)
        v = None
        if e.info.pins:
            self.hold(frame, values)
        return ',"m":[%s]' % ",".join(parts) if parts else ""

    def ended(self, th, e, frame, at, value):
        """What a return says besides the call's value, where an exception or a
        probe has to do with it; None where nothing is to be written."""
        x, left = e.trouble, ""
        if x is not None:
            if x.foreign:
                return None
            if x.pend or x.under:
                self.all_handled(th, e, "return", frame.f_lineno)
            elif x.child:
                self.outside(th, e, "outside", frame.f_lineno)
        if e.info.watch is True:
            left = self.probes.left(th, e, frame)
        return left

    def yielded(self, th, e, line, value):
        info, th.left = e.info, 0
        info.yields += 1
        if info.yields <= self.per_code and not e.foreign:
            if info.kind == "async_generator":
                value = unwrapped(value)
            value = "" if not self.values else ',"v":' + (self.render.light if e.light or info.yields > FULL else self.render.value)(value)
            self.writer.write('{"k":"yield","i":%d,"c":%d,"t":%d,"l":%s%s}\n' % (
                e.id, info.id, self.micros(), line, value))

    def resumed(self, th, e, frame):
        stack, e.place = th.stack, None
        if self.switches:
            self.switches[0](th)
        if e.info.yields <= self.per_code and not e.foreign:
            self.writer.write('{"k":"resume","i":%d,"c":%d,"p":%d,"t":%d%s%s}\n' % (
                e.id, e.info.id, stack[-1].id if stack else 0, self.micros(), th.suffix, self.tasks[0]() if self.tasks else ""))
        stack.append(e)

    def unseen(self, e):
        """The end of a call of which no event told: those of its function were
        switched off meanwhile, since it had been called too often."""
        if not e.foreign:
            self.writer.write('{"k":"ret","i":%d,"c":%d,"t":%d,"l":0,"v":{"t":"?","cut":1}}\n' % (e.id, e.info.id, self.micros()))

    # The end.

    def mark(self, name, state):
        self.writer.write('{"k":"mark","name":%s,"state":%s,"t":%d}\n' % (
            quote(_str(name)[:500]), quote(_str(state)[:100]), self.micros()))

    def footer(self):
        if self.probes is not None:
            self.probes.finish()
        if self.fled:  # the exception that ended the program may be one that was only counted
            last = _getattr(sys, "last_value", None)
            if _id(last) == self.fled and derives(_type(last), _BaseException):
                self.failure(self.first, last, True)
        uncalled = 0
        for info in self.infos:
            if info.calls:
                uncalled += info.calls
                self.writer.define('{"k":"count","c":%d,"n":%d%s}\n' % (info.id, info.calls, ',"min":1' if info.off else ""))
        uncalled -= self.next_call() - 1 - self.lates
        w = self.writer
        return '{"k":"end","records":%d,"dropped":%d,"uncalled":%d,"faults":%d,"oversize":%d,"resynced":%d,"quiet":%d,"lost":%s,"dead":%s,"t":%d}\n' % (
            w.written, w.dropped, uncalled, self.faults, w.oversize, self.resynced, self.quiet, quote(self.lost), quote(w.dead), self.micros())


def _thread_name():
    threading = _modules.get("threading")
    if threading is None:
        return ""
    t = threading._active.get(get_ident())
    if t is None:
        return ""
    name = _object.__getattribute__(t, "__dict__").get("_name")
    return name if _type(name) is _str else ""


def _function(core, frame, code):
    """The function object of a frame, where its class or module leads to it."""
    if not code.co_flags & 1:
        return None
    places = [_dict.get(frame.f_globals, code.co_name)]
    if code.co_argcount > 0:
        values = frame.f_locals
        if scope_module.PINS:
            core.hold(frame, values)
        v = values.get(code.co_varnames[0])
        for k in _get_mro(v if derives(_type(v), _Type) else _type(v)):
            f = _get_class_dict(k).get(code.co_name)
            if _type(f) is _property:
                places.extend((f.fget, f.fset, f.fdel))
            places.append(f)
    for f in places:
        for _ in _range(8):  # decorators that say what they wrap
            if _type(f) is _classmethod or _type(f) is _staticmethod:
                f = f.__func__
            if _type(f) is not FunctionType:
                break
            if f.__code__ is code:
                return f
            f = f.__dict__.get("__wrapped__")
    return None


def _heads(names):
    """For each argument what stands before it in a record: of its pair, and of
    its value, None where the value may have to be masked."""
    found = []
    for i, name in _enumerate(names):
        before = "," if i else ',"a":['
        head = head_of(name, quote)
        found.append((name, before, before + head if head else None))
    return _tuple(found)


def _mutable_defaults(function, code):
    """(parameter, address) of defaults that all calls share and can change."""
    if function is None:
        return ()
    found = []
    values = function.__defaults__ or ()
    names = code.co_varnames[:code.co_argcount][-_len(values):] if values else ()
    pairs = _list(_zip(names, values)) + _list((function.__kwdefaults__ or {}).items())
    for name, v in pairs:
        if _id(_type(v)) in MUTABLE:
            found.append((name, _id(v)))
    return _tuple(found)
