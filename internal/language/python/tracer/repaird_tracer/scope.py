"""Decides which code is in scope, and knows code objects."""
import os
import sys

_getcwd, _readlink = os.getcwd, os.readlink
_OSError, _len, _str, _type, _list, _dict_get = OSError, len, str, type, list, dict.get
_range, _set, _sorted, _tuple, _bool, _getattr = range, set, sorted, tuple, bool, getattr
_modules, _ModuleType = sys.modules, type(sys)
_get_module_dict = _ModuleType.__dict__["__dict__"].__get__
# Where a frame keeps the dictionary of its variables that it was asked for.
PINS = sys.version_info < (3, 13)
_PACKAGES = ("site-packages", "dist-packages", ".tox", ".nox")
MAX_CODES = 20000


def real_path(path, cwd):
    """os.path.realpath by means that a test cannot have patched."""
    if path[:1] != "/":
        path = cwd + "/" + path
    todo, done, links = path.split("/"), [], 0
    todo.reverse()
    while todo:
        part = todo.pop()
        if part == "" or part == ".":
            continue
        if part == "..":
            if done:
                done.pop()
            continue
        try:
            target = _readlink("/" + "/".join(done + [part]))
        except _OSError:  # not a link, or not there
            done.append(part)
            continue
        links += 1
        if links > 40:
            return path
        if target[:1] == "/":
            done = []
        more = target.split("/")
        more.reverse()
        todo.extend(more)
    return "/" + "/".join(done)


class Scope(object):
    """Decisions by file name; files maps a code's co_filename to its real path
    or to False when it is out of scope, outside holds those of the latter. A
    module named in modules is in scope wherever it is."""

    def __init__(self, include, exclude, own_dir, modules=()):
        self.cwd = _getcwd()
        self.include = [real_path(p, self.cwd) for p in include]
        self.own = real_path(own_dir, self.cwd)
        self.exclude = [real_path(p, self.cwd) for p in exclude] + [self.own]
        self.modules = [m for m in modules if _type(m) is _str]
        self.files, self.outside = {}, _set()

    def decide(self, filename, module=None):
        """module is the name that the code's globals have, where they are known."""
        if _type(filename) is not _str:
            return False
        answer = False
        if filename and filename[:1] != "<":
            path = real_path(filename, self.cwd)
            for root in self.include:
                if _below(path, root) and not _installed(path[_len(root):]):
                    answer = path
                    break
            for root in self.exclude:
                if _below(path, root):
                    answer = False
            if answer is False and self.modules and self._named(filename, module) and not _below(path, self.own):
                answer = path
        if _len(self.files) > 50000:
            self.files.clear()
            self.outside.clear()
        self.files[filename] = answer
        if answer is False:
            self.outside.add(filename)
        return answer

    def _named(self, filename, module):
        """Says whether the file is that of a module named in the configuration."""
        names = [module] if _type(module) is _str else []
        for name, m in _list(_modules.items()):
            if _type(m) is _ModuleType and _type(name) is _str and _get_module_dict(m).get("__file__") == filename:
                names.append(name)
        for name in names:
            for wanted in self.modules:
                if name == wanted or name.startswith(wanted + "."):
                    return True
        return False

    def holds(self, filename):
        answer = self.files.get(filename)
        return _bool(self.decide(filename) if answer is None else answer)


class Choice(object):
    """The functions that the configuration names."""

    def __init__(self, only, never):
        self.only, self.never = [p for p in only if _type(p) is _str], [p for p in never if _type(p) is _str]

    def holds(self, name, names):
        if not self.only and not self.never:
            return True
        module = _dict_get(names, "__name__")
        forms = [name, name.rpartition(".")[2]]
        if _type(module) is _str:
            forms.append(module + "." + name)
        return (not self.only or _any_like(forms, self.only)) and not _any_like(forms, self.never)


def _any_like(forms, patterns):
    for p in patterns:
        for f in forms:
            # The module is part of it where the pattern names one: __* means
            # functions, not all of __main__.
            if f == p or like(f, p) and (f is not forms[-1] or _len(forms) < 3 or "." in p):
                return True
    return False


def like(text, pattern):
    """fnmatch.fnmatchcase for * and ?; the module would load re."""
    t = p = 0
    star, mark = -1, 0
    while t < _len(text):
        if p < _len(pattern) and pattern[p] == "*":
            star, mark = p, t
            p += 1
        elif p < _len(pattern) and (pattern[p] == "?" or pattern[p] == text[t]):
            t += 1
            p += 1
        elif star >= 0:
            mark += 1
            t, p = mark, star + 1
        else:
            return False
    while p < _len(pattern) and pattern[p] == "*":
        p += 1
    return p == _len(pattern)


def _below(path, root):
    return path == root or root == "/" or path.startswith(root + "/")


def _installed(rest):
    for name in _PACKAGES:
        if "/" + name + "/" in rest:
            return True
    return False


class Info(object):
    """What the tracer knows of one code object. It keeps the code alive, so
    that its id stays its own."""
    __slots__ = (
        "id", "code", "ops", "file", "name", "args", "kind", "gen", "fold", "defaults",
        "calls", "yields",  # how often
        "seen", "snaps", "raised", "arrived", "watch",  # lines seen; snapshots, raises and arrivals of exceptions by line; lines that the probes want: None, True for all, or a frozenset
        "heads", "call", "rets", "at", "spent",  # text of records: of arguments, of calls, of returns and lines by instruction; characters of values in full
        "pins",  # reading variables leaves them in the frame
        "cells",  # sys.settrace: variables shared with other functions are written back after each event
        "handlers",  # the compiler's and the source's, once an exception has arrived
        "off", "quiet", "mixed", "pends",  # monitoring: see there
    )


# Up to 3.12 the interpreter copies what was read of a frame's variables back
# after each call of a trace function.
_WRITES_BACK = sys.version_info < (3, 13)
_OPTIMIZED, _VARARGS, _VARKEYWORDS, _GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 1, 4, 8, 32, 128, 512
_FOLDED = frozenset(["<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"])


def describe(number, code, path, qualname, comprehensions=False):
    """Info on a code object; qualname may be "" where the version has none."""
    info = Info()
    info.id, info.code, info.ops, info.file = number, code, code.co_code, path
    name, flags = code.co_name, code.co_flags
    info.name = qualname or _getattr(code, "co_qualname", name)
    if info.name[:9] == "<module>.":
        info.name = info.name[9:]
    n = code.co_argcount + code.co_kwonlyargcount
    if flags & _VARARGS:
        n += 1
    if flags & _VARKEYWORDS:
        n += 1
    info.args = _tuple(a for a in code.co_varnames[:n] if a[:1] not in ".@")
    info.cells = _WRITES_BACK and _bool(code.co_cellvars or code.co_freevars)
    info.kind = ""
    if flags & _ASYNC_GENERATOR:
        info.kind = "async_generator"
    elif flags & _COROUTINE:
        info.kind = "coroutine"
    elif flags & _GENERATOR:
        info.kind = "generator"
    elif name == "<module>":
        info.kind = "module"
    info.gen = _bool(flags & (_GENERATOR | _COROUTINE | _ASYNC_GENERATOR))
    # Comprehensions and class bodies belong to the code around them, unless asked
    # for, and what the compiler makes for type parameters always does.
    info.fold = name[:23] == "<generic parameters of " or not comprehensions and (
        name in _FOLDED or (not flags & _OPTIMIZED and name != "<module>"))
    info.calls = info.yields = 0
    info.seen, info.snaps, info.raised, info.arrived, info.defaults = _set(), {}, {}, {}, ()
    info.watch, info.at, info.heads = None, {}, ()
    info.call, info.rets, info.spent = '{"k":"call","c":%d,"i":' % number, {}, 0
    info.pins = PINS and _bool(flags & _OPTIMIZED)
    info.off = info.quiet = info.mixed = False
    info.pends, info.handlers = _set(), None
    return info


def signature(code):
    """How the parameters are given, a letter each, where not all are given by place or name."""
    plain, names = code.co_argcount, code.co_varnames
    only = _getattr(code, "co_posonlyargcount", 0)
    kinds = "/" * only + "." * (plain - only) + "k" * code.co_kwonlyargcount
    if code.co_flags & _VARARGS:
        kinds += "*"
    if code.co_flags & _VARKEYWORDS:
        kinds += "+"
    kinds = "".join([k for k, name in zip(kinds, names) if name[:1] not in ".@"])[:64]
    return ',"sig":"%s"' % kinds if kinds.strip(".") else ""


def code_lines(code):
    """Lines of code that can execute, nested code not included."""
    co_lines = _getattr(code, "co_lines", None)
    if co_lines is not None:
        return _sorted({line for start, end, line in co_lines() if line})
    lines, line, table = _set(), code.co_firstlineno, code.co_lnotab
    for i in _range(0, _len(table) - 1, 2):
        if table[i]:
            lines.add(line)
        step = table[i + 1]
        line += step - 256 if step >= 128 else step
    lines.add(line)
    return _sorted(lines)


def nested_codes(code, limit=5000):
    """The code object and those in its constants."""
    todo, found, kind = [code], [], _type(code)
    while todo and _len(found) < limit:
        c = todo.pop()
        found.append(c)
        todo.extend(k for k in c.co_consts if _type(k) is kind)
    return found


def python_version():
    return "%d.%d.%d" % sys.version_info[:3]
