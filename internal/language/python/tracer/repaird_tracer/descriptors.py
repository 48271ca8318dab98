"""Ways to look at an object that run no code of the program.

The descriptors of type, object and the built-in types, taken from the types
themselves, and the few functions on classes and modules that are made of them.
Everything is bound at import, so that a test that patches builtins neither
sees nor disturbs the tracer.
"""
import sys

_type, _id, _len, _str, _dict = type, id, len, str, dict
_AttributeError, _staticmethod, _classmethod = AttributeError, staticmethod, classmethod
_modules, _BaseException = sys.modules, BaseException


class _Probe(object):
    __slots__ = ("a",)

    def method(self):
        pass


class _Plain(object):
    pass


NoneType = type(None)
FunctionType = type(lambda: 0)
BuiltinType = type(len)
ModuleType = type(sys)
MethodType = type(_Probe().method)
MemberType = type(_Probe.__dict__["a"])
GetSetType = type(_Plain.__dict__["__dict__"])
SlotWrapperType = type(object.__init__)
MethodDescriptorType = type(str.join)

get_mro = type.__dict__["__mro__"].__get__
get_class_dict = type.__dict__["__dict__"].__get__
get_qualname = type.__dict__["__qualname__"].__get__
get_flags = type.__dict__["__flags__"].__get__
get_dict_offset = type.__dict__["__dictoffset__"].__get__
get_func_code = FunctionType.__dict__["__code__"].__get__
get_func_qualname = FunctionType.__dict__["__qualname__"].__get__
get_func_globals = FunctionType.__dict__["__globals__"].__get__
get_module_dict = ModuleType.__dict__["__dict__"].__get__
_any_dict = _Plain.__dict__["__dict__"]  # from 3.15 that of all classes
HEAP, IMMUTABLE = 1 << 9, 1 << 8  # flags of a type, the second from 3.10

MUTABLE = frozenset(map(id, [list, dict, set, bytearray]))


def derives(t, base):
    """issubclass, without asking the classes."""
    for k in get_mro(t):
        if k is base:
            return True
    return False


def class_name(t):
    q = get_qualname(t)
    return q if _type(q) is _str else "?"


def class_module(t):
    m = get_class_dict(t).get("__module__")
    if _type(m) is _str:
        return m
    if not get_flags(t) & HEAP:
        m = t.__module__ if _type(t) is _type else None
        return m if _type(m) is _str else "builtins"
    return "?"


def module_of(name):
    """The dictionary of an imported module, or None."""
    m = _modules.get(name) if _type(_modules) is _dict else None
    return get_module_dict(m) if _type(m) is ModuleType else None


def reachable(module, qualname, v):
    """Says whether module.qualname is v: whether v can be had by importing."""
    at = module_of(module)
    parts = qualname.split(".")
    if at is None or _len(parts) > 8:
        return False
    last = None
    for part in parts:
        if last is not None:
            if not derives(_type(last), _type):
                return False
            at = get_class_dict(last)
        last = at.get(part)
        if last is None:
            return False
    if last is v:
        return True
    return _type(last) in (_staticmethod, _classmethod) and last.__func__ is v


def c_made(t):
    """Says whether a class was made by C code: its methods are what its name says."""
    if not get_flags(t) & HEAP or get_flags(t) & IMMUTABLE:
        return True
    new = get_class_dict(t).get("__new__")  # only C puts a __new__ that is bound to the class there
    return _type(new) is BuiltinType and new.__self__ is t


def accessor(k, name):
    """The function that reads an attribute that class k, of the order of
    resolution of an object's class, keeps in a slot or in C; None without."""
    d = get_class_dict(k).get(name)
    if (_type(d) is GetSetType or _type(d) is MemberType) and (d.__objclass__ is k or d is _any_dict):
        return d.__get__
    return None


def method(k, name):
    """A method of class k that is written in C, or None."""
    d = get_class_dict(k).get(name)
    if (_type(d) is MethodDescriptorType or _type(d) is SlotWrapperType) and d.__objclass__ is k:
        return d
    return None


def instance_dict(v, mro):
    """The instance's attributes, or None. Not those of a class made by C that
    makes the dictionary when it is asked for: a partial object that has one
    nests otherwise. Exceptions do not mind."""
    for k in mro:
        d = get_class_dict(k).get("__dict__")
        if d is not None:
            if _type(d) is GetSetType and k is not _BaseException and c_made(k):
                return None
            get = accessor(k, "__dict__")
            d = get(v) if get is not None else None
            return d if _type(d) is _dict else None
    return None


def peek(v, name):
    """The attribute of v that its dictionary, a slot or an accessor of C code
    holds; None where it has none such."""
    mro = get_mro(_type(v))
    d = instance_dict(v, mro)
    if d is not None and name in d:
        return d.get(name)
    for k in mro:
        if name in get_class_dict(k):
            get = accessor(k, name)
            try:
                return get(v) if get is not None else None
            except _AttributeError:  # a slot without a value
                return None
    return None
