"""run_module.py OUT SKIP MODULE: runs the tests of a module with unittest, but
for those whose id matches SKIP, then one of a module beside this file, and
writes what became of each to OUT: a JSON object, id of the test or subtest to a
list of outcomes, an exception's class among them."""
import json
import os
import re
import sys
import unittest

out, skip, name = sys.argv[1:]
del sys.argv[1:]
outcomes = {}


def note(test, outcome):
    # An address in the id of a subtest differs from run to run.
    outcomes.setdefault(re.sub("0x[0-9a-f]+", "0x", str(test.id())), []).append(outcome)


class Result(unittest.TestResult):
    def addSuccess(self, test):
        note(test, "passed")

    def addError(self, test, err):
        note(test, "error " + err[0].__name__)

    def addFailure(self, test, err):
        note(test, "failed " + err[0].__name__)

    def addSkip(self, test, reason):
        note(test, "skipped " + re.sub("0x[0-9a-f]+", "0x", str(reason)))

    def addExpectedFailure(self, test, err):
        note(test, "expected failure")

    def addUnexpectedSuccess(self, test):
        note(test, "unexpected success")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            note(subtest, "failed " + err[0].__name__)


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            for inner in tests_of(test):
                yield inner
        elif not (skip and re.search(skip, test.id())):
            yield test


loader = unittest.TestLoader()
# Debian's pythons leave out some modules' helpers: that is an outcome, too.
chosen = unittest.TestSuite(tests_of(loader.loadTestsFromName(name)))
result = Result()
chosen.run(result)
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "last"))
unittest.TestSuite(loader.loadTestsFromName("test_last")).run(result)
with open(out, "w") as f:
    json.dump(outcomes, f, sort_keys=True)
