"""What rendering has to know of a class, found out once for each.

Classes are read through the descriptors of type: their names, dictionaries and
order of resolution, never by getattr, isinstance or ==, which a metaclass may
define. A class is looked up by its id and held weakly.
"""
from _json import encode_basestring_ascii as quote
from _weakref import ref

from repaird_tracer.descriptors import (
    BuiltinType, FunctionType, GetSetType, HEAP, accessor, MemberType, MethodType, ModuleType, MUTABLE, SlotWrapperType, class_module,
    class_name, derives, get_class_dict, get_dict_offset, get_flags, get_func_code, get_func_globals, get_mro, module_of, reachable, c_made)
from repaird_tracer.known import BASES, C_TYPES, EXACT

_type, _id, _len, _str, _dict, _tuple, _list, _object = type, id, len, str, dict, tuple, list, object
_enumerate, _sum, _map, _BaseException = enumerate, sum, map, BaseException


_BUILTINS = ((list, "list"), (tuple, "tuple"), (dict, "dict"), (set, "set"), (frozenset, "frozenset"),
             (str, "str"), (bytes, "bytes"), (int, "int"), (float, "float"), (bytearray, "bytearray"),
             (BaseException, "exc"))
_NAMED = frozenset(map(id, (FunctionType, MethodType, BuiltinType, ModuleType)))

# An object of a class that has one of these is not its attributes alone.
_MADE = ("__new__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__")
_MAKERS = frozenset(["dataclasses", "attr._make"])  # modules whose state methods set the attributes and no more


def _has_dict(k):
    for base in get_mro(k):
        if "__dict__" in get_class_dict(base):
            return True
    return False


class ClassInfo(object):
    """What rendering needs to know of a class.

    head     JSON of its name and module
    dotted   how it is imported, "" where it cannot be, None where that is not known yet
    dict_at  place in the order of resolution of the class with the instances' __dict__, or -1
    slots    pairs of such a place and a slot's name
    heap     places of the classes that Python code made
    base     the built-in type that it derives from, "" for none
    show     how a type of a known library is shown, text how it is written as an expression
    plain    its instances are their attributes and no more
    simple   nothing but attributes is shown of it
    init     the parameters of a constructor that sets its fields and does nothing else, or None
    """
    __slots__ = ("ref", "head", "name", "module", "dotted", "tries", "dict_at", "slots", "heap", "base", "mock", "own",
                 "size", "scoped", "plain", "c_str", "named", "show", "text", "known_at", "fields", "init", "c_type", "simple", "cache")


class Classes(object):
    """The classes that were met. in_scope(filename) says whether a file is the
    program's own: only classes made there show their shared attributes."""

    def __init__(self, in_scope):
        self.in_scope = in_scope
        self.known = {}

    def info(self, t):
        info = self.known.get(_id(t))
        if info is not None and info.ref() is t:
            return info
        info = self._describe(t)
        if _len(self.known) > 4096:
            self.known.clear()
        self.known[_id(t)] = info
        return info

    def _describe(self, t):
        info = ClassInfo()
        info.ref = ref(t)
        info.name, info.module = class_name(t)[:200], class_module(t)[:200] if get_mro(t) is not None else "builtins"
        if info.module == "pathlib._local":  # 3.13: an implementation detail
            info.module = "pathlib"
        info.head = '"t":%s' % quote(info.name)
        if info.module != "builtins":
            info.head += ',"m":%s' % quote(info.module)
        info.tries, info.own, info.size = 0, None, 0
        info.dotted = "" if "<" in info.name or "?" in (info.name, info.module) else None
        mro = get_mro(t)
        if mro is None:
            return _opaque(info)
        self._layout(info, mro)
        info.base = _base(mro)
        info.named = info.base == "" and (_id(t) in _NAMED or derives(t, _type))
        info.c_type = c_made(t)
        info.scoped = info.cache = None
        info.plain = info.base == "" and _len(info.heap) == _len(mro) - 1 and not info.mock and _metaclass(t) and not _made(info, mro)
        info.known_at, info.show, info.text = 0, None, None
        info.fields = info.init = None
        self._known(info, t, mro)
        info.simple = info.base == "" and not info.named and not info.mock and info.show is None and info.text is None
        return info

    def _layout(self, info, mro):
        """Where instances have their attributes."""
        info.dict_at, info.mock, info.c_str, slots, heap, plain_dict = -1, False, True, [], [], True
        for at, k in _enumerate(mro):
            d = get_class_dict(k)
            if get_flags(k) & HEAP:
                heap.append(at)
                # Some classes made by C make the dictionary when it is asked
                # for, and a partial object that has one nests otherwise.
                if info.dict_at < 0 and "__dict__" in d and not c_made(k):
                    if accessor(k, "__dict__") is None:  # a property of the program's
                        plain_dict = False
                    elif plain_dict:
                        info.dict_at = at
                if "__str__" in d and _type(d.get("__str__")) is not SlotWrapperType:
                    info.c_str = False
                if _type(d.get("__module__")) is _str and d.get("__module__") in ("unittest.mock", "mock.mock"):
                    info.mock = True
                if "__slots__" in d:
                    for n, member in _list(d.items()):
                        if _type(member) is MemberType and member.__objclass__ is k and _len(slots) < 32 and _type(n) is _str:
                            slots.append((at, n))
            elif k is _BaseException and info.dict_at < 0 and _type(d.get("__dict__")) is GetSetType:
                info.dict_at = at
            elif info.dict_at >= 0 and get_dict_offset(k) and not _has_dict(k):
                info.dict_at = -1  # a class made by C that keeps attributes to itself, such as asyncio.Future
        info.slots, info.heap = _tuple(slots), _tuple(heap)

    def _known(self, info, t, mro):
        """Finds how an instance is shown that a general rule would not show well."""
        name = info.module + "." + info.name
        exact = (info.c_type and C_TYPES.get(name)) or EXACT.get(name)
        if exact is not None:
            info.show, info.text = exact
            return
        for at, k in _enumerate(mro):
            if k is _object:
                break
            name = class_module(k) + "." + class_name(k)
            show = BASES.get(name)
            if show is not None:
                info.known_at, (info.show, info.text) = at, show
                return
        if info.base == "tuple":
            names = _first(mro, "_fields")
            if _type(names) is _tuple and 0 < _len(names) < 256 and _all_str(names):
                info.fields = names
                new = get_class_dict(t).get("__new__") or _first(mro, "__new__")
                new = new.__func__ if _type(new) is staticmethod else new
                info.init = names if _generated(new, "namedtuple_") else None
        elif info.plain:
            info.init = _dataclass_init(mro)

    def dotted(self, t, info):
        """How t is imported, "" where it cannot be. A class is bound to its name
        after its decorators ran, so a no is not for ever."""
        if info.dotted is None:
            if reachable(info.module, info.name, t):
                info.dotted = info.module + "." + info.name if info.module != "builtins" else info.name
            else:
                info.tries += 1
                if info.tries < 8:
                    return ""
                info.dotted = ""
        return info.dotted

    def shared_names(self, t, info, mro):
        """Places and names of the class's attributes that are lists, dicts or sets."""
        if not self.scoped(info, mro):
            return ()
        if _len(info.heap) == 1:
            size = _len(get_class_dict(t))
        else:
            size = _sum(_map(_len, _map(get_class_dict, mro)))
        if info.own is not None and info.size == size:
            return info.own
        found = []
        for at in info.heap:
            if at >= _len(mro):
                break
            names = []
            for name, e in _list(get_class_dict(mro[at]).items()):
                if _id(_type(e)) in MUTABLE and _type(name) is _str and name[:2] != "__" and name != "_abc_registry" and _len(names) < 8:
                    names.append((at, name))
            if names and at in info.scoped:
                found.extend(names)
        info.own, info.size = _tuple(found), size
        return info.own

    def scoped(self, info, mro):
        """The places of the classes that were made in scope."""
        if info.scoped is None:
            info.scoped = self._scoped(info, mro)
        return info.scoped

    def _scoped(self, info, mro):
        places = []
        for at in info.heap:
            d = get_class_dict(mro[at])
            for e in _list(d.values()):
                if _type(e) is FunctionType:
                    if self.in_scope(get_func_code(e).co_filename):
                        places.append(at)
                        break
            else:
                m = d.get("__module__")
                file = (module_of(m) or {}).get("__file__") if _type(m) is _str else None
                if _type(file) is _str and self.in_scope(file):
                    places.append(at)
        return frozenset(places)


def _opaque(info):
    """A type that the interpreter has not made ready: it has no more than a name."""
    info.dict_at, info.mock, info.c_str, info.slots, info.heap, info.base = -1, False, True, (), (), ""
    info.named, info.c_type, info.scoped, info.cache, info.plain, info.known_at = False, True, frozenset(), None, False, 0
    info.show, info.text, info.fields, info.init, info.simple = _nothing, None, None, None, False
    return info


def _nothing(r, v, t, info, room, out):
    return True


def _base(mro):
    for k in mro:
        for b, n in _BUILTINS:
            if k is b:
                return n
    return ""


def _first(mro, name):
    for k in mro:
        d = get_class_dict(k)
        if name in d:
            return d.get(name)
    return None


def _all_str(names):
    for n in names:
        if _type(n) is not _str or not n.isidentifier():
            return False
    return True


def _metaclass(t):
    """Says whether a class is made by type or abc.ABCMeta."""
    m = _type(t)
    return m is _type or m is (module_of("abc") or {}).get("ABCMeta")


def _made(info, mro):
    """Says whether making an instance takes more than setting its attributes."""
    for at in info.heap:
        d = get_class_dict(mro[at])
        for name in _MADE:
            if name in d and not _generated(d.get(name), ""):
                return True
    return False


def _generated(f, prefix):
    """Says whether a function was generated by dataclasses, attrs or namedtuple."""
    if _type(f) is not FunctionType:
        return False
    name = get_func_globals(f).get("__name__")
    if _type(name) is not _str:
        return False
    if prefix:
        return name.startswith(prefix) or name == "collections"
    return name in _MAKERS


def _dataclass_init(mro):
    """The parameters of a dataclass's generated constructor where they are its
    fields and set all of them, else None."""
    for k in mro:
        d = get_class_dict(k)
        fields = d.get("__dataclass_fields__")
        if fields is None:
            if "__init__" in d or "__post_init__" in d:
                return None
            continue
        init = d.get("__init__")
        if (_type(fields) is not _dict or _len(fields) > 64 or _type(init) is not FunctionType
                or get_func_code(init).co_filename != "<string>" or _first(mro, "__post_init__") is not None):
            return None
        code = get_func_code(init)
        names = code.co_varnames[1:code.co_argcount + code.co_kwonlyargcount]
        for n in names:
            if n not in fields:
                return None
        return names if _len(names) == _len(fields) else None
    return None
