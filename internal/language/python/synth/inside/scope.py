"""Finds what a name, or a class that a recorded text names, denotes in a tree.

It reads source and never imports anything. A name is looked up in the modules of
the stack's frames, the innermost first, and followed through their imports.
"""

import ast
import os

from repaird_syntax import FUNCTIONS

MAX_HOPS = 6  # imports that are followed to a definition
MAX_BASES = 20  # classes that are looked at for one class's bases
MAX_FILES = 400  # of one request


class Found:
    """What a name denotes: a class, a function, a module, a value (an assignment
    of the tree) or something external, which is not in the tree."""

    def __init__(self, kind, module, name, node=None, path=""):
        self.kind = kind
        self.module = module
        self.name = name  # qualified within the module; "" for a module itself
        self.node = node
        self.path = path

    @property
    def statement(self):
        """The import that makes expression() valid."""
        if not self.name:
            return "import " + self.module
        return "from %s import %s" % (self.module, self.name.partition(".")[0])

    @property
    def expression(self):
        return self.name or self.module


class Scope:
    """modules are (path, dotted name) of the frames, the innermost first; parse
    returns a file's tree, None where there is none."""

    def __init__(self, parse, exists, roots, modules):
        self.parse = parse
        self.exists = exists
        self.roots = roots or ["."]
        self.modules = modules
        self.tables = {}

    def file(self, module):
        """The file of a dotted module, "" where it is not in the tree."""
        for root in self.roots:
            base = os.path.normpath(os.path.join(root, *module.split(".")))
            for name in (os.path.join(base, "__init__.py"), base + ".py"):
                if self.exists(name):
                    return name
        return ""

    def table(self, path):
        """What a module binds at its top level: name -> node, and its star imports."""
        if path in self.tables:
            return self.tables[path]
        table, stars = {}, []
        tree = self.parse(path) if len(self.tables) < MAX_FILES else None
        waiting = list(tree.body) if tree is not None else []
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
                table[node.name] = node
            elif isinstance(node, ast.Import):
                for a in node.names:
                    table[a.asname or a.name.partition(".")[0]] = a if a.asname else ast.alias(a.name.partition(".")[0], None)
            elif isinstance(node, ast.ImportFrom):
                for a in node.names:
                    if a.name == "*":
                        stars.append(node)
                    else:
                        table[a.asname or a.name] = (node, a.name)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                for target in getattr(node, "targets", None) or [node.target]:
                    if isinstance(target, ast.Name) and node.value is not None:
                        table[target.id] = node.value
            elif isinstance(node, (ast.If, ast.Try, ast.With)):
                for field in ("body", "orelse", "finalbody"):
                    waiting.extend(getattr(node, field, []))
                for handler in getattr(node, "handlers", []):
                    waiting.extend(s for s in handler.body if not isinstance(s, (ast.Assign, ast.Raise)))
        self.tables[path] = table, stars
        return self.tables[path]

    def source(self, node, path, module):
        """The absolute module of a from-import."""
        if not node.level:
            return node.module or ""
        package = module.split(".")
        if os.path.basename(path) != "__init__.py":
            package = package[:-1]
        package = package[: len(package) - (node.level - 1)] if node.level > 1 else package
        return ".".join(package + ([node.module] if node.module else []))

    def named(self, path, module, name, hops=0):
        """What a bare name denotes in a module, None for nothing."""
        table, stars = self.table(path)
        node = table.get(name)
        if isinstance(node, ast.ClassDef):
            return Found("class", module, name, node, path)
        if isinstance(node, FUNCTIONS):
            return Found("function", module, name, node, path)
        if isinstance(node, ast.alias):
            return Found("module", node.name, "", None, self.file(node.name))
        if isinstance(node, tuple):
            return self.imported(self.source(node[0], path, module), node[1], hops)
        if node is not None:
            return Found("value", module, name, node, path)
        for star in stars if hops < MAX_HOPS else []:
            target = self.source(star, path, module)
            file = self.file(target)
            found = self.named(file, target, name, hops + 1) if file else None
            if found:
                return found
        return None

    def imported(self, module, name, hops):
        file = self.file(module)
        if not file:
            return Found("external", module, name)
        if hops >= MAX_HOPS:
            return None
        found = self.named(file, module, name, hops + 1)
        if found is None and self.file(module + "." + name):
            return Found("module", module + "." + name, "", None, self.file(module + "." + name))
        return found

    def inner(self, found, rest):
        """The class or function that a dotted rest denotes in a class."""
        for part in rest:
            if found is None or not isinstance(found.node, ast.ClassDef):
                return None
            node = next((s for s in found.node.body if isinstance(s, FUNCTIONS + (ast.ClassDef,)) and s.name == part), None)
            if node is None:
                return None
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            found = Found(kind, found.module, found.name + "." + part, node, found.path)
        return found

    def find(self, dotted):
        """What a name denotes in the frames' modules: the first that has it."""
        first, *rest = dotted.split(".")
        for path, module in self.modules:
            found = self.named(path, module, first)
            while found is not None and found.kind == "module" and rest and found.path:
                found, rest = self.imported(found.module, rest[0], 0), rest[1:]
            if found is not None and found.kind == "external" and rest:
                return Found("external", found.module, ".".join([found.name] + rest))
            if found is not None:
                found = self.inner(found, rest) if rest else found
            if found is not None:
                return found
        return None

    def qualified(self, dotted):
        """What a recorded module.Qualified.Name denotes."""
        parts = dotted.split(".")
        for n in range(len(parts) - 1, 0, -1):
            module = ".".join(parts[:n])
            file = self.file(module)
            if file:
                found = self.named(file, module, parts[n])
                return self.inner(found, parts[n + 1:]) if found else None
        if parts[0] == "__main__" or len(parts) == 1:
            return self.find(".".join(parts[1:] or parts))
        return Found("external", ".".join(parts[:-1]), parts[-1])

    def bases(self, found):
        """A class of the tree and its bases, as far as they are in the tree, in
        about the order in which attributes are looked up; and whether one is not
        in the tree."""
        order, waiting, outside = [], [found], []
        while waiting and len(order) < MAX_BASES:
            cls = waiting.pop(0)
            if cls is None or not isinstance(cls.node, ast.ClassDef) or any(cls.node is o.node for o in order):
                continue
            order.append(cls)
            for base in cls.node.bases:
                name = dotted_name(base)
                if name in ("object", "Generic", "Protocol", "ABC", "typing.Generic", "typing.Protocol", "abc.ABC") or isinstance(base, ast.Subscript) and \
                        dotted_name(base.value) in ("Generic", "Protocol", "typing.Generic"):
                    continue
                under = self.at(cls, name) if name else None
                if under is None or under.kind != "class":
                    outside.append(under.module + "." + under.name if under is not None and under.kind == "external" else name)
                else:
                    waiting.append(under)
        return order, outside

    def at(self, cls, dotted):
        """What a dotted name denotes in the module of a class."""
        return Scope.find(_At(self, cls), dotted)


class _At:
    """A Scope's view from another module."""

    def __init__(self, scope, cls):
        self.modules = [(cls.path, cls.module)]
        self.named, self.imported, self.inner = scope.named, scope.imported, scope.inner


def dotted_name(node):
    """a.b.c of an expression, "" where it is none."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join(reversed(parts + [node.id]))
