"""Templates missing-statement and missing-condition: a step or a part of a
condition that was left out."""

import ast

from .scope import CONTAINERS, GROWING, NUMBERS, Scope, blocks, loops
from .source import Candidate

STATEMENT = "missing-statement"
CONDITION = "missing-condition"


def propose(ctx, function):
    scope = Scope(ctx, function)
    weights = dict(ctx.statements(function))
    yield from conditions(ctx, scope, weights)
    yield from steps(ctx, scope, weights)


def conditions(ctx, scope, weights):
    """if c → if c or not v, while True → while v."""
    function, source = scope.function, scope.function.source
    absent = ctx.absent(function)
    for stmt, near in weights.items():
        test = getattr(stmt, "test", None)
        if not isinstance(stmt, (ast.If, ast.While)) or test is None:
            continue
        place = (source.start(test), source.end(test))
        text = source.text(test)
        grouped = "(%s)" % text if isinstance(test, (ast.BoolOp, ast.IfExp, ast.Lambda, ast.NamedExpr)) else text
        forever = isinstance(test, ast.Constant) and test.value is True
        named = {n.id for n in ast.walk(test) if isinstance(n, ast.Name)}
        for name in scope.names(stmt):
            if named == {name} and isinstance(test, ast.Name):
                continue
            kind = scope.kind(name)
            facts = []
            if kind in CONTAINERS:
                facts.append((name, "not " + name, 0.5))
            if name in scope.nones:
                facts.append((name + " is not None", name + " is None", 0.72 if name in absent else 0.45))
            for there, missing, prior in facts:
                if name in used_below(stmt):
                    prior += 0.1
                if forever:
                    # After the loop there has to be something to do, or the function ends without a result.
                    prior += 0.1 if ends_well(source, function, stmt) else -0.1
                    yield made(CONDITION, function, [place + (there,)], "the loop goes on where `%s`" % missing, prior * near, stmt)
                    continue
                for new, what in alternatives(stmt, grouped, there, missing):
                    yield made(CONDITION, function, [place + (new,)], "the condition `%s` leaves out %s" % (text, what), prior * near, stmt)


def ends_well(source, function, loop):
    """Whether something follows a loop, or its function returns nothing anyway."""
    parent = source.parents.get(loop)
    follows = any(loop in block and block[-1] is not loop for block in (getattr(parent, f, None) or [] for f in ("body", "orelse")))
    return follows or not any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(function.node))


def alternatives(stmt, grouped, there, missing):
    """What a condition may become, with a part that holds where something is
    there or missing; checks come before what they protect."""
    if isinstance(stmt, ast.While):
        return [("%s and %s" % (there, grouped), "that `%s`" % missing)]
    return [("%s or %s" % (missing, grouped), "that `%s`" % missing), ("%s and %s" % (there, grouped), "that `%s`" % missing)]


def used_below(stmt):
    return {n.id for s in stmt.body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def made(template, function, changes, why, prior, stmt):
    return Candidate(template, function, changes, why, prior, stmt.lineno, True)


def steps(ctx, scope, weights):
    """A statement at the end or the beginning of a block."""
    function, source = scope.function, scope.function.source
    for owner, block in blocks(function):
        first, last = block[0], block[-1]
        if owner is not function.node and owner not in weights and not any(s in weights for s in block):
            continue
        near = max([weights.get(s, 0) for s in block] + [0.6])
        leaves = isinstance(last, (ast.Return, ast.Raise, ast.Continue, ast.Break))
        seen = set()
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(block) > 1:
            first = block[1]
        places = [(first, False)] + [(s, False) for s in block[1:]] + ([] if leaves else [(last, True)])
        for anchor, after in places:
            edge = 0 if after or anchor is last and leaves else 0.03 if anchor is first else 0.06
            for text, prior, why in statements(scope, anchor, after, loops(source, anchor, function)):
                if (text, anchor.lineno, after) in seen:
                    continue
                seen.add((text, anchor.lineno, after))
                change = inserted(source, anchor, after, text)
                if change is not None:
                    yield made(STATEMENT, function, [change], why, (prior - edge) * near, anchor)


def inserted(source, anchor, after, text):
    indent = source.indent(anchor)
    if indent is None:
        return None
    newline = source.newline.decode()
    if after:
        at = source.starts[anchor.end_lineno] if anchor.end_lineno < len(source.starts) else len(source.data)
        if at > len(source.data):
            return len(source.data), len(source.data), newline + indent + text + newline
        return at, at, indent + text + newline
    at = source.starts[anchor.lineno - 1]
    return at, at, indent + text + newline


def statements(scope, anchor, after, around):
    """(statement, prior, why) that may be missing at a place."""
    around = list(around)
    here = ast.copy_location(ast.Pass(), anchor)
    here.lineno = (anchor.end_lineno if after else anchor.lineno) + (1 if after else 0)
    names = scope.names(here)
    for grown in scope.names(here):
        method = GROWING.get(scope.kind(grown))
        if method is None or grown in scope.function.all_parameters():
            continue
        starved = not scope.grows(grown)
        for item in names:
            if item == grown:
                continue
            prior = 0.36 + (0.34 if starved else 0) - (0.1 if scope.kind(item) == scope.kind(grown) else 0)
            yield "%s.%s(%s)" % (grown, method, item), prior, "nothing adds `%s` to `%s` here" % (item, grown)
    for target, places in scope.stored.items():
        if target not in names or not around:
            continue
        within = [p for p in places if any(inside(p, loop) for loop in around)]
        stuck = not within and all(isinstance(p, ast.Assign) for p in places)
        for value in names:
            same = scope.kind(value) == scope.kind(target)
            if value == target or not (same or target in scope.nones or value in scope.nones):
                continue
            yield "%s = %s" % (target, value), 0.6 if stuck else 0.2, "`%s` is not brought up to date here" % target
        if scope.kind(target) in NUMBERS and scope.kind(target) == "int":
            for sign in ("+", "-"):
                yield "%s %s= 1" % (target, sign), (0.5 if stuck else 0.26) - 0.04 * (sign == "-"), "`%s` is not counted here" % target


def inside(stmt, loop):
    return stmt is not loop and loop.lineno <= stmt.lineno <= loop.end_lineno and hasattr(stmt, "lineno") \
        and any(n is stmt for s in loop.body for n in ast.walk(s))
