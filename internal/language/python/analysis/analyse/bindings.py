"""Names that a patch binds anew, so that old code means something else.

A second definition in one scope, a definition in place of a builtin that the
file uses, and an identifier that is written in another form than it is read.
"""
import ast
import io
import tokenize
import unicodedata

from repaird_syntax import FUNCTIONS, SCOPES, own, parameters

BUILTIN = set(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__) - {"copyright", "credits", "license", "help", "exit", "quit", "_"}
REPEATS = {"overload", "setter", "getter", "deleter", "register"}  # decorators of definitions that belong together


def added(base, head):
    """Violations of what head binds and base does not."""
    out = []

    def refuse(rule, line, words):
        out.append({"rule": rule, "path": head.path, "line": line, "detail": words[:200]})

    had = {(scope, name) for scope, name, _ in _repeated(base.tree)}
    for scope, name, line in _repeated(head.tree):
        if (scope, name) not in had:
            refuse("code-shadow", line, "a second definition of %s in %s hides the first" % (name, scope))
    had = {(scope, name) for scope, name, _ in _hidden(base, base)}
    for scope, name, line in _hidden(head, base):
        if (scope, name) not in had:
            refuse("code-shadow", line, "the builtin %s, which %s uses, is something else now" % (name, scope))
    known = set(_other_forms(base.text))
    for name, line in _other_forms(head.text).items():
        if name not in known:
            refuse("scripts", line, "a name that is read as %s but written otherwise: %s" % (unicodedata.normalize("NFKC", name), ascii(name)))
    return out


def _scopes(tree):
    yield "the module", tree
    for node in ast.walk(tree):
        if isinstance(node, SCOPES):
            yield node.name, node


def _repeated(tree):
    """Yield (scope, name, line) of what one scope defines and binds again."""
    for scope, node in _scopes(tree):
        defined = set()
        for name, statement, again in _bindings(node.body):
            if name in defined and not again:
                yield scope, name, statement.lineno
            if isinstance(statement, SCOPES):
                defined.add(name)


def _bindings(body):
    """Yield (name, statement, whether it may repeat) of a scope's own statements, in order.

    What stands in an if or a try is an alternative, unless it comes in every case.
    """
    for s in body:
        if isinstance(s, SCOPES):
            names = [getattr(d, "attr", getattr(d, "id", "")) for d in (c.func if isinstance(c, ast.Call) else c for c in s.decorator_list)]
            yield s.name, s, bool(REPEATS & set(names)) or s.name == "_"
        elif isinstance(s, (ast.Assign, ast.AnnAssign)) and getattr(s, "value", None) is not None:
            read = {n.id for n in ast.walk(s.value) if isinstance(n, ast.Name)}
            for t in s.targets if isinstance(s, ast.Assign) else [s.target]:
                for n in ast.walk(t):
                    if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store):
                        yield n.id, s, n.id in read  # f = wrapped(f)
        elif isinstance(s, (ast.Import, ast.ImportFrom)):
            for a in s.names:
                yield (a.asname or a.name).split(".")[0], s, False
        elif isinstance(s, (ast.With, ast.For, ast.While)):
            yield from _bindings(s.body)
        elif isinstance(s, ast.If):
            for name, inner, _ in _bindings(s.body + s.orelse):
                yield name, inner, not isinstance(s.test, ast.Constant)
        elif isinstance(s, ast.Try):
            for name, inner, again in _bindings(s.body):
                yield name, inner, again or bool(s.handlers)
            yield from _bindings(s.finalbody)


def _calls(tree):
    return {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def _hidden(src, base):
    """Yield (scope, name, line) of builtins that a scope binds and that are called there, in base or in head."""
    before = _calls(base.tree)
    reviewed = _calls(src.tree) | before
    for name, statement, _ in _bindings(src.tree.body):
        if name in BUILTIN and name in reviewed and not isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield "the module", name, statement.lineno
        elif name in BUILTIN and name in before and isinstance(statement, ast.ImportFrom):
            yield "the module", name, statement.lineno
    for node in ast.walk(src.tree):
        if not isinstance(node, FUNCTIONS):
            continue
        called = {n.func.id for n in own(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        bound = {a.arg: a for a in parameters(node.args)}
        bound.update({n.id: n for n in own(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)})
        bound.update({n.name: n for n in node.body if isinstance(n, SCOPES)})
        for name in sorted(called & set(bound) & BUILTIN):
            yield node.name, name, getattr(bound[name], "lineno", node.lineno)


def _other_forms(text):
    """The names of a text that are not in the form in which Python reads them."""
    found = {}
    if text.isascii():
        return found
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in (tokenize.NAME, tokenize.ERRORTOKEN) and unicodedata.normalize("NFKC", token.string) != token.string:
                found.setdefault(token.string, token.start[0])
    except (tokenize.TokenError, SyntaxError, IndentationError):
        pass
    return found
