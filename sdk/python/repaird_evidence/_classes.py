"""What can be known of a class without running any code of the program.

Nothing here uses getattr, isinstance, == or hash on an object of the program's:
classes are read through the descriptors of `type`, instances through the
descriptors that their classes hold for `__dict__` and slots.
"""

import builtins
import collections
import dataclasses
import enum
import sys
import types

class_dict = type.__dict__["__dict__"].__get__
class_mro = type.__dict__["__mro__"].__get__
_qualname = type.__dict__["__qualname__"].__get__
_module = type.__dict__["__module__"].__get__
_function_module = types.FunctionType.__dict__["__module__"].__get__ if "__module__" in types.FunctionType.__dict__ else None

# Built-in types whose content is read by their own methods, in the order in
# which a class's bases are searched.
BASES = (dict, list, tuple, set, frozenset, str, bytes, bytearray, int, float, complex, collections.deque)

# Built-in subclasses of dict. Theirs are the ways to fill an instance.
MAPPINGS = (collections.OrderedDict, collections.defaultdict)
_factory = collections.defaultdict.__dict__["default_factory"].__get__

_MAX_KNOWN = 2000  # classes; a program may make them without end


class Info:
    """A class as the walk needs it."""

    __slots__ = ("cls", "name", "own", "base", "mapping", "metaclass", "enum", "error", "native", "dict_of", "slots", "init", "fields", "guards")


_known = {}  # id → Info, which keeps the class and so its id


def known(cls):
    """The Info of a class that was examined before, else None."""
    return _known.get(id(cls))


def examine(cls, is_own):
    """The Info of a class. is_own(module name) says whether code is the program's."""
    if len(_known) > _MAX_KNOWN:
        _known.clear()
    _known[id(cls)] = new = _examine(cls, is_own)
    return new


def same(a, those):
    """Whether an object is one of several, by identity."""
    for b in those:
        if a is b:
            return True
    return False


def _examine(cls, is_own):
    new = Info()
    mro = class_mro(cls)
    new.cls = cls
    new.name = name_of_class(cls)
    new.own = is_own(new.name.partition(":")[0])
    new.metaclass = same(type, mro)
    new.enum = same(enum.EnumMeta, class_mro(type(cls)))
    new.error = same(BaseException, mro)
    new.base = next((b for b in BASES if same(b, mro)), None)
    new.mapping = next((name_of_class(b) for b in MAPPINGS if same(b, mro)), None)
    facts = [_facts(c) for c in mro]
    new.native = any(native for _, native, _ in facts)
    new.guards = True if any(guards is True for _, _, guards in facts) else frozenset().union(*(guards for _, _, guards in facts))
    new.dict_of, new.slots = _storage(mro)
    new.init, new.fields = _constructor(cls, mro)
    return new


_known_facts = {}  # id → (class, native, guards), of bases too, which many classes share


def _facts(cls):
    """What a class adds by itself: whether instances have state that only C code can
    see, and the attributes whose assignment runs its code, True for all. Exceptions
    and the BASES have state of C's too, but it is known."""
    found = _known_facts.get(id(cls))
    if found is not None:
        return found
    native, guards = False, set()
    if cls is not object and not same(cls, BASES) and not same(cls, MAPPINGS) and cls is not BaseException:
        standard_error = same(BaseException, class_mro(cls)) and _module(cls) == "builtins"
        for name, value in tuple(class_dict(cls).items()):
            t = type(value)
            if t is types.FunctionType:
                if name == "__setattr__":
                    guards = True
                    break
            elif t is property:
                guards.add(name)
            elif t is types.WrapperDescriptorType or t is types.MethodDescriptorType:
                native = native or not standard_error and value.__objclass__ is cls
            elif t is not types.MemberDescriptorType and t is not types.GetSetDescriptorType and type(name) is str:
                if any("__set__" in class_dict(k) for k in class_mro(t)):
                    guards.add(name)
    if len(_known_facts) > _MAX_KNOWN:
        _known_facts.clear()
    _known_facts[id(cls)] = found = (cls, native, guards)
    return found


def _storage(mro):
    """How to read an instance's __dict__ (None if it has none), and its slots."""
    dict_of, slots = None, []
    for c in mro:
        members = class_dict(c)
        if dict_of is None and type(members.get("__dict__")) is types.GetSetDescriptorType and c is not type:
            dict_of = members["__dict__"].__get__
        if "__slots__" in members:
            for name, value in tuple(members.items()):
                if type(value) is types.MemberDescriptorType and type(name) is str:
                    slots.append((name, value.__get__))
        elif c is collections.defaultdict:
            slots.append(("default_factory", _factory))
    return dict_of, slots


def _constructor(cls, mro):
    """For records: pairs (parameter, attribute) of their constructor, and a named
    tuple's fields."""
    for c in mro:
        members = class_dict(c)
        init = members.get("__init__")
        if type(init) is types.FunctionType and not init.__code__.co_filename.startswith("<"):
            break  # written by hand
        fields = members.get("__dataclass_fields__")
        if type(fields) is dict and init is not None:
            return [(name, name) for name, field in tuple(fields.items()) if _parameter(name, field)], None
        fields = members.get("__attrs_attrs__")
        if fields is not None and init is not None and same(tuple, class_mro(type(fields))):
            pairs = [_attrs_pair(a) for a in tuple.__iter__(fields)]
            return None if None in pairs else [p for p in pairs if p], None
        fields = members.get("__pydantic_fields__", members.get("model_fields", members.get("__fields__")))
        if type(fields) is dict and _pydantic(mro):
            return [(_alias(name, field), name) for name, field in tuple(fields.items()) if type(name) is str], None
        fields = members.get("_fields")
        if type(fields) is tuple and same(tuple, mro) and all(type(f) is str for f in fields):
            return None, list(fields)
    return None, None


def _parameter(name, field):
    """Whether a dataclass's field is a parameter of its constructor."""
    return type(name) is str and type(field) is dataclasses.Field and field.init is True and str(field._field_type).startswith("_FIELD")


def _pydantic(mro):
    return any(str(_module(c)).split(".")[0] == "pydantic" for c in mro)


def _slot(thing, name):
    """An attribute of a library's record, read from its slots or its __dict__."""
    dict_of, slots = _storage(class_mro(type(thing)))
    for slot, get in slots:
        if slot == name:
            try:
                return get(thing)
            except AttributeError:
                return None
    return dict_of(thing).get(name) if dict_of else None


def _attrs_pair(attribute):
    """(parameter, attribute) of an attrs field, () if it is no parameter."""
    name, init = _slot(attribute, "name"), _slot(attribute, "init")
    if type(name) is not str:
        return None
    if init is not True:
        return ()
    alias = _slot(attribute, "alias")
    return (alias if type(alias) is str else name.lstrip("_")), name


def _alias(name, field):
    alias = _slot(field, "alias")
    return alias if type(alias) is str else name


# Names ------------------------------------------------------------------------

def module_name(name):
    """A module's name, and for __main__ the one that others import it by."""
    if name != "__main__":
        return name
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and type(spec.name) is str:
        name = spec.name
        return name[:-len(".__main__")] if name.endswith(".__main__") else name
    path = getattr(main, "__file__", None)
    if type(path) is str:
        stem = path.replace("\\", "/").rpartition("/")[2]
        return stem[:-3] if stem.endswith(".py") else stem
    return name


def dotted(module, qualname, thing):
    """module:qualname, with "<locals>" in it if the thing is not what that names."""
    if type(module) is not str or type(qualname) is not str:
        return "?:?"
    if "<" not in qualname and not _reaches(module, qualname, thing):
        qualname = "<locals>." + qualname
    return module_name(module) + ":" + qualname


def _reaches(module, qualname, thing):
    here = sys.modules.get(module)
    if not same(types.ModuleType, class_mro(type(here))):
        return False
    names = types.ModuleType.__dict__["__dict__"].__get__(here)
    parts = qualname.split(".")
    for i, part in enumerate(parts):
        found = names.get(part)
        if type(found) in (staticmethod, classmethod):
            found = found.__func__
        if i == len(parts) - 1:
            return found is thing
        if not same(type, class_mro(type(found))):
            return False
        names = class_dict(found)
    return False


def name_of_class(cls):
    return dotted(_module(cls), _qualname(cls), cls)


def name_of_function(function):
    return dotted(function.__module__, function.__qualname__, function)


def is_builtin(name):
    return name in builtins.__dict__
