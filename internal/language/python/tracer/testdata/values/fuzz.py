"""Random structures: what is written is valid, and what is said to be a literal
or an expression gives an equal value."""
import collections
import datetime
import decimal
import enum
import fractions
import pathlib
import random
import re
import sys
import uuid

from common import STANDARD, check, names, parse, renderer


class Plain(object):
    pass


class Color(enum.Enum):
    RED = 1
    GREEN = "g"


class Perm(enum.IntFlag):
    R = 4
    W = 2


Point = collections.namedtuple("Point", "x y")
rnd = random.Random(7)
letters = "ab'\"\\\n\t\x00\x7f \u00e9\u2028\ud800\U0001f600{}[],:#_-"


def text(n=30):
    return "".join(rnd.choice(letters) for _ in range(rnd.randrange(n)))


SCALARS = [
    lambda: None, lambda: True, lambda: False, lambda: rnd.randrange(-300, 300), lambda: rnd.randrange(-1 << 80, 1 << 80),
    lambda: 10 ** 400, lambda: rnd.uniform(-1e9, 1e9), lambda: rnd.choice([float("nan"), float("inf"), -float("inf"), -0.0, 1e308, 5e-324]),
    text, lambda: text(300), lambda: bytes(rnd.randrange(256) for _ in range(rnd.randrange(40))),
    lambda: complex(rnd.choice([0.0, -0.0, 1.5, float("inf")]), rnd.choice([-0.0, 2.0])),
    lambda: datetime.date(2024, 1, rnd.randrange(1, 28)), lambda: datetime.datetime(2024, 1, 2, 3, 4, 5, rnd.randrange(9)),
    lambda: datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2), "x'y")),
    lambda: datetime.time(1, 2, 3), lambda: datetime.timedelta(rnd.randrange(9), rnd.randrange(9), rnd.randrange(9)),
    lambda: decimal.Decimal(rnd.choice(["1.50", "-0", "NaN", "Infinity", "1E+30"])), lambda: fractions.Fraction(rnd.randrange(9), 7),
    lambda: uuid.UUID(int=rnd.randrange(1 << 128)), lambda: rnd.choice([Color.RED, Color.GREEN, Perm.R, Perm.R | Perm.W]),
    lambda: pathlib.PurePosixPath("/" + text(9).replace("\x00", "") + "/b"), lambda: pathlib.Path("a", "..", "b"), lambda: pathlib.PureWindowsPath("c:\\x"),
    lambda: re.compile(rnd.choice(["a+", "(?i)b", "'\n"]), rnd.choice([0, re.I, re.M | re.S])), lambda: re.compile(b"x"),
    lambda: range(rnd.randrange(9)), lambda: range(1, 10 ** 30, 2), lambda: slice(1, None), lambda: Ellipsis, lambda: NotImplemented,
    lambda: len, lambda: int, lambda: sys, lambda: collections.OrderedDict, lambda: text,
]


def scalar():
    return rnd.choice(SCALARS)()


def hashable(depth):
    if depth and rnd.random() < .3:
        return tuple(hashable(depth - 1) for _ in range(rnd.randrange(3)))
    while True:
        v = scalar()
        try:
            hash(v)
            return v
        except TypeError:
            pass


def value(depth):
    if depth == 0 or rnd.random() < .35:
        return scalar()
    n = rnd.choice([0, 1, 2, 3, 3, 5, 5, 40])
    kind = rnd.randrange(13)
    if kind < 2:
        return [value(depth - 1) for _ in range(n)]
    if kind < 4:
        return {rnd.choice([text(9), hashable(1)]): value(depth - 1) for _ in range(n)}
    if kind == 4:
        return tuple(value(depth - 1) for _ in range(n))
    if kind == 5:
        return {hashable(1) for _ in range(n)}
    if kind == 6:
        return frozenset(hashable(1) for _ in range(n))
    if kind == 7:
        return Point(value(depth - 1), value(depth - 1))
    if kind == 8:
        return collections.deque([value(depth - 1) for _ in range(n)], rnd.choice([None, 50]))
    if kind == 9:
        return collections.OrderedDict((text(5), value(depth - 1)) for _ in range(n))
    if kind == 10:
        d = collections.defaultdict(rnd.choice([list, None, lambda: 1]))
        d["k"] = value(depth - 1)
        return d
    if kind == 11:
        return collections.Counter(text(9))
    v = Plain()
    v.a, v.__dict__[text(5)] = value(depth - 1), value(depth - 1)
    return v


scope, counts = names(*STANDARD), collections.Counter()
for bounds in ({}, {"max_chars": 60, "max_items": 4}, {"max_chars": 5000, "max_items": 100, "max_depth": 6}):
    r = renderer(**bounds)
    for _ in range(1000):
        v = value(rnd.randrange(4))
        rendered = r.value(v)
        assert len(rendered) < 60 * r.max_chars + 2000, (len(rendered), r.max_chars)
        counts[check(v, rendered, scope)] += 1
        check(v, r.light(v), scope)
        assert parse(r.named("x", v)) and parse(r.light_named("pass word", v))
        assert rendered == r.value(v), (rendered, r.value(v))
assert min(counts["lit"], counts["re"], counts[""]) > 100, counts
