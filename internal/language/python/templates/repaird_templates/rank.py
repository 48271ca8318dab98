"""Tries candidates and says of those that pass what the failing test and the
documented examples tell: whether the failing lines still run, and which examples
go wrong.

The order is that of examples that go wrong, fewer first, and of the score: how
likely the slip is, and how close its place is to the failure. What calls near the
failing one answer is asked elsewhere, by the rules of the verdict.
"""

import sys
import time

from . import examples, observe, run

# How well a template explains a kind of failure; 1 where nothing is said.
AFFINITY = {
    "IndexError": {"off-by-one": 1.0, "wrong-operator": 0.9, "adjusted-argument": 0.97, "swapped-arguments": 0.75,
                   "ignored-absence": 0.9},
    "RecursionError": {"off-by-one": 0.85, "wrong-operator": 0.9, "adjusted-argument": 0.95, "swapped-arguments": 0.95},
    "KeyError": {"off-by-one": 0.7, "wrong-operator": 0.8, "adjusted-argument": 0.6},
    "AttributeError": {"off-by-one": 0.5, "wrong-operator": 0.75, "adjusted-argument": 0.4},
    "TypeError": {"off-by-one": 0.5, "wrong-operator": 0.8, "adjusted-argument": 0.5},
    "UnboundLocalError": {"off-by-one": 0.6, "wrong-operator": 0.8, "adjusted-argument": 0.5},
    "ZeroDivisionError": {"off-by-one": 0.9, "wrong-operator": 0.85, "ignored-absence": 0.9},
}


def affinity(template, facts):
    for base in facts["bases"]:
        if base in AFFINITY:
            return AFFINITY[base].get(template, 1.0)
    return 1.0


def attempt(test, candidate):
    """Runs the test on a candidate's content; in a fork."""
    test.prepare({candidate.path: candidate.content})
    try:
        test.load()()
    except BaseException as e:
        return {"passed": type(e).__name__ == candidate.raises}
    return {"passed": candidate.raises is None}


def screen(test, ctx, candidates, limits, deadline):
    """The candidates on which the test passes, in their order, and how many were tried."""
    survivors, tried = [], 0
    for candidate in candidates:
        if time.monotonic() > deadline or len(survivors) >= limits["survivors"]:
            break
        tried += 1
        answer = run.forked(lambda: attempt(test, candidate), limits["run"])
        candidate.end = "does not end" if answer is None else "passes the test" if answer["passed"] else "fails the test"
        if answer is not None and answer["passed"]:
            survivors.append(candidate)
    return survivors, tried


def head_run(test, candidate, documented):
    """Which lines run on a candidate, and its examples; in a fork."""
    test.prepare({candidate.path: candidate.content})
    recorder = observe.Recorder(test, detail=False)
    function = test.load()
    sys.settrace(recorder.trace)
    try:
        function()
    except BaseException as e:
        if type(e).__name__ != candidate.raises:
            return {"passed": False}
    finally:
        sys.settrace(None)
    return {"passed": True, "lines": {p: sorted(n) for p, n in recorder.lines.items()}, "examples": examples.ask(documented)}


def base_examples(test, documented):
    test.prepare()
    return examples.ask(documented)


def moved(candidate, path, line):
    """Where a line of the base file stands in the candidate: (first, last)."""
    if path != candidate.path:
        return line, line
    source, shift, low, high = candidate.source, 0, None, None
    for start, end, new in candidate.changes:
        first = source.line_of(start)
        last = source.line_of(max(start, end - 1)) if end > start else first
        grown = new.count("\n") - source.data[start:end].count(b"\n")
        inserted = end == start and new.endswith("\n")
        if not inserted and first <= line <= last:
            low, high = line + shift, line + shift + max(grown, 0)
        if (inserted and first <= line) or (not inserted and last < line):
            shift += grown
    if low is not None:
        return low, high
    return line + shift, line + shift


def order(test, ctx, survivors, limits, deadline):
    """Sorts survivors in place and gives each its answer; those without one fall
    behind another by the code's own examples."""
    near = {f.path: f.source for f in ctx.crash_lines}
    documented = examples.collect(near, test.source_roots)
    before = documented and run.forked(lambda: base_examples(test, documented), limits["run"] * 6) or []
    stack = sorted({(f["path"], f["line"]) for f in ctx.facts["frames"]
                    if f["line"] != f["first"] and not ctx.raises(f["path"], f["line"])})
    checks = ctx.checks()
    for candidate in survivors:
        head = None
        if time.monotonic() < deadline:
            head = run.forked(lambda: head_run(test, candidate, documented), limits["run"] * 6)
        candidate.answer, candidate.key = None, (9, 0)
        if head is not None and not head["passed"]:
            candidate.end = "does not pass twice"
            continue
        relaxes = any(p == candidate.path and start <= low and high <= end
                      for p, start, end in checks for low, high, _ in candidate.changes)
        judge(candidate, head or {}, stack, before, relaxes)
    survivors.sort(key=lambda c: c.key)
    kept = [c for c in survivors if c.answer]
    if kept and kept[0].answer["examples"]["mended"]:
        for candidate in kept:
            if candidate.key[0] > kept[0].key[0]:
                candidate.answer = None
                candidate.end = "leaves a documented example wrong that another makes right"


def judge(candidate, head, stack, before, relaxes):
    """Gives a candidate its answer and key. One that breaks a documented example
    has none, nor one that takes the failed check away: without it there is no
    failure, whatever is right, unless an example says that it is."""
    after = head.get("examples") or []
    mended = sum(a and not b for b, a in zip(before, after))
    if relaxes and not mended:
        candidate.end = "only relaxes the check that failed"
        return
    if any(b and not a for b, a in zip(before, after)):
        candidate.end = "breaks a documented example"
        return
    ran = 1.0
    if head and stack:
        lines = {p: set(n) for p, n in head["lines"].items()}
        kept = 0
        for path, line in stack:
            low, high = moved(candidate, path, line)
            kept += any(n in lines.get(path, ()) for n in range(low, high + 1))
        ran = kept / len(stack)
    failing = sum(not a for a in after)
    # A documented absence is answered on another way by its nature.
    meant = candidate.avoids or candidate.template in ("ignored-absence", "over-broad-except")
    candidate.key = (failing, -round(candidate.score, 4))
    candidate.answer = {
        "template": candidate.template, "why": candidate.why, "path": candidate.path, "line": candidate.line,
        "function": candidate.function.qualname, "edits": candidate.edits(), "score": round(candidate.score, 4),
        "detour": ran < 1 and not meant, "unsupported": candidate.guess,
        "examples": {"asked": len(after), "mended": mended, "failing": failing},
    }
