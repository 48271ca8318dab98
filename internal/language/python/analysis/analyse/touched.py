"""Which statements a patch touches, and which of them belong together.

Two changes belong together when they are in one statement, and when one changes
how something is used that the other uses: the parameters of a function and its
callers, an import and its uses, a constant and its readers. Without the one, the
other is wrong, whether or not a test runs it.
"""
import ast
from collections import namedtuple

from repaird_syntax import FUNCTIONS, SCOPES, bare, bound_names, definitions, innermost, own, statements

import lines

Statement = namedtuple("Statement", "node first last scope")  # scope: qualified name of the function around it, "" for none


def heads(tree):
    """Every statement of a file with its lines; of a compound one those of its head."""
    found = []

    def visit(node, prefix, scope):
        for child in ast.iter_child_nodes(node):
            inner, around = prefix, scope
            if isinstance(child, SCOPES):
                inner = prefix + child.name + "."
                around = prefix + child.name if isinstance(child, FUNCTIONS) else ""
            if isinstance(child, (ast.stmt, ast.ExceptHandler)):
                first, last = lines.span(child)
                found.append(Statement(child, first, last, around))
            visit(child, inner, around)

    visit(tree, "", "")
    return found


def names(node):
    """The names in a statement, without those of the statements in it."""
    found = set()
    waiting = [node]
    while waiting:
        n = waiting.pop()
        if isinstance(n, ast.Name):
            found.add(n.id)
        elif isinstance(n, ast.Attribute):
            found.add(n.attr)
        elif isinstance(n, ast.alias):
            found.add((n.asname or n.name).partition(".")[0])
            found.add(n.name.rpartition(".")[2])
        elif isinstance(n, ast.Constant) and isinstance(n.value, str) and n.value.isidentifier():
            found.add(n.value)  # a key
        waiting.extend(c for c in ast.iter_child_nodes(n) if not isinstance(c, ast.stmt) and type(c).__name__ != "match_case")
    return found


def form(function):
    """What a caller has to know of a function."""
    a = function.args
    parameters = [[x.arg for x in group] for group in (getattr(a, "posonlyargs", []), a.args, a.kwonlyargs)]
    parameters += [x and x.arg for x in (a.vararg, a.kwarg)] + [len(a.defaults), [d is None for d in a.kw_defaults]]
    results, produces = set(), False
    for n in own(function):
        if isinstance(n, ast.Return):
            results.add(shape(n.value))
        produces = produces or isinstance(n, (ast.Yield, ast.YieldFrom))
    return repr((type(function).__name__, parameters, [ast.dump(d) for d in function.decorator_list], sorted(results), produces))


def shape(value):
    if value is None or isinstance(value, ast.Constant) and value.value is None:
        return "nothing"
    if isinstance(value, ast.Tuple):
        return "tuple of %d" % len(value.elts)
    if isinstance(value, ast.Dict):
        return "dict of " + ",".join(sorted(ast.dump(k) for k in value.keys if k is not None))
    return "one"


def interfaces(tree):
    """Name -> how it is used, as text that can be compared."""
    found = {}

    def add(name, text):
        found.setdefault(name, set()).add(text)

    for d in definitions(tree):
        add(d.name, form(d.node))
        if d.cls is not None and d.name in ("__init__", "__new__"):
            add(d.cls.name, form(d.node))
        scope = d.qualname.replace(".<locals>", "")
        for s in statements(d.node):
            for t in targets(s):
                for name in bound_names(t):
                    add(scope + ":" + name, "")
                for n in ast.walk(t):
                    if isinstance(n, ast.Attribute):
                        add(n.attr, "")
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            add(node.name, repr(([ast.dump(b) for b in node.bases], [ast.dump(d) for d in node.decorator_list])))
        if isinstance(node, (ast.Module, ast.ClassDef)):
            for s in node.body:
                for t in targets(s):
                    for name in bound_names(t):
                        add(name, ast.dump(s.value) if getattr(s, "value", None) is not None else "")
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for a in node.names:
                add((a.asname or a.name).partition(".")[0], repr((getattr(node, "module", ""), a.name)))
    return found


def targets(statement):
    if isinstance(statement, ast.Assign):
        return statement.targets
    if isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
        return [statement.target]
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        return [i.optional_vars for i in statement.items if i.optional_vars is not None]
    return []


def defined(statement, scope):
    """The names whose use a statement may change."""
    found = set()
    if isinstance(statement, SCOPES):
        found.add(statement.name)
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        found |= {(a.asname or a.name).partition(".")[0] for a in statement.names}
    for t in targets(statement):
        for n in ast.walk(t):
            if isinstance(n, ast.Attribute):
                found.add(n.attr)
            elif isinstance(n, ast.Name):
                found.add(scope + ":" + n.id if scope else n.id)
    if scope:  # a part of a function that is used in another way
        parts = scope.split(".")
        found.add(parts[-1])
        if parts[-1] in ("__init__", "__new__") and len(parts) > 1:
            found.add(parts[-2])
    return found


def find(sides):
    """sides: (base, head, removed lines of base, added lines of head) of each file."""
    changed = set()
    for base, head, _, _ in sides:
        before, after = interfaces(base.tree), interfaces(head.tree)
        changed |= {name for name in set(before) | set(after) if before.get(name) != after.get(name)}
    found = []
    for base, head, removed, added in sides:
        for side, touched, old in ((base, removed, True), (head, added, False)):
            for s in heads(side.tree):
                if not touched.intersection(range(s.first, s.last + 1)):
                    continue
                own_names = defined(s.node, s.scope)
                used = {u for u in names(s.node)} | {s.scope + ":" + n for n in names(s.node) if s.scope}
                found.append({"path": head.path, "base": old, "first": s.first, "last": s.last,
                              "defines": sorted(own_names & changed), "uses": sorted(used & changed - own_names)})
    return found


# Which expressions raise what; others raise everything.
RAISED_BY = {"ZeroDivisionError": (ast.BinOp,), "KeyError": (ast.Subscript, ast.Call), "IndexError": (ast.Subscript, ast.Call),
             "AttributeError": (ast.Attribute,), "NameError": (ast.Name,), "UnboundLocalError": (ast.Name,)}


def failing(sides, frame, exception):
    """For each expression of the statement that failed, and that may have failed,
    the lines on which it stands in head's function. None where its file is not
    changed."""
    for base, head, _, _ in sides:
        if frame is None or head.path != frame["path"]:
            continue
        around = innermost(definitions(base.tree), frame["line"], frame["function"])
        after = [d.node for d in definitions(head.tree) if d.name == bare(frame["function"])]
        here = [s.node for s in heads(base.tree) if s.first <= frame["line"] <= s.last and (around is None or s.scope.endswith(around.name))]
        wanted = RAISED_BY.get(exception, (ast.Subscript, ast.Call, ast.BinOp, ast.Attribute, ast.Compare))
        found = {}
        for statement in here[-1:]:
            for n in expressions(statement):
                if isinstance(n, wanted) and not isinstance(getattr(n, "ctx", None), ast.Store) and not (
                        isinstance(n, ast.BinOp) and exception == "ZeroDivisionError" and not isinstance(n.op, (ast.Div, ast.FloorDiv, ast.Mod))):
                    found.setdefault(ast.dump(n), [])
        for function in after or ([head.tree] if around is None else []):
            for n in ast.walk(function):
                if isinstance(n, ast.expr) and ast.dump(n) in found:
                    found[ast.dump(n)].append(n.lineno)
        return list(found.values())
    return None


def expressions(statement):
    """The expressions of a statement, of a compound one those of its head."""
    waiting = [statement]
    while waiting:
        n = waiting.pop()
        if isinstance(n, ast.expr):
            yield n
        waiting.extend(c for c in ast.iter_child_nodes(n) if not isinstance(c, ast.stmt) and type(c).__name__ not in ("match_case", "ExceptHandler"))
