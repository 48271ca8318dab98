"""Expressions that a user gives: watches, and conditions of breakpoints.

An expression is checked when the tracer starts and turned into closures, so
nothing of it is ever compiled to code that runs by itself. Allowed are names,
attributes, subscripts, operators, displays, comprehensions, and calls of the
functions in CALLS. Attributes, subscripts, operators and len, str and repr may
run the program's own code (properties, __getitem__, ...): what that raises is
contained; that it ends cannot be had without tracing it, so an endless property
hangs the program until its deadline. What the expression itself does is
bounded, and it reads nothing of which reading is a change: no iterators, no
missing keys of a defaultdict.
"""
import _signal
import _warnings
import builtins
import sys

from opcode import opmap as _opmap
from repaird_tracer.allowed import BINARY, CALLS, COMPARE, UNARY, Refused, items, keeps_method
from repaird_tracer.changes import PROXY
from repaird_tracer.frames import unreadable
from repaird_tracer.values import derives

_compile, _len, _type, _id, _str, _bool, _range, _zip = compile, len, type, id, str, bool, range, zip
_list, _tuple, _dict, _set, _slice, _isinstance, _getattr = list, tuple, dict, set, slice, isinstance, getattr
_Exception, _TypeError, _NameError, _KeyError, _ValueError = Exception, TypeError, NameError, KeyError, ValueError
_KeyboardInterrupt, _RecursionError, _MemoryError, _SyntaxError = KeyboardInterrupt, RecursionError, MemoryError, SyntaxError
_Warning, _getsignal, _modules = Warning, _signal.getsignal, sys.modules
_FunctionType = type(lambda: 0)
_builtins = dict(builtins.__dict__)
_RAISE = _opmap["RAISE_VARARGS"]

MAX_TEXT, MAX_DEPTH, MAX_STEPS = 1000, 40, 100000
_MODULE = "repaird trace source"  # what warnings of our own parsing are filed under
_ONLY_AST = 0x400


class _Only(object):
    """A pattern of a warnings filter that matches nothing but our parsing."""

    def match(self, text):
        return text == _MODULE


def syntax_tree(source, mode):
    """The tree of a source text, without a warning on the program's stderr and
    without disturbing the registries that say which warnings were shown."""
    warnings = _modules.get("warnings")
    filters = warnings.__dict__.get("filters") if _type(warnings) is _type(sys) else None
    if _type(filters) is not _list:
        filters = _warnings.filters
    ours = ("ignore", None, _Warning, _Only(), 0)
    filters.insert(0, ours)
    try:
        return _compile(source, _MODULE + ".py", mode, _ONLY_AST, True)
    finally:
        for i in _range(_len(filters) - 1, -1, -1):
            if filters[i] is ours:
                del filters[i]


class Env(object):
    """What one evaluation sees: a frame's variables, and those of the
    expression's own comprehensions."""
    __slots__ = ("values", "shared", "own", "steps")

    def __init__(self, frame):
        values = frame.f_locals
        self.values = values if _type(values) is _dict or _type(values) is PROXY else {}
        skip = unreadable(frame.f_code)
        if skip:
            code = frame.f_code
            self.values = {n: values[n] for n in code.co_varnames + code.co_cellvars + code.co_freevars if n not in skip and n in values}
        self.shared, self.own, self.steps = frame.f_globals, None, MAX_STEPS

    def other(self, name):
        """A global, or of the builtins a class."""
        if _type(self.shared) is _dict and name in self.shared:
            return self.shared[name]
        v = _builtins.get(name)
        if v is None or not derives(_type(v), _type):
            raise _NameError("name %r is not defined" % name)
        return v


class Watch(object):
    """One checked expression. problem says why it is not allowed, or is ""."""
    __slots__ = ("text", "problem", "names", "run", "plain")

    def __init__(self, text):
        self.text, self.problem, self.names, self.run, self.plain = text, "", [], None, False
        try:
            if _len(text) > MAX_TEXT:
                raise Refused("it is longer than %d characters" % MAX_TEXT)
            tree = syntax_tree(text.strip(), "eval").body
            self.run = _node(tree, self.names, 0)
            self.plain = _kind(tree) == "Call" and tree.func.id in ("len", "isinstance", "bool", "type", "any", "all")
        except Refused as e:
            self.problem = e.args[0]
        except _SyntaxError as e:
            self.problem = "it is no valid expression: " + _str(e.msg)
        except (_RecursionError, _MemoryError, _ValueError, _TypeError):
            self.problem = "it is no valid expression"


def contained(error):
    """Says whether an exception of an evaluation came from the expression or
    the code it ran. One that a signal handler raised meanwhile is the
    program's, and must reach it."""
    tb, codes, last = error.__traceback__, None, None
    while tb is not None:
        code = tb.tb_frame.f_code
        if codes is None:
            codes = _handlers()
        if _id(code) in codes:
            return False
        last, tb = tb, tb.tb_next
    if not _isinstance(error, _KeyboardInterrupt):
        return True
    ops = last.tb_frame.f_code.co_code
    return 0 <= last.tb_lasti < _len(ops) and ops[last.tb_lasti] == _RAISE


def _handlers():
    found = _set()
    for n in _range(1, 65):
        try:
            h = _getsignal(n)
        except _Exception:
            continue
        if _type(h) is _type(_Only().match):
            h = h.__func__
        if _type(h) is _FunctionType:
            found.add(_id(h.__code__))
    return found


# Checking: a node of the tree becomes a closure over its parts.

def _kind(node):
    return _type(node).__name__


def _node(node, names, depth):
    if depth > MAX_DEPTH:
        raise Refused("it is nested too deeply")
    make = _NODES.get(_kind(node))
    if make is None:
        raise Refused(_REFUSED.get(_kind(node), _kind(node)) + " is not allowed")
    return make(node, names, depth + 1)


def _identifier(name):
    if name[:2] == "__" and name[-2:] == "__":
        raise Refused("the name %s is not allowed" % name)
    return name


def _name(node, names, depth):
    name = _identifier(node.id)
    names.append(name)

    def run(env):
        if env.own is not None and name in env.own:
            return env.own[name]
        v = env.values.get(name, _NODES)
        return v if v is not _NODES else env.other(name)
    return run


def _constant(node, names, depth):
    v = node.s if _kind(node) in ("Str", "Bytes") else node.n if _kind(node) == "Num" else ... if _kind(node) == "Ellipsis" else node.value
    return lambda env: v


def _attribute(node, names, depth):
    of, name = _node(node.value, names, depth), _identifier(node.attr)
    if name in _FRAMES:
        raise Refused("the attribute %s is not allowed" % name)
    names.append(name)
    return lambda env: _getattr(of(env), name)


def _subscript(node, names, depth):
    of, at = _node(node.value, names, depth), _index(node.slice, names, depth)

    def run(env):
        v, k = of(env), at(env)
        t = _type(v)
        if t is not _dict and keeps_method(t, _dict, "__getitem__"):
            e = _dict.get(v, k, _NODES)  # never __missing__, which may add the key
            if e is _NODES:
                raise _KeyError(k)
            return e
        return v[k]
    return run


def _index(node, names, depth):
    kind = _kind(node)
    if kind == "Index":
        node, kind = node.value, _kind(node.value)
    if kind == "Slice":
        parts = [None if p is None else _node(p, names, depth) for p in (node.lower, node.upper, node.step)]
        return lambda env: _slice(*[None if p is None else p(env) for p in parts])
    if kind == "ExtSlice":
        parts = [_index(p, names, depth) for p in node.dims]
        return lambda env: _tuple([p(env) for p in parts])
    if kind in ("Constant", "Str") and _type(_constant(node, names, depth)(None)) is _str:
        names.append(_constant(node, names, depth)(None))
    if kind == "Tuple":
        parts = [_index(p, names, depth) for p in node.elts]
        return lambda env: _tuple([p(env) for p in parts])
    return _node(node, names, depth)


def _binary(node, names, depth):
    op, a, b = BINARY[_kind(node.op)], _node(node.left, names, depth), _node(node.right, names, depth)
    return lambda env: op(a(env), b(env))


def _unary(node, names, depth):
    op, a = UNARY[_kind(node.op)], _node(node.operand, names, depth)
    return lambda env: op(a(env))


def _boolean(node, names, depth):
    parts, stop_at = [_node(p, names, depth) for p in node.values], _kind(node.op) == "Or"

    def run(env):
        v = None
        for p in parts:
            v = p(env)
            if _bool(v) is stop_at:
                break
        return v
    return run


def _compare(node, names, depth):
    first = _node(node.left, names, depth)
    rest = [(COMPARE[_kind(op)], _node(p, names, depth)) for op, p in _zip(node.ops, node.comparators)]
    if _len(rest) == 1:
        one, second = rest[0]
        return lambda env: one(first(env), second(env))

    def run(env):
        a, v = first(env), True
        for op, p in rest:
            b = p(env)
            v = op(a, b)
            if not v:
                break
            a = b
        return v
    return run


def _choice(node, names, depth):
    test, a, b = [_node(p, names, depth) for p in (node.test, node.body, node.orelse)]
    return lambda env: a(env) if test(env) else b(env)


def _display(make):
    def compiler(node, names, depth):
        parts = [_node(p, names, depth) for p in node.elts]
        return lambda env: make([p(env) for p in parts])
    return compiler


def _dict_display(node, names, depth):
    if None in node.keys:
        raise Refused("** is not allowed")
    parts = [(_node(k, names, depth), _node(v, names, depth)) for k, v in _zip(node.keys, node.values)]
    return lambda env: {k(env): v(env) for k, v in parts}


def _comprehension(make):
    def compiler(node, names, depth):
        if make is _dict:
            k, v = _node(node.key, names, depth), _node(node.value, names, depth)

            def item(env):
                return (k(env), v(env))
        else:
            item = _node(node.elt, names, depth)
        loops = []
        for g in node.generators:
            if _getattr(g, "is_async", 0):
                raise Refused("async is not allowed")
            loops.append((_target(g.target), _node(g.iter, names, depth), [_node(c, names, depth) for c in g.ifs]))

        def run(env):
            out, own = [], env.own
            env.own = {} if own is None else _dict(own)
            try:
                _loop(env, loops, 0, item, out)
            finally:
                env.own = own
            return make(out)
        return run
    return compiler


def _loop(env, loops, at, item, out):
    target, source, tests = loops[at]
    for v in items(source(env)):
        env.steps -= 1
        if env.steps < 0:
            raise Refused("over %d steps" % MAX_STEPS)
        target(env, v)
        for t in tests:
            if not t(env):
                break
        else:
            if at + 1 < _len(loops):
                _loop(env, loops, at + 1, item, out)
            else:
                out.append(item(env))


def _target(node):
    if _kind(node) == "Name":
        name = _identifier(node.id)

        def put(env, v):
            env.own[name] = v
        return put
    if _kind(node) not in ("Tuple", "List"):
        raise Refused("this target of a comprehension is not allowed")
    parts = [_target(p) for p in node.elts]

    def unpack(env, v):
        v = _list(items(v))
        if _len(v) != _len(parts):
            raise _ValueError("expected %d values to unpack, got %d" % (_len(parts), _len(v)))
        for p, e in _zip(parts, v):
            p(env, e)
    return unpack


def _call(node, names, depth):
    if _kind(node.func) != "Name":
        raise Refused("a call of a method is not allowed")
    name = node.func.id
    if name not in CALLS:
        raise Refused("a call of %s is not allowed" % name)
    f, most, keys = CALLS[name]
    if _len(node.args) > most:
        raise Refused("%s takes up to %d arguments here" % (name, most))
    args = [_node(a, names, depth) for a in node.args]
    for k in node.keywords:
        if k.arg is None or keys is not None and k.arg not in keys:
            raise Refused("the argument %s of %s is not allowed" % (k.arg or "**", name))
    more = [(k.arg, _node(k.value, names, depth)) for k in node.keywords]
    return lambda env: f(*[a(env) for a in args], **{k: v(env) for k, v in more})


_NODES = {
    "Name": _name, "Constant": _constant, "Num": _constant, "Str": _constant, "Bytes": _constant,
    "NameConstant": _constant, "Ellipsis": _constant, "Attribute": _attribute, "Subscript": _subscript, "BinOp": _binary,
    "UnaryOp": _unary, "BoolOp": _boolean, "Compare": _compare, "IfExp": _choice, "Tuple": _display(_tuple),
    "List": _display(_list), "Set": _display(_set), "Dict": _dict_display, "ListComp": _comprehension(_list),
    "SetComp": _comprehension(_set), "GeneratorExp": _comprehension(_list), "DictComp": _comprehension(_dict),
    "Call": _call,
}
_REFUSED = {
    "Lambda": "lambda", "NamedExpr": "assignment (:=)", "JoinedStr": "an f-string", "TemplateStr": "a t-string",
    "Starred": "*", "Await": "await", "Yield": "yield", "YieldFrom": "yield",
}
_FRAMES = frozenset(["gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code", "tb_frame", "f_back", "f_globals",
                     "f_locals", "f_builtins", "f_code", "func_globals", "func_code"])
