"""What is recorded between a call and its return: the lines that run with the
variables that they change, decisions, breakpoints, uncaught exceptions.

The engine asks lines_of once for each code object, and then reports lines:

	wanted = probes.lines_of(info)       None: none; True: all; a frozenset: these
	probes.line(th, e, frame, info, n)   line n begins; True: no need to report it again
	probes.left(th, e, frame)            a call ends whose code has all lines; text for its record
	probes.finish()                      at the end, before the footer
"""
from _thread import get_ident
import sys

from opcode import opmap as _opmap
import repaird_tracer.branches
from repaird_tracer.changes import Changes
from repaird_tracer.snaps import Snapshots
from repaird_tracer.values import derives

_type, _len, _list, _bool, _frozenset, _getattr, _hasattr = type, len, list, bool, frozenset, getattr, hasattr
_Exception, _BaseException, _SystemExit, _modules, _get_ident = Exception, BaseException, SystemExit, sys.modules, get_ident
FULL, MAX_STATES = 32, 20000
_RETURNS = frozenset(_opmap[n] for n in ("RETURN_VALUE", "RETURN_CONST") if n in _opmap)


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
        self.cap = core.per_code
        self.problems = []
        self.snaps = Snapshots(core, config, self.problems)
        self.changes = Changes()
        self.spots, self.counts, self.states, self.files = {}, {}, {}, {}
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
        return _frozenset(spots) or None

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
        if self.snaps.left <= 0:
            info.watch = None  # no more cost: the engines ask for it at each call
            return True
        return False

    def _step(self, th, e, frame, info, number):
        if e is None or e.foreign:
            # Comprehensions and class bodies are part of the call around them.
            if self.steps and info.fold and th.stack and not th.stack[-1].foreign:
                self._write(th.stack[-1].id, info, number, "")
            return False
        st = self.states.get(e.id)
        if st is None:
            if _len(self.states) >= MAX_STATES:
                self.states.clear()  # of generators that never ended
            st = self.states[e.id] = State()
            if self.variables:
                self.changes.known(st.tokens, frame, info)
        if self.control and st.line:
            self._decided(st, e, info, number)
        st.line = number
        counts = self.counts.get(info.id)
        if counts is None:
            counts = self.counts[info.id] = {}
        n = counts[number] = counts.get(number, 0) + 1
        if n > self.cap and n & (n - 1):
            return self.steps and not self.variables and not self.spots
        text = ""
        if self.variables:
            render = self.core.render
            named = render.named if n <= FULL or not n & (n - 1) else render.light_named
            text = self.changes.changed(st.tokens, frame, info, named)
        self._write(e.id, info, number, text)
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
        return self.changes.changed(st.tokens, frame, info, self.core.render.named) if self.variables else ""

    # Decisions.

    def _decided(self, st, e, info, number):
        """A line follows the test of a decision. number 0: the call returns."""
        if info.code.co_name == "<lambda>":
            return
        found = self.files.get(info.file)
        if found is None:
            if _len(self.files) > 2000:
                self.files.clear()
            found = self.files[info.file] = repaird_tracer.branches.branches(info.file)
        b = found.get(st.line)
        if b is None or b.line <= number <= b.end:
            return
        x = _getattr(e, "trouble", e)  # of the call, where an exception arrived in it
        if x is not None and x.pend and b.line <= (x.line or 0) <= b.end:
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
        if _hasattr(threading, "excepthook"):  # from 3.8
            self.previous_thread, threading.excepthook = threading.excepthook, thread_excepthook

    def _unhook(self):
        if self.hooks is not None:
            if sys.excepthook is self.hooks[0]:
                sys.excepthook = self.previous
            threading = _modules.get("threading")
            if _getattr(threading, "excepthook", None) is self.hooks[1]:
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
        if exc is None or derives(_type(exc), _SystemExit) or not derives(_type(exc), _BaseException):
            return
        if th is None and _get_ident() != self.core.main:
            tracer = _modules.get("repaird_tracer")
            th = tracer._state["backend"].current() if tracer is not None else None
        self.snaps.uncaught(th.index if th is not None else 0, exc)

    def finish(self):
        """Before the footer: breakpoints that could not be reached."""
        try:
            self.uncaught(None, _getattr(sys, "last_value", None))
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
