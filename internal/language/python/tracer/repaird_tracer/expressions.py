"""Writes values as Python expressions: literals, and constructors of types that
can be imported, so that a replay can make an equal value.

Nothing of the program is run for it, and the expressions call nothing of the
program but constructors that dataclasses and namedtuple generated.
"""
from repaird_tracer.descriptors import (
    BuiltinType, FunctionType, MethodType, ModuleType, NoneType, class_module, class_name, get_func_globals, get_func_qualname,
    get_module_dict, instance_dict, module_of, reachable)
import repaird_tracer.secrets as secrets

_repr, _type, _id, _len, _tuple, _zip = repr, type, id, len, tuple, zip
_str, _int, _list, _dict, _set, _frozenset = str, int, list, dict, set, frozenset
_bool, _float, _bytes, _min = bool, float, bytes, min
_SMALL = 1 << 32
_BIG, _INF = 1 << 62, float("inf")
_plain_names = secrets.PLAIN_NAMES
_float_finite = frozenset(["nan", "inf", "-inf"])
_heads, _hides = secrets._heads, secrets.hides


def flat_text(c, _type=type, _int=int, _str=str, _len=len, _low=-_BIG, _high=_BIG):
    """The text of a list or tuple of small scalars, which C makes; None for
    others. Of a list it wants a copy, into which no other thread puts anything
    between the look and the repr."""
    if _len(c) == 2:  # a name and its value, maybe
        k = c[0]
        if _type(k) is _str and k not in _plain_names and _hides(k, c[1]):
            return None
    for e in c:
        t = _type(e)
        if t is _int:
            if not _low < e < _high:
                return None
        elif t is _str:
            if _len(e) >= 16:
                return None
        elif t is _float:
            if not -_INF < e < _INF:
                return None
        elif e is not None and t is not _bool:
            return None
    return _repr(c)


def flat_dict_text(v, _type=type, _int=int, _str=str, _len=len, _low=-_BIG, _high=_BIG):
    """As flat_text, of a dict whose keys hide nothing."""
    for k in v:  # copying may compare keys
        if _type(k) is not _str:
            return None
    c = v.copy()
    for k, e in c.items():
        if _type(k) is not _str or k not in _plain_names:
            return None
        t = _type(e)
        if t is _int:
            if not _low < e < _high:
                return None
        elif t is _str:
            if _len(e) >= 16:
                return None
        elif t is _float:
            if not -_INF < e < _INF:
                return None
        elif e is not None and t is not _bool:
            return None
    return _repr(c)


class Expressions(object):
    """The part of the Renderer that makes expressions. left is the room for
    one: [items, characters, depth, 1 once a constructor was used]."""

    def literal(self, v, t, depth, left):
        """Python text of v, or None when there is none or it is over the bounds."""
        if t is _int:
            return "%d" % v if -_SMALL < v < _SMALL or _int.bit_length(v) <= 200 else None
        if t is _str:
            n = _len(v)
            left[1] -= n
            if n > self.max_str or left[1] < 0 or n >= 16 and not self._clean(v):
                return None
            return _repr(v)
        if t is NoneType or t is _bool:
            return _repr(v)
        if t is _float:
            r = _repr(v)
            if r in _float_finite:
                left[3] = 1
                return "float('%s')" % r
            return r
        if t is _bytes:
            left[1] -= _len(v)
            return _repr(v) if _len(v) <= self.max_str and left[1] >= 0 and (
                _len(v) < 16 or not self.masked(v.decode("latin-1"))) else None
        if depth <= 0:
            return None
        if t is _list or t is _tuple or t is _dict or t is _set:
            n = _len(v)
            left[0] -= n
            if n > self.max_items or left[0] < 0:
                return None
            if t is _dict:
                text = flat_dict_text(v) if v else "{}"
                if text is None:
                    return self._literal_dict(v, depth, left)
                left[1] -= _len(text)
                return text if left[1] >= 0 else None
            return self._literal_container(v, t, depth, left)
        return self._made(v, t, depth, left)

    def _literal_container(self, v, t, depth, left):
        if t is not _set and v:
            v = v[:]
            text = flat_text(v)
            if text is not None:
                left[1] -= _len(text)
                return text if left[1] >= 0 else None
            if _len(v) == 2 and _hides(v[0], v[1]):
                return None
        parts = self._parts(v, depth, left)
        if parts is None:
            return None
        if t is _list:
            return "[" + ", ".join(parts) + "]"
        if t is _tuple:
            return "(" + parts[0] + ",)" if _len(parts) == 1 else "(" + ", ".join(parts) + ")"
        if not parts:
            left[3] = 1
            return "set()"
        parts.sort()
        return "{" + ", ".join(parts) + "}"

    def _parts(self, v, depth, left):
        """The texts of the items, or None."""
        parts = []
        for e in v:
            te = _type(e)
            if te is _int and -_SMALL < e < _SMALL:
                parts.append("%d" % e)
            elif te is _str and _len(e) < 16:
                left[1] -= _len(e)
                parts.append(_repr(e))
            else:
                a = self.literal(e, te, depth - 1, left)
                if a is None:
                    return None
                parts.append(a)
        return parts

    def _literal_dict(self, v, depth, left):
        pairs = self._pairs(v, depth, left)
        return None if pairs is None else "{" + ", ".join(pairs) + "}"

    def _pairs(self, v, depth, left):
        parts, longest = [], self.max_str
        for k, e in _dict.items(v):
            te = _type(e)
            if _type(k) is _str:
                n = _len(k)
                left[1] -= n
                if n > longest or left[1] < 0 or n >= 16 and not self._clean(k):
                    return None
                if not _heads.get(k) and secrets.is_secret(k, e):
                    return None
                a = _repr(k)
            else:
                a = None if _hides(k, e) else self.literal(k, _type(k), depth - 1, left)
                if a is None:
                    return None
            if te is _int and -_SMALL < e < _SMALL:
                parts.append("%s: %d" % (a, e))
            else:
                b = self.literal(e, te, depth - 1, left)
                if b is None:
                    return None
                parts.append(a + ": " + b)
        return parts

    def _clean(self, v):
        """Says whether no secret is in a string, of which the answer is kept."""
        known = self.strings.get(v)
        if known is None:
            known = self.scalars[_id(_str)](v)
        return known[0] == '"'

    # Constructors.

    def _made(self, v, t, depth, left):
        """The expression of a value that is no literal."""
        info = self.class_info(t)
        if info.text is not None:
            outer, left[2] = left[2], depth
            text = info.text(self, v, t, info, left)
            left[2] = outer
        elif info.named:
            text = self._import_text(v, t)
        elif info.init is not None and info.fields is not None:
            text = self._named_tuple(v, t, info, depth, left)
        else:
            return None
        if text is not None:
            left[3] = 1
            left[1] -= _len(text)
            if left[1] < 0:
                return None
        return text

    def expression(self, v, left):
        """The text of a part of a value."""
        return self.literal(v, _type(v), left[2] - 1, left)

    def items_text(self, v, left):
        """The texts of the items of a container, with commas."""
        n = _len(v)
        left[0] -= n
        if n > self.max_items or left[0] < 0 or left[2] <= 0:
            return None
        parts = self._parts(v, left[2], left)
        if parts is not None and _type(v) is _frozenset:
            parts.sort()
        return None if parts is None else ", ".join(parts)

    def pairs_text(self, v, left):
        """The text of the pairs of a dict or a class that derives from it."""
        n = _dict.__len__(v)
        left[0] -= n
        if n > self.max_items or left[0] < 0 or left[2] <= 0:
            return None
        return self._literal_dict(v, left[2], left)

    def field_text(self, name, e, left):
        """name=value, or None."""
        if _type(name) is not _str or not name.isidentifier() or not _heads.get(name) and secrets.is_secret(name, e):
            return None
        text = self.expression(e, left)
        return None if text is None else name + "=" + text

    def _import_text(self, v, t):
        """The dotted name of a function, class or module that can be imported."""
        if t is ModuleType:
            name = get_module_dict(v).get("__name__")
            return name if _type(name) is _str and "." not in name and module_of(name) is get_module_dict(v) else None
        if t is MethodType:
            return None
        if t is FunctionType:
            module, name = get_func_globals(v).get("__name__"), get_func_qualname(v)
        elif t is BuiltinType:
            module, name = v.__module__, v.__qualname__
        else:
            module, name = class_module(v), class_name(v)
        if _type(module) is not _str or _type(name) is not _str or not reachable(module, name, v):
            return None
        return name if module == "builtins" else module + "." + name

    def _named_tuple(self, v, t, info, depth, left):
        dotted = self.classes.dotted(t, info)
        if not dotted or info.dict_at >= 0 and instance_dict(v, (t,)) or _tuple.__len__(v) != _len(info.fields):
            return None
        if _len(info.fields) == 2 and _hides(_tuple.__getitem__(v, 0), _tuple.__getitem__(v, 1)):
            return None
        outer, left[2] = left[2], depth
        parts = []
        for name, e in _zip(info.fields, _tuple.__iter__(v)):
            text = self.field_text(name, e, left)
            if text is None:
                break
            parts.append(text)
        left[2] = outer
        return "%s(%s)" % (dotted, ", ".join(parts)) if _len(parts) == _len(info.fields) else None

    def constructed(self, v, t, info, mine, room):
        """The call of a dataclass's generated constructor that makes an equal object."""
        if info.slots or _len(mine) != _len(info.init):
            return None
        left = [_min(room[0], self.max_items), self.max_chars, room[2], 0]
        parts = []
        for name in info.init:
            if name not in mine:
                return None
            text = self._field_text_deep(name, mine.get(name), left)
            if text is None:
                return None
            parts.append(text)
        text = "%s(%s)" % (info.dotted, ", ".join(parts))
        return text if _len(text) <= self.max_chars else None

    def _field_text_deep(self, name, e, left):
        """As field_text, of a field that may be an object of a dataclass, too."""
        info = self.class_info(_type(e))
        if info.init is None or info.fields is not None or left[2] <= 0 or not info.plain or not self.classes.dotted(_type(e), info):
            return self.field_text(name, e, left)
        left[2] -= 1
        mine = instance_dict(e, (_type(e),)) if info.dict_at == 0 else None
        text = self.constructed(e, _type(e), info, mine, left) if mine is not None else None
        left[2] += 1
        return None if text is None else name + "=" + text
