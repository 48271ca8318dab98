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
import sys

from opcode import opmap as _opmap

_compile, _len, _type, _id, _str, _repr, _int, _float, _bool = compile, len, type, id, str, repr, int, float, bool
_list, _tuple, _dict, _set, _frozenset, _range = list, tuple, dict, set, frozenset, range
_bytes, _bytearray, _enumerate, _zip, _slice = bytes, bytearray, enumerate, zip, slice
_sum, _min, _max, _sorted, _any, _all, _abs, _round = sum, min, max, sorted, any, all, abs, round
_isinstance, _getattr, _iter, _bool_type = isinstance, getattr, iter, bool
_Exception, _BaseException, _TypeError, _NameError, _KeyError = Exception, BaseException, TypeError, NameError, KeyError
_KeyboardInterrupt, _RecursionError, _MemoryError, _SyntaxError = KeyboardInterrupt, RecursionError, MemoryError, SyntaxError
_ValueError, _getsignal, _modules = ValueError, _signal.getsignal, sys.modules
_get_mro = type.__dict__["__mro__"].__get__
_get_class_dict = type.__dict__["__dict__"].__get__
_FunctionType = type(lambda: 0)
_RAISE = _opmap["RAISE_VARARGS"]

MAX_TEXT, MAX_DEPTH, MAX_ITEMS, MAX_STEPS, MAX_BITS = 1000, 40, 100000, 100000, 20000
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
    ours = ("ignore", None, Warning, _Only(), 0)
    filters.insert(0, ours)
    try:
        return _compile(source, _MODULE + ".py", mode, _ONLY_AST, True)
    finally:
        for i in _range(_len(filters) - 1, -1, -1):
            if filters[i] is ours:
                del filters[i]


class Refused(Exception):
    """The expression is not allowed, or went over a bound."""


class Env(object):
    """What one evaluation sees. get(name) gives a variable or raises NameError."""
    __slots__ = ("get", "own", "steps")

    def __init__(self, get):
        self.get, self.own, self.steps = get, {}, MAX_STEPS


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
        if name in env.own:
            return env.own[name]
        return env.get(name)
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
        if t is not _dict and _keeps(t, _dict, "__getitem__"):
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
    op, a, b = _BINARY[_kind(node.op)], _node(node.left, names, depth), _node(node.right, names, depth)
    return lambda env: op(a(env), b(env))


def _unary(node, names, depth):
    op, a = _UNARY[_kind(node.op)], _node(node.operand, names, depth)
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
    rest = [(_COMPARE[_kind(op)], _node(p, names, depth)) for op, p in _zip(node.ops, node.comparators)]

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
            env.own = _dict(own)
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


# What the closures use.

def _keeps(t, base, method):
    """Says whether a class derives from a built-in one without a method of its own."""
    for k in _get_mro(t):
        if k is base:
            return True
        if method in _get_class_dict(k):
            return False
    return False


def items(v):
    """v, or a list of what it gives, where reading it changes nothing."""
    t = _type(v)
    if _id(t) in _CONTAINERS:
        if _len(v) > MAX_ITEMS:
            raise Refused("over %d items" % MAX_ITEMS)
        return v
    for k in _get_mro(t):
        if "__next__" in _get_class_dict(k):
            raise Refused("an iterator: reading it would use it up")
    out = []
    for e in v:
        out.append(e)
        if _len(out) > MAX_ITEMS:
            raise Refused("over %d items" % MAX_ITEMS)
    return out


def _in(a, b):
    for k in _get_mro(_type(b)):
        if "__next__" in _get_class_dict(k):
            raise Refused("an iterator: reading it would use it up")
    return a in b


def _power(a, b, *mod):
    if _type(a) is _int and _type(b) is _int and b > 0 and a.bit_length() * b > MAX_BITS:
        raise Refused("the number would be too large")
    return a ** b


def _shift(a, b):
    if _type(b) is _int and b > MAX_BITS:
        raise Refused("the number would be too large")
    return a << b


def _times(a, b):
    for n, v in ((a, b), (b, a)):
        if _type(n) is _int and _id(_type(v)) in _SEQUENCES and n * _len(v) > MAX_ITEMS:
            raise Refused("over %d items" % MAX_ITEMS)
    if _type(a) is _int and _type(b) is _int and a.bit_length() + b.bit_length() > MAX_BITS:
        raise Refused("the number would be too large")
    return a * b


def _remainder(a, b):
    if _id(_type(a)) in _TEXTS:
        raise Refused("formatting is not allowed")
    return a % b


def _text(f):
    def run(v=""):
        if _id(_type(v)) in _CONTAINERS and _len(v) > MAX_ITEMS and _type(v) is not _range:
            raise Refused("over %d items" % MAX_ITEMS)
        return f(v)
    return run


def _whole(v=0, *base, **more):
    if _id(_type(v)) in _TEXTS and _len(v) > 5000:
        raise Refused("the number would be too large")
    return _int(v, *base, **more)


def _gathers(f):
    def run(*args, **more):
        return f(*([items(args[0])] + _list(args[1:]) if args else args), **more)
    return run


def _extreme(f):
    def run(*args, **more):
        return f(items(args[0]), **more) if _len(args) == 1 else f(*args, **more)
    return run


_CONTAINERS = _frozenset(map(_id, [_list, _tuple, _dict, _set, _frozenset, _str, _bytes, _bytearray, _range,
                          _type({}.keys()), _type({}.values()), _type({}.items())]))

_SEQUENCES = _frozenset(map(_id, [_str, _bytes, _bytearray, _list, _tuple]))
_TEXTS = _frozenset(map(_id, [_str, _bytes, _bytearray]))

# name: (function, most positional arguments, keywords or None for any)
CALLS = {
    "len": (_len, 1, ()), "sum": (_gathers(_sum), 2, ("start",)), "min": (_extreme(_min), 20, ("default",)),
    "max": (_extreme(_max), 20, ("default",)), "sorted": (_gathers(_sorted), 1, ("reverse",)),
    "any": (_gathers(_any), 1, ()), "all": (_gathers(_all), 1, ()), "abs": (_abs, 1, ()),
    "isinstance": (_isinstance, 2, ()), "type": (lambda v: _type(v), 1, ()), "str": (_text(_str), 1, ()),
    "repr": (_text(_repr), 1, ()), "int": (_whole, 2, ("base",)), "float": (_float, 1, ()), "bool": (_bool, 1, ()),
    "list": (_gathers(_list), 1, ()), "dict": (_gathers(_dict), 1, None), "set": (_gathers(_set), 1, ()),
    "tuple": (_gathers(_tuple), 1, ()), "range": (_range, 3, ()), "round": (_round, 2, ("ndigits",)),
    "enumerate": (lambda v, start=0: _list(_enumerate(items(v), start)), 2, ("start",)),
    "zip": (lambda *v: _list(_zip(*[items(e) for e in v])), 20, ()),
}
_BINARY = {
    "Add": lambda a, b: a + b, "Sub": lambda a, b: a - b, "Mult": _times, "Div": lambda a, b: a / b,
    "FloorDiv": lambda a, b: a // b, "Mod": _remainder, "Pow": _power, "LShift": _shift, "RShift": lambda a, b: a >> b,
    "BitAnd": lambda a, b: a & b, "BitOr": lambda a, b: a | b, "BitXor": lambda a, b: a ^ b,
    "MatMult": lambda a, b: a @ b,
}
_UNARY = {"Not": lambda a: not a, "USub": lambda a: -a, "UAdd": lambda a: +a, "Invert": lambda a: ~a}
_COMPARE = {
    "Eq": lambda a, b: a == b, "NotEq": lambda a, b: a != b, "Lt": lambda a, b: a < b, "LtE": lambda a, b: a <= b,
    "Gt": lambda a, b: a > b, "GtE": lambda a, b: a >= b, "Is": lambda a, b: a is b, "IsNot": lambda a, b: a is not b,
    "In": _in, "NotIn": lambda a, b: not _in(a, b),
}
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
