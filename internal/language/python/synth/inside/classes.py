"""What the source of a class says about making an instance of it."""

import ast

from repaird_syntax import FUNCTIONS, parameters as every_parameter, positional
from scope import dotted_name

# Decorators and bases that write __init__ and __repr__ from annotated fields.
DECORATORS = {"dataclass", "define", "frozen", "mutable", "s", "attrs", "attributes", "dataclasses.dataclass", "attr.s", "attr.define", "attr.frozen", "attr.attrs", "attrs.define", "attrs.frozen", "attrs.mutable"}
RECORDS = ("NamedTuple", "BaseModel", "Struct", "TypedDict")
ENUMS = ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "TextChoices", "IntegerChoices")


def decorators(node):
    for d in node.decorator_list:
        yield dotted_name(d.func if isinstance(d, ast.Call) else d)


def last(names, wanted):
    return any(n.rpartition(".")[2] in wanted for n in names if n)


def is_enum(scope, found):
    _, outside = scope.bases(found)
    return last(outside, ENUMS)


def is_record(scope, found):
    """Whether the class has the fields' constructor, and a repr that is its call."""
    order, outside = scope.bases(found)
    return any(d in DECORATORS for cls in order for d in decorators(cls.node)) or last(outside, RECORDS)


def method(scope, found, name):
    """A method's node, of the class or of the base that has it, or None."""
    for cls in scope.bases(found)[0]:
        for s in cls.node.body:
            if isinstance(s, FUNCTIONS) and s.name == name:
                return s
    return None


def speaks(scope, found):
    """Whether the class's repr is meant to be read."""
    return is_record(scope, found) or method(scope, found, "__repr__") is not None


def fields(scope, found):
    """A record's annotated fields, bases first: name -> whether it has a default."""
    made = {}
    for cls in reversed(scope.bases(found)[0]):
        for s in cls.node.body:
            if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name) and "ClassVar" not in ast.dump(s.annotation):
                made[s.target.id] = s.value is not None
            elif isinstance(s, ast.Assign) and isinstance(s.value, ast.Call) and dotted_name(s.value.func) in ("attr.ib", "attr.attrib", "attrs.field", "field"):
                for target in s.targets:
                    if isinstance(target, ast.Name):
                        made[target.id] = any(k.arg in ("default", "factory") for k in s.value.keywords) or bool(s.value.args)
    return made


def constructor(scope, found):
    """The parameters of the constructor without self, as [{"name", "default",
    "kind"}], or None where it is not in the tree."""
    init = method(scope, found, "__init__")
    if init is None:
        if is_record(scope, found):
            return [{"name": n.lstrip("_") if any(d.startswith(("attr", "define", "frozen")) for d in decorators(found.node)) else n,
                     "default": d, "kind": "pos"} for n, d in fields(scope, found).items()]
        return [] if not scope.bases(found)[1] else None
    a = init.args
    named = positional(a)
    without = len(named) - len(a.defaults)
    made = [{"name": p.arg, "default": n >= without, "kind": "pos"} for n, p in enumerate(named)][1:]
    if a.vararg:
        made.append({"name": a.vararg.arg, "default": True, "kind": "var"})
    made += [{"name": p.arg, "default": d is not None, "kind": "kwonly"} for p, d in zip(a.kwonlyargs, a.kw_defaults)]
    if a.kwarg:
        made.append({"name": a.kwarg.arg, "default": True, "kind": "varkw"})
    return made


def accepts(params, count, keywords):
    """Whether a constructor takes so many positional and these keyword arguments,
    and needs no others."""
    if params is None:
        return False
    named = [p for p in params if p["kind"] in ("pos", "kwonly")]
    by_position = [p["name"] for p in named if p["kind"] == "pos"][:count]
    if count > len(by_position) and not any(p["kind"] == "var" for p in params):
        return False
    names = {p["name"] for p in named}
    if not any(p["kind"] == "varkw" for p in params) and any(k not in names for k in keywords):
        return False
    return all(p["default"] or p["name"] in keywords or p["name"] in by_position for p in named)


def initial(scope, found):
    """How the constructor sets attributes, where that is plain: attribute ->
    {"param": name} or {"source": literal}."""
    made = {}
    for cls in reversed(scope.bases(found)[0]):
        init = next((s for s in cls.node.body if isinstance(s, FUNCTIONS) and s.name == "__init__"), None)
        if init is None or not positional(init.args):
            continue
        own = positional(init.args)[0].arg
        names = {p.arg for p in every_parameter(init.args)}
        for s in init.body:
            targets = s.targets if isinstance(s, ast.Assign) else [s.target] if isinstance(s, ast.AnnAssign) and s.value is not None else []
            for t in targets:
                if not (isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id == own):
                    continue
                made.pop(t.attr, None)
                if isinstance(s.value, ast.Name) and s.value.id in names:
                    made[t.attr] = {"param": s.value.id}
                elif is_literal(s.value):
                    made[t.attr] = {"source": ast.unparse(s.value)}
    return made


def is_literal(node):
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return isinstance(node, ast.Call) and dotted_name(node.func) in ("set", "dict", "list", "tuple", "frozenset") and not node.args and not node.keywords
    return True


def slotted(scope, found):
    """Whether attributes have to be set past a class's own __setattr__."""
    return any("frozen" in ast.dump(d) for cls in scope.bases(found)[0] for d in cls.node.decorator_list) or \
        method(scope, found, "__setattr__") is not None
