"""What the expressions of repaird_tracer.watch may do: functions, operators, and
the bounds that they keep."""

_len, _type, _id, _str, _repr, _int, _float, _bool = len, type, id, str, repr, int, float, bool
_list, _tuple, _dict, _set, _frozenset, _range = list, tuple, dict, set, frozenset, range
_bytes, _bytearray, _enumerate, _zip, _map = bytes, bytearray, enumerate, zip, map
_sum, _min, _max, _sorted, _any, _all, _abs, _round, _isinstance = sum, min, max, sorted, any, all, abs, round, isinstance
_get_mro = type.__dict__["__mro__"].__get__
_get_class_dict = type.__dict__["__dict__"].__get__
MAX_ITEMS, MAX_BITS, MAX_DIGITS = 100000, 20000, 5000


class Refused(Exception):
    """The expression is not allowed, or went over a bound."""


def keeps_method(t, base, method):
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
    if _id(_type(v)) in _TEXTS and _len(v) > MAX_DIGITS:
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


_CONTAINERS = _frozenset(_map(_id, [_list, _tuple, _dict, _set, _frozenset, _str, _bytes, _bytearray, _range,
                          _type({}.keys()), _type({}.values()), _type({}.items())]))

_SEQUENCES = _frozenset(_map(_id, [_str, _bytes, _bytearray, _list, _tuple]))
_TEXTS = _frozenset(_map(_id, [_str, _bytes, _bytearray]))

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
BINARY = {
    "Add": lambda a, b: a + b, "Sub": lambda a, b: a - b, "Mult": _times, "Div": lambda a, b: a / b,
    "FloorDiv": lambda a, b: a // b, "Mod": _remainder, "Pow": _power, "LShift": _shift, "RShift": lambda a, b: a >> b,
    "BitAnd": lambda a, b: a & b, "BitOr": lambda a, b: a | b, "BitXor": lambda a, b: a ^ b,
    "MatMult": lambda a, b: a @ b,
}
UNARY = {"Not": lambda a: not a, "USub": lambda a: -a, "UAdd": lambda a: +a, "Invert": lambda a: ~a}
COMPARE = {
    "Eq": lambda a, b: a == b, "NotEq": lambda a, b: a != b, "Lt": lambda a, b: a < b, "LtE": lambda a, b: a <= b,
    "Gt": lambda a, b: a > b, "GtE": lambda a, b: a >= b, "Is": lambda a, b: a is b, "IsNot": lambda a, b: a is not b,
    "In": _in, "NotIn": lambda a, b: not _in(a, b),
}
