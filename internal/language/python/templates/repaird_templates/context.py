"""Where to look: functions and statements ranked by how close they are to the
failure, and what is known of names and callees.
"""

import ast
import os
import re

from repaird_syntax import called, holds

from .source import Source, header_lines, header_nodes

MAX_FILES = 400
SKIP = {".git", ".hg", ".tox", ".venv", "venv", "env", "node_modules", "__pycache__", "build", "dist", "site-packages"}


class Context:
    """The tree, the facts about its failure, and the places to change."""

    def __init__(self, root, facts, hints, tests=(), spectrum=None):
        self.root = root
        self.tests = set(tests)           # paths of tests, which are not changed
        self.spectrum = spectrum or {}    # path -> line -> 0..1: how much it belongs to failing tests
        self.facts = facts
        self.sources = {}
        self.refused = set()
        self.weights = {}       # function -> 0..1
        self.reasons = {}       # function -> why it is suspected
        self.crash_lines = {}   # function -> lines of the stack in it
        self._stack(facts["frames"], 1.0, 0.94, "on the stack of the failure")
        for i, cause in enumerate(facts["causes"]):
            self._stack(cause["frames"], 0.95, 0.94, "on the stack of its cause")
        for swallowed in facts["swallowed"]:
            self._swallowed(swallowed)
        for call in sorted(facts["calls"], key=lambda c: c["order"]):
            self._suspect(call["path"], call["first"], call["name"], 0.62, "called before the failure")
        for hint in hints:
            self._suspect(hint["file"], hint["line"], hint["name"], 0.6, "in the recorded trace")
        self._tree = None
        self.tables = None  # what tables hold, once somebody has looked

    def source(self, path):
        if path not in self.sources and path not in self.refused:
            try:
                self.sources[path] = Source(self.root, path)
            except (OSError, ValueError, SyntaxError, RecursionError):
                self.refused.add(path)
        return self.sources.get(path)

    def _suspect(self, path, line, name, weight, reason):
        if path in self.tests:
            return None
        source = self.source(path)
        function = source and source.function_at(line, name)
        if function is None:
            return None
        if weight > self.weights.get(function, 0):
            self.weights[function] = weight
            self.reasons[function] = reason
        return function

    def _stack(self, frames, weight, decay, reason):
        seen = set()
        for frame in reversed(frames):
            key = (frame["path"], frame["first"])
            function = self._suspect(frame["path"], frame["first"], frame["name"], weight, reason)
            if function is not None:
                self.crash_lines.setdefault(function, set()).add(frame["line"])
            if key not in seen:
                seen.add(key)
                weight *= decay

    def _swallowed(self, swallowed):
        for path, line, first in swallowed["places"]:
            function = self._suspect(path, first, "", 0.9, "where an exception was raised and swallowed")
            if function is not None:
                self.crash_lines.setdefault(function, set()).add(line)

    def functions(self):
        return sorted(self.weights, key=lambda f: (-self.weights[f], f.path, f.first))

    def ran(self, source, stmt):
        lines = self.facts["lines"].get(source.path)
        if lines is None:
            return False
        if not isinstance(lines, set):
            lines = self.facts["lines"][source.path] = set(lines)
        first, last = header_lines(stmt)
        return any(n in lines for n in range(first, last + 1))

    def raises(self, path, line):
        """Whether a line is a raise or an assertion, which a fix keeps from running."""
        source = self.source(path)
        function = source and source.function_at(line)
        for stmt in function.statements() if function else ():
            if isinstance(stmt, (ast.Raise, ast.Assert)) and holds(stmt, line):
                return True
        return False

    def checks(self):
        """(path, first, last byte) of the conditions whose raise is the failure,
        its cause, or was swallowed."""
        found, places = [], []
        for frames in [self.facts["frames"]] + [c["frames"] for c in self.facts["causes"]]:
            places += [(f["path"], f["line"]) for f in frames[-1:]]
        places += [(p, line) for s in self.facts["swallowed"] for p, line, _ in s["places"][:1]]
        for path, line in places:
            source = self.source(path)
            function = source and source.function_at(line)
            for stmt in function.statements() if function else ():
                if not isinstance(stmt, (ast.Raise, ast.Assert)) or not holds(stmt, line):
                    continue
                test = stmt.test if isinstance(stmt, ast.Assert) else getattr(source.parents.get(stmt), "test", None)
                if test is not None:
                    found.append((source.path, source.start(test), source.end(test)))
        return found

    def types(self, function):
        """Names -> type names as the run saw them; None does not count."""
        return self._call(function).get("types", {})

    def depth(self, function):
        """How many functions were called before a function first was."""
        return self._call(function).get("order", 0)

    def texts(self, function):
        """Names -> the short texts that the run saw them hold last."""
        return self._call(function).get("texts", {})

    def nones(self, function):
        """Names that the run saw to be None."""
        return set(self._call(function).get("nones", ()))

    def _call(self, function):
        for call in self.facts["calls"]:
            if call["path"] == function.path and call["first"] == function.first:
                return call
        return {}

    def absent(self, function):
        """Names that held None or something empty in a frame of the stack."""
        found = {}
        stacks = [self.facts["frames"]] + [c["frames"] for c in self.facts["causes"]]
        for frame in (f for frames in stacks for f in frames):
            if frame["path"] == function.path and frame["first"] == function.first:
                found.update(dict(map(tuple, frame["absent"])))
        return found

    def attributes(self, name):
        """Other attributes of the classes that set an attribute of this name."""
        found = {}
        for source in self.tree_sources():
            for node in ast.walk(source.tree):
                if isinstance(node, ast.ClassDef):
                    own = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)
                           and isinstance(n.value, ast.Name) and n.value.id == "self"}
                    own |= {s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)}
                    if name in own:
                        found.update(dict.fromkeys(sorted(own - {name})))
        return list(found)

    def statements(self, function):
        """Executed statements with their closeness to the failure, 0..1."""
        crash = self.crash_lines.get(function, set())
        ran = [s for s in function.statements() if self.ran(function.source, s)]
        known = self.spectrum.get(function.path)
        if known is not None:
            lines = {s: range(header_lines(s)[0], header_lines(s)[1] + 1) for s in ran}
            return [(s, 0.75 + 0.2 * max(known.get(n, 0) for n in lines[s]) + 0.05 * bool(crash & set(lines[s]))) for s in ran]
        if not crash:
            return [(s, 0.8) for s in ran]
        at = [s for s in ran if any(header_lines(s)[0] <= n <= header_lines(s)[1] for n in crash)]
        names, weights = set(), {}
        for s in at:
            weights[s] = 1.0
            names |= loads(s)
        controls = set()
        for s in at:
            node = function.source.parents.get(s)
            while node is not None and node is not function.node:
                if isinstance(node, ast.stmt):
                    controls.add(node)
                node = function.source.parents.get(node)
        for s in controls:
            weights.setdefault(s, 0.95)
        closeness = 0.92
        for _ in range(3):
            fresh = set()
            for s in ran:
                if s not in weights and stores(s) & names:
                    weights[s] = closeness
                    fresh |= loads(s)
            for s in list(controls):
                fresh |= loads(s)
            names |= fresh
            closeness -= 0.06
        return [(s, weights.get(s, 0.6)) for s in ran]

    def tree_sources(self):
        """Every Python file of the tree that can be read, within bounds."""
        if self._tree is None:
            self._tree, count = [], 0
            for folder, folders, files in os.walk(self.root):
                folders[:] = sorted(d for d in folders if d not in SKIP and not d.startswith("."))
                for name in sorted(files):
                    if name.endswith(".py") and count < MAX_FILES:
                        path = os.path.relpath(os.path.join(folder, name), self.root)
                        if os.path.islink(os.path.join(folder, name)):
                            continue
                        count += 1
                        source = self.source(path)
                        if source is not None:
                            self._tree.append(source)
        return self._tree

    def definitions(self, name):
        """Functions and methods of the tree with that name."""
        return [f for s in self.tree_sources() for f in s.functions if f.name == name]

    def callee(self, source, call):
        """The one definition that a call can mean, or None."""
        name = called(call)
        if not name:
            return None
        found = self.definitions(name)
        if isinstance(call.func, ast.Name):
            if name in source.names():
                local = [f for f in found if f.source is source and f.cls is None]
                if len(local) == 1:
                    return local[0]
            found = [f for f in found if f.cls is None]
            if not found:  # a class: its constructor
                made = [f for f in self.definitions("__init__") if f.cls is not None and f.cls.name == name]
                return made[0] if len(made) == 1 else None
        return found[0] if len(found) == 1 else None


def loads(stmt):
    return {n.id for n in header_nodes(stmt) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)} | \
           {n.attr for n in header_nodes(stmt) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)}


def stores(stmt):
    found = set()
    for n in header_nodes(stmt):
        if isinstance(n, (ast.Name, ast.Attribute)) and isinstance(n.ctx, ast.Store):
            found.add(n.id if isinstance(n, ast.Name) else n.attr)
        elif isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store):
            base = n.value
            found.add(base.id if isinstance(base, ast.Name) else getattr(base, "attr", ""))
        elif isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and isinstance(n.func.value, (ast.Name, ast.Attribute)):
            if n.func.attr in MUTATORS:
                found.add(n.func.value.id if isinstance(n.func.value, ast.Name) else n.func.value.attr)
    found.discard("")
    return found


MUTATORS = {"append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove", "discard",
            "clear", "sort", "reverse", "appendleft", "extendleft", "popleft"}


def simple(node):
    """Whether a node can be an operand of + and - without parentheses."""
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant))


def documents(function, what):
    """Whether annotation or docstring of a function say that it may return None
    ("none") or something empty ("empty")."""
    doc = function.docstring()
    if what == "none":
        if function.node.returns is not None:
            text = ast.dump(function.node.returns)
            if "Optional" in text or "Constant(value=None" in text or "| None" in text:
                return True
        return bool(re.search(r"\bNone\b", doc))
    return bool(re.search(r"\b(empty|no (items|rows|results|matches|entries|values))\b", doc, re.I))
