"""Other processes: those that this one starts, and how a child of
multiprocessing ends.

What is started is written as child records, for the reader to say which
Pythons were not traced: one started with -I, -E or -S, or without our
environment, loads no sitecustomize. Nothing of the program is replaced. An
audit hook would see every start, but makes each id() of the process five times
slower; so the classes that start processes get a __setattr__ that looks for
"pid", which they set when the child is there and at no other time. They are

    subprocess.Popen                   also asyncio, xdist, os.popen
    multiprocessing.popen_fork.Popen   base of the ones for fork, spawn and forkserver

Not seen: os.posix_spawn, os.system and os.exec* called by the program itself.
A process that was replaced by exec has no end record; where the new program is
a traced Python, a second meta record has the same pid.

The modules are waited for where the import system looks for files: the class
PathFinder, whose find_spec is its own again when the last of them has come. A
finder of ours would be one more entry of sys.meta_path, for the program to see
and to remove.
"""
import sys
from _frozen_importlib_external import PathFinder
from _json import encode_basestring_ascii as _quote

from repaird_tracer.signals import foreign
from repaird_tracer.secrets import mask_arguments

_Exception, _len, _type, _str, _bytes, _list, _tuple, _int, _super = Exception, len, type, str, bytes, list, tuple, int, super
_getframe, _modules, _classmethod = sys._getframe, sys.modules, classmethod
_HELPERS = ("from multiprocessing.resource_tracker import main", "from multiprocessing.semaphore_tracker import main")
MAX_CHILDREN = 2000
_LOADERS = ("SourceFileLoader", "SourcelessFileLoader")


class Imports(object):
    """Calls back when modules have been imported, or at once where they are there."""

    def __init__(self):
        self.wanted = {}
        self.theirs = self.ours = None  # the class's own find_spec, and what stands in its place

    def when(self, name, call):
        module = _modules.get(name)
        if module is not None:
            _safely(call, module)
            return
        self.wanted[name] = call
        if self.ours is None:
            self._watch()

    def _watch(self):
        theirs, wanted = PathFinder.__dict__["find_spec"], self.wanted
        find, load = theirs.__func__, self._load

        def find_spec(cls, fullname, path=None, target=None):
            spec = find(cls, fullname, path, target)
            if fullname in wanted and spec is not None and cls is PathFinder:
                load(fullname, spec.loader)
            return spec

        find_spec.__qualname__, find_spec.__module__, find_spec.__doc__ = find.__qualname__, find.__module__, find.__doc__
        self.theirs, self.ours = theirs, _classmethod(find_spec)
        PathFinder.find_spec = self.ours

    def _load(self, name, loader):
        # One for each module, as no other loaders are. A spec that was only asked
        # for is not executed, so the name is wanted still.
        if _type(loader).__name__ not in _LOADERS:
            return
        run = loader.exec_module

        def exec_module(module):
            loader.__dict__.pop("exec_module", None)
            run(module)
            call = self.wanted.pop(name, None)
            if call is not None:
                _safely(call, module)
            if not self.wanted and PathFinder.__dict__.get("find_spec") is self.ours:
                PathFinder.find_spec, self.ours = self.theirs, None

        loader.exec_module = exec_module


def _safely(call, module):
    try:
        call(module)
    except _Exception:
        pass


class Children(object):
    """Writes the child records of a process."""

    def __init__(self, define, imports, own_files):
        self.define, self.count, self.own_files = define, 0, own_files
        imports.when("subprocess", self._subprocess)
        imports.when("multiprocessing.popen_fork", self._multiprocessing)

    def _subprocess(self, module):
        _watch_pid(module.Popen, self._popen, self.own_files)

    def _multiprocessing(self, module):
        _watch_pid(module.Popen, self._process, self.own_files)

    def _popen(self, pid, frame, popen):
        values = frame.f_locals
        args = values.get("args")
        if _type(args) not in (_list, _tuple):
            args = [args]
        argv = [_text(a) for a in args[:16]]
        if argv and not argv[0]:
            argv[0] = _text(values.get("executable"))
        self.write(pid, "subprocess", argv)

    def _process(self, pid, frame, popen):
        how = getattr(_type(popen), "method", "fork")
        argv = frame.f_locals.get("cmd")  # of the command line for spawn
        if _type(argv) is not _list:
            argv = [sys.executable]
        self.write(pid, "fork" if how == "fork" else "spawn", [_text(a) for a in argv[:16]])

    def write(self, pid, how, argv):
        self.count += 1
        if _type(pid) is _int and self.count <= MAX_CHILDREN:
            self.define('{"k":"child","pid":%d,"how":"%s","argv":[%s]}\n' % (
                pid, how, ",".join([_quote(a) for a in mask_arguments(argv)])))


def _text(arg):
    """An argument as text, without asking objects of the program for theirs."""
    if _type(arg) is _str:
        return arg
    if _type(arg) is _bytes:
        return arg.decode("utf-8", "replace")
    return ""


def _watch_pid(cls, note, own_files):
    if "__setattr__" in cls.__dict__:
        return

    def __setattr__(self, name, value):
        _super(cls, self).__setattr__(name, value)
        if name == "pid" and value:  # 0 is in the child
            try:
                note(value, _getframe(1), self)
            except _Exception as error:
                if foreign(error, own_files):
                    raise  # a signal handler's

    cls.__setattr__ = __setattr__


def is_helper():
    """Says whether this process is one that serves multiprocessing. It runs
    no code of the program, and often outlives it by a moment."""
    argv = getattr(sys, "orig_argv", None)
    if argv is None:
        try:
            with open("/proc/self/cmdline", "rb") as f:
                argv = f.read(4096).decode("utf-8", "replace").split("\0")
        except _Exception:
            return False
    for a in argv:
        if a.startswith(_HELPERS):
            return True
    return False


def at_end_of_forked_process(imports, forked, end):
    """Has end called when a process that multiprocessing forked ends in order:
    it leaves by os._exit, without the interpreter's own end. forked says
    whether this process is a fork."""

    def child(_):
        if not forked():
            return
        threading = _modules.get("threading")
        register = getattr(threading, "_register_atexit", None)
        if register is not None:
            register(end)
        else:
            _modules["multiprocessing.util"].Finalize(None, end, exitpriority=-100)

    imports.when("multiprocessing.util", lambda module: module.register_after_fork(child, child))
