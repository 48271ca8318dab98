"""Objects whose every method tells that it was called: none may be."""
import abc
import collections
import enum
import gc
import sys
import threading
import unittest.mock
import weakref

from common import parse, renderer

called = []


def told(name):
    def method(*args, **named):
        called.append(name)
        raise BaseException(name)
    return method


SPECIAL = ("repr str bytes format len bool hash eq ne lt le gt ge iter next contains getitem setitem getattr get set index int float "
           "complex fspath call dir sizeof reduce reduce_ex getstate instancecheck subclasscheck mro_entries await enter exit copy "
           "deepcopy reversed missing length_hint round trunc array index del_ getnewargs getnewargs_ex abs neg add").split()


def hostile(base, metaclass=type, **more):
    names = {"__%s__" % n: told(n) for n in SPECIAL if n not in ("mro_entries",)}
    names.pop("__get__"), names.pop("__set__")
    names.update(more)
    return metaclass("Hostile" + base.__name__.title(), (base,), names)


class Meta(type):
    """A metaclass that answers nothing."""
    for n in "repr str hash eq ne instancecheck subclasscheck len iter getattr dir call bool contains getitem".split():
        if n not in ("call",):
            locals()["__%s__" % n] = told("metaclass " + n)
    del n


class Properties(object):
    """Attributes that are asked for by name."""
    def __init__(self):
        object.__setattr__(self, "x", 1)
    __class__ = property(told("__class__"))
    value = property(told("value"))
    _fields = property(told("_fields"))
    _mock_name = property(told("_mock_name"))
    __dataclass_fields__ = property(told("fields"))
    __getattribute__ = told("getattribute")
    __setattr__ = told("setattr")


class DictProperty(object):
    __dict__ = property(told("__dict__"))


class Descriptor(object):
    __get__ = told("descriptor")


class WithDescriptor(object):
    a = Descriptor()
    items = []


class Slots(object):
    __slots__ = ("a", "b", "password")
    __repr__ = told("repr")


class Forged(object):
    """Says that it is of a library."""
    shape = dtype = item = size = _mgr = property(told("forged"))
    year = tzinfo = start = maxlen = default_factory = property(told("forged"))
    __repr__ = told("repr")
    __sizeof__ = told("sizeof")
    __iter__ = told("iter")
    __len__ = told("len")


def forged():
    for module, name in (("numpy", "ndarray"), ("numpy", "float64"), ("numpy", "generic"), ("pandas", "DataFrame"), ("torch", "Tensor"), ("datetime", "datetime"),
                         ("datetime", "date"), ("decimal", "Decimal"), ("builtins", "range"), ("builtins", "slice"), ("collections", "deque"), ("collections", "Counter"),
                         ("collections", "defaultdict"), ("collections", "OrderedDict"), ("uuid", "UUID"), ("pathlib", "PurePath"), ("enum", "Enum"), ("array", "array"),
                         ("re", "Pattern"), ("_io", "TextIOWrapper"), ("builtins", "frozenset"), ("builtins", "bytearray"), ("functools", "partial"),
                         ("django.db.models.query", "QuerySet"), ("polars.dataframe.frame", "DataFrame"), ("types", "SimpleNamespace"), ("builtins", "complex")):
        c = type(name, (Forged,), {"__repr__": told("repr")})
        c.__module__, c.__qualname__ = module, name
        yield c()
        c = type(name, (Forged,), {"__repr__": object.__repr__, "item": str.join, "__sizeof__": list.__sizeof__, "__iter__": list.__iter__, "__len__": list.__len__,
                                   "shape": type.__dict__["__mro__"], "tzinfo": type.__dict__["__dict__"]})
        c.__module__, c.__qualname__ = module, name
        yield c()


class Numbers(enum.Enum):
    ONE = 1
    __repr__ = __str__ = told("enum repr")


class Strange(int):
    __repr__ = __str__ = __index__ = __int__ = __hash__ = told("int")


def corpus():
    for base in (object, list, dict, set, frozenset, tuple, str, bytes, int, float, bytearray, complex, collections.OrderedDict, collections.deque, Exception, collections.Counter):
        yield hostile(base)() if base is not Exception else hostile(base)("x", Properties())
    with_meta = Meta("WithMeta", (), {"a": [], "f": lambda self: None})
    yield object.__new__(with_meta)
    yield with_meta
    yield {"k": object.__new__(with_meta)}
    yield [object.__new__(with_meta), with_meta, 1]
    for c in (Properties, DictProperty, WithDescriptor, Slots):
        yield object.__new__(c)
    p = Properties()
    object.__getattribute__(p, "__dict__")["password"] = "hunter2"
    yield p
    for f in forged():
        yield f
    yield Numbers.ONE
    yield range(Strange(3)) if sys.version_info < (3, 6) else slice(Strange(1), Properties())
    yield {Numbers.ONE: p, 1: {Numbers.ONE}}
    d = {}
    d[1] = Strange(1)
    yield d
    yield collections.namedtuple("P", "x y")(p, Strange(2))
    yield type("Abstract", (abc.ABC,), {"__eq__": told("eq"), "__hash__": told("hash")})()
    yield weakref.ref(Slots)
    yield weakref.proxy(WithDescriptor)
    yield unittest.mock.sentinel.x


def test_nothing_is_called():  # T18, T19
    for full in (True, False):
        r = renderer()
        for v in corpus():
            text = (r.value if full else r.light)(v)
            parse(text)
            assert "hunter2" not in text, text
            parse((r.named if full else r.light_named)("v", v))
            if isinstance(type.__call__(type, v), type) and issubclass(type.__call__(type, v), BaseException):
                r.message(v)
            assert not called, (called, object.__repr__(v))


def test_keys_are_not_compared():  # T19
    armed = []

    class Key(object):
        def __hash__(self):
            return told("hash")() if armed else 7

        def __eq__(self, other):
            return told("eq")() if armed else self is other
    made = [c((Key(), i) for i in range(3)) for c in (dict, collections.OrderedDict, collections.Counter, type("D", (dict,), {}))]
    made += [{Key(), Key()}, frozenset([Key(), Key()]), collections.defaultdict(list, {Key(): 1, Key(): 2}), {(Key(), 1): [{Key(): 1}]}]
    o = type("O", (object,), {})()
    o.__dict__[Key()] = 1
    armed.append(1)
    r = renderer()
    for v in made + [o, made]:
        parse(r.value(v)), parse(r.light(v))
    armed.pop()


def test_mocks_do_not_change():  # T20
    m = unittest.mock.MagicMock(name="service")
    m.charge(5)
    calls, children = list(m.mock_calls), list(m._mock_children)
    r = renderer()
    for v in (m, [m], {"m": m}, m.charge, unittest.mock.Mock(spec=dict), unittest.mock.call(1)):
        parse(r.value(v)), parse(r.light(v))
    assert list(m.mock_calls) == calls and list(m._mock_children) == children
    assert parse(r.value(m))["r"] == "'service'"


def test_nothing_is_kept_alive():  # T16
    class Local(object):
        shared = []

        def __init__(self):
            self.me, self.items = self, [1]
    r = renderer()
    o, things = Local(), [{1, 2}, Local()]
    refs = [weakref.ref(o), weakref.ref(things[1]), weakref.ref(Local), weakref.ref(things[0])]
    before = sys.getrefcount(o), sys.getrefcount(things), sys.getrefcount(things[0]), sys.getrefcount(o.items)
    for _ in range(3):
        for v in (o, things, Local, Local.__init__, (o, 1)):
            r.value(v), r.light(v), r.named("x", v)
    del v
    after = sys.getrefcount(o), sys.getrefcount(things), sys.getrefcount(things[0]), sys.getrefcount(o.items)
    assert before == after, (before, after)
    del o, things, Local
    gc.collect()
    assert [ref() for ref in refs] == [None] * 4, refs


def test_cycles_and_depth():  # T24
    a, d = [], {}
    a.append(a)
    d["me"] = [d, (d,)]
    class Node(object):
        pass
    n = Node()
    n.next = n
    deep = []
    for _ in range(5000):
        deep = [deep]
    r = renderer()
    for v in (a, d, n):
        assert '"cyc":1' in r.value(v), r.value(v)
    assert '"cut":1' in r.value(deep) and r.value(deep).count('"t":"list"') == 5, r.value(deep)

    def down(k):
        return down(k - 1) if k else r.value(deep)
    limit = sys.getrecursionlimit()
    for k in range(limit - 120, limit):
        try:
            parse(down(k))
        except RecursionError:
            pass


def test_changed_by_another_thread():  # T25
    d, s, o, stop = {}, set(), type("O", (), {})(), []

    def change():
        i = 0
        while not stop:
            i += 1
            d[i % 50], o.__dict__["a%d" % (i % 40)] = (i,), [i]
            s.add(i % 60)
            d.pop((i * 7) % 50, None), s.discard((i * 3) % 60), o.__dict__.pop("a%d" % ((i * 3) % 40), None)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=change)
    thread.start()
    try:
        r = renderer()
        for _ in range(1500):
            for v in (d, s, o, [d, s]):
                parse(r.value(v)), parse(r.light(v))
    finally:
        stop.append(1)
        thread.join()
        sys.setswitchinterval(interval)


def test_texts_stay_valid():  # T27, T23
    r = renderer()
    for v in ("\ud800", "\udcff\x00\n\r\u2028", b"\xff\x00", {"\ud800": "\x00"}, ["\udfff"] * 3, type("\u00e9\ud7ff", (), {})(), "\\", "'\""):
        parse(r.value(v)), parse(r.named("\ud800\n", v))
    for v in (10 ** 5000, -10 ** 5000, [10 ** 5000], {10 ** 5000: 1}, {"x": 10 ** 5000}, range(10 ** 5000), (1, 10 ** 5000), {10 ** 5000}, frozenset([10 ** 5000]),
              slice(10 ** 5000), type("I", (int,), {})(10 ** 5000)):
        assert len(r.value(v)) < 1000, len(r.value(v))
        parse(r.value(v))


def test_patched_builtins_are_not_met():  # T13
    import builtins
    r = renderer()
    v = {"a": [1, (2, object()), {3}], "o": Slots}
    want = r.value(v)
    names = "len repr isinstance type id sorted str int list dict set frozenset min max hasattr getattr iter zip map enumerate sum".split()
    kept = {n: getattr(builtins, n) for n in names}
    try:
        for n in names:
            kept["getattr"](builtins, "__dict__")[n] = told("patched")
        got = r.value(v)
    finally:
        for n, f in kept.items():
            builtins.__dict__[n] = f
    assert got == want and not called, called


def test_a_signal_handlers_error_passes():  # T12
    r = renderer()
    def fail(*args):
        raise RuntimeError("time is up")
    r.scalars[id(float)] = r.fast[id(float)] = fail  # a stand-in for a handler that runs in the middle
    for v in ({"a": (), "b": [1.5, object()]}, type("O", (), {})()):
        if type(v) is not dict:
            v.x = 1.5
        try:
            r.value(v)
        except RuntimeError:
            continue
        raise AssertionError("the error was swallowed")


for name, test in sorted(globals().items()):
    if name.startswith("test_"):
        test()
        assert not called, (name, called)
