"""What a patch adds that needs a person's permission.

The policy refuses what is hostile (policy.py). Of the rest a patch may add, on
its own, what its package uses already and what the reviewed list has
(library.py). Everything else is named here, with its line, and a person is asked.
"""
import ast
import os
from collections import Counter

import library
from repaird_syntax import SCOPES, definitions, own

BUILTIN = set(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
JUDGED = library.ALWAYS_BY_NAME.keys() | {"getattr", "setattr", "delattr", "hash", "id"}  # by what they are used for
PLACES = {"__file__", "__path__", "__package__", "__cached__"}
SKIPPED = ("node_modules", "venv", "site-packages", "__pycache__", "tests", "test", "testing", "docs", "examples", "build")
MAX_FILES, MAX_BYTES = 200, 2 << 20  # of a package that are read to learn what it uses


class Names:
    """What source uses: dotted names of imports, attributes, and bare names."""

    def __init__(self):
        self.modules, self.dotted, self.attributes, self.names = set(), set(), set(), set()
        self.bound = set()
        self.parts = set()  # what classes and objects get as attributes

    def read(self, src):
        imported = src.imported
        for node in ast.walk(src.tree):
            if isinstance(node, ast.ClassDef):
                self.parts |= {n.id for s in node.body if isinstance(s, (ast.Assign, ast.AnnAssign)) for n in ast.walk(s) if isinstance(n, ast.Name)}
            if isinstance(node, SCOPES) or isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                self.parts.add(getattr(node, "name", getattr(node, "attr", "")))
            if isinstance(node, ast.Import):
                for a in node.names:
                    self.modules.add(a.name)
            elif isinstance(node, ast.ImportFrom):
                self.modules.add("." * node.level + (node.module or ""))
                for a in node.names:
                    self.dotted.add("%s.%s" % (node.module or "", a.name))
                    self.bound.add(a.asname or a.name)
            elif isinstance(node, ast.Attribute):
                self.attributes.add(node.attr)
                name = dotted(node, imported)
                if name:
                    self.dotted.add(name)
            elif isinstance(node, ast.Name):
                (self.names if isinstance(node.ctx, ast.Load) else self.bound).add(node.id)
            elif isinstance(node, SCOPES):
                self.bound.add(node.name)
            elif isinstance(node, ast.arg):
                self.bound.add(node.arg)
            elif isinstance(node, ast.keyword) and node.arg:
                self.bound.add(node.arg)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                self.bound.add(node.name)
            for name in getattr(node, "kwd_attrs", ()):  # a class pattern
                self.attributes.add(name)
        return self


def dotted(node, imported):
    """The full name of an attribute of an import, "" for any other."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in imported:
        return ""
    return ".".join([imported[node.id]] + parts[::-1])


class Package:
    """The names that the changed files' packages use on base; read only when asked."""

    def __init__(self, root, source, paths):
        self.root, self.source, self.paths = root, source, paths
        self._names = None

    @property
    def names(self):
        if self._names is None:
            self._names = Names()
            left, size = MAX_FILES, MAX_BYTES
            for path in self.files():
                try:
                    size -= os.path.getsize(os.path.join(self.root, path))
                except OSError:
                    continue
                left -= 1
                if left < 0 or size < 0:
                    break
                src = self.source(path)
                if src is not None:
                    self._names.read(src)
        return self._names

    def files(self):
        """The packages' files, those of the changed files' own folders first."""
        seen = set()
        for path in self.paths:
            folder = os.path.dirname(path)
            while True:
                for found in self.below(folder):
                    if found not in seen:
                        seen.add(found)
                        yield found
                if not folder or not os.path.isfile(os.path.join(self.root, folder, "__init__.py")):
                    break
                folder = os.path.dirname(folder)

    def below(self, folder):
        for where, folders, names in os.walk(os.path.join(self.root, folder)):
            folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED)
            for name in sorted(names):
                whole = os.path.join(where, name)
                if name.endswith(".py") and not name.startswith("test_") and name != "conftest.py" and not os.path.islink(whole):
                    yield os.path.relpath(whole, self.root)

    def has(self, module):
        """Whether a module is one of the tree's own."""
        steps = module.split(".")
        places = ["", "src", "lib"] + [os.path.dirname(p) for p in self.paths]
        return any(os.path.exists(os.path.join(self.root, place, steps[0] + end)) for place in places for end in (".py", "/"))


def needed(base, head, changed, package, modules, brought):
    """The constructs of head that need a permission; modules and brought are the modules and the attributes that the patch adds."""
    found = []

    def ask(line, words):
        found.append({"rule": "code-permission", "path": head.path, "line": line, "detail": words[:200]})

    old = Names().read(base)
    _modules(base, head, package, modules, ask)
    _names(head, old, package, modules, brought, ask)
    _always(base, head, changed, ask)
    _methods(base, head, package, ask)
    unique = {(f["line"], f["detail"]): f for f in found}
    return sorted(unique.values(), key=lambda f: (f["line"] not in changed, f["line"]))


def _modules(base, head, package, brought, ask):
    had = {(m, n) for m, n, _ in _imports(base)}
    modules = {m for m, _ in had}
    for module, name, line in _imports(head):
        if (module, name) in had or module.startswith(".") or module.split(".")[0] in brought or package.has(module):
            continue
        whole = module if not name else "%s.%s" % (module, name)
        if library.pure(module, name) or (name and library.pure(whole)) or module in library.PARTS and not name:
            continue
        if not name and module in modules or _used(package.names, module, name):
            continue
        if whole in library.ALWAYS_BY_NAME:
            continue  # see _always
        what = library.LOADED_BY_NAME.get(module) or library.LOADED_BY_NAME.get(module.split(".")[0])
        ask(line, "the import of %s, which %s" % (whole, what or "the package does not use"))


def _used(names, module, name):
    if not name:
        return module in names.modules or any(m.startswith(module + ".") for m in names.modules)
    return "%s.%s" % (module, name) in names.dotted


def _imports(src):
    for node in ast.walk(src.tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                yield a.name, "", node.lineno
        elif isinstance(node, ast.ImportFrom):
            for a in node.names:
                yield "." * node.level + (node.module or ""), a.name, node.lineno


def _names(head, old, package, modules, brought, ask):
    imported = head.imported
    new = Names().read(head)
    annotations = _annotations(head.tree)

    def usual(name):
        if name in library.ATTRIBUTES or name in brought or name in old.attributes or name in old.bound or library.kin(name, old.attributes):
            return True
        used = package.names
        return name in used.attributes or name in used.bound or library.kin(name, used.attributes)

    for node in ast.walk(head.tree):
        line = getattr(node, "lineno", 0)
        if id(node) in annotations:
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            whole = dotted(node, imported)
            if whole in library.ALWAYS_BY_NAME or node.attr in library.BY_ATTRIBUTE:
                continue  # see _always
            if whole:
                _of_module(whole, node, old, package, modules, ask)
            elif not usual(node.attr):
                ask(line, "the attribute .%s, which the package does not use" % node.attr)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr" and len(node.args) > 1:
            name = getattr(node.args[1], "value", None)
            if isinstance(name, str) and name not in library.BY_ATTRIBUTE and not usual(name):
                ask(line, "the attribute .%s, which the package does not use" % name)
        elif node.__class__.__name__ == "MatchClass":
            for name in node.kwd_attrs:
                if not usual(name):
                    ask(line, "the attribute .%s, which the package does not use" % name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in BUILTIN and node.id not in new.bound:
            if not (node.id in old.names or node.id in library.BUILTINS or node.id in package.names.names or node.id in JUDGED):
                ask(line, "the builtin %s, which the package does not use" % node.id)


def _of_module(whole, node, old, package, modules, ask):
    module, _, name = whole.rpartition(".")
    if whole in old.dotted or library.pure(module, name) or library.pure(whole) or module.split(".")[0] in modules or package.has(module):
        return
    if module not in library.PARTS and module not in library.MODULES and name in library.ATTRIBUTES:
        return  # of something imported, such as a class
    if whole in package.names.dotted or library.kin(whole, old.dotted | package.names.dotted) or library.kin(name, old.attributes | package.names.attributes):
        return
    if module in library.PARTS or module in library.MODULES or module in package.names.modules or "." not in module:
        ask(node.lineno, "%s, which the package does not use" % whole)
    elif name not in package.names.attributes and name not in package.names.bound:
        ask(node.lineno, "the attribute .%s, which the package does not use" % name)


def _annotations(tree):
    """The nodes of annotations, which compute nothing."""
    found = set()
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            part = getattr(node, field, None)
            if isinstance(part, ast.AST):
                found.update(id(n) for n in ast.walk(part))
    return found


def _always(base, head, changed, ask):
    """Uses that need a person each time: those of head beyond base's in this file."""
    had = Counter(key for key, _, _ in _grave(base))
    has, where = Counter(), {}
    for key, line, words in _grave(head):
        has[key] += 1
        if key not in where or line in changed:
            where[key] = (line, words)
    for key, n in has.items():
        if n > had[key]:
            ask(*where[key])


def _grave(src):
    """Yield (key, line, words) of each use."""
    hashing = {id(n) for d in definitions(src.tree) if d.name == "__hash__" for n in ast.walk(d.node)}
    for node in ast.walk(src.tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.ImportFrom):
            for a in node.names:
                whole = "%s.%s" % (node.module or "", a.name)
                if whole in library.ALWAYS_BY_NAME:
                    yield whole, line, "%s, which %s" % (whole, library.ALWAYS_BY_NAME[whole])
        elif isinstance(node, ast.Attribute):
            whole = dotted(node, src.imported)
            what = library.ALWAYS_BY_NAME.get(whole) or library.BY_ATTRIBUTE.get(node.attr)
            if what and not (node.attr == "replace" and not whole):
                yield whole or "." + node.attr, line, "%s, which %s" % (whole or "." + node.attr, what)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            what = library.ALWAYS_BY_NAME.get(src.imported.get(node.id, node.id))
            if what and node.id not in src.imported:
                yield node.id, line, "%s, which %s" % (node.id, what)
            if node.id in PLACES:
                yield node.id, line, "%s, which tells where the code runs" % node.id
            if node.id in ("getattr", "setattr", "delattr") and id(node) not in src.called:
                yield node.id, line, "%s handed on, which resolves names" % node.id
            if node.id in ("hash", "id") and id(node) not in hashing and id(node) in src.called:
                yield node.id, line, "%s(), which answers otherwise in another process" % node.id
        elif isinstance(node, ast.Call):
            yield from _opened(src, node, line)
            yield from _named(src, node, line)


def _opened(src, node, line):
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name not in ("open", "fdopen"):
        return
    place = 1 if isinstance(node.func, ast.Name) or dotted(node.func, src.imported) else 0
    mode = next((k.value for k in node.keywords if k.arg == "mode"), node.args[place] if len(node.args) > place else None)
    text = getattr(mode, "value", "r" if mode is None else None)
    if not isinstance(text, str) or set(text) & set("wax+"):
        yield "open", line, "a file opened for writing"


def _named(src, node, line):
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in ("getattr", "setattr", "delattr") and (len(node.args) < 2 or not isinstance(getattr(node.args[1], "value", None), str)):
        yield name + "()", line, "%s() with a name that is computed, which resolves names" % name
    if name == "getattr" and len(node.args) > 1:
        what = library.BY_ATTRIBUTE.get(getattr(node.args[1], "value", None))
        if what:
            yield "." + node.args[1].value, line, ".%s, which %s" % (node.args[1].value, what)


def _methods(base, head, package, ask):
    """Special methods that a class gains and that act without being called."""
    had = {d.qualname for d in definitions(base.tree)}
    for d in definitions(head.tree):
        name = d.name
        if d.cls is None or not (name.startswith("__") and name.endswith("__")) or d.qualname in had:
            continue
        kinds = [getattr(b, "id", getattr(b, "attr", "")) for b in d.cls.bases]
        if name == "__hash__" and any(getattr(s, "name", "") == "__eq__" for s in d.cls.body) or name == "__eq__" and _structural(d.node):
            continue
        if name in ("__exit__", "__aexit__"):
            if any(isinstance(n, ast.Return) and n.value is not None and getattr(n.value, "value", 1) for n in own(d.node)):
                ask(d.node.lineno, "%s, which may swallow exceptions" % d.qualname)
        elif name not in library.METHODS:
            ask(d.node.lineno, "the special method %s" % d.qualname)
        elif name not in ("__init__", "__new__", "__repr__", "__str__") and any(k in library.VALUES for k in kinds):
            ask(d.node.lineno, "%s, so that a %s is none" % (d.qualname, next(k for k in kinds if k in library.VALUES)))


def _structural(method):
    """Whether a comparison says: of my kind, and with these parts equal."""
    def fair(node):
        if isinstance(node, ast.BoolOp):
            return isinstance(node.op, ast.And) and all(fair(v) for v in node.values)
        if isinstance(node, ast.Call):
            return getattr(node.func, "id", "") == "isinstance"
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            names = [{n.id for n in ast.walk(side) if isinstance(n, ast.Name)} for side in (node.left, node.comparators[0])]
            parts = [[n.attr for n in ast.walk(side) if isinstance(n, ast.Attribute)] for side in (node.left, node.comparators[0])]
            return all(len(n) == 1 for n in names) and names[0] != names[1] and parts[0] == parts[1] != []
        return getattr(node, "id", "") == "NotImplemented"

    given = [n.value for n in own(method) if isinstance(n, ast.Return)]
    return any(isinstance(v, (ast.Compare, ast.BoolOp)) for v in given) and all(v is not None and fair(v) for v in given)
