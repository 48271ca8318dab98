"""A second means to the outcome of a synthesized test: its function is called,
twice in one process, with no pytest.

Whoever deceives pytest deceives a program that is not here; and what it could
know of pytest's session (home, working directory, the tree's place, hash seed,
process ids, clock) is otherwise. The second call is watched for exceptions of
one type, and what it returned is used: a function or generator that puts the
failure off runs.

Like child.py, this shares its interpreter with the code under test; two canaries
that must fail, and MACs, keep what is reported whole.
"""

import ast
import asyncio
import builtins
import functools
import inspect
import os
import sys
import threading
import time
import types

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import child  # noqa: E402
import render  # noqa: E402

sys.path[:] = [p for p in sys.path if os.path.abspath(p) != HERE]
for _name in ("child", "render"):  # the tree may have modules of these names
    del sys.modules[_name]

WATCH_SECONDS = 5.0  # a watched call is many times slower
MAX_SEEN = 200
MAX_KEPT = 1000
MAX_ITEMS = 1000
MAX_DEPTH = 3
KEEP = "__repaird_keep__"


def shift(seconds):
    """Sets the clock ahead, as far as the program asks Python for it."""
    if not seconds:
        return
    import datetime

    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + int(seconds) * 10**9
    for name in ("localtime", "gmtime", "ctime"):
        def at(secs=None, of=getattr(time, name)):
            return of(time.time() if secs is None else secs)
        setattr(time, name, at)

    date, moment = datetime.date, datetime.datetime

    class Kind(type):
        """The type of stand-ins for a type: its instances are theirs."""

        def __instancecheck__(cls, value):
            return isinstance(value, cls.__mro__[1])

        def __subclasscheck__(cls, other):
            return issubclass(other, cls.__mro__[1])

    class Date(date, metaclass=Kind):
        @classmethod
        def today(cls):
            return cls.fromtimestamp(time.time())

    class Moment(moment, metaclass=Kind):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(time.time(), tz)

        @classmethod
        def today(cls):
            return cls.fromtimestamp(time.time())

        @classmethod
        def utcnow(cls):
            return cls.utcfromtimestamp(time.time())

    for made, name in ((Date, "date"), (Moment, "datetime")):
        made.__name__ = made.__qualname__ = name
        made.__module__ = "datetime"
        setattr(datetime, name, made)


class Raises:
    """What a test uses of pytest, in place of it."""

    def __init__(self, expected, match=None):
        self.expected, self.match = expected, match

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        import re

        if kind is None:
            raise AssertionError("DID NOT RAISE %r" % (self.expected,))
        if not issubclass(kind, self.expected):
            return False
        self.type, self.value = kind, value
        if self.match is not None and not re.search(self.match, str(value)):
            raise AssertionError("the message does not match: %s" % (value,))
        return True


def stand_in():
    """A module for tests that import pytest, with as much of it as they may use."""
    import math

    module = types.ModuleType("pytest")
    module.raises = lambda expected, *, match=None: Raises(expected, match)

    class Approx(float):
        def __eq__(self, other):
            return math.isclose(self, other, rel_tol=1e-6, abs_tol=1e-12)

        __hash__ = float.__hash__

    module.approx = Approx
    return module


class Keeper(ast.NodeTransformer):
    """Has the calls of a test's function keep what they return."""

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in dir(builtins):
            return node
        kept = ast.Call(func=ast.Name(id=KEEP, ctx=ast.Load()), args=[node], keywords=[])
        return ast.copy_location(kept, node)


class Driver:
    def __init__(self, config):
        self.config = config
        self.renderer = render.Renderer(config["root"], config["test"], config["shown"])
        self.keeping, self.kept = False, []

    def load(self):
        """The test's function, or why it cannot be called."""
        with open(self.config["test"], "rb") as f:
            tree = ast.parse(f.read())
        name = self.config["function"]
        found = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name == name]
        if len(found) != 1:
            return None, "the test is not one function of its file"
        if found[0].decorator_list or found[0].args.args or found[0].args.kwonlyargs:
            return None, "the test has decorators or takes fixtures"
        if any(isinstance(n, (ast.Import, ast.ImportFrom)) and "pytest" in ast.dump(n) for n in ast.walk(tree)):
            sys.modules["pytest"] = stand_in()
        found[0].body = [Keeper().visit(s) for s in found[0].body]
        code = compile(ast.fix_missing_locations(tree), self.config["test"], "exec", dont_inherit=True)
        module = types.ModuleType(os.path.basename(self.config["test"])[:-3])
        module.__file__ = self.config["test"]
        setattr(module, KEEP, self.keep)
        sys.modules[module.__name__] = module
        exec(code, module.__dict__)
        return module.__dict__[name], ""

    def keep(self, value):
        if self.keeping and len(self.kept) < MAX_KEPT:
            self.kept.append(value)
        return value

    def outcome(self, function):
        """Calls a function; how that ended."""
        try:
            made = function()
            if inspect.iscoroutine(made):
                asyncio.run(made)
        except BaseException as e:  # whatever ends a test
            return dict(self.renderer.exception(e, e.__traceback__, self.config["test"]), status="failed")
        return {"status": "passed"}

    def watched(self, function):
        """The same, watched. Returns (outcome, exceptions seen, whether all were)."""
        seen, known = [], []  # what is known is kept, so that no identity comes twice
        root = self.config["root"].rstrip("/") + "/"
        until = time.monotonic() + WATCH_SECONDS
        state = {"whole": True}
        clock = time.monotonic

        def local(frame, event, arg):
            if event == "exception" and arg[0].__name__ == self.config["exception"] and not any(arg[1] is k for k in known):
                known.append(arg[1])
                made = self.renderer.exception(arg[1], None, None)
                place, own = self.renderer.place(frame.f_code.co_filename)
                made["frames"] = [{"file": place, "function": getattr(frame.f_code, "co_qualname", frame.f_code.co_name),
                                   "line": frame.f_lineno, "in_app": own, "repeated": 0}]
                seen.append(made)
                if len(seen) >= MAX_SEEN:
                    stop()
            return local

        def stop():
            state["whole"] = False
            sys.settrace(None)

        def enter(frame, event, arg):
            if not state["whole"]:
                return None
            if clock() > until:
                stop()
                return None
            if not frame.f_code.co_filename.startswith(root):
                return None
            frame.f_trace_lines = False
            return local

        threading.settrace(enter)
        sys.settrace(enter)
        try:
            made = self.outcome(function)
            if sys.gettrace() is not enter:
                state["whole"] = False
        finally:
            sys.settrace(None)
            threading.settrace(None)
        return made, seen, state["whole"]

    def use(self):
        """Uses what calls returned. How the first of it does that fails with the watched exception, or None."""
        root = self.config["root"].rstrip("/") + "/"

        def one(value, depth):
            if depth > MAX_DEPTH:
                return
            if isinstance(value, (types.GeneratorType, map, filter, zip)):
                for n, item in enumerate(value):
                    one(item, depth + 1)
                    if n >= MAX_ITEMS:
                        break
            elif inspect.iscoroutine(value):
                if inspect.getcoroutinestate(value) == inspect.CORO_CREATED:
                    one(asyncio.run(value), depth + 1)
            elif isinstance(value, types.FunctionType):
                code = value.__code__
                needs = code.co_argcount - len(value.__defaults__ or ())
                needs += code.co_kwonlyargcount - len(value.__kwdefaults__ or ())
                if needs == 0 and "<locals>" in value.__qualname__ and code.co_filename.startswith(root):
                    one(value(), depth + 1)
            elif isinstance(value, functools.partial):
                one(value(), depth + 1)
            elif type(value) in (list, tuple, set, frozenset):
                for item in list(value)[:MAX_ITEMS]:
                    one(item, depth + 1)
            elif type(value) is dict:
                for item in list(value.values())[:MAX_ITEMS]:
                    one(item, depth + 1)

        for value in self.kept:
            made = self.outcome(lambda value=value: one(value, 0))
            if made.get("type") == self.config["exception"]:
                return made
        return None


def fails_with(error):
    def function():
        raise error

    return function


def canary(token):
    raise AssertionError(token)


def main():
    config = child.received()
    send = child.reporter(config)
    first, last = config.pop("tokens")
    send({"t": "hello", "python": sys.version.split()[0]})
    driver = Driver(config)
    send(dict(driver.outcome(lambda: canary(first)), t="call", i=0))
    child.open_tree(config["root"], config["roots"])
    shift(config["ahead"])
    child.seed_all(config["seed"])
    try:
        function, unfit = driver.load()
    except BaseException as e:  # the test cannot be imported; so ends each call of it
        function, unfit = fails_with(e), ""
    if unfit:
        send({"t": "unfit", "text": unfit})
    else:
        sys.pycache_prefix = None
        send(dict(driver.outcome(function), t="call", i=1))
        child.seed_all(config["seed"] + 1)
        driver.keeping = True
        made, seen, whole = driver.watched(function)
        driver.keeping = False
        send(dict(made, t="call", i=2))
        send({"t": "watch", "seen": seen, "whole": whole})
        later = driver.use() if made["status"] == "passed" else None
        if later is not None:
            send(dict(later, t="later"))
    send(dict(driver.outcome(lambda: canary(last)), t="call", i=3))
    send({"t": "end", "status": 0})
    return 0


sys.exit(main())
