"""Values of libraries: fakes with the same names and layout on every Python, and
the real ones where they are installed. Prints what is missing."""
import sys
import types

from common import check, names, parse, renderer


def told(*args, **named):
    raise BaseException("code of the library was run")


LAZY = {"__%s__" % n: told for n in "repr str len bool iter getitem getattr contains eq hash array call".split()}


def fake(module, name, slots=(), bases=(object,), **more):
    c = type(name, bases, dict(LAZY, __slots__=slots, **more) if slots else dict(LAZY, **more))
    c.__module__, c.__qualname__ = module, name
    return c


def make(c, **fields):
    o = object.__new__(c)
    for k, v in fields.items():
        object.__setattr__(o, k, v)
    return o


r = renderer()
dtype = make(fake("numpy", "dtype", ("kind", "itemsize", "str")), kind="f", itemsize=8, str="<f8")
array = make(fake("numpy", "ndarray", ("shape", "dtype", "size")), shape=(1000, 1000), dtype=dtype, size=1000000)
d = parse(r.value(array))
assert (d["sh"], d["dt"], d["n"], d["cut"]) == ([1000, 1000], "float64", 1000000, 1), d

tensor = make(fake("torch", "Tensor", ("shape", "dtype", "device")), shape=(2, 3), dtype="torch.float32", device="cpu")
d = parse(r.value(tensor))
assert (d["sh"], d["dt"], d["f"]) == ([2, 3], "torch.float32", [["device", "'cpu'"]]), d
own = fake("shop", "Own", ("x",), (type(tensor),))
d = parse(r.value(make(own, shape=(2,), dtype="a", device="b")))
assert "sh" not in d and d["id"], "a subclass may answer by Python code"
mode = types.ModuleType("torch._C")
mode._len_torch_function_stack = told
sys.modules["torch._C"] = mode
assert "sh" not in parse(r.value(tensor)), "so may a mode"
del sys.modules["torch._C"]

Index = fake("pandas.core.indexes.base", "Index")
columns, rows = make(Index, _data=make(type(array), size=2)), make(Index, _range=range(500))
blocks = (make(fake("pandas._libs.internals", "Block"), values=make(type(array), dtype=dtype)),)
frame = make(fake("pandas.core.frame", "DataFrame"), _mgr=make(fake("pandas.core.internals.managers", "BlockManager"), axes=[columns, rows], blocks=blocks))
d = parse(r.value(frame))
assert (d["sh"], d["dt"], d["n"]) == ([500, 2], "float64", 500), d
series = make(fake("pandas.core.series", "Series"), _mgr=make(fake("m", "SingleBlockManager"), axes=[rows], blocks=blocks), _name="price")
d = parse(r.value(series))
assert (d["sh"], d["dt"], d["f"]) == ([500], "float64", [["name", "'price'"]]), d
assert parse(r.value(make(type(frame), _mgr=5)))["t"] == "DataFrame"

QuerySet = fake("django.db.models.query", "QuerySet")
Model = type("Book", (object,), dict(LAZY))
d = parse(r.value(make(QuerySet, _result_cache=None, model=Model, query=make(Model))))  # T21
assert d["r"] == "not evaluated" and [n for n, _ in d["f"]] == ["model"], d
d = parse(r.value(make(fake("shop", "BookSet", (), (QuerySet,)), _result_cache=[make(Model, pk=1, _state=5)], model=Model)))
assert d["n"] == 1 and d["f"][1][1]["e"][0]["f"] == [["pk", "1"]], d
user = make(type("User", (object,), dict(LAZY)), _sa_instance_state=make(Model), id=3, name="bob")
assert [n for n, _ in parse(r.value(user))["f"]] == ["id", "name"], r.value(user)
assert parse(r.value(make(fake("django.utils.functional", "SimpleLazyObject", (), (object,), __class__=property(told)), _wrapped=None, _setupfunc=told)))["f"]

missing = []


def real(test):
    try:
        test()
    except ImportError as e:
        missing.append(e.name or str(e))
    return test


@real
def numpy():
    import numpy as np
    scope = names("numpy", "datetime")
    for v, want in [(np.arange(10 ** 6), {"sh": [1000000], "dt": "int64", "n": 1000000, "cut": 1, "e": ["0", "1", "2", "3", "4", "5"]}),
                    (np.array([[1.5, 2]]), {"sh": [1, 2], "dt": "float64", "re": "numpy.array([1.5, 2.0], dtype='float64').reshape((1, 2))"}),
                    (np.array(5), {"sh": [], "e": ["5"]}), (np.array([object()]), {"dt": "object", "cut": 1}), (np.float64(1.5), {"re": "numpy.float64(1.5)"}),
                    (np.bool_(True), {}), (np.zeros((3, 0)), {"sh": [3, 0], "n": 0}), (np.array(["a"]), {"e": ["'a'"]}), (np.zeros(2, dtype=[("a", "i4")]), {"sh": [2]})]:
        d = parse(r.value(v))
        for k, w in want.items():
            assert d[k] == w, (k, d)
        if "re" in d:
            made = eval(d["re"], dict(scope))
            assert type(made) is type(v) and np.array_equal(made, v) and made.dtype == v.dtype, d

    class Own(np.ndarray):
        __repr__ = __len__ = __iter__ = __getitem__ = told
    assert parse(r.value(np.arange(3).view(Own)))["sh"] == [3]


@real
def pandas():
    import pandas as pd
    d = parse(r.value(pd.DataFrame({"a": range(5), "b": [1.5] * 5})))
    assert d["sh"] == [5, 2] and d["dt"] == "int64 float64" and d["f"][0][1]["r"] == "['a', 'b']", d
    d = parse(r.value(pd.Series([1, 2, 3], name="x")))
    assert d["sh"] == [3] and d["e"] == ["1", "2", "3"] and d["f"] == [["name", "'x'"]], d
    assert parse(r.value(pd.Timestamp("2024-01-02")))["r"] == "datetime(2024, 1, 2, 0, 0)"


@real
def django():
    import django
    from django.conf import settings
    settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, INSTALLED_APPS=[])
    django.setup()
    from django.db import connection, models
    from django.utils.functional import SimpleLazyObject
    from django.utils.translation import gettext_lazy

    class Shelf(models.Model):
        class Meta:
            app_label = "x"

    class Book(models.Model):
        title = models.CharField(max_length=9)
        shelf = models.ForeignKey(Shelf, models.CASCADE, null=True)

        class Meta:
            app_label = "x"
    with connection.schema_editor() as s:
        s.create_model(Shelf), s.create_model(Book)
    Book.objects.create(title="t", shelf=Shelf.objects.create())
    lazy, loaded, deferred = Book.objects.all(), Book.objects.all(), Book.objects.only("id").get()
    list(loaded)
    connection.force_debug_cursor = True
    before = len(connection.queries)
    for v in (lazy, loaded, deferred, lazy.values(), Book.objects, gettext_lazy("x"), SimpleLazyObject(told), loaded[0], [lazy], {"q": lazy}):
        parse(r.value(v)), parse(r.light(v))
    assert len(connection.queries) == before, connection.queries
    assert parse(r.value(lazy))["r"] == "not evaluated" and parse(r.value(loaded))["n"] == 1


@real
def sqlalchemy():
    import sqlalchemy as sa
    from sqlalchemy.orm import Session, declarative_base, relationship
    Base = declarative_base()

    class User(Base):
        __tablename__ = "u"
        id, name = sa.Column(sa.Integer, primary_key=True), sa.Column(sa.String)
        posts = relationship("Post")

    class Post(Base):
        __tablename__ = "p"
        id, user = sa.Column(sa.Integer, primary_key=True), sa.Column(sa.ForeignKey("u.id"))
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    s = Session(engine)
    u = User(name="bob", posts=[Post()])
    s.add(u), s.commit()
    statements = []
    sa.event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    assert "f" not in parse(r.value(u)), "it is expired"
    assert u.name == "bob"
    n = len(statements)
    assert [k for k, _ in parse(r.value(u))["f"]] and len(statements) == n
    parse(r.value(s)), parse(r.value(sa.select(User)))
    assert len(statements) == n


@real
def attrs():
    import attr

    @attr.s(slots=True)
    class A(object):
        x = attr.ib()
    a = A(1)
    globals()["A"] = A
    A.__qualname__ = "A"
    assert parse(r.value(a))["f"] == [["x", "1"]] and parse(r.value(a))["new"] == "__main__.A", r.value(a)


sys.stdout.write(" ".join(sorted(set(missing))))
