"""Which functions a patch changes."""
import ast
import copy

from repaird_syntax import FUNCTIONS, definitions


def functions(base, head):
    """The qualified names of functions whose own code differs, "" for code outside functions."""
    before, after = _parts(base.tree), _parts(head.tree)
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _parts(tree):
    """Qualified name -> what the function itself says, without the functions in it."""
    parts = {"": _own(tree)}
    for d in definitions(tree):
        name = d.qualname
        parts[name] = parts.get(name, "") + _own(d.node)
    return parts


class _Outer(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        return ast.copy_location(ast.Name(id="a function", ctx=ast.Load()), node)

    visit_AsyncFunctionDef = visit_FunctionDef


def _own(node):
    own = copy.deepcopy(node)
    for field in ("body", "orelse", "finalbody", "handlers"):
        parts = getattr(own, field, None)
        if parts:
            setattr(own, field, [p for p in (_strip(p) for p in parts) if p is not None])
    return ast.dump(own)


def _strip(node):
    if isinstance(node, FUNCTIONS):
        return None  # a part of its own
    return _Outer().visit(node)
