"""Finds how one frame's function calls the next frame's, and what the locals of a
function say about the state of its objects."""

import ast
import builtins
import copy

from repaird_syntax import FUNCTIONS, bound_names, called, holds, own, parameters, statements

MAX_DEPTH = 5  # assignments that are followed from a call


class Caller:
    """A function, or a module, that was calling another one on a line."""

    def __init__(self, scope, path, module, node, line):
        self.scope, self.path, self.module, self.node, self.line = scope, path, module, node, line
        self.locals = set()
        if isinstance(node, FUNCTIONS):
            self.locals = {a.arg for a in parameters(node.args)}
        for part in own(node) if isinstance(node, FUNCTIONS) else []:
            for target in targets(part):
                self.locals.update(bound_names(target))

    def call(self, names):
        """The call on the line of a function with one of these names, with what
        it needs; None where it cannot be told, or stands in what the test could
        not repeat."""
        around = [s for s in statements(self.node) if holds(s, self.line)]
        if not around:
            return None
        found = [c for c in ast.walk(around[-1]) if isinstance(c, ast.Call) and called(c) in names and holds(c, self.line)]
        found = [c for c in found if not any(isinstance(n, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda)) for n in ast.walk(c))]
        if len(found) != 1:  # several: which of them it was is not known
            found = [c for c in found if c.lineno == self.line][:1] if len({ast.dump(c) for c in found}) == 1 else []
        return self.needs(found[0], MAX_DEPTH) if found else None

    def needs(self, node, depth):
        """An expression as source, with the names that it needs: locals, each
        perhaps with the assignment that made it, and imports."""
        hidden = {n for c in ast.walk(node) if isinstance(c, ast.comprehension) for n in bound_names(c.target)}
        made = {"source": ast.unparse(Owner().visit(copy.deepcopy(node))), "locals": [], "imports": [], "assigned": {}}
        for name in sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - hidden):
            if name in self.locals or not isinstance(self.node, FUNCTIONS) and self.assignment(name) is not None:
                made["locals"].append(name)
                value = self.assignment(name) if depth else None
                if value is not None:
                    before = self.needs(value, depth - 1)
                    if before is not None:
                        made["assigned"][name] = before
                continue
            found = self.scope.named(self.path, self.module, name)
            if found is not None and (found.module != self.module or not self.script):
                if found.name.rpartition(".")[2] != name and found.expression != name:
                    return None  # imported under another name
                made["imports"].append(found.statement)
            elif found is None and name in dir(builtins):
                continue
            else:
                return None
        return made

    @property
    def script(self):
        return self.module.rpartition(".")[2] == "__main__"

    def assignment(self, name):
        """The value of the only assignment to a name, if it stands before the line
        in the function's own block; None otherwise."""
        values = []
        if isinstance(self.node, FUNCTIONS) and name in {a.arg for a in parameters(self.node.args)}:
            return None
        for part in own(self.node):
            for target in targets(part):
                if name in set(bound_names(target)):
                    plain = isinstance(part, ast.Assign) and part in self.node.body and isinstance(target, ast.Name)
                    values.append(part.value if plain and part.lineno < self.line else None)
        if len(values) != 1 or values[0] is None or unrepeatable(values[0]):
            return None
        return None if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(values[0])) else values[0]


class Owner(ast.NodeTransformer):
    """self and cls are no names for a test's variable."""

    def visit_Name(self, node):
        return ast.copy_location(ast.Name("owner", node.ctx), node) if node.id in ("self", "cls") else node


def unrepeatable(node):
    return any(isinstance(n, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)) for n in ast.walk(node))


def targets(part):
    if isinstance(part, ast.Assign):
        return part.targets
    if isinstance(part, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)) or type(part).__name__ == "NamedExpr":
        return [part.target]
    if isinstance(part, (ast.With, ast.AsyncWith)):
        return [i.optional_vars for i in part.items if i.optional_vars is not None]
    if isinstance(part, ast.ExceptHandler) and part.name:
        return [ast.Name(part.name, ast.Store())]
    if isinstance(part, (ast.Import, ast.ImportFrom)):
        return [ast.Name((a.asname or a.name).partition(".")[0], ast.Store()) for a in part.names]
    return []


def attributes(function, line):
    """What locals were read from: {object: {attribute: local}}, where both are
    assigned once, so that the local still holds what the attribute held."""
    times, made = {}, {}
    for part in own(function):
        for target in targets(part):
            for name in bound_names(target):
                times[name] = times.get(name, 0) + 1
    known = {a.arg for a in parameters(function.args)}
    for part in own(function):
        if not isinstance(part, ast.Assign) or len(part.targets) != 1 or part.lineno >= line:
            continue
        target, value = part.targets[0], part.value
        if isinstance(target, ast.Name) and times.get(target.id) == 1 and isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
            of = value.value.id
            if times.get(of, 0) <= (0 if of in known else 1) and target.id not in known:
                made.setdefault(of, {})[value.attr] = target.id
    return made
