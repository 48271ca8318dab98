"""repaird's tracer: start(config), stop(), and for runners mark() and failure().

A fault of the tracer never becomes the program's: every entry point swallows
its own errors, but not what a signal handler of the program raises in it, and
without a usable configuration nothing is installed. See SCHEMA.md of the
Go package internal/trace/wire for what is written.
"""
import atexit
import os
import sys
import time
from _json import encode_basestring_ascii as _quote

import repaird_tracer.core
import repaird_tracer.process
import repaird_tracer.scope
import repaird_tracer.secrets
import repaird_tracer.signals
import repaird_tracer.writer

_state = {"core": None, "backend": None, "writer": None, "stacks": None, "fork": False, "forked": False, "own": frozenset()}
_own_dir = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # holds sitecustomize, too
_imports = repaird_tracer.process.Imports()
_Exception, _type, _str, _len = Exception, type, str, len


def start_from_environment(text):
    """Starts with the value of REPAIRD_TRACE_CONFIG: JSON, or a path to it.
    pytest, where the program runs it, gets the plugin that marks the tests."""
    if repaird_tracer.process.is_helper():
        return
    if not text.lstrip().startswith("{"):
        fd = os.open(text, os.O_RDONLY)
        try:
            text = os.read(fd, 1 << 20).decode("utf-8")
        finally:
            os.close(fd)
    if start(_parse(text)):
        atexit.register(_at_exit)
        _imports.when("_pytest.config", _pytest)


def start(config):
    """Starts tracing in this process, in this thread and in those that
    threading starts from now on. Returns whether it did."""
    if _state["core"] is not None:
        return False
    writer = None
    try:
        writer = repaird_tracer.writer.Writer(
            config["out"], config.get("max_records") or 200000, config.get("max_bytes") or 64 << 20,
            config.get("ring"), config.get("max_events") or 0, config.get("wall") or 0)
        core = repaird_tracer.core.Core(config, writer, _own_dir)
        backend = _backend(config, core)
        own = backend.own_files
        _state.update(core=core, backend=backend, writer=writer, own=own)
        _meta(0)
        writer.full = _full
        if not _state["fork"]:
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_forked)
            repaird_tracer.process.at_end_of_forked_process(_imports, _is_fork, _end_of_fork)
            _state["fork"] = True
        repaird_tracer.process.Children(writer.define, _imports, own)
        _start_stacks(config)
        if hasattr(backend, "watch_threads"):
            _imports.when("threading", backend.watch_threads)
        backend.start()
        return True
    except _Exception:
        _state.update(core=None, backend=None, writer=None)
        if writer is not None:
            writer.dead = "start"
        return False
    finally:
        _forget_path()


def _forget_path():
    """Takes from the import system what it knows of our directories."""
    for path in [_own_dir] + list(__path__):
        sys.path_importer_cache.pop(path, None)


def _backend(config, core):
    engine = config.get("engine")
    if engine != "settrace" and sys.version_info >= (3, 12):
        try:
            import repaird_tracer.monitoring
            return repaird_tracer.monitoring.Backend(core, _own_files())
        except _Exception:
            if engine:
                raise
    import repaird_tracer.settrace
    return repaird_tracer.settrace.Backend(core, _own_files())


def _own_files():
    """The tracer's own files: what raises there is its fault, all else the program's."""
    return frozenset(m.__file__ for n, m in list(sys.modules.items())
                     if n.startswith("repaird_tracer") and getattr(m, "__file__", None))


def _start_stacks(config):
    if config.get("timeout"):
        try:
            import repaird_tracer.stacks
            if repaird_tracer.stacks.start(config):
                _state["stacks"] = repaird_tracer.stacks
        except _Exception:
            pass


def stop():
    """Stops tracing and completes the files. Safe to call twice."""
    core, backend, writer = _state["core"], _state["backend"], _state["writer"]
    if core is None:
        return
    _state["core"] = None
    try:
        if _state["stacks"] is not None:
            _state["stacks"].stop()
        backend.stop()
        writer.finish(writer.ending(core.footer()), core.threads <= 1)
    except _Exception:
        writer.dead = "stop"


def engine():
    """The name of the back end, "" where nothing is traced."""
    return "" if _state["core"] is None else _state["backend"].name


def mark(name, state=""):
    """Records a boundary, such as a test's node id and phase, and puts a lost
    trace function back."""
    core = _state["core"]
    if core is None:
        return
    try:
        _state["backend"].rearm()
        core.mark(name, state)
    except _Exception as error:
        core.faults += 1
        if repaird_tracer.signals.foreign(error, _state["own"]):
            raise  # a signal handler's


def failure(exc):
    """Records what led to an exception, from its traceback, unless it was
    seen when it was raised. To be called while the traceback is there."""
    core = _state["core"]
    if core is None:
        return
    try:
        core.failure(_state["backend"].current(), exc, _state["backend"].installed())
    except _Exception as error:
        core.faults += 1
        if repaird_tracer.signals.foreign(error, _state["own"]):
            raise  # a signal handler's


def problem(text):
    """Records what the tracer cannot do here, in words for the user."""
    if _state["core"] is not None:
        try:
            _state["writer"].define('{"k":"problem","msg":%s}\n' % _quote(text[:500]))
        except _Exception as error:
            if repaird_tracer.signals.foreign(error, _state["own"]):
                raise


def _meta(forked_from, now=time.time):
    # A default, which what replaces clocks in the variables of modules leaves alone.
    core = _state["core"]
    argv = repaird_tracer.secrets.mask_arguments(_argv()[:32])
    _state["writer"].define('{"k":"meta","v":1,"f":"%s","pid":%d,"ppid":%d,"python":"%s","impl":%s,"engine":"%s","ts":%.6f,"exe":%s,"argv":[%s],"cwd":%s,"forked":%d}\n' % (
        _state["writer"].name, os.getpid(), os.getppid(), repaird_tracer.scope.python_version(), _quote(sys.implementation.name), _state["backend"].name, now() - core.seconds() + core.started,
        _quote((sys.executable or "")[:500]), ",".join(_quote(a) for a in argv), _quote(core.scope.cwd), forked_from))


def _argv():
    """The program's arguments. Some versions set sys.argv after us, and all name
    the module of -m later."""
    whole, argv = getattr(sys, "orig_argv", None), getattr(sys, "argv", None)
    if whole is None and (not argv or argv[:1] == ["-m"]):  # below 3.10
        try:
            with open("/proc/self/cmdline", "rb") as f:
                whole = [os.fsdecode(a) for a in f.read(1 << 16).split(b"\0")[:-1]]
        except _Exception:
            pass
    if not argv:
        return [a for a in (whole or [])[1:] if _type(a) is _str]
    argv = [a for a in argv if _type(a) is _str]
    if argv[:1] == ["-m"] and whole and _len(whole) > _len(argv):
        module = whole[_len(whole) - _len(argv)]
        argv.insert(1, module[2:] if module[:2] == "-m" else module)
    return argv


def _full():
    """The recording has ended for one of its bounds; the program goes on."""
    withdraw = getattr(_state["backend"], "withdraw", None)
    if withdraw is not None:
        withdraw()


def _is_fork():
    return _state["forked"]


def _forked():
    core, writer = _state["core"], _state["writer"]
    if core is None:
        return
    _state["forked"] = True
    try:
        parent = writer.pid
        writer.reopen()
        _meta(parent)
        core.threads, core.line_count, core.quiet, core.fled, core.snaps, core.refined = 1, 0, 0, 0, 0, 0
        core.beyond.clear()
        for info in core.infos:
            info.seen, info.calls, info.spent, info.arrived, info.raised, info.snaps = set(), 0, 0, {}, {}, {}
            core.define_code(info)
        _state["backend"].forked()
    except _Exception:
        writer.dead = "fork"


def _end_of_fork():
    """A process that multiprocessing forked ends in order. It may still have
    threads of its own, whose calls are then recorded to the last."""
    core = _state["core"]
    if core is None:
        return
    try:
        if _len(sys.modules["threading"]._active) > 1:
            writer = _state["writer"]
            writer.define(writer.ending(core.footer()))
        else:
            stop()
    except _Exception:
        core.faults += 1


def _at_exit():
    core = _state["core"]
    if core is None:
        return
    try:
        last = getattr(sys, "last_value", None)
        if last is not None:
            lost = sys.gettrace() is None and engine() == "settrace"
            if lost:
                failure(last)
            if core.probes is not None:
                core.probes.uncaught(_state["backend"].current(), last)
    except _Exception:
        pass
    stop()


# pytest.

def _pytest(module):
    """Adds the plugin to those that every pytest of this process loads. The
    environment stays as it is: a child process that does not find the plugin
    would not even start."""
    name = "repaird_tracer.pytest"
    names = [n for n in os.environ.get("PYTEST_PLUGINS", "").split(",") if n]
    if name in names:
        names.remove(name)
        if names:
            os.environ["PYTEST_PLUGINS"] = ",".join(names)
        else:
            del os.environ["PYTEST_PLUGINS"]
    try:
        __import__(name)
    finally:
        _forget_path()
    module.default_plugins = tuple(module.default_plugins) + (name,)


def folder():
    """The directory of the trace files, "" where nothing is traced."""
    return "" if _state["core"] is None else _state["writer"].out


class _Context(object):
    """What the C scanner of JSON asks for; the json module itself would cost
    every child process 3 ms."""
    strict = False
    object_hook = object_pairs_hook = array_hook = None
    parse_float, parse_int = float, int
    memo = {}

    @staticmethod
    def parse_constant(text):
        return None


def _parse(text):
    try:
        from _json import make_scanner
        return make_scanner(_Context())(text, len(text) - len(text.lstrip()))[0]
    except (ImportError, AttributeError):  # PyPy; a release whose scanner asks for more
        import json
        return json.loads(text)
