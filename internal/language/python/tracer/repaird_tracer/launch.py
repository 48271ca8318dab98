"""Does what the interpreter does with a script, -m, -c or standard input.
See repaird_launch.py."""
import os
import sys


def run(argv, safe, here, launcher, alone):
    config = os.environ.get("REPAIRD_TRACE_CONFIG")
    sys.path.insert(0, here)
    bundle = None
    try:
        folder = here + "/repaird_tracer"
        bundle = alone("bundle", folder).Bundle(folder)
        import repaird_tracer
    except Exception:
        config = None  # not a Python that can be traced
    finally:
        sys.path[:] = [p for p in sys.path if not p or os.path.abspath(p) != here]
        sys.path_importer_cache.pop(here, None)
    prepared = _prepare(argv, safe)
    if config:
        try:
            repaird_tracer.start_from_environment(config)
        except Exception:
            pass
    if bundle is not None:
        bundle.close()
    try:
        prepared()
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook = _Without(sys.excepthook, (launcher, __file__))
        raise


class _Without(object):
    """An excepthook that leaves out our own frames."""

    def __init__(self, hook, files):
        self.hook, self.files = hook, files

    def __call__(self, kind, value, tb):
        while tb is not None and tb.tb_frame.f_code.co_filename in self.files:
            tb = tb.tb_next
        try:
            value.__traceback__ = sys.last_traceback = tb
        except Exception:
            pass
        return self.hook(kind, value, tb)


def _prepare(argv, safe):
    """Sets sys.argv and sys.path, and returns what runs the program."""
    first = argv[0] if argv else "-"
    if first[:2] == "-m":
        module = first[2:] or argv[1]
        sys.argv[:] = ["-m"] + argv[1 if first[2:] else 2:]
        _path0(safe, os.getcwd)
        return lambda: _module(module, True)
    if first[:2] == "-c":
        command = first[2:] or argv[1]
        sys.argv[:] = ["-c"] + argv[1 if first[2:] else 2:]
        _path0(safe, str)
        return lambda: _code(command, "<string>", None)
    if first == "-":
        sys.argv[:] = argv or [""]
        _path0(safe, str)
        return lambda: _code(sys.stdin.read(), "<stdin>", None)
    sys.argv[:] = argv
    if _holds_main(first):
        sys.path.insert(0, _absolute(first))
        return lambda: _module("__main__", False)
    _path0(safe, lambda: os.path.dirname(os.path.realpath(first)))
    return lambda: _script(first)


def _path0(safe, path):
    if not safe:
        sys.path.insert(0, path())


def _holds_main(name):
    """Says whether it is a directory or an archive to be run as one."""
    if os.path.isdir(name):
        return True
    try:
        import zipimport
        zipimport.zipimporter(name)
        return True
    except Exception:
        return False


def _absolute(name):
    if sys.version_info < (3, 9) or os.path.isabs(name):
        return name
    if name == "." and sys.version_info >= (3, 11):
        return os.getcwd()
    return os.getcwd() + "/" + name  # not made any simpler, as the interpreter's own


def _module(name, alter):
    _main({"__doc__": None}, ("__file__", "__cached__"))
    import runpy
    runpy._run_module_as_main(name, alter_argv=alter)


def _script(given):
    path = _absolute(given)
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError as e:
        name = getattr(sys, "orig_argv", [sys.executable])[0]
        sys.stderr.write("%s: can't open file %r: [Errno %d] %s\n" % (name, path, e.errno, e.strerror))
        raise SystemExit(2)
    with os.fdopen(fd, "rb") as f:
        text = f.read()
    if path.endswith(".pyc"):
        import marshal
        return _exec(marshal.loads(text[16 if sys.version_info >= (3, 7) else 12:]), {"__file__": path}, ())
    _code(text, path, path)


def _code(text, filename, path):
    code = compile(text, filename, "exec", dont_inherit=True)
    if path is not None:
        loader = type(sys.modules["__main__"].__loader__)("__main__", path)
        return _exec(code, {"__file__": path, "__loader__": loader}, ())
    if filename == "<string>" and sys.version_info >= (3, 13):
        _show_source(code, text)
    from _frozen_importlib import BuiltinImporter
    _exec(code, {"__loader__": BuiltinImporter}, ("__file__", "__cached__"))


def _show_source(code, text):
    """From 3.13 on tracebacks show the lines of a -c command."""
    try:
        import linecache
        linecache._register_code(code, text, "<string>")
    except Exception:
        pass


def _exec(code, names, absent):
    exec(code, _main(names, absent))


def _main(names, absent):
    """Makes the __main__ module, which so far has been the launcher's, new:
    with the names that the interpreter itself had given it."""
    space = sys.modules["__main__"].__dict__
    for name in list(space):
        if name[:2] != "__" or name in absent:
            del space[name]
    if "__annotations__" in space:
        space["__annotations__"] = {}
    space["__doc__"] = None
    space.update(names)
    return space
