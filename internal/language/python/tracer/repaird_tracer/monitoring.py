"""The back end on sys.monitoring, from CPython 3.12 on.

The start of a code object's first call decides about it. Out of scope it is
never heard of again, so that code costs nothing; in scope its returns and
suspensions are asked for, for it alone. Events of exceptions are for all code
up to 3.14, where they can be nothing else, and for code in scope from 3.15.

Line events of code in scope come only while lines are wanted or an exception
is being handled in one of its calls. A function that was called too often is
switched off, which is why only the calls of a hot loop that are recorded cost
anything. Entries of it that are still under way are then orphans: no event
tells their end, the next event of their thread finds that they are gone.
"""
from _thread import get_ident
from _weakref import ref
import sys

import repaird_tracer.callbacks
from repaird_tracer.greenlets import own_calls

_m = sys.monitoring
_events, _local, _global = _m.events, _m.set_local_events, _m.set_events
_get_tool, _use_tool, _free_tool, _register = _m.get_tool, _m.use_tool_id, _m.free_tool_id, _m.register_callback
_get_ident, _modules = get_ident, sys.modules
_id, _len, _range, _list, _max = id, len, range, list, max
_ValueError = ValueError
TOOLS = (4, 5, 2)  # the others belong to debuggers, coverage tools and Hypothesis
TOOL_NAME = "repaird"
LOCAL_EXCEPTIONS = sys.version_info >= (3, 15)
_EXCEPTIONS = _events.RAISE | _events.PY_UNWIND | _events.PY_THROW
_WALK = 64  # frames that are looked at to find the end of an orphan


class Backend(object):
    """Registers the callbacks with the interpreter, and takes them back."""

    name = "monitoring"

    def __init__(self, core, own_files):
        self.core, self.own_files, self.alive = core, own_files, True
        self.threads = {}  # by thread's ident
        self.gens = {}  # entries of generators and coroutines that began, by frame
        self.tool = -1
        for i in TOOLS:
            if _get_tool(i) is None:
                try:
                    _use_tool(i, TOOL_NAME)
                except _ValueError:  # another thread was faster
                    continue
                self.tool = i
                break
        if self.tool < 0:
            raise _ValueError("all tool ids are taken")
        self.callbacks = repaird_tracer.callbacks.make(self)

    def start(self):
        self.threads[_get_ident()] = self.core.thread()
        self._install()

    def _install(self):
        for event, function in self.callbacks:
            _register(self.tool, event, function)
        _global(self.tool, _events.PY_START | (0 if LOCAL_EXCEPTIONS else _EXCEPTIONS))

    def wanted(self, info):
        """The events of one code object that are asked for now."""
        events = _EXCEPTIONS if LOCAL_EXCEPTIONS and not info.fold else 0
        if not info.fold and not info.off and not self.core.counts_only:
            events |= _events.PY_RETURN
            if info.gen and not info.quiet:
                events |= _events.PY_YIELD | _events.PY_RESUME
        if self.core.lines or info.watch is not None or info.pends:
            events |= _events.LINE
        if info.watch is True:
            events |= _events.JUMP
        return events

    def ask(self, info):
        _local(self.tool, info.code, self.wanted(info))

    def handling(self, info, e):
        """Asks for the lines of a call in which an exception is being handled."""
        if not info.pends and (self.core.lines or info.watch is not None):
            _local(self.tool, info.code, self.wanted(info) & ~_events.LINE)  # brings lines back that were disabled
        info.pends.add(e.id)
        self.ask(info)

    def settled(self, info, e):
        if e.id in info.pends:
            info.pends.discard(e.id)
            if not info.pends:
                self.ask(info)

    def switch_off(self, info):
        """No more events of a function that was called too often."""
        info.off = True
        self.ask(info)
        for th in _list(self.threads.values()):
            for e in own_calls(th):
                if e.info is info:
                    th.orphans += 1
        for fid, e in _list(self.gens.items()):
            if e.info is info:
                self.gens.pop(fid, None)

    def quieten(self, info):
        """No more suspensions of a generator that yields too often. Its calls
        are off the stack from then on, and found by their frames when they end."""
        info.quiet = info.mixed = True
        self.ask(info)
        for th in _list(self.threads.values()):
            th.stack[th.floor:] = [e for e in th.stack[th.floor:] if e.info is not info]
            for _, stack, floor in _list(th.parked.values()):
                stack[floor:] = [e for e in stack[floor:] if e.info is not info]

    def new_thread(self, ident):
        """The state of a thread at its first call; idents are used again."""
        th = self.threads[ident] = self.core.thread()
        threading = _modules.get("threading")
        owner = threading._active.get(ident) if threading is not None else None
        th.owner = ref(owner) if owner is not None else None
        return th

    def is_of(self, th, ident):
        if ident == self.core.main:
            return True
        threading = _modules.get("threading")
        owner = threading._active.get(ident) if threading is not None else None
        return owner is None or (th.owner is not None and th.owner() is owner)

    def find(self, th, frame, info):
        """The entry of a frame; entries above it have ended unseen."""
        stack, fid = th.stack, _id(frame)
        if self.core.switches:
            self.core.switches[0](th)
        for i in _range(_len(stack) - 1, -1, -1):
            e = stack[i]
            if e.fid == fid and e.info is info:
                self.cut(th, i + 1)
                return e
        return None

    def cut(self, th, at):
        stack, core, at = th.stack, self.core, _max(at, th.floor)
        for e in stack[:at - 1 if at else None:-1]:
            if e.info.off and th.orphans:
                th.orphans -= 1
                core.unseen(e)
            else:
                core.resynced += 1
        del stack[at:]

    def resync(self, th, frame):
        """Takes orphans off the stack that are no longer above a new frame."""
        stack, codes = th.stack, self.core.codes
        frame = frame.f_back
        for _ in _range(_WALK):
            if frame is None:
                self.cut(th, 0)
                return
            info = codes.get(_id(frame.f_code))
            if info is not None and self.find(th, frame, info) is not None:
                return
            frame = frame.f_back
        if not stack:
            th.orphans = 0

    def withdraw(self):
        """Ends the recording. Local events are taken back too: on 3.12 and 3.13
        they would still come."""
        if not self.alive:
            return
        self.alive = False
        if _get_tool(self.tool) != TOOL_NAME:
            return
        _global(self.tool, 0)
        for info in self.core.infos:
            _local(self.tool, info.code, 0)
        for event, function in self.callbacks:
            _register(self.tool, event, None)
        _free_tool(self.tool)

    def stop(self):
        if self.alive and _get_tool(self.tool) != TOOL_NAME and not self.core.lost:
            self.core.lost = "monitoring tool id taken away"
        self.withdraw()

    def rearm(self):
        if self.alive and _get_tool(self.tool) is None:
            self.core.lost = "monitoring tool id taken away, later taken back"
            _use_tool(self.tool, TOOL_NAME)
            self._install()
            for info in self.core.infos:
                self.ask(info)

    def installed(self):
        return self.alive and _get_tool(self.tool) == TOOL_NAME

    def current(self):
        ident = _get_ident()
        return self.threads.get(ident) or self.new_thread(ident)

    def forked(self):
        """In the child: calls under way are the parent's to record."""
        me = self.threads.get(_get_ident())
        self.threads.clear()
        if me is not None:
            self.threads[_get_ident()] = me
            self.core.forked(me)
        for e in self.gens.values():
            self.core.trouble(e).foreign = True
