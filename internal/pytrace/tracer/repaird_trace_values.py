"""Renders Python values as JSON within bounds, without running the program's code.

Rule: exact built-in types only are asked anything; every other object is read
through the descriptors of type and object (instance __dict__, slots, class
name). No repr, str, len, ==, hash, getattr or isinstance ever reaches an
object of the program's own. Everything used is bound at import, so that a
test that patches builtins neither sees nor disturbs the tracer.
"""
from _json import encode_basestring_ascii as quote
from _weakref import ref
import sys

_repr, _type, _id, _len, _sorted, _tuple = repr, type, id, len, sorted, tuple
_str, _int, _list, _dict, _set, _frozenset = str, int, list, dict, set, frozenset
_isinstance, _Exception, _BaseException, _RuntimeError = isinstance, Exception, BaseException, RuntimeError
_float_finite = frozenset(["nan", "inf", "-inf"])
_bool, _float, _bytes, _bytearray, _complex = bool, float, bytes, bytearray, complex
_min, _max, _map, _sum = min, max, map, sum
_INT_ID, _STR_ID = id(int), id(str)
_SMALL = 1 << 32
_NAMES = {id(list): "list", id(dict): "dict", id(set): "set"}

_NOTHING = {}  # never written
NoneType = type(None)
FunctionType = type(lambda: 0)
BuiltinType = type(quote)
ModuleType = type(sys)


class _Probe(object):
    __slots__ = ("a",)

    def method(self):
        pass


class _Plain(object):
    pass


MethodType = type(_Probe().method)
MemberType = type(_Probe.__dict__["a"])
GetSetType = type(_Plain.__dict__["__dict__"])
SlotWrapperType = type(object.__init__)

_get_mro = type.__dict__["__mro__"].__get__
_get_class_dict = type.__dict__["__dict__"].__get__
_get_qualname = type.__dict__["__qualname__"].__get__
_get_flags = type.__dict__["__flags__"].__get__
_get_exc_args = BaseException.__dict__["args"].__get__
_get_func_code = FunctionType.__dict__["__code__"].__get__
_get_func_qualname = FunctionType.__dict__["__qualname__"].__get__
_exc_str = BaseException.__str__
_OS_FILES = (OSError.__dict__["filename"].__get__, OSError.__dict__["filename2"].__get__)
_HEAP = 1 << 9

# Types are compared by identity, looked up by id and never hashed: a metaclass
# may define == and hash.
MUTABLE = frozenset(map(id, [list, dict, set, bytearray]))


def derives(t, base):
    """issubclass, without asking the classes."""
    for k in _get_mro(t):
        if k is base:
            return True
    return False


# C types whose repr runs C code only.
_SAFE_STATIC = frozenset([
    "datetime.date", "datetime.time", "datetime.timedelta", "decimal.Decimal",
    "builtins.range", "builtins.ellipsis", "builtins.NotImplementedType",
])
_SECRET = ("password", "passwd", "passphrase", "secret", "api_key", "apikey", "authorization", "credential",
           "private_key", "privatekey", "access_token", "refresh_token", "auth_token", "access_key", "sessionid",
           "session_id", "set_cookie", "csrf")


_names = {}  # what is known of names: 0 plain, 1 secret, 2 secret where the value looks like it


def is_secret(name, value):
    """Says whether a value under this name is masked. A bare "token" is masked
    only where the value looks like one: parsers have tokens too."""
    kind = _names.get(name)
    if kind is None:
        low, kind = name.lower(), 0
        for part in _SECRET:
            if part in low:
                kind = 1
        if kind == 0 and ("token" in low or "cookie" in low):
            kind = 2
        if _len(_names) > 20000:
            _names.clear()
        if _len(name) < 200:
            _names[name] = kind
    if kind == 2:
        return (_type(value) is _str or _type(value) is _bytes) and _len(value) >= 16 and not any_space(value)
    return kind == 1


_heads = {}  # the beginning of a pair, of names that are never masked


def head_of(name):
    """The JSON of a name and what stands before it, "" where a value under
    this name may have to be masked."""
    head = _heads.get(name)
    if head is None:
        is_secret(name, None)
        head = "" if _names.get(name, 1) else '[%s,' % quote(name)
        if _len(_heads) > 20000:
            _heads.clear()
        _heads[name] = head
    return head


def any_space(value):
    return _len(value.split(None, 1)) > 1


class ClassInfo(object):
    """What rendering needs to know of a class. Holds the class weakly."""
    __slots__ = ("ref", "head", "name", "dict_at", "slots", "base", "mock", "enum", "own", "size", "safe", "c_str", "named")


def _bases():
    return ((_list, "list"), (_tuple, "tuple"), (_dict, "dict"), (_set, "set"), (_frozenset, "frozenset"),
            (_str, "str"), (_bytes, "bytes"), (_int, "int"), (_float, "float"), (_bytearray, "bytearray"),
            (_BaseException, "exc"))


class Renderer(object):
    """Makes JSON text of values. in_scope(filename) says whether a file is the
    program's own: only classes made there show their shared attributes."""

    def __init__(self, in_scope, max_chars=400, max_items=32, max_depth=4):
        self.in_scope = in_scope
        self.max_chars, self.max_items, self.max_depth = max_chars, max_items, max_depth
        self.max_str = _max(20, max_chars // 2)
        self.tags = {}
        self.classes = {}
        self.bases = _bases()
        self.scalars = {
            _id(NoneType): self._none, _id(_bool): self._bool, _id(_int): self._int, _id(_float): self._float,
            _id(_str): self._str, _id(_bytes): self._str, _id(_complex): self._complex,
        }
        self.light, self.light_named = self._make_light()

    def _make_light(self):
        """The two functions of values that are only named: scalars exactly, all
        else by type, identity and length. Closures, since they are called most."""
        scalar_of, tags_of, classes_of = self.scalars.get, self.tags.get, self.classes.get
        tag, class_info = self.tag, self.class_info

        def light(v):
            t = _type(v)
            f = scalar_of(_id(t))
            if f is not None:
                return f(v)
            if t is _list or t is _dict or t is _set:
                n = _len(v)
                name = "list" if t is _list else "dict" if t is _dict else "set"
                if n == 0 and t is not _set:
                    return '{"t":"%s","id":%d,"n":0,"r":"%s","lit":1}' % (name, tags_of(_id(v)) or tag(v), "[]" if t is _list else "{}")
                return '{"t":"%s","id":%d,"n":%d,"cut":1}' % (name, tags_of(_id(v)) or tag(v), n)
            if t is _tuple:
                return '{"t":"tuple","n":%d,"cut":1}' % _len(v) if v else '"()"'
            info = classes_of(_id(t))
            if info is None or info.ref() is not t:
                info = class_info(t)
            return '{%s,"id":%d,"cut":1}' % (info.head, tags_of(_id(v)) or tag(v))

        def light_named(name, v):
            head = _heads.get(name)
            if head is None:
                head = head_of(name)
            if head:
                return head + light(v) + "]"
            if is_secret(name, v):
                return '[%s,{"t":%s,"masked":1}]' % (quote(name), quote(self.class_name(_type(v))))
            return "[%s,%s]" % (quote(name), light(v))

        return light, light_named

    # Scalars. A JSON string is a complete Python literal; everything else is an object.

    def _none(self, v):
        return '"None"'

    def _bool(self, v):
        return '"True"' if v is True else '"False"'

    def _int(self, v):
        if -0x7fffffffffffffff < v < 0x7fffffffffffffff or _int.bit_length(v) <= 200:
            return '"%d"' % v
        return '{"t":"int","n":%d,"cut":1}' % _int.bit_length(v)

    def _float(self, v):
        r = _repr(v)
        return '{"t":"float","r":"%s"}' % r if r in _float_finite else '"%s"' % r

    def _complex(self, v):
        return '{"t":"complex","r":"%s"}' % _repr(v)

    def _str(self, v):
        n = _len(v)
        if n <= self.max_str:
            return quote(_repr(v))
        return '{"t":"%s","r":%s,"n":%d,"cut":1}' % (
            "str" if _type(v) is _str else "bytes", quote(_repr(v[:self.max_str])), n)

    def tag(self, v):
        """A small number for the identity of a mutable object. Addresses are
        reused after an object's end, so equal tags are evidence only together
        with what was seen in between."""
        i = _id(v)
        n = self.tags.get(i)
        if n is None:
            if _len(self.tags) > 500000:
                self.tags.clear()
            n = self.tags[i] = _len(self.tags) + 1
        return n

    # Values.

    def value(self, v):
        """JSON text of v; never raises for what v is."""
        f = self.scalars.get(_id(_type(v)))
        if f is not None:
            return f(v)
        try:
            return self._any(v, self.max_depth, [self.max_items * 6, self.max_chars * 4], {})
        except _RuntimeError:  # changed size during iteration, by another thread; or too deep
            return '{"t":"?","err":"changed or too deep"}'

    def named(self, name, v):
        """A JSON pair of a name and a value, masked where the name asks for it."""
        head = head_of(name)
        if head:
            return head + self.value(v) + "]"
        if is_secret(name, v):
            return '[%s,%s]' % (quote(name), '{"t":%s,"masked":1}' % quote(self.class_name(_type(v))))
        return '[%s,%s]' % (quote(name), self.value(v))

    def literal(self, v, t, depth, left):
        """Python literal text of v, or None when it is not one or over the bounds."""
        if t is _int:
            return "%d" % v if -_SMALL < v < _SMALL or _int.bit_length(v) <= 200 else None
        if t is _str or t is _bytes:
            n = _len(v)
            left[1] -= n
            return _repr(v) if n <= self.max_str and left[1] >= 0 else None
        if t is NoneType or t is _bool:
            return _repr(v)
        if t is _float:
            r = _repr(v)
            return None if r in _float_finite else r
        if depth == 0 or (t is not _list and t is not _tuple and t is not _dict and t is not _set):
            return None
        n = _len(v)
        left[0] -= n
        if n > self.max_items or left[0] < 0:
            return None
        if t is _dict:
            return self._literal_dict(v, depth, left)
        # One kind of scalar: C does it all. Of a list a copy, into which no
        # other thread puts anything between the look and the repr.
        c = v[:] if t is not _set else ()
        if c and (n > 2 or _type(c[0]) is _str):
            kinds = _set(_map(_id, _map(_type, c)))
            if _len(kinds) == 1:
                if _INT_ID in kinds:
                    return _repr(c) if _max(_map(_int.bit_length, c)) <= 200 else None
                if _STR_ID in kinds:
                    left[1] -= _sum(_map(_len, c))
                    return _repr(c) if left[1] >= 0 else None
        return self._literal_items(v, t, depth, left)

    def _literal_items(self, v, t, depth, left):
        parts, longest = [], self.max_str
        for e in v:
            te = _type(e)
            if te is _int and -_SMALL < e < _SMALL:
                parts.append("%d" % e)
            elif te is _str:
                n = _len(e)
                left[1] -= n
                if n > longest or left[1] < 0:
                    return None
                parts.append(_repr(e))
            else:
                a = self.literal(e, te, depth - 1, left)
                if a is None:
                    return None
                parts.append(a)
        if t is _list:
            return "[" + ", ".join(parts) + "]"
        if t is _tuple:
            return "(" + parts[0] + ",)" if _len(parts) == 1 else "(" + ", ".join(parts) + ")"
        if not parts:
            return None  # set() is a call, not a literal
        parts.sort()
        return "{" + ", ".join(parts) + "}"

    def _literal_dict(self, v, depth, left):
        parts, longest = [], self.max_str
        for k, e in v.items():
            te = _type(e)
            if _type(k) is _str:
                n = _len(k)
                left[1] -= n
                if n > longest or left[1] < 0 or not head_of(k) and is_secret(k, e):
                    return None
                a = _repr(k)
            else:
                a = self.literal(k, _type(k), depth - 1, left)
                if a is None:
                    return None
            if te is _int and -_SMALL < e < _SMALL:
                parts.append("%s: %d" % (a, e))
            elif te is _str:
                n = _len(e)
                left[1] -= n
                if n > longest or left[1] < 0:
                    return None
                parts.append(a + ": " + _repr(e))
            else:
                b = self.literal(e, te, depth - 1, left)
                if b is None:
                    return None
                parts.append(a + ": " + b)
        return "{" + ", ".join(parts) + "}"

    def _any(self, v, depth, left, seen):
        t = _type(v)
        f = self.scalars.get(_id(t))
        left[0] -= 1
        if f is not None:
            if t is _str or t is _bytes:
                left[1] -= _min(_len(v), self.max_str)
            return f(v)
        if t is _list or t is _tuple or t is _dict or t is _set:
            text = self.literal(v, t, _min(depth, self.max_depth), [_min(left[0], self.max_items * 3), self.max_chars])
            if text is not None and _len(text) <= self.max_chars:
                left[1] -= _len(text)
                if t is _tuple:
                    return quote(text)
                return '{"t":"%s","id":%d,"n":%d,"r":%s,"lit":1}' % (_NAMES[_id(t)], self.tag(v), _len(v), quote(text))
        i = _id(v)
        info = self.class_info(t)
        if i in seen:
            return '{%s,"id":%d,"cyc":1}' % (info.head, self.tag(v))
        seen[i] = 1
        try:
            return self._structure(v, t, info, depth, left, seen)
        finally:
            del seen[i]

    def _structure(self, v, t, info, depth, left, seen):
        base = info.base
        out = [info.head]
        if base != "tuple" and base != "frozenset" and not info.safe:
            out.append('"id":%d' % self.tag(v))
        if info.mock:
            return "{" + ",".join(out) + "}"
        if info.safe:
            out.append('"r":' + quote(_repr(v)[:self.max_str]))
            return "{" + ",".join(out) + "}"
        stop = depth <= 0 or left[0] <= 0 or left[1] <= 0
        if info.named:
            named = self._named_thing(v, t)
            if named is not None:
                return "{" + ",".join([info.head, '"r":' + quote(named[:self.max_str])]) + "}"
        elif base == "":
            pass
        elif base in ("list", "tuple", "set", "frozenset", "dict", "bytearray"):
            self._container(v, base, out, stop, depth, left, seen)
        elif base == "exc":
            out.append(self._items("a", _get_exc_args(v), stop, depth, left, seen))
        else:
            self._scalar_subclass(v, base, out)
        if stop:
            out.append('"cut":1')
            return "{" + ",".join(out) + "}"
        mro = _get_mro(t)
        mine = self.instance_dict(v, mro, info) if info.dict_at >= 0 else _NOTHING
        if mine or info.slots:
            fields = self._fields(v, info, mro, mine, depth, left, seen)
            if fields:
                out.append('"f":[%s]' % ",".join(fields))
        own = self.shared_names(t, info)
        if own:
            shared = self._shared(own, mro, mine, depth, left, seen)
            if shared:
                out.append('"cf":[%s]' % ",".join(shared))
        return "{" + ",".join(out) + "}"

    def _named_thing(self, v, t):
        if t is FunctionType:
            return _get_func_qualname(v)
        if t is MethodType:
            f = v.__func__
            return _get_func_qualname(f) if _type(f) is FunctionType else "?"
        if t is BuiltinType:
            return v.__qualname__
        if t is ModuleType:
            name = ModuleType.__dict__["__dict__"].__get__(v).get("__name__")
            return name if _type(name) is _str else "?"
        if derives(t, type):
            return self.class_name(v)
        return None

    def _container(self, v, base, out, stop, depth, left, seen):
        if base == "bytearray":
            out.append('"r":%s,"n":%d' % (quote(_repr(_bytes(v[:self.max_str]))), _bytearray.__len__(v)))
            return
        if base == "dict":
            n = _dict.__len__(v)
            parts = []
            if not stop:
                for k, e in _dict.items(v):
                    if _len(parts) >= self.max_items or left[0] <= 0 or left[1] <= 0:
                        break
                    if _type(k) is _str and is_secret(k, e):
                        val = '{"t":%s,"masked":1}' % quote(self.class_name(_type(e)))
                    else:
                        val = self._any(e, depth - 1, left, seen)
                    parts.append("[%s,%s]" % (self._any(k, depth - 1, left, seen), val))
            out.append('"n":%d,"kv":[%s]' % (n, ",".join(parts)))
            if _len(parts) < n and not stop:
                out.append('"cut":1')
            return
        kind = {"list": _list, "tuple": _tuple, "set": _set, "frozenset": _frozenset}[base]
        n = kind.__len__(v)
        parts = []
        if not stop:
            for e in kind.__iter__(v):
                if _len(parts) >= self.max_items or left[0] <= 0 or left[1] <= 0:
                    break
                parts.append(self._any(e, depth - 1, left, seen))
        out.append('"n":%d,"e":[%s]' % (n, ",".join(parts)))
        if _len(parts) < n and not stop:
            out.append('"cut":1')

    def _items(self, key, items, stop, depth, left, seen):
        parts = []
        if not stop:
            for e in items[:self.max_items]:
                parts.append(self._any(e, depth - 1, left, seen))
        return '"%s":[%s]' % (key, ",".join(parts))

    def _scalar_subclass(self, v, base, out):
        if base == "str":
            out.append('"r":%s,"n":%d' % (quote(_repr(_str.__str__(v)[:self.max_str])), _str.__len__(v)))
        elif base == "bytes":
            out.append('"r":%s,"n":%d' % (quote(_repr(_bytes.__getitem__(v, slice(0, self.max_str)))), _bytes.__len__(v)))
        elif base == "int":
            bits = _int.bit_length(v)
            out.append('"r":"%s"' % _int.__repr__(v) if bits <= 200 else '"n":%d' % bits)
        elif base == "float":
            out.append('"r":"%s"' % _float.__repr__(v))

    def _fields(self, v, info, mro, mine, depth, left, seen):
        parts = []
        for k, e in mine.items():
            if _len(parts) >= self.max_items or left[0] <= 0 or left[1] <= 0:
                parts.append('["...",{"t":"?","cut":1}]')
                return parts
            if _type(k) is _str:
                parts.append(self._field(k, e, depth, left, seen))
        for at, name in info.slots:
            member = _get_class_dict(mro[at]).get(name) if at < _len(mro) else None
            if _type(member) is MemberType and _len(parts) < self.max_items:
                try:
                    e = member.__get__(v)
                except _Exception:  # unset
                    continue
                parts.append(self._field(name, e, depth, left, seen))
        return parts

    def instance_dict(self, v, mro, info):
        d = _get_class_dict(mro[info.dict_at]).get("__dict__")
        if _type(d) is GetSetType:
            d = d.__get__(v)
            if _type(d) is _dict:
                return d
        return _NOTHING

    def _field(self, name, e, depth, left, seen):
        head = head_of(name)
        if head:
            return head + self._any(e, depth - 1, left, seen) + "]"
        if is_secret(name, e):
            return '[%s,{"t":%s,"masked":1}]' % (quote(name), quote(self.class_name(_type(e))))
        return "[%s,%s]" % (quote(name), self._any(e, depth - 1, left, seen))

    def _shared(self, own, mro, mine, depth, left, seen):
        """Mutable attributes of the class that the instance does not shadow:
        state that all its instances share."""
        parts = []
        for at, name in own:
            if name in mine or at >= _len(mro):
                continue
            e = _get_class_dict(mro[at]).get(name)
            if _id(_type(e)) in MUTABLE:
                parts.append(self._field(name, e, depth, left, seen))
        return parts

    def shared_names(self, t, info):
        mro = _get_mro(t)
        size = _sum(_map(_len, _map(_get_class_dict, mro)))
        if info.own is not None and info.size == size:
            return info.own
        found = []
        for at, k in enumerate(mro):
            if not _get_flags(k) & _HEAP:
                continue
            d = _get_class_dict(k)
            names, scoped = [], False
            for name, e in _list(d.items()):
                te = _type(e)
                if _id(te) in MUTABLE:
                    if _type(name) is _str and name[:2] != "__" and name != "_abc_registry":
                        names.append((at, name))
                elif te is FunctionType and not scoped:
                    scoped = self.in_scope(_get_func_code(e).co_filename)
            if scoped:
                found.extend(names[:8])
        info.own, info.size = _tuple(found), size
        return info.own

    # Classes.

    def class_name(self, t):
        q = _get_qualname(t)
        return q if _type(q) is _str else "?"

    def class_module(self, t):
        m = _get_class_dict(t).get("__module__")
        if _type(m) is _str:
            return m
        if not _get_flags(t) & _HEAP:
            m = t.__module__ if _type(t) is type else None
            return m if _type(m) is _str else "builtins"
        return "?"

    def class_info(self, t):
        info = self.classes.get(_id(t))
        if info is not None and info.ref() is t:
            return info
        info = ClassInfo()
        info.ref = ref(t)
        name, module = self.class_name(t), self.class_module(t)
        info.name = name
        info.head = '"t":%s' % quote(name[:200])
        if module != "builtins":
            info.head += ',"m":%s' % quote(module[:200])
        mro = _get_mro(t)
        info.dict_at, slots, info.base, info.own, info.size, info.mock, info.c_str = -1, [], "", None, 0, False, True
        for at, k in enumerate(mro):
            d = _get_class_dict(k)
            if _get_flags(k) & _HEAP:
                if info.dict_at < 0 and _type(d.get("__dict__")) is GetSetType:
                    info.dict_at = at
                if _type(d.get("__str__", SlotWrapperType)) is not SlotWrapperType and "__str__" in d:
                    info.c_str = False
                if _type(d.get("__module__")) is _str and d.get("__module__") == "unittest.mock":
                    info.mock = True
                if "__slots__" in d:
                    for n, member in _list(d.items()):
                        if _type(member) is MemberType and _len(slots) < 32 and _type(n) is _str:
                            slots.append((at, n))
            elif k is _BaseException and info.dict_at < 0 and _type(d.get("__dict__")) is GetSetType:
                info.dict_at = at
        for k in mro:
            for b, n in self.bases:
                if k is b:
                    info.base = n
                    break
            if info.base:
                break
        info.slots = _tuple(slots)
        info.named = info.base == "" and (t is FunctionType or t is MethodType or t is BuiltinType or t is ModuleType or derives(t, type))
        info.safe = not _get_flags(t) & _HEAP and (module + "." + name) in _SAFE_STATIC
        if _len(self.classes) > 4096:
            self.classes.clear()
        self.classes[_id(t)] = info
        return info

    # Exceptions.

    def message(self, exc):
        """str(exc) where that runs C code only, else the rendering of its args."""
        args = _get_exc_args(exc)
        simple = True
        for a in args[:8]:
            ta = _type(a)
            if _id(ta) not in self.scalars or ((ta is _str or ta is _bytes) and _len(a) > 4000) or (ta is _int and _int.bit_length(a) > 200):
                simple = False
        info = self.class_info(_type(exc))
        if simple and derives(_type(exc), OSError):
            for get in _OS_FILES:  # OSError.__str__ formats these
                simple = simple and _id(_type(get(exc))) in self.scalars
        if simple and _len(args) <= 8 and info.c_str:
            try:
                for k in _get_mro(_type(exc)):
                    f = _get_class_dict(k).get("__str__")
                    if f is not None:
                        return f(exc)[:2000] if _type(f) is SlotWrapperType else _exc_str(exc)[:2000]
            except _Exception:
                pass
        parts = []
        for a in args[:8]:
            f = self.scalars.get(_id(_type(a)))
            parts.append(_repr(a)[:200] if f is not None and _type(a) is _str and _len(a) < 2000
                         else f(a).strip('"') if f is not None and _type(a) is not _str
                         else "<" + self.class_name(_type(a)) + ">")
        return ("(" + ", ".join(parts) + ")")[:2000] if parts else ""
