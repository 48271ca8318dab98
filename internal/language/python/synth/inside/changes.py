"""Says what a function does to its parameters before one of its lines."""

import ast

from repaird_syntax import FUNCTIONS, bound_names, root_name

# Methods of built-in containers that change them.
MUTATORS = {
    "append", "appendleft", "extend", "extendleft", "insert", "remove", "pop", "popleft", "popitem", "clear",
    "sort", "reverse", "rotate", "update", "add", "discard", "setdefault", "difference_update",
    "intersection_update", "symmetric_difference_update", "__setitem__", "__delitem__", "__iadd__",
}
# Functions that change their first argument.
MUTATING = {
    "heapify", "heappush", "heappop", "heappushpop", "heapreplace", "shuffle", "insort", "insort_left",
    "insort_right", "setattr", "delattr", "exec", "next",
}
# Functions that leave their arguments alone.
PURE = {
    "len", "sum", "sorted", "min", "max", "str", "int", "float", "bool", "print", "range", "enumerate", "zip",
    "isinstance", "issubclass", "list", "dict", "set", "tuple", "frozenset", "any", "all", "repr", "abs",
    "hash", "id", "iter", "reversed", "map", "filter", "round", "type", "getattr", "hasattr", "ord", "chr",
    "bytes", "format", "divmod", "pow", "callable", "vars", "deepcopy", "copy",
}


def leaves(block):
    """Whether the function ends with the block."""
    return bool(block) and isinstance(block[-1], (ast.Return, ast.Raise))


class Changes:
    """What happens to the parameters of a function before one of its lines.

    Conservative by the statements' order: what is in a branch that the line is
    not in, or in a block that leaves, does not count; what is in a loop around
    the line does, because an earlier round may have run it.
    """

    RANK = {"passed": 0, "mutated": 1, "rebound": 2}

    def __init__(self, function, params, line):
        self.params = set(params)
        self.line = line
        self.alias = {p: p for p in params}
        self.found = {}
        self.block(function.body)

    def record(self, param, how, node):
        if param not in self.params:
            return
        old = self.found.get(param)
        if old is None or self.RANK[old["how"]] < self.RANK[how]:
            self.found[param] = {"how": how, "line": node.lineno}

    def bind(self, name, value, node):
        """name = value"""
        if name in self.params:
            self.record(name, "rebound", node)
        self.alias.pop(name, None)
        source = root_name(value) if value is not None else None
        if source in self.alias:
            self.alias[name] = self.alias[source]

    def holds(self, node):
        return node.lineno <= self.line <= (getattr(node, "end_lineno", None) or node.lineno)

    def block(self, statements):
        """Walks a block. True when the line was reached in it."""
        for statement in statements:
            if statement.lineno > self.line:
                return True
            if self.holds(statement):
                self.around(statement)
                return True
            self.whole(statement)
        return False

    def around(self, node):
        """The statement in which the line is."""
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            return
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            # Also where the header failed: the body may have run before.
            self.whole_parts(node, node.body)
            self.block(node.orelse)
            return
        if isinstance(node, ast.If):
            for branch in (node.body, node.orelse):
                if branch and any(self.holds(s) for s in branch):
                    self.expression(node.test)
                    self.block(branch)
                    return
            self.expression(node.test, partly=True)
            return
        if isinstance(node, (ast.With, ast.AsyncWith)):
            if any(self.holds(s) for s in node.body):
                self.header(node)
                self.block(node.body)
            else:
                for item in node.items:
                    self.expression(item.context_expr, partly=True)
            return
        if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            self.attempt(node)
            return
        if type(node).__name__ == "Match":
            for case in node.cases:
                if any(self.holds(s) for s in case.body):
                    self.patterns(case)
                    self.block(case.body)
            return
        # A simple statement that failed: what it would have bound is not bound
        # yet, what it calls may have run in part.
        self.expression(node, partly=True)

    def attempt(self, node):
        if any(self.holds(s) for s in node.body):
            self.block(node.body)
            return
        for statement in node.body:
            self.whole(statement)
        for handler in node.handlers:
            if self.holds(handler):
                if handler.name:
                    self.bind(handler.name, None, handler)
                self.block(handler.body)
                return
        for block in (node.orelse, node.finalbody):
            if any(self.holds(s) for s in block):
                self.block(block)
                return

    def header(self, node):
        if isinstance(node, (ast.For, ast.AsyncFor)):
            self.expression(node.iter)
            for name in bound_names(node.target):
                self.bind(name, node.iter, node)
        elif isinstance(node, ast.While):
            self.expression(node.test)
        else:
            for item in node.items:
                self.expression(item.context_expr)
                if item.optional_vars is not None:
                    for name in bound_names(item.optional_vars):
                        self.bind(name, None, node)

    def patterns(self, case):
        for part in ast.walk(case.pattern):
            for field in ("name", "rest"):
                name = getattr(part, field, None)
                if isinstance(name, str):
                    self.bind(name, None, part if hasattr(part, "lineno") else case.body[0])

    def whole_parts(self, node, block):
        self.header(node)
        for statement in block:
            self.whole(statement)

    def whole(self, node):
        """A statement that has run, or may have."""
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            self.bind(node.name, None, node)
        elif isinstance(node, ast.Assign):
            self.expression(node.value)
            for target in node.targets:
                self.target(target, node.value, node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.expression(node.value)
                self.target(node.target, node.value, node)
        elif isinstance(node, ast.AugAssign):
            self.expression(node.value)
            self.target(node.target, node.target, node)
            if isinstance(node.target, ast.Name):
                self.record(self.alias.get(node.target.id), "mutated", node)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self.target(target, None, node)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            self.whole_parts(node, node.body + node.orelse)
        elif isinstance(node, ast.If):
            self.expression(node.test)
            for branch in (node.body, node.orelse):
                if not leaves(branch):
                    for statement in branch:
                        self.whole(statement)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            self.whole_parts(node, node.body)
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            for statement in node.body + node.orelse + node.finalbody:
                self.whole(statement)
            for handler in node.handlers:
                if not leaves(handler.body):
                    if handler.name:
                        self.bind(handler.name, None, handler)
                    for statement in handler.body:
                        self.whole(statement)
        elif type(node).__name__ == "Match":
            self.expression(node.subject)
            for case in node.cases:
                if not leaves(case.body):
                    self.patterns(case)
                    for statement in case.body:
                        self.whole(statement)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in node.names:
                self.bind((name.asname or name.name).partition(".")[0], None, node)
        else:
            self.expression(node)

    def target(self, target, value, node):
        if isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self.target(element, value if len(target.elts) == 1 else None, node)
        elif isinstance(target, ast.Starred):
            self.target(target.value, None, node)
        elif isinstance(target, ast.Name):
            self.bind(target.id, value, node)
        else:
            self.record(self.alias.get(root_name(target)), "mutated", node)

    def expression(self, node, partly=False):
        for part in ast.walk(node):
            if type(part).__name__ == "NamedExpr":
                self.bind(part.target.id, part.value, part)
            elif isinstance(part, ast.Call):
                self.call(part, partly)

    def call(self, node, partly):
        function = node.func
        method = function.attr if isinstance(function, ast.Attribute) else None
        name = method or (function.id if isinstance(function, ast.Name) else None)
        if method in MUTATORS:
            # In the statement that failed, the call may be the one that failed.
            how = "passed" if partly else "mutated"
            self.record(self.alias.get(root_name(function.value)), how, node)
        if name in PURE:
            return
        for number, argument in enumerate(node.args + [k.value for k in node.keywords]):
            owner = self.alias.get(root_name(argument))
            if owner is not None:
                how = "mutated" if name in MUTATING and number == 0 and not partly else "passed"
                self.record(owner, how, node)
