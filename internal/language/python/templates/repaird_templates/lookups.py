"""Template missing-key: something that is not there is looked up, taken away or
split off, where the code around it allows for its absence.

What stands in for the missing thing is what other reads of the same table use, or
what the statement itself shows: a condition counts it as false, a list is begun,
what is already gone need not be removed.
"""

import ast
import re

from .scope import Scope
from .source import Candidate, header_nodes
from .bounds import INDEX

NAME = "missing-key"

BEGUN = {"append": "[]", "extend": "[]", "insert": "[]", "add": "set()", "update": "{}", "setdefault": "{}"}


def propose(ctx, function):
    crash = ctx.crash_lines.get(function)
    if not crash:
        return
    source, bases = function.source, ctx.facts["bases"]
    for stmt in function.statements():
        if not any(stmt.lineno <= n <= stmt.end_lineno for n in crash) or not ctx.ran(source, stmt):
            continue
        made = maker(function, stmt)
        if "KeyError" in bases:
            if isinstance(stmt, ast.Delete):
                yield from deletions(source, stmt, made)
            elif isinstance(stmt, ast.AugAssign) and isinstance(stmt.target, ast.Subscript):
                yield from sums(source, stmt, made)
            for node in header_nodes(stmt):
                if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and key_of(node) is not None \
                        and not asked(function, node):
                    yield from reads(ctx, source, stmt, node, made)
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    yield from removals(source, Scope(ctx, function), node, made)
        if "ValueError" in bases:
            yield from splits(source, stmt, made)
        if "RuntimeError" in bases and isinstance(stmt, ast.For):
            text = source.text(stmt.iter)
            yield made([whole(source, stmt.iter) + ("list(%s)" % text,)], "`%s` changes while the loop goes through it" % text, 0.95)


def maker(function, stmt):
    def made(changes, why, prior):
        return Candidate(NAME, function, changes, why, prior, stmt.lineno, True)
    return made


def whole(source, node):
    return source.start(node), source.end(node)


def key_of(node):
    index = node.slice
    if isinstance(index, INDEX):
        index = index.value
    return None if isinstance(index, (ast.Slice, ast.Tuple)) else index


def asked(function, node):
    """Whether the function itself asks if the key is there: then it knows."""
    source = function.source
    key, table = source.text(key_of(node)), source.text(node.value)
    return any(isinstance(n, ast.Compare) and len(n.ops) == 1 and isinstance(n.ops[0], (ast.In, ast.NotIn))
               and source.text(n.left) == key and source.text(n.comparators[0]) == table for n in ast.walk(function.node))


def reads(ctx, source, stmt, node, made):
    """d[k] → d.get(k), d.get(k, default), d.setdefault(k, [])"""
    table, key = source.text(node.value), source.text(key_of(node))
    place = whole(source, node)
    parent = source.parents.get(node)
    if isinstance(parent, ast.Attribute) and isinstance(source.parents.get(parent), ast.Call) and parent.attr in BEGUN:
        yield made([place + ("%s.setdefault(%s, %s)" % (table, key, BEGUN[parent.attr]),)],
                   "`%s` is not begun where there is nothing under `%s`" % (table, key), 0.8)
        return
    for default, prior, why in defaults(ctx, source, node.value, key_of(node)):
        new = "%s.get(%s, %s)" % (table, key, default) if default != "None" else "%s.get(%s)" % (table, key)
        yield made([place + (new,)], why, prior)
    if condition(source, node):
        yield made([place + ("%s.get(%s)" % (table, key),)], "a missing `%s` counts as false here" % key, 0.75)


def condition(source, node):
    """Whether only the truth of an expression counts."""
    parent = source.parents.get(node)
    while isinstance(parent, (ast.BoolOp, ast.UnaryOp)):
        node, parent = parent, source.parents.get(parent)
    return isinstance(parent, (ast.If, ast.While, ast.IfExp)) and parent.test is node


def defaults(ctx, source, table, key):
    """(default, prior, why) of the reads of this key, or of this table's others."""
    word = getattr(table, "id", getattr(table, "attr", ""))
    constant = key.value if isinstance(key, ast.Constant) else None
    seen = documented(ctx, constant)
    for other in ctx.tree_sources():
        for n in ast.walk(other.tree):
            if not isinstance(n, ast.Call) or not isinstance(n.func, ast.Attribute) or n.func.attr != "get" or not 1 <= len(n.args) <= 2:
                continue
            if condition(other, n) or len(n.args) == 2 and not isinstance(n.args[1], (ast.Constant, ast.List, ast.Dict, ast.Tuple)):
                continue  # it asks whether the key is there, or has more than a plain value to say
            default = other.text(n.args[1]) if len(n.args) == 2 else "None"
            base, asked = n.func.value, n.args[0]
            same = getattr(base, "id", getattr(base, "attr", None)) == word and word
            if constant is not None and isinstance(asked, ast.Constant) and asked.value == constant:
                found = (0.9 if same else 0.8, "elsewhere `%s` counts as `%s` where it is missing" % (constant, default))
            elif same and other is source:
                found = (0.7, "others of `%s` count as `%s` where they are missing" % (word, default))
            else:
                continue
            if found > seen.get(default, (0, "")):
                seen[default] = found
    return [(default, prior, why) for default, (prior, why) in sorted(seen.items(), key=lambda kv: -kv[1][0])[:4]]


def documented(ctx, key):
    """{default: (prior, why)} that a docstring of the tree states for a key, such
    as "port: where to listen (default 8080)"."""
    found = {}
    if not isinstance(key, str) or not key:
        return found
    for source in ctx.tree_sources():
        for node in ast.walk(source.tree):
            if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            for line in (ast.get_docstring(node) or "").splitlines():
                said = re.search(r"\b[Dd]efaults?(?: is| to| value)?[ :=]+([^\s()]+|\"[^\"]*\"|'[^']*')", line)
                if said and re.search(r"\b%s\b" % re.escape(key), line[:said.start()]):
                    default = literal(said.group(1).strip("`").rstrip(".,;)`"))
                    if default is not None:
                        found[default] = (0.92, "`%s` is documented to default to `%s`" % (key, default))
    return found


def literal(text):
    """The text as a literal of Python, None if it is none."""
    try:
        return repr(ast.literal_eval(text)) if len(text) < 100 else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def sums(source, stmt, made):
    """d[k] += v → d[k] = d.get(k, 0) + v"""
    if key_of(stmt.target) is None or not isinstance(stmt.op, ast.Add):
        return
    table, key = source.text(stmt.target.value), source.text(key_of(stmt.target))
    for start, prior in (("0", 0.7), ("[]", 0.5)):
        if isinstance(stmt.value, (ast.List, ast.ListComp)) == (start == "[]"):
            yield made([whole(source, stmt) + ("%s = %s.get(%s, %s) + %s" % (source.text(stmt.target), table, key, start, source.text(stmt.value)),)],
                       "`%s` is not begun where there is nothing under `%s`" % (table, key), prior)


def deletions(source, stmt, made):
    """del d[k] → d.pop(k, None)"""
    if len(stmt.targets) == 1 and isinstance(stmt.targets[0], ast.Subscript) and key_of(stmt.targets[0]) is not None:
        target = stmt.targets[0]
        yield made([whole(source, stmt) + ("%s.pop(%s, None)" % (source.text(target.value), source.text(key_of(target))),)],
                   "what is gone already need not be deleted", 0.75)


def removals(source, scope, node, made):
    """s.remove(x) → s.discard(x), d.pop(k) → d.pop(k, None)"""
    if node.func.attr == "remove" and len(node.args) == 1:
        kind = scope.kind(getattr(node.func.value, "id", ""))
        if kind in ("set", ""):
            at = source.end(node.func)
            yield made([(at - len("remove"), at, "discard")], "what is gone already need not be removed", 0.88)
    elif node.func.attr == "pop" and len(node.args) == 1 and isinstance(source.parents.get(node), ast.Expr):
        at = source.end(node.args[0])
        yield made([(at, at, ", None")], "what is gone already need not be taken", 0.6)


def splits(source, stmt, made):
    """a, b = s.split(x, 1) → a, _, b = s.partition(x)"""
    if not (isinstance(stmt, ast.Assign) and len(stmt.targets) == 1 and isinstance(stmt.targets[0], ast.Tuple) and len(stmt.targets[0].elts) == 2):
        return
    call = stmt.value
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("split", "rsplit")):
        return
    limits = call.args[1:] + [k.value for k in call.keywords if k.arg == "maxsplit"]
    if not call.args or len(limits) != 1 or not isinstance(limits[0], ast.Constant) or limits[0].value != 1:
        return
    first, second = (source.text(e) for e in stmt.targets[0].elts)
    name = "partition" if call.func.attr == "split" else "rpartition"
    new = "%s, _, %s = %s.%s(%s)" % (first, second, source.text(call.func.value), name, source.text(call.args[0]))
    yield made([whole(source, stmt) + (new,)], "the second part may be missing", 0.7)
