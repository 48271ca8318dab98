"""Templates unnormalised-key and shadowed-match: a text that is looked up in
another spelling than the table's, and a search that finds a shorter entry before
the longer one that was meant."""

import ast

from .scope import bound
from .source import Candidate, header_nodes

KEY = "unnormalised-key"
SHADOW = "shadowed-match"

FORMS = [(".strip()", str.strip), (".upper()", str.upper), (".lower()", str.lower), (".title()", str.title),
         (".strip().upper()", lambda s: s.strip().upper()), (".strip().lower()", lambda s: s.strip().lower())]


def propose(ctx, function):
    yield from spellings(ctx, function)
    yield from shadows(ctx, function)


def tables(ctx):
    """The texts that tables in the executed files have as keys or members."""
    found = []
    for source in list(ctx.sources.values()):
        for node in ast.walk(source.tree):
            keys = node.keys if isinstance(node, ast.Dict) else node.elts if isinstance(node, (ast.Set, ast.List, ast.Tuple)) else []
            texts = {k.value for k in keys if isinstance(k, ast.Constant) and isinstance(k.value, str)}
            if len(texts) >= 2 and len(texts) == len(keys):
                found.append(texts)
    return found


def form_of(ctx, value):
    """The least change that makes a value one that a table has, or None."""
    if any(value in texts for texts in ctx.tables):
        return None
    for suffix, form in FORMS:
        if any(form(value) in texts for texts in ctx.tables):
            return suffix, form(value)
    return None


def spellings(ctx, function):
    source = function.source
    if ctx.tables is None:
        ctx.tables = tables(ctx)
    misspelt = {}
    for name, values in ctx.texts(function).items():
        for value in values:
            found = form_of(ctx, value)
            if found:
                misspelt[name] = (value,) + found
    # The value tells where it is misspelt; how close that is to the failure does
    # not. The deeper place comes first: what is above it may rely on the spelling.
    share = (1 + 0.02 * min(ctx.depth(function), 6)) / ctx.weights.get(function, 1)
    for stmt, _ in ctx.statements(function) if misspelt else ():
        made = bound(stmt)
        for name in made & set(misspelt):
            if isinstance(stmt, ast.Assign) and len(stmt.targets) == 1 and isinstance(stmt.targets[0], ast.Name):
                value, suffix, known = misspelt[name]
                text = source.text(stmt.value)
                text = text if isinstance(stmt.value, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)) else "(%s)" % text
                yield Candidate(KEY, function, [(source.start(stmt.value), source.end(stmt.value), text + suffix)],
                                "`%s` is known, %r is not: `%s` is not brought into the form that is looked up" % (known, value, name),
                                0.9 * share, stmt.lineno, True)
        for node in header_nodes(stmt):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in misspelt and passed(source, node):
                value, suffix, known = misspelt[node.id]
                yield Candidate(KEY, function, [(source.start(node), source.end(node), node.id + suffix)],
                                "`%s` is known, %r is not: `%s` is not brought into the form that is looked up" % (known, value, node.id),
                                0.84 * share, stmt.lineno, True)


def passed(source, node):
    """Whether a name is looked up or handed on as it is."""
    parent = source.parents.get(node)
    if isinstance(parent, ast.Compare):
        return True
    if isinstance(parent, ast.Call):
        return node in parent.args
    return isinstance(parent, (ast.Subscript, getattr(ast, "Index", ast.Subscript))) and getattr(parent, "value", None) is not node \
        or isinstance(parent, ast.keyword)


def shadows(ctx, function):
    """for unit in UNITS → longest first, where one is the end of another."""
    source = function.source
    for stmt, near in ctx.statements(function):
        if not isinstance(stmt, ast.For):
            continue
        pair = isinstance(stmt.target, ast.Tuple) and stmt.target.elts and isinstance(stmt.target.elts[0], ast.Name)
        name = stmt.target.elts[0].id if pair else getattr(stmt.target, "id", None)
        how = {n.func.attr for s in stmt.body for n in ast.walk(s)
               if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in ("startswith", "endswith")
               and len(n.args) == 1 and isinstance(n.args[0], ast.Name) and n.args[0].id == name}
        if not name or not how:
            continue
        text = source.text(stmt.iter)
        if ctx.tables is None:
            ctx.tables = tables(ctx)
        certain = any(a != b and getattr(a, h)(b) for texts in ctx.tables for a in texts for b in texts for h in how)
        key = "lambda item: -len(item[0])" if pair else "len, reverse=True"
        yield Candidate(SHADOW, function, [(source.start(stmt.iter), source.end(stmt.iter), "sorted(%s, key=%s)" % (text, key))],
                        "an entry of `%s` that another one %s is found first" % (text, "ends with" if "endswith" in how else "begins with"),
                        (0.9 if certain else 0.5) * near, stmt.lineno, True)
