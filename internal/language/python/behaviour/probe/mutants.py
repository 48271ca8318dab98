"""What else a patch could have said: one constant, operator or name of its
added lines is another, or one of its edits is not made.
"""

import ast
import base64
import difflib
import hashlib
import os

from repaird_syntax import FUNCTIONS, parameters

VALUES = ("constant", "flag", "text")  # kinds of change that give a constant another value
MAX_NAMES = 4   # that are tried in the place of one
METHODS = [("upper", "lower", "title", "casefold"), ("strip", "lstrip", "rstrip"), ("startswith", "endswith"), ("append", "extend"),
           ("add", "discard"), ("min", "max"), ("any", "all"), ("floor", "ceil"), ("sorted", "list"), ("first", "last"), ("find", "rfind"),
           ("keys", "values"), ("isdigit", "isalpha"), ("replace", "strip")]
COMPARISONS = {ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE),
               ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,)}
ARITHMETIC = {ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div, ast.Add), ast.Div: (ast.Mult, ast.FloorDiv),
              ast.FloorDiv: (ast.Div, ast.Mult), ast.Mod: (ast.FloorDiv,), ast.Pow: (ast.Mult,)}
SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in", ast.NotIn: "not in",
         ast.Is: "is", ast.IsNot: "is not", ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
         ast.Pow: "**", ast.And: "and", ast.Or: "or"}


def rivals(request, tree):
    found = []
    for path in sorted(request["overlay"]):
        content = request["overlay"][path]
        if content is None or not path.endswith(".py"):
            continue
        try:
            with open(os.path.join(tree, path), "rb") as f:
                base = f.read().decode()
        except (OSError, UnicodeDecodeError):
            base = ""
        try:
            head = base64.b64decode(content).decode()
            found += [(path,) + rival for rival in changed(base, head, request["added"].get(path, []))]
            if base:
                found += [(path,) + rival for rival in undone(base, head, len(request["overlay"]) > 1)]
        except (SyntaxError, ValueError, RecursionError):
            continue
    return [{"path": p, "line": n, "change": c, "value": k in VALUES, "content": base64.b64encode(t.encode()).decode()}
            for p, n, k, c, t in chosen(found, request["limit"])]


def chosen(found, limit):
    """In turn from each kind, ordered by a hash."""
    by = {}
    for path, line, kind, change, text in found:
        by.setdefault(kind, []).append((hashlib.sha256(text.encode()).hexdigest(), path, line, kind, change, text))
    out, i = [], 0
    lists = [sorted(by[k]) for k in sorted(by)]
    while len(out) < limit and any(len(l) > i for l in lists):
        for l in lists:
            if len(l) > i and len(out) < limit:
                out.append(l[i][1:])
        i += 1
    return out


def changed(base, head, added):
    """(line, kind, change, source) of head with one place of an added line changed."""
    added, seen = set(added), set()
    module = ast.parse(head)
    same = {ast.dump(module), ast.dump(ast.parse(base))}
    text = Text(head)
    names = Names(module)
    texts = sorted({n.value for n in ast.walk(module) if isinstance(n, ast.Constant) and isinstance(n.value, str) and 0 < len(n.value) <= 30})
    skipped = documentation(module)
    for node in ast.walk(module):
        if getattr(node, "lineno", None) not in added or node in skipped or not hasattr(node, "end_col_offset"):
            continue
        for kind, change, replaced in edits(node, text, texts, names):
            try:
                dump = ast.dump(ast.parse(replaced))
                compile(replaced, "rival", "exec")
            except (SyntaxError, ValueError):
                continue
            if dump not in same and dump not in seen:
                seen.add(dump)
                yield node.lineno, kind, change, replaced


def undone(base, head, others):
    """head without one of its edits, where there are others."""
    old, new = base.splitlines(True), head.splitlines(True)
    edits = [op for op in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if op[0] != "equal"]
    if len(edits) < 2 and not others:
        return
    same = {ast.dump(ast.parse(head))} | (set() if others else {ast.dump(ast.parse(base))})
    for _, i, j, k, l in edits:
        text = "".join(new[:k] + old[i:j] + new[l:])
        try:
            dump = ast.dump(ast.parse(text))
        except (SyntaxError, ValueError):
            continue
        if dump not in same:
            yield k + 1, "edit", "without the edit at line %d" % (k + 1), text


def documentation(module):
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(node.value)
        if isinstance(node, ast.JoinedStr):
            found.update(ast.walk(node))
    return found


class Names:
    """Which other name could stand for a name: a local for a local of the same
    function, a function for one that takes as many arguments."""

    def __init__(self, module):
        self.functions, self.locals = {}, {}
        for node in module.body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = len(parameters(node.args))
        for node in ast.walk(module):  # inner functions after outer ones
            if isinstance(node, FUNCTIONS):
                bound = [a.arg for a in parameters(node.args) if a.arg not in ("self", "cls")]
                bound += [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
                for n in ast.walk(node):
                    self.locals[n] = bound

    def others(self, node):
        bound = self.locals.get(node, ())
        if node.id in bound:
            found = [n for n in bound if n != node.id]
        else:
            found = [f for f, n in self.functions.items() if node.id in self.functions and f != node.id and n == self.functions[node.id]]
        return sorted(set(found))[:MAX_NAMES]


class Text:
    def __init__(self, source):
        self.raw = source.encode()
        self.starts = [0]
        for line in self.raw.split(b"\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)

    def span(self, node):
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def of(self, node):
        a, b = self.span(node)
        return self.raw[a:b].decode()

    def replaced(self, node, text):
        a, b = self.span(node)
        return (self.raw[:a] + text.encode() + self.raw[b:]).decode()

    def between(self, left, right, old, new):
        """With the operator between two nodes replaced."""
        a, b = self.span(left)[1], self.span(right)[0]
        gap = self.raw[a:b].decode()
        if gap.count(old) != 1:
            return None
        return (self.raw[:a] + gap.replace(old, new).encode() + self.raw[b:]).decode()


def edits(node, text, texts, names):
    if isinstance(node, ast.Constant):
        for kind, value in constants(node.value, texts):
            yield kind, "%s → %r" % (text.of(node), value), text.replaced(node, repr(value))
    elif isinstance(node, ast.Compare):
        sides = [node.left] + node.comparators
        for left, op, right in zip(sides, node.ops, sides[1:]):
            for other in COMPARISONS.get(type(op), ()):
                new = text.between(left, right, SIGNS[type(op)], SIGNS[other])
                if new:
                    yield "comparison", "%s → %s" % (SIGNS[type(op)], SIGNS[other]), new
    elif isinstance(node, ast.BinOp):
        for other in ARITHMETIC.get(type(node.op), ()):
            new = text.between(node.left, node.right, SIGNS[type(node.op)], SIGNS[other])
            if new:
                yield "arithmetic", "%s → %s" % (SIGNS[type(node.op)], SIGNS[other]), new
        for side in (node.left, node.right):
            yield "operand", "%s → %s" % (text.of(node), text.of(side)), text.replaced(node, "(" + text.of(side) + ")")
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        for left, right in zip(node.values, node.values[1:]):
            new = text.between(left, right, SIGNS[type(node.op)], SIGNS[other])
            if new:
                yield "boolean", "%s → %s" % (SIGNS[type(node.op)], SIGNS[other]), new
        for value in node.values:
            yield "operand", "%s → %s" % (text.of(node), text.of(value)), text.replaced(node, "(" + text.of(value) + ")")
    elif isinstance(node, ast.UnaryOp):
        yield "unary", "%s → %s" % (text.of(node), text.of(node.operand)), text.replaced(node, "(" + text.of(node.operand) + ")")
    elif isinstance(node, ast.Call):
        for edit in calls(node, text):
            yield edit
    elif isinstance(node, ast.IfExp):
        for side in (node.body, node.orelse):
            yield "branch", "%s → %s" % (text.of(node), text.of(side)), text.replaced(node, "(" + text.of(side) + ")")
    elif isinstance(node, ast.Attribute):
        for other in renamed(node.attr):
            yield "method", "%s → %s" % (node.attr, other), text.replaced(node, text.of(node.value) + "." + other)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for other in renamed(node.id):
            yield "method", "%s → %s" % (node.id, other), text.replaced(node, other)
        for other in names.others(node):
            yield "name", "%s → %s" % (node.id, other), text.replaced(node, other)
    elif isinstance(node, ast.If):
        yield "branch", "if %s → if not" % text.of(node.test), text.replaced(node.test, "not (" + text.of(node.test) + ")")


def calls(node, text):
    if len(node.args) == 2 and not any(isinstance(a, ast.Starred) for a in node.args):
        a, b = text.of(node.args[0]), text.of(node.args[1])
        swapped = Text(text.replaced(node.args[1], a))
        yield "arguments", "%s, %s → %s, %s" % (a, b, b, a), swapped.replaced(node.args[0], b)
    if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
        # x.strip() → x
        yield "dropped", "%s → %s" % (text.of(node), text.of(node.func.value)), text.replaced(node, text.of(node.func.value))
    elif len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred):
        yield "dropped", "%s → %s" % (text.of(node), text.of(node.args[0])), text.replaced(node, text.of(node.args[0]))


def renamed(name):
    for group in METHODS:
        if name in group:
            for other in group:
                if other != name:
                    yield other


def constants(v, texts):
    if isinstance(v, bool):
        yield "flag", not v
    elif v is None:
        yield "constant", 0
        yield "constant", ""
    elif isinstance(v, (int, float)):
        for w in (v + 1, v - 1, v * 10, v / 10 if isinstance(v, float) else v // 10, v * 2, 0, 1, -v):
            if w != v:
                yield "constant", w
    elif isinstance(v, str):
        others = [v.upper(), v.lower(), "", v[:-1]] + [w for w in texts if w != v][:4]
        for w in others:
            if w != v:
                yield "text", w
