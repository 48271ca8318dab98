"""A plugin of pytest that writes the outcome of each phase of each test to the
file named by OUTCOMES."""
import json
import os

outcomes = {}


def pytest_runtest_logreport(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    kind = crash.message.split(":")[0].split("\n")[0] if crash is not None else ""
    outcomes.setdefault(report.nodeid, []).append("%s %s %s" % (report.when, report.outcome, kind))


def pytest_sessionfinish(session):
    with open(os.environ["OUTCOMES"], "w") as f:
        json.dump(outcomes, f, sort_keys=True)
