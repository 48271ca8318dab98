"""Names that nothing defined and that a patch only imports, where there is one
place to import them from.

Then nothing else could have been said. Where two modules have the name, or the
patch does more than import, what the code answers is still to be asked.
"""
import ast
import importlib
import re
from collections import Counter

import allow
import imports
import library
import touched
from repaird_syntax import SCOPES, bound_names

UNDEFINED = ("NameError", "UnboundLocalError")


def find(sides, frame, exception, root, roots):
    """The names that the failing statement reads and the patch supplies."""
    if exception not in UNDEFINED or frame is None:
        return []
    read, brought = set(), []
    for base, head, _, _ in sides:
        added = Counter(_imports(head.tree))
        had = Counter(_imports(base.tree))
        if had - added or _without_imports(base.tree) != _without_imports(head.tree):
            return []
        new = list(added - had)
        for one in new:
            module, name, local = one
            if local != (name or module) or local in _bound(base.tree, one):
                return []
        if head.path == frame["path"]:
            here = [s.node for s in touched.heads(base.tree) if s.first <= frame["line"] <= s.last]
            read = {n.id for s in here[-1:] for n in touched.expressions(s) if isinstance(n, ast.Name)} & {local for _, _, local in new}
        brought += new
    if not read:
        return []
    places = _Places(root, roots)
    return sorted(read) if all(not name or places.only(module, name) for module, name, _ in brought) else []


def _imports(tree):
    """(module, name, local name) of each import; the name is "" where the module itself is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                yield a.name, "", a.asname or a.name
        elif isinstance(node, ast.ImportFrom):
            for a in node.names:
                yield "." * node.level + (node.module or ""), a.name, a.asname or a.name


def _without_imports(tree):
    def dump(node):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return []
        if isinstance(node, list):
            return [d for n in node for d in [dump(n)] if d != []]
        if isinstance(node, ast.AST):
            return [type(node).__name__] + [(f, dump(v)) for f, v in ast.iter_fields(node)]
        return repr(node)
    return dump(tree)


def _bound(tree, but):
    """The names that a file binds anywhere, but for one import."""
    found = {local for i in _imports(tree) for local in [i[2].partition(".")[0]] if i != but}
    for n in ast.walk(tree):
        if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load):
            found.add(n.id)
        elif isinstance(n, SCOPES) or isinstance(n, ast.ExceptHandler):
            found.add(n.name)
        elif isinstance(n, ast.arg):
            found.add(n.arg)
    return found


class _Places:
    """The modules that a name can be imported from: the tree's, and those of the reviewed list."""

    def __init__(self, root, roots):
        self.texts = {p: t for p, t in imports.sources(root).items() if not _aside(p)}
        self.roots = [r.strip("/") for r in roots if r not in (".", "")] + ["src", "lib"]
        self.tops = {imports.module(p, self.roots).partition(".")[0] for p in self.texts}

    def only(self, module, name):
        tree = {p for p, text in self.texts.items() if self._defines(p, text, name)}
        library_ = _listed(name)
        if module.startswith(".") or module.partition(".")[0] in self.tops:
            return len(tree) == 1 and not library_
        return not tree and len(library_) == 1 and any(module in modules for modules in library_)

    def _defines(self, path, text, name):
        if imports.module(path, self.roots).rpartition(".")[2] == name:
            return True
        if not re.search(r"\b%s\b" % re.escape(name), text):
            return False
        try:
            return name in _top(ast.parse(text))
        except (SyntaxError, ValueError, RecursionError):
            return True  # nobody knows


def _aside(path):
    steps = path.split("/")
    return any(s in allow.SKIPPED for s in steps[:-1]) or steps[-1].startswith("test_") or steps[-1].endswith("_test.py")


def _top(tree):
    """The names that a module defines, not counting those that it imports."""
    found, waiting = set(), [tree]
    while waiting:
        node = waiting.pop()
        for target in touched.targets(node):
            found.update(bound_names(target))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, SCOPES):
                found.add(child.name)
            elif isinstance(child, (ast.stmt, ast.ExceptHandler)):
                waiting.append(child)
    return found


def _listed(name):
    """Of each object on the reviewed list that has this name, the modules that have it."""
    found = {}
    for module in list(library.MODULES) + list(library.PARTS):
        if not library.pure(module, name):
            continue
        try:
            loaded = importlib.import_module(module)  # of the standard library, by the list
        except ImportError:
            continue
        public = getattr(loaded, "__all__", None)
        value = getattr(loaded, name, found)
        if value is found or name.startswith("_") or public is not None and name not in public:
            continue
        if public is None and isinstance(value, type(ast)):
            continue  # a module that it uses itself
        value = getattr(value, "__origin__", value)  # typing's name for the same class
        found.setdefault(id(value), set()).add(module)
    return list(found.values())
