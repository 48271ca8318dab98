"""The back end on sys.settrace: trace functions for each thread.

A frame out of scope has no local trace function, and frames in scope get no
line events unless lines are wanted or an exception is on its way.
"""
from _thread import get_ident
import sys

import opcode as _opcode

from repaird_tracer.signals import cleaned, foreign, shielded

_settrace, _gettrace, _id, _type, _len, _set, _dict_get = sys.settrace, sys.gettrace, id, type, len, set, dict.get
_range, _getattr = range, getattr
_Exception, _BaseException, _KeyError = Exception, BaseException, KeyError
_get_ident, _modules = get_ident, sys.modules
_map = _opcode.opmap
_RETURNS = frozenset(_map[n] for n in ("RETURN_VALUE", "RETURN_CONST") if n in _map)
_YIELD, _YIELD_FROM, _RESUME = _map["YIELD_VALUE"], _map.get("YIELD_FROM", -1), _map.get("RESUME", -1)
_getframe = sys._getframe
DEEP = 32
_HAS_TRACE_LINES = sys.version_info >= (3, 7)


def _suspends(ops, at):
    """Says whether a return event at this instruction is a suspension. The
    yield is at the instruction; after it (up to 3.10, yield from and await);
    or before it (from 3.13, which already stands at the RESUME)."""
    if at < 0 or at >= _len(ops):
        return False
    if ops[at] == _YIELD:
        return True
    if ops[at] == _RESUME:
        return at >= 2 and ops[at - 2] == _YIELD
    return at + 2 < _len(ops) and ops[at + 2] == _YIELD_FROM


class Rearm(object):
    """Puts a trace function back that the interpreter removed, at its own end.
    Held by the frame of a trace function that an exception of the program
    leaves, and so by the exception, it ends when the program is done with that."""
    __slots__ = ("backend", "ident")

    def __init__(self, backend):
        self.backend, self.ident = backend, _get_ident()

    def __del__(self):
        try:
            if self.backend.alive and self.ident == _get_ident():
                self.backend.rearm()
        except _BaseException:
            pass


def rearm_later(backend, error):
    """What the frame of a trace function must hold: where it is not on the way
    of the exception, the program's last frame there holds it instead."""
    keeper = Rearm(backend)
    frame = cleaned(error, backend.own_files, False)
    if frame is None:
        return keeper
    frame.f_trace = keeper  # it has ended
    return None


class Backend(object):
    """Installs and removes the trace functions."""

    name = "settrace"

    def __init__(self, core, own_files):
        self.core, self.own_files, self.alive = core, own_files, True
        self.functions, self.hook = {}, None

    def start(self):
        _settrace(self._make(self.core.thread()))

    def watch_threads(self, threading):
        """Traces the threads that the module starts; to be called once it is there."""
        if self.alive:
            self.hook = threading.settrace
            self.hook(self._thread)

    def _thread(self, frame, event, arg):
        """First event of a new thread."""
        if not self.alive:
            _settrace(None)
            return None
        try:
            f = self.functions.get(_get_ident())
            # Where threads are greenlets, a new one may be in a thread that is known.
            if f is None or not self.core.switches or not self.core.greenlets.owns(f.__closure_stack__):
                f = self._make(self.core.thread())
        except _Exception:
            self.core.faults += 1
            _settrace(None)
            return None
        _settrace(f)
        return f(frame, event, arg)

    def rearm(self):
        """Puts the calling thread's trace function back where it was lost."""
        if self.alive and _gettrace() is None:
            f = self.functions.get(_get_ident())
            if f is not None:
                self.core.lost = "trace function removed, later put back"
                live, frame = _set(), _getframe(1)
                while frame is not None:
                    live.add(_id(frame))
                    frame = frame.f_back
                th = f.__closure_stack__
                if self.core.switches:
                    self.core.switches[0](th)
                th.stack[th.floor:] = [e for e in th.stack[th.floor:] if e.fid in live]
                _settrace(f)

    def withdraw(self):
        """Ends the recording: the calling thread's function goes at once, those
        of the others at their next event."""
        self.alive = False
        if _gettrace() is not None and _gettrace() is self.functions.get(_get_ident()):
            _settrace(None)
        if self.hook is not None and _getattr(_modules.get("threading"), "_trace_hook", None) == self._thread:
            self.hook(None)

    def stop(self):
        if self.alive:
            now = _gettrace()
            if now is None or now not in self.functions.values():
                if not self.core.lost:
                    self.core.lost = "trace function removed" if now is None else "trace function replaced"
        self.withdraw()

    def installed(self):
        return _gettrace() is not None and _gettrace() is self.functions.get(_get_ident())

    def current(self):
        """The calling thread's state, or a new one."""
        f = self.functions.get(_get_ident())
        return f.__closure_stack__ if f is not None else self.core.thread()

    def forked(self):
        """In the child: calls under way are the parent's to record."""
        me = self.functions.get(_get_ident())
        self.functions = {} if me is None else {_get_ident(): me}
        if me is not None:
            self.core.forked(me.__closure_stack__)

    def _make(self, th):
        """Trace functions of one thread, its state in their cells.

        Up to 3.12 the interpreter writes a frame's variables back after a call
        of a trace function, as they were when they were read, and undoes what
        other threads have done meanwhile to those that functions share (cells).
        So such variables are read again at the very end, where no thread gets
        its turn before they are written."""
        core, backend, stack, own_files = self.core, self, th.stack, self.own_files
        files, outside, codes, decide, lines_on = core.scope.files, core.scope.outside, core.codes, core.scope.decide, core.lines
        max_depth, per_code, probes, held, counts_only = core.max_depth, core.per_code, core.probes, th.held, core.counts_only
        enter, leave, raised, stepped, release = core.enter, core.leave, core.raised, core.stepped, core.release
        switches = core.switches

        def full():
            return not switches or not switches[0](th) or _len(stack) >= max_depth

        def find(fid):
            if switches:
                switches[0](th)
            for i in _range(_len(stack) - 1, -1, -1):
                if stack[i].fid == fid:
                    core.resynced += _len(stack) - 1 - i
                    del stack[i + 1:]
                    return stack[i]
            return None

        def forget(fid):
            """A frame ends, and its variables with it, if nobody else has them."""
            held[:] = [h for h in held if h[0] != fid]

        def line(e, frame):
            n, info = frame.f_lineno, e.info
            if lines_on and n not in info.seen and n is not None:
                core.line(info, n)
            watch, x = info.watch, e.trouble
            if x is not None:
                if x.fresh or x.pend or x.under:
                    x.settled = not stepped(th, e, frame)
                elif x.settled and not lines_on and watch is None and _HAS_TRACE_LINES:
                    # One line later: up to 3.12 the interpreter has read the
                    # variables for each event and keeps what it read, where a
                    # handler is often followed by the end of an object.
                    x.settled = frame.f_trace_lines = False
                    if info.pins:
                        core.hold(frame, frame.f_locals)
            if watch is not None and (watch is True or n in watch):
                probes.line(th, e, frame, info, n)

        def ended(e, frame, arg):
            """A return event: a return, a suspension, or an exception leaves."""
            info, at, x = e.info, frame.f_lasti, e.trouble
            del stack[-1]
            if info.gen and not (arg is None and x is not None and x.fresh and at == x.at):
                if _suspends(info.ops, at):
                    core.yielded(th, e, frame.f_lineno or 0, arg)
                    return
            if arg is None and not (0 <= at < _len(info.ops) and info.ops[at] in _RETURNS):
                core.unwound(th, e, frame)
            else:
                leave(th, e, frame, at, arg)
            if held:
                forget(_id(frame))

        def happened(e, frame, event, arg):
            if event == "line":
                line(e, frame)
            elif event == "return":
                ended(e, frame, arg)
            elif event == "exception":
                if not lines_on and _HAS_TRACE_LINES:
                    frame.f_trace_lines = True
                raised(th, e, frame, arg[1], arg[2])

        @shielded
        def local(frame, event, arg):
            try:
                fid = _id(frame)
                if held:
                    release(held, fid)
                e = stack[-1] if stack else None
                if e is None or e.fid != fid:
                    e = find(fid)
                    if e is None:
                        return None
                if event == "return" and arg is not None:
                    del stack[-1]
                    leave(th, e, frame, frame.f_lasti, arg)
                    if held:
                        forget(fid)
                else:
                    happened(e, frame, event, arg)
                if e.info.cells:
                    frame.f_locals  # see above
                return local
            except _BaseException as error:
                core.faults += 1
                if foreign(error, own_files):
                    again = rearm_later(backend, error)  # noqa: F841
                    raise
                return local

        class Suspendable(object):
            """Trace function of one generator or coroutine, kept by its frame."""
            __slots__ = ("entry",)

            def __init__(self, entry):
                self.entry = entry

            @shielded
            def __call__(self, frame, event, arg):
                try:
                    if held:
                        release(held, _id(frame))
                    e = self.entry
                    if not stack or stack[-1] is not e:
                        if find(e.fid) is not e:
                            return None
                    happened(e, frame, event, arg)
                    if e.info.cells:
                        frame.f_locals  # see above
                    return self
                except _BaseException as error:
                    core.faults += 1
                    if foreign(error, own_files):
                        again = rearm_later(backend, error)  # noqa: F841
                        raise
                    return self

        class Deep(object):
            """Trace function of every DEEP-th call of a recursion. At the limit
            the interpreter cannot call a trace function, and removes it; this
            one notices when its frame ends, and puts it back."""
            __slots__ = ("rearm",)

            def __init__(self):
                self.rearm = Rearm(backend)

            def __call__(self, frame, event, arg):
                local(frame, event, arg)
                if frame.f_code.co_cellvars or frame.f_code.co_freevars:
                    frame.f_locals  # see above
                return self

        class Silent(object):
            """Trace function of code whose calls are not recorded: lines at most."""
            __slots__ = ("info",)

            def __init__(self, info):
                self.info = info

            @shielded
            def __call__(self, frame, event, arg):
                try:
                    info = self.info
                    if event == "line":
                        n = frame.f_lineno
                        if lines_on and n not in info.seen and n is not None:
                            core.line(info, n)
                        watch = info.watch
                        if watch is not None and (watch is True or n in watch):
                            probes.line(th, None, frame, info, n)
                    if info.cells:
                        frame.f_locals  # see above
                    return self
                except _BaseException as error:
                    core.faults += 1
                    if foreign(error, own_files):
                        again = rearm_later(backend, error)  # noqa: F841
                        raise
                    return self

        def silent(frame, info):
            """The trace function of a call that is not recorded, if it needs one."""
            if not (lines_on or info.watch is not None or info.gen and not info.fold):
                return None
            if not lines_on and info.watch is None and _HAS_TRACE_LINES:
                frame.f_trace_lines = False
            return Silent(info)

        def first(frame, code):
            """A code object that is seen for the first time."""
            name = code.co_filename
            path = files.get(name)
            if path is None:
                path = decide(name, _dict_get(frame.f_globals, "__name__"))
            if path is False:
                return None
            return core.register(frame, code, path)

        def resumed(g, frame):
            """A generator goes on. By name: it may be resumed by another thread
            than the one that began it, whose classes are its own."""
            kind = _type(g).__name__
            if kind == "Suspendable":
                core.resumed(th, g.entry, frame)
                return g if _type(g) is Suspendable else Suspendable(g.entry)
            return g if kind == "Silent" else None

        @shielded
        def global_(frame, event, arg):
            try:
                code = frame.f_code
                if code.co_filename in outside and not held:
                    return None
                if held:
                    release(held, _id(frame))
                try:
                    info = codes[_id(code)]
                except _KeyError:
                    info = first(frame, code) if backend.alive else None
                    if info is None:
                        return None
                if info.fold:
                    return silent(frame, info)
                if info.gen and frame.f_trace is not None:
                    g = resumed(frame.f_trace, frame)
                    if g is not None:
                        return g
                if not backend.alive:
                    _settrace(None)
                    return None
                n = info.calls = info.calls + 1
                if counts_only or n > per_code or _len(stack) >= max_depth and full():
                    g = silent(frame, info)
                    if info.cells:
                        core.hold(frame, frame.f_locals)
                        frame.f_locals  # see above
                    return g
                e = enter(th, frame, info)
                if not lines_on and info.watch is None and _HAS_TRACE_LINES:
                    frame.f_trace_lines = False
                if info.gen:
                    g = Suspendable(e)
                else:
                    g = Deep() if _len(stack) % DEEP == 0 else local
                if info.cells:
                    core.hold(frame, frame.f_locals)
                    frame.f_locals  # see above
                return g
            except _BaseException as error:
                core.faults += 1
                if foreign(error, own_files):
                    again = rearm_later(backend, error)  # noqa: F841
                    raise
                return None

        global_.__closure_stack__ = th
        self.functions[_get_ident()] = global_
        return global_
