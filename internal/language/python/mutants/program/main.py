"""Makes versions of patched files in which one constant or operator of a
changed line is another. Source is read and compiled, never executed.

A version replaces one piece of text, so that the rest of the file stays as it
is. Those that do not compile, or whose syntax tree is the same, are left out.
"""

import ast
import hashlib
import re

import swaps


def answer(request, tree):
    found = []
    for f in request["files"]:
        found.extend(mutants(f["path"], f["head"], set(f["changed"])))
    return spread(found)[: request["limit"]]


def spread(found):
    """Orders mutants by a hash, and those of one operator behind each other's
    first, so that a short list has many kinds."""
    found.sort(key=lambda m: hashlib.sha256(repr((m["path"], m["line"], m["change"])).encode()).digest())
    nth, seen = {}, {}
    for m in found:
        seen[m["kind"]] = nth[id(m)] = seen.get(m["kind"], 0) + 1
    return sorted(found, key=lambda m: nth[id(m)])


def mutants(path, source, changed):
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    text = Text(source)
    before = ast.dump(tree)
    done = set()
    for node in nodes(tree):
        if not hasattr(node, "lineno"):
            continue
        for kind, start, end, new in edits(node, text, tree):
            line = text.line(start)
            if line not in changed or text.source[start:end] == new:
                continue
            version = text.source[:start] + new + text.source[end:]
            if version in done:
                continue
            done.add(version)
            try:
                if ast.dump(ast.parse(version)) == before:
                    continue
                compile(version, path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError):
                continue
            yield {
                "path": path, "line": line, "kind": kind, "source": version,
                "change": "%s → %s" % (short(text.source[start:end]), short(new) or "nothing"),
            }


def short(piece):
    piece = " ".join(piece.split())
    return piece if len(piece) <= 60 else piece[:57] + "…"


def nodes(tree):
    """Walks a tree without what is not code (docstrings), and without formatted
    strings, whose parts have no positions before Python 3.12."""
    left_out = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                left_out.add(first.value)
        if isinstance(node, ast.JoinedStr):
            left_out.update(ast.walk(node))
    return [n for n in ast.walk(tree) if n not in left_out]


class Text:
    """A source with the positions of syntax trees, which count UTF-8 bytes."""

    def __init__(self, source):
        self.source = source
        self.starts = [0]
        for line in source.splitlines(True) if "\f" not in source and "\v" not in source else re.findall(r".*?(?:\r\n|\n|\r)|.+$", source, re.S):
            self.starts.append(self.starts[-1] + len(line))

    def at(self, line, column):
        start = self.starts[line - 1]
        stop = self.starts[line] if line < len(self.starts) else len(self.source)
        return start + len(self.source[start:stop].encode("utf-8", "surrogatepass")[:column].decode("utf-8", "surrogatepass"))

    def span(self, node):
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def of(self, node):
        start, end = self.span(node)
        return self.source[start:end]

    def line(self, offset):
        return self.source.count("\n", 0, offset) + 1


def edits(node, text, tree):
    """Yields (kind, start, end, replacement)."""
    start, end = text.span(node)
    if isinstance(node, ast.Constant):
        for kind, new in constants(node.value, text, tree):
            yield kind, start, end, new
    elif isinstance(node, ast.Compare):
        left = node.left
        for op, right in zip(node.ops, node.comparators):
            for new in swaps.COMPARISONS.get(type(op), ()):
                yield from between("comparison", text, left, right, swaps.SPELLING[type(op)], new)
            left = right
    elif isinstance(node, ast.BinOp):
        for new in swaps.ARITHMETIC.get(type(node.op), ()):
            yield from between("arithmetic", text, node.left, node.right, re.escape(swaps.SPELLING[type(node.op)]), new)
    elif isinstance(node, ast.AugAssign):
        for new in swaps.ARITHMETIC.get(type(node.op), ()):
            yield from between("arithmetic", text, node.target, node.value, re.escape(swaps.SPELLING[type(node.op)] + "="), new + "=")
    elif isinstance(node, ast.BoolOp):
        word, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:]):
            yield from between("logic", text, left, right, r"\b%s\b" % word, new)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub, ast.Invert)):
        yield "negation", start, end, "(" + text.of(node.operand) + ")"
    elif isinstance(node, ast.Attribute):
        for new in swaps.METHODS.get(node.attr, ()):
            yield "method", end - len(node.attr), end, new
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for new in swaps.FUNCTIONS.get(node.id, ()):
            yield "function", start, end, new
    for test in conditions(node):
        if not isinstance(test, (ast.Compare, ast.Constant)):
            first, last = text.span(test)
            yield "negation", first, last, "(not (" + text.of(test) + "))"


def conditions(node):
    if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        yield node.test
    elif isinstance(node, ast.comprehension):
        yield from node.ifs


def between(kind, text, left, right, old, new):
    """An operator between two operands: comments and brackets may be there too."""
    first, last = text.span(left)[1], text.span(right)[0]
    gap = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), text.source[first:last])
    found = re.search(old, gap)
    if found:
        yield kind, first + found.start(), first + found.end(), new


def constants(value, text, tree):
    if isinstance(value, bool):
        yield "truth", repr(not value)
    elif isinstance(value, (int, float)):
        if abs(value) > 1e15:
            return
        tenth = value // 10 if isinstance(value, int) else value / 10
        for new in (value + 1, value - 1, value * 10, tenth, 0, -value):
            if new != value:
                yield "number", "(%r)" % new if new < 0 else repr(new)
    elif isinstance(value, str):
        for new in (value.upper(), value.lower(), ""):
            if new != value:
                yield "text", repr(new)
        others = {n.value for n in nodes(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)} - {value}
        others = sorted(others, key=lambda s: (abs(len(s) - len(value)), hashlib.sha256(s.encode("utf-8", "replace")).digest()))
        for new in others[:2]:
            yield "dictionary", repr(new)
