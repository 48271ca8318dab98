"""Loads the tracer's modules from one file of bytecode, for the time that a
process takes to start is paid by each child process again.

The file is __pycache__/repaird.TAG.bundle beside the modules. This module is not
in it, and is loaded by itself, not as one of the package. The first process
that finds none, or finds it out of date, imports the modules as usual and
writes it, also where PYTHONDONTWRITEBYTECODE is set, which is meant for the
program's folders: compiling everything anew takes 40 ms. Its content is the
interpreter's magic number, then, marshalled, name -> (mtime in ns, size, code)
and the numbers of the interpreter's instructions. While it is open these stand
for the module opcode, which takes longer to import than any of ours; the
program finds that one not imported.
"""
import marshal
import os
import sys

from _frozen_importlib_external import MAGIC_NUMBER

_MAIN = "repaird_tracer"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Bundle(object):
    """An importer of the modules in a folder, while it is open."""

    def __init__(self, folder):
        self.folder, self.entries, self.numbers = folder, {}, {}
        self.path = "%s/__pycache__/repaird.%s.bundle" % (folder, sys.implementation.cache_tag)
        try:
            with open(self.path, "rb") as f:
                data = f.read()
            if data.startswith(MAGIC_NUMBER):
                self.entries, self.numbers = marshal.loads(data[len(MAGIC_NUMBER):])
            for name, (mtime, size, code) in self.entries.items():
                if self._state(name) != (mtime, size):
                    self.entries = {}
                    break
        except Exception:
            self.entries = {}
        self.new = not self.entries
        sys.meta_path.insert(0, self)
        try:
            self._load()
        except Exception:
            self.entries = {}  # the usual way then

    def _load(self):
        """Runs the tracer's main module, after all that it imports, without the
        ways of the import system, which cost more than most of the modules."""
        if not self.entries or _MAIN in sys.modules:
            return
        main = self._module(_MAIN)  # is there for the others, before its own code has run
        try:
            for name in ("opcode",) + tuple(self.entries):
                if name == _MAIN:
                    return self.exec_module(main)
                if name not in sys.modules:
                    self.exec_module(self._module(name))
                if name != "opcode":
                    setattr(main, name[len(_MAIN) + 1:], sys.modules[name])
        except BaseException:
            for name in [n for n in sys.modules if _ours(n)]:
                del sys.modules[name]
            raise

    def _module(self, name):
        spec = self.find_spec(name)
        module = sys.modules[name] = type(sys)(name)
        module.__spec__, module.__loader__, module.__file__ = spec, self, spec.origin
        if name == _MAIN:
            module.__path__ = spec.submodule_search_locations
        return module

    def _file(self, name):
        return "%s/%s.py" % (self.folder, name[len(_MAIN) + 1:] or "__init__")

    def _state(self, name):
        about = os.stat(self._file(name))
        return about.st_mtime_ns, about.st_size

    def find_spec(self, name, path=None, target=None):
        if name not in self.entries:
            return type(sys.__spec__)(name, self) if name == "opcode" and self.entries else None
        spec = type(sys.__spec__)(name, self, origin=self._file(name), is_package=name == _MAIN)
        spec.has_location = True
        if name == _MAIN:
            spec.submodule_search_locations.append(self.folder)
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        if module.__name__ == "opcode":
            module.opmap = self.numbers
        else:
            exec(self.entries[module.__name__][2], module.__dict__)

    def close(self):
        """Ends it, and writes the file for the next process where it is wanted."""
        try:
            sys.meta_path.remove(self)
            if getattr(sys.modules.get("opcode"), "__loader__", None) is self:
                del sys.modules["opcode"]
            if self.new:
                self._write()
        except Exception:
            pass
        self.entries, self.numbers = {}, {}

    def _write(self):
        try:
            os.mkdir(os.path.dirname(self.path), 0o755)
        except OSError:  # most often it is there
            pass
        entries = {}
        for name, module in list(sys.modules.items()):
            if _ours(name) and module.__file__.startswith(self.folder + "/"):
                loader = module.__spec__.loader
                entries[name] = self._state(name) + (loader.get_code(name),)
        entries = _ordered(entries)
        made = "%s.%d" % (self.path, os.getpid())
        fd = os.open(made, _FLAGS, 0o644)
        try:
            os.write(fd, MAGIC_NUMBER + marshal.dumps((entries, sys.modules["opcode"].opmap)))
        finally:
            os.close(fd)
        os.rename(made, self.path)


def _ours(name):
    return name.partition(".")[0] == _MAIN


def _ordered(entries):
    """The same entries, each after those that its module imports, and first those
    that the main module needs."""
    done = {}

    def add(name):
        if name not in entries or name in known:
            return
        known.add(name)
        for other in entries[name][2].co_names:
            add(other)
        done[name] = entries[name]

    known = set()
    add(_MAIN)
    for name in entries:
        add(name)
    return done
