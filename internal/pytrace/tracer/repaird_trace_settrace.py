"""The back end on sys.settrace: CPython 3.6 and newer."""
import sys
import threading

import opcode as _opcode

_settrace, _gettrace, _id, _type, _len = sys.settrace, sys.gettrace, id, type, len
_Exception, _BaseException = Exception, BaseException
_threading_settrace = threading.settrace
_map = _opcode.opmap
_RETURNS = frozenset(_map[n] for n in ("RETURN_VALUE", "RETURN_CONST") if n in _map)
_YIELD, _YIELD_FROM, _RESUME = _map["YIELD_VALUE"], _map.get("YIELD_FROM", -1), _map.get("RESUME", -1)
_HAS_TRACE_LINES = sys.version_info >= (3, 7)


def _suspends(ops, at):
    """Says whether a return event at this instruction is a suspension. The
    yield is at the instruction; after it (up to 3.10, yield from and await);
    or before it (from 3.13, which already stands at the RESUME)."""
    if at < 0 or at >= len(ops):
        return False
    if ops[at] == _YIELD:
        return True
    if ops[at] == _RESUME:
        return at >= 2 and ops[at - 2] == _YIELD
    return at + 2 < len(ops) and ops[at + 2] == _YIELD_FROM


class Backend(object):
    """Installs and removes the trace functions."""

    name = "settrace"

    def __init__(self, core, own_files):
        self.core, self.own_files, self.alive = core, own_files, True
        self.functions = {}

    def start(self):
        self.main = self._make(self.core.thread())
        _threading_settrace(self._thread)
        _settrace(self.main)

    def _thread(self, frame, event, arg):
        """First event of a new thread."""
        if not self.alive:
            _settrace(None)
            return None
        try:
            f = self._make(self.core.thread())
        except _Exception:
            self.core.faults += 1
            _settrace(None)
            return None
        _settrace(f)
        return f(frame, event, arg)

    def rearm(self):
        """Puts the calling thread's trace function back where it was lost."""
        now = _gettrace()
        if self.alive and now is None:
            self.core.lost = "trace function removed, later put back"
            f = self.functions.get(threading.get_ident())
            if f is not None:
                f.__closure_stack__.stack[:] = []
                _settrace(f)

    def stop(self):
        self.alive = False
        now = _gettrace()
        if now is None or now not in self.functions.values():
            if not self.core.lost:
                self.core.lost = "trace function removed" if now is None else "trace function replaced"
        else:
            _settrace(None)
        if getattr(threading, "_trace_hook", None) == self._thread:
            _threading_settrace(None)

    def installed(self):
        return _gettrace() is not None and _gettrace() is self.functions.get(threading.get_ident())

    def current(self):
        """The calling thread's state, or a new one."""
        f = self.functions.get(threading.get_ident())
        return f.__closure_stack__ if f is not None else self.core.thread()

    def forked(self):
        """In the child: calls under way are the parent's to record."""
        me = self.functions.get(threading.get_ident())
        self.functions = {} if me is None else {threading.get_ident(): me}
        if me is not None:
            for e in me.__closure_stack__.stack:
                e.foreign = True

    def _foreign(self, error):
        """Says whether an exception in a trace function is the program's, such
        as one that a signal handler raised: it must reach the program."""
        if not isinstance(error, _Exception):
            return True
        if _type(error) is RecursionError and sys.version_info < (3, 9):
            return True  # going on above the limit would be fatal there
        tb = error.__traceback__
        while tb is not None and tb.tb_next is not None:
            tb = tb.tb_next
        return tb is not None and tb.tb_frame.f_code.co_filename not in self.own_files

    def _make(self, th):
        """Trace functions of one thread, its state in their cells."""
        core, backend, stack = self.core, self, th.stack
        files, codes, decide, lines_on = core.scope.files, core.codes, core.scope.decide, core.lines
        max_depth, per_code, probes = core.max_depth, core.per_code, core.probes
        enter, returned, raised, stepped = core.enter, core.returned, core.raised, core.stepped

        def find(fid):
            for i in range(_len(stack) - 1, -1, -1):
                if stack[i].fid == fid:
                    core.resynced += _len(stack) - 1 - i
                    del stack[i + 1:]
                    return stack[i]
            return None

        def handle(e, frame, event, arg):
            if event == "line":
                if lines_on:
                    n, info = frame.f_lineno, e.info
                    if n not in info.seen and n is not None:
                        core.line(info, n)
                watch = e.info.watch
                if (e.fresh or e.pend) and not stepped(th, e, frame) and not lines_on and watch is None and _HAS_TRACE_LINES:
                    frame.f_trace_lines = False
                if watch is not None and (watch is True or frame.f_lineno in watch):
                    probes.line(th, e, frame, e.info, frame.f_lineno)
            elif event == "return":
                info = e.info
                at = frame.f_lasti
                op = info.ops[at] if 0 <= at < _len(info.ops) else -1
                if info.gen and not (arg is None and e.fresh and at == e.at):
                    if _suspends(info.ops, at):
                        stack.pop()
                        core.yielded(th, e, frame, arg)
                        return
                stack.pop()
                if arg is None and op not in _RETURNS:
                    core.unwound(th, e, frame)
                else:
                    returned(th, e, frame, arg)
            elif event == "exception":
                if not lines_on and _HAS_TRACE_LINES:
                    frame.f_trace_lines = True
                raised(th, e, frame, arg[1], arg[2])

        def local(frame, event, arg):
            try:
                fid = _id(frame)
                e = stack[-1] if stack else None
                if e is None or e.fid != fid:
                    e = find(fid)
                    if e is None:
                        return None
                handle(e, frame, event, arg)
            except _BaseException as error:
                core.faults += 1
                if backend._foreign(error):
                    raise
            return local

        class Suspendable(object):
            """Trace function of one generator or coroutine, kept by its frame."""
            __slots__ = ("entry",)

            def __init__(self, entry):
                self.entry = entry

            def __call__(self, frame, event, arg):
                try:
                    e = self.entry
                    if not stack or stack[-1] is not e:
                        if find(e.fid) is not e:
                            return None
                    handle(e, frame, event, arg)
                except _BaseException as error:
                    core.faults += 1
                    if backend._foreign(error):
                        raise
                return self

        class Silent(object):
            """Trace function of code whose calls are not recorded: lines at most."""
            __slots__ = ("info",)

            def __init__(self, info):
                self.info = info

            def __call__(self, frame, event, arg):
                if event == "line":
                    try:
                        n = frame.f_lineno
                        info = self.info
                        if lines_on and n not in info.seen and n is not None:
                            core.line(info, n)
                        watch = info.watch
                        if watch is not None and (watch is True or n in watch):
                            probes.line(th, None, frame, info, n)
                    except _BaseException as error:
                        core.faults += 1
                        if backend._foreign(error):
                            raise
                return self

        def global_(frame, event, arg):
            code = frame.f_code
            path = files.get(code.co_filename)
            if path is False:
                return None
            try:
                if path is None:
                    path = decide(code.co_filename)
                    if path is False:
                        return None
                if not backend.alive:
                    return None
                info = codes.get(_id(code))
                if info is None:
                    info = core.register(frame, code, path)
                    if info is None:
                        return None
                if info.fold:
                    return Silent(info) if lines_on or info.watch is not None else None
                if info.gen:
                    g = frame.f_trace
                    # By name: a generator may be resumed by another thread,
                    # whose classes are its own.
                    if g is not None:
                        kind = _type(g).__name__
                        if kind == "Suspendable":
                            core.resumed(th, g.entry, frame)
                            return g if _type(g) is Suspendable else Suspendable(g.entry)
                        if kind == "Silent":
                            return g
                info.calls += 1
                if _len(stack) >= max_depth or info.calls > per_code:
                    core.uncalled += 1
                    if lines_on or info.gen or info.watch is not None:
                        if not lines_on and info.watch is None and _HAS_TRACE_LINES:
                            frame.f_trace_lines = False
                        return Silent(info)
                    return None
                e = enter(th, frame, info)
                if not lines_on and info.watch is None and _HAS_TRACE_LINES:
                    frame.f_trace_lines = False
                return Suspendable(e) if info.gen else local
            except _BaseException as error:
                core.faults += 1
                if backend._foreign(error):
                    raise
                return None


        global_.__closure_stack__ = th
        self.functions[threading.get_ident()] = global_
        return global_
