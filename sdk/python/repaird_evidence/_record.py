"""Turns an exception into a document that describes its in-app frames."""

import dis
import json
import os
import sys
import sysconfig
import types

from repaird_evidence import _classes, _values

VERSION = 1
_OPTIMIZED = 1  # code flags: locals are in slots, not in a namespace of the program's making
_VARARGS, _VARKEYWORDS = 4, 8
_MAX_STACK = 100000  # frames looked at, of any code
_MAX_CHAIN = 4  # exceptions: the raised one and its causes
_MAX_LOCALS = 100  # of a frame

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_traceback = BaseException.__dict__["__traceback__"].__get__
_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__
_suppressed = BaseException.__dict__["__suppress_context__"].__get__


class Recorder:
    """Describes exceptions.

    time is in seconds of the processor's, for one exception; bytes of its document, items of one
    container, characters of one string, levels of depth, in-app frames. in_app
    and not_in_app are prefixes of modules that are, or are not, the program's.
    facts is called without arguments and returns a dict, such as of feature flags.
    """

    def __init__(self, time=0.005, bytes=100000, items=1000, string=8192, depth=8, frames=20, in_app=(), not_in_app=(), facts=None):
        self.time, self.bytes, self.items, self.string, self.depth, self.frames = time, bytes, items, string, depth, frames
        self.in_app, self.not_in_app, self.facts = tuple(in_app), tuple(not_in_app), facts
        self.own_modules, self.own_files = {}, {}

    def describe(self, error):
        """The document of an exception, as JSON text; None if there is nothing to
        say or it could not be said. It never raises an Exception."""
        try:
            return self._describe(error)
        except Exception:
            return None

    def _describe(self, error):
        walk = _values.Walk(self, self._own_module, 0.8 * self.time)
        exceptions = []
        for number, x in enumerate(_chain(error)):
            frames = self._frames(_traceback(x), self.frames if number == 0 else self.frames // 2, walk)
            if frames:
                exceptions.append({"type": _classes.name_of_class(type(x)), "frames": frames})
        if not exceptions:
            return None
        document = {"version": VERSION, "exceptions": exceptions}
        task = _task()
        if task:
            document["task"] = task
        if self.facts is not None:
            document["facts"] = self._facts(walk)
        walk.run()
        if walk.cut:
            document["cut"] = sorted(walk.cut)
        text = _encode(document)
        return text if len(text) <= 2 * self.bytes else None

    def _facts(self, walk):
        made = []
        try:
            found = self.facts()
        except Exception:
            return made
        if type(found) is dict:
            for name, value in list(found.items())[:_MAX_LOCALS]:
                if type(name) is str:
                    walk.add(name[:200], value, made)
        return made

    def _frames(self, tb, limit, walk):
        """The in-app frames' descriptions, the outermost first."""
        kept = []
        for _ in range(_MAX_STACK):
            if tb is None:
                break
            frame = tb.tb_frame
            if self._own_file(frame.f_code.co_filename, frame.f_globals.get("__name__")):
                kept.append((frame, tb.tb_lineno, tb.tb_lasti))
            tb = tb.tb_next
        if len(kept) > limit:
            kept = kept[:limit // 2] + kept[-(limit - limit // 2):]
        return [self._frame(frame, line, at, walk) for frame, line, at in kept]

    def _frame(self, frame, line, at, walk):
        code, variables = frame.f_code, []
        made = {"file": code.co_filename, "function": getattr(code, "co_qualname", code.co_name), "line": line, "locals": variables}
        module = frame.f_globals.get("__name__")
        if type(module) is str:
            made["module"] = _classes.module_name(module)
        walk.left -= 80 + len(code.co_filename) + len(made["function"])
        for name, value in _locals(frame):
            if walk.left > 0:
                walk.add(name, value, variables)
            else:
                made["missing"] = made.get("missing", 0) + 1
        entry = entry_parameters(code, at)
        if entry:
            made["entry"] = entry
        return made

    # Whose code it is -----------------------------------------------------------

    def _own_module(self, name):
        known = self.own_modules.get(name)
        if known is None:
            if len(self.own_modules) > 5000:
                self.own_modules.clear()
            module = sys.modules.get(name)
            names = _values._module_dict(module) if type(module) is types.ModuleType else {}
            file = names.get("__file__")
            known = self.own_modules[name] = self._own_file(file, name) if type(file) is str else name == "__main__"
        return known

    def _own_file(self, file, module):
        key = (file, module if type(module) is str else "")
        known = self.own_files.get(key)
        if known is None:
            if len(self.own_files) > 5000:
                self.own_files.clear()
            known = self.own_files[key] = self._is_own(*key)
        return known

    def _is_own(self, file, module):
        if _begins(module, self.in_app):
            return True
        if _begins(module, self.not_in_app) or file.startswith("<") or _begins(module, ("repaird_evidence",)):
            return False
        path = os.path.abspath(file)
        parts = path.replace("\\", "/").split("/")
        return "site-packages" not in parts and "dist-packages" not in parts and not path.startswith(_LIBRARY)


_LIBRARY = tuple(sorted({
    os.path.join(p, "") for p in (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.dirname(os.__file__)) if p
}))


def _begins(module, prefixes):
    return any(module == p or module.startswith(p + ".") for p in prefixes)


def _chain(error):
    """The raised exception, then what caused it."""
    met = []
    while error is not None and len(met) < _MAX_CHAIN and not _classes.same(error, met):
        met.append(error)
        error = _cause(error) if _cause(error) is not None or _suppressed(error) else _context(error)
    return met


def _locals(frame):
    """Names and values of a frame's variables."""
    variables = frame.f_locals
    if not frame.f_code.co_flags & _OPTIMIZED and type(variables) is not dict:
        return []  # a class body's namespace may be of the program's making
    made = []
    for name in list(variables):
        if type(name) is not str or name.startswith(("__", "@", ".")):
            continue
        try:
            value = variables[name]
        except KeyError:
            continue
        if frame.f_code.co_name == "<module>" and _classes.same(type(value), _DEFINED):
            continue
        made.append((name, value))
        if len(made) == _MAX_LOCALS:
            break
    return made


_DEFINED = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)


def _task():
    """The name of the asyncio task that is running, or ""."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return ""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no running loop
        return ""
    return task.get_name()[:200] if type(task) is asyncio.Task else ""


# Arguments ----------------------------------------------------------------------

_unchanged = {}
_EXTENDED = dis.opmap["EXTENDED_ARG"]
_JUMPS = ("JUMP_BACKWARD", "JUMP_ABSOLUTE", "POP_JUMP_BACKWARD", "FOR_ITER")
_BINDS = ("STORE_FAST", "DELETE_FAST", "LOAD_FAST_AND_CLEAR", "STORE_DEREF", "DELETE_DEREF")
# Opcode → 1 for those that are looked at: a table for bytes.translate.
_INTERESTING = bytes(dis.opname[op].startswith(_BINDS + _JUMPS) for op in range(256))


def entry_parameters(code, at):
    """The parameters that no instruction before the one at the given offset
    rebinds, so that they still hold what the caller passed. Where the code may
    have jumped back, every instruction counts."""
    key = id(code)
    found = _unchanged.get(key)
    if found is None:
        if len(_unchanged) > 2000:
            _unchanged.clear()
        found = _unchanged[key] = (code,) + _stores(code)  # keeping the code keeps its id
    _, stores, loops = found
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    return [name for name in code.co_varnames[:count] if not any(loops or offset < at for offset in stores.get(name, ()))]


def _stores(code):
    """Name → offsets at which it is bound or deleted; whether the code can jump back."""
    stores, loops, raw = {}, False, code.co_code
    cells = code.co_cellvars + code.co_freevars
    looked_at = raw[::2].translate(_INTERESTING)
    at = looked_at.find(1)
    while at >= 0:
        name, argument, shift, before = dis.opname[raw[2 * at]], raw[2 * at + 1], 8, at - 1
        while before >= 0 and raw[2 * before] == _EXTENDED:
            argument |= raw[2 * before + 1] << shift
            shift, before = shift + 8, before - 1
        if name.startswith(_JUMPS):
            loops = True
        for bound in _bound(name, argument, code, cells):
            stores.setdefault(bound, []).append(2 * at)
        at = looked_at.find(1, at + 1)
    return stores, loops


def _bound(name, argument, code, cells):
    """The variables that an instruction binds."""
    if name.startswith(("STORE_FAST_STORE", "STORE_FAST_LOAD")):
        both = [argument >> 4] + ([argument & 15] if name.startswith("STORE_FAST_STORE") else [])
        return [code.co_varnames[i] for i in both if i < len(code.co_varnames)]
    if name.startswith(("STORE_FAST", "DELETE_FAST", "LOAD_FAST_AND_CLEAR")):
        return [code.co_varnames[argument]] if argument < len(code.co_varnames) else []
    if name in ("STORE_DEREF", "DELETE_DEREF"):
        if sys.version_info >= (3, 11):  # one numbering for variables and cells
            own = code.co_varnames + tuple(c for c in cells if c not in code.co_varnames)
            return [own[argument]] if argument < len(own) else []
        return [cells[argument]] if argument < len(cells) else []
    return []
