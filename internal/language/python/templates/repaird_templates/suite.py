"""The repository's own tests: which there are, what each executes on base, and
running them on a candidate in milliseconds.

pytest collects and runs them once. A test without fixtures is then called
directly, which costs a fork and no session; that this gives the outcome that
pytest gave is checked on base, and where it does not, or where a test needs
fixtures, pytest runs it.
"""

import importlib
import inspect
import os
import re
import signal
import sys
import time

from . import run
from .context import SKIP
from .observe import Recorder, outside

OPTIONS = ["-q", "--tb=no", "--color=no", "-p", "no:cacheprovider", "-p", "no:randomly",
           "--continue-on-collection-errors", "--maxfail=0"]

MAX_FILES = 200
MAX_TESTS = 2000
TEST_SECONDS = 2.0   # of one test of the suite on base, traced;
HASTY_SECONDS = 0.4  # once one has run so long
FOREIGN_MARKS = {"skip", "skipif", "xfail", "usefixtures", "filterwarnings", "asyncio", "anyio"}


class Late(BaseException):
    """The test ran too long."""


def limited(seconds, work):
    """Calls work() and raises Late in it after so many seconds of computing."""
    def ring(*_):
        signal.setitimer(signal.ITIMER_PROF, 0.5)  # again, should it be swallowed
        raise Late("the test ran longer than %g s" % seconds)

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def describe(item):
    """How to call a collected test without pytest; "plain" says whether it can be."""
    made = {"id": item.nodeid, "plain": "", "file": str(getattr(item, "path", None) or item.fspath)}
    callspec = getattr(item, "callspec", None)
    marks = {m.name for m in item.iter_markers()}
    function = getattr(item, "function", None)
    info = getattr(item, "_fixtureinfo", None)
    if function is None or info is None or marks & FOREIGN_MARKS or inspect.iscoroutinefunction(function):
        return made
    made.update(module=item.module.__name__, cls=item.cls.__qualname__ if item.cls else "",
                name=getattr(item, "originalname", None) or function.__name__,
                params=dict(callspec.indices) if callspec else {})
    foreign = set(info.names_closure) - set(callspec.params if callspec else ()) - {"request"}
    if "request" in inspect.signature(function).parameters or foreign or "<locals>" in made["cls"]:
        return made
    if hasattr(item.cls, "debug") and hasattr(item.cls, "failureException"):
        made["plain"] = "" if callspec else "unittest"
    elif not any(hasattr(holder, n) for holder in (item.module, item.cls) if holder
                 for n in ("setup_method", "setup_class", "setup_module", "setup_function", "setup", "teardown_method",
                           "teardown_class", "teardown_module", "teardown_function", "teardown")):
        made["plain"] = "function"
    return made


def steps(test):
    """The test's call as a function without arguments; imports its module."""
    holder = importlib.import_module(test["module"])
    marks = list(getattr(holder, "pytestmark", None) or []) if isinstance(getattr(holder, "pytestmark", None), list) else []
    for part in test["cls"].split(".") if test["cls"] else ():
        holder = getattr(holder, part)
        marks += getattr(holder, "pytestmark", [])
    if test["plain"] == "unittest":
        return holder(test["name"]).debug
    function = getattr(holder, test["name"])
    marks += getattr(function, "pytestmark", [])
    if test["cls"]:
        function = getattr(holder(), test["name"])
    arguments = arguments_of(marks, test["params"])
    return lambda: function(**arguments)


def arguments_of(marks, indices):
    found = {}
    for mark in marks:
        if getattr(mark, "name", "") != "parametrize":
            continue
        given = dict(zip(("argnames", "argvalues"), mark.args), **mark.kwargs)
        names, alone = given["argnames"], False
        if isinstance(names, str):
            names = [n.strip() for n in names.split(",") if n.strip()]
            alone = len(names) == 1
        if names[0] not in indices:
            continue
        row = list(given["argvalues"])[indices[names[0]]]
        if type(row).__name__ == "ParameterSet":
            row = row.values
        elif alone:
            row = [row]
        found.update(zip(names, row))
    if set(found) != set(indices):
        raise LookupError("parameters that no mark names")
    return found


class Watcher:
    """A pytest plugin that describes the tests, and runs each under a recorder."""

    def __init__(self, testrun, deadline, seconds):
        self.testrun, self.deadline, self.seconds = testrun, deadline, seconds
        self.items, self.facts, self.failure, self.recorder = [], {}, None, None

    def pytest_collection_modifyitems(self, session, config, items):
        del items[MAX_TESTS:]

    def pytest_collection_finish(self, session):
        self.items = [describe(i) for i in session.items]
        self.testrun.exclude(i["file"] for i in self.items)

    def run_under_recorder(self, item):
        def traced():
            sys.settrace(self.recorder.trace)
            try:
                return item()
            finally:
                sys.settrace(None)
        try:
            return limited(self.seconds, traced)
        except Late:
            self.seconds = min(self.seconds, HASTY_SECONDS)
            self.late = True
            raise


def plugin(watcher):
    """The watcher with hooks that need pytest's decorators."""
    import pytest

    class Hooks(Watcher):
        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(self, pyfuncitem):
            testfunction = pyfuncitem.obj
            names = pyfuncitem._fixtureinfo.argnames
            arguments = {n: pyfuncitem.funcargs[n] for n in names}
            self.run_under_recorder(lambda: testfunction(**arguments))
            return True

        @pytest.hookimpl(hookwrapper=True)
        def pytest_fixture_setup(self, fixturedef, request):
            if self.recorder is not None:
                sys.settrace(self.recorder.trace)
            yield
            sys.settrace(None)

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_protocol(self, item):
            self.recorder, started = Recorder(self.testrun, detail=False, entries=True), time.monotonic()
            self.outcome, self.late = None, False
            yield
            lines, entries = self.recorder.lines, self.recorder.entries
            self.facts[item.nodeid] = {"passed": self.outcome == "passed", "outcome": self.outcome, "late": self.late,
                                       "entries": [[path, first, args] for (path, first), args in entries.items() if args],
                                       "seconds": time.monotonic() - started, "lines": {p: sorted(n) for p, n in lines.items()}}
            if time.monotonic() > self.deadline:
                item.session.shouldstop = "out of time"

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item, call):
            report = (yield).get_result()
            if report.outcome != "passed" or call.when == "call" and self.outcome is None:
                self.outcome = report.outcome if call.when == "call" else "error" if report.outcome == "failed" else report.outcome

    watcher.__class__ = Hooks
    return watcher


def session(testrun, arguments, plugins):
    """Runs pytest in this process; for use in a fork."""
    import pytest

    sys.path[:0] = testrun.roots
    os.chdir(testrun.root)
    return pytest.main(OPTIONS + ["--"] + arguments, plugins=plugins)


def files(root, first, words):
    """The suite's files, likeliest to execute the code first: the failing test's
    own, those that mention one of the words, then the rest."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(d for d in folders if d not in SKIP and not d.startswith("."))
        for name in sorted(names):
            if re.match(r"(test_.*|.*_test)\.py$", name) and len(found) < MAX_FILES:
                path = os.path.relpath(os.path.join(folder, name), root)
                if path != first:
                    found.append((not mentions(os.path.join(folder, name), words), path))
    return [first] * bool(first) + [path for _, path in sorted(found)]


def mentions(name, words):
    try:
        with open(name, "rb") as f:
            text = f.read(1 << 18).decode("utf-8", "replace")
    except OSError:
        return False
    return any(re.search(r"\b%s\b" % re.escape(w), text) for w in words)


def look(testrun, first, words, seconds):
    """What the suite does on base: its tests, none where it cannot be run, and
    the modules outside the tree that it imports. first is the file that comes
    first, "" none."""
    arguments = files(testrun.root, first, words)
    if not arguments:
        return [], []

    def work():
        testrun.prepare()
        watcher = plugin(Watcher(testrun, time.monotonic() + seconds, TEST_SECONDS))
        paths = list(sys.path)
        session(testrun, arguments, [watcher])
        return {"items": watcher.items, "facts": watcher.facts, "path": [p for p in sys.path if p not in paths],
                "excluded": sorted(testrun.excluded), "modules": sorted(outside(testrun))}

    found = run.forked(work, seconds + 20)
    if not found:
        return [], []
    testrun.excluded |= set(found["excluded"])
    testrun.test_path = found["path"]
    tests = []
    for item in found["items"]:
        facts = found["facts"].get(item["id"])
        if facts and facts["outcome"] in ("passed", "failed"):
            tests.append(dict(item, **facts))
    return tests, found["modules"]


def confirm(testrun, tests, seconds):
    """Clears "plain" of the tests that do not end outside pytest as in it, called
    in the order in which candidates are screened: the failing one first. Sets
    the seconds that each takes there."""
    plain = [t for t in tests if t["plain"] and not t["late"]]
    plain.sort(key=lambda t: t is not testrun.item)
    ended = run.forked(lambda: direct(testrun, None, plain, TEST_SECONDS), seconds) or {}
    for t in plain:
        facts = ended.get(t["id"])
        if facts is None or facts["passed"] != t["passed"]:
            t["plain"] = ""
        else:
            t["seconds"] = facts["seconds"]


def direct(testrun, overlay, tests, seconds, until=None):
    """Calls plain tests in order: {id: {passed, late, seconds}}. until(test,
    passed) says when to stop."""
    testrun.prepare(overlay)
    sys.path[:0] = testrun.test_path
    ended = {}
    for test in tests:
        started, passed, late = time.process_time(), True, False
        try:
            limited(seconds, steps(test))
        except Late:
            passed, late = False, True
        except BaseException:
            passed = False
        ended[test["id"]] = {"passed": passed, "late": late, "seconds": time.process_time() - started}
        if until is not None and until(test, passed):
            break
    return ended


def through_pytest(testrun, overlay, ids):
    """Runs tests in a pytest session: {id: passed}; for use in a fork."""
    import pytest

    class Outcomes:
        def __init__(self):
            self.ended = {}

        def pytest_runtest_logreport(self, report):
            if report.outcome == "failed" or report.when == "call":
                self.ended[report.nodeid] = report.outcome == "passed" and self.ended.get(report.nodeid, True)

    testrun.prepare(overlay)
    outcomes = Outcomes()
    session(testrun, ids, [outcomes])
    return outcomes.ended


def relived(testrun, test_id):
    """Runs a test in a pytest session, and raises in this process what it failed
    with."""
    class Failure:
        value = None

        def pytest_exception_interact(self, node, call, report):
            self.value = self.value or call.excinfo.value

    failure = Failure()
    session(testrun, [test_id], [failure])
    if failure.value is not None:
        raise failure.value
