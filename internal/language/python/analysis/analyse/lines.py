"""Which lines can execute, by the compiled code's own line table."""
import ast

from repaird_syntax import SCOPES, docstring, first_line, last_line


def _codes(code):
    yield code
    for const in code.co_consts:
        if hasattr(const, "co_code"):
            yield from _codes(const)


def _table(code):
    if hasattr(code, "co_lines"):
        return {line for _, _, line in code.co_lines() if line}
    import dis

    return {line for _, line in dis.findlinestarts(code) if line}


def span(node):
    """Lines of a simple statement, or of a compound statement's head."""
    first = first_line(node)
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
        return first, max(node.lineno, first_line(body[0]) - 1)
    if hasattr(node, "cases"):
        return first, node.cases[0].pattern.lineno - 1 if node.cases else node.lineno
    return first, last_line(node)


def executable(tree, code):
    """Executable lines, each with the lines of its statement: a statement over
    several lines counts as executed when one of them was, because interpreters
    differ in which of them they report. Code that is only annotation, docstring
    or comment has no lines."""
    table = set()
    for c in _codes(code):
        table |= _table(c)
    docs = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module,) + SCOPES):
            doc = docstring(node)
            if doc is not None:
                docs.update(range(doc.lineno, last_line(doc) + 1))
    spans = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.stmt, ast.ExceptHandler)):
            lo, hi = span(node)
            for n in range(lo, hi + 1):
                old = spans.get(n)
                if old is None or hi - lo < old[1] - old[0]:
                    spans[n] = (lo, hi)
    out = {}
    for n in sorted(table - docs):
        out[str(n)] = list(spans.get(n, (n, n)))
    return out
