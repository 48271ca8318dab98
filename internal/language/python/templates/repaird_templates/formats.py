"""Template accepted-format: a text that is parsed in one format only, where the
code or its documentation names another that is in use too.

The other format is tried where the text is parsed, after the first one fails, so
that what was understood before is understood the same. Nothing is invented: a
format stands in another call that parses or writes, or in a docstring.
"""

import ast
import re

from .source import Candidate, header_nodes
from .state import unit

NAME = "accepted-format"

MAX_FORMATS = 8
WORDS = [("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("HH", "%H"), ("mm", "%M"), ("SS", "%S"), ("ss", "%S")]
SPELT = re.compile(r"\b(?:YYYY|DD|MM)(?:[-/. T:,]{1,2}(?:YYYY|MM|DD|HH|mm|SS|ss))+\b")
DIRECTIVES = re.compile(r"%[a-zA-Z](?:[-/. T:,]{0,2}%[a-zA-Z])+")
NUMBERS = ("int", "float", "Decimal")


def propose(ctx, function):
    crash = ctx.crash_lines.get(function)
    if not crash or not {"ValueError", "InvalidOperation"} & set(ctx.facts["bases"]):
        return
    source = function.source
    for stmt in function.statements():
        if not any(stmt.lineno <= n <= stmt.end_lineno for n in crash) or not ctx.ran(source, stmt):
            continue
        for node in header_nodes(stmt):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "strptime" and len(node.args) == 2:
                yield from dates(ctx, function, stmt, node)
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in NUMBERS and len(node.args) == 1 and not node.keywords:
                yield from numbers(ctx, function, stmt, node)


def dates(ctx, function, stmt, call):
    """return strptime(s, A) → try: … except ValueError: return strptime(s, B)"""
    source, indent = function.source, function.source.indent(stmt)
    if not isinstance(stmt, (ast.Return, ast.Assign)) or stmt.lineno != stmt.end_lineno or indent is None:
        return
    first = call.args[1].value if isinstance(call.args[1], ast.Constant) else None
    at = source.start(call.args[1]) - source.start(stmt), source.end(call.args[1]) - source.start(stmt)
    end = source.end(call) - source.start(stmt)
    text, step, nl = source.data[source.start(stmt):source.end(stmt)], unit(source, function.node), source.newline.decode()
    for other, prior, why in known(ctx, source, function, first):
        endings = [""]
        if isinstance(first, str) and "%z" in first and "%z" not in other:
            endings = [".replace(tzinfo=%s)" % z for z in zones(source)] + [""]
        for ending in endings:
            second = (text[:at[0]] + repr(other).encode() + text[at[1]:end] + ending.encode() + text[end:]).decode()
            lines = ["try:", step + text.decode(), "except ValueError:", step + second]
            yield Candidate(NAME, function, [(source.start(stmt), source.end(stmt), nl.join(indent + line for line in lines)[len(indent):])],
                            "only `%s` is accepted, and not `%s`, %s" % (first or source.text(call.args[1]), other, why),
                            prior - (0 if ending or len(endings) == 1 else 0.15), stmt.lineno, True)


def known(ctx, source, function, first):
    """(format, prior, why) of the formats that the tree names, near ones first."""
    found = {}

    def add(text, prior, why):
        if text != first and (text not in found or found[text][0] < prior):
            found[text] = (prior, why)

    for other in ctx.tree_sources():
        near = 0.04 if other is source else 0
        for node in ast.walk(other.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("strptime", "strftime"):
                for arg in node.args:
                    value = resolved(other, arg)
                    if isinstance(value, str) and "%" in value:
                        add(value, 0.82 + near, "which other code %s" % ("reads" if node.func.attr == "strptime" else "writes"))
            elif isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                doc = ast.get_docstring(node) or ""
                mine = 0.06 if node is function.node else near
                for text in DIRECTIVES.findall(doc):
                    add(text, 0.84 + mine, "which its documentation names")
                for text in SPELT.findall(doc):
                    add(directives(text), 0.84 + mine, "which its documentation names")
    return [(text, prior, why) for text, (prior, why) in sorted(found.items(), key=lambda kv: (-kv[1][0], kv[0]))[:MAX_FORMATS]]


def resolved(source, node):
    """The text of a constant, or of a name of the module that is one."""
    if isinstance(node, ast.Constant):
        return node.value
    for stmt in source.tree.body if isinstance(node, ast.Name) else ():
        if isinstance(stmt, ast.Assign) and any(isinstance(t, ast.Name) and t.id == node.id for t in stmt.targets) \
                and isinstance(stmt.value, ast.Constant):
            return stmt.value.value
    return None


def directives(text):
    """YYYY-MM-DD HH:MM as %Y-%m-%d %H:%M"""
    text = re.sub(r"(HH[:.])MM", r"\1mm", text)
    for word, directive in WORDS:
        text = text.replace(word, directive)
    return text


def zones(source):
    """Time zones that the file can name: those that its code uses already."""
    names, found = source.names(), []
    for node in ast.walk(source.tree):
        text = source.text(node) if isinstance(node, (ast.Attribute, ast.Name)) else ""
        if text in ("timezone.utc", "datetime.timezone.utc", "datetime.UTC", "UTC", "pytz.utc") and text.split(".")[0] in names and text not in found:
            found.append(text)
    for text, needs in (("timezone.utc", "timezone"), ("UTC", "UTC")):
        if needs in names and text not in found:
            found.append(text)
    return found


def numbers(ctx, function, stmt, call):
    """int(s) → int(s.replace(",", "")), as other code that reads numbers has it"""
    source, place = function.source, call.args[0]
    if not isinstance(place, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
        return
    seen = set()
    for other in ctx.tree_sources():
        for node in ast.walk(other.tree):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in NUMBERS or len(node.args) != 1:
                continue
            suffix = cleaning(other, node.args[0])
            if suffix and suffix not in seen and not source.text(place).endswith(suffix):
                seen.add(suffix)
                yield Candidate(NAME, function, [(source.end(place), source.end(place), suffix)],
                                "other numbers are read with `%s`" % suffix.lstrip("."), 0.86 if other is source else 0.8, stmt.lineno, True)


def cleaning(source, node):
    """The calls by which a text is prepared for a number: .replace(",", "")"""
    inner = node
    while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) \
            and inner.func.attr in ("replace", "strip", "lstrip", "rstrip", "removesuffix", "removeprefix") \
            and all(isinstance(a, ast.Constant) for a in inner.args):
        inner = inner.func.value
    return source.data[source.end(inner):source.end(node)].decode() if inner is not node else ""
