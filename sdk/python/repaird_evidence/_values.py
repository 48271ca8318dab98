"""Describes values so that they can be rebuilt, within bounds.

The walk goes breadth first: whatever runs out (time, bytes, depth), the values of
every frame have been described to about the same depth. What lies deeper is marked
as cut. The README describes the format.

Types are told apart by their ids: hashing or comparing a class may run code of its
metaclass.
"""

import collections
import datetime
import decimal
import fractions
import functools
import ipaddress
import itertools
import logging
import pathlib
import re
import threading
import time
import types
import uuid

from repaird_evidence import _classes, _names

_islice = itertools.islice
_now, _used = time.perf_counter, getattr(time, "thread_time", time.perf_counter)
_args_of = BaseException.__dict__["args"].__get__
_module_dict = types.ModuleType.__dict__["__dict__"].__get__
_password = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(@)")
_ROOM = 24  # bytes set aside for a value that waits to be described
_CHECK = 64  # values between two looks at the clock
_PER_BYTE, _PER_VALUE = 2e-8, 3e-7  # seconds to encode a byte, and to mark a value as left out
_SHARE = 4  # a container may set aside one part in so many of the bytes that are left

_CONTAINERS = {id(t): (t.__name__, t) for t in (list, tuple, set, frozenset, dict)}
_TEXTS = {id(t) for t in (str, bytes, bytearray)}
_NUMBERS = {id(t) for t in (int, float)}


class Walk:
    """One description. is_own(module name) says whether code is the program's;
    seconds are what it may take of the processor, and as much again for classes that
    are new to it; waiting for a processor may add three times as much."""

    def __init__(self, limits, is_own, seconds):
        self.limits = limits
        self.is_own = is_own
        self.deadline, self.last = _used() + seconds, _now() + 4 * seconds
        self.latest = self.deadline + seconds
        self.left = limits.bytes
        self.waiting = collections.deque()  # (value, depth, holder, key): holder[key] becomes the value's node
        self.later = collections.deque()  # the same, for objects of libraries
        self.steps = 0  # values met since the last look at the clock
        self.seen = {}  # id → (node, value); keeping the value keeps the id its own
        self.next_id = 1
        self.cut = set()  # why something is missing

    def add(self, name, value, holder):
        """Appends [name, node] to holder."""
        pair = [name, None]
        holder.append(pair)
        self.left -= len(name) + 8
        self.put(value, 0, pair, 1, name)

    def run(self):
        """Describes what waits."""
        left = "time" if self.late() else ""  # why the rest is left out
        while self.waiting or self.later:
            value, depth, holder, key = (self.waiting or self.later).popleft()
            if self.steps > _CHECK:
                self.steps = 0
                if self.late():
                    left = "time"
            if left or self.left <= 0:
                left = left or "size"
                self.cut.add(left)
                holder[key] = {"cut": left}
                continue
            self.left += _ROOM
            try:
                holder[key] = self.node(value, depth)
            except Exception:  # another thread changed it, or its class is odd
                self.cut.add("error")
                holder[key] = {"cut": "error"}

    def info(self, cls):
        """What is known of a class. Looking at a new one happens once."""
        known = _classes.known(cls)
        if known is None:
            start = _used()
            known = _classes.examine(cls, self.is_own)
            self.deadline = min(self.latest, self.deadline + _used() - start)
        return known

    def late(self):
        """Whether what is left of the time is needed to write what there is."""
        writing = (self.limits.bytes - self.left) * _PER_BYTE + len(self.waiting) * _PER_VALUE
        return _used() + writing > self.deadline or _now() > self.last

    def put(self, value, depth, holder, key, name=None):
        """Sees to holder[key]: at once where that is quick, else by queueing."""
        self.steps += 1
        i = id(type(value))
        if name is not None and self.secret(name, value, i):
            holder[key] = {"cut": "secret"}
            self.left -= 17
            return
        quick = _QUICK.get(i)
        if quick is not None:
            holder[key] = quick(self, value)
            return
        self.left -= _ROOM
        soon = i in _CONTAINERS or i in _LEAVES or i in _MADE or self.info(type(value)).own
        (self.waiting if soon else self.later).append((value, depth, holder, key))

    def secret(self, name, value, i):
        """Whether a name makes its value secret."""
        level = _names.sensitivity(name)
        if not level or value is None or value is True or value is False:
            return False
        if i in _TEXTS:
            return len(value) > 0
        return level == _names.STRONGLY and i not in _NUMBERS

    def node(self, v, depth):
        """The node of a value that is none of the quick ones."""
        t = type(v)
        leaf = _LEAVES.get(id(t))
        if leaf is not None:
            return leaf(self, v)
        found = self.seen.get(id(v))
        if found is not None:
            return self.again(found[0])
        info = self.info(t)
        if info.metaclass:
            return self.named(_classes.name_of_class(v))
        if info.enum:
            return self.member(v, info, depth)
        node = {}
        if id(t) not in _IMMUTABLE:
            self.seen[id(v)] = (node, v)
        if depth >= self.limits.depth:
            self.cut.add("depth")
            self.left -= len(info.name) + 26
            node.update({"cut": "depth", "type": info.name})
            return node
        container = _CONTAINERS.get(id(t))
        made = _MADE.get(id(t))
        if container is not None:
            self.fill(node, container[0], v, container[1], depth)
        elif made is not None:
            made(self, node, v, depth)
        else:
            self.object(node, v, info, depth)
        return node

    def again(self, node):
        """A reference to a value that has been described."""
        if "id" not in node:
            node["id"] = self.next_id
            self.next_id += 1
            self.left -= 10
        self.left -= 10
        return {"ref": node["id"]}

    def named(self, name):
        self.left -= len(name) + 11
        return {"name": name}

    def source(self, v):
        """A value whose repr is Python source for it."""
        text = repr(v)
        self.left -= len(text) + 10
        return {"repr": text}

    def fill(self, node, kind, v, base, depth):
        """The items of a built-in container, or of an instance of a subclass."""
        limit = self.room()
        if base is dict:
            items = list(_islice(dict.items(v), limit))
            made = node[kind] = []
            for k, value in items:
                pair = [None, None]
                made.append(pair)
                self.put(k, depth + 1, pair, 0)
                self.put(value, depth + 1, pair, 1, k if type(k) is str else None)
        else:
            items = list(_islice(base.__iter__(v), limit))
            made = node[kind] = [None] * len(items)
            for i, item in enumerate(items):
                self.put(item, depth + 1, made, i)
        size = base.__len__(v)
        if size > len(items):
            node["len"] = size
            self.cut.add("items")

    def room(self):
        """How many items a container may have."""
        return min(self.limits.items, max(0, self.left // _ROOM // _SHARE))

    def inner(self, kind, v, base, depth):
        """A container's node, for one that is an argument of a call."""
        node = {}
        self.fill(node, kind, v, base, depth)
        return node

    def call(self, node, name, args=(), kwargs=(), depth=0):
        """A call that makes the value: of name, with args and (name, value) pairs."""
        node["call"] = name
        self.left -= len(name) + 20
        if args:
            node["args"] = [None] * len(args)
            for i, a in enumerate(args):
                self.put(a, depth + 1, node["args"], i)
        if kwargs:
            node["kwargs"] = [[k, None] for k, _ in kwargs]
            for pair, (k, value) in zip(node["kwargs"], kwargs):
                self.put(value, depth + 1, pair, 1, k)

    def member(self, v, info, depth):
        """An enumeration's member by its name, or a combination of flags by its value."""
        mine = info.dict_of(v)
        name, members = mine.get("_name_"), _classes.class_dict(info.cls).get("_member_map_")
        if type(name) is str and type(members) is dict and members.get(name) is v:
            return self.named(info.name + "." + name)
        node = {}
        self.call(node, info.name, [mine.get("_value_")], depth=depth)
        return node

    def object(self, node, v, info, depth):
        self.left -= len(info.name) + 12
        if info.native or info.dict_of is None and not info.slots and info.base is None and not info.error and not info.own:
            node["opaque"] = info.name
            return
        node["object"] = info.name
        if info.error:
            self.fill(node, "args", _args_of(v), tuple, depth)
        elif info.base is not None:
            self.based(node, v, info, depth)
        if info.fields:
            node["fields"] = info.fields
        if info.init is not None:
            node["init"] = [p if p == a else [p, a] for p, a in info.init]
            self.left -= sum(len(p) + 3 for p, _ in info.init)
        self.attributes(node, v, info, depth)

    def based(self, node, v, info, depth):
        """What an instance of a built-in type's subclass holds."""
        base = info.base
        container = _CONTAINERS.get(id(base))
        if container is not None:
            self.fill(node, container[0], v, base, depth)
            if info.mapping:
                node["mapping"] = info.mapping
        elif base is collections.deque:
            self.fill(node, "list", v, base, depth)
        else:
            node["value"] = None
            bare = base.__getitem__(v, slice(None)) if id(base) in _TEXTS else base.__pos__(v)
            self.put(bare, depth + 1, node, "value")

    def attributes(self, node, v, info, depth):
        attrs = []
        if info.dict_of is not None:
            mine = info.dict_of(v)
            if type(mine) is dict:
                limit = self.room()
                attrs = [(k, value) for k, value in list(_islice(dict.items(mine), limit)) if type(k) is str]
                if len(mine) > limit:
                    node["missing"] = len(mine) - limit
                    self.cut.add("items")
        for name, get in info.slots:
            if name not in ("__dict__", "__weakref__"):
                try:
                    attrs.append((name, get(v)))
                except AttributeError:  # not set
                    pass
        if attrs:
            if info.guards is True or info.guards and any(name in info.guards for name, _ in attrs):
                node["guarded"] = True
            made = node["attrs"] = []
            for name, value in attrs:
                pair = [name, None]
                made.append(pair)
                self.left -= len(name) + 6
                self.put(value, depth + 1, pair, 1, name)


# Values that need no queueing, by the ids of their types.

def _text(walk, v):
    size = len(v)
    if size > walk.limits.string:
        walk.left -= 120
        walk.cut.add("length")
        return {"cut": "length", "type": "str", "head": v[:80].encode(errors="replace").decode(), "len": size}
    if not v.isascii():
        try:
            size = len(v.encode())
        except UnicodeEncodeError:  # lone surrogates, which JSON cannot carry
            text = ascii(v)
            walk.left -= len(text)
            return {"repr": text}
    walk.left -= size + 3
    if "://" in v and "@" in v:
        hidden = _password.sub(r"\1[Filtered]\2", v)
        if hidden != v:
            return {"cut": "secret", "head": hidden[:200]}
    return v


def _integer(walk, v):
    if -_HUGE < v < _HUGE:
        walk.left -= 4 if -9999 < v < 9999 else 1 + v.bit_length() // 3
        return v
    walk.cut.add("length")
    return {"cut": "length", "type": "int"}


_HUGE = 1 << 2000  # writing larger integers takes long, or is forbidden


def _float(walk, v):
    walk.left -= 12
    return v if v - v == 0 else {"repr": repr(v)}


def _constant(walk, v):
    walk.left -= 5
    return v


_QUICK = {id(str): _text, id(int): _integer, id(float): _float, id(bool): _constant, id(type(None)): _constant}


# Values without parts of the program's.

def _bytes(walk, v):
    if len(v) > walk.limits.string:
        walk.cut.add("length")
        return {"cut": "length", "type": type(v).__name__, "len": len(v)}
    return walk.source(v)


def _function(walk, v):
    return walk.named(_classes.name_of_function(v))


def _module(walk, v):
    name = _module_dict(v).get("__name__")
    return walk.named(_classes.module_name(name)) if type(name) is str else {"opaque": "types:ModuleType"}


def _method(walk, v):
    owner, function = v.__self__, v.__func__
    if type(function) is not types.FunctionType:
        return {"opaque": "types:MethodType"}
    if _classes.same(type, _classes.class_mro(type(owner))):  # a class method
        return walk.named(_classes.name_of_class(owner) + "." + function.__name__)
    return _bound(walk, function.__name__, owner)


def _builtin(walk, v):
    owner, name, module = v.__self__, v.__name__, v.__module__
    if type(owner) is types.ModuleType and type(module) is str:
        return walk.named(module + ":" + name)
    if owner is None or type(owner) is type:
        return {"opaque": "types:BuiltinFunctionType"}
    return _bound(walk, name, owner)


def _bound(walk, name, owner):
    node = {"method": name, "self": None}
    walk.left -= len(name) + 25
    walk.put(owner, 1, node, "self")
    return node


def _object(walk, v):
    return {"call": "builtins:object"}


_LEAVES = {id(bytes): _bytes, id(bytearray): _bytes, id(object): _object, id(types.FunctionType): _function,
           id(types.ModuleType): _module, id(types.MethodType): _method, id(types.BuiltinFunctionType): _builtin}
for _t in (complex, range, type(...), type(NotImplemented), decimal.Decimal, fractions.Fraction, uuid.UUID, datetime.date, datetime.timedelta,
           datetime.timezone, pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath):
    _LEAVES[id(_t)] = Walk.source
_ZONES = [type(None), datetime.timezone]
try:
    import zoneinfo
    _ZONES.append(zoneinfo.ZoneInfo)
    _LEAVES[id(zoneinfo.ZoneInfo)] = Walk.source
except ImportError:  # Python 3.8
    pass


# Values of the standard library's that a call makes, by exact type.

def _moment(walk, node, v, depth):
    zone = v.tzinfo
    if _classes.same(type(zone), _ZONES):
        node.update(walk.source(v))
    else:
        parts = [v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond]
        walk.call(node, "datetime:datetime", parts, [("tzinfo", zone)], depth)


def _clock(walk, node, v, depth):
    zone = v.tzinfo
    if _classes.same(type(zone), _ZONES):
        node.update(walk.source(v))
    else:
        walk.call(node, "datetime:time", [v.hour, v.minute, v.second, v.microsecond], [("tzinfo", zone)], depth)


def _slice(walk, node, v, depth):
    walk.call(node, "builtins:slice", [v.start, v.stop, v.step], depth=depth)


def _pattern(walk, node, v, depth):
    flags = v.flags & ~int(re.UNICODE) if type(v.pattern) is str else v.flags
    walk.call(node, "re:compile", [v.pattern, flags] if flags else [v.pattern], depth=depth)


def _partial(walk, node, v, depth):
    kwargs = [(k, value) for k, value in list(_islice(dict.items(v.keywords), 100)) if type(k) is str]
    walk.call(node, "functools:partial", (v.func,) + v.args[:100], kwargs, depth)


def _mapping(name):
    def made(walk, node, v, depth):
        walk.call(node, name, depth=depth)
        node["args"] = [walk.inner("dict", v, dict, depth)]
    return made


def _default(walk, node, v, depth):
    walk.call(node, "collections:defaultdict", [v.default_factory], depth=depth)
    node["args"].append(walk.inner("dict", v, dict, depth))


def _deque(walk, node, v, depth):
    walk.call(node, "collections:deque", (), [("maxlen", v.maxlen)] if v.maxlen is not None else (), depth)
    node["args"] = [walk.inner("list", v, collections.deque, depth)]


def _namespace(walk, node, v, depth):
    pairs = [(k, value) for k, value in list(_islice(v.__dict__.items(), walk.limits.items)) if type(k) is str]
    walk.call(node, "types:SimpleNamespace", (), pairs, depth)


def _logger(walk, node, v, depth):
    walk.call(node, "logging:getLogger", [v.__dict__.get("name")], depth=depth)


def _address(name):
    return lambda walk, node, v, depth: walk.call(node, name, [str(v)], depth=depth)


def _plain(name):
    return lambda walk, node, v, depth: walk.call(node, name, depth=depth)


_MADE = {id(datetime.datetime): _moment, id(datetime.time): _clock, id(slice): _slice, id(type(re.compile(""))): _pattern,
         id(functools.partial): _partial, id(collections.OrderedDict): _mapping("collections:OrderedDict"),
         id(collections.Counter): _mapping("collections:Counter"), id(collections.defaultdict): _default,
         id(collections.deque): _deque, id(types.SimpleNamespace): _namespace, id(logging.Logger): _logger,
         id(type(threading.Lock())): _plain("threading:Lock"), id(type(threading.RLock())): _plain("threading:RLock")}
_IMMUTABLE = {id(datetime.datetime), id(datetime.time), id(slice), id(type(re.compile("")))}  # which of two it is makes no difference
for _t in ("IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network", "IPv4Interface", "IPv6Interface"):
    _MADE[id(getattr(ipaddress, _t))] = _address("ipaddress:" + _t)
