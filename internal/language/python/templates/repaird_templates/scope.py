"""What is in scope at a statement, and of what type the run saw it."""

import ast

from repaird_syntax import FUNCTIONS

NUMBERS = {"int", "float", "Decimal", "Fraction"}
SEQUENCES = {"list", "tuple", "str", "bytes", "deque"}
GROWING = {"list": "append", "deque": "append", "set": "add"}
CONTAINERS = SEQUENCES | {"set", "dict", "frozenset", "defaultdict", "Counter", "OrderedDict"}

MAX_NAMES = 14


class Scope:
    """The local and captured variables of a function, with observed types."""

    def __init__(self, ctx, function):
        self.function = function
        self.types = {n: t for n, t in ctx.types(function).items() if n.isidentifier()}
        self.nones = ctx.nones(function)
        for name in sorted(self.nones):
            self.types.setdefault(name, "NoneType")
        self.stored = {}  # name -> statements that bind it
        for name in function.all_parameters():
            self.stored.setdefault(name, []).append(function.node)
        for stmt in function.statements():
            for n in bound(stmt):
                self.stored.setdefault(n, []).append(stmt)

    def names(self, stmt, kinds=None):
        """Names bound where a statement runs, nearest bindings first."""
        found = []
        for name, kind in self.types.items():
            if kinds is not None and kind not in kinds:
                continue
            places = self.stored.get(name)
            if places is None:
                found.append((0, name))  # captured
            elif any(p is self.function.node or p.lineno < stmt.lineno for p in places):
                near = max(p.lineno for p in places if p is self.function.node or p.lineno < stmt.lineno)
                found.append((-near, name))
        return [name for _, name in sorted(found)][:MAX_NAMES]

    def kind(self, name):
        return self.types.get(name, "")

    def grows(self, name):
        """Whether something in the function is added to the container."""
        for n in ast.walk(self.function.node):
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and isinstance(n.func.value, ast.Name) \
                    and n.func.value.id == name and n.func.attr in ("append", "add", "extend", "insert", "update", "push", "appendleft"):
                return True
            if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) and isinstance(n.value, ast.Name) and n.value.id == name:
                return True
            if isinstance(n, ast.Call) and any(isinstance(a, ast.Name) and a.id == name for a in n.args) \
                    and not (isinstance(n.func, ast.Name) and n.func.id in ("len", "set", "list", "sorted", "min", "max", "sum", "any", "all", "bool", "str", "enumerate")):
                return True
        return False


def bound(stmt):
    """The names that a statement itself binds."""
    targets = []
    if isinstance(stmt, ast.Assign):
        targets = stmt.targets
    elif isinstance(stmt, (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor)):
        targets = [stmt.target]
    elif isinstance(stmt, (ast.With, ast.AsyncWith)):
        targets = [i.optional_vars for i in stmt.items if i.optional_vars is not None]
    elif isinstance(stmt, FUNCTIONS + (ast.ClassDef,)):
        return {stmt.name}
    return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def loops(source, stmt, function):
    """The loops around a statement, innermost first."""
    node = source.parents.get(stmt)
    while node is not None and node is not function.node:
        if isinstance(node, (ast.For, ast.While, ast.AsyncFor)):
            yield node
        node = source.parents.get(node)


def blocks(function):
    """The lists of statements of a function, nested functions' left out."""
    waiting = [function.node]
    while waiting:
        node = waiting.pop()
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield node, block
                waiting.extend(s for s in block if not isinstance(s, FUNCTIONS + (ast.ClassDef,)))
        for handler in getattr(node, "handlers", []):
            waiting.append(handler)
