"""Template ignored-absence: a caller that ignores that its callee may return
None or something empty, although annotation or docstring say so.

The check goes to the caller that ignored it, and does what this code base does
in that case: as another caller of the same function, as this function does
elsewhere, or as its own annotation promises. Where the code base shows nothing,
nothing is proposed: inventing a behaviour would only hide the failure.
"""

import ast
import builtins

from repaird_syntax import FUNCTIONS, called, holds

from .context import documents
from .source import Candidate, header_nodes
from .state import unit

NAME = "ignored-absence"

# Functions of Python and of well-known libraries that are documented to return None.
OPTIONAL = {"get", "match", "search", "fullmatch", "which", "first", "one_or_none", "scalar_one_or_none", "getenv"}


def propose(ctx, function):
    if function not in ctx.crash_lines:
        return
    source = function.source
    for stmt in function.statements():
        if not ctx.ran(source, stmt):
            continue
        call, name = assigned(stmt)
        if call is not None and name in ctx.absent(function):
            yield from checks(ctx, function, stmt, call, name)
        for node in header_nodes(stmt):
            used = used_directly(node)
            if used is not None and on_stack(ctx, function, stmt):
                yield from inline(ctx, function, stmt, used)
                yield from with_default(ctx, function, stmt, used)
        if call is not None and name in ctx.absent(function):
            yield from with_default(ctx, function, stmt, call)


def assigned(stmt):
    """The call whose result a statement gives a name to."""
    if isinstance(stmt, ast.Assign) and len(stmt.targets) == 1 and isinstance(stmt.targets[0], ast.Name):
        value = stmt.value
        if isinstance(value, ast.Await):
            value = value.value
        if isinstance(value, ast.Call):
            return value, stmt.targets[0].id
    return None, None


def on_stack(ctx, function, stmt):
    return any(holds(stmt, n) for n in ctx.crash_lines[function])


def used_directly(node):
    if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.value, ast.Call):
        return node.value
    return None


def optional(ctx, source, call, kind):
    """Whether the callee documents that it may return that kind of nothing."""
    callee = ctx.callee(source, call)
    if callee is not None:
        return documents(callee, kind)
    name = called(call)
    same = ctx.definitions(name)
    if same:
        return all(documents(f, kind) for f in same)
    if kind == "none" and name in OPTIONAL and isinstance(call.func, ast.Attribute):
        return len(call.args) + len(call.keywords) < 2 or name != "get"
    return False


def checks(ctx, function, stmt, call, name):
    source, kind = function.source, ctx.absent(function)[name]
    if not optional(ctx, source, call, kind) or source.indent(stmt) is None:
        return
    for body, prior, why, test in behaviours(ctx, function, stmt, call, name, kind):
        condition = test or ("%s is None" % name if kind == "none" else "not %s" % name)
        text = block(source, function, source.indent(stmt), condition, body)
        at = source.starts[stmt.end_lineno]
        yield Candidate(NAME, function, [(at, at, text)],
                        "%s may return %s, which this caller ignores; %s" % (
                            called(call), "None" if kind == "none" else "nothing", why),
                        prior, stmt.lineno)


def block(source, function, indent, condition, body):
    nl, step = source.newline.decode(), unit(source, function.node)
    lines = [indent + "if " + condition + ":"] + [indent + step + line for line in body]
    return "".join(line + nl for line in lines)


def inline(ctx, function, stmt, call):
    """find(x).name → found = find(x); if found is None: …; found.name"""
    source = function.source
    if not isinstance(stmt, (ast.Return, ast.Assign, ast.Expr)) or source.indent(stmt) is None:
        return
    if not optional(ctx, source, call, "none"):
        return
    used = {n.id for n in ast.walk(function.node) if isinstance(n, ast.Name)}
    name = next((n for n in exemplar_names(ctx, call) + ["found", "found_value"] if n not in used), None)
    if name is None:
        return
    for body, prior, why, test in behaviours(ctx, function, stmt, call, name, "none"):
        indent, nl = source.indent(stmt), source.newline.decode()
        text = "%s%s = %s%s" % (indent, name, source.text(call), nl)
        text += block(source, function, indent, test or "%s is None" % name, body)
        at = source.starts[stmt.lineno - 1]
        yield Candidate(NAME, function, [(at, at, text), (source.start(call), source.end(call), name)],
                        "%s may return None, which this caller ignores; %s" % (called(call), why),
                        prior * 0.97, stmt.lineno)


def exemplar_names(ctx, call):
    return [name for _, _, name, _, _ in exemplars(ctx, call, None)]


def exemplars(ctx, call, skip):
    """Other places that call the same function and look at what came back:
    (source, function, name, if statement, whether None was asked for)."""
    wanted, found = called(call), []
    for source in ctx.tree_sources():
        for function in source.functions:
            if function is skip:
                continue
            statements = list(function.statements())
            for i, stmt in enumerate(statements):
                other, name = assigned(stmt)
                if other is None or called(other) != wanted:
                    continue
                for test in statements[i + 1:i + 4]:
                    if isinstance(test, ast.If) and asks_absence(test.test, name):
                        found.append((source, function, name, test, True))
                        break
    return found


def asks_absence(test, name):
    """name is None, not name, len(name) == 0"""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Name) and test.operand.id == name
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.left, ast.Name) and test.left.id == name:
        right = test.comparators[0]
        return isinstance(test.ops[0], (ast.Is, ast.Eq)) and isinstance(right, ast.Constant) and right.value is None
    return False


def behaviours(ctx, function, stmt, call, name, kind):
    """(body lines, prior, why, condition or None), what this code base does."""
    seen = set()
    in_loop = inside_loop(function, stmt)
    for source, other, theirs, test, _ in exemplars(ctx, call, function):
        body = adapted(ctx, source, test, theirs, name, function, in_loop)
        if body and tuple(body) not in seen:
            seen.add(tuple(body))
            near = source is function.source
            condition = source.text(test.test).replace(theirs, name) if name_only(test.test, theirs) else None
            yield body, 0.95 if near else 0.88, "%s, another caller, answers it like this" % other.qualname, condition
    for s in function.statements():
        if isinstance(s, ast.If) and not s.orelse and len(s.body) == 1 and s is not stmt and \
                isinstance(s.body[0], (ast.Return, ast.Continue)) and missing_test(s.test):
            body = [function.source.text(s.body[0])]
            if tuple(body) not in seen and "\n" not in body[0] and (in_loop or not isinstance(s.body[0], ast.Continue)):
                seen.add(tuple(body))
                yield body, 0.62, "%s answers other missing input like this" % function.qualname, None
    if documents(function, "none") and ("return None",) not in seen and kind == "none":
        yield ["return None"], 0.7, "%s itself is documented to return None" % function.qualname, None


def name_only(test, name):
    return {n.id for n in ast.walk(test) if isinstance(n, ast.Name)} == {name}


def missing_test(test):
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return True
    return isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Is, ast.NotIn))


def inside_loop(function, stmt):
    node = function.source.parents.get(stmt)
    while node is not None and not isinstance(node, FUNCTIONS):
        if isinstance(node, (ast.For, ast.While)):
            return True
        node = function.source.parents.get(node)
    return False


def adapted(ctx, source, test, theirs, name, function, in_loop):
    """The exemplar's block with its variable renamed, or None where it cannot
    stand in the other function."""
    ends = isinstance(test.body[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))
    gives = any(isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name) and s.targets[0].id == theirs for s in test.body)
    if not ends and not gives:
        return None
    if isinstance(test.body[-1], (ast.Continue, ast.Break)) and not in_loop:
        return None
    known = function.source.names() | set(dir(builtins)) | set(function.all_parameters()) | {theirs}
    lines = []
    for s in test.body:
        if s.lineno != s.end_lineno:
            return None
        text = source.text(s)
        used = {n.id for n in ast.walk(s) if isinstance(n, ast.Name)}
        if not used <= known:
            return None
        out, at, base = [], 0, source.start(s)
        for n in sorted((n for n in ast.walk(s) if isinstance(n, ast.Name) and n.id == theirs), key=source.start):
            out += [text[at:source.start(n) - base], name]
            at = source.end(n) - base
        lines.append("".join(out) + text[at:])
    return lines


def with_default(ctx, function, stmt, call):
    """d.get(k) → d.get(k, D), with the D that other reads of the same table use."""
    source = function.source
    if called(call) != "get" or len(call.args) != 1 or call.keywords or not isinstance(call.func, ast.Attribute):
        return
    table = call.func.value
    word = table.attr if isinstance(table, ast.Attribute) else getattr(table, "id", "")
    seen = set()
    for other in ctx.tree_sources():
        for n in ast.walk(other.tree):
            if isinstance(n, ast.Call) and called(n) == "get" and len(n.args) == 2 and isinstance(n.func, ast.Attribute):
                base = n.func.value
                if word and (getattr(base, "attr", None) == word or getattr(base, "id", None) == word):
                    default = other.text(n.args[1])
                    if default not in seen and isinstance(n.args[1], (ast.Constant, ast.List, ast.Dict)) and default != "None":
                        seen.add(default)
                        at = source.end(call.args[0])
                        yield Candidate(NAME, function, [(at, at, ", " + default)],
                                        "a missing key of `%s` counts as `%s` elsewhere" % (word, default), 0.84, stmt.lineno)
