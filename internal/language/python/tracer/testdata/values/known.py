"""How values of well-known types are shown, and light values."""
import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import io
import json
import logging
import os
import pathlib
import re
import sys
import threading
import types
import unittest.mock
import uuid

from common import STANDARD, check, names, parse, renderer


class Cart(object):
    shared = []

    def __init__(self):
        self.name = "a"


class Reduced(object):
    def __reduce__(self):
        return Reduced, ()


class Meta(type):
    pass


WithMeta = Meta("WithMeta", (), {})


class Slots(object):
    __slots__ = ("a", "b")


class Color(enum.Enum):
    RED = 1


class Perm(enum.IntFlag):
    R = 4
    W = 2


class Level(enum.IntEnum):
    LOW = 1


class Zone(datetime.tzinfo):
    def utcoffset(self, d):
        raise SystemExit

    tzname = dst = __repr__ = utcoffset


class Stamp(datetime.datetime):
    pass


class Names(list):
    pass


Point = collections.namedtuple("Point", "x y")


class Point3(Point):
    def __new__(cls, x):
        return Point.__new__(cls, x, 0)


def local():
    class Local(object):
        pass
    return Local()


def generator():
    yield


slots = Slots()
slots.a = 1
ordered = collections.OrderedDict([("b", 1), ("a", 2)])
ordered.move_to_end("b")
plain = '{"t":"%s","m":"__main__","id":1%s}'
CASES = [
    # value, key, what it is; None: absent
    (Cart(), "f", [["name", "'a'"]]), (Cart(), "new", "__main__.Cart"), (Cart(), "cf", [["shared", {"t": "list", "id": 2, "n": 0, "r": "[]", "lit": 1}]]),
    (Reduced(), "new", None), (WithMeta(), "new", None), (local(), "new", None), (slots, "new", "__main__.Slots"), (slots, "f", [["a", "1"]]),
    (Color.RED, "re", "__main__.Color.RED"), (Color.RED, "r", "Color.RED"), (Perm.R | Perm.W, "re", "__main__.Perm(6)"), (Level.LOW, "re", "__main__.Level.LOW"),
    (Point(1, "b"), "re", "__main__.Point(x=1, y='b')"), (Point(1, "b"), "f", [["x", "1"], ["y", "'b'"]]), (Point(1, Cart()), "re", None),
    (Point3(1), "re", None), (Point3(1), "f", [["x", "1"], ["y", "0"]]),
    (datetime.date(2024, 1, 2), "re", "datetime.date(2024, 1, 2)"), (datetime.date(2024, 1, 2), "id", None),
    (datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc), "re", "datetime.datetime(2024, 1, 2, 0, 0, tzinfo=datetime.timezone.utc)"),
    (datetime.datetime(2024, 1, 2, 3, tzinfo=Zone()), "re", None), (datetime.datetime(2024, 1, 2, 3, tzinfo=Zone()), "r", "datetime(2024, 1, 2, 3, 0)"),
    (Stamp(2024, 1, 2), "r", "datetime(2024, 1, 2, 0, 0)"), (Stamp(2024, 1, 2), "re", None), (datetime.time(1, 2, tzinfo=Zone()), "re", None),
    (decimal.Decimal("1.50"), "re", "decimal.Decimal('1.50')"), (decimal.Decimal("1" * 5000), "re", None), (fractions.Fraction(1, 2), "re", "fractions.Fraction(1, 2)"),
    (uuid.UUID(int=5), "re", "uuid.UUID('00000000-0000-0000-0000-000000000005')"), (pathlib.PurePosixPath("/a/b"), "re", "pathlib.PurePosixPath('/a/b')"),
    (re.compile("a+", re.I), "re", "re.compile('a+', 2)"), (range(3), "re", "range(0, 3)"), (slice(1, None), "re", "slice(1, None, None)"), (slice(Cart()), "re", None),
    (collections.deque([1], 5), "re", "collections.deque([1], 5)"), (collections.deque([1], 5), "e", ["1"]), (collections.deque([Cart()]), "re", None),
    (ordered, "re", "collections.OrderedDict([('a', 2), ('b', 1)])"), (collections.defaultdict(list, {"a": 1}), "re", "collections.defaultdict(list, {'a': 1})"),
    (collections.defaultdict(local), "re", None), (collections.Counter("aa"), "re", "collections.Counter({'a': 2})"), (collections.Counter("aa"), "kv", [["'a'", "2"]]),
    (types.SimpleNamespace(a=1), "re", "types.SimpleNamespace(a=1)"), (types.SimpleNamespace(a=1), "f", [["a", "1"]]), (array.array("i", [1]), "re", "array.array('i', [1])"),
    (functools.partial(len, [1]), "f", [["func", {"t": "builtin_function_or_method", "id": 2, "r": "len", "re": "len"}], ["args", "([1],)"], ["keywords", {"t": "dict", "id": 3, "n": 0, "r": "{}", "lit": 1}]]),
    (unittest.mock.Mock(name="m"), "r", "'m'"), (logging.getLogger("a.b"), "r", "'a.b'"), (generator(), "r", "generator"), (sys._getframe(), "r", "<module>"),
    (threading.Lock(), "r", None), (len, "re", "len"), (json.loads, "re", "json.loads"), (Cart, "re", "__main__.Cart"), (json, "re", "json"), (lambda: 1, "re", None),
    (os.path, "re", "posixpath"), (set(), "re", "set()"), (frozenset([2, 1]), "re", "frozenset({1, 2})"), (1 + 2j, "re", "complex(1.0, 2.0)"), (float("inf"), "re", "float('inf')"),
    (bytearray(b"ab"), "re", "bytearray(b'ab')"), (bytearray(b"ab"), "id", 1), (Ellipsis, "re", "Ellipsis"), (ValueError("x", 1), "a", ["'x'", "1"]),
    ([datetime.date(2024, 1, 2), 1], "re", "[datetime.date(2024, 1, 2), 1]"), ((decimal.Decimal(1),), "re", "(decimal.Decimal('1'),)"), ({"d": {1: uuid}}, "re", "{'d': {1: uuid}}"),
    ([Cart()], "re", None), (Names([1]), "e", ["1"]), (Names([1]), "new", None), (io.StringIO("x"), "r", None), (open(os.devnull), "r", repr(os.devnull)),
    (open(os.devnull, "rb", 0), "r", repr(os.devnull)),
]
scope = names(*STANDARD)
for v, key, want in CASES:
    r = renderer()
    d = parse(r.value(v))
    got = None if type(d) is str else d.get(key)
    assert got == want, (v, key, "got", got, "want", want, d)
    if key != "re" or "SimpleNamespace" not in str(want):
        check(v, r.value(v), scope)

if sys.version_info >= (3, 7):
    exec('''
import dataclasses

@dataclasses.dataclass
class Line:
    item: str
    count: int = 1
    tags: list = dataclasses.field(default_factory=list)

@dataclasses.dataclass
class Checked:
    x: int
    def __post_init__(self):
        self.x += 1

@dataclasses.dataclass
class Order:
    line: Line
    when: datetime.date

class Sub(Line):
    pass
''')
    for v, re_, new in [(Line("a"), "__main__.Line(item='a', count=1, tags=[])", "__main__.Line"), (Checked(1), None, "__main__.Checked"),
                        (Order(Line("a", 2), datetime.date(2024, 1, 2)), "__main__.Order(line=__main__.Line(item='a', count=2, tags=[]), when=datetime.date(2024, 1, 2))", "__main__.Order"),
                        (Order(Line(Cart()), None), None, "__main__.Order"), (Sub("b"), "__main__.Sub(item='b', count=1, tags=[])", "__main__.Sub")]:
        d = parse(renderer().value(v))
        assert (d.get("re"), d.get("new")) == (re_, new), d
        if re_:
            check(v, renderer().value(v), scope)
    extra = Line("a")
    extra.more = 1
    assert "re" not in parse(renderer().value(extra))
    assert '"re"' not in renderer().value(Line({"password": "x"}))

# Light values.
r = renderer()
cart = Cart()
for v, want in [(5, '"5"'), (-1, '"-1"'), (1 << 70, '"%d"' % (1 << 70)), ("a", '"\'a\'"'), (None, '"None"'), (True, '"True"'), (2.5, '"2.5"'), (b"x", '"b\'x\'"'), ((), '"()"'),
                ((1, 2), '{"t":"tuple","n":2,"cut":1}'), ([1], '{"t":"list","id":1,"n":1,"cut":1}'), ({"a": 1}, '{"t":"dict","id":2,"n":1,"cut":1}'),
                ({1}, '{"t":"set","id":3,"n":1,"cut":1}'), (cart, '{"t":"Cart","m":"__main__","id":4,"cut":1}'), ([], '{"t":"list","id":5,"n":0,"r":"[]","lit":1}')]:
    kept = globals().setdefault("kept", [])
    kept.append(v)
    assert r.light(v) == want, (r.light(v), want)
assert r.light("x" * 1000) == r.value("x" * 1000)
assert r.light_named("cart", cart) == '["cart",{"t":"Cart","m":"__main__","id":4,"cut":1}]'
assert parse(r.light_named("password", "x")) == parse(r.named("password", "x")) == ["password", {"t": "str", "masked": 1}]
assert parse(r.value(cart))["id"] == 4, "a tag is the same in both"

# T22: what rendering does is the same for any size.
def events(v):
    n = [0]

    def count(frame, event, arg):
        n[0] += 1
    r.value(v)
    sys.setprofile(count)
    r.value(v)
    sys.setprofile(None)
    return n[0]


for make in (lambda n: "x" * n, lambda n: b"x" * n, lambda n: list(range(n)), lambda n: tuple(range(n)), lambda n: set(range(n)), lambda n: {i: i for i in range(n)},
             lambda n: [[j for j in range(40)] for i in range(n)], lambda n: collections.deque(range(n)), lambda n: bytearray(n), lambda n: Names(range(n)),
             lambda n: [Cart() for _ in range(n)], lambda n: {"%d" % i: Cart() for i in range(n)}):
    few, many = events(make(200)), events(make(60000))
    assert many <= few + 2 and many < 2500, (few, many, type(make(1)))
    assert len(r.value(make(60000))) < 4000
wide = Cart()
wide.__dict__.update(("a%d" % i, Cart()) for i in range(5000))
assert events(wide) < 2500 and '"cut":1' in r.value(wide)

# A type that the interpreter has not made ready before 3.10, and what it holds.
import sys

from repaird_tracer.values import unwrapped

wrapped = []


def note(frame, event, arg):
    if event == "return" and frame.f_code.co_name == "agen":
        wrapped.append(arg)
    return note


async def agen():
    yield {"v": 1}

sys.settrace(note)
try:
    agen().asend(None).send(None)
except StopIteration:
    pass
sys.settrace(None)
r = renderer()
assert type(wrapped[0]).__name__ == "async_generator_wrapped_value" and unwrapped(wrapped[0]) == {"v": 1} and unwrapped(5) == 5
for rendered in (r.value(wrapped[0]), r.light(wrapped[0]), r.value([wrapped[0], 1]), r.message(ValueError(wrapped[0]))):
    assert "async_generator_wrapped_value" in rendered, rendered

# Numbers of objects do not come again.
before = r.tag(note)
r.tags.update((-n, n) for n in range(1, 500003))
other = object()
assert r.tag(other) > before
assert len(r.tags) < 10 and r.tag(note) > r.tag(other)
