"""Template wrong-name: a variable, attribute or function where another one that
is at hand was meant."""

import ast

from repaird_syntax import called

from .calls import alike
from .scope import NUMBERS, Scope
from .source import Candidate, header_nodes

NAME = "wrong-name"

# Functions that are each other's opposite.
OPPOSITE = {"any": "all", "all": "any", "min": "max", "max": "min", "append": "extend", "extend": "append",
            "startswith": "endswith", "endswith": "startswith", "lstrip": "rstrip", "rstrip": "lstrip", "find": "rfind",
            "rfind": "find", "issubset": "issuperset", "issuperset": "issubset", "popleft": "pop", "upper": "lower",
            "lower": "upper", "union": "intersection", "intersection": "union", "keys": "values", "values": "keys"}


def propose(ctx, function):
    source, scope = function.source, Scope(ctx, function)
    unused = set(function.all_parameters()) - {n.id for n in ast.walk(function.node) if isinstance(n, ast.Name)}
    for stmt, near in ctx.statements(function):
        for node in header_nodes(stmt):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield from variables(source, scope, stmt, node, near, unused)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                yield from attributes(ctx, source, function, stmt, node, near)
            if isinstance(node, ast.Call):
                yield from callees(ctx, source, function, stmt, node, near)


def change(source, function, stmt, node, text, prior, what):
    return Candidate(NAME, function, [(source.start(node), source.end(node), text)],
                     "%s `%s` should be `%s`" % (what, source.text(node), text), prior, stmt.lineno, True)


def variables(source, scope, stmt, node, near, unused):
    parent = source.parents.get(node)
    if isinstance(parent, ast.Call) and parent.func is node or node.id not in scope.types:
        return
    kind = scope.kind(node.id)
    kinds = NUMBERS if kind in NUMBERS else {kind}
    if isinstance(parent, (ast.For, ast.comprehension)) or iterated(source, node):
        kinds = kinds | {"list", "tuple", "set", "deque"} if kind in ("list", "tuple", "set", "deque") else kinds
    for name in scope.names(stmt, kinds):
        if name != node.id:
            prior = 0.42 + 0.2 * (name in unused) + 0.06 * alike(name, node.id)
            if iterated(source, node):
                prior += 0.06
            yield change(source, scope.function, stmt, node, name, prior * near, "the variable")


def iterated(source, node):
    """for x in NODE, or for i, x in enumerate(NODE)"""
    parent = source.parents.get(node)
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in ("enumerate", "reversed", "sorted", "zip"):
        node, parent = parent, source.parents.get(parent)
    return isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is node


def attributes(ctx, source, function, stmt, node, near):
    """obj.attr → another attribute that objects of the class have."""
    for other in ctx.attributes(node.attr):
        prior = 0.4 + 0.12 * alike(other, node.attr)
        at = source.end(node) - len(node.attr.encode())
        yield Candidate(NAME, function, [(at, source.end(node), other)],
                        "the attribute `%s` should be `%s`" % (source.text(node), other), prior * near, stmt.lineno, True)


def callees(ctx, source, function, stmt, node, near):
    name = called(node)
    end = source.end(node.func)
    start = end - len(name.encode())
    if name in OPPOSITE:
        yield Candidate(NAME, function, [(start, end, OPPOSITE[name])], "`%s` should be `%s`" % (name, OPPOSITE[name]),
                        0.5 * near, stmt.lineno, True)
    callee = ctx.callee(source, node) if isinstance(node.func, ast.Name) else None
    if callee is None:
        return
    for other in source.functions:
        if other.cls is callee.cls and not other.nested and other.name != name \
                and len(other.parameters()) == len(callee.parameters()):
            yield Candidate(NAME, function, [(start, end, other.name)], "`%s` should be `%s`" % (name, other.name),
                            (0.3 + 0.1 * alike(name, other.name)) * near, stmt.lineno, True)
