"""Decides which code is in scope, and knows code objects."""
import os
import sys

_getcwd, _readlink, _lstat = os.getcwd, os.readlink, os.lstat
_OSError, _Exception, _len, _str, _type, _id = OSError, Exception, len, str, type, id
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
    or to False when it is out of scope."""

    def __init__(self, include, exclude, own_dir):
        self.cwd = _getcwd()
        self.include = [real_path(p, self.cwd) for p in include]
        self.exclude = [real_path(p, self.cwd) for p in exclude] + [real_path(own_dir, self.cwd)]
        self.files = {}

    def decide(self, filename):
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
        if _len(self.files) > 50000:
            self.files.clear()
        self.files[filename] = answer
        return answer

    def holds(self, filename):
        answer = self.files.get(filename)
        return bool(self.decide(filename) if answer is None else answer)


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
    __slots__ = ("id", "code", "ops", "file", "name", "args", "kind", "gen", "fold", "calls", "yields", "seen", "snaps", "defaults",
                 "watch")


_OPTIMIZED, _VARARGS, _VARKEYWORDS, _GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 1, 4, 8, 32, 128, 512
_FOLDED = frozenset(["<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"])


def describe(number, code, path, qualname):
    """Info on a code object; qualname may be "" where the version has none."""
    info = Info()
    info.id, info.code, info.ops, info.file = number, code, code.co_code, path
    name, flags = code.co_name, code.co_flags
    info.name = qualname or getattr(code, "co_qualname", name)
    if info.name[:9] == "<module>.":
        info.name = info.name[9:]
    n = code.co_argcount + code.co_kwonlyargcount
    if flags & _VARARGS:
        n += 1
    if flags & _VARKEYWORDS:
        n += 1
    info.args = tuple(a for a in code.co_varnames[:n] if a[:1] not in ".@")
    info.kind = ""
    if flags & _ASYNC_GENERATOR:
        info.kind = "async_generator"
    elif flags & _COROUTINE:
        info.kind = "coroutine"
    elif flags & _GENERATOR:
        info.kind = "generator"
    elif name == "<module>":
        info.kind = "module"
    info.gen = bool(flags & (_GENERATOR | _COROUTINE | _ASYNC_GENERATOR))
    # Comprehensions and class bodies belong to the code around them.
    info.fold = name in _FOLDED or (not flags & _OPTIMIZED and name != "<module>")
    info.calls = info.yields = 0
    info.seen, info.snaps, info.defaults = set(), {}, ()
    info.watch = None  # lines that the probes want: None, True for all, or a frozenset
    return info


def code_lines(code):
    """Lines of code that can execute, nested code not included."""
    co_lines = getattr(code, "co_lines", None)
    if co_lines is not None:
        return sorted({line for start, end, line in co_lines() if line})
    lines, line, table = set(), code.co_firstlineno, code.co_lnotab
    for i in range(0, len(table) - 1, 2):
        if table[i]:
            lines.add(line)
        step = table[i + 1]
        line += step - 256 if step >= 128 else step
    lines.add(line)
    return sorted(lines)


def nested_codes(code, limit=5000):
    """The code object and those in its constants."""
    todo, found, kind = [code], [], type(code)
    while todo and len(found) < limit:
        c = todo.pop()
        found.append(c)
        todo.extend(k for k in c.co_consts if type(k) is kind)
    return found


def python_version():
    return "%d.%d.%d" % sys.version_info[:3]
