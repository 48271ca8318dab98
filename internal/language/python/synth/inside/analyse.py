"""Answers questions about a tree's source and about recorded values.

It parses and never imports or runs anything of the tree. Request and answer:

  {"frames": [{"path", "function", "line", "module", "receiver"}], "roots": [folder, …], "mentionable": [name, …],
   "values": [text, …]}
  {"frames": [function or {"error": …}], "values": [literal or {"error": …}]}

The first frame is the one that crashed; the others are those that may be called,
outermost first.
"""

import ast
import os
import sys

import classes
from callers import Caller, attributes
from changes import Changes
from literals import Reader, literal, text_of
from repaird_syntax import FUNCTIONS, bare, definitions, innermost
from scope import Found, Scope

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


def class_of(scope, found):
    """What is needed to construct an instance without arguments."""
    params = classes.constructor(scope, found)
    free = params is not None and all(p["default"] for p in params)
    return {"module": found.module, "name": found.name, "free": free, "record": classes.is_record(scope, found)}


def receiver(scope, question, found):
    """The class of the object that a method was called on: the recorded one, or
    the one that defines the method."""
    defining = Found("class", question["module"], found.qualname.rpartition(".")[0], found.cls, question["path"])
    recorded = question.get("receiver", "")
    text = recorded[len("<class '"):-2] if recorded.startswith("<class '") else recorded.strip("<").partition(" object at 0x")[0] if " object at 0x" in recorded else ""
    actual = scope.qualified(text) if text and "<" not in text else None
    if actual is not None and actual.kind == "class" and any(c.node is found.cls for c in scope.bases(actual)[0]):
        return actual
    return defining


def describe(scope, question, found):
    line = question["line"]
    node, cls = found.node, found.cls
    decorators = [text_of(d) for d in node.decorator_list]
    params = parameters(node.args)
    kind = "function"
    if cls is not None:
        kind = "method"
        for name in ("staticmethod", "classmethod", "property"):
            if name in decorators or name == "property" and any("property" in d for d in decorators):
                kind = name
        if node.name in ("__init__", "__post_init__", "__attrs_post_init__"):
            kind = "constructor" if node.name == "__init__" else "other"
        elif node.name in ("__new__", "__init_subclass__", "__class_getitem__"):
            kind = "other"
    changes = Changes(node, [p["name"] for p in params], line)
    return {
        "qualname": found.qualname, "name": node.name, "first": found.first, "line": node.lineno,
        "last": found.last, "kind": kind, "nested": found.nested,
        "async": isinstance(node, ast.AsyncFunctionDef), "generator": is_generator(node),
        "decorators": decorators, "params": params, "changed": changes.found,
        "class": class_of(scope, receiver(scope, question, found)) if cls is not None else None,
        "attributes": attributes(node, line),
    }


class Files:
    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.known = {}
        self.trees = {}

    def functions(self, path):
        if path not in self.known:
            tree = self.parsed(path)
            self.known[path] = tree if isinstance(tree, str) else definitions(tree)
        return self.known[path]

    def parsed(self, path):
        """A file's syntax tree, or why there is none."""
        if path not in self.trees:
            self.trees[path] = self.load(path)
        return self.trees[path]

    def load(self, path):
        name = os.path.realpath(os.path.join(self.root, path))
        if not name.startswith(self.root + os.sep):
            return "outside the tree"
        try:
            with open(name, "rb") as f:
                source = f.read(MAX_FILE + 1)
            if len(source) > MAX_FILE:
                return "the file is too large"
            return ast.parse(source)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as e:
            return "%s: %s" % (type(e).__name__, e)


    def tree(self, path):
        known = self.parsed(path)
        return None if isinstance(known, str) else known

    def exists(self, path):
        return os.path.isfile(os.path.join(self.root, path))


def find(files, scope, question):
    known = files.functions(question["path"])
    if isinstance(known, str):
        return {"error": known}
    line = question["line"]
    named = [d for d in known if d.name == bare(question["function"])]
    if not named:
        return {"error": "no function of this name"}
    inside = innermost(named, line)
    if inside:
        return describe(scope, question, inside)
    near = min(named, key=lambda d: abs(d.node.lineno - line))
    return dict(describe(scope, question, near), outside=True)


def caller(files, scope, question, callee, described):
    """How a frame's function calls the next one, or None."""
    tree = files.tree(question["path"])
    if tree is None or callee.get("error"):
        return None
    node = tree
    if question["function"] not in ("", "<module>"):
        inside = innermost(files.functions(question["path"]), question["line"], question["function"])
        if inside is None:
            return None
        node = inside.node
    names = {callee["name"]}
    if callee["kind"] == "constructor" and callee["class"]:
        names = {callee["class"]["name"].rpartition(".")[2]}
    return Caller(scope, question["path"], question["module"], node, question["line"]).call(names)


def answer(request, tree):
    files = Files(tree)
    sys.setrecursionlimit(5000)
    asked = request["frames"]
    modules = []
    for q in reversed(asked):
        if q["module"] and (q["path"], q["module"]) not in modules:
            modules.append((q["path"], q["module"]))
    scope = Scope(files.tree, files.exists, request.get("roots"), modules)
    frames = [find(files, scope, q) for q in asked]
    for n in range(1, len(asked) - 1):
        if asked[n]["next"]:
            frames[n]["calls"] = caller(files, scope, asked[n], frames[n + 1], frames[n])
    reader = Reader(scope, request["mentionable"])
    return {"frames": frames, "values": [literal(v, reader) for v in request["values"]]}
