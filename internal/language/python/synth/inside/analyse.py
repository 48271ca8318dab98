"""Answers questions about a tree's source and about recorded values.

It parses and never imports or runs anything of the tree. Request and answer:

  {"frames": [{"path", "function", "line"}], "values": [text, …]}
  {"frames": [function or {"error": …}], "values": [literal or {"error": …}]}
"""

import ast
import os
import sys

from changes import Changes
from literals import literal, text_of
from repaird_syntax import FUNCTIONS, bare, definitions, innermost

MAX_FILE = 4 << 20


def parameters(arguments):
    """The parameters in order, with their kinds and whether each has a default."""
    positional = list(getattr(arguments, "posonlyargs", [])) + arguments.args
    without = len(positional) - len(arguments.defaults)
    made = []
    for number, a in enumerate(positional):
        kind = "posonly" if number < len(getattr(arguments, "posonlyargs", [])) else "pos"
        made.append({"name": a.arg, "kind": kind, "default": number >= without})
    if arguments.vararg:
        made.append({"name": arguments.vararg.arg, "kind": "var", "default": True})
    for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        made.append({"name": a.arg, "kind": "kwonly", "default": default is not None})
    if arguments.kwarg:
        made.append({"name": arguments.kwarg.arg, "kind": "varkw", "default": True})
    return made


def is_generator(function):
    """Whether the function's own body yields."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, FUNCTIONS + (ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))
    return False


def class_of(node):
    """What is needed to construct an instance without arguments."""
    init = next((s for s in node.body if isinstance(s, FUNCTIONS) and s.name == "__init__"), None)
    bases = [text_of(b) for b in node.bases]
    decorators = [text_of(d) for d in node.decorator_list]
    plain = all(b == "object" for b in bases) and not node.keywords and not decorators
    free = plain and (init is None or all(p["default"] for p in parameters(init.args)[1:]))
    dataclass = any("dataclass" in d or d in ("attrs", "attr.s", "define", "attr.define") for d in decorators)
    return {"name": node.name, "free": free, "record": dataclass or "NamedTuple" in " ".join(bases)}


def describe(found, line):
    node, cls = found.node, found.cls
    decorators = [text_of(d) for d in node.decorator_list]
    params = parameters(node.args)
    kind = "function"
    if cls is not None:
        kind = "method"
        for name in ("staticmethod", "classmethod", "property"):
            if name in decorators or name == "property" and any("property" in d for d in decorators):
                kind = name
        if node.name == "__init__":
            kind = "constructor"
        elif node.name in ("__new__", "__init_subclass__", "__class_getitem__"):
            kind = "other"
    changes = Changes(node, [p["name"] for p in params], line)
    return {
        "qualname": found.qualname, "name": node.name, "first": found.first, "line": node.lineno,
        "last": found.last, "kind": kind, "nested": found.nested,
        "async": isinstance(node, ast.AsyncFunctionDef), "generator": is_generator(node),
        "decorators": decorators, "params": params, "changed": changes.found,
        "class": class_of(cls) if cls is not None else None,
    }


class Files:
    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.known = {}

    def functions(self, path):
        if path not in self.known:
            self.known[path] = self.load(path)
        return self.known[path]

    def load(self, path):
        name = os.path.realpath(os.path.join(self.root, path))
        if not name.startswith(self.root + os.sep):
            return "outside the tree"
        try:
            with open(name, "rb") as f:
                source = f.read(MAX_FILE + 1)
            if len(source) > MAX_FILE:
                return "the file is too large"
            return definitions(ast.parse(source))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as e:
            return "%s: %s" % (type(e).__name__, e)


def find(files, question):
    known = files.functions(question["path"])
    if isinstance(known, str):
        return {"error": known}
    line = question["line"]
    named = [d for d in known if d.name == bare(question["function"])]
    if not named:
        return {"error": "no function of this name"}
    inside = innermost(named, line)
    if inside:
        return describe(inside, line)
    near = min(named, key=lambda d: abs(d.node.lineno - line))
    return dict(describe(near, line), outside=True)


def answer(request, tree):
    files = Files(tree)
    sys.setrecursionlimit(5000)
    return {
        "frames": [find(files, q) for q in request["frames"]],
        "values": [literal(v) for v in request["values"]],
    }
