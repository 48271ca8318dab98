"""What is recorded between a call and its return: the lines that run with the
variables that they change, decisions, breakpoints, uncaught exceptions.

The engine asks lines_of once for each code object, and then reports lines:

	wanted = probes.lines_of(info)       None: none; True: all; a frozenset: these
	probes.line(th, e, frame, info, n)   line n begins; True: no need to report it again
	probes.left(th, e, frame)            a call ends whose code has all lines; text for its record
	probes.finish()                      at the end, before the footer
"""
from _thread import get_ident
from itertools import islice
import sys

import repaird_trace_branches
from repaird_trace_snaps import Snapshots, _PROXY, _is_definition
from repaird_trace_values import MUTABLE, derives, quote

_type, _id, _len, _hash, _tuple, _map, _dict, _list, _set = type, id, len, hash, tuple, map, dict, list, set
_str, _bytes, _bytearray, _bool, _Exception, _RuntimeError = str, bytes, bytearray, bool, Exception, RuntimeError
_islice, _modules, _get_ident, _SystemExit = islice, sys.modules, get_ident, SystemExit
_get_mro = type.__dict__["__mro__"].__get__
_get_class_dict = type.__dict__["__dict__"].__get__
_SCALARS = frozenset(map(id, [int, float, bool, str, bytes, complex, type(None)]))
_GONE, _UNBOUND = object(), '{"t":"unbound"}'
FULL, MAX_CHANGES, MAX_TEXT, MAX_STATES, WIDE = 32, 48, 48000, 20000, 64
_RETURNS = frozenset(n for n in map(__import__("opcode").opmap.get, ("RETURN_VALUE", "RETURN_CONST")) if n is not None)


def wanted(config):
    """Says whether a configuration asks for anything that Probes does."""
    return config.get("level") in ("variables", "control") or _bool(
        config.get("steps") or config.get("breakpoints") or config.get("exception_snapshot"))


class State(object):
    """One call's: the line under way, and a token for each variable's value
    by which a change is seen. A token keeps no object of the program alive but
    short scalars."""
    __slots__ = ("line", "tokens")

    def __init__(self):
        self.line, self.tokens = 0, {}


class Probes(object):
    """The probes of one process. problems lists what is wrong with the
    configuration; more may come while the program runs."""

    def __init__(self, core, config):
        self.core = core
        self.variables = config.get("level") in ("variables", "control")
        self.control = config.get("level") == "control"
        self.steps = _bool(config.get("steps"))
        self.every = self.variables or self.steps
        self.cap = config.get("max_per_function") or 2000
        self.problems = []
        self.snaps = Snapshots(core, config, self.problems)
        self.spots, self.names, self.counts, self.states, self.files = {}, {}, {}, {}, {}
        self.ended, self.told, self.hooks, self.previous, self.previous_thread = False, False, None, None, None
        if config.get("level") not in (None, "", "functions", "variables", "control"):
            self.problems.append("level %r: want functions, variables or control" % (config.get("level"),))
        if config.get("exception_snapshot"):
            self._hook()

    # Lines.

    def lines_of(self, info):
        """Which lines of a code object the engine is to report."""
        self._tell()
        spots = self.snaps.spots(info)
        if spots:
            self.spots[info.id] = spots
        if self.every and (self.steps or not info.fold):
            return True
        return frozenset(spots) or None

    def line(self, th, e, frame, info, number):
        """A line begins. True says that the line need not be reported again."""
        spots = self.spots.get(info.id)
        if spots is not None:
            if self.snaps.left <= 0:
                self.spots.pop(info.id, None)
            elif number in spots:
                for b in spots[number]:
                    self.snaps.reached(b, th, e, frame, info)
        if self.every:
            return self._step(th, e, frame, info, number)
        return self.snaps.left <= 0

    def _step(self, th, e, frame, info, number):
        if e is None or e.foreign:
            # Comprehensions and class bodies are part of the call around them.
            if self.steps and info.fold and th.stack and not th.stack[-1].foreign:
                self._write(th.stack[-1].id, info, number, "")
            return False
        st = self.states.get(e.id)
        if st is None:
            st = self._state(e, frame, info)
        if self.control and st.line:
            self._decided(st, e, info, number)
        st.line = number
        counts = self.counts.get(info.id)
        if counts is None:
            counts = self.counts[info.id] = {}
        n = counts[number] = counts.get(number, 0) + 1
        if n > self.cap and n & (n - 1):
            return self.steps and not self.variables and not self.spots
        changed = self._changed(st, frame, info, n <= FULL or not n & (n - 1)) if self.variables else ""
        self._write(e.id, info, number, changed)
        return False

    def _write(self, call, info, number, changed):
        core = self.core
        core.writer.write('{"k":"step","i":%d,"c":%d,"l":%d,"t":%d%s}\n' % (call, info.id, number, core.micros(), changed))

    def left(self, th, e, frame):
        """A call ends: what its last line changed."""
        st = self.states.pop(e.id, None)
        if st is None:
            return ""
        info = e.info
        if self.control and st.line:
            at = frame.f_lasti
            if 0 <= at < _len(info.ops) and info.ops[at] in _RETURNS:
                self._decided(st, e, info, 0)
        return self._changed(st, frame, info, True) if self.variables else ""

    # Variables.

    def _state(self, e, frame, info):
        """A call's first line: its arguments are known from its record."""
        if _len(self.states) >= MAX_STATES:
            self.states.clear()  # of generators that never ended
        st = self.states[e.id] = State()
        if self.variables:
            values = frame.f_locals
            if _type(values) is _dict or _type(values) is _PROXY:
                for name in info.args:
                    if name in values:
                        v = values[name]
                        st.tokens[name] = self._token(v, _type(v))
        return st

    def _names_of(self, info):
        names = self.names.get(info.id)
        if names is None:
            code, names = info.code, []
            for name in code.co_varnames + code.co_cellvars + code.co_freevars:
                if name[:1] not in "@." and name not in names:
                    names.append(name)
            self.names[info.id] = names
        return names

    def _changed(self, st, frame, info, full):
        """The variables that changed since the last look, as JSON text."""
        values = frame.f_locals
        if _type(values) is not _dict and _type(values) is not _PROXY:
            return ""
        function, tokens, parts, size = info.code.co_flags & 1, st.tokens, [], 0
        render = self.core.render
        named = render.named if full else render.light_named
        get = values.get
        for name in self._names_of(info) if function else _list(values):
            v = get(name, _GONE)
            t = _type(v)
            if v is _GONE:
                if function and tokens.pop(name, None) is not None:
                    parts.append("[%s,%s]" % (quote(name), _UNBOUND))
                continue
            if not function and (_type(name) is not _str or name[:2] == "__" or name[:1] in ("@", "") or _is_definition(v)):
                continue
            was = tokens.get(name, _GONE)
            if _id(t) in _SCALARS:
                if was is v:
                    continue
                now = v if (t is not _str and t is not _bytes) or _len(v) < 1000 else (_id(v), _len(v))
                if _type(now) is _tuple and was == now:
                    continue
            else:
                now = self._token(v, t)
                if _type(was) is _tuple and was == now:
                    continue
            if _len(parts) >= MAX_CHANGES or size > MAX_TEXT:
                break  # the rest is still changed at the next look
            tokens[name] = now
            text = named(name, v)
            size += _len(text)
            parts.append(text)
        return ',"s":[%s]' % ",".join(parts) if parts else ""

    def _token(self, v, t):
        """What tells a value from another, and a container from itself after a
        change: addresses, without asking the objects."""
        if _id(t) in _SCALARS:
            return v if (t is not _str and t is not _bytes) or _len(v) < 1000 else (_id(v), _len(v))
        i = _id(v)
        try:
            if t is _list:
                return (i, _len(v), _hash(_tuple(_map(_id, v[:WIDE]))), _hash(_tuple(_map(_id, v[-4:]))))
            if t is _dict:
                return self._of_dict(i, v)
            if t is _set:
                return (i, _len(v), _hash(_tuple(_map(_id, _islice(v, WIDE)))))
            if t is _bytearray:
                return (i, _len(v), _hash(_bytes(v[:256])))
            return self._of_object(i, v, t)
        except _RuntimeError:  # changed by another thread meanwhile
            return (i,)

    def _of_dict(self, i, v):
        return (i, _dict.__len__(v), _hash(_tuple(_map(_id, _islice(_dict.values(v), WIDE)))),
                _hash(_tuple(_map(_id, _islice(_dict.keys(v), WIDE)))))

    def _of_object(self, i, v, t):
        render = self.core.render
        about = render.class_info(t)
        if about.mock:
            return (i,)
        if about.base == "dict":
            own = self._of_dict(i, v)
        elif about.base == "list":
            own = (i, _list.__len__(v), _hash(_tuple(_map(_id, _list.__getitem__(v, slice(0, WIDE))))))
        elif about.base == "set":
            own = (i, _set.__len__(v), _hash(_tuple(_map(_id, _islice(_set.__iter__(v), WIDE)))))
        else:
            own = (i,)
        ids, mro = [], _get_mro(t)
        for at, name in render.shared_names(t, about):  # of its class
            e = _get_class_dict(mro[at]).get(name)
            ids.append(_id(e))
            if _id(_type(e)) in MUTABLE:
                ids.append(_len(e))
        if about.dict_at < 0:
            return own + (_hash(_tuple(ids)),)
        d = render.instance_dict(v, mro, about)
        for e in _islice(d.values(), WIDE):
            ids.append(_id(e))
            te = _type(e)
            if te is _list or te is _dict or te is _set:
                ids.append(_len(e))
        return own + (_len(d), _hash(_tuple(ids)))

    # Decisions.

    def _decided(self, st, e, info, number):
        """A line follows the test of a decision. number 0: the call returns."""
        if info.code.co_name == "<lambda>":
            return
        found = self.files.get(info.file)
        if found is None:
            if _len(self.files) > 2000:
                self.files.clear()
            found = self.files[info.file] = repaird_trace_branches.branches(info.file)
        b = found.get(st.line)
        if b is None or b.line <= number <= b.end:
            return
        if e.pend and b.line <= (e.line or 0) <= b.end:
            return  # the test raised
        self.core.writer.write('{"k":"br","i":%d,"c":%d,"l":%d,"to":%d,"o":%d}\n' % (
            e.id, info.id, b.line, number, 1 if b.body <= number <= b.body_end else 0))

    # The end.

    def _hook(self):
        """Looks at exceptions on their way to the hooks that report them."""
        import threading
        probes = self

        def excepthook(kind, exc, tb):
            probes.ended = True
            probes._look(exc)
            return probes.previous(kind, exc, tb)

        def thread_excepthook(args):
            probes._look(args.exc_value)
            return probes.previous_thread(args)
        self.hooks = (excepthook, thread_excepthook)
        self.previous, sys.excepthook = sys.excepthook, excepthook
        if hasattr(threading, "excepthook"):  # from 3.8
            self.previous_thread, threading.excepthook = threading.excepthook, thread_excepthook

    def _unhook(self):
        if self.hooks is not None:
            if sys.excepthook is self.hooks[0]:
                sys.excepthook = self.previous
            threading = _modules.get("threading")
            if getattr(threading, "excepthook", None) is self.hooks[1]:
                threading.excepthook = self.previous_thread

    def _look(self, exc):
        try:
            self._snap(None, exc)
        except _Exception:
            self.core.faults += 1

    def uncaught(self, th, exc):
        """At the exit of the process: sys.last_value, which tells where the
        program has put a hook of its own in the place of ours. pytest and
        consoles leave exceptions there that they caught."""
        if self.hooks is not None and not self.ended and sys.excepthook is not self.hooks[0]:
            if "_pytest" not in _modules and "code" not in _modules:
                self.ended = True
                self._snap(th, exc)

    def _snap(self, th, exc):
        if exc is None or derives(_type(exc), _SystemExit) or not derives(_type(exc), BaseException):
            return
        if th is None and _get_ident() != self.core.main:
            tracer = _modules.get("repaird_tracer")
            th = tracer._state["backend"].current() if tracer is not None else None
        self.snaps.uncaught(th.index if th is not None else 0, exc)

    def finish(self):
        """Before the footer: breakpoints that could not be reached."""
        try:
            self.uncaught(None, getattr(sys, "last_value", None))
            self._unhook()
            self._tell()
            self.snaps.finish()
        except _Exception:
            self.core.faults += 1

    def _tell(self):
        """Writes the problems of the configuration, once the file has its head."""
        if not self.told:
            self.told = True
            for text in _list(self.problems):
                self.snaps.write_problem(text, "")
