"""Template off-by-one: a bound of range, an index, a slice, or a start value
that is one too many or one too few."""

import ast

from repaird_syntax import enclosing_function

from .context import simple
from .source import Candidate, header_nodes

NAME = "off-by-one"

INDEX = getattr(ast, "Index", ())  # Python 3.8 wraps what stands in brackets


def shifted(source, node, by):
    """The text of an expression plus or minus one, as a person would write it."""
    if isinstance(node, ast.Constant):
        return str(node.value + by) if type(node.value) is int else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant) \
            and type(node.operand.value) is int:
        value = -node.operand.value + by
        return str(value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) \
            and isinstance(node.right, ast.Constant) and type(node.right.value) is int:
        value = node.right.value * (1 if isinstance(node.op, ast.Add) else -1) + by
        left = source.text(node.left)
        return left if value == 0 else "%s %s %d" % (left, "+" if value > 0 else "-", abs(value))
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) or simple(node):
        if isinstance(node, ast.Constant):
            return None
        return "%s %s 1" % (source.text(node), "+" if by > 0 else "-")
    return None


def mirrored(source, node, text):
    """Whether the change makes both sides of an operator equal: x[i] - x[i]."""
    inner = source.parents.get(node)
    if isinstance(inner, INDEX):
        inner = source.parents.get(inner)
    outer = source.parents.get(inner)
    if not isinstance(inner, ast.Subscript) or not isinstance(outer, (ast.BinOp, ast.Compare)):
        return False
    start, end = source.start(inner), source.end(inner)
    new = (source.data[start:source.start(node)] + text.encode() + source.data[source.end(node):end]).decode()
    sides = [outer.left, outer.right] if isinstance(outer, ast.BinOp) else [outer.left] + outer.comparators
    return any(side is not inner and source.text(side) == new for side in sides)


def looks_ahead(stmt):
    """Whether a loop's body reads at the loop variable plus something."""
    if not isinstance(stmt, ast.For) or not isinstance(stmt.target, ast.Name):
        return False
    for s in stmt.body:
        for n in ast.walk(s):
            if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Add) and isinstance(n.left, ast.Name) and n.left.id == stmt.target.id \
                    and isinstance(n.right, ast.Constant):
                return True
    return False


def is_len(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def propose(ctx, function):
    source, types = function.source, ctx.types(function)
    for stmt, near in ctx.statements(function):
        for node, prior, what in sites(source, stmt, types):
            for by in (-1, 1):
                text = shifted(source, node, by)
                if text is None or mirrored(source, node, text):
                    continue
                old = source.text(node)
                # Back to the plain expression, or to the last valid place, is likelier than further away.
                bonus = 0.06 if len(text) < len(old) or (is_len(node) and by < 0) else 0
                if by < 0 and what == "the end of range" and looks_ahead(stmt):
                    bonus = 0.1
                yield Candidate(NAME, function, [(source.start(node), source.end(node), text)],
                                "%s `%s` is off by one: `%s`" % (what, old, text), (prior + bonus) * near, stmt.lineno)
        for node in header_nodes(stmt):
            yield from rounding(source, function, stmt, node, near)
            if is_range(node) and len(node.args) == 1 and not isinstance(node.args[0], ast.Starred):
                text = source.text(node.args[0])
                yield Candidate(NAME, function, [(source.start(node.args[0]), source.end(node.args[0]), "1, " + text)],
                                "range starts one too early: `range(1, %s)`" % text, 0.6 * near, stmt.lineno)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "enumerate" and len(node.args) == 1:
                end = source.end(node.args[0])
                yield Candidate(NAME, function, [(end, end, ", 1")], "enumerate counts from 1 here", 0.45 * near, stmt.lineno)


def rounding(source, function, stmt, node, near):
    """a // b + 1 → -(-a // b), a // b → -(-a // b)"""
    plus = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.right, ast.Constant) and node.right.value == 1
    inner = node.left if plus else node
    if not isinstance(inner, ast.BinOp) or not isinstance(inner.op, ast.FloorDiv) or isinstance(inner.right, ast.Constant):
        return
    parent = source.parents.get(node)
    if not plus and isinstance(parent, ast.BinOp):
        return
    if not simple(inner.left) or not simple(inner.right):
        return
    text = "-(-%s // %s)" % (source.text(inner.left), source.text(inner.right))
    yield Candidate(NAME, function, [(source.start(node), source.end(node), text)],
                    "`%s` is one off where the division %s: it should round up" % (source.text(node), "is even" if plus else "is not even"),
                    (0.9 if plus else 0.6) * near, stmt.lineno, True)


def is_range(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range" and not node.keywords


def sites(source, stmt, types):
    for node in header_nodes(stmt):
        if is_range(node):
            for i, arg in enumerate(node.args[:2]):
                stop = i == 1 or len(node.args) == 1
                yield arg, 0.86 if stop else 0.72, "the end of range" if stop else "the start of range"
        elif isinstance(node, ast.Subscript):
            index = node.slice
            if isinstance(index, INDEX):  # Python 3.8
                index = index.value
            if isinstance(index, ast.Slice):
                if index.upper is not None:
                    yield index.upper, 0.78 * alone(source, stmt, index.upper), "the end of the slice"
                if index.lower is not None:
                    yield index.lower, 0.74 * alone(source, stmt, index.lower), "the start of the slice"
            elif keyed(source, node, types):
                continue
            elif isinstance(index, ast.Constant) and type(index.value) is not int:
                continue
            else:
                # x[i + 1] is a likelier slip than x[i]: somebody counted there.
                counted = is_len(index) or isinstance(index, ast.BinOp)
                yield index, 0.84 if counted else 0.55 if isinstance(index, ast.Constant) else 0.62, "the index"
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
            right = node.comparators[0]
            place = is_len(right) or isinstance(right, (ast.Name, ast.BinOp, ast.Constant))
            yield right, 0.66 if place else 0.3, "the bound"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("insert", "pop") and node.args:
            yield node.args[0], 0.6, "the index"
        elif isinstance(node, ast.Call) and not is_range(node):
            for arg in node.args + [k.value for k in node.keywords if k.arg]:
                if isinstance(arg, ast.BinOp) and isinstance(arg.right, ast.Constant):
                    yield arg, 0.72, "the argument"
    if isinstance(stmt, ast.Assign) and len(stmt.targets) == 1 and isinstance(stmt.targets[0], ast.Name):
        if is_len(stmt.value) or isinstance(stmt.value, ast.Constant) or isinstance(stmt.value, ast.BinOp):
            if types.get(stmt.targets[0].id) in ("int", None):
                yield stmt.value, 0.68 if not isinstance(stmt.value, ast.Constant) else 0.5, "the start value"
    if isinstance(stmt, ast.Return) and isinstance(stmt.value, (ast.BinOp, ast.Name)):
        yield stmt.value, 0.35, "the result"


def alone(source, stmt, bound):
    """Less than 1 where a bound divides a sequence: x[:m] and x[m:] belong together."""
    function = enclosing_function(source.parents, stmt)
    text, seen = source.text(bound), 0
    for n in ast.walk(function) if function is not None else ():
        if isinstance(n, ast.Slice):
            seen += sum(1 for b in (n.lower, n.upper) if b is not None and source.text(b) == text)
    return 1 if seen < 2 else 0.4


def keyed(source, node, types):
    """Whether a subscript is certainly a key of a dict, not an index."""
    return isinstance(node.value, ast.Name) and types.get(node.value.id) in ("dict", "defaultdict", "Counter", "OrderedDict")
