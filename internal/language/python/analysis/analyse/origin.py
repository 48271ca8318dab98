"""Where a value on the failure's stack comes from, and whether base documents it."""
import ast
import os
import re

import policy
from repaird_syntax import called, defaults, definitions, own, parameters, positional

# Library calls that answer None or -1 for "nothing there", as their documentation says.
NOTHING = {"get", "match", "search", "fullmatch", "getenv", "find", "rfind", "first", "one_or_none", "scalar", "which", "fetchone", "next",
           "getattr", "group", "guess_type", "find_spec"}
DENIAL = re.compile(r"(?i)\bnon-?(empty|zero|none|null)\b|\b(not|never|no)\s+(be\s+)?(an?\s+)?(none|empty|zero|null)\b|\bat least one\b|\bmust\b|\bprecondition\b")


class Tree:
    """The base tree, to find the functions that make a value."""

    def __init__(self, root):
        self.root = root
        self.defs = None  # name -> paths of the files that define it
        self.sources = {}

    def find(self, name):
        if self.defs is None:
            self.defs = {}
            self._scan()
        return self.defs.get(name, [])

    def _scan(self, files=2000, size=8 << 20):
        pattern = re.compile(rb"(?m)^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)")
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in ("node_modules", "venv", "site-packages", "__pycache__"))
            for name in sorted(names):
                path = os.path.join(folder, name)
                if not name.endswith(".py") or os.path.islink(path):
                    continue
                files -= 1
                try:
                    with open(path, "rb") as f:
                        data = f.read(1 << 20)
                except OSError:
                    continue
                size -= len(data)
                if files < 0 or size < 0:
                    return
                for m in pattern.finditer(data):
                    self.defs.setdefault(m.group(1).decode("ascii", "replace"), []).append(path)

    def source(self, path):
        """A file of the tree, parsed; None where that fails."""
        if path not in self.sources:
            try:
                with open(os.path.join(self.root, path), encoding="utf-8-sig") as f:
                    self.sources[path] = policy.Source(path, f.read(4 << 20))
            except (OSError, SyntaxError, ValueError):
                self.sources[path] = None
        return self.sources[path]

    def functions(self, name):
        """The definitions of a name as AST nodes, at most ten."""
        nodes = []
        for path in dict.fromkeys(self.find(name)):
            src = self.source(os.path.relpath(path, self.root))
            if src is None:
                return nodes, False
            nodes += [d.node for d in definitions(src.tree) if d.name == name]
            if len(nodes) > 10:
                break
        return nodes, True


def functions(tree):
    """Qualified name -> function, the module itself as <module>."""
    found = {"<module>": tree}
    for d in definitions(tree):
        found.setdefault(d.qualname.replace(".<locals>", ""), d.node)
    return found


class Origin:
    """Where the values come from that a guard asks about."""

    def __init__(self, func, src, tree):
        self.func, self.src, self.tree = func, src, tree
        a = getattr(func, "args", None)
        self.params = {}
        if a is not None:
            self.params = {x.arg: x for x in parameters(a)}
        self.bound = {}  # name -> expressions that it is bound to
        for n in own(func):
            self._bind(n)
        self.producers = set()
        self.library = set()
        self.roots = set()

    def _bind(self, n):
        pairs = []
        if isinstance(n, ast.Assign):
            pairs = [(t, n.value) for t in n.targets]
        elif isinstance(n, (ast.AugAssign, ast.AnnAssign)) and n.value is not None:
            pairs = [(n.target, n.value)]
        elif isinstance(n, (ast.For, ast.AsyncFor, ast.comprehension)):
            pairs = [(n.target, n.iter)]
        elif isinstance(n, ast.withitem) and n.optional_vars is not None:
            pairs = [(n.optional_vars, n.context_expr)]
        elif type(n).__name__ == "NamedExpr":
            pairs = [(n.target, n.value)]
        for target, value in pairs:
            for t in ast.walk(target):
                if isinstance(t, ast.Name) and isinstance(t.ctx, ast.Store):
                    self.bound.setdefault(t.id, []).append(value)

    def follow(self, expr, seen=None):
        seen = set() if seen is None else seen
        for n in ast.walk(expr):
            if isinstance(n, ast.Call):
                self.made_by(n)
            elif isinstance(n, ast.Attribute) and self.makes(n):
                self.producers.add(n.attr)
            if isinstance(n, ast.Name) and n.id not in seen:
                seen.add(n.id)
                if n.id in self.params:
                    self.roots.add(n.id)
                for value in self.bound.get(n.id, ()):
                    self.follow(value, seen)

    def makes(self, attribute):
        """Whether an attribute is a property of the tree, which makes its value."""
        if not self.tree.find(attribute.attr):
            return False
        nodes, _ = self.tree.functions(attribute.attr)
        return any("property" in ast.dump(d) for f in nodes for d in f.decorator_list)

    def made_by(self, call):
        name = called(call)
        if name in ("len", "isinstance", "type", "bool", "id", "hasattr", "any", "all", "callable"):
            return
        if self.tree.find(name):
            self.producers.add(name)
        else:
            self.library.add(name)


def words_for(cond, subject_is_none):
    """Which words of a docstring allow for the value: by what the condition asks."""
    text = ast.dump(cond) if cond is not None else ""
    if "Is()" in text or "IsNot()" in text or subject_is_none:
        return r"none|optional|null|missing|omitted"
    if "id='len'" in text:
        return r"empty|no \w+|without|blank"
    if "Compare" in text:
        return r"zero|negative|\b0\b|empty|out of range|too (?:large|small|long|short)|beyond|at most|at least"
    return r"none|optional|empty|no \w+|zero|missing|without|blank|null|lacks?|absent|malformed|invalid|unknown|not (?:a|an|found|there)"


def documents(func, param, cond):
    """Whether a function's own text in base allows for the value: of the
    parameter, or for param "" of what it returns."""
    ask = words_for(cond, False)
    about_none = "none" in ask
    if param:
        a = func.args
        for arg, default in defaults(a):
            if arg.arg == param and about_none and isinstance(default, ast.Constant) and default.value is None:
                return "%s=None in its signature" % param
        for arg in positional(a) + a.kwonlyargs:
            if arg.arg == param and about_none and allows_none(arg.annotation):
                return "the annotation of %s" % param
    elif about_none and allows_none(func.returns):
        return "the return annotation of %s" % func.name
    doc = ast.get_docstring(func) or ""
    for sentence in re.split(r"[.;\n]+", doc[:4000]):
        if DENIAL.search(sentence) or not re.search(r"(?i)\b(?:%s)\b" % ask, sentence):
            continue
        if param and not re.search(r"\b%s\b" % re.escape(param), sentence):
            continue
        if not param and not re.search(r"(?i)\b(return|yield|or|if)", sentence):
            continue
        return "the docstring of %s" % func.name
    return ""


def allows_none(annotation):
    if annotation is None:
        return False
    text = ast.dump(annotation)
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return bool(re.search(r"\bOptional\b|\bNone\b", annotation.value))
    return "'Optional'" in text or "value=None" in text


def judge(guard, finder_func, base_func, src, tree):
    """Origin and documentation of one guard."""
    if guard["subject"] is None:
        return "none", "", []
    if guard["handler"]:
        # That a value is input does not say that its failure may be swallowed.
        said = documents(base_func, "", None) if hasattr(base_func, "args") else ""
        return "handler", said, []
    o = Origin(base_func if base_func is not None else finder_func, src, tree)
    head = Origin(finder_func, src, tree)
    o.bound.update({k: v for k, v in head.bound.items() if k not in o.bound and k not in o.params})
    o.follow(guard["subject"])
    cond = guard["subject"]
    if o.producers:
        reasons = []
        for name in sorted(o.producers):
            nodes, whole = tree.functions(name)
            said = [documents(n, "", cond) for n in nodes]
            if not nodes or not whole or not all(said):
                return "callee", "", sorted(o.producers)
            reasons += said
        return "callee", "; ".join(dict.fromkeys(reasons)), sorted(o.producers)
    if base_func is not None and o.roots:
        said = [documents(base_func, p, cond) for p in sorted(o.roots)] if hasattr(base_func, "args") else []
        if said and any(said) and not o.library:
            return "input", next(s for s in said if s), sorted(o.roots)
    if o.library and o.library <= NOTHING:
        return "input", "what %s answers when there is nothing" % ", ".join(sorted(o.library)), sorted(o.roots)
    return "input", "", sorted(o.roots)
