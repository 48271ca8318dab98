"""A pytest plugin: says in the trace where tests begin and how they ended, and
keeps pytest-cov and Hypothesis from getting in the tracer's way.

It adds nothing to pytest's output and changes no outcome. The marks are
mark(NODEID, PHASE) with setup, call and teardown when a phase begins, and
mark(NODEID, OUTCOME) with passed, failed or skipped when a test has passed or a
phase has ended otherwise than by passing.

pytest-cov, where coverage and the tracer would both need sys.settrace (before 3.12), is
switched off as --no-cov does: there is no coverage report and --cov-fail-under
does not apply, and a problem record says so. Hypothesis gets no deadline,
which is a limit on time that the tracer takes its share of, and keeps its
examples beside the trace, by an environment variable where there is none.

PYTEST_DONT_REWRITE
"""
import os
import sys

import repaird_tracer
from pluggy import HookimplMarker

_impl = HookimplMarker("pytest")


@_impl(hookwrapper=True)
def pytest_load_initial_conftests(early_config):
    # A wrapper, to come before pytest-cov's own, which is called first of all.
    try:
        options = early_config.known_args_namespace
        if getattr(options, "cov_source", None) and repaird_tracer.engine() == "settrace" and not getattr(options, "no_cov", False):
            options.no_cov = True
            repaird_tracer.problem("pytest-cov is switched off: it and the tracer would both need sys.settrace")
        if repaird_tracer.folder():
            os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(repaird_tracer.folder(), "hypothesis"))
    except Exception:
        pass
    yield


@_impl(tryfirst=True)
def pytest_runtest_setup(item):
    _without_deadline(item)
    repaird_tracer.mark(item.nodeid, "setup")


@_impl(tryfirst=True)
def pytest_runtest_call(item):
    repaird_tracer.mark(item.nodeid, "call")


@_impl(tryfirst=True)
def pytest_runtest_teardown(item):
    repaird_tracer.mark(item.nodeid, "teardown")


@_impl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    try:
        if call.excinfo is not None and call.excinfo.typename not in ("Skipped", "XFailed", "Exit"):
            repaird_tracer.failure(call.excinfo.value)
    except Exception:
        pass


@_impl(tryfirst=True)
def pytest_runtest_logreport(report):
    if hasattr(report, "node"):  # of a worker of xdist, which has said so itself
        return
    if report.outcome != "passed" or report.when == "call":
        repaird_tracer.mark(report.nodeid, report.outcome)


def _without_deadline(item):
    if "hypothesis" not in sys.modules:
        return
    try:
        from hypothesis import settings
        test = getattr(item, "obj", None)
        test = getattr(test, "__func__", test)
        if not getattr(test, "is_hypothesis_test", False):
            return
        own = getattr(test, "_hypothesis_internal_use_settings", None) or settings.default
        if own.deadline is not None:
            test._hypothesis_internal_use_settings = settings(own, deadline=None)
    except Exception:
        pass
