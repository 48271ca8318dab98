"""Says what becomes of each exception of the corpus, from the lines that run:
where it was raised, which functions it left, and where it was taken. It has
nothing of the tracer. All frames are followed, those of libraries too, and of
asyncio the part in Python is used, so that wherever an exception goes, some
Python frame sees it arrive, with the traceback that tells its way.

    python oracle.py FOLDER RESULT
"""
import ast
import asyncio
import json
import sys

import run
import tally

asyncio.Task = asyncio.tasks.Task = asyncio.tasks._PyTask
asyncio.tasks.current_task = getattr(asyncio.tasks, "_py_current_task", None) or getattr(asyncio, "current_task", None)
asyncio.Future = asyncio.futures.Future = asyncio.tasks.futures.Future = asyncio.futures._PyFuture
FLOW = (StopIteration, StopAsyncIteration, GeneratorExit)
MANAGES = ("__enter__", "__exit__", "__aenter__", "__aexit__")


def last_line(node):
    return max([getattr(n, "lineno", 0) for n in ast.walk(node)] + [getattr(node, "end_lineno", None) or 0])


def block(statements):
    return range(statements[0].lineno, last_line(statements[-1]) + 1)


class Taker(object):
    """A part of the source that can take an exception which comes up in guarded:
    where it runs in lines, the handler is at line."""

    def __init__(self, kind, guarded, lines, line):
        self.kind, self.guarded, self.lines, self.line = kind, guarded, lines, line


def takers(source):
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            found.append(Taker("with", block(node.body), range(node.lineno, max(node.body[0].lineno, node.lineno + 1)), node.lineno))
        for h in getattr(node, "handlers", ()):
            kind = "except*" if type(node).__name__ == "TryStar" else "except"
            found.append(Taker(kind, block(node.body), range(h.lineno, last_line(h) + 1), h.lineno))
        if getattr(node, "finalbody", None):
            guarded = range(node.lineno, node.finalbody[0].lineno)
            found.append(Taker("finally", guarded, block(node.finalbody), node.finalbody[0].lineno))
    return found


def leaves(exc):
    """The exceptions of a group, by address."""
    inner = getattr(exc, "exceptions", None)
    return {id(exc)} if not isinstance(inner, tuple) else set().union(*[leaves(e) for e in inner])


class Arrival(object):
    """An exception in a frame: the lines that ran while it was being handled."""

    def __init__(self, exc, line, base):
        self.exc, self.line, self.base, self.ran, self.taker = exc, line, base, [], None
        self.within = self.part = None  # the arrival that was being handled, and by what


class Judge(object):
    def __init__(self, path, source):
        self.path, self.takers = path, takers(source)
        self.arrivals = {}  # by frame, in order
        self.excs, self.story = [], {}  # by address, which they keep as long as excs does
        self.others = {}  # exceptions that stand for others, by address
        self.unseen = set()  # those that are only known to a class's body
        self.frames, self.entered = {}, {}  # frames that were left, by what; lines of with by frame and manager

    def follow(self, frame, event, arg):
        if event == "exception":
            exc = arg[1]
            if not isinstance(exc, BaseException):
                exc = arg[0](*(exc if isinstance(exc, tuple) else () if exc is None else (exc,)))
            if not isinstance(exc, FLOW):
                self.arrived(frame, exc, arg[2])
        elif event == "call" and frame.f_code.co_name in MANAGES and self.mine(frame.f_back):
            self.manages(frame)
        elif event == "line" and frame in self.arrivals:
            self.line(frame)
        return self.follow

    def mine(self, frame):
        return frame.f_code.co_filename == self.path and not tally.hidden(frame.f_code)

    def name(self, frame):
        """The function of a frame; a class's body is part of that around it."""
        while tally.class_body(frame.f_code):
            frame = frame.f_back
        return frame.f_code.co_name

    def arrived(self, frame, exc, tb):
        way = []
        while tb is not None:
            if self.mine(tb.tb_frame) and tb.tb_frame not in way:
                way.append(tb.tb_frame)
            tb = tb.tb_next
        here = self.mine(frame)
        if here and frame in way:
            way = way[:way.index(frame)] + way[way.index(frame) + 1:] + [frame] if way[0] is not frame else way
        inner = way[1:] if here else way
        back = frame.f_back
        while back is not None:  # it was thrown in from there
            inner = [f for f in inner if f is not back]
            back = back.f_back
        exc = self.same(exc, [frame] + inner)
        # What a frame has let go of before was another exception, from which
        # this one has its traceback.
        inner = [f for f in inner if not (f in self.frames and self.frames[f] is not exc)]
        kept = here and inner and inner[0] in self.frames and sys.exc_info()[1] is not exc and [
            a for a in self.arrivals.get(frame, ()) if a.exc is exc and a.ran]
        if kept:  # it was taken here, and is raised anew
            inner = []
        if kept or id(exc) not in self.story:
            if not here and not inner:
                return
            raised = inner[-1] if inner else frame
            self.story[id(exc)] = ["raised in " + self.name(raised)]
            self.excs.append((exc, self.story[id(exc)]))
            if tally.class_body(raised.f_code):
                self.unseen.add(id(exc))
        for f in reversed(inner):
            if f not in self.frames:
                self.frames[f] = exc
                if tally.class_body(f.f_code):
                    self.unseen.discard(id(exc))
                else:
                    self.story[id(exc)].append("left " + f.f_code.co_name)
        if here:
            mine = self.arrivals.setdefault(frame, [])
            current = self.same(sys.exc_info()[1], [frame])
            a = Arrival(exc, frame.f_lineno, current)
            a.story = self.story[id(exc)]
            again = [b for b in mine if b.story is a.story]
            for b in again:  # it is raised once more
                mine.remove(b)
                a.within, a.part = b.within, b.part
            for b in reversed(mine):
                if not again and b.exc is not exc and b.ran and (
                        b.exc is current or self.runs(b, frame.f_lineno)):
                    a.within, a.part = b, self.taker(b)
                    break
            mine.append(a)

    def runs(self, a, n):
        """Says whether a line is of the handler of an exception. Before 3.8 a
        coroutine that is thrown into does not say what it is handling."""
        part = self.taker(a)
        return part and part.kind != "with" and n in part.lines

    def same(self, exc, frames):
        """The exception that one stands for: what except* takes of a group, and
        what it leaves over, go by the group; a group of one that was raised in
        such a handler goes by that one."""
        if self.group(exc) and id(exc) not in self.story:
            for f in frames:
                for a in reversed(self.arrivals.get(f, ())):
                    if leaves(exc) <= leaves(a.exc) and [
                            t for t in self.takers if t.kind == "except*" and (a.line in t.guarded or a.line in t.lines)]:
                        self.others[id(exc)] = exc, a.exc
        return self.others.get(id(exc), (exc, exc))[1]

    def group(self, exc):
        return type(exc).__name__ in ("ExceptionGroup", "BaseExceptionGroup")

    def line(self, frame):
        current, n = self.same(sys.exc_info()[1], [frame]), frame.f_lineno
        for a in self.arrivals[frame]:
            if a.exc is current and a.story is self.story[id(a.exc)]:
                parts = [t for t in self.takers if t.kind != "with" and n in t.lines and a.line in t.guarded]
                if a.base is a.exc and a.ran and self.taker(a).kind == "except":  # a caller is handling it, too
                    parts = [t for t in parts if t.kind == "except"]
                if parts:
                    a.ran.append(n)

    def manages(self, frame):
        """A context manager is entered, or left with an exception."""
        names, user = frame.f_locals, frame.f_back
        manager = names["self"]
        if frame.f_code.co_name in ("__enter__", "__aenter__"):
            self.entered[user, id(manager)] = user.f_lineno
            return
        exc = self.same(names["value"] if "value" in names else names["details"][1], [user])
        for a in self.arrivals.get(user, ()):
            if a.exc is exc and a.story is self.story[id(exc)]:
                a.ran.append(self.entered[user, id(manager)])

    def taker(self, a):
        """The part that took an exception: the innermost one with the last line
        that ran while it was being handled."""
        for n in reversed(a.ran):
            those = [t for t in self.takers if n in t.lines and a.line in t.guarded and n not in t.guarded]
            if those:
                return min(those, key=lambda t: len(t.lines))
        return None

    def verdict(self):
        for frame, mine in self.arrivals.items():
            for a in mine:
                if self.frames.get(frame) is not a.exc or a.story is not self.story[id(a.exc)]:
                    a.taker = self.taker(a)
            for a in mine:
                if a.taker and not self.replaced(frame, a):
                    a.story.append(
                        "taken outside in " + self.name(frame) if tally.class_body(frame.f_code) else "taken in %s:%d" % (self.name(frame), a.taker.line))
        return ["%s: %s" % (tally.describe(e), ", ".join(story)) for e, story in self.excs if id(e) not in self.unseen]

    def replaced(self, frame, a):
        """Says whether another exception has left the part that handled this
        one: it was taken further out, or by nothing."""
        return bool([b for b in self.arrivals[frame] if b.within is a and self.leaves(frame, b, b.part)])

    def leaves(self, frame, b, part):
        followers = [c for c in self.arrivals[frame] if c.within is b and self.leaves(frame, c, c.part)]
        if followers:
            return bool([c for c in followers if self.leaves(frame, c, part)])
        return not (b.taker and part and b.taker.line in part.lines and b.taker is not part)


if __name__ == "__main__":
    result = {}
    for name, path, source in run.programs(sys.argv[1]):
        judge = Judge(path, source)
        sys.settrace(judge.follow)
        try:
            run.run(name, path, source)
        finally:
            sys.settrace(None)
        result[name] = judge.verdict()
    with open(sys.argv[2], "w") as f:
        json.dump({"stories": result, "calls": tally.counts, "taken": tally.taken}, f)
