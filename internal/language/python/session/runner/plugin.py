"""The pytest plugin of a session: plants the canaries and reports outcomes."""

import contextlib
import importlib.util
import os
import signal
import threading
from pathlib import Path

import pytest
import render
import watch

MAX_DETAILED = 100  # failures reported with frames

# Seconds for one test of a suite: an endless one must not cost the others. After
# PATIENCE such tests the rest get less.
TEST_SECONDS, HASTY_SECONDS, PATIENCE = 5.0, 1.0, 3


def arguments(config):
    """pytest's command line.

    Each option undoes what a repository's configuration may ask for and what
    would keep a session from running whole and alone.
    """
    own = ["-q", "--tb=short", "--color=no", "--disable-warnings", "-p", "no:cacheprovider", "-p", "no:randomly",
           "--continue-on-collection-errors", "--maxfail=0"]
    if config["test"]:
        # Nothing of the tree steers the synthesized test.
        folder = os.path.dirname(config["test"])
        return own + ["--noconftest", "-c", config["ini"], "--rootdir", folder, config["test"]]
    if importlib.util.find_spec("pytest_cov"):
        own.append("--no-cov")
    if importlib.util.find_spec("xdist"):
        own += ["-n0"]
    # The last of an option's uses counts, so the runner's own come last.
    suite = list(config["suite"] or [])
    end = suite.index("--") if "--" in suite else len(suite)
    return suite[:end] + own + suite[end:]


def module(session, path):
    if hasattr(pytest, "version_tuple"):  # pytest 7 on
        return pytest.Module.from_parent(session, path=Path(path))
    import py

    return pytest.Module.from_parent(session, fspath=py.path.local(path))


class Timeout(pytest.fail.Exception):
    """What a test fails with that ran too long; outcomes have the class's name."""


class Plugin:
    def __init__(self, config, send, seed_all, tracer):
        self.config, self.send, self.seed_all, self.tracer = config, send, seed_all, tracer
        self.renderer = render.Renderer(config["root"], config["test"], config["shown"])
        self.index = {}
        self.reports = {}
        self.raised = {}
        self.canaries = set()
        self.detailed = 0
        self.overdue = 0
        self.ended = False  # the test, because it ran too long
        self.watch = watch.Watch(config["watch"]) if config["watch"] else None

    # Collection.

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session, config, items):
        first, last = (list(module(session, c).collect()) for c in self.config["canaries"])
        self.canaries = {i.nodeid for i in first + last}
        early = {path: n for n, path in enumerate(self.config["first"] or ())}
        items.sort(key=lambda item: early.get(item.nodeid.partition("::")[0], len(early)))
        items[:] = first + items + last

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        self.index = {id(item): n for n, item in enumerate(session.items)}
        self.send({"t": "collected", "ids": [i.nodeid for i in session.items], "ran": self.executed()})

    def executed(self):
        """The watched lines that ran since the last time."""
        return self.watch.take() if self.watch is not None else {}

    def pytest_collectreport(self, report):
        if report.failed:
            self.send({"t": "error", "id": report.nodeid, "text": str(report.longrepr)[-4000:]})

    # Running.

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        number = self.index.get(id(item), -1)
        self.reports, self.raised, self.ended = {}, {}, False
        self.send({"t": "start", "i": number})
        yield
        self.send(dict(self.outcome(), t="test", i=number, ran=self.executed()))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        self.seed_all(self.config["seed"])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        # A boundary in the trace; it also re-arms a tracer that was lost.
        if self.tracer is not None and item.nodeid not in self.canaries:
            self.tracer.mark(self.shown(item.nodeid), "call")

    @pytest.hookimpl(hookwrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        if self.config["test"] or pyfuncitem.nodeid in self.canaries:
            yield  # the session's own limit holds
            return
        with self.limited():
            yield

    @contextlib.contextmanager
    def limited(self):
        """Fails what runs too long, where an alarm can reach it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        seconds = TEST_SECONDS if self.overdue < PATIENCE else HASTY_SECONDS

        def ring(number, frame):
            self.overdue += 1
            self.ended = True
            # Again in a while: the test may have swallowed the first.
            signal.setitimer(signal.ITIMER_REAL, 1.0)
            raise Timeout("the test ran longer than %g s" % seconds)

        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def shown(self, nodeid):
        """A synthesized test goes by the name that it has in the repository."""
        if self.config["test"]:
            return self.config["shown"] + "::" + nodeid.partition("::")[2]
        return nodeid

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        result = yield
        report = result.get_result()
        if call.excinfo is None:
            self.raised.pop(call.when, None)
            return
        if self.tracer is not None and item.nodeid not in self.canaries:
            self.tracer.failure(call.excinfo.value)
        made = {"type": call.excinfo.type.__name__}
        if report.failed and self.detailed < MAX_DETAILED:
            if item.nodeid not in self.canaries:
                self.detailed += 1
            start = getattr(item, "path", None) or getattr(item, "fspath", None)
            made = self.renderer.exception(
                call.excinfo.value, call.excinfo.value.__traceback__, start and str(start))
        elif report.failed:
            made["message"] = str(call.excinfo.value)[:200]
        self.raised[call.when] = made

    def pytest_runtest_logreport(self, report):
        self.reports[report.when] = report

    def outcome(self):
        """Joins the phases of the test that has just ended."""
        status, phase = "none", "call"
        for when, failed in (("setup", "error"), ("call", "failed"), ("teardown", "error")):
            report = self.reports.get(when)
            if report is None:
                continue
            if report.outcome == "failed":
                status, phase = failed, when
                break
            if report.outcome == "skipped":
                status, phase = "skipped", when
            elif when == "call" and report.outcome == "passed" and status == "none":
                status = "passed"
        made = dict(self.raised.get(phase, {})) if status in ("failed", "error") else {}
        if self.ended and status in ("failed", "error"):
            made["type"] = "Timeout"
        seconds = sum(getattr(r, "duration", 0.0) for r in self.reports.values())
        return dict(made, status=status, raised=bool(self.raised), seconds=round(seconds, 6))

    # The terminal: canaries are not for people.

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report, config):
        if report.nodeid in self.canaries:
            return "", "", ""
        return None
