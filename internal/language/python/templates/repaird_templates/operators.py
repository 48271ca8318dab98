"""Template wrong-operator: a comparison, boolean or arithmetic operator that is
not the one that was meant."""

import ast
import re

from .source import Candidate, header_nodes

NAME = "wrong-operator"

TOKENS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
}

# The first of each list is the likeliest slip: the boundary case.
COMPARE = {
    "<": [("<=", 0.8), (">", 0.5), ("!=", 0.3)], "<=": [("<", 0.84), (">=", 0.5), (">", 0.3)],
    ">": [(">=", 0.8), ("<", 0.5), ("!=", 0.3)], ">=": [(">", 0.84), ("<=", 0.5), ("<", 0.3)],
    "==": [("!=", 0.55), ("<=", 0.4), (">=", 0.4)], "!=": [("==", 0.55)],
    "is": [("==", 0.6), ("is not", 0.55)], "is not": [("!=", 0.6), ("is", 0.55)],
    "in": [("not in", 0.55)], "not in": [("in", 0.55)],
}
ARITHMETIC = {
    "+": [("-", 0.45)], "-": [("+", 0.45)], "*": [("/", 0.25)], "/": [("//", 0.5)], "//": [("/", 0.3), ("%", 0.25)], "%": [("//", 0.3)],
    "^": [("&", 0.38), ("|", 0.28)], "&": [("|", 0.3), ("^", 0.25)], "|": [("&", 0.3)],
}


def operator_range(source, left, right, token):
    """The byte range of an operator between two operands, or None."""
    start = source.end(left)
    gap = source.data[start:source.start(right)].decode()
    pattern = re.escape(token).replace(r"\ ", r"\s+").replace(" ", r"\s+")
    found = re.match(r"^[\s)\\]*(" + pattern + r")[\s(\\]*$", gap)
    if not found:
        return None
    before = len(gap[:found.start(1)].encode())
    return start + before, start + before + len(found.group(1).encode())


def propose(ctx, function):
    source = function.source
    mixed = "TypeError" in ctx.facts["bases"]
    for stmt, near in ctx.statements(function):
        for node in header_nodes(stmt):
            if isinstance(node, ast.Compare):
                yield from comparisons(source, function, node, near, stmt)
                if "RecursionError" in ctx.facts["bases"]:
                    yield from base_case(source, function, stmt, node, near)
            elif isinstance(node, ast.BoolOp):
                yield from booleans(source, function, node, near, stmt)
            elif isinstance(node, ast.BinOp) and type(node.op) in TOKENS:
                token = TOKENS[type(node.op)]
                place = operator_range(source, node.left, node.right, token)
                for new, prior in ARITHMETIC.get(token, []):
                    if place and not textual(node):
                        prior = 0.88 if (mixed and (token, new) == ("/", "//")) else prior
                        yield make(function, place, new, token, node, source, prior * near, stmt)
            elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                inner = source.text(node.operand)
                start = source.start(node)
                yield flipped(Candidate(NAME, function, [(start, source.start(node.operand), "")],
                                        "the condition is inverted: `%s`" % inner, 0.5 * near, stmt.lineno))
        if isinstance(stmt, ast.AugAssign) and type(stmt.op) in TOKENS:
            old = TOKENS[type(stmt.op)]
            place = operator_range(source, stmt.target, stmt.value, old + "=")
            for new, prior in ARITHMETIC.get(old, []) if place else []:
                yield Candidate(NAME, function, [place + (new + "=",)], "`%s=` should be `%s=`" % (old, new),
                                (prior - 0.03) * near, stmt.lineno)
        yield from conditions(source, function, stmt, near)


def textual(node):
    return any(isinstance(n, ast.Constant) and isinstance(n.value, (str, bytes)) or isinstance(n, ast.JoinedStr)
               for n in (node.left, node.right))


# Slips at the boundary: the failing lines may rightly be left out for an input on it.
BOUNDARY = {("<=", "<"), (">=", ">"), ("<", "<="), (">", ">="), ("is", "=="), ("is not", "!=")}


COMPARING = set(COMPARE)


def make(function, place, new, old, node, source, prior, stmt, avoids=False):
    made = Candidate(NAME, function, [place + (new,)],
                     "`%s` in `%s` should be `%s`" % (old, clip(source.text(node)), new), prior, stmt.lineno,
                     avoids or (old, new) in BOUNDARY)
    made.flips = old in COMPARING and (old, new) not in BOUNDARY
    return made


def flipped(candidate):
    candidate.flips = True
    return candidate


def clip(text):
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:77] + "..."


def comparisons(source, function, node, near, stmt):
    operands = [node.left] + node.comparators
    for i, op in enumerate(node.ops):
        old = TOKENS[type(op)]
        place = operator_range(source, operands[i], operands[i + 1], old)
        if place is None:
            continue
        absent = isinstance(operands[i + 1], ast.Constant) and operands[i + 1].value is None
        for new, prior in COMPARE[old]:
            if absent and new in ("==", "!=", "<=", ">="):
                continue
            inverted = absent and new in ("is", "is not") and uses_absent(source, stmt, node, old)
            made = make(function, place, new, old, node, source, 0.9 if inverted else prior * near, stmt, inverted)
            made.flips = made.flips and not inverted  # the code itself shows which way it is meant
            yield made


def base_case(source, function, stmt, test, near):
    """len(x) == 0 → len(x) <= 1: a recursion whose base case leaves out size one."""
    right = test.comparators[0]
    if isinstance(test.ops[0], ast.Eq) and isinstance(right, ast.Constant) and type(right.value) is int and isinstance(stmt, ast.If):
        place = operator_range(source, test.left, right, "==")
        if place:
            yield Candidate(NAME, function, [place + ("<=",), (source.start(right), source.end(right), str(right.value + 1))],
                            "the base case `%s` leaves out %d" % (source.text(test), right.value + 1), 0.7 * near, stmt.lineno)


def uses_absent(source, stmt, test, op):
    """Whether the branch that is taken for None goes on to use the value."""
    if not isinstance(stmt, ast.If) or stmt.test is not test or not isinstance(test.left, (ast.Name, ast.Attribute)):
        return False
    text = source.text(test.left)
    branch = stmt.body if op in ("is", "==") else stmt.orelse
    for s in branch:
        for n in ast.walk(s):
            if isinstance(n, (ast.Attribute, ast.Subscript)) and isinstance(n.value, type(test.left)) and source.text(n.value) == text:
                return True
    return False


def booleans(source, function, node, near, stmt):
    old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    places = [operator_range(source, a, b, old) for a, b in zip(node.values, node.values[1:])]
    if all(places):
        yield Candidate(NAME, function, [p + (new,) for p in places],
                        "`%s` should be joined by `%s`" % (clip(source.text(node)), new), 0.72 * near, stmt.lineno, True)
        if len(places) > 1:
            for p in places:
                yield Candidate(NAME, function, [p + (new,)],
                                "one `%s` of `%s` should be `%s`" % (old, clip(source.text(node)), new), 0.4 * near, stmt.lineno)


def conditions(source, function, stmt, near):
    test = getattr(stmt, "test", None)
    if not isinstance(stmt, (ast.If, ast.While)) or test is None:
        return
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    plain = test.operand if negated else test
    if isinstance(plain, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
        text = source.text(plain)
        if not isinstance(plain, ast.Call):
            # A truth test where 0, "" and [] are as good as any value.
            new = "%s is None" % text if negated else "%s is not None" % text
            yield Candidate(NAME, function, [(source.start(test), source.end(test), new)],
                            "an empty or zero `%s` is not a missing one" % text, 0.55 * near, stmt.lineno, True)
        if not negated:
            at = source.start(test)
            yield flipped(Candidate(NAME, function, [(at, at, "not ")], "the condition `%s` is inverted" % text, 0.4 * near, stmt.lineno))
