"""What the tests of the renderer share. Each test is a script that fails by an
AssertionError."""
import ast
import json

from repaird_tracer.values import Renderer


def renderer(**bounds):
    return Renderer(lambda file: True, **bounds)


def names(*modules):
    """The names that an expression may use."""
    found = {"__main__": __import__("__main__")}
    for m in modules:
        try:
            found[m.split(".")[0]] = __import__(m)
        except ImportError:
            pass
    return found


STANDARD = ("datetime", "decimal", "fractions", "uuid", "pathlib", "re", "collections", "array", "types", "json", "zoneinfo", "sys", "functools", "posixpath")


def parse(text):
    """The value of a text that has to be JSON in ASCII, on one line."""
    text.encode("ascii")
    assert "\n" not in text, text
    return json.loads(text)


def same(a, b):
    """Equality in which nan is nan, and types count."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a == b or a != a and b != b
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(k, j) and same(a[k], b[j]) for k, j in zip(a, b))
    return repr(a) == repr(b) if isinstance(a, complex) else a == b


def check(value, rendered, scope):
    """Where a rendering says that the value can be had from its text, it can. Returns
    "lit", "re" or ""."""
    d = parse(rendered)
    if isinstance(d, str):
        assert same(ast.literal_eval(d), value), (d, value)
        return "lit"
    if d.get("lit"):
        assert same(ast.literal_eval(d["r"]), value), (d, value)
        return "lit"
    if "re" in d:
        made = eval(d["re"], dict(scope))
        assert same(made, value) or "nan" in d["re"].lower() and sorted(repr(made)) == sorted(repr(value)), (d, value, made)
        return "re"
    return ""
