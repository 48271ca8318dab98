"""A failing test's source, and the entry in it: the call whose answer is asked.

The entry is the outermost call of the tree's own code in the last statement
that has one; where nothing of the tree is recognised, the last statement's
expression.
"""

import ast
import os
import re
import sys

SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Assert)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
WRAPPERS = ("list", "tuple", "dict", "set", "sorted", "run")   # around a call, to have it run
EQUALS = ("assertEqual", "assertEquals", "assertIs", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual",
          "assertIsNone", "assertTrue", "assertFalse", "assertCountEqual", "assertMultiLineEqual")
RAISES = ("raises", "assertRaises", "assertRaisesRegex")


LOOKS = {"type", "len", "str", "repr", "sorted", "list", "set", "dict", "isinstance", "Decimal", "Fraction", "approx"}
METHODS = {"items", "keys", "values", "copy", "strip", "lower", "upper", "split", "splitlines", "startswith", "endswith", "decode", "encode", "replace"}
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def modules(tree, roots):
    """The top-level modules that a tree provides."""
    found = set()
    for root in roots:
        try:
            for e in os.scandir(os.path.join(tree, root)):
                name = e.name[:-3] if e.name.endswith(".py") else e.name
                if name.isidentifier() and (e.is_dir() or e.name.endswith(".py")):
                    found.add(name)
        except OSError:
            pass
    return found


class Shape:
    """The test's source with its entry. own are the tree's top-level modules;
    None are all but the interpreter's."""

    def __init__(self, source, name, own=None):
        self.source = source
        self.raw = source.encode()
        self.starts = [0]
        for line in self.raw.split(b"\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.module = ast.parse(source)
        self.function = find(self.module, name)
        self.own = own
        self.statement, self.entry, self.asserts = entry(self.function, known(self.module, own))

    def span(self, node):
        return (self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset)

    def text(self, node):
        start, end = self.span(node)
        return self.raw[start:end].decode()

    def replaced(self, edits):
        """The source with (node, text) pairs replaced."""
        raw = self.raw
        for (start, end), text in sorted(((self.span(n), t) for n, t in edits), reverse=True):
            raw = raw[:start] + text.encode() + raw[end:]
        return raw.decode()

    def shown(self):
        """The entry on one line."""
        if hasattr(ast, "unparse"):
            return ast.unparse(self.entry)
        return re.sub(r"\s*\n\s*", " ", self.text(self.entry))


def find(module, name):
    """The test function; name may have its class before it."""
    nodes, found = module.body, None
    for part in re.split(r"::|\.", name.partition("[")[0]):
        found = next((n for n in nodes if isinstance(n, FUNCTIONS + (ast.ClassDef,)) and n.name == part), None)
        if found is None:
            raise ValueError("the test has no function " + name)
        nodes = found.body
    if isinstance(found, ast.ClassDef):
        raise ValueError("the test is a class")
    return found


def known(module, own):
    """The names in a test's module that are the tree's: what is imported from
    it, and the module's own functions and classes, which lead there."""
    def ours(name):
        top = name.partition(".")[0]
        return top in own if own is not None else top not in others

    names, others = set(), standard() if own is None else ()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names.update(a.asname or a.name.partition(".")[0] for a in node.names if ours(a.name))
        elif isinstance(node, ast.ImportFrom) and (node.level or ours(node.module or "")):
            names.update(a.asname or a.name for a in node.names)
    names.update(n.name for n in module.body if isinstance(n, FUNCTIONS + (ast.ClassDef,)))
    return names


def standard():
    """The interpreter's modules, and the test runner."""
    names = set(getattr(sys, "stdlib_module_names", ())) or {n.partition(".")[0] for n in os.listdir(os.path.dirname(os.__file__))}
    return names | set(sys.builtin_module_names) | {"pytest"}


def root(node):
    """The name that a chain of attributes, subscripts and calls starts from."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Await)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def outermost(node, names, locals_):
    """The outermost call of a known name in an expression, or None, with what is
    wrapped around it to have it run. An attribute of what a call returns, which
    may be a property, is part of it."""
    if isinstance(node, FUNCTIONS + (ast.Lambda,)):
        return None
    if isinstance(node, COMPREHENSIONS):  # its parts have names of their own
        return node if any(isinstance(n, ast.Call) and root(n.func) in names for n in ast.walk(node)) else None
    inner = unwrapped(node)
    if inner is not node and outermost(inner, names, locals_) is inner:
        return node
    if isinstance(node, ast.Call) and root(node.func) in names:
        # What a call returned has methods that any text or dict has.
        if not (isinstance(node.func, ast.Attribute) and node.func.attr in METHODS and root(node.func) in locals_):
            return node
    if isinstance(node, ast.Attribute) and root(node) in names and any(isinstance(n, ast.Call) for n in ast.walk(node)):
        return node
    for child in ast.iter_child_nodes(node):
        found = outermost(child, names, locals_)
        if found is not None:
            return found
    return None


def in_order(body, raising=False):
    """(simple statement, whether it is in a block that must raise), in order."""
    for statement in body:
        if isinstance(statement, SIMPLE):
            yield statement, raising
            continue
        if isinstance(statement, FUNCTIONS + (ast.ClassDef,)):
            continue
        inside = raising or (isinstance(statement, (ast.With, ast.AsyncWith)) and any(raises(i.context_expr) for i in statement.items))
        for field in ("body", "orelse", "finalbody"):
            for pair in in_order(getattr(statement, field, []), inside):
                yield pair


def raises(node):
    """Whether an expression is pytest.raises(…) or the like."""
    return isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in RAISES


def entry(function, names):
    """(statement, expression, whether the test asserts its answer)."""
    names, locals_, best, after = set(names), set(), None, []
    statements = list(in_order(function.body))
    for statement, raising in statements:
        value = statement.test if isinstance(statement, ast.Assert) else statement.value
        call = outermost(value, names, locals_ if asserting(statement) else ()) if value is not None else None
        if call is not None and isinstance(statement, (ast.Assign, ast.AnnAssign)):
            for target in getattr(statement, "targets", None) or [statement.target]:
                locals_.update(n.id for n in ast.walk(target) if isinstance(n, ast.Name))
            names |= locals_
        if call is not None:
            best, after = (statement, call, raising), []
        else:
            after.append(statement)
    if best is not None:
        statement, call, raising = best
        return statement, call, raising or asserted(statement, call) or any(named(statement, s) for s in after)
    for statement, raising in reversed(statements):
        value = statement.test if isinstance(statement, ast.Assert) else statement.value
        if value is not None and any(isinstance(n, ast.Call) for n in ast.walk(value)):
            if isinstance(statement, ast.Assert):
                value = side(value)
            return statement, value, raising or asserted(statement, value)
    raise ValueError("the test does not make a call")


def asserting(statement):
    return isinstance(statement, ast.Assert) or isinstance(statement, ast.Expr) and getattr(getattr(statement.value, "func", None), "attr", "") in EQUALS


def side(test):
    """The side of an assertion that makes a call."""
    if isinstance(test, ast.UnaryOp):
        return side(test.operand)
    if isinstance(test, ast.Compare):
        for node in [test.left] + test.comparators:
            if any(isinstance(n, ast.Call) for n in ast.walk(node)):
                return node
    return test


def asserted(statement, call):
    """Whether a statement says what a call answers: that it equals something."""
    if isinstance(statement, ast.Assert):
        test = statement.test
        if isinstance(test, ast.UnaryOp):
            test = test.operand
        sides = [test.left] + test.comparators if isinstance(test, ast.Compare) and all(isinstance(o, (ast.Eq, ast.Is)) for o in test.ops) else [test]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and getattr(statement.value.func, "attr", "") in EQUALS:
        sides = statement.value.args
    else:
        return False
    return any(s is call or unwrapped(s) is call for s in sides)


def unwrapped(node):
    while isinstance(node, ast.Await) or isinstance(node, ast.Call) and len(node.args) == 1 and getattr(node.func, "attr", getattr(node.func, "id", "")) in WRAPPERS:
        node = node.value if isinstance(node, ast.Await) else node.args[0]
    return node


def named(assignment, statement):
    """Whether a later statement asserts what an assigned answer or a part of it is."""
    targets = getattr(assignment, "targets", None) or [getattr(assignment, "target", None)]
    names = [t.id for t in targets if isinstance(t, ast.Name)]
    if isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Compare) and all(isinstance(o, (ast.Eq, ast.Is)) for o in statement.test.ops):
        compared = statement.test
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and getattr(statement.value.func, "attr", "") in EQUALS:
        compared = ast.Tuple(statement.value.args, ast.Load())
    else:
        return False
    nodes = list(ast.walk(compared))
    calls = [getattr(n.func, "id", getattr(n.func, "attr", "")) for n in nodes if isinstance(n, ast.Call)]
    return any(isinstance(n, ast.Name) and n.id in names for n in nodes) and all(c in LOOKS or c in METHODS for c in calls)


class Rewriter(ast.NodeTransformer):
    """Makes the test return its entry's answer, and keeps receiver and arguments."""

    def __init__(self, shape):
        self.shape = shape

    def visit(self, node):
        if node is self.shape.statement:
            return ast.copy_location(ast.Return(value=kept(self.shape.entry)), node)
        return super().visit(node)

    def visit_With(self, node):
        self.generic_visit(node)
        return node.body if any(raises(i.context_expr) for i in node.items) else node


def kept(call):
    """The call with its receiver and arguments passed through __keep__; of one
    in a wrapper its result too, which may be lazy."""
    inner = unwrapped(call)
    if inner is not call and isinstance(call, ast.Call) and isinstance(inner, ast.Call):
        lazy = getattr(call.func, "attr", getattr(call.func, "id", "")) != "run"
        arg = kept(call.args[0])
        if lazy:
            arg = ast.copy_location(ast.Call(func=ast.copy_location(ast.Name(id="__keep__", ctx=ast.Load()), arg), args=[arg], keywords=[]), arg)
        return ast.copy_location(ast.Call(func=call.func, args=[arg], keywords=[]), call)
    if isinstance(call, ast.Await):
        return ast.copy_location(ast.Await(kept(call.value)), call)
    if isinstance(call, ast.Attribute):
        return ast.copy_location(ast.Attribute(value=kept(call.value), attr=call.attr, ctx=call.ctx), call)
    if not isinstance(call, ast.Call):
        return call

    def keep(value):
        if isinstance(value, (ast.Constant, ast.Starred)):
            return value
        name = ast.copy_location(ast.Name(id="__keep__", ctx=ast.Load()), value)
        return ast.copy_location(ast.Call(func=name, args=[value], keywords=[]), value)

    func = call.func
    if isinstance(func, ast.Attribute) and isinstance(func.value, (ast.Call, ast.Name)):
        func = ast.copy_location(ast.Attribute(value=keep(func.value), attr=func.attr, ctx=func.ctx), func)
    words = [ast.copy_location(ast.keyword(arg=k.arg, value=keep(k.value) if k.arg else k.value), k.value) for k in call.keywords]
    return ast.copy_location(ast.Call(func=func, args=[keep(a) for a in call.args], keywords=words), call)


def rewritten(shape):
    return ast.fix_missing_locations(Rewriter(shape).visit(shape.module))


# Tests that need pytest to be called

GIVEN = {
    "tmp_path": "__import__('pathlib').Path(__import__('tempfile').mkdtemp())",
    "tmpdir": "__import__('pathlib').Path(__import__('tempfile').mkdtemp())",
    "monkeypatch": "__import__('pytest').MonkeyPatch()",
}


def standalone(source, name):
    """The test with its parameters assigned in its body: the row of a
    parametrisation, and fixtures that stand in the same file or are few."""
    shape = Shape(source, name)
    f = shape.function
    wanted = [a.arg for a in f.args.args if a.arg not in ("self", "cls")]
    if not wanted and not f.decorator_list:
        return source
    lines, given = [], dict(GIVEN)
    for node in shape.module.body:
        if isinstance(node, FUNCTIONS) and any(fixture(d) for d in node.decorator_list):
            if not node.args.args:
                lazy = any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(node))
                made = "globals()[%r]()" % node.name
                given[node.name] = "next(%s)" % made if lazy else made
    for d in f.decorator_list:
        if isinstance(d, ast.Call) and getattr(d.func, "attr", "") == "parametrize" and len(d.args) > 1:
            names, row = chosen(shape, d, name)
            lines.append("%s = %s" % (names, row))
            wanted = [w for w in wanted if w not in re.split(r"[\s,]+", names)]
    for w in wanted:
        if w not in given:
            raise ValueError("the test takes the fixture " + w)
        lines.append("%s = %s" % (w, given[w]))
    first = f.body[0]
    indent = " " * first.col_offset
    raw = shape.raw
    edits = [(shape.starts[first.lineno - 1], shape.starts[first.lineno - 1], "".join(indent + l + "\n" for l in lines))]
    if wanted or lines:
        args = [a for a in f.args.args]
        edits.append((shape.span(args[0])[0], max(shape.span(a)[1] for a in args + f.args.defaults), "self" if args[0].arg == "self" else ""))
    for node in [f] + [n for n in shape.module.body if isinstance(n, FUNCTIONS)]:
        for d in node.decorator_list:
            if node is f or fixture(d):
                start = shape.starts[d.lineno - 1]
                edits.append((start, shape.starts[d.end_lineno], ""))
    for start, end, text in sorted(set(edits), reverse=True):
        raw = raw[:start] + text.encode() + raw[end:]
    return raw.decode()


def fixture(d):
    d = d.func if isinstance(d, ast.Call) else d
    return getattr(d, "attr", getattr(d, "id", "")) == "fixture"


def chosen(shape, decorator, name):
    """(names, source of the row) of a parametrisation, by the id in the test's name."""
    names = decorator.args[0].value if isinstance(decorator.args[0], ast.Constant) else ", ".join(e.value for e in decorator.args[0].elts)
    single = "," not in names
    rows = getattr(decorator.args[1], "elts", None)
    if not rows:
        raise ValueError("the test's parameters are computed")
    rows = [r.args[0] if single else ast.Tuple(r.args, ast.Load()) if isinstance(r, ast.Call) and getattr(r.func, "attr", "") == "param" else r for r in rows]
    want = name.partition("[")[2].rstrip("]")

    def label(node, arg, i):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float, type(None))):
            return str(node.value)
        return "%s%d" % (arg, i)

    args = re.split(r"[\s,]+", names)
    for i, row in enumerate(rows):
        cells = [row] if single else row.elts
        if not want or "-".join(label(c, a, i) for c, a in zip(cells, args)) == want:
            return names, shape.text(row) if hasattr(row, "lineno") else "(%s,)" % ", ".join(shape.text(c) for c in cells)
    raise ValueError("the test has no row " + want)
