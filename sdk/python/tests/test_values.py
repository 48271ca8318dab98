"""What is described of values, whatever they are."""

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import json
import operator
import pathlib
import re
import threading
import time
import types
import typing
import unittest
import uuid

import crashing
from repaird_evidence import Recorder


class Color(enum.Enum):
    RED = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Line:
    sku: str
    quantity: int = 1
    seen: list = dataclasses.field(default_factory=list, init=False)


@dataclasses.dataclass
class OwnConstructor(Line):
    def __init__(self):
        super().__init__("x")


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int


class Point(typing.NamedTuple):
    x: int
    y: int


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def method(self):
        pass


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1


class Custom(Exception):
    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


class Table(dict):
    pass


class Ordered(collections.OrderedDict):
    pass


class Defaults(collections.defaultdict):
    pass


class Cents(int):
    pass


def document(value, recorder=None):
    """The document of an exception in a frame whose only variable, v, has the value."""
    recorder = recorder or Recorder(time=10)
    recorder.not_in_app = (HERE,)
    try:
        crashing.crash(value)
    except ValueError as e:
        return json.loads(recorder.describe(e))


def node(value, recorder=None):
    """The node of one value."""
    (frame,) = document(value, recorder)["exceptions"][0]["frames"]
    (variable,) = frame["locals"]
    return variable[1]


HERE = __name__


class Kinds(unittest.TestCase):
    def check(self, value, want):
        self.assertEqual(node(value), want)

    def test_scalars_stand_for_themselves(self):
        for value in (None, True, False, 0, -5, 10**30, 1.5, -0.0, "", "häß", "a\nb"):
            self.check(value, value)

    def test_scalars_that_json_lacks_are_source(self):
        self.check(float("inf"), {"repr": "inf"})
        self.check("\ud800", {"repr": "'\\ud800'"})
        self.check(1j, {"repr": "1j"})
        self.check(b"a\x00", {"repr": "b'a\\x00'"})
        self.check(bytearray(b"a"), {"repr": "bytearray(b'a')"})
        self.check(range(1, 9, 2), {"repr": "range(1, 9, 2)"})
        self.check(..., {"repr": "Ellipsis"})

    def test_containers_are_told_apart(self):
        self.check([1, 2], {"list": [1, 2]})
        self.check((1,), {"tuple": [1]})
        self.check({1}, {"set": [1]})
        self.check(frozenset({1}), {"frozenset": [1]})
        self.check({("a", 1): 2, 3: 4, None: 5, "s": 6}, {"dict": [[{"tuple": ["a", 1]}, 2], [3, 4], [None, 5], ["s", 6]]})

    def test_more_than_ten_entries_are_kept(self):
        self.assertEqual(node(list(range(500))), {"list": list(range(500))})

    def test_values_of_the_standard_library_are_source_or_calls(self):
        u = uuid.UUID(int=5)
        self.check(decimal.Decimal("1.20"), {"repr": "Decimal('1.20')"})
        self.check(u, {"repr": repr(u)})
        self.check(datetime.date(2020, 2, 3), {"repr": "datetime.date(2020, 2, 3)"})
        moment = datetime.datetime(2020, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        self.check(moment, {"repr": repr(moment)})
        self.check(pathlib.PurePosixPath("/a"), {"repr": "PurePosixPath('/a')"})
        self.check(re.compile("a+", re.I), {"call": "re:compile", "args": ["a+", 2]})
        self.check(re.compile("a+"), {"call": "re:compile", "args": ["a+"]})
        self.check(collections.OrderedDict(a=1), {"call": "collections:OrderedDict", "args": [{"dict": [["a", 1]]}]})
        self.check(collections.deque([1], 3), {"call": "collections:deque", "args": [{"list": [1]}], "kwargs": [["maxlen", 3]]})
        self.check(collections.defaultdict(list), {"call": "collections:defaultdict", "args": [{"name": "builtins:list"}, {"dict": []}]})
        self.check(types.SimpleNamespace(a=1), {"call": "types:SimpleNamespace", "kwargs": [["a", 1]]})
        self.check(slice(1, None), {"call": "builtins:slice", "args": [1, None, None]})
        self.check(functools.partial(int, base=2), {"call": "functools:partial", "args": [{"name": "builtins:int"}], "kwargs": [["base", 2]]})
        self.check(threading.Lock(), {"call": "threading:Lock"})

    def test_a_zone_of_the_programs_is_described_not_asked(self):
        class Zone(datetime.tzinfo):
            def utcoffset(self, moment):
                raise AssertionError("asked")
        got = node(datetime.datetime(2020, 1, 2, 3, tzinfo=Zone()))
        self.assertEqual(got["call"], "datetime:datetime")
        self.assertEqual(got["args"], [2020, 1, 2, 3, 0, 0, 0])

    def test_names(self):
        self.check(Color.RED, {"name": HERE + ":Color.RED"})
        self.check(Access.READ | Access.WRITE, {"call": HERE + ":Access", "args": [3]})
        self.check(Plain, {"name": HERE + ":Plain"})
        self.check(node, {"name": HERE + ":node"})
        self.check(json, {"name": "json"})
        self.check(len, {"name": "builtins:len"})
        self.check(operator.add, {"name": "_operator:add"})

    def test_a_name_that_does_not_lead_back_is_marked(self):
        def inner():
            pass
        hidden = type("Plain", (), {"__module__": HERE})
        self.assertIn("<locals>", node(inner)["name"])
        self.assertEqual(node(hidden), {"name": HERE + ":<locals>.Plain"})
        self.assertIn("<lambda>", node(lambda: 1)["name"])

    def test_methods(self):
        p = Plain()
        self.check(p.method, {"method": "method", "self": {"object": HERE + ":Plain"}})
        self.check([].append, {"method": "append", "self": {"list": []}})

    def test_objects_by_their_attributes(self):
        self.check(Plain(a=[1], b=None), {"object": HERE + ":Plain", "attrs": [["a", {"list": [1]}], ["b", None]]})
        self.check(Slotted(), {"object": HERE + ":Slotted", "attrs": [["a", 1]]})
        self.check(Custom("x", 3), {"object": HERE + ":Custom", "args": ["x"], "attrs": [["code", 3]]})
        self.check(Table(a=1), {"object": HERE + ":Table", "dict": [["a", 1]]})
        self.check(Ordered(a=1), {"object": HERE + ":Ordered", "dict": [["a", 1]], "mapping": "collections:OrderedDict"})
        self.check(Defaults(list), {"object": HERE + ":Defaults", "dict": [], "mapping": "collections:defaultdict",
                                    "attrs": [["default_factory", {"name": "builtins:list"}]]})
        self.check(Cents(5), {"object": HERE + ":Cents", "value": 5})

    def test_records_say_what_their_constructor_takes(self):
        self.check(Line("a"), {"object": HERE + ":Line", "init": ["sku", "quantity"],
                               "attrs": [["sku", "a"], ["quantity", 1], ["seen", {"list": []}]]})
        self.assertNotIn("init", node(OwnConstructor()))
        self.check(Frozen(1), {"object": HERE + ":Frozen", "init": ["a"], "attrs": [["a", 1]], "guarded": True})
        self.check(Point(1, 2), {"object": HERE + ":Point", "tuple": [1, 2], "fields": ["x", "y"]})

    def test_attrs_and_pydantic(self):
        try:
            import attr
            import pydantic
        except ImportError:
            self.skipTest("attrs and pydantic are not installed")

        @attr.s
        class Record:
            _hidden = attr.ib()

        class Model(pydantic.BaseModel):
            a: int
            b: str = "x"

        self.assertEqual(node(Record(hidden=1))["init"], [["hidden", "_hidden"]])
        self.assertEqual(node(Model(a=1))["init"], ["a", "b"])

    def test_what_c_code_holds_is_opaque(self):
        for value in (iter([]), (x for x in ()), threading.local(), re.match("a", "a")):
            self.assertEqual(list(node(value)), ["opaque"])

    def test_one_object_is_described_once(self):
        shared = [1]
        self.check([shared, shared], {"list": [{"list": [1], "id": 1}, {"ref": 1}]})

    def test_objects_may_contain_themselves(self):
        p = Plain()
        p.me = p
        self.check(p, {"object": HERE + ":Plain", "attrs": [["me", {"ref": 1}]], "id": 1})


class Hostile:
    """Fails at whatever runs code of its class."""

    def __getattribute__(self, name):
        raise SystemExit("__getattribute__")

    def fail(self, *args):
        raise SystemExit("asked")

    __repr__ = __str__ = __len__ = __iter__ = __eq__ = __hash__ = __bool__ = __getattr__ = __getitem__ = __contains__ = fail
    __class__ = property(fail)
    __dict__ = property(fail)


class HostileMeta(type):
    def fail(cls, *args):
        raise SystemExit("asked")

    __hash__ = __eq__ = __repr__ = __instancecheck__ = __subclasscheck__ = __getattribute__ = fail


class HostileDict(dict):
    items = keys = values = get = __iter__ = __len__ = __getitem__ = __contains__ = Hostile.fail


class HostileStr(str):
    encode = __len__ = __eq__ = __hash__ = __getitem__ = __contains__ = isascii = Hostile.fail


class HostileKey:
    def __hash__(self):
        if self.armed:
            raise SystemExit("hash")
        return 1

    def __eq__(self, other):
        raise SystemExit("eq")

    armed = False


class NothingOfTheProgramsRuns(unittest.TestCase):
    def test_with_objects_that_fail_at_everything(self):
        meta = HostileMeta("Meta", (), {})
        instance = type.__call__(meta)
        for value in (Hostile(), HostileDict(a=1), HostileStr("text"), meta, instance, [Hostile(), instance], {"k": Hostile()}):
            self.assertIsInstance(node(value), dict)

    def test_with_properties_and_descriptors(self):
        class Odd:
            @property
            def value(self):
                raise SystemExit("property")

            def __getattr__(self, name):
                raise SystemExit("getattr")

        odd = Odd()
        odd.__dict__["shown"] = 1
        self.assertEqual(node(odd)["attrs"], [["shown", 1]])

    def test_with_keys_that_must_not_be_hashed(self):
        key = HostileKey()
        value, counted = {key: 1}, collections.Counter({key: 1})
        HostileKey.armed = True
        try:
            self.assertEqual(len(node(value)["dict"]), 1)
            self.assertEqual(len(node(counted)["args"][0]["dict"]), 1)
        finally:
            HostileKey.armed = False

    def test_a_strings_subclass_keeps_its_text(self):
        self.assertEqual(node(HostileStr("text"))["value"], "text")


class Bounds(unittest.TestCase):
    def test_depth(self):
        deep = value = []
        for _ in range(50):
            value.append([])
            value = value[0]
        text = json.dumps(node(deep, Recorder(time=10, depth=3)))
        self.assertIn('"cut": "depth"', text)
        self.assertEqual(text.count("list"), 4)

    def test_items_and_texts(self):
        r = Recorder(time=10, items=5, string=10)
        self.assertEqual(node(list(range(9)), r), {"list": [0, 1, 2, 3, 4], "len": 9})
        got = node("x" * 100, r)
        self.assertEqual((got["cut"], got["len"]), ("length", 100))
        self.assertEqual(node(b"x" * 100, r)["cut"], "length")
        self.assertEqual(node(1 << 5000, r)["cut"], "length")

    def test_bytes(self):
        value = [{"key%d" % i: "x" * 50} for i in range(100000)]
        for most in (2000, 20000, 100000):
            got = document(value, Recorder(time=10, bytes=most))
            self.assertLess(len(json.dumps(got)), 1.5 * most)
            self.assertIn("items", got["cut"])

    def test_time(self):
        value = [[[i, j] for i in range(100)] for j in range(100)]
        got = document(value, Recorder(time=0))
        self.assertEqual(got["cut"], ["time"])
        start = time.perf_counter()
        document(value, Recorder(bytes=10**9, time=0.02))
        self.assertLess(time.perf_counter() - start, 1)

    def test_other_threads_may_change_what_is_described(self):
        changing, stop = {}, threading.Event()

        def change():
            i = 0
            while not stop.is_set():
                changing[i] = changing.pop(i - 50, None)
                i += 1

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for _ in range(50):
                node(changing)
        finally:
            stop.set()
            thread.join()


class Secrets(unittest.TestCase):
    def test_values_under_secret_names_are_left_out(self):
        p = Plain(password="hunter2", api_key=b"x", dbPassword="x", credentials={"a": 1}, token="t", session=Plain(a=1), auth=None,
                  secret_name_count=3, author="me")
        got = dict(node(p)["attrs"])
        cut = {"cut": "secret"}
        for name in ("password", "api_key", "dbPassword", "credentials", "token"):
            self.assertEqual(got[name], cut, name)
        self.assertEqual((got["author"], got["auth"], got["secret_name_count"]), ("me", None, 3))
        self.assertEqual(got["session"]["object"], HERE + ":Plain")

    def test_in_dicts_locals_and_urls(self):
        self.assertEqual(node({"Authorization": "Bearer x", "X-Api-Key": "y"}),
                         {"dict": [["Authorization", {"cut": "secret"}], ["X-Api-Key", {"cut": "secret"}]]})
        self.assertEqual(node("postgres://me:pw@host/db"), {"cut": "secret", "head": "postgres://me:[Filtered]@host/db"})

        try:
            crashing.login("hunter2")
        except ValueError as e:
            self.assertNotIn("hunter2", Recorder(time=10, not_in_app=[HERE]).describe(e))


if __name__ == "__main__":
    unittest.main()
