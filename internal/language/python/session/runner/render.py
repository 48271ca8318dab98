"""Renders what a failure leaves behind: frames and the crash frame's locals.

The forms are those of the incident package: a value is a repr, a list of
values or a list of named fields, the way error trackers record them, so that
both can be compared.
"""

import linecache
import os

TRACER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tracer") + os.sep
MAX_FRAMES = 200  # after folding, half of them from each end
MAX_VARS = 64
MAX_ITEMS = 100
MAX_DEPTH = 5
MAX_TEXT = 2000

LEAVES = (int, float, complex, bool, str, bytes, bytearray, type(None))


def text(value, limit=MAX_TEXT):
    """repr, bounded. It runs the program's own __repr__, as a tracker does."""
    try:
        made = repr(value)
    except Exception as e:  # a __repr__ may do anything
        made = "<%s: repr failed with %s>" % (type(value).__name__, type(e).__name__)
    if not isinstance(made, str):
        made = object.__repr__(value)
    return made[:limit], len(made) > limit


def leaf(value):
    if type(value) in (str, bytes, bytearray) and len(value) > 4 * MAX_TEXT:
        value = value[:MAX_TEXT]
        made, cut = text(value)[0], True
    elif type(value) is int and value.bit_length() > 8000:
        made, cut = "<int of %d bits>" % value.bit_length(), True
    else:
        made, cut = text(value)
    return {"kind": "repr", "repr": made, "trimmed": cut}


def value_of(value, depth=0, path=()):
    kind = type(value)
    if depth >= MAX_DEPTH or id(value) in path:
        return {"kind": "repr", "repr": "...", "trimmed": True}
    path += (id(value),)
    if kind in (list, tuple, set, frozenset):
        items = [value_of(v, depth + 1, path) for v in list(value)[:MAX_ITEMS]]
        return {"kind": "list", "items": items, "trimmed": len(value) > MAX_ITEMS}
    if kind is dict:
        fields = [
            {"name": k if type(k) is str else text(k, 200)[0], "value": value_of(v, depth + 1, path)}
            for k, v in list(value.items())[:MAX_ITEMS]
        ]
        return {"kind": "dict", "fields": fields, "trimmed": len(value) > MAX_ITEMS}
    return leaf(value)


def local_variables(frame):
    names = [n for n in frame.f_locals if not n.startswith("@")]  # pytest's own
    return [{"name": n, "value": value_of(frame.f_locals[n])} for n in names[:MAX_VARS]]


class Renderer:
    """Renders tracebacks relative to a tree.

    test is the synthesized test's file, shown under the name it will have in
    the repository, or None.
    """

    def __init__(self, root, test=None, shown=None):
        self.root = os.path.realpath(root)
        self.test, self.shown = test and os.path.realpath(test), shown
        self.files = {}

    def place(self, filename):
        """(shown name, whether it is the tree's own code)"""
        if filename not in self.files:
            real = os.path.realpath(filename)
            if real == self.test:
                found = self.shown, False
            elif filename.startswith("<"):  # code that was generated: no file, and not the author's
                found = filename, False
            elif real.startswith(self.root + os.sep):
                name = os.path.relpath(real, self.root)
                parts = name.split(os.sep)
                foreign = {"site-packages", "dist-packages", ".venv", "venv", "node_modules"}
                found = name.replace(os.sep, "/"), not foreign.intersection(parts)
            else:
                found = filename, False
            self.files[filename] = found
        return self.files[filename]

    def frames(self, tb, start):
        """The frames from the first one in file start, outermost first."""
        links = []
        while tb is not None:
            links.append((tb.tb_frame, tb.tb_lineno))
            tb = tb.tb_next
        start = start and os.path.realpath(start)
        for i, (frame, _) in enumerate(links):
            if os.path.realpath(frame.f_code.co_filename) == start:
                links = links[i:]
                break
        made, crash = [], None
        for frame, line in links:
            code = frame.f_code
            if code.co_filename.startswith(TRACER):
                continue  # it was the tracer's call that met the recursion limit
            name, own = self.place(code.co_filename)
            function = getattr(code, "co_qualname", code.co_name)
            if own:
                crash = frame, len(made)
            if made and (made[-1]["file"], made[-1]["function"], made[-1]["line"]) == (name, function, line):
                made[-1]["repeated"] += 1
                if own:
                    crash = frame, len(made) - 1
                continue
            source = linecache.getline(code.co_filename, line, frame.f_globals).rstrip("\n")
            made.append({"file": name, "function": function, "line": line,
                         "code": source[:400], "in_app": own, "repeated": 0})
        if crash:
            made[crash[1]]["locals"] = local_variables(crash[0])
            made[crash[1]]["has_vars"] = True
        if len(made) > MAX_FRAMES:
            made = made[: MAX_FRAMES // 2] + made[-MAX_FRAMES // 2 :]
        return made

    def exception(self, error, tb, start):
        try:
            message = str(error)
        except Exception as e:
            message = "<str failed with %s>" % type(e).__name__
        return {"type": type(error).__name__, "message": message[:8000],
                "frames": self.frames(tb, start)}
