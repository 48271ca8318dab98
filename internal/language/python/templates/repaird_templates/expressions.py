"""Template wrong-expression: a part of an expression too many, too few, or in
the wrong place."""

import ast

from repaird_syntax import called

from .bounds import INDEX
from .operators import flipped
from .scope import NUMBERS, SEQUENCES, Scope
from .source import Candidate, header_nodes

NAME = "wrong-expression"

ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


def propose(ctx, function):
    source, scope = function.source, Scope(ctx, function)
    pool = expressions(source, function)
    for stmt, near in ctx.statements(function):
        def made(changes, why, prior):
            return Candidate(NAME, function, changes, why, prior * near, stmt.lineno, True)

        for node in header_nodes(stmt):
            for kinds, make in ((ast.BinOp, operations), (ast.Call, calls), (ast.Subscript, subscripts), (ast.Name, parts)):
                if isinstance(node, kinds):
                    yield from make(source, scope, function, stmt, node, made)
        if isinstance(stmt, ast.Assign) and len(stmt.targets) == 1:
            yield from assignments(source, scope, function, stmt, pool, made)
        elif isinstance(stmt, ast.Return) and stmt.value is not None:
            yield from results(source, scope, function, stmt, made)
        elif isinstance(stmt, ast.Expr):
            yield from effects(source, stmt, made)


def whole(source, node):
    return source.start(node), source.end(node)


def expressions(source, function):
    """Texts of the subscripts that the function reads, with their statements."""
    found = {}
    for stmt in function.statements():
        for n in header_nodes(stmt):
            if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Load):
                found.setdefault(source.text(n), []).append(stmt)
    return found


def operations(source, scope, function, stmt, node, made):
    """a + b → a, b, b + a; a * f(x) → v * f(x)."""
    left, right = source.text(node.left), source.text(node.right)
    for kept, gone in ((left, right), (right, left)):
        constant = isinstance(node.left if gone == left else node.right, ast.Constant)
        yield made([whole(source, node) + (kept,)], "`%s` should be left out of `%s`" % (gone, source.text(node)), 0.44 if constant else 0.32)
    if isinstance(node.op, ORDERED) or isinstance(node.op, ast.Add) and not counts(scope, node.left) and not counts(scope, node.right):
        yield made([whole(source, node.left) + (right,), whole(source, node.right) + (left,)],
                   "`%s` and `%s` are the wrong way round" % (left, right), 0.45 if isinstance(node.op, ast.Add) else 0.4)
    for operand in (node.left, node.right):
        if isinstance(operand, (ast.Call, ast.Subscript)):
            for name in scope.names(stmt, NUMBERS):
                yield made([whole(source, operand) + (name,)], "`%s` should be `%s`" % (source.text(operand), name), 0.34)
        if isinstance(operand, ast.Name) and scope.kind(operand.id) in NUMBERS and isinstance(node.op, (ast.Add, ast.Sub)):
            yield made([whole(source, operand) + (operand.id + " ** 2",)], "`%s` should be squared" % operand.id, 0.2)


def counts(scope, node):
    """Whether an expression is certainly a number."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (int, float))
    return isinstance(node, ast.Name) and scope.kind(node.id) in NUMBERS


def calls(source, scope, function, stmt, node, made):
    """f(x) → x; f(a[1:], b) → f(a[1:], b[1:])."""
    if len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred):
        recursive = called(node) == function.name
        yield made([whole(source, node) + (source.text(node.args[0]),)],
                   "`%s` should be its argument itself" % source.text(node), 0.5 if recursive else 0.3)
    recursive = called(node) == function.name
    sliced = [source.text(a)[len(source.text(a.value)):] for a in node.args if isinstance(a, ast.Subscript) and is_slice(a)]
    for arg in node.args:
        if isinstance(arg, ast.Name) and scope.kind(arg.id) in SEQUENCES:
            for cut in dict.fromkeys(sliced + ["[1:]", "[:-1]"]):
                yield made([whole(source, arg) + (arg.id + cut,)], "`%s` should be passed as `%s`" % (arg.id, arg.id + cut),
                           0.6 if cut in sliced else 0.4 if recursive else 0.25)


def is_slice(node):
    return isinstance(node.slice, ast.Slice)


def subscripts(source, scope, function, stmt, node, made):
    """d[i, j] → d[j, i], d[i, j - 1]"""
    index = node.slice
    if isinstance(index, INDEX):
        index = index.value
    if not isinstance(index, ast.Tuple) or not 2 <= len(index.elts) <= 4:
        return
    for a, b in zip(index.elts, index.elts[1:]):
        if source.text(a) != source.text(b):
            yield made([whole(source, a) + (source.text(b),), whole(source, b) + (source.text(a),)],
                       "the indices `%s` and `%s` are swapped" % (source.text(a), source.text(b)), 0.46)
    for e in index.elts:
        if isinstance(e, ast.Name) and scope.kind(e.id) in NUMBERS:
            for sign in ("-", "+"):
                yield made([whole(source, e) + ("%s %s 1" % (e.id, sign),)],
                           "the index `%s` should be `%s %s 1`" % (e.id, e.id, sign), 0.5 - 0.04 * (sign == "+"))


def parts(source, scope, function, stmt, node, made):
    """for x in items → for x in items[k:]"""
    if not isinstance(node.ctx, ast.Load) or scope.kind(node.id) not in ("list", "tuple", "str"):
        return
    parent = source.parents.get(node)
    if not isinstance(parent, (ast.For, ast.comprehension)) or parent.iter is not node:
        return
    halves = {source.text(n) for n in ast.walk(function.node) if isinstance(n, ast.Subscript) and is_slice(n)}
    for name in scope.names(stmt, {"int"}) + ["1"]:
        for cut, other in (("[%s:]", "[:%s]"), ("[:%s]", "[%s:]")):
            divided = node.id + other % name in halves
            yield made([whole(source, node) + (node.id + cut % name,)],
                       "only `%s` is left" % (node.id + cut % name), 0.7 if divided else 0.3)


def assignments(source, scope, function, stmt, pool, made):
    target, value = stmt.targets[0], stmt.value
    text = source.text(value)
    if isinstance(target, ast.Name) and scope.kind(target.id) in NUMBERS and not isinstance(value, ast.Constant):
        kept = any(p is not stmt and (p is function.node or p.lineno < stmt.lineno) for p in scope.stored.get(target.id, ()))
        for best in ("max", "min") if not (isinstance(value, ast.Call) and called(value) in ("max", "min")) else ():
            if kept:
                yield made([whole(source, value) + ("%s(%s, %s)" % (best, target.id, text),)],
                           "`%s` should keep the %s so far" % (target.id, "greatest" if best == "max" else "least"), 0.36)
                yield made([whole(source, value) + ("%s(0, %s)" % (best, text),)],
                           "`%s` should not go %s zero" % (target.id, "below" if best == "max" else "above"), 0.3)
    if isinstance(target, ast.Subscript):
        inner = {source.text(n) for n in ast.walk(value) if isinstance(n, ast.Subscript)}
        for other in pool:
            if other != source.text(target):
                yield made([whole(source, target) + (other,)], "`%s` should be assigned to, not `%s`" % (other, source.text(target)),
                           0.44 if other in inner else 0.24)
    if isinstance(target, ast.Name):
        for name in scope.names(stmt, {scope.kind(target.id)}):
            if name != target.id and name in scope.stored:
                yield made([whole(source, target) + (name,)], "`%s` should be assigned to, not `%s`" % (name, target.id), 0.26)


def results(source, scope, function, stmt, made):
    value, place = stmt.value, whole(source, stmt.value)
    text = source.text(value)

    def other(new, why, prior):
        return made([place + (new,)], why, prior)

    if isinstance(value, ast.Constant) and isinstance(value.value, bool):
        for name in scope.names(stmt):
            kind = scope.kind(name)
            if kind in NUMBERS:
                yield other("%s == 0" % name if value.value else "%s != 0" % name, "the result depends on `%s`" % name, 0.45)
            elif kind in SEQUENCES | {"set", "dict"}:
                yield other("not " + name if value.value else "bool(%s)" % name, "the result depends on `%s`" % name, 0.4)
            elif kind == "bool":
                yield other(name, "the result depends on `%s`" % name, 0.45)
        yield flipped(other(str(not value.value), "the result is inverted", 0.3))
    elif isinstance(value, ast.List) and not value.elts:
        yield other("[[]]", "the one empty case is missing from the result", 0.42)
        for name in scope.names(stmt):
            yield other("[%s]" % name, "`%s` is missing from the result" % name, 0.4 if name in function.all_parameters() else 0.32)
            if scope.kind(name) == "list":
                yield other(name, "the result is `%s`" % name, 0.3)
    elif isinstance(value, ast.Constant):
        for name in scope.names(stmt):
            yield other(name, "the result is `%s`, not a constant" % name, 0.3)
    else:
        for name in scope.names(stmt, {"list", "str", "tuple"}):
            if not (isinstance(value, ast.Name) and value.id == name):
                wrapped = "(%s)" % text if isinstance(value, (ast.BoolOp, ast.IfExp, ast.Compare, ast.Lambda)) else text
                yield other("%s + %s" % (name, wrapped), "`%s` is missing from the result" % name, 0.32)
                yield other("%s + %s" % (wrapped, name), "`%s` is missing from the result" % name, 0.31)
    if isinstance(value, ast.Compare) or isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not):
        yield flipped(other("not (%s)" % text, "the result is inverted", 0.3))


def effects(source, stmt, made):
    """x.update(y) → x = y; yield f(x) → yield from f(x)"""
    value = stmt.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in ("update", "extend") \
            and len(value.args) == 1 and not value.keywords and isinstance(value.func.value, (ast.Name, ast.Subscript, ast.Attribute)):
        target, item = source.text(value.func.value), source.text(value.args[0])
        yield made([whole(source, value) + ("%s = %s" % (target, item),)],
                   "`%s` should be `%s` itself, not a copy of it" % (target, item), 0.3)
    if isinstance(value, ast.Yield) and value.value is not None:
        yield made([whole(source, value) + ("yield from " + source.text(value.value),)], "the parts of `%s` are yielded" % source.text(value.value), 0.36)
