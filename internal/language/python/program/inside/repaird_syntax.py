"""Look-ups in syntax trees, for all of repaird's programs.

Standard library only, Python 3.8 on.
"""

import ast

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = FUNCTIONS + (ast.ClassDef,)


def bare(name):
    """The last part of a dotted name."""
    return name.rpartition(".")[2]


def first_line(node):
    """The line on which a node begins, its decorators included."""
    return min([node.lineno] + [d.lineno for d in getattr(node, "decorator_list", ())])


def last_line(node):
    return getattr(node, "end_lineno", None) or node.lineno


def holds(node, line):
    """Whether a line is one of the node's, from its own line on."""
    return node.lineno <= line <= last_line(node)


class Definition:
    """One function definition of a file."""

    def __init__(self, node, qualname, cls, nested):
        self.node = node
        self.qualname = qualname  # as __qualname__ has it
        self.cls = cls  # the ClassDef that it is a method of, or None
        self.nested = nested  # in another function
        self.first = first_line(node)
        self.last = last_line(node)

    @property
    def name(self):
        return self.node.name


def definitions(tree):
    """Every function of a file, outer ones before those in them."""
    found = []

    def visit(node, prefix, cls, nested):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, FUNCTIONS):
                found.append(Definition(child, prefix + child.name, cls, nested))
                visit(child, prefix + child.name + ".<locals>.", None, True)
            elif isinstance(child, ast.ClassDef):
                visit(child, prefix + child.name + ".", child, nested)
            else:
                visit(child, prefix, cls, nested)

    visit(tree, "", None, False)
    return found


def innermost(found, line, name=""):
    """The definition around a line, the innermost of several; None where there
    is none. With a name, dotted or bare, only those that have it are asked."""
    best = None
    for d in found:
        if d.first <= line <= d.last and (not name or d.name == bare(name)) and (best is None or d.first >= best.first):
            best = d
    return best


def parents(tree):
    """Node -> the node that it is in."""
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def enclosing_function(table, node):
    """The function in which a node is, or the node itself if it is one; None at
    the top level. table is that of parents()."""
    while node is not None and not isinstance(node, FUNCTIONS):
        node = table.get(node)
    return node


def own(function):
    """The nodes of a function's or module's body without those of functions and
    classes deeper in it; what stands in the body itself is seen whole."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(c for c in ast.iter_child_nodes(node) if not isinstance(c, SCOPES))


def statements(function):
    """Every statement of a function's body in order, those of nested functions
    and classes left out."""
    waiting = list(reversed(function.body))
    while waiting:
        statement = waiting.pop()
        yield statement
        if isinstance(statement, SCOPES):
            continue
        inner = []
        for field in ("body", "orelse", "handlers", "finalbody", "cases"):
            for child in getattr(statement, field, []):
                if isinstance(child, ast.stmt):
                    inner.append(child)
                else:  # an except handler or a match case
                    inner.extend(child.body)
        waiting.extend(reversed(inner))


def positional(arguments):
    """The ast.arg of the parameters that can be given by position."""
    return list(getattr(arguments, "posonlyargs", [])) + arguments.args


def parameters(arguments):
    """The ast.arg of all parameters."""
    return positional(arguments) + arguments.kwonlyargs + [a for a in (arguments.vararg, arguments.kwarg) if a]


def defaults(arguments):
    """(ast.arg, default) of the parameters that have one."""
    named = positional(arguments)
    pairs = list(zip(named[len(named) - len(arguments.defaults):], arguments.defaults))
    return pairs + [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults) if d is not None]


def called(call):
    """The bare name that a call calls, "" for none."""
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def docstring(node):
    """The statement that is the docstring of a module, class or function, or None."""
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", getattr(first.value, "s", None)), str):
        return first
    return None


def root_name(node):
    """The name that a chain of attributes and subscripts starts from, or None."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def bound_names(target):
    """The names that an assignment's target binds."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from bound_names(element)
    elif isinstance(target, ast.Starred):
        yield from bound_names(target.value)
