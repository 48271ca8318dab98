"""Templates swapped-arguments and adjusted-argument: what a call passes."""

import ast
import itertools

from repaird_syntax import called

from .bounds import INDEX
from .context import simple
from .source import Candidate, header_nodes

SWAP = "swapped-arguments"
ADJUST = "adjusted-argument"

NUMBERS = ("int", "float", "Decimal", "Fraction")


def propose(ctx, function):
    source = function.source
    for stmt, near in ctx.statements(function):
        for node in header_nodes(stmt):
            if not isinstance(node, ast.Call) or any(isinstance(a, ast.Starred) for a in node.args):
                continue
            yield from swaps(ctx, source, function, node, near, stmt)
            yield from adjustments(ctx, source, function, node, near, stmt)


def word(node):
    """The name that an argument goes by."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        index = node.slice
        if isinstance(index, INDEX):
            index = index.value
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            return index.value
    if isinstance(node, ast.Call):
        return called(node)
    return ""


def alike(argument, parameter):
    """0..1: whether an argument's name says that it is meant for a parameter."""
    a, p = argument.lower().strip("_"), parameter.lower().strip("_")
    if not a or not p:
        return 0
    if a == p:
        return 1
    if len(p) > 2 and len(a) > 2 and (a in p or p in a):
        return 0.8
    shared = set(a.split("_")) & set(p.split("_"))
    return 0.6 if any(len(s) > 2 for s in shared) else 0


def swaps(ctx, source, function, node, near, stmt):
    if 2 <= len(node.args) <= 5:
        callee = ctx.callee(source, node)
        names = callee.parameters() if callee is not None else []
        if names[:1] in (["self"], ["cls"]) and callee.cls is not None:
            names = names[1:]
        for i, j in itertools.combinations(range(len(node.args)), 2):
            a, b = node.args[i], node.args[j]
            if source.text(a) == source.text(b) or (isinstance(a, ast.Constant) and isinstance(b, ast.Constant) and callee is None):
                continue
            prior = 0.5 if j == i + 1 else 0.3
            if j < len(names):
                crossed = alike(word(a), names[j]) + alike(word(b), names[i])
                straight = alike(word(a), names[i]) + alike(word(b), names[j])
                if straight > crossed and straight > 1.5:
                    continue  # both stand where their names say
                if straight > crossed:
                    prior = 0.15
                elif crossed > straight:
                    prior = 0.8 + 0.08 * min(crossed, 2)
            yield Candidate(SWAP, function, exchange(source, a, b),
                            "the arguments `%s` and `%s` of %s are swapped" % (source.text(a), source.text(b), called(node)),
                            prior * near, stmt.lineno)
    for k, m in itertools.combinations([k for k in node.keywords if k.arg], 2):
        crossed = alike(word(k.value), m.arg) + alike(word(m.value), k.arg)
        straight = alike(word(k.value), k.arg) + alike(word(m.value), m.arg)
        if crossed > straight:
            yield Candidate(SWAP, function, exchange(source, k.value, m.value),
                            "the values of %s and %s are swapped" % (k.arg, m.arg), 0.85 * near, stmt.lineno)


def exchange(source, a, b):
    return [(source.start(a), source.end(a), source.text(b)), (source.start(b), source.end(b), source.text(a))]


def adjustments(ctx, source, function, node, near, stmt):
    """Arguments plus or minus a variable in scope.

    Under a condition that compares the argument with a variable, what is passed
    on is often the rest: f(..., x - v) where x >= v. Such a pair ranks first,
    then a function that calls itself, which must hand on a smaller problem.
    """
    types = ctx.types(function)
    recursive = called(node) == function.name
    compared = conditions_on(source, function, stmt)
    arguments = list(node.args) + [k.value for k in node.keywords if k.arg]
    scope = [n for n, kind in sorted(types.items()) if kind in NUMBERS]
    for arg in arguments:
        if not (simple(arg) or isinstance(arg, ast.BinOp)) or isinstance(arg, (ast.Constant, ast.Call)):
            continue
        text = source.text(arg)
        if isinstance(arg, ast.Name) and types.get(arg.id) not in NUMBERS:
            continue
        if isinstance(arg, ast.BinOp) and not isinstance(arg.op, (ast.Add, ast.Sub)):
            continue
        used = {n.id for n in ast.walk(arg) if isinstance(n, ast.Name)}
        for name in scope:
            if name in used or not bound_before(function, name, stmt):
                continue
            base = 0.5 if recursive else 0.36
            pair = compared.get((text, name))
            for sign, bonus in (("-", 0.04), ("+", 0)):
                prior = base + bonus
                if pair == "above" and sign == "-":
                    prior = 0.9 if recursive else 0.6
                elif pair == "below" and sign == "+":
                    prior = base + 0.08
                found = Candidate(ADJUST, function, [(source.start(arg), source.end(arg), "%s %s %s" % (text, sign, name))],
                                  "the argument `%s` of %s should be `%s %s %s`" % (text, called(node), text, sign, name),
                                  prior * near, stmt.lineno)
                found.guess = not (pair == "above" and sign == "-" or pair == "below" and sign == "+")
                yield found
        if recursive:
            for sign in ("-", "+"):
                yield Candidate(ADJUST, function, [(source.start(arg), source.end(arg), "%s %s 1" % (text, sign))],
                                "the argument `%s` of %s should be `%s %s 1`" % (text, called(node), text, sign),
                                0.52 * near, stmt.lineno)


def bound_before(function, name, stmt):
    if name in function.all_parameters():
        return True
    for s in function.statements():
        if s.lineno >= stmt.lineno:
            break
        for n in header_nodes(s):
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id == name:
                return True
    return False


def conditions_on(source, function, stmt):
    """(text, name) -> above or below, for comparisons that hold where the
    statement runs."""
    found = {}
    node = stmt
    while node is not None and node is not function.node:
        parent = source.parents.get(node)
        if isinstance(parent, (ast.If, ast.While)):
            holds = node in parent.body
            for test in conjuncts(parent.test) if holds else [parent.test]:
                if isinstance(test, ast.Compare) and len(test.ops) == 1:
                    note(source, found, test, holds)
        node = parent
    return found


def conjuncts(test):
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for v in test.values:
            yield from conjuncts(v)
    else:
        yield test


def note(source, found, test, holds):
    left, right, op = test.left, test.comparators[0], test.ops[0]
    above = isinstance(op, (ast.Gt, ast.GtE))
    if not above and not isinstance(op, (ast.Lt, ast.LtE)):
        return
    above = above if holds else not above
    for a, b, up in ((left, right, above), (right, left, not above)):
        if isinstance(b, ast.Name):
            found.setdefault((source.text(a), b.id), "above" if up else "below")
