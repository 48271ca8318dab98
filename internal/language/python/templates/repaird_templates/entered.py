"""Templates converted-input and copied-argument: a value of another type than the
code works with, converted where it entered; and an argument that a function
changes although its caller still uses it.

Which conversions make sense, the failure's own message says. Where the value
entered is not known for certain, so each place that binds it is a candidate, and
the one farthest from the failure comes first.
"""

import ast
import re

from repaird_syntax import defaults

from .context import MUTATORS
from .formats import zones
from .scope import bound
from .source import Candidate, header_nodes
from .state import body_start, is_name

CONVERTED = "converted-input"
COPIED = "copied-argument"

BYTES = re.compile(r"bytes-like object|must be (?:str|bytes)|bytes pattern|string pattern|can't concat|to (?:str|bytes)\b|not bytes|not 'bytes'")
ZONES = re.compile(r"offset-naive and offset-aware")
MIXED = re.compile(r"'(?:str|int|float)' and '(?:str|int|float)'|can only concatenate str|must be str, not|unsupported operand|interpreted as an integer|must be integers")
COPIES = {"list": "list(%s)", "dict": "dict(%s)", "set": "set(%s)", "deque": "%s.copy()", "bytearray": "bytearray(%s)"}
ENTRIES = (ast.Subscript, ast.Call, ast.Attribute)


def propose(ctx, function):
    yield from conversions(ctx, function)
    yield from copies(ctx, function)


def conversions(ctx, function):
    wanted = forms(ctx, function)
    if not wanted or function not in ctx.crash_lines:
        return
    source, types = function.source, ctx.types(function)
    # The place where the value entered is farther out than where it is used.
    outer = 1 / max(ctx.weights.get(function, 1), 0.5)
    for kind, form, why in wanted:
        places = []
        for stmt in function.statements():
            if not ctx.ran(source, stmt):
                continue
            if isinstance(stmt, ast.Assign) and len(stmt.targets) == 1 and isinstance(stmt.targets[0], ast.Name) \
                    and isinstance(stmt.value, ENTRIES) and types.get(stmt.targets[0].id) == kind:
                places.append((stmt, stmt.value, 0.82, stmt.targets[0].id))
            for node in header_nodes(stmt):
                if used(source, node) and (isinstance(node, ast.Name) and types.get(node.id) == kind or isinstance(node, ast.Subscript)):
                    places.append((stmt, node, 0.72 if isinstance(node, ast.Name) else 0.76, source.text(node)))
        for stmt, node, prior, name in places:
            yield Candidate(CONVERTED, function, [(source.start(node), source.end(node), form % source.text(node))],
                            "`%s` is not converted where it enters: %s" % (name, why), min(prior * outer, 0.95), stmt.lineno, True)


def used(source, node):
    """Whether an expression is an operand, a key or an argument as it is."""
    if not isinstance(getattr(node, "ctx", None), ast.Load):
        return False
    parent = source.parents.get(node)
    if isinstance(parent, (ast.Compare, ast.BinOp)):
        return True
    if isinstance(parent, ast.Call):
        return node in parent.args
    if isinstance(parent, getattr(ast, "Index", ())):
        return True
    return isinstance(parent, ast.Subscript) and parent.slice is node


def forms(ctx, function):
    """(type as the run saw it, conversion, why) that the failure speaks for."""
    message, bases = ctx.facts.get("message", ""), ctx.facts["bases"]
    found = []
    if "TypeError" in bases and BYTES.search(message):
        found += [("bytes", "%s.decode()", "it is bytes where a text is meant"), ("str", "%s.encode()", "it is a text where bytes are meant")]
    if "TypeError" in bases and ZONES.search(message):
        found += [("datetime", "%%s.replace(tzinfo=%s)" % zone, "it is a time without a zone where one with a zone is meant") for zone in zones(function.source)]
        found.append(("datetime", "%s.replace(tzinfo=None)", "it is a time with a zone where one without is meant"))
    if "KeyError" in bases or "TypeError" in bases and MIXED.search(message):
        key = message.strip()
        if "TypeError" in bases or re.match(r"'-?\d+'$", key):
            found.append(("str", "int(%s)", "it is a text where a number is meant"))
        if "TypeError" in bases or re.match(r"-?\d+$", key):
            found.append(("int", "str(%s)", "it is a number where a text is meant"))
    return found


def copies(ctx, function):
    """def f(items): items.sort() → items = list(items) first"""
    types, (at, indent) = ctx.types(function), body_start(function)
    if at is None or re.search(r"in[- ]place|\bchanges?\b|\bupdates?\b|\bmodif", function.docstring(), re.I):
        return
    for name in function.all_parameters():
        form = COPIES.get(types.get(name))
        if form is None or name in ("self", "cls") or not mutated(function.node, name) or rebound(function, name):
            continue
        if returns_nothing(function.node) or collects(function.node, name):
            continue  # that it changes its argument is what it is for
        yield Candidate(COPIED, function, [(at, at, "%s%s = %s%s" % (indent, name, form % name, function.source.newline.decode()))],
                        "`%s` is changed, although the caller still uses it" % name, 0.78, function.node.lineno, True)


def mutated(node, name):
    for n in ast.walk(node):
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in MUTATORS and is_name(n.func.value, name):
            return True
        if isinstance(n, ast.Subscript) and isinstance(n.ctx, (ast.Store, ast.Del)) and is_name(n.value, name):
            return True
        if isinstance(n, ast.AugAssign) and is_name(n.target, name):
            return True
    return False


def rebound(function, name):
    return any(name in bound(s) for s in function.statements() if not isinstance(s, ast.AugAssign))


def collects(node, name):
    """Whether a parameter is given back, or is one thing for all calls: a default."""
    if any(a.arg == name for a, _ in defaults(node.args)):
        return True
    return any(isinstance(n, ast.Return) and n.value is not None and is_name(n.value, name) for n in ast.walk(node))


def returns_nothing(node):
    return not any(isinstance(n, (ast.Return, ast.Yield)) and getattr(n, "value", None) is not None for n in ast.walk(node))
