"""How values of well-known types are shown, and written as expressions.

A type is known by the module and name of its class, so nothing is imported
for it. Only data that the object holds is read, through its instance
dictionary, its slots and accessors written in C: a lazy object stays lazy.

Three tables say how: C_TYPES for a class that C code made, EXACT for one class,
BASES also for those that derive from it. Each holds pairs of functions, or None:

    show(r, v, t, info, room, out) → bool    appends JSON members to out; True when there is no more to say of v
    text(r, v, t, info, room) → str or None  a Python expression that makes an equal value

where r is the Renderer and room the Room that is left.
"""
from _json import encode_basestring_ascii as quote

from repaird_tracer.arrays import ARRAYS
from repaird_tracer.descriptors import accessor, class_name, derives, get_class_dict, get_mro, instance_dict, method, module_of, peek
from repaird_tracer.secrets import hides

_type, _id, _len, _str, _int, _tuple, _list, _dict, _repr, _min = type, id, len, str, int, tuple, list, dict, repr, min
_bytes, _range = bytes, range
_get = object.__getattribute__


# Expressions.

def _c_text(r, v, t, info, room):
    """Types whose repr is an expression."""
    return _repr(v)


def _decimal(r, v, t, info, room):
    size = method(t, "__sizeof__")
    return "decimal." + _repr(v) if size is not None and size(v) < 600 else None


def _name_text(name):
    def text(r, v, t, info, room):
        return name
    return text


def _complex(r, v, t, info, room):
    return "complex(%s, %s)" % (_float_text(v.real), _float_text(v.imag))


def _float_text(f):
    text = _repr(f)
    return "float('%s')" % text if "n" in text else text


def _range_text(r, v, t, info, room):
    parts = (v.start, v.stop, v.step)
    for e in parts:
        if _type(e) is not _int or _int.bit_length(e) > 200:
            return None
    return "range(%d, %d)" % parts[:2] if parts[2] == 1 else "range(%d, %d, %d)" % parts


def _slice_text(r, v, t, info, room):
    parts = (v.start, v.stop, v.step)
    for e in parts:
        if e is not None and (_type(e) is not _int or _int.bit_length(e) > 200):
            return None
    return _repr(v)


def _frozenset_text(r, v, t, info, room):
    text = r.items_text(v, room)
    return None if text is None else "frozenset({%s})" % text if text else "frozenset()"


def _bytearray_text(r, v, t, info, room):
    if _len(v) > r.max_str:
        return None
    text = r.expression(_bytes(v), room)
    return text and "bytearray(%s)" % text


def _datetime_text(r, v, t, info, room):
    zone = v.tzinfo
    if zone is None:
        return _repr(v)
    zone = r.expression(zone, room)
    return zone and "%s, tzinfo=%s)" % (_repr(v.replace(tzinfo=None))[:-1], zone)


def _zone_text(r, v, t, info, room):
    key = peek(v, "key")
    return "zoneinfo.ZoneInfo(%s)" % _repr(key) if _type(key) is _str and _len(key) < 100 else None


def _fraction_text(r, v, t, info, room):
    parts = (peek(v, "_numerator"), peek(v, "_denominator"))
    for e in parts:
        if _type(e) is not _int or _int.bit_length(e) > 200:
            return None
    return "fractions.Fraction(%d, %d)" % parts


def _uuid_text(r, v, t, info, room):
    n = peek(v, "int")
    if _type(n) is not _int or not 0 <= n < 1 << 128:
        return None
    h = "%032x" % n
    return "uuid.UUID('%s-%s-%s-%s-%s')" % (h[:8], h[8:12], h[12:16], h[16:20], h[20:])


def _path_parts(v):
    """What a pathlib path was made of: each release keeps something else. The
    text that it makes of them when it is asked for it comes last, so that asking
    changes nothing."""
    parts = peek(v, "_raw_paths")
    if _type(parts) is _list and _len(parts) <= 32:
        return [p for p in parts if _type(p) is _str] or ["."]
    drive, root, tail = peek(v, "_drv"), peek(v, "_root"), peek(v, "_tail_cached")
    if _type(tail) is not _list:
        tail = peek(v, "_parts")
        if _type(tail) is _list and (drive or root):
            tail = tail[1:]
    if _type(drive) is _str and _type(root) is _str and _type(tail) is _list and _len(tail) <= 64:
        return [drive + root + "/".join([p for p in tail if _type(p) is _str]) or "."]
    text = peek(v, "_str")
    return [text] if _type(text) is _str else None


def _path_text(r, v, t, info, room):
    parts = _path_parts(v)
    if parts is None or _len("".join(parts)) > r.max_str or info.module not in ("pathlib", "pathlib._local"):
        return None
    if r.masked("/".join(parts)):
        return None
    return "pathlib.%s(%s)" % (info.name, ", ".join([_repr(p) for p in parts]))


def _enum_text(r, v, t, info, room):
    name = peek(v, "_name_")
    dotted = r.classes.dotted(t, info)
    if not dotted:
        return None
    members = get_class_dict(t).get("_member_map_")
    if _type(name) is _str and derives(_type(members), _dict) and _dict.get(members, name) is v and name.isidentifier():
        return dotted + "." + name
    value = peek(v, "_value_")  # a combination of flags
    return "%s(%d)" % (dotted, value) if _type(value) is _int and -1 << 64 < value < 1 << 64 else None


def _pattern_text(r, v, t, info, room):
    pattern, flags = peek(v, "pattern"), peek(v, "flags")
    text = r.expression(pattern, room) if _type(pattern) is _str or _type(pattern) is _bytes else None
    if text is None or _type(flags) is not _int or flags & 128:
        return None
    if _type(pattern) is _str:
        flags &= ~32
    return "re.compile(%s, %d)" % (text, flags) if flags else "re.compile(%s)" % text


def _deque_text(r, v, t, info, room):
    text = r.items_text(v, room)
    if text is None:
        return None
    return "collections.deque([%s])" % text if v.maxlen is None else "collections.deque([%s], %d)" % (text, v.maxlen)


def _counter_text(r, v, t, info, room):
    return _dict_made(r, v, room, "collections.Counter(") if info.base == "dict" and not instance_dict(v, get_mro(t)) else None


def _defaultdict_text(r, v, t, info, room):
    factory = v.default_factory
    if factory is None:
        return _dict_made(r, v, room, "collections.defaultdict(None, ")
    if _type(factory) is not _type:
        return None
    name = r.expression(factory, room)
    return name and _dict_made(r, v, room, "collections.defaultdict(%s, " % name)


def _ordered_text(r, v, t, info, room):
    for k in _dict.keys(v):  # the order is found by hash and ==, which these have in C
        if _type(k) is not _str and _type(k) is not _int:
            return None
    if instance_dict(v, get_mro(t)):
        return None
    parts = []
    for k, e in v.items():
        pair = None if hides(k, e) else r.expression((k, e), room)
        if pair is None:
            return None
        parts.append(pair)
    return "collections.OrderedDict([%s])" % ", ".join(parts)


def _dict_made(r, v, room, head):
    pairs = r.pairs_text(v, room)
    return pairs and head + pairs + ")"


def _namespace_text(r, v, t, info, room):
    fields = _namespace(v, t)
    parts = []
    for k, e in fields.items():
        text = r.field_text(k, e, room)
        if text is None:
            return None
        parts.append(text)
    return "types.SimpleNamespace(%s)" % ", ".join(parts)


def _namespace(v, t):
    return instance_dict(v, (t,)) or {}


def _array_text(r, v, t, info, room):
    return "array." + _repr(v) if _len(v) <= 16 else None


# What is shown.

def _label(attribute):
    """Shows one attribute that is text."""
    def show(r, v, t, info, room, out):
        name = peek(v, attribute)
        if _type(name) is _str:
            out.append('"r":%s' % quote(name[:200]))
        return True
    return show


def _code(attribute):
    def show(r, v, t, info, room, out):
        code = peek(v, attribute)
        name = peek(code, "co_name") if code is not None else None
        if _type(name) is _str:
            out.append('"r":%s' % quote(name[:200]))
        return True
    return show


def _attributes(*names):
    """Shows accessors of C as attributes."""
    def show(r, v, t, info, room, out):
        fields = []
        for n in names:
            fields.append("[%s,%s]" % (quote(n), r.inner(peek(v, n), room)))
        out.append('"f":[%s]' % ",".join(fields))
        return True
    return show


def _show_namespace(r, v, t, info, room, out):
    out.append('"f":[%s]' % ",".join(r.pairs_of(_namespace(v, t), room)))
    return True


def _show_deque(r, v, t, info, room, out):
    deque = get_mro(t)[info.known_at]
    items, length = method(deque, "__iter__"), method(deque, "__len__")
    if items is not None and length is not None:
        r.sequence(items(v), length(v), room, out)
    return t is deque


def _show_file(r, v, t, info, room, out):
    """The name of a file whose layers are all of the io module."""
    for layer in ("buffer", "raw"):
        inner = accessor(t, layer)
        if inner is not None:
            v = inner(v)
            t = _type(v)
            if info_name(r, t) not in _FILES:
                return True
    if info_name(r, t) == "_io.FileIO":
        name = _get(v, "name") if t is (module_of("_io") or {}).get("FileIO") else None
        if _type(name) is _str or _type(name) is _int:
            out.append('"r":' + quote(_repr(name)[:200]))
    return True


def info_name(r, t):
    info = r.class_info(t)
    return info.module + "." + info.name


_FILES = frozenset(["_io.FileIO", "_io.BufferedReader", "_io.BufferedWriter", "_io.BufferedRandom"])


def _show_datetime(r, v, t, info, room, out):
    """A date or time of a subclass, or with a tzinfo of the program."""
    known = get_mro(t)[info.known_at] if info.known_at else t
    parts = []
    for k in get_mro(known):
        for n in _ORDER:
            get = accessor(k, n)
            if get is not None:
                parts.append((_ORDER[n], get(v)))
    parts.sort()
    parts = [n for _, n in parts]
    while _len(parts) > 5 and parts[-1] == 0:
        parts.pop()
    if parts:
        out.append('"r":"%s(%s)"' % (class_name(known), ", ".join(["%d" % n for n in parts])))
    zone = accessor(known, "tzinfo")
    zone = zone(v) if zone is not None else None
    if zone is not None:
        out.append('"f":[["tzinfo",%s]]' % r.inner(zone, room))
        return True
    return t is known


_ORDER = {"year": 0, "month": 1, "day": 2, "hour": 3, "minute": 4, "second": 5, "microsecond": 6,
          "days": 7, "seconds": 8, "microseconds": 9}


def _show_enum(r, v, t, info, room, out):
    name, value = peek(v, "_name_"), peek(v, "_value_")
    out.append('"r":%s' % quote((class_name(t) + "." + name if _type(name) is _str else class_name(t))[:200]))
    out.append('"f":[["value",%s]]' % r.inner(value, room))
    return True


def _show_path(r, v, t, info, room, out):
    parts = _path_parts(v)
    if parts is None:
        return False
    out.append('"r":%s' % quote(r.hidden(_repr("/".join(parts)[:r.max_str]))))
    return True


# Django and others.

def _show_queryset(r, v, t, info, room, out):
    """The state of a query set: it is never evaluated."""
    cache, model = peek(v, "_result_cache"), peek(v, "model")
    fields = []
    if derives(_type(model), _type):
        fields.append('["model",%s]' % r.inner(model, room))
    if _type(cache) is _list:
        fields.append('["results",%s]' % r.inner(cache, room))
        out.append('"n":%d' % _len(cache))
    else:
        out.append('"r":"not evaluated"')
    out.append('"f":[%s]' % ",".join(fields))
    return True


def _show_logger(r, v, t, info, room, out):
    name = peek(v, "name")
    if _type(name) is _str:
        out.append('"r":%s' % quote(_repr(name[:200])))
    return True


def _only(*names):
    """Shows these attributes of the instance's dictionary and no others."""
    def show(r, v, t, info, room, out):
        fields = {}
        for n in names:
            e = peek(v, n)
            if e is not None:
                fields[n] = e
        out.append('"f":[%s]' % ",".join(r.pairs_of(fields, room)))
        return True
    return show


_PATH = (_show_path, _path_text)
_FILE = (_show_file, None)

C_TYPES = {
    "builtins.complex": (None, _complex),
    "builtins.range": (None, _range_text),
    "builtins.slice": (_attributes("start", "stop", "step"), _slice_text),
    "builtins.ellipsis": (None, _name_text("Ellipsis")),
    "builtins.NotImplementedType": (None, _name_text("NotImplemented")),
    "builtins.frozenset": (None, _frozenset_text),
    "builtins.bytearray": (None, _bytearray_text),
    "builtins.generator": (_label("__qualname__"), None),
    "builtins.coroutine": (_label("__qualname__"), None),
    "builtins.async_generator": (_label("__qualname__"), None),
    "builtins.frame": (_code("f_code"), None),
    "builtins.code": (_label("co_name"), None),
    "builtins.method_descriptor": (_label("__qualname__"), None),
    "datetime.date": (_show_datetime, _c_text),
    "datetime.timedelta": (None, _c_text),
    "datetime.datetime": (_show_datetime, _datetime_text),
    "datetime.time": (_show_datetime, _datetime_text),
    "datetime.timezone": (None, _c_text),
    "zoneinfo.ZoneInfo": (None, _zone_text),
    "decimal.Decimal": (None, _decimal),
    "re.Pattern": (_attributes("pattern", "flags"), _pattern_text),
    "_sre.SRE_Pattern": (_attributes("pattern", "flags"), _pattern_text),
    "collections.deque": (_show_deque, _deque_text),
    "collections.OrderedDict": (None, _ordered_text),
    "collections.defaultdict": (None, _defaultdict_text),
    "types.SimpleNamespace": (_show_namespace, _namespace_text),
    "functools.partial": (_attributes("func", "args", "keywords"), None),
    "array.array": (None, _array_text),
    "_io.TextIOWrapper": _FILE, "_io.FileIO": _FILE, "_io.BufferedReader": _FILE, "_io.BufferedWriter": _FILE, "_io.BufferedRandom": _FILE,
}

EXACT = {
    "fractions.Fraction": (None, _fraction_text),
    "uuid.UUID": (None, _uuid_text),
    "collections.Counter": (None, _counter_text),
}

BASES = {
    "datetime.datetime": (_show_datetime, None),
    "datetime.date": (_show_datetime, None),
    "datetime.time": (_show_datetime, None),
    "datetime.timedelta": (_show_datetime, None),
    "collections.deque": (_show_deque, None),
    "enum.Enum": (_show_enum, _enum_text),
    "pathlib.PurePath": _PATH, "pathlib._local.PurePath": _PATH,
    "django.db.models.query.QuerySet": (_show_queryset, None),
    "logging.Logger": (_show_logger, None),
    "threading.Thread": (_only("_name", "_target", "_args", "_kwargs"), None),
}

BASES.update(ARRAYS)
