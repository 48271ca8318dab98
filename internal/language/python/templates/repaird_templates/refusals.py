"""Template domain-error: bad input ends in an error of whatever read it, where
the module has an error of its own for input that it refuses."""

import ast
import re

from .source import Candidate
from .state import unit

NAME = "domain-error"

GENERIC = {"Exception", "BaseException", "Error"}


def propose(ctx, function):
    crash, source, failed = ctx.crash_lines.get(function), function.source, ctx.facts["type"]
    if not crash or not re.match(r"[A-Z]\w*$", failed) or failed in ("RecursionError", "MemoryError", "AssertionError", "Timeout", "Late"):
        return
    own = domain_errors(ctx, function)
    for stmt in function.statements() if own else ():
        if not isinstance(stmt, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)) or stmt.lineno != stmt.end_lineno \
                or stmt.lineno not in crash or source.indent(stmt) is None or guarded(source, function, stmt):
            continue
        for error, prior, why in own:
            if error == failed:
                continue
            indent, step, nl = source.indent(stmt), unit(source, function.node), source.newline.decode()
            lines = ["try:", step + source.text(stmt), "except %s as e:" % failed,
                     step + 'raise %s("invalid %s") from e' % (error, subject(stmt, function))]
            text = nl.join(indent + line for line in lines)[len(indent):]
            made = Candidate(NAME, function, [(source.start(stmt), source.end(stmt), text)],
                             "bad input is not refused with %s, %s" % (error, why), prior, stmt.lineno, True)
            made.raises = error
            yield made


def domain_errors(ctx, function):
    """(name, prior, why) of the errors that the function documents, or that its
    module raises, those first that other code of the tree handles."""
    source = function.source
    raised = {name_of(n.exc) for n in ast.walk(source.tree) if isinstance(n, ast.Raise) and n.exc is not None}
    classes = {n.name for n in source.tree.body if isinstance(n, ast.ClassDef)
               and any(re.search(r"(Error|Exception)$", name_of(b)) for b in n.bases)}
    handled = {name_of(t).rpartition(".")[2] for s in ctx.tree_sources() for h in ast.walk(s.tree) if isinstance(h, ast.ExceptHandler)
               for t in (h.type.elts if isinstance(h.type, ast.Tuple) else [h.type]) if t is not None}
    found = []
    for name in sorted((raised | classes) & (classes | source.names()) - GENERIC - {""}):
        documented = re.search(r"\b%s\b" % re.escape(name), function.docstring())
        if name in handled or documented:
            found.append((name, 0.8 if name in handled else 0.7,
                          "which this function documents" if documented else "as elsewhere in this module, and as its callers expect"))
    return found


def name_of(node):
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return name_of(node.value) + "." + node.attr
    return getattr(node, "id", "")


def guarded(source, function, stmt):
    """Whether a statement is in the body of a try already."""
    node = stmt
    while node is not function.node and node is not None:
        parent = source.parents.get(node)
        if isinstance(parent, ast.Try) and node in parent.body:
            return True
        node = parent
    return False


def subject(stmt, function):
    """What the input is called: the key that is read, or what it becomes."""
    for n in ast.walk(stmt):
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and re.match(r"[\w .-]{1,30}$", n.value):
            return n.value
    target = stmt.targets[0] if isinstance(stmt, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else function.name
