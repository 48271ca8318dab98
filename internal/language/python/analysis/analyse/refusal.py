"""Whether an exception in which head's call ends is meant: its input is refused.

It is raised by a raise statement, and base says that it may be: a function
outside the call in production handles it, a function on the way to it documents
it, or the code beside it raises it for bad input too.
"""
import ast
import re

import flow
import guards
import imports
import policy
from origin import Origin
from repaird_syntax import bare, definitions, holds, innermost, parents

# Packages whose exceptions of these names a framework answers, and what with.
FRAMEWORKS = {"werkzeug", "flask", "fastapi", "starlette", "django", "rest_framework", "aiohttp", "falcon", "bottle", "click", "typer", "litestar", "sanic"}
ANSWERED = re.compile(r"^(HTTP\w*|Http\w*|BadRequest|NotFound|Forbidden|Unprocessable\w*|Conflict|APIException|ValidationError|ParseError|PermissionDenied|"
                      r"SuspiciousOperation|UsageError|BadParameter|BadArgumentUsage|ClickException)$")
REGISTERED = re.compile(r"\b(?:errorhandler|exception_handler|register_error_handler|add_exception_handler|app_errorhandler)\(\s*([\w.]+)")


def purpose(request, tree):
    answer = {"handled": "", "documented": "", "usual": ""}
    asked = request["refusal"]
    exception, stack = asked["exception"], asked["stack"]
    if asserts(request.get("test") or "") or exception == request.get("exception") or not stack:
        return answer
    heads = {f["path"]: f["head"] for f in request.get("files") or ()}
    place = stack[-1]
    try:
        src = policy.Source(place["path"], heads[place["path"]]) if place["path"] in heads else tree.source(place["path"])
    except SyntaxError:
        return answer
    raised = src and statement(src.tree, place["line"], exception)
    if not raised:
        return answer
    family = ancestry(exception, tree, heads)
    answer["handled"] = handled(request, family, tree, raised, src)
    answer["documented"] = documented(stack, exception, tree)
    answer["usual"] = usual(request, place, raised, exception, src, tree)
    return answer


def asserts(test):
    """Whether a test says what its call answers: then nothing else is right."""
    try:
        tree = ast.parse(test)
    except (SyntaxError, ValueError):
        return True
    return any(isinstance(n, ast.Assert) or getattr(n, "attr", "") == "raises" for n in ast.walk(tree))


def statement(tree, line, exception):
    """The raise of that exception around a line, or None."""
    for n in ast.walk(tree):
        if isinstance(n, ast.Raise) and n.exc is not None and holds(n, line):
            made = n.exc.func if isinstance(n.exc, ast.Call) else n.exc
            if getattr(made, "id", getattr(made, "attr", "")) == exception:
                return n
    return None


def ancestry(exception, tree, heads):
    """The names of an exception and of what it is derived from, without those
    that catch everything."""
    found, waiting = set(), [exception]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += guards.CAUGHT_BY.get(name, ())
        for path in list(dict.fromkeys(tree.find(name)))[:5]:
            src = tree.source(path[len(tree.root):].lstrip("/"))
            for n in ast.walk(src.tree) if src else ():
                if isinstance(n, ast.ClassDef) and n.name == name:
                    waiting += [getattr(b, "id", getattr(b, "attr", "")) for b in n.bases]
    return found - {"Exception", "BaseException", "object", ""}


def handled(request, family, tree, raised, src):
    for level in reversed((request.get("stack") or [])[:request.get("outside") or 0]):
        caller = level and tree.source(level["path"])
        around = caller and innermost(definitions(caller.tree), level["line"], level["function"])
        for n in ast.walk(around.node if around else caller.tree) if caller else ():
            if not isinstance(n, ast.Try) or not any(holds(s, level["line"]) for s in n.body):
                continue
            for h in n.handlers:
                caught = {bare(k) for k in kinds(h)}
                if caught & family:
                    return "%s:%d handles %s" % (level["path"], h.lineno, " or ".join(sorted(caught & family)))
    for path, text in imports.sources(tree.root).items():
        for m in REGISTERED.finditer(text):
            if bare(m.group(1)) in family:
                return "%s registers a handler for %s" % (path, bare(m.group(1)))
    name = next((n for n in sorted(family) if ANSWERED.match(n)), "")
    made = raised.exc.func if isinstance(raised.exc, ast.Call) else raised.exc
    root = src.imported.get(getattr(made, "id", getattr(getattr(made, "value", None), "id", "")), "")
    server = isinstance(raised.exc, ast.Call) and any(
        isinstance(a, ast.Constant) and isinstance(a.value, int) and a.value >= 500 for a in raised.exc.args + [k.value for k in raised.exc.keywords])
    if name and root.partition(".")[0] in FRAMEWORKS and not server:
        return "%s answers %s" % (root.partition(".")[0], name)
    return ""


def kinds(handler):
    if handler.type is None:
        return []
    return [ast.dump(k) and getattr(k, "id", getattr(k, "attr", "")) for k in (handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type])]


def documented(stack, exception, tree):
    """A function on the way that base documents to raise it."""
    name = re.escape(exception)
    says = re.compile(r"(?im)\braises?\b[^.]*?\b%s\b|:raises?\s+[\w.]*\b%s\b|^\s*%s\s*(?::|--|$)" % (name, name, name))
    for level in stack:
        src = tree.source(level["path"])
        for d in definitions(src.tree) if src else ():
            if d.name == bare(level["function"]) and says.search(ast.get_docstring(d.node) or ""):
                return "%s documents that it raises %s" % (d.name, exception)
    return ""


def usual(request, place, raised, exception, src, tree):
    """Whether what is refused is input, and base's code beside it refuses input so;
    ValueError is for that everywhere."""
    around = innermost(definitions(src.tree), place["line"], place["function"])
    table = parents(src.tree)
    node, subject = raised, None
    while node in table and node is not (around and around.node):
        above = table[node]
        if isinstance(above, (ast.If, ast.While)) and node is not above.test:
            subject = above.test
        elif isinstance(above, ast.Try) and node in above.handlers:
            subject = ast.Tuple([e for s in above.body for e in ast.walk(s) if isinstance(e, ast.Name)], ast.Load())
        if subject is not None:
            break
        node = above
    if around is None or subject is None:
        return ""
    origin = Origin(around.node, src, tree)
    origin.follow(subject)
    frames, outside = request.get("stack") or [], request.get("outside") or 0
    at = [i for i, f in enumerate(frames) if f and i >= outside and f["path"] == place["path"] and f["function"] == bare(place["function"])]
    whole = flow.Stack(frames, tree)
    entered = flow.entered(subject, origin)
    if not entered and not (origin.roots and not origin.producers and at and whole.from_input(at[-1], origin.roots)):
        return ""
    base = tree.source(place["path"])
    elsewhere = [n for n in ast.walk(base.tree) if isinstance(n, ast.Raise) and n.exc is not None] if base else []
    names = {getattr(m, "id", getattr(m, "attr", "")) for m in [n.exc.func if isinstance(n.exc, ast.Call) else n.exc for n in elsewhere]}
    if exception in names and exception not in ("AssertionError", "NotImplementedError", "SystemExit"):
        return "%s raises %s for bad input elsewhere too" % (place["path"], exception)
    if exception == "ValueError":
        return "what is refused is the call's own input"
    return ""
