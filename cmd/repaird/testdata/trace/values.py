"""Values of every kind, for what prints them."""
import collections
import datetime
import decimal
import enum


class Point:
    origin = None

    def __init__(self, x, y):
        self.x, self.y = x, y


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a


class Color(enum.Enum):
    RED = 1


class Stack(list):
    pass


class Problem(Exception):
    def __init__(self, code, detail):
        super().__init__(code)
        self.detail = detail


Pair = collections.namedtuple("Pair", "left right")


def look(value):
    return value


def fail(password, point):
    raise Problem(7, {"password": password, "point": point})


def main():
    loop = [1]
    loop.append(loop)
    node = Point(None, {"deep": [[[[[["end"]]]]]]})
    node.x = node
    stack = Stack([1, 2])
    stack.name = "odd"
    for value in (
            None, True, 12, -1.5, float("nan"), float("inf"), 2 + 3j, "it's", 'a "b"\n\t\\', "long " * 200, b"by\x00tes", bytearray(b"ab"),
            [], [1, "a", None], list(range(100)), (), (1,), (1, (2, 3)), set(), {3}, frozenset([4]), {}, {"a": 1, 2: [3]}, {(1, 2): {"b": ()}},
            dict.fromkeys(range(60)), loop, node, Point(1, [Point(2, 3)]), Slotted(1), Color.RED, stack, Pair(1, [2]), collections.OrderedDict(a=1),
            collections.defaultdict(list, a=[1]), collections.deque([1, 2], 5), collections.Counter("aab"), decimal.Decimal("1.50"),
            datetime.datetime(2020, 1, 2, 3, 4, 5), datetime.timedelta(seconds=5), range(3), look, Point, Point.__init__, len, collections,
            slice(1, 2), object, NotImplemented, Ellipsis, ValueError("x", 1), iter([1]), {"password": "hunter2", "api_key": "k-1"}):
        look(value)
    try:
        fail("secret", Point(1, 2))
    except Problem as error:
        caught = error
    return caught.detail


main()
