"""Keeps the calls of greenlets apart, which take turns in one thread.

A switch between greenlets is no event of the interpreter. It is noticed at the
next event whose frame is not the one on top of the thread's stack: then the
calls under way are put aside by the greenlet that they belong to, and those of
the running one take their place. A greenlet stands on the calls of its parent, which
waits for it as a caller does: up to floor its stack is stand-ins for those.

greenlet is never imported here: until the program has, nothing is asked.
"""
from _weakref import ref
import sys

from repaird_tracer.handling import FLOW
from repaird_tracer.hot import Entry

_modules, _id, _len, _list, _type, _range = sys.modules, id, len, list, type, range
MOST = 10000  # greenlets with calls under way, in one thread


class Greenlets(object):
    """Which greenlet a thread's calls under way belong to."""

    def __init__(self):
        self.current = None

    def ready(self):
        """Binds greenlet's functions once the module is loaded. Says whether it is."""
        m = _modules.get("greenlet._greenlet")
        current = m.__dict__.get("getcurrent") if m is not None else None
        kind = m.__dict__.get("greenlet") if m is not None else None
        parent = kind.__dict__.get("parent") if _type(kind) is _type(_type) else None
        if _type(current) is not _type(_len) or parent is None:
            return False
        self.current, self.parent = current, parent.__get__
        FLOW[_id(m.__dict__.get("GreenletExit"))] = "GreenletExit"  # how a greenlet is ended
        return True

    def root(self, g):
        """The greenlet that the thread began as."""
        for _ in _range(1000):
            above = self.parent(g)
            if above is None:
                break
            g = above
        return g

    def owns(self, th):
        """Says whether the calling thread is th, by another name maybe."""
        return th.root is not None and th.root() is self.root(self.current())

    def switched(self, th):
        """Puts the running greenlet's calls in the place of another's, if
        they were another's. Says whether."""
        g = self.current()
        if th.root is None:
            # The first look: until now there was but one.
            th.root = th.greenlet = ref(self.root(g))
        before = th.greenlet()
        if before is g:
            return False
        stack, parked = th.stack, th.parked
        if before is not None and _len(stack) > th.floor:
            if _len(parked) >= MOST:
                for key in [k for k, v in parked.items() if v[0]() is None] or _list(parked):
                    del parked[key]
            parked[_id(before)] = (th.greenlet, stack[:], th.floor)
        own = parked.pop(_id(g), None)
        if own is None or own[0]() is not g:
            below = self.below(th, g, stack if before is not None and before is self.parent(g) else ())
            own = (ref(g), below, _len(below))
        th.greenlet, stack[:], th.floor = own
        return True

    def below(self, th, g, calls):
        """Stand-ins for the calls of a greenlet's parent, which no frame fits."""
        above = self.parent(g)
        if not calls and above is not None:
            waiting = th.parked.get(_id(above))
            if waiting is not None and waiting[0]() is above:
                calls = waiting[1]
        if not calls:
            return []
        top, stand = calls[-1], Entry()
        stand.id, stand.sid, stand.fid, stand.info, stand.seg = top.id, top.sid, 0, top.info, top.seg
        stand.muts, stand.light, stand.trouble, stand.place = None, False, None, None
        return [stand] * _len(calls)

    def caller(self, th):
        """The call that an exception goes to which leaves the running greenlet."""
        above = self.parent(self.current())
        waiting = th.parked.get(_id(above)) if above is not None else None
        return waiting[1][-1] if waiting is not None and waiting[0]() is above else None


def own_calls(th):
    """All entries of a thread's calls under way, also those put aside."""
    calls = th.stack[th.floor:]
    for _, stack, floor in _list(th.parked.values()):
        calls += stack[floor:]
    return calls
