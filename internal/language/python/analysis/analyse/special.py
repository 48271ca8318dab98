"""Shapes of code by which a patch treats one input, call or place apart.

None of them is wrong by itself; each has been used to make one failing test
pass. So a person is asked.
"""
import ast
import copy

from repaird_syntax import FUNCTIONS, definitions, last_line, own, parameters

PLAIN = {None, True, False, 0, 1, 2, -1, ""}  # too usual to be anyone's


def needed(base, head, changed, literals):
    """The shapes that head has and base has not. literals are those of the failing test."""
    found = []

    def ask(node, words):
        found.append({"rule": "code-permission", "path": head.path, "line": getattr(node, "lineno", 0), "detail": words[:200]})

    _tables(base, head, changed, literals, ask)
    _lazy(base, head, ask)
    _kept(base, head, ask)
    _arithmetic(base, head, changed, ask)
    _padded(base, head, changed, ask)
    _swallowing(base, head, ask)
    return found


def literals(source):
    """The constants of a test's function, and its displays of several constants, as values."""
    found = set()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return found
    for node in ast.walk(tree):
        value = constant(node)
        if value is not MISSING:
            found.add(value)
    for group in _groups(tree):
        found.add(group)
        for shape in (list, tuple):
            found |= {str(shape(group)), repr(shape(group)).replace(" ", "")}
        found |= {mark.join(map(str, group)) for mark in ("", ",", ", ", " ", "-", "|", ":", ";")}
    return found


def _groups(tree):
    """Several constants that the test passes together: of one display, or of one part of the rows of one."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)) and len(node.elts) > 1:
            values = tuple(constant(e) for e in node.elts)
            if MISSING not in values:
                yield values
            rows = [e for e in node.elts if isinstance(e, ast.Dict)]
            if len(rows) == len(node.elts):
                for key in {constant(k) for k in rows[0].keys if k is not None} - {MISSING}:
                    column = tuple(next((constant(v) for k, v in zip(r.keys, r.values) if k is not None and constant(k) == key), MISSING) for r in rows)
                    if MISSING not in column:
                        yield column


MISSING = object()


def constant(node):
    """A hashable constant; MISSING for anything else. Displays become tuples."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, (int, float)):
        return -node.operand.value
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)) and node.elts:
        parts = tuple(constant(e) for e in node.elts)
        return MISSING if MISSING in parts else parts
    return MISSING


def _tests(src):
    """Yield (node, [constant]) of what compares with constants: comparisons, tables, cases, prefixes."""
    for node in ast.walk(src.tree):
        values = []
        if isinstance(node, ast.Compare):
            for side in [node.left] + node.comparators:
                value = constant(side)
                values += [value] + (list(value) if isinstance(value, tuple) else [])
        elif isinstance(node, ast.Dict):
            values = [constant(k) for k in node.keys if k is not None]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("startswith", "endswith", "fullmatch", "match", "__eq__", "__contains__", "index", "count", "issubset"):
            values = [constant(a) for a in node.args]
        elif node.__class__.__name__ == "MatchValue":
            values = [constant(node.value)]
        values = [v for v in values if v is not MISSING]
        if values:
            yield node, values


def _shape(node):
    """A comparison without its constants."""
    class Blank(ast.NodeTransformer):
        def visit_Constant(self, inner):
            return ast.copy_location(ast.Constant(value=None, kind=None), inner)
    return ast.dump(Blank().visit(copy.deepcopy(node)))


def _tables(base, head, changed, wanted, ask):
    """A comparison or table that is new, not one in which a constant is another, with the failing input's constants."""
    shapes = [_shape(n) for n, _ in _tests(base) if not isinstance(n, ast.Dict)]
    tables = [_keys(v) for n, v in _tests(base) if isinstance(n, ast.Dict)]
    more = []
    for node, values in _tests(head):
        if not isinstance(node, ast.Dict):
            if _shape(node) in shapes:
                shapes.remove(_shape(node))
            else:
                more.append((node, values))
        elif _keys(values) in tables:
            tables.remove(_keys(values))
        else:
            more.append((node, values))
    for node, values in more:
        if isinstance(node, ast.Dict):
            old = next((t for t in tables if t & _keys(values) or len(t) == len(_keys(values))), None)
            if old is not None:  # an entry more, or another one
                tables.remove(old)
                continue
        hits = [v for v in values if (isinstance(v, tuple) or v not in PLAIN) and v in wanted]
        if hits and any(n in changed for n in range(node.lineno, last_line(node) + 1)):
            ask(node, "a comparison with %.60r, which is in the failing test: a special case for one input" % (hits[0],))


def _keys(values):
    return set(map(repr, values))


def _functions(src):
    return {d.qualname: d.node for d in definitions(src.tree)}


def _laziness(function):
    kinds = set()
    if isinstance(function, ast.AsyncFunctionDef):
        kinds.add("a coroutine")
    for node in own(function):
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            kinds.add("a generator")
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Lambda):
            kinds.add("a function")
        if isinstance(node, ast.Return) and isinstance(node.value, ast.GeneratorExp):
            kinds.add("a generator")
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Call) and getattr(node.value.func, "id", getattr(node.value.func, "attr", "")) in ("partial", "map", "filter", "iter"):
            kinds.add("something that is computed later")
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Name):
            inner = [n for n in function.body if isinstance(n, FUNCTIONS) and n.name == node.value.id]
            if inner:
                kinds.add("a function")
    return kinds


def _lazy(base, head, ask):
    before = _functions(base)
    for name, function in _functions(head).items():
        if name in before:
            for kind in sorted(_laziness(function) - _laziness(before[name])):
                ask(function, "%s returns %s now, so that what failed may only be put off" % (name, kind))


CONTAINERS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)
CHANGES = {"append", "add", "update", "extend", "insert", "setdefault", "pop", "popitem", "discard", "remove", "clear", "appendleft", "__setitem__",
           "__delitem__", "__next__", "__iadd__", "__ior__", "popleft", "extendleft", "rotate", "reverse", "sort", "move_to_end", "subtract",
           "difference_update", "intersection_update", "symmetric_difference_update"}
MAKERS = {"list", "dict", "set", "deque", "defaultdict", "Counter", "OrderedDict", "count", "iter", "cycle", "WeakKeyDictionary", "local",
          "bytearray", "array", "ChainMap", "UserDict", "UserList"}
# What is another with each use.
SPENT = {"count", "iter", "cycle", "chain", "accumulate", "repeat", "SimpleQueue", "Queue", "LifoQueue", "PriorityQueue"}
# What only reads a container that it is given.
READERS = set("len sorted list tuple set frozenset dict sum min max any all enumerate zip reversed isinstance issubclass str repr bool filter copy deepcopy "
              "join issubset issuperset isdisjoint union intersection difference symmetric_difference".split())
CACHES = {"cache", "lru_cache", "cached_property"}


def _mutable(node):
    return isinstance(node, CONTAINERS) or isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in MAKERS | SPENT


def _spent(node):
    return isinstance(node, ast.GeneratorExp) or isinstance(node, ast.Call) and _callee(node).rpartition(".")[2] in SPENT


def _callee(call):
    """The dotted name of what is called, as far as it is one."""
    parts, node = [], call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([getattr(node, "id", "")] + parts[::-1])


def _handed(call, holders, local):
    """The containers that outlive a call of the function and are given to something that may change them."""
    callee = _callee(call)
    first, _, last = callee.rpartition(".")
    if last in READERS or last in ("update", "extend") and first in local:
        return
    for argument in call.args + [k.value for k in call.keywords]:
        node = argument.value if isinstance(argument, ast.Starred) else argument
        part = isinstance(node, ast.Subscript)
        while isinstance(node, ast.Subscript):
            node = node.value
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if name not in holders or isinstance(node, ast.Name) and name in local:
            continue
        value = holders[name].value
        if not part or any(_mutable(n) for n in ast.walk(value) if n is not value):
            yield name, callee.strip(".")


def _kept(base, head, ask):
    """State that outlives a call."""
    old = set(_states(base).values())
    for node, words in _states(head).items():
        if words not in old:
            ask(node, words)


def _states(src):
    found = {}
    holders = {}
    for scope in [src.tree] + [n for n in ast.walk(src.tree) if isinstance(n, ast.ClassDef)]:
        for statement in scope.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, ast.AnnAssign) else []
            for t in targets:
                if isinstance(t, ast.Name) and statement.value is not None and _mutable(statement.value):
                    holders[t.id] = statement
    named = set(_functions(src)) | {n.name for n in ast.walk(src.tree) if isinstance(n, ast.ClassDef)}
    for d in definitions(src.tree):
        local = {a.arg for a in parameters(d.node.args)} | {n.id for n in own(d.node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for n in own(d.node):
            if isinstance(n, (ast.Global, ast.Nonlocal)):
                found[n] = "%s keeps %s from call to call" % (d.qualname, ", ".join(n.names))
            root, how = None, None
            if isinstance(n, ast.Call):
                for name, callee in _handed(n, holders, local):
                    found[n] = "%s keeps %s from call to call and hands it to %s" % (d.qualname, name, callee)
            if isinstance(n, ast.Attribute) and n.attr in CHANGES:
                root, how = n.value, n
            elif isinstance(n, ast.Name) and n.id in holders and _spent(holders[n.id].value):
                root, how = n, n
            elif isinstance(n, ast.Call) and getattr(n.func, "id", "") == "next" and n.args:
                root, how = n.args[0], n
            elif isinstance(n, (ast.Subscript, ast.Attribute)) and isinstance(n.ctx, (ast.Store, ast.Del)):
                root, how = n.value, n
            attribute = isinstance(root, ast.Attribute)
            while isinstance(root, (ast.Attribute, ast.Subscript)):
                attribute = root.attr if isinstance(root, ast.Attribute) else attribute
                root = root.value
            name = getattr(root, "id", "")
            if how is None or not name:
                continue
            if name in holders and name not in local or name in named and name not in local or isinstance(attribute, str) and attribute in holders:
                kept = name if not isinstance(attribute, str) or attribute not in holders else attribute
                found[how] = "%s keeps %s from call to call" % (d.qualname, kept)
        for default in list(d.node.args.defaults) + [k for k in d.node.args.kw_defaults if k is not None]:
            if _mutable(default):
                found[default] = "%s keeps a default from call to call" % d.qualname
        for decorator in d.node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            if getattr(target, "id", getattr(target, "attr", "")) in CACHES:
                found[decorator] = "%s keeps its results from call to call" % d.qualname
    return found


def _arithmetic(base, head, changed, ask):
    """A condition that is written as a number."""
    def odd(src):
        for node in ast.walk(src.tree):
            if not isinstance(node, ast.BinOp):
                continue
            if isinstance(node.op, ast.Pow) and constant(node.left) in (0, 0.0, False):
                yield node
            elif isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.BitOr)) and any(_truth(s) for s in (node.left, node.right)):
                yield node
    had = [ast.dump(n) for n in odd(base)]
    for node in odd(head):
        if ast.dump(node) not in had:
            ask(node, "a condition written as arithmetic, which guards without saying so")


def _truth(node):
    return isinstance(node, ast.Compare) or isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) or (
        isinstance(node, ast.Call) and getattr(node.func, "id", "") == "bool") or (
        isinstance(node, ast.Call) and getattr(node.func, "id", "") == "int" and len(node.args) == 1 and _truth(node.args[0]))


def _padded(base, head, changed, ask):
    """Constants put into what is passed on, where base passed it as it was."""
    had = {ast.dump(n) for n in ast.walk(base.tree)}
    for node in ast.walk(head.tree):
        if not isinstance(node, (ast.Call, ast.Return)):
            continue
        for argument in (list(node.args) + [k.value for k in node.keywords]) if isinstance(node, ast.Call) else [node.value]:
            if argument is not None and ast.dump(argument) not in had and _pads(argument):
                ask(argument, "constants are put into a value before it is passed on")


def _swallowing(base, head, ask):
    """Ways to swallow an exception that are no handler: leaving a finally, a generator that goes on after its yield failed."""
    def found(src):
        for d in definitions(src.tree):
            for n in own(d.node):
                if not isinstance(n, ast.Try):
                    continue
                if any(isinstance(x, (ast.Return, ast.Break, ast.Continue)) for s in n.finalbody for x in ast.walk(s)):
                    yield n, "%s leaves a finally, which swallows what is raised" % d.qualname
                yields = any(isinstance(x, (ast.Yield, ast.YieldFrom)) for s in n.body for x in ast.walk(s))
                raises = all(any(isinstance(x, ast.Raise) for s in h.body for x in ast.walk(s)) for h in n.handlers)
                if n.handlers and yields and not raises:
                    yield n, "%s goes on after its yield failed, which swallows what is raised there" % d.qualname
    had = {words for _, words in found(base)}
    for node, words in found(head):
        if words not in had:
            ask(node, words)


def _filled(node):
    return isinstance(node, (ast.List, ast.Tuple, ast.Set)) and node.elts and all(constant(e) is not MISSING for e in node.elts)


def _pads(node):
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.BitOr)):
        return _filled(node.left) != _filled(node.right)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        stars = [e for e in node.elts if isinstance(e, ast.Starred)]
        rest = [e for e in node.elts if not isinstance(e, ast.Starred)]
        return bool(stars) and bool(rest) and all(constant(e) is not MISSING for e in rest)
    return False
