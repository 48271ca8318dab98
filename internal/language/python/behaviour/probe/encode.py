"""Values as texts that are equal exactly where the values are.

None of the program's own code runs: no __eq__, __repr__, __hash__ or __iter__
of its classes. Only what is lazy is drained, which is what its user would do.
Objects are numbered as they are met, so that a value that is an argument, or
the same object twice, shows.

Floats are equal where their first nine digits are. In texts, the tree's path
and addresses of objects are replaced.
"""

import collections
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import itertools
import pathlib
import re
import types
import uuid

MAX_NODES = 20000
MAX_TEXT = 200000
MAX_DEPTH = 60
MAX_ITEMS = 1000   # of an iterator
MAX_PARTS = 200

PLAIN = (int, str, bytes, bytearray, complex)
TEXTUAL = (decimal.Decimal, fractions.Fraction, datetime.date, datetime.timedelta, datetime.timezone,
           uuid.UUID, pathlib.PurePosixPath, pathlib.PosixPath, range)
LAZY = (types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())), type(iter({})),
        type(iter({}.values())), type(iter({}.items())), type(iter(set())), type(iter("")), type(iter(range(0))),
        type(reversed([]))) + tuple(t for t in vars(itertools).values() if isinstance(t, type))
VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
HIDDEN = {"__dict__", "__weakref__"}
# Types whose objects are handles rather than values: their type is all that is said.
HANDLES = {"_thread.lock", "_thread.RLock", "logging.Logger", "logging.RootLogger", "socket.socket", "weakref.ReferenceType", "weakref",
           "_io.TextIOWrapper", "_io.BufferedReader", "_io.BufferedWriter", "_io.FileIO", "functools._lru_cache_wrapper",
           "property", "classmethod", "staticmethod", "_contextvars.ContextVar", "_random.Random", "random.Random", "types.GenericAlias"}
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")


class Opaque(Exception):
    """A value that cannot be encoded whole."""


def named(kind):
    module = type.__getattribute__(kind, "__module__")
    name = type.__getattribute__(kind, "__qualname__")
    return name if module in ("builtins", None) or not isinstance(module, str) else module + "." + name


class Drained(object):
    """What a lazy result gave."""

    def __init__(self, kind, items):
        self.kind, self.items = kind, items


def drained(value):
    """A lazy result with its items taken; any other value as it is."""
    kind = type(value)
    if kind is types.AsyncGeneratorType:
        import asyncio

        async def collect():
            found = []
            async for item in value:
                found.append(item)
                if len(found) > MAX_ITEMS:
                    raise Opaque("an iterator without end")
            return found
        return Drained(kind, asyncio.run(collect()))
    if kind not in LAZY:
        return value
    found = list(itertools.islice(value, MAX_ITEMS + 1))
    if len(found) > MAX_ITEMS:
        raise Opaque("an iterator without end")
    return Drained(kind, found)


class Encoder:
    """foreign, where given, says whether a class is neither the tree's nor the
    interpreter's; objects of such classes are then named only."""

    def __init__(self, root="", foreign=None):
        self.foreign = foreign
        self.seen = {}
        self.kept = []   # encoded objects stay alive, so that no id is used again
        self.nodes = 0
        self.size = 0
        self.root = root
        self.parts = []

    def text(self, value, path="", depth=0, parts=False):
        out = self._text(value, path, depth, parts)
        self.size += len(out)
        return out

    def masked(self, text):
        if self.root and self.root in text:
            text = text.replace(self.root, "<tree>")
        return ADDRESS.sub("0x…", text) if "0x" in text else text

    def part(self, parts, path, value, text):
        if parts and len(self.parts) < MAX_PARTS:
            self.parts.append((path, named(type(value)), text[:200]))

    def _text(self, v, path, depth, parts):
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH or self.size > 50 * MAX_TEXT:
            raise Opaque("too large")
        kind = type(v)
        if v is None or kind is bool:
            self.part(parts, path, v, repr(v))
            return repr(v)
        if kind is float:
            out = "%.9g" % v
            self.part(parts, path, v, out)
            return out if "." in out or "e" in out or "n" in out else out + ".0"
        if kind in PLAIN:
            if kind is str:
                v = self.masked(v)
            out = repr(v)
            if len(out) > MAX_TEXT:
                raise Opaque("too long")
            self.part(parts, path, v, str(v) if kind is str else out)
            return out
        if kind in TEXTUAL:
            text = self.masked(str(v))
            self.part(parts, path, v, text)
            return "%s(%r)" % (kind.__name__, text)
        if kind in (datetime.datetime, datetime.time):
            text = v.replace(tzinfo=None).isoformat()
            self.part(parts, path, v, text)
            return "%s(%r%s)" % (kind.__name__, text, "" if v.tzinfo is None else ", " + self._text(v.tzinfo, "", depth + 1, False))
        if id(v) in self.seen:
            return "@%d" % self.seen[id(v)]
        self.seen[id(v)] = len(self.seen)
        self.kept.append(v)
        return self.object(v, kind, path, depth, parts)

    def object(self, v, kind, path, depth, parts):
        def inner(x, p):
            return self.text(x, p, depth + 1, parts)

        def items(iterable, n=None):
            return [inner(x, "%s[%d]" % (path, i)) for i, x in enumerate(iterable)]

        def mapping(pairs):
            pairs = list(pairs)
            out = []
            for k, x in pairs:
                out.append(self.text(k, "", depth + 1) + ": " + inner(x, "%s[%s]" % (path, k if type(k) in (str, int) else "?")))
            return ", ".join(out)

        if kind is list:
            self.part(parts, path, v, "empty" if not len(v) else "")
            return "[" + ", ".join(items(v)) + "]"
        if kind is tuple:
            self.part(parts, path, v, "empty" if not len(v) else "")
            return "(" + ", ".join(items(v)) + ("," if len(v) == 1 else "") + ")"
        if kind is dict:
            self.part(parts, path, v, "empty" if not len(v) else "")
            return "{" + mapping(dict.items(v)) + "}"
        if kind in (set, frozenset):
            self.part(parts, path, v, "empty" if not len(v) else "")
            return kind.__name__ + "{" + ", ".join(sorted(self.alone(x) for x in v)) + "}"
        if kind in (collections.OrderedDict, collections.defaultdict, collections.Counter):
            self.part(parts, path, v, "empty" if not len(v) else "")
            return kind.__name__ + "{" + mapping(dict.items(v)) + "}"
        if kind is collections.deque:
            return "deque[" + ", ".join(items(collections.deque.__iter__(v))) + "]"
        if kind in VIEWS:
            return kind.__name__ + "[" + ", ".join(items(v)) + "]"
        if kind in LAZY:
            try:
                v, end = drained(v), ""
            except (Opaque, RecursionError):
                raise
            except Exception as e:
                return "lazy %s raises %s" % (named(kind), named(type(e)))
            kind = Drained
        if kind is Drained:
            self.part(parts, path, v, "lazy")
            return "lazy %s[%s]" % (named(v.kind), ", ".join(items(v.items)))
        if kind is memoryview:
            return "memoryview(%r)" % bytes(v)
        if kind is functools.partial:
            return "partial(%s, %s, %s)" % tuple(inner(x, path) for x in (v.func, v.args, v.keywords))
        if issubclass(kind, type):
            return "<class %s>" % named(v)
        if kind in (types.FunctionType, types.BuiltinFunctionType):
            return "<function %s.%s>" % (getattr(v, "__module__", ""), v.__qualname__)
        if kind is types.MethodType:
            return "<method %s of %s>" % (v.__func__.__qualname__ if isinstance(v.__func__, types.FunctionType) else "?", inner(v.__self__, path))
        if kind is types.ModuleType:
            return "<module %s>" % v.__dict__.get("__name__")
        if kind is re.Pattern:
            return "re(%r, %d)" % (v.pattern, v.flags)
        name = named(kind)
        if name in HANDLES:
            return "<%s>" % named(kind)
        if named(kind) == "zoneinfo.ZoneInfo":
            return "ZoneInfo(%r)" % v.key
        if issubclass(kind, enum.Enum):
            out = "%s.%s" % (named(kind), object.__getattribute__(v, "__dict__").get("_name_"))
            self.part(parts, path, v, out)
            return out
        if named(kind).startswith("numpy."):
            return self.array(v, kind, path, parts)
        if self.foreign is not None and self.foreign(kind):
            return "<%s>" % named(kind)
        return self.instance(v, kind, path, depth, parts, inner, items, mapping)

    def array(self, v, kind, path, parts):
        """An array or scalar of numpy: its form, and a digest of its bytes."""
        if kind.__name__ == "ndarray" and not v.dtype.hasobject:
            self.part(parts, path, v, str(v.shape))
            return "ndarray(%s, %s, %s)" % (v.dtype.str, v.shape, hashlib.sha256(v.tobytes()).hexdigest())
        if hasattr(v, "item"):
            item = v.item()
            if type(item) in (int, float, complex, str, bytes, bool):
                self.part(parts, path, v, str(item))
                return "%s(%r)" % (kind.__name__, item)
        raise Opaque(named(kind))

    def instance(self, v, kind, path, depth, parts, inner, items, mapping):
        """An object of any other class: what it was built from and its fields."""
        said = []
        for base, show in ((list, lambda: items(list.__iter__(v))), (tuple, lambda: items(tuple.__iter__(v))),
                           (set, lambda: sorted(self.alone(x) for x in set.__iter__(v))),
                           (frozenset, lambda: sorted(self.alone(x) for x in frozenset.__iter__(v)))):
            if issubclass(kind, base):
                said.append(", ".join(show()))
        if issubclass(kind, dict):
            said.append(mapping(dict.items(v)))
        for base, plain in ((str, str.__str__), (bytes, bytes.__repr__), (int, int.__repr__), (float, float.__repr__)):
            if issubclass(kind, base):
                said.append(self.masked(repr(plain(v))))
                self.part(parts, path, v, str(plain(v)))
        if issubclass(kind, BaseException):
            said.append("args " + inner(BaseException.args.__get__(v), path + ".args"))
        fields, known = {}, bool(said)
        try:
            fields.update(object.__getattribute__(v, "__dict__"))
            known = True
        except AttributeError:
            pass
        for cls in type.__getattribute__(kind, "__mro__"):
            slots = cls.__dict__.get("__slots__", ()) if isinstance(cls.__dict__.get("__slots__", ()), (tuple, list, str)) else ()
            for name in [slots] if isinstance(slots, str) else slots:
                known = True
                if name in HIDDEN:
                    continue
                if name.startswith("__") and not name.endswith("__"):
                    name = "_%s%s" % (cls.__name__.lstrip("_"), name)
                member = cls.__dict__.get(name)
                if type(member) is types.MemberDescriptorType:
                    try:
                        fields[name] = member.__get__(v)
                    except AttributeError:
                        pass
        if not known:
            if kind is object:
                return "object()"
            raise Opaque(named(kind))
        for name in sorted(n for n in fields if isinstance(n, str)):
            said.append("%s=%s" % (name, inner(fields[name], path + "." + name)))
        return "%s(%s)" % (named(kind), ", ".join(said))

    def alone(self, v):
        """A member of a set: numbering must not depend on the set's order."""
        other = Encoder(self.root, self.foreign)
        other.nodes = self.nodes
        out = other.text(v)
        self.nodes = other.nodes
        return out


def literal(value, encoded):
    """Source of an expression that is equal to value, or ""."""
    import ast

    def plain(v, depth=0):
        if v is None or type(v) in (bool, int, str, bytes):
            return True
        if type(v) is float:
            return v == v and v not in (float("inf"), float("-inf"))
        if depth > 8:
            return False
        if type(v) in (list, tuple):
            return all(plain(x, depth + 1) for x in v)
        if type(v) is set:
            return bool(v) and all(plain(x, depth + 1) for x in v)
        if type(v) is dict:
            return all(plain(k, depth + 1) and plain(x, depth + 1) for k, x in v.items())
        return False

    if not plain(value):
        return ""
    out = repr(value)
    if len(out) > 2000:
        return ""
    try:
        ast.literal_eval(out)
    except (ValueError, SyntaxError):
        return ""
    return out
