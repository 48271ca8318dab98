"""Answers questions about a tree's source and about recorded values.

It parses and never imports or runs anything of the tree. Input is request.json
beside this file, output one JSON document on stdout:

  {"frames": [{"path", "function", "line"}], "values": [text, …]}
  {"frames": [function or {"error": …}], "values": [literal or {"error": …}]}

Standard library only, Python 3.8 on.
"""

import ast
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MAX_FILE = 4 << 20

# Methods of built-in containers that change them.
MUTATORS = {
    "append", "appendleft", "extend", "extendleft", "insert", "remove", "pop", "popleft", "popitem", "clear",
    "sort", "reverse", "rotate", "update", "add", "discard", "setdefault", "difference_update",
    "intersection_update", "symmetric_difference_update", "__setitem__", "__delitem__", "__iadd__",
}
# Functions that change their first argument.
MUTATING = {
    "heapify", "heappush", "heappop", "heappushpop", "heapreplace", "shuffle", "insort", "insort_left",
    "insort_right", "setattr", "delattr", "exec", "next",
}
# Functions that leave their arguments alone.
PURE = {
    "len", "sum", "sorted", "min", "max", "str", "int", "float", "bool", "print", "range", "enumerate", "zip",
    "isinstance", "issubclass", "list", "dict", "set", "tuple", "frozenset", "any", "all", "repr", "abs",
    "hash", "id", "iter", "reversed", "map", "filter", "round", "type", "getattr", "hasattr", "ord", "chr",
    "bytes", "format", "divmod", "pow", "callable", "vars", "deepcopy", "copy",
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def root_name(node):
    """The name that an attribute, subscript or call chain starts from."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def names_in(target):
    """Names that a target binds."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from names_in(element)
    elif isinstance(target, ast.Starred):
        yield from names_in(target.value)


def leaves(block):
    """Whether the function ends with the block."""
    return bool(block) and isinstance(block[-1], (ast.Return, ast.Raise))


class Changes:
    """What happens to the parameters of a function before one of its lines.

    Conservative by the statements' order: what is in a branch that the line is
    not in, or in a block that leaves, does not count; what is in a loop around
    the line does, because an earlier round may have run it.
    """

    RANK = {"passed": 0, "mutated": 1, "rebound": 2}

    def __init__(self, function, params, line):
        self.params = set(params)
        self.line = line
        self.alias = {p: p for p in params}
        self.found = {}
        self.block(function.body)

    def record(self, param, how, node):
        if param not in self.params:
            return
        old = self.found.get(param)
        if old is None or self.RANK[old["how"]] < self.RANK[how]:
            self.found[param] = {"how": how, "line": node.lineno}

    def bind(self, name, value, node):
        """name = value"""
        if name in self.params:
            self.record(name, "rebound", node)
        self.alias.pop(name, None)
        source = root_name(value) if value is not None else None
        if source in self.alias:
            self.alias[name] = self.alias[source]

    def holds(self, node):
        return node.lineno <= self.line <= (getattr(node, "end_lineno", None) or node.lineno)

    def block(self, statements):
        """Walks a block. True when the line was reached in it."""
        for statement in statements:
            if statement.lineno > self.line:
                return True
            if self.holds(statement):
                self.around(statement)
                return True
            self.whole(statement)
        return False

    def around(self, node):
        """The statement in which the line is."""
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            return
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            # Also where the header failed: the body may have run before.
            self.whole_parts(node, node.body)
            self.block(node.orelse)
            return
        if isinstance(node, ast.If):
            for branch in (node.body, node.orelse):
                if branch and any(self.holds(s) for s in branch):
                    self.expression(node.test)
                    self.block(branch)
                    return
            self.expression(node.test, partly=True)
            return
        if isinstance(node, (ast.With, ast.AsyncWith)):
            if any(self.holds(s) for s in node.body):
                self.header(node)
                self.block(node.body)
            else:
                for item in node.items:
                    self.expression(item.context_expr, partly=True)
            return
        if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            self.attempt(node)
            return
        if type(node).__name__ == "Match":
            for case in node.cases:
                if any(self.holds(s) for s in case.body):
                    self.patterns(case)
                    self.block(case.body)
            return
        # A simple statement that failed: what it would have bound is not bound
        # yet, what it calls may have run in part.
        self.expression(node, partly=True)

    def attempt(self, node):
        if any(self.holds(s) for s in node.body):
            self.block(node.body)
            return
        for statement in node.body:
            self.whole(statement)
        for handler in node.handlers:
            if self.holds(handler):
                if handler.name:
                    self.bind(handler.name, None, handler)
                self.block(handler.body)
                return
        for block in (node.orelse, node.finalbody):
            if any(self.holds(s) for s in block):
                self.block(block)
                return

    def header(self, node):
        if isinstance(node, (ast.For, ast.AsyncFor)):
            self.expression(node.iter)
            for name in names_in(node.target):
                self.bind(name, node.iter, node)
        elif isinstance(node, ast.While):
            self.expression(node.test)
        else:
            for item in node.items:
                self.expression(item.context_expr)
                if item.optional_vars is not None:
                    for name in names_in(item.optional_vars):
                        self.bind(name, None, node)

    def patterns(self, case):
        for part in ast.walk(case.pattern):
            for field in ("name", "rest"):
                name = getattr(part, field, None)
                if isinstance(name, str):
                    self.bind(name, None, part if hasattr(part, "lineno") else case.body[0])

    def whole_parts(self, node, block):
        self.header(node)
        for statement in block:
            self.whole(statement)

    def whole(self, node):
        """A statement that has run, or may have."""
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            self.bind(node.name, None, node)
        elif isinstance(node, ast.Assign):
            self.expression(node.value)
            for target in node.targets:
                self.target(target, node.value, node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.expression(node.value)
                self.target(node.target, node.value, node)
        elif isinstance(node, ast.AugAssign):
            self.expression(node.value)
            self.target(node.target, node.target, node)
            if isinstance(node.target, ast.Name):
                self.record(self.alias.get(node.target.id), "mutated", node)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self.target(target, None, node)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            self.whole_parts(node, node.body + node.orelse)
        elif isinstance(node, ast.If):
            self.expression(node.test)
            for branch in (node.body, node.orelse):
                if not leaves(branch):
                    for statement in branch:
                        self.whole(statement)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            self.whole_parts(node, node.body)
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            for statement in node.body + node.orelse + node.finalbody:
                self.whole(statement)
            for handler in node.handlers:
                if not leaves(handler.body):
                    if handler.name:
                        self.bind(handler.name, None, handler)
                    for statement in handler.body:
                        self.whole(statement)
        elif type(node).__name__ == "Match":
            self.expression(node.subject)
            for case in node.cases:
                if not leaves(case.body):
                    self.patterns(case)
                    for statement in case.body:
                        self.whole(statement)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in node.names:
                self.bind((name.asname or name.name).partition(".")[0], None, node)
        else:
            self.expression(node)

    def target(self, target, value, node):
        if isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self.target(element, value if len(target.elts) == 1 else None, node)
        elif isinstance(target, ast.Starred):
            self.target(target.value, None, node)
        elif isinstance(target, ast.Name):
            self.bind(target.id, value, node)
        else:
            self.record(self.alias.get(root_name(target)), "mutated", node)

    def expression(self, node, partly=False):
        for part in ast.walk(node):
            if type(part).__name__ == "NamedExpr":
                self.bind(part.target.id, part.value, part)
            elif isinstance(part, ast.Call):
                self.call(part, partly)

    def call(self, node, partly):
        function = node.func
        method = function.attr if isinstance(function, ast.Attribute) else None
        name = method or (function.id if isinstance(function, ast.Name) else None)
        if method in MUTATORS:
            # In the statement that failed, the call may be the one that failed.
            how = "passed" if partly else "mutated"
            self.record(self.alias.get(root_name(function.value)), how, node)
        if name in PURE:
            return
        for number, argument in enumerate(node.args + [k.value for k in node.keywords]):
            owner = self.alias.get(root_name(argument))
            if owner is not None:
                how = "mutated" if name in MUTATING and number == 0 and not partly else "passed"
                self.record(owner, how, node)


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


def text_of(node):
    return ast.unparse(node) if hasattr(ast, "unparse") else type(node).__name__


def class_of(node):
    """What is needed to construct an instance without arguments."""
    init = next((s for s in node.body if isinstance(s, FUNCTIONS) and s.name == "__init__"), None)
    bases = [text_of(b) for b in node.bases]
    decorators = [text_of(d) for d in node.decorator_list]
    plain = all(b == "object" for b in bases) and not node.keywords and not decorators
    free = plain and (init is None or all(p["default"] for p in parameters(init.args)[1:]))
    dataclass = any("dataclass" in d or d in ("attrs", "attr.s", "define", "attr.define") for d in decorators)
    return {"name": node.name, "free": free, "record": dataclass or "NamedTuple" in " ".join(bases)}


def functions(tree):
    """Every function with its qualified name, class and whether it is nested."""
    found = []

    def visit(node, prefix, cls, nested):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, FUNCTIONS):
                found.append((child, prefix + child.name, cls, nested))
                visit(child, prefix + child.name + ".<locals>.", None, True)
            elif isinstance(child, ast.ClassDef):
                visit(child, prefix + child.name + ".", child, nested)
            else:
                visit(child, prefix, cls, nested)

    visit(tree, "", None, False)
    return found


def first_line(node):
    return min([node.lineno] + [d.lineno for d in node.decorator_list])


def describe(found, line):
    node, qualname, cls, nested = found
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
        "qualname": qualname, "name": node.name, "first": first_line(node), "line": node.lineno,
        "last": getattr(node, "end_lineno", None) or node.lineno, "kind": kind, "nested": nested,
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
            return functions(ast.parse(source))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as e:
            return "%s: %s" % (type(e).__name__, e)


def find(files, question):
    known = files.functions(question["path"])
    if isinstance(known, str):
        return {"error": known}
    bare = question["function"].rpartition(".")[2]
    line = question["line"]
    named = [f for f in known if f[0].name == bare]
    if not named:
        return {"error": "no function of this name"}
    inside = [f for f in named if first_line(f[0]) <= line <= (getattr(f[0], "end_lineno", None) or line)]
    if inside:  # the innermost
        return describe(max(inside, key=lambda f: f[0].lineno), line)
    near = min(named, key=lambda f: abs(f[0].lineno - line))
    return dict(describe(near, line), outside=True)


# Recorded values.

# Constructors whose repr is their call, with the import that they need.
KNOWN = {
    "Decimal": "from decimal import Decimal", "Fraction": "from fractions import Fraction",
    "UUID": "from uuid import UUID", "PosixPath": "from pathlib import PosixPath",
    "PurePosixPath": "from pathlib import PurePosixPath", "OrderedDict": "from collections import OrderedDict",
    "deque": "from collections import deque", "Counter": "from collections import Counter",
    "datetime.datetime": "import datetime", "datetime.date": "import datetime",
    "datetime.time": "import datetime", "datetime.timedelta": "import datetime",
    "datetime.timezone": "import datetime", "zoneinfo.ZoneInfo": "import zoneinfo",
    "set": "", "frozenset": "", "bytearray": "", "range": "", "slice": "",
}
MUTABLE = {"OrderedDict", "deque", "Counter", "set", "bytearray"}


class Literal(ast.NodeVisitor):
    """Checks that an expression is a value and nothing else."""

    def __init__(self):
        self.imports = set()
        self.mutable = False

    def generic_visit(self, node):
        raise ValueError("not a literal: " + type(node).__name__)

    def visit_Expression(self, node):
        self.visit(node.body)

    def visit_Constant(self, node):
        if node.value is Ellipsis:
            raise ValueError("the value was cut")

    visit_Num = visit_Str = visit_Bytes = visit_NameConstant = lambda self, node: None

    def visit_Tuple(self, node):
        for element in node.elts:
            self.visit(element)

    def visit_List(self, node):
        self.mutable = True
        self.visit_Tuple(node)

    visit_Set = visit_List

    def visit_Dict(self, node):
        self.mutable = True
        for part in node.keys + node.values:
            if part is None:
                raise ValueError("not a literal")
            self.visit(part)

    def visit_UnaryOp(self, node):
        if not isinstance(node.op, (ast.USub, ast.UAdd)):
            raise ValueError("not a literal")
        self.number(node.operand)

    def visit_BinOp(self, node):  # a complex number
        if not isinstance(node.op, (ast.Add, ast.Sub)):
            raise ValueError("not a literal")
        self.number(node.left.operand if isinstance(node.left, ast.UnaryOp) else node.left)
        self.number(node.right)

    def number(self, node):
        if isinstance(node, ast.Name) and node.id in ("inf", "nan"):
            return
        if not isinstance(getattr(node, "value", getattr(node, "n", None)), (int, float, complex)):
            raise ValueError("not a number")

    def visit_Name(self, node):
        if node.id not in ("inf", "nan"):
            raise ValueError("not a literal: " + node.id)

    def visit_Call(self, node):
        name = text_of(node.func)
        if name not in KNOWN:
            raise ValueError("not a literal: call of " + name[:80])
        self.imports.add(KNOWN[name])
        self.mutable = self.mutable or name in MUTABLE
        for argument in node.args:
            self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg is None:
                raise ValueError("not a literal")
            self.visit(keyword.value)

    def visit_Attribute(self, node):
        if text_of(node) != "datetime.timezone.utc":
            raise ValueError("not a literal")
        self.imports.add("import datetime")


class Floats(ast.NodeTransformer):
    """inf and nan are what repr shows, not what Python reads."""

    def visit_Name(self, node):
        if node.id in ("inf", "nan"):
            return ast.Call(ast.Name("float", ast.Load()), [ast.Constant(node.id)], [])
        return node


def literal(text):
    try:
        tree = ast.parse(text.strip(), mode="eval")
        check = Literal()
        check.visit(tree)
        source = text_of(ast.fix_missing_locations(Floats().visit(tree)).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        return {"error": str(e)[:200]}
    imports = sorted(i for i in check.imports if i)
    return {"source": source, "imports": imports, "mutable": check.mutable}


def main():
    with open(os.path.join(HERE, "request.json"), "rb") as f:
        request = json.loads(f.read().decode())
    files = Files(request["root"])
    sys.setrecursionlimit(5000)
    answer = {
        "frames": [find(files, q) for q in request["frames"]],
        "values": [literal(v) for v in request["values"]],
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
