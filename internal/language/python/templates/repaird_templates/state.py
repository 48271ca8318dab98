"""Templates mutable-default and shared-class-attribute: one object where each
call, or each instance, should have its own."""

import ast

from repaird_syntax import FUNCTIONS, defaults, first_line

from .context import MUTATORS
from .source import Candidate

DEFAULT = "mutable-default"
SHARED = "shared-class-attribute"

MAKERS = {"list", "dict", "set", "defaultdict", "deque", "OrderedDict", "Counter", "bytearray"}


def mutable(node):
    if isinstance(node, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)):
        return True
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        return name in MAKERS
    return False


def propose(ctx, function):
    yield from shared_defaults(ctx, function)
    if function.cls is not None:
        yield from class_attributes(ctx, function)


def shared_defaults(ctx, function):
    pairs = [(p, d) for p, d in defaults(function.node.args) if mutable(d) and escapes(function.node, p.arg)]
    made = [rewrite_default(function, p, d) for p, d in pairs]
    for (p, _), change in zip(pairs, made):
        if change:
            yield Candidate(DEFAULT, function, change,
                            "the default of `%s` is one object that all calls share and change" % p.arg,
                            0.9 * ctx.weights.get(function, 1), function.node.lineno)


def escapes(node, name):
    """Whether a parameter is changed, kept or handed out by its function."""
    for n in ast.walk(node):
        if isinstance(n, ast.Call):
            if isinstance(n.func, ast.Attribute) and is_name(n.func.value, name) and n.func.attr in MUTATORS:
                return True
            if any(is_name(arg, name) for arg in n.args + [k.value for k in n.keywords]):
                return True
        elif isinstance(n, ast.Subscript) and is_name(n.value, name) and isinstance(n.ctx, (ast.Store, ast.Del)):
            return True
        elif isinstance(n, ast.AugAssign) and is_name(n.target, name):
            return True
        elif isinstance(n, (ast.Assign, ast.Return, ast.Yield)) and is_name(n.value, name):
            return True
    return False


def is_name(node, name):
    return isinstance(node, ast.Name) and node.id == name


def body_start(function):
    """The first statement after the docstring, when it stands on its own line."""
    body = function.node.body
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str) and len(body) > 1:
        first = body[1]
    line = first_line(first)
    source = function.source
    indent = source.data[source.starts[line - 1]:source.starts[line]].decode()
    indent = indent[:len(indent) - len(indent.lstrip())]
    if line == function.node.lineno or source.indent(first) is None and not isinstance(first, FUNCTIONS):
        return None, None
    return source.starts[line - 1], indent


def unit(source, function_node):
    """One step of indentation as the file has it."""
    for n in ast.walk(source.tree):
        body = getattr(n, "body", None)
        if isinstance(body, list) and body and isinstance(n, ast.stmt) and body[0].lineno > n.lineno:
            outer, inner = source.indent(n), source.indent(body[0])
            if outer is not None and inner is not None and inner.startswith(outer) and inner != outer:
                return inner[len(outer):]
    return "    "


def rewrite_default(function, parameter, default):
    source = function.source
    at, indent = body_start(function)
    if at is None:
        return None
    nl = source.newline.decode()
    step = unit(source, function.node)
    guard = "%sif %s is None:%s%s%s%s = %s%s" % (
        indent, parameter.arg, nl, indent, step, parameter.arg, source.text(default), nl)
    changes = [(source.start(default), source.end(default), "None"), (at, at, guard)]
    note = parameter.annotation
    if note is not None and "Optional" in source.names():
        changes.append((source.start(note), source.end(note), "Optional[%s]" % source.text(note)))
    return changes


def class_attributes(ctx, function):
    """For methods of a class with a mutable attribute that instances change."""
    source, cls = function.source, function.cls
    if any("dataclass" in ast.dump(d) for d in cls.decorator_list) or \
            any(base in ast.dump(b) for b in cls.bases for base in ("Enum", "NamedTuple", "TypedDict", "Model")):
        return
    for stmt in cls.body:
        name, value = attribute(stmt)
        if name is None or not mutable(value) or name.isupper() or on_class(ctx, source, cls, name):
            continue
        if "ClassVar" in (ast.dump(stmt.annotation) if isinstance(stmt, ast.AnnAssign) else ""):
            continue
        if not changed_on_instance(ctx, cls, name):
            continue
        changes = move_to_init(source, cls, stmt, name, value)
        if changes:
            yield Candidate(SHARED, function, changes,
                            "`%s.%s` is one object that all instances share and change" % (cls.name, name),
                            0.9 * ctx.weights.get(function, 1), stmt.lineno)


def attribute(stmt):
    if isinstance(stmt, ast.Assign) and len(stmt.targets) == 1 and isinstance(stmt.targets[0], ast.Name):
        return stmt.targets[0].id, stmt.value
    if isinstance(stmt, ast.AnnAssign) and isinstance(stmt.target, ast.Name) and stmt.value is not None:
        return stmt.target.id, stmt.value
    return None, None


def on_class(ctx, source, cls, name):
    """Whether the attribute is used through the class: sharing is then meant."""
    for other in ctx.sources.values():
        for n in ast.walk(other.tree):
            if isinstance(n, ast.Attribute) and n.attr == name and isinstance(n.value, ast.Name) and n.value.id in ("cls", cls.name):
                return True
            if isinstance(n, ast.Attribute) and n.attr == name and isinstance(n.value, (ast.Call, ast.Attribute)):
                inner = ast.dump(n.value)
                if "id='type'" in inner or "'__class__'" in inner:
                    return True
    return False


def changed_on_instance(ctx, cls, name):
    for n in ast.walk(cls):
        target = None
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in MUTATORS:
            target = n.func.value
        elif isinstance(n, ast.Subscript) and isinstance(n.ctx, (ast.Store, ast.Del)):
            target = n.value
        elif isinstance(n, ast.AugAssign):
            target = n.target if isinstance(n.target, ast.Attribute) else getattr(n.target, "value", None)
        while isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Attribute) and target.attr == name and is_name(target.value, "self"):
            return True
    return False


def move_to_init(source, cls, stmt, name, value):
    indent = source.indent(stmt)
    if indent is None:
        return None
    nl, text = source.newline.decode(), source.text(value)
    start, end = source.starts[stmt.lineno - 1], min(source.starts[stmt.end_lineno], len(source.data))
    rest = source.data[source.end(stmt):end].decode().strip()
    if rest and not rest.startswith("#"):
        return None
    if isinstance(stmt, ast.AnnAssign):
        removal = (source.end(stmt.annotation), source.end(stmt), "")
    else:
        removal = (start, end, "")
    init = next((f for f in source.functions if f.cls is cls and f.name == "__init__"), None)
    if init is not None:
        at, inner = body_start(init)
        if at is None:
            return None
        receiver = (init.parameters() or ["self"])[0]
        return [removal, (at, at, "%s%s.%s = %s%s" % (inner, receiver, name, text, nl))]
    step = unit(source, cls)
    lines = ["def __init__(self):"]
    if cls.bases:
        lines = ["def __init__(self, *args, **kwargs):", step + "super().__init__(*args, **kwargs)"]
    lines.append("%sself.%s = %s" % (step, name, text))
    block = "".join(indent + line + nl for line in lines)
    first = next((s for s in cls.body if isinstance(s, FUNCTIONS)), None)
    if first is None:
        return None  # nothing in the class changes it
    line = first_line(first)
    at = source.starts[line - 1]
    if at == end and isinstance(stmt, ast.Assign):
        return [(start, end, block + nl)]
    return [removal, (at, at, block + nl)]
