"""Which of a few lines run: those of a patch, test by test."""

import sys
import threading


class Watch:
    """Watches lines of files, given by absolute path, from its making on."""

    def __init__(self, files):
        self.files = {path: frozenset(lines) for path, lines in files.items()}
        self.seen = set()
        self.tool = self.claim()
        if self.tool is None:
            self.arm()

    def take(self):
        """Path -> the lines that ran since the last time."""
        ran = {}
        for path, line in self.seen:
            ran.setdefault(path, []).append(line)
        self.seen = set()
        if self.tool is None:
            self.arm()
        else:
            sys.monitoring.restart_events()
        return {path: sorted(lines) for path, lines in ran.items()}

    # Python 3.12 on: each line is reported once.

    def claim(self):
        monitoring = getattr(sys, "monitoring", None)
        if monitoring is None:
            return None
        for tool in (4, 3, 5, 2):
            try:
                monitoring.use_tool_id(tool, "repaird")
            except ValueError:
                continue
            events = monitoring.events

            def start(code, offset):
                if code.co_filename in self.files:
                    monitoring.set_local_events(tool, code, events.LINE)
                return monitoring.DISABLE

            def line(code, number):
                self.note(code.co_filename, number)
                return monitoring.DISABLE

            monitoring.register_callback(tool, events.PY_START, start)
            monitoring.register_callback(tool, events.LINE, line)
            monitoring.set_events(tool, events.PY_START)
            return tool
        return None

    # Before it: the tracing function, which a test may have replaced.

    def arm(self):
        sys.settrace(self.call)
        threading.settrace(self.call)

    def call(self, frame, event, argument):
        return self.line if frame.f_code.co_filename in self.files else None

    def line(self, frame, event, argument):
        if event == "line":
            self.note(frame.f_code.co_filename, frame.f_lineno)
        return self.line

    def note(self, path, line):
        if line in self.files[path]:
            self.seen.add((path, line))
