"""Template over-broad-except: a handler that swallows more than it was written
for, so that the failure shows up elsewhere.

The handler is narrowed to what the guarded code is known to raise, which lets
the swallowed exception reach the handler that was written for it; or, in a
loop, the item that failed is left out as the code base does it elsewhere.
"""

import ast
import builtins

from repaird_syntax import called

from .source import Candidate

NAME = "over-broad-except"

BROAD = {"Exception", "BaseException"}

# What operations of a try block are known to raise.
CALLS = {
    "int": ["ValueError"], "float": ["ValueError"], "loads": ["ValueError"], "index": ["ValueError"], "open": ["FileNotFoundError", "OSError"],
    "next": ["StopIteration"], "strptime": ["ValueError"], "fromisoformat": ["ValueError"], "decode": ["UnicodeDecodeError"],
    "Decimal": ["ArithmeticError"], "remove": ["ValueError"], "import_module": ["ImportError"], "getattr": ["AttributeError"],
}


def propose(ctx, function):
    source = function.source
    for stmt in function.statements():
        if not isinstance(stmt, ast.Try):
            continue
        swallowed = swallowed_in(ctx, function, stmt)
        for handler in stmt.handlers:
            if not broad(handler) or reraises(handler):
                continue
            if swallowed:
                yield from narrowed(ctx, source, function, stmt, handler, swallowed)
                yield from skipped(source, function, stmt, handler)


def broad(handler):
    t = handler.type
    return t is None or isinstance(t, ast.Name) and t.id in BROAD


def reraises(handler):
    return any(isinstance(n, ast.Raise) for s in handler.body for n in ast.walk(s))


def swallowed_in(ctx, function, stmt):
    """The exceptions that the run swallowed out of this block."""
    first, last = stmt.body[0].lineno, stmt.body[-1].end_lineno
    return [s for s in ctx.facts["swallowed"]
            if any(p == function.path and first <= line <= last for p, line, _ in s["places"])]


def narrowed(ctx, source, function, stmt, handler, swallowed):
    bases = {b for s in swallowed for b in s["bases"]}
    outer = handled_outside(ctx, bases)
    bound = source.names()
    sets = []
    explicit = sorted(raised_by(ctx, source, stmt))
    if explicit:
        sets.append((tuple(explicit), 0.92, "what the called code raises"))
    for names in caught_elsewhere(ctx, source, stmt, handler):
        sets.append((names, 0.85, "what the code base catches around this call"))
    known = known_of(stmt.body)
    for i, name in enumerate(known):
        sets.append(((name,), 0.75 - 0.01 * i, "what the guarded operation raises"))
    below = [n for n in known_of(bodies(ctx, source, stmt)) if n not in known]
    for i, name in enumerate(below):
        sets.append(((name,), 0.7 - 0.01 * i, "what operations of the called code raise"))
    if len(known) > 1:
        sets.append((tuple(known), 0.72, "what the guarded operations raise"))
    for names, prior, why in sets:
        if any(n in bases for n in names) or not all(reachable(n, bound) for n in names):
            continue
        text = names[0] if len(names) == 1 else "(%s)" % ", ".join(names)
        if handler.type is not None:
            change = (source.start(handler.type), source.end(handler.type), text)
        else:
            at = source.start(handler) + len("except")
            change = (at, at, " " + text)
        yield Candidate(NAME, function, [change],
                        "the handler also swallows %s; it is meant for %s, %s" % (swallowed[0]["type"], text, why),
                        prior if outer else prior * 0.7, handler.lineno)


def reachable(name, bound):
    top = name.split(".")[0]
    return top in bound or hasattr(builtins, top)


def handled_outside(ctx, bases):
    """Whether a function on the stack has a handler of its own for it."""
    for function in ctx.crash_lines:
        for stmt in function.statements():
            for handler in getattr(stmt, "handlers", []):
                if not broad(handler) and any(t.split(".")[-1] in bases - BROAD - {"object"} for t in types_of(handler)):
                    return True
    return False


def types_of(handler):
    t = handler.type
    nodes = t.elts if isinstance(t, ast.Tuple) else [t] if t is not None else []
    return [dotted(n) for n in nodes if dotted(n)]


def dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return inner + "." + node.attr if inner else ""
    return ""


def raised_by(ctx, source, stmt):
    """Exception classes that functions called in the block raise by name."""
    found = set()
    for s in stmt.body:
        for n in ast.walk(s):
            if isinstance(n, ast.Call):
                callee = ctx.callee(source, n)
                for inner in ast.walk(callee.node) if callee is not None else ():
                    if isinstance(inner, ast.Raise) and inner.exc is not None:
                        name = dotted(inner.exc.func if isinstance(inner.exc, ast.Call) else inner.exc)
                        if name:
                            found.add(name)
    swallowed = {s["type"] for s in ctx.facts["swallowed"]}
    return {n for n in found if n.split(".")[-1] not in swallowed}


def caught_elsewhere(ctx, source, stmt, handler):
    names = {called(n) for s in stmt.body for n in ast.walk(s) if isinstance(n, ast.Call)} - {""}
    found = []
    for other in ctx.tree_sources():
        for node in ast.walk(other.tree):
            if not isinstance(node, ast.Try) or node is stmt:
                continue
            theirs = {called(n) for s in node.body for n in ast.walk(s) if isinstance(n, ast.Call)}
            if names & theirs:
                for h in node.handlers:
                    types = tuple(types_of(h))
                    if types and not broad(h) and types not in found:
                        found.append(types)
    return found[:4]


def bodies(ctx, source, stmt):
    """The statements of the functions of the tree that a block calls."""
    callees = [ctx.callee(source, n) for s in stmt.body for n in ast.walk(s) if isinstance(n, ast.Call)]
    return [s for callee in callees if callee is not None for s in callee.node.body]


def known_of(body):
    """What operations in some statements are known to raise."""
    found = []
    for s in body:
        for n in ast.walk(s):
            names = []
            if isinstance(n, ast.Call):
                names = CALLS.get(called(n), [])
            elif isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Load):
                names = ["KeyError", "IndexError"]
            elif isinstance(n, ast.BinOp) and isinstance(n.op, (ast.Div, ast.FloorDiv, ast.Mod)):
                names = ["ZeroDivisionError"]
            found += [name for name in names if name not in found]
    return found


def skipped(source, function, stmt, handler):
    """pass → continue, where the loop goes on to use what the block should have made."""
    if len(handler.body) != 1 or not isinstance(handler.body[0], ast.Pass):
        return
    loop = source.parents.get(stmt)
    if not isinstance(loop, (ast.For, ast.While)) or stmt not in loop.body:
        return
    made = {n.id for s in stmt.body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    after = loop.body[loop.body.index(stmt) + 1:]
    used = {n.id for s in after for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    if made & used:
        body = handler.body[0]
        yield Candidate(NAME, function, [(source.start(body), source.end(body), "continue")],
                        "after a swallowed failure the loop uses `%s` of an earlier round" % sorted(made & used)[0],
                        0.6, body.lineno)
