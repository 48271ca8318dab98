"""What happens in the tree's own code during a call: the lines that ran, and
the exceptions that ended in a handler.
"""

import os
import sys

MAX_SEEN = 200
PASSING = (StopIteration, StopAsyncIteration, GeneratorExit)


class Watch(object):
    def __init__(self, root):
        self.prefix = os.path.join(root, "")
        self.files, self.lines = {}, {}
        self.waiting = {}    # id of a frame -> the exception last seen in it
        self.seen = []       # in order
        self.monitor = None

    def path(self, name):
        """A file's path in the tree, or None."""
        if name not in self.files:
            self.files[name] = name[len(self.prefix):] if name.startswith(self.prefix) and "site-packages" not in name else None
        return self.files[name]

    # Collecting

    def start(self):
        """Lines come from sys.monitoring where there is one: a line costs
        nothing after the first time."""
        monitoring = getattr(sys, "monitoring", None)
        if monitoring is None:
            sys.settrace(self.trace)
            return
        self.monitor, events = monitoring, monitoring.events
        tool = monitoring.PROFILER_ID
        try:
            monitoring.use_tool_id(tool, "repaird")
        except ValueError:
            self.monitor = None
            sys.settrace(self.trace)
            return
        disable = monitoring.DISABLE

        def begins(code, offset):
            path = self.path(code.co_filename)
            if path is not None:
                self.lines.setdefault(path, set()).add(code.co_firstlineno)
                monitoring.set_local_events(tool, code, events.LINE)
            return disable

        def line(code, number):
            self.lines[self.path(code.co_filename)].add(number)
            return disable

        def raised(code, offset, error):
            if self.path(code.co_filename) is not None:
                frame = sys._getframe(1)
                self.exception(frame, type(error), error)

        def handled(code, offset, error):
            if self.path(code.co_filename) is not None:
                self.settle(sys._getframe(1))

        monitoring.register_callback(tool, events.PY_START, begins)
        monitoring.register_callback(tool, events.LINE, line)
        for event in (events.RAISE, events.RERAISE, events.PY_UNWIND):
            monitoring.register_callback(tool, event, raised)
        monitoring.register_callback(tool, events.EXCEPTION_HANDLED, handled)
        monitoring.set_events(tool, events.PY_START | events.RAISE | events.RERAISE | events.PY_UNWIND | events.EXCEPTION_HANDLED)

    def stop(self):
        if self.monitor is None:
            sys.settrace(None)
        else:
            self.monitor.set_events(self.monitor.PROFILER_ID, 0)

    def trace(self, frame, event, arg):
        name = frame.f_code.co_filename
        path = self.files[name] if name in self.files else self.path(name)
        if path is None:
            return None
        ran, waiting = self.lines.setdefault(path, set()), self.waiting
        ran.add(frame.f_lineno)

        def local(frame, event, arg):
            if event == "line":
                ran.add(frame.f_lineno)
                if waiting:
                    self.settle(frame)
            elif event == "exception":
                self.exception(frame, arg[0], arg[1])
            return local

        return local

    # Exceptions

    def exception(self, frame, kind, error):
        """An exception passes a frame of the tree."""
        if not isinstance(error, BaseException) or isinstance(error, PASSING):
            return
        for seen in reversed(self.seen):
            if seen.error is error:
                break
        else:
            if len(self.seen) == MAX_SEEN:
                return
            seen = Seen(error)
            self.seen.append(seen)
        seen.pass_through(frame, self.path(frame.f_code.co_filename))
        self.waiting[id(frame)] = seen

    def settle(self, frame):
        """The frame goes on after an exception in it: a handler or a finally has it."""
        seen = self.waiting.pop(id(frame), None)
        if seen is not None and seen.frame == id(frame):
            seen.stopped = True

    def handled(self, final):
        """The exceptions that ended in a handler: not raised again, not turned
        into another one, not the one that the call ended with."""
        gone, found = set(), []
        while final is not None and id(final) not in gone:
            gone.add(id(final))
            final = final.__cause__ or final.__context__
        for i, seen in enumerate(self.seen):
            if id(seen.error) in gone or not seen.stopped:
                continue
            turned = any(seen.frame in later.frames and (later.error.__context__ is seen.error or later.error.__cause__ is seen.error)
                         for later in self.seen[i + 1:])
            if not turned:
                found.append(seen.place)
        return found


class Seen(object):
    """An exception, and where it was seen last."""

    def __init__(self, error):
        self.error, self.frames, self.frame, self.place, self.stopped = error, set(), None, None, False

    def pass_through(self, frame, path):
        self.frame, self.stopped = id(frame), False
        self.frames.add(self.frame)
        self.place = {"type": type(self.error).__name__, "path": path, "function": frame.f_code.co_name, "line": frame.f_lineno}


def innermost(error, watch):
    """The innermost place in the tree at which an exception was."""
    place, trace = {"path": "", "function": "", "line": 0}, error.__traceback__
    while trace is not None:
        path = watch.path(trace.tb_frame.f_code.co_filename)
        if path is not None:
            place = {"path": path, "function": trace.tb_frame.f_code.co_name, "line": trace.tb_lineno}
        trace = trace.tb_next
    return place
