"""What is described of an exception: its frames, causes and surroundings."""

import asyncio
import json
import os
import unittest

from repaird_evidence import Recorder
from repaird_evidence._record import entry_parameters


def describe(function, *args, **options):
    try:
        function(*args)
    except BaseException as e:
        return json.loads(Recorder(time=10, **options).describe(e))
    raise AssertionError("no exception")


def outer(a):
    inner(a, b=2)


def inner(x, b):
    raise ValueError(x)


def caused():
    try:
        outer(1)
    except ValueError as e:
        raise KeyError("k") from e


def recursive(n):
    return recursive(n + 1)


class Documents(unittest.TestCase):
    def test_frames_are_the_programs_own_outermost_first(self):
        def through_the_library():
            json.loads("1", object_hook=None, parse_int=lambda s: outer(s))
        got = describe(through_the_library)["exceptions"]
        self.assertEqual(len(got), 1)
        self.assertEqual(got[0]["type"], "builtins:ValueError")
        names = [f["function"].rpartition(".")[2] for f in got[0]["frames"]]
        self.assertEqual(names, ["describe", "through_the_library", "<lambda>", "outer", "inner"])
        last = got[0]["frames"][-1]
        self.assertEqual((os.path.basename(last["file"]), last["module"]), ("test_record.py", __name__))
        self.assertEqual(last["locals"], [["x", "1"], ["b", 2]])
        self.assertEqual(last["entry"], ["x", "b"])

    def test_causes_follow(self):
        self.assertEqual([x["type"] for x in describe(caused)["exceptions"]], ["builtins:KeyError", "builtins:ValueError"])

    def test_a_deep_recursion_keeps_both_ends(self):
        frames = describe(recursive, 0)["exceptions"][0]["frames"]
        self.assertEqual(len(frames), 20)
        self.assertEqual(frames[1]["locals"], [["n", 0]])

    def test_modules_can_be_counted_in_or_out(self):
        error = None
        try:
            outer(1)
        except ValueError as e:
            error = e
        self.assertIsNone(Recorder(not_in_app=[__name__]).describe(error))
        self.assertIn('"json', Recorder(in_app=["json"], time=10).describe(self.in_json()))

    def in_json(self):
        try:
            json.loads("{")
        except ValueError as e:
            return e

    def test_the_task_and_facts(self):
        async def main():
            asyncio.current_task().set_name("nightly")
            return describe(outer, 1, facts=lambda: {"new_checkout": True})
        loop = asyncio.new_event_loop()
        got = loop.run_until_complete(main())
        loop.close()
        self.assertEqual((got["task"], got["facts"]), ("nightly", [["new_checkout", True]]))
        self.assertNotIn("task", describe(outer, 1))

    def test_facts_that_fail_are_left_out(self):
        self.assertEqual(describe(outer, 1, facts=lambda: 1 / 0)["facts"], [])

    def test_what_cannot_be_described_is_no_error(self):
        self.assertIsNone(Recorder().describe(None))
        self.assertIsNone(Recorder().describe(ValueError("never raised")))


class EntryParameters(unittest.TestCase):
    """Which parameters still hold what was passed, at the line that fails."""

    def check(self, function, want):
        try:
            function(*[[] for _ in range(function.__code__.co_argcount)])
        except ZeroDivisionError as e:
            tb = e.__traceback__
            while tb.tb_next is not None:
                tb = tb.tb_next
            self.assertEqual(entry_parameters(tb.tb_frame.f_code, tb.tb_lasti), want)

    def test_untouched(self):
        def f(a, b, *c, d=1, **e):
            x = a
            1 / 0
        self.check(f, ["a", "b", "d", "c", "e"])

    def test_rebound_before_and_after(self):
        def f(a, b):
            a = 1
            1 / 0
            b = 2
        self.check(f, ["b"])

    def test_rebound_in_a_loop(self):
        def f(a, b):
            for i in range(3):
                1 / 0
                b = i
        self.check(f, ["a"])

    def test_rebound_by_unpacking_deleting_and_walrus_like_targets(self):
        def f(a, b, c, d):
            a, b = 1, 2
            del c
            for d in range(2):
                1 / 0
        self.check(f, [])

    def test_rebound_through_a_closure(self):
        def f(a, b):
            def g():
                return a, b
            a = 1
            1 / 0
        self.check(f, ["b"])


if __name__ == "__main__":
    unittest.main()
