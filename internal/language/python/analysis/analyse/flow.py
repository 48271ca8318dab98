"""Whether a value on the failure's stack is a part of the outermost call's input.

The walk goes from a parameter of one stack level to the expression that its
caller passed, level by level. As long as each is a projection (a name, an
attribute, an item, a loop variable over one) of the caller's own parameters,
nobody in the tree made the value: it came with the input.
"""
import ast

from origin import Origin
from repaird_syntax import called, definitions, holds, innermost, own, positional, root_name

# What a value that came from outside still is after these.
PASSING = {"enumerate", "zip", "list", "tuple", "sorted", "reversed", "iter", "items", "values", "keys", "get",
           "strip", "lstrip", "rstrip", "lower", "upper", "title", "casefold", "split", "rsplit", "partition", "rpartition", "splitlines",
           "encode", "decode", "int", "float", "str", "Decimal", "dict", "set", "bytes"}

# Where a value enters the tree: a call of a library, or a name of one, that reads a
# request, arguments, a file, the environment or a queue.
ENTERING = {"input", "getenv", "read", "readline", "readlines", "read_text", "read_bytes", "open", "load", "loads", "safe_load", "parse_args", "get_json",
            "get_data", "recv", "recvfrom", "receive", "poll", "get_nowait", "fetchone", "fetchall", "fetchmany", "reader", "DictReader", "json", "form",
            "args", "environ", "argv", "stdin", "values", "files", "headers", "cookies", "body", "GET", "POST", "query_params", "params", "payload"}


class Stack:
    """frames: dicts with path, function, line of base; outermost first. None stands for levels left out."""

    def __init__(self, frames, tree):
        self.frames, self.tree = frames, tree
        self.memo = {}

    def function(self, i):
        """The function of a level: the innermost one around its line."""
        frame = self.frames[i]
        src = self.tree.source(frame["path"])
        if src is None:
            return None, None
        found = innermost(definitions(src.tree), frame["line"], frame["function"])
        return found and found.node, src

    def from_input(self, i, roots):
        """Whether these parameters of level i are parts of level 0's input."""
        roots = frozenset(roots)
        while i > 0:
            roots = self.step(i, roots)
            if not roots:
                return False
            if roots == {OUTSIDE}:
                break
            i -= 1
        return True

    def step(self, i, roots):
        """The caller's parameters of which roots are parts; empty when they are not."""
        if not roots or self.frames[i] is None or self.frames[i - 1] is None:
            return frozenset()
        key = (self._key(i), self._key(i - 1), roots)
        if key not in self.memo:
            self.memo[key] = self._step(i, roots)
        return self.memo[key]

    def _key(self, i):
        f = self.frames[i]
        return f["path"], f["function"], f["line"]

    def _step(self, i, roots):
        callee, _ = self.function(i)
        caller, src = self.function(i - 1)
        if callee is None or caller is None:
            return frozenset()
        line = self.frames[i - 1]["line"]
        calls = [n for n in own(caller) if isinstance(n, ast.Call) and called(n) == callee.name and holds(n, line)]
        if not calls:
            return frozenset()
        origin = Origin(caller, src, self.tree)
        out = set()
        for call in calls:
            bound = bind(callee, call)
            for root in roots - {OUTSIDE}:
                if bound is None or root not in bound:
                    return frozenset()
                part = projection(bound[root], origin, set())
                if not part:
                    return frozenset()
                out |= part
        return frozenset(out | (roots & {OUTSIDE}))


def bind(func, call):
    """Parameter → argument expression, None where that cannot be told."""
    params = [a.arg for a in positional(func.args)]
    bound = {}
    if params and params[0] in ("self", "cls") and isinstance(call.func, ast.Attribute):
        bound[params.pop(0)] = call.func.value
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return None
    for name, value in zip(params, call.args):
        bound[name] = value
    for k in call.keywords:
        bound[k.arg] = k.value
    return bound


def enters(expr, origin):
    """Whether an expression reads what is outside the tree: request.form["x"],
    os.environ, json.load(f), of a module that is not the tree's."""
    name = called(expr) if isinstance(expr, ast.Call) else getattr(expr, "attr", getattr(expr, "id", ""))
    if name not in ENTERING or origin.tree.find(name):
        return False
    root = root_name(expr.func if isinstance(expr, ast.Call) else expr)
    if root is None:
        return isinstance(expr, ast.Call)
    return root not in origin.params and root not in origin.bound and (
        root in origin.src.imported or isinstance(expr, ast.Call) and root == name)


OUTSIDE = "<outside>"  # in the place of a parameter: the value enters here


def projection(expr, origin, seen):
    """The parameters of which the expression is a part; empty when it is computed.
    What enters the tree in the expression itself is a part of OUTSIDE."""
    if isinstance(expr, (ast.Call, ast.Attribute)) and enters(expr, origin):
        return {OUTSIDE}
    if isinstance(expr, (ast.ListComp, ast.GeneratorExp, ast.SetComp)) and not any(g.ifs for g in expr.generators):
        return projection(expr.elt, origin, seen)
    if isinstance(expr, ast.Name):
        if expr.id in seen:
            return set()
        values = origin.bound.get(expr.id)
        if expr.id in origin.params:
            return {expr.id} if not values else set()
        if not values:
            return set()
        out = set()
        for v in values:
            part = projection(v, origin, seen | {expr.id})
            if not part:
                return set()
            out |= part
        return out
    if isinstance(expr, ast.Attribute):
        if origin.makes(expr):
            return set()
        return projection(expr.value, origin, seen)
    if isinstance(expr, ast.Subscript):
        if isinstance(expr.slice, ast.Slice):
            return set()
        return projection(expr.value, origin, seen)
    if isinstance(expr, ast.Call) and called(expr) in PASSING and not origin.tree.find(called(expr)):
        if isinstance(expr.func, ast.Attribute):
            return projection(expr.func.value, origin, seen)
        out = set()
        for a in expr.args:
            part = projection(a, origin, seen)
            if not part:
                return set()
            out |= part
        return out
    return set()


def entered(subject, origin):
    """Whether an expression asks about what entered the tree in its own function."""
    parts = [projection(n, origin, set()) for n in ast.walk(subject) if isinstance(n, (ast.Name, ast.Attribute, ast.Call))]
    return {OUTSIDE} in parts and all(p <= {OUTSIDE} for p in parts)


ASKING = {"len", "isinstance", "type", "bool", "hasattr", "callable"}


def direct(subject, origin):
    """Whether a condition asks about parts of the parameters only, not about what the function computed."""
    asking = {id(n.func) for n in ast.walk(subject) if isinstance(n, ast.Call) and called(n) in ASKING}
    for n in ast.walk(subject):
        if isinstance(n, ast.Call) and called(n) not in ASKING | PASSING:
            return False
        if isinstance(n, ast.Name) and id(n) not in asking and n.id not in origin.src.imported:
            if n.id in ("None", "True", "False", "int", "str", "float", "list", "dict", "tuple", "set", "bool", "bytes"):
                continue
            if not projection(n, origin, set()):
                return False
        if isinstance(n, ast.Attribute) and origin.makes(n):
            return False
    return True
