"""The tools that are compared, each behind the same five methods.

begin prepares a run and is not part of it; between enter and leave the program
runs, both are part of it; end gives the number of records and may save.
"""
import json
import os
import shutil
import sys


class Tool(object):
    name = ""
    whole = False  # run at full size: the cost is bounded, or is what is asked
    values = False  # records arguments and return values
    note = ""

    def __init__(self, here, program):
        self.programs = os.path.join(here, "programs") + os.sep
        self.program = program

    def serves(self, program):
        return program != "hot_line"

    def begin(self, out):
        pass

    def enter(self):
        pass

    def leave(self):
        pass

    def run(self, program, size):
        self.enter()
        try:
            program(size)
        finally:
            self.leave()

    def end(self, out):
        return 0


def text_of(value):
    try:
        return repr(value)[:200]
    except Exception:  # of an object that is not yet made, for one
        return "?"


class Bare(Tool):
    name, whole = "bare", True


class Floor(Tool):
    """A tracer that wants nothing: what the interpreter takes by itself."""
    name, whole = "floor", True

    def enter(self):
        if not hasattr(sys, "monitoring"):
            sys.settrace(lambda frame, event, arg: None)
            return
        m = sys.monitoring
        m.use_tool_id(4, "floor")
        prefix = self.programs
        m.register_callback(4, m.events.PY_START, lambda code, offset: None if code.co_filename.startswith(prefix) else m.DISABLE)
        m.set_events(4, m.events.PY_START)

    def leave(self):
        if not hasattr(sys, "monitoring"):
            sys.settrace(None)
            return
        sys.monitoring.set_events(4, 0)
        sys.monitoring.free_tool_id(4)


class Naive(Tool):
    """One line of JSON for each call and return of the project, written at once."""
    name, values = "naive", True

    def begin(self, out):
        self.log = open(os.path.join(out, "naive.jsonl"), "w")
        self.count = 0

    def trace(self, frame, event, arg):
        code = frame.f_code
        if not code.co_filename.startswith(self.programs):
            return None
        if event == "line":
            return self.trace
        record = {"event": event, "function": code.co_name, "file": code.co_filename, "line": frame.f_lineno}
        if event == "call":
            record["args"] = dict((k, text_of(v)) for k, v in frame.f_locals.items())
        else:
            record["value"] = text_of(arg)
        self.log.write(json.dumps(record) + "\n")
        self.log.flush()
        self.count += 1
        return self.trace

    def enter(self):
        sys.settrace(self.trace)

    def leave(self):
        sys.settrace(None)

    def end(self, out):
        self.log.close()
        os.remove(self.log.name)
        return self.count


class Repaird(Tool):
    """As it is used: every call but for the cap on each function."""
    name, whole, values = "repaird", True, True
    config = {}

    def begin(self, out):
        import repaird_tracer
        self.tracer = repaird_tracer
        config = {"include": [self.programs], "out": out}
        config.update(self.config)
        if not repaird_tracer.start(config):
            raise SystemExit("the tracer did not start")
        # Attaching is not part of the run, but the hook must not see this file.

    def leave(self):
        self.tracer.stop()

    def end(self, out):
        records = None
        for name in os.listdir(out):
            with open(os.path.join(out, name), "rb") as f:
                tail = f.read()[-4096:].replace(b"\0", b"")
            for line in tail.splitlines():
                if line.startswith(b'{"k":"end"'):
                    footer = json.loads(line.decode("ascii"))
                    records = footer.get("records", 0)
                    for key in ("faults", "lost", "dead", "resynced", "oversize"):
                        if footer.get(key):
                            self.note = "%s: %s" % (key, footer[key])
        shutil.rmtree(out)
        if records is None:
            self.note = "no footer"
        return records or 0


class RepairdAll(Repaird):
    """Without the cap, so that each call is a record: the cost of a record."""
    name = "repaird-all"
    config = {"max_per_function": 1 << 30, "max_records": 2000000, "max_bytes": 1 << 30}


class RepairdSettrace(Repaird):
    name = "repaird-settrace"
    config = {"engine": "settrace"}


class RepairdVariables(Repaird):
    name = "repaird-variables"
    config = {"level": "variables"}


class RepairdBreakpoint(Repaird):
    """A breakpoint with a watch on a line that runs all the time, ten snapshots
    wanted, and of calls no more than the few that cannot be told not to be."""
    name = "repaird-breakpoint"

    def serves(self, program):
        return program == "hot_line"

    def begin(self, out):
        path = os.path.join(self.programs, "hot_line.py")
        with open(path) as f:
            line = [i for i, text in enumerate(f, 1) if "# BREAKPOINT" in text][0]
        self.config = {"breakpoints": [{"file": path, "line": line}], "watches": ["value + factor"], "snapshots": 10, "max_per_function": 1}
        Repaird.begin(self, out)


class Bottrace(Tool):
    name = "bottrace"

    def begin(self, out):
        import bottrace.tracer
        self.module = bottrace.tracer
        self.log = open(os.path.join(out, "bottrace.txt"), "w")

    def enter(self):
        install = self.module.install_monitoring_tracer if hasattr(sys, "monitoring") else self.module.install_call_tracer
        self.tracer = install([self.programs], stream=self.log)

    def leave(self):
        self.tracer.stop() if hasattr(self.tracer, "stop") else self.module.stop_tracer()
        self.log.close()

    def end(self, out):
        return count_and_remove(self.log.name)


class Hunter(Tool):
    name, values = "hunter", True

    def begin(self, out):
        import hunter
        self.hunter = hunter
        self.log = open(os.path.join(out, "hunter.txt"), "w")

    def enter(self):
        query = self.hunter.Q(filename_startswith=self.programs, kind_in=("call", "return", "exception"),
                              action=self.hunter.CallPrinter(stream=self.log, force_colors=False))
        self.tracer = self.hunter.trace(query)

    def leave(self):
        self.hunter.stop()
        self.log.close()

    def end(self, out):
        return count_and_remove(self.log.name)


class VizTracer(Tool):
    """With arguments and return values, without functions of C; what it holds
    in memory is not yet saved."""
    name, values = "viztracer", True

    def begin(self, out):
        from viztracer import VizTracer as Tracer
        self.tracer = Tracer(tracer_entries=1000000, log_func_args=True, log_func_retval=True, ignore_c_function=True, verbose=0,
                             output_file=os.path.join(out, "viztracer.json"))

    def enter(self):
        self.tracer.start()

    def leave(self):
        self.tracer.stop()

    def end(self, out):
        try:
            return self.tracer.parse()
        finally:
            self.tracer.terminate() if hasattr(self.tracer, "terminate") else None


class PySnooper(Tool):
    """In the form of a with block around the program, as its documentation has
    it: it looks at the frame that enters it and wants the same one to leave,
    and is a KeyError in its own tables where enter and leave are two calls."""
    name, values = "pysnooper", True

    def begin(self, out):
        import pysnooper
        self.log = os.path.join(out, "pysnooper.txt")
        self.snooper = pysnooper.snoop(self.log, depth=1 << 20, overwrite=True)

    def run(self, program, size):
        with self.snooper:
            program(size)

    def end(self, out):
        return count_and_remove(self.log) if os.path.exists(self.log) else 0


class Coverage(Tool):
    name, whole = "coverage", True

    def begin(self, out):
        import coverage
        self.coverage = coverage.Coverage(data_file=None, include=[self.programs + "*"])
        self.note = ""

    def enter(self):
        self.coverage.start()

    def leave(self):
        self.coverage.stop()


def count_and_remove(path):
    with open(path, "rb") as f:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: f.read(1 << 20), b""))
    os.remove(path)
    return lines


TOOLS = dict((tool.name, tool) for tool in (
    Bare, Floor, Naive, Repaird, RepairdAll, RepairdSettrace, RepairdVariables, RepairdBreakpoint,
    Bottrace, Hunter, VizTracer, PySnooper, Coverage))
