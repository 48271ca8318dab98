"""What a patch adds to Python code, compared use by use with what was there.

A use that base has already, in the same file and as often, is not the patch's.
"""
import ast
import re
from collections import Counter

from repaird_syntax import called

COMPARISONS = {"__eq__", "__ne__", "__bool__", "__hash__", "__instancecheck__", "__subclasscheck__", "__subclasshook__",
               "__getattribute__", "__class__", "__del__", "__set_name__", "__init_subclass__", "__class_getitem__", "__prepare__"}
REFLECTION = {"__globals__", "__code__", "__closure__", "__subclasses__", "__bases__", "__mro__", "__builtins__", "__loader__", "__spec__",
              "__defaults__", "__kwdefaults__", "__wrapped__", "__func__", "f_globals", "f_locals", "f_back", "f_builtins", "f_trace", "tb_frame",
              "gi_frame", "cr_frame", "ag_frame", "gi_code", "__getattribute__"}
MODULES = {
    "code-runner": "pytest _pytest pluggy unittest mock doctest nose hypothesis conftest repaird_tracer xdist coverage",
    "code-reflection": "ctypes _ctypes cffi gc dis code codeop marshal bdb pdb trace tracemalloc faulthandler sysconfig _testcapi "
                       "_testinternalcapi opcode",
    "code-exit": "atexit signal _signal",
    "code-process": "_thread _posixsubprocess pty posix nt resource fcntl mmap",
    "code-network": "_socket",
    "code-import": "imp runpy zipimport site builtins _imp _frozen_importlib",
}
MODULE_RULE = {m: rule for rule, names in MODULES.items() for m in names.split()}
ATTRIBUTES = {
    "os": {"_exit": "code-exit", "abort": "code-exit", "kill": "code-exit", "killpg": "code-exit", "fork": "code-process", "forkpty": "code-process",
           "system": "code-process", "popen": "code-process", "posix_spawn": "code-process", "posix_spawnp": "code-process", "write": "code-process",
           "dup": "code-process", "dup2": "code-process", "close": "code-process", "closerange": "code-process", "pipe": "code-process",
           "fdopen": "code-process", "openpty": "code-process", "memfd_create": "code-process", "putenv": "code-sniff", "register_at_fork": "code-exit"},
    "sys": {"exit": "code-exit", "modules": "code-import", "meta_path": "code-import", "path": "code-import", "path_hooks": "code-import",
            "path_importer_cache": "code-import", "settrace": "code-reflection", "setprofile": "code-reflection", "gettrace": "code-reflection",
            "getprofile": "code-reflection", "_getframe": "code-reflection", "_getframemodulename": "code-reflection",
            "_current_frames": "code-reflection", "_current_exceptions": "code-reflection", "monitoring": "code-reflection",
            "excepthook": "code-reflection", "unraisablehook": "code-reflection", "displayhook": "code-reflection",
            "setrecursionlimit": "code-reflection", "addaudithook": "code-reflection", "argv": "code-sniff", "orig_argv": "code-sniff",
            "flags": "code-sniff", "__stdout__": "code-sniff", "__stderr__": "code-sniff"},
    "types": {"CodeType": "code-reflection", "FunctionType": "code-reflection", "FrameType": "code-reflection", "ModuleType": "code-import"},
}
NAMES = {"eval": "code-builtins", "exec": "code-builtins", "compile": "code-builtins", "__import__": "code-builtins", "globals": "code-builtins",
         "__builtins__": "code-builtins", "breakpoint": "code-builtins", "exit": "code-exit", "quit": "code-exit", "SystemExit": "code-exit",
         "KeyboardInterrupt": "code-exit", "GeneratorExit": "code-exit", "__loader__": "code-import", "__spec__": "code-import"}
# Refused on whatever owner, for a module can be had by many names.
ANYWHERE = {"modules": "code-import", "meta_path": "code-import", "path_hooks": "code-import", "path_importer_cache": "code-import",
            "_getframe": "code-reflection", "_current_frames": "code-reflection", "settrace": "code-reflection",
            "setprofile": "code-reflection", "_exit": "code-exit", "runtest": "code-runner"}
# Modules that other modules hold as attributes.
HELD = set("_sys sys _os os builtins _builtins __builtins__ _pytest pytest inspect gc ctypes importlib _imp _thread threading subprocess".split())
HIDDEN = {"_sys", "_os", "_builtins", "builtins", "_exit", "_getframe"}  # no honest text is one of these
SNIFF = re.compile(r"(?i)pytest|repaird|(^|[^a-z])conftest|^/proc(/|$)|^/sys(/|$)|^/dev/(fd|std|shm)|^/in/|^/out(/|$)")
DUNDER = re.compile(r"^\s*__|__\s*$")
BROAD = {"Exception", "BaseException"}


class Source:
    """One version of one file."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.tree = ast.parse(text)
        self.imported = {}  # local name -> dotted name
        self.docs = set()
        self.called = set()  # the names that are called
        self.folded = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for a in node.names:
                    self.imported[a.asname or a.name.split(".")[0]] = a.name if a.asname else a.name.split(".")[0]
            elif isinstance(node, ast.ImportFrom):
                for a in node.names:
                    self.imported[a.asname or a.name] = "%s.%s" % (node.module or "", a.name)
            elif isinstance(node, ast.Call):
                self.called.add(id(node.func))
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
                first = node.body[0]
                if isinstance(first, ast.Expr):
                    self.docs.add(id(first.value))


def text_of(node):
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else getattr(node, "s", None)
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value if isinstance(value, str) else None


def fold(src, node):
    """The text that an expression of constants makes, None where it is none."""
    if id(node) not in src.folded:
        value = _fold(src, node)
        src.folded[id(node)] = value if isinstance(value, str) and len(value) <= 4096 else None
    return src.folded[id(node)]


def _whole(node):
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else getattr(node, "n", None)
    return value if isinstance(value, int) and 0 <= value <= 0x10FFFF else None


def _fold(src, node):
    if isinstance(node, ast.BinOp):
        left, right = fold(src, node.left), fold(src, node.right)
        if isinstance(node.op, ast.Add) and left is not None and right is not None:
            return left + right
        if isinstance(node.op, ast.Mult):
            text, n = (left, _whole(node.right)) if left is not None else (right, _whole(node.left))
            return text * n if text is not None and n is not None and n <= 64 else None
        if isinstance(node.op, ast.Mod) and left is not None and not re.search(r"[0-9]{4}|[*]", left):
            parts = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            values = [_whole(p) if fold(src, p) is None else fold(src, p) for p in parts]
            try:
                return None if None in values else left % tuple(values)
            except (TypeError, ValueError):
                return None
        return None
    if isinstance(node, ast.JoinedStr):
        parts = [fold(src, v) for v in node.values]
        return None if None in parts else "".join(parts)
    if isinstance(node, ast.FormattedValue):
        return fold(src, node.value) if node.conversion == -1 and node.format_spec is None else None
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        arg = node.args[0]
        if isinstance(node.func, ast.Name) and node.func.id == "chr" and _whole(arg) is not None:
            return chr(_whole(arg))
        if isinstance(node.func, ast.Attribute) and node.func.attr == "join" and isinstance(arg, (ast.List, ast.Tuple)):
            parts = [fold(src, node.func.value)] + [fold(src, e) for e in arg.elts]
            return None if None in parts else parts[0].join(parts[1:])
        return None
    return text_of(node)


def uses(src):
    """Yield (rule, key, line, words) for everything that the policy knows."""
    for node in ast.walk(src.tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            for a in node.names:
                yield from _module(a.name, line)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(node, line)
        elif isinstance(node, ast.Attribute):
            yield from _attribute(src, node, line)
        elif isinstance(node, ast.Name):
            if node.id in NAMES:
                yield NAMES[node.id], node.id, line, "use of %s" % node.id
            if node.id in COMPARISONS and isinstance(node.ctx, (ast.Store, ast.Del)):
                yield "code-dunder", node.id, line, "%s is set" % node.id
        elif isinstance(node, ast.Call):
            yield from _call(src, node, line)
        elif isinstance(node, ast.ClassDef):
            for k in node.keywords:
                if k.arg == "metaclass":
                    yield "code-dunder", "metaclass " + ast.dump(k.value), line, "a metaclass"
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name in COMPARISONS and not _fair(src, node):
                yield "code-dunder", node.name + ast.dump(node), line, "%s is added or changed" % node.name
        elif node.__class__.__name__ == "MatchClass":
            for name in node.kwd_attrs:
                yield from _anywhere(name, line)
        s = fold(src, node) if id(node) not in src.docs else None
        if s is not None:
            if SNIFF.search(s):
                yield "code-sniff", s, line, "a text that tells a test run from production"
            if DUNDER.search(s) and s not in ("__main__", "__all__") or s in HIDDEN:
                yield "code-names", s, line, "a text that looks like a special name"
        yield from _stores(src, node, line)


def _fair(src, method):
    """Whether a comparison depends on what it compares, and a hash stands beside a comparison: of these a person is asked at most."""
    if method.name in ("__eq__", "__ne__"):
        given = [n.value for n in ast.walk(method) if isinstance(n, ast.Return)]
        return bool(given) and all(v is not None and any(isinstance(n, (ast.Name, ast.Attribute)) for n in ast.walk(v)) for v in given)
    return method.name == "__hash__" and any(
        method in c.body and any(getattr(s, "name", "") == "__eq__" for s in c.body) for c in ast.walk(src.tree) if isinstance(c, ast.ClassDef))


def _module(name, line):
    top = name.split(".")[0]
    rule = MODULE_RULE.get(top)
    if rule:
        yield rule, "import " + top, line, "import of %s" % name


def _from(node, line):
    module = node.module or ""
    if not node.level:
        yield from _module(module, line)
    for a in node.names:
        if a.name == "*":
            yield "code-import", "*" + module, line, "import of *"
        rule = ATTRIBUTES.get(module, {}).get(a.name)
        if rule:
            yield rule, "%s.%s" % (module, a.name), line, "import of %s.%s" % (module, a.name)
        else:
            yield from _anywhere(a.name, line)


def _anywhere(name, line):
    rule = ANYWHERE.get(name) or ("code-import" if name in HELD else None)
    if rule:
        yield rule, "." + name, line, "use of .%s" % name


def _attribute(src, node, line):
    rule = None
    if isinstance(node.value, ast.Name):
        owner = src.imported.get(node.value.id, node.value.id)
        rule = ATTRIBUTES.get(owner, {}).get(node.attr)
        if rule is None and owner == "os" and (node.attr.startswith(("exec", "spawn"))):
            rule = "code-process"
        if rule:
            yield rule, "%s.%s" % (owner, node.attr), line, "use of %s.%s" % (owner, node.attr)
        held = MODULE_RULE.get(node.attr) if owner in ("concurrent", "os") else None
        if held:
            yield held, "%s.%s" % (owner, node.attr), line, "use of %s.%s" % (owner, node.attr)
        if node.attr == "__dict__" and node.value.id in src.imported:
            yield "code-reflection", "%s.__dict__" % owner, line, "use of %s.__dict__" % owner
    if rule is None:
        yield from _anywhere(node.attr, line)
    if node.attr in REFLECTION:
        yield "code-reflection", node.attr, line, "use of .%s" % node.attr
    if node.attr in COMPARISONS and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield "code-dunder", node.attr, line, ".%s is set" % node.attr


def _call(src, node, line):
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in ("getattr", "setattr", "delattr", "hasattr") and len(node.args) > 1:
        arg = node.args[1]
        if text_of(arg) is not None:
            yield from _anywhere(text_of(arg), line)
            if text_of(arg) in REFLECTION:
                yield "code-reflection", text_of(arg), line, "use of .%s" % text_of(arg)
        if name in ("setattr", "delattr") and isinstance(node.args[0], ast.Name) and node.args[0].id in src.imported:
            yield "code-monkeypatch", ast.dump(node.args[0]) + ast.dump(arg), line, "%s on the import %s" % (name, node.args[0].id)
    if name == "type" and len(node.args) == 3:
        yield "code-dunder", "type", line, "a class made by type()"
    if name in ("vars", "dir") and node.args and isinstance(node.args[0], ast.Name) and node.args[0].id in src.imported:
        yield "code-builtins", name, line, "%s() of an import" % name


def _stores(src, node, line):
    targets = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        targets = [node.target]
    elif isinstance(node, ast.Delete):
        targets = node.targets
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        targets = [node.target]
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        targets = [node.optional_vars]
    for t in targets:
        for n in ast.walk(t):
            root = n
            while isinstance(root, (ast.Attribute, ast.Subscript)):
                root = root.value
            if n is not root and isinstance(root, ast.Name) and root.id in src.imported and isinstance(getattr(n, "ctx", None), (ast.Store, ast.Del)):
                yield "code-monkeypatch", ast.dump(n), getattr(n, "lineno", line), "assignment to a part of the import %s" % root.id


def identifiers(src):
    for node in ast.walk(src.tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str) and any(ord(c) > 127 for c in value):
                yield value, getattr(node, "lineno", 0)


def added(base, head, changed):
    """Violations of what head has and base has not, or has more often."""
    had = Counter((rule, key) for rule, key, _, _ in uses(base) if rule)
    has = Counter()
    where = {}
    for rule, key, line, words in uses(head):
        if not rule:
            continue
        has[rule, key] += 1
        if (rule, key) not in where or (line in changed and where[rule, key][0] not in changed):
            where[rule, key] = (line, words)
    out = []
    for k, n in has.items():
        if n > had[k]:
            out.append({"rule": k[0], "path": head.path, "line": where[k][0], "detail": where[k][1][:200]})
    known = {name for name, _ in identifiers(base)}
    for name, line in identifiers(head):
        if name not in known:
            out.append({"rule": "scripts", "path": head.path, "line": line, "detail": "a new name outside ASCII: %s" % ascii(name)})
            break
    return sorted(out, key=lambda v: (v["line"], v["rule"]))


def _handlers(src):
    """Yield (function, how broad, line) of each handler that catches everything."""
    stack = [(src.tree, "<module>")]
    while stack:
        node, scope = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            scope = node.name if scope == "<module>" else scope + "." + node.name
        if isinstance(node, ast.ExceptHandler):
            kinds = [None] if node.type is None else node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            for k in kinds:
                if k is None or getattr(k, "id", getattr(k, "attr", "")) in BROAD:
                    yield scope, "bare except" if k is None else "except %s" % getattr(k, "id", getattr(k, "attr", "")), node.lineno
        if isinstance(node, ast.Call) and called(node) == "suppress":
            for a in node.args:
                if getattr(a, "id", getattr(a, "attr", "")) in BROAD:
                    yield scope, "suppress(%s)" % getattr(a, "id", getattr(a, "attr", "")), node.lineno
        for child in ast.iter_child_nodes(node):
            stack.append((child, scope))


BREADTH = {"except Exception": 1, "suppress(Exception)": 1, "except BaseException": 2, "suppress(BaseException)": 2, "bare except": 3}


def broadened(base, head, changed):
    """Handlers for everything that the patch adds, or makes broader."""
    def count(src):
        c = {}
        for scope, kind, line in _handlers(src):
            c.setdefault(scope, []).append((BREADTH[kind], kind, line))
        return c
    before, after = count(base), count(head)
    out = []
    for scope, found in after.items():
        old = sorted((b for b, _, _ in before.get(scope, ())), reverse=True)
        new = sorted(found, reverse=True)
        for i, (breadth, kind, line) in enumerate(new):
            if i >= len(old) or breadth > old[i]:
                line = next((ln for b, _, ln in new if b == breadth and ln in changed), line)
                out.append({"rule": "code-except", "path": head.path, "line": line, "detail": "%s in %s" % (kind, scope)})
                break
    return out
