"""repaird's tracer: start(config), stop(), and for runners mark() and failure().

A fault of the tracer never becomes the program's: every entry point swallows
its own errors, and without a usable configuration nothing is installed. See
SCHEMA.md beside the Go package pytrace for what is written.
"""
import os
import sys
from _json import encode_basestring_ascii as _quote

import repaird_trace_core
import repaird_trace_scope
import repaird_trace_settrace
import repaird_trace_writer

_state = {"core": None, "backend": None, "writer": None, "fork": False}
_own_dir = os.path.dirname(os.path.abspath(__file__))


def start_from_environment(text):
    """Starts with the value of REPAIRD_TRACE_CONFIG: JSON, or a path to it."""
    if not text.lstrip().startswith("{"):
        fd = os.open(text, os.O_RDONLY)
        try:
            text = os.read(fd, 1 << 20).decode("utf-8")
        finally:
            os.close(fd)
    if start(_parse(text)):
        import atexit
        atexit.register(_at_exit)


def start(config):
    """Starts tracing in this process, in this thread and in those that
    threading starts from now on. Returns whether it did."""
    if _state["core"] is not None:
        return False
    writer = None
    try:
        writer = repaird_trace_writer.Writer(
            config["out"], config.get("max_records") or 200000, config.get("max_bytes") or 64 << 20)
        core = repaird_trace_core.Core(config, writer, _own_dir)
        own = frozenset(m.__file__ for n, m in list(sys.modules.items())
                        if n.startswith("repaird_trace") and getattr(m, "__file__", None))
        backend = repaird_trace_settrace.Backend(core, own)
        _state.update(core=core, backend=backend, writer=writer)
        _meta(0)
        if not _state["fork"] and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forked)
            _state["fork"] = True
        backend.start()
        return True
    except Exception:
        _state.update(core=None, backend=None, writer=None)
        if writer is not None:
            writer.dead = "start"
        return False


def stop():
    """Stops tracing and completes the files. Safe to call twice."""
    core, backend, writer = _state["core"], _state["backend"], _state["writer"]
    if core is None:
        return
    _state["core"] = None
    try:
        backend.stop()
        writer.finish(core.footer(), core.threads <= 1)
    except Exception:
        writer.dead = "stop"


def mark(name, state=""):
    """Records a boundary, such as a test's node id and phase, and puts a lost
    trace function back."""
    core = _state["core"]
    if core is None:
        return
    try:
        _state["backend"].rearm()
        core.mark(name, state)
    except Exception:
        core.faults += 1


def failure(exc):
    """Records what led to an exception, from its traceback, unless it was
    seen when it was raised. To be called while the traceback is there."""
    core = _state["core"]
    if core is None:
        return
    try:
        core.failure(_state["backend"].current(), exc, _state["backend"].installed())
    except Exception:
        core.faults += 1


def _meta(forked_from):
    argv = [a for a in getattr(sys, "argv", None) or [] if type(a) is str][:32]
    _state["writer"].define('{"k":"meta","v":1,"f":"%s","pid":%d,"ppid":%d,"python":"%s","impl":%s,"engine":"%s","argv":[%s],"cwd":%s,"forked":%d}\n' % (
        _state["writer"].name, os.getpid(), os.getppid(), repaird_trace_scope.python_version(), _quote(sys.implementation.name), _state["backend"].name,
        ",".join(_quote(a[:300]) for a in argv), _quote(_state["core"].scope.cwd), forked_from))


def _forked():
    core, writer = _state["core"], _state["writer"]
    if core is None:
        return
    try:
        parent = writer.pid
        writer.reopen()
        _meta(parent)
        core.threads, core.line_count = 1, 0
        for info in core.infos:
            info.seen, info.calls = set(), 0
            core.define_code(info)
        _state["backend"].forked()
    except Exception:
        writer.dead = "fork"


def _at_exit():
    core = _state["core"]
    if core is None:
        return
    try:
        last = getattr(sys, "last_value", None)
        if last is not None and sys.gettrace() is None:
            failure(last)
    except Exception:
        pass
    stop()


class _Context(object):
    """What the C scanner of JSON asks for; the json module itself would cost
    every child process 3 ms."""
    strict = False
    object_hook = object_pairs_hook = array_hook = None  # the last from 3.15
    parse_float, parse_int = float, int
    memo = {}

    @staticmethod
    def parse_constant(text):
        return None


def _parse(text):
    try:
        from _json import make_scanner
        return make_scanner(_Context())(text, len(text) - len(text.lstrip()))[0]
    except ImportError:
        import json
        return json.loads(text)
