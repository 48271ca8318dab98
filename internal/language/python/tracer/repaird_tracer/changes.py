"""Tells whether a variable's value is another than before, or was changed in
place, without asking the object and without keeping it alive.

A value becomes a token: a short scalar itself; else its address and, of a
container or an object with attributes, the addresses of what it holds. Equal
tokens are taken for no change. What changes deeper down, or behind the first
WIDE items of a dictionary or set, is not seen.
"""
from _weakref import ref
from itertools import islice
import sys

from repaird_tracer.descriptors import c_made
from repaird_tracer.frames import unreadable
from repaird_tracer.values import MUTABLE, FunctionType, ModuleType, derives, quote

_type, _id, _len, _hash, _tuple, _map, _dict, _list, _set, _slice = type, id, len, hash, tuple, map, dict, list, set, slice
_str, _bytes, _bytearray, _RuntimeError, _islice, _getframe, _enumerate = str, bytes, bytearray, RuntimeError, islice, sys._getframe, enumerate
_get_mro = type.__dict__["__mro__"].__get__
_get_class_dict = type.__dict__["__dict__"].__get__
_SCALARS = frozenset(map(id, [int, float, bool, str, bytes, complex, type(None)]))
WIDE, MAX_CHANGES, MAX_TEXT, LONG, MAX_KINDS = 64, 48, 48000, 1000, 4096
_GONE, _UNBOUND = object(), '{"t":"unbound"}'


class _Plain(object):
    pass


_GETSET = type(_Plain.__dict__["__dict__"])


def _proxy():
    return _type(_getframe().f_locals)


PROXY = _proxy()  # from 3.13 what f_locals of a function is


def is_definition(v):
    t = _type(v)
    return t is FunctionType or t is ModuleType or derives(t, type)


class Kind(object):
    """What is known of a class; it is held weakly, and so is what holds it,
    such as its descriptors: dict_at says which class of the order of resolution
    has that of the instances' attributes, -1 for none. Classes made by C are
    left out: some make an attribute dictionary when it is asked for, and
    behave otherwise when there is one."""
    __slots__ = ("ref", "base", "dict_at", "shared", "mock")

    def __init__(self, t):
        self.ref, self.base, self.dict_at, self.shared, self.mock = ref(t), None, -1, (), False
        shared = []
        for at, k in _enumerate(_get_mro(t)):
            d = _get_class_dict(k)
            if k is _list or k is _dict or k is _set:
                self.base = self.base or k
            if d.get("__module__") == "unittest.mock" and _type(d.get("__module__")) is _str:
                self.mock = True
            if c_made(k):
                continue
            if self.dict_at < 0 and _type(d.get("__dict__")) is _GETSET:
                self.dict_at = at
            for name, e in _list(d.items()):
                if _id(_type(e)) in MUTABLE and _type(name) is _str and name[:2] != "__" and _len(shared) < 8:
                    shared.append((at, name))
        self.shared = _tuple(shared)


class Changes(object):
    """The variables of frames, compared."""

    def __init__(self):
        self.names, self.kinds = {}, {}

    def names_of(self, info):
        """The variables of a function; pytest's own are left out."""
        names = self.names.get(info.id)
        if names is None:
            code, names = info.code, []
            skip = unreadable(code)
            for name in code.co_varnames + code.co_cellvars + code.co_freevars:
                if name[:1] not in "@." and name not in names and name not in skip:
                    names.append(name)
            self.names[info.id] = names
        return names

    def known(self, tokens, frame, info):
        """Takes the arguments of a call as known: they are in its record."""
        values = frame.f_locals
        if _type(values) is _dict or _type(values) is PROXY:
            skip = unreadable(info.code)
            for name in info.args:
                if name not in skip and name in values:
                    v = values[name]
                    tokens[name] = self.token(v, _type(v))

    def changed(self, tokens, frame, info, named):
        """JSON pairs of the variables that changed since the last look. Of a
        module those that are no definitions."""
        values = frame.f_locals
        if _type(values) is not _dict and _type(values) is not PROXY:
            return ""
        function, parts, size = info.code.co_flags & 1, [], 0
        get = values.get
        for name in self.names_of(info) if function else _list(values):
            v = get(name, _GONE)
            if v is _GONE:
                if tokens.pop(name, None) is not None:
                    parts.append("[%s,%s]" % (quote(name), _UNBOUND))
                continue
            t = _type(v)
            was = tokens.get(name, _GONE)
            if was is v and _id(t) in _SCALARS:
                continue
            if not function and (_type(name) is not _str or name[:2] == "__" or name[:1] in "@" or is_definition(v)):
                continue
            now = self.token(v, t)
            if _type(now) is _tuple and _type(was) is _tuple and was == now:
                continue
            if _len(parts) >= MAX_CHANGES or size > MAX_TEXT:
                break  # the rest is still changed at the next look
            tokens[name] = now
            text = named(name, v)
            size += _len(text)
            parts.append(text)
        return ',"s":[%s]' % ",".join(parts) if parts else ""

    def token(self, v, t):
        if _id(t) in _SCALARS:
            return v if (t is not _str and t is not _bytes) or _len(v) < LONG else (_id(v), _len(v))
        try:
            if t is _list:
                return (_id(v), _len(v), _hash(_tuple(_map(_id, v[:WIDE]))), _hash(_tuple(_map(_id, v[-4:]))))
            if t is _dict:
                return _of_dict(v)
            if t is _set:
                return (_id(v), _len(v), _hash(_tuple(_map(_id, _islice(v, WIDE)))))
            if t is _bytearray:
                return (_id(v), _len(v), _hash(_bytes(v[:256])))
            if t is _tuple:
                return (_id(v),)
            return self._of_object(v, t)
        except _RuntimeError:  # changed by another thread meanwhile
            return (_id(v),)

    def _of_object(self, v, t):
        kind = self.kinds.get(_id(t))
        if kind is None or kind.ref() is not t:
            if _len(self.kinds) >= MAX_KINDS:
                self.kinds.clear()
            kind = self.kinds[_id(t)] = Kind(t)
        if kind.mock:
            return (_id(v),)
        if kind.base is _dict:
            own = _of_dict(v)
        elif kind.base is _list:
            own = (_id(v), _list.__len__(v), _hash(_tuple(_map(_id, _list.__getitem__(v, _slice(0, WIDE))))))
        elif kind.base is _set:
            own = (_id(v), _set.__len__(v), _hash(_tuple(_map(_id, _islice(_set.__iter__(v), WIDE)))))
        else:
            own = (_id(v),)
        ids = []
        mro = _get_mro(t)
        for at, name in kind.shared:  # attributes of its class
            if at < _len(mro):
                _add(ids, _get_class_dict(mro[at]).get(name))
        if -1 < kind.dict_at < _len(mro):
            d = _get_class_dict(mro[kind.dict_at]).get("__dict__")
            d = d.__get__(v) if _type(d) is _GETSET else None
            if _type(d) is _dict:
                ids.append(_len(d))
                for e in _islice(d.values(), WIDE):
                    _add(ids, e)
        return own + (_hash(_tuple(ids)),)


def _of_dict(v):
    return (_id(v), _dict.__len__(v), _hash(_tuple(_map(_id, _islice(_dict.values(v), WIDE)))),
            _hash(_tuple(_map(_id, _islice(_dict.keys(v), WIDE)))))


def _add(ids, e):
    ids.append(_id(e))
    t = _type(e)
    if t is _list or t is _dict or t is _set or t is _bytearray:
        ids.append(_len(e))
