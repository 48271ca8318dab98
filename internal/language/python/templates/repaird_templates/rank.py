"""Tries candidates and orders those that pass.

The order, in this sequence of keys:

1. documented examples that still go wrong, fewer first;
2. class: 0 the failing computation still runs, nothing that the code shows of
   itself is violated; 1 one of the two is not so; others are dropped, because a
   detour that also changes what else the code does is no fix;
3. score: how likely the slip is, how close its place is to the failure, how well
   answers near the production input agree with the unchanged code's.
"""

import sys
import time

from . import examples, observe, run, siblings

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


def base_answers(test, found, documented):
    test.prepare()
    return {"answers": siblings.ask(test, found, True), "examples": examples.ask(documented)}


def head_answers(test, candidate, found, documented):
    """Which of the failing lines run on a candidate, and its answers."""
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
    return {"passed": True, "lines": {p: sorted(n) for p, n in recorder.lines.items()},
            "answers": siblings.ask(test, found, False), "examples": examples.ask(documented)}


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
    """Sorts survivors in place and gives each its answer; drops detours."""
    found = siblings.targets(ctx.facts, ctx.sources, test.source_roots)
    near = {f.path: f.source for f in ctx.crash_lines}
    documented = examples.collect(near, test.source_roots)
    known = run.forked(lambda: base_answers(test, found, documented), limits["run"] * 6) or {"answers": [], "examples": []}
    base = known["answers"]
    expected = [siblings.relations(rows) if rows else {} for rows in base]
    stack = sorted({(f["path"], f["line"]) for f in ctx.facts["frames"]
                    if f["line"] != f["first"] and not ctx.raises(f["path"], f["line"])})
    checks = ctx.checks()
    for candidate in survivors:
        candidate.answer = None
        candidate.relaxes = any(p == candidate.path and start <= low and high <= end
                                for p, start, end in checks for low, high, _ in candidate.changes)
        head = None
        if time.monotonic() < deadline:
            head = run.forked(lambda: head_answers(test, candidate, found, documented), limits["run"] * 6)
        judge(candidate, head, base, expected, stack)
        follow(candidate, head, known["examples"])
    survivors.sort(key=lambda c: c.key)
    kept = [c for c in survivors if c.answer]
    if kept and kept[0].answer.get("examples", {}).get("mended"):
        for candidate in kept:
            if candidate.key[0] > kept[0].key[0]:
                candidate.answer = None  # it leaves an example wrong that another makes right
    group = {}
    for candidate in survivors:
        if candidate.answer:
            candidate.answer["behaviour"] = group.setdefault(candidate.behaviour, len(group))


def follow(candidate, head, before):
    """Documented examples outweigh guesses: a candidate that breaks one is
    dropped, and one that leaves one wrong comes after those that do not."""
    after = (head or {}).get("examples") or []
    mended = sum(a and not b for b, a in zip(before, after))
    if candidate.relaxes and not mended:
        # Without the check that failed there is no failure, whatever is right.
        candidate.answer, candidate.key = None, (9, 9, 0)
    if not candidate.answer or not after:
        return
    if any(b and not a for b, a in zip(before, after)):
        candidate.answer, candidate.key = None, (9, 9, 0)
        return
    failing = sum(not a for a in after)
    candidate.key = (failing,) + candidate.key[1:]
    candidate.answer["examples"] = {"asked": len(after), "mended": mended, "failing": failing}


def judge(candidate, head, base, expected, stack):
    candidate.key, candidate.behaviour = (9, 9, 0), ""
    if head is None or not head.get("passed"):
        if head is not None:
            return  # it does not pass twice
        head = {"lines": None, "answers": []}
    ran = 1.0
    if head["lines"] is not None and stack:
        lines = {p: set(n) for p, n in head["lines"].items()}
        kept = 0
        for path, line in stack:
            low, high = moved(candidate, path, line)
            kept += any(n in lines.get(path, ()) for n in range(low, high + 1))
        ran = kept / len(stack)
    total = {"asked": 0, "equal": 0, "differ": 0, "strayed": 0, "broke": 0, "healed": 0, "still": 0,
             "distinct": 0, "violated": []}
    changed = {(candidate.path, n) for n in candidate.lines()}
    for b, h, e in zip(base, head["answers"], expected):
        if b and h:
            for key, value in siblings.compare(b, h, e, changed).items():
                total[key] += value
    detour = ran < 1
    # A documented absence is answered on another way by its nature.
    answered = candidate.template in ("ignored-absence", "over-broad-except")
    meant = candidate.avoids or answered
    returned = total["equal"] + total["differ"] + total["strayed"] + total["broke"]
    faithful = total["equal"] == returned and total["distinct"] >= 3
    odd = not faithful and (bool(total["violated"]) or total["broke"] > 0 or total["strayed"] > 0 or total["differ"] * 4 > returned)
    if detour and not answered and (odd or not meant and not (total["differ"] == 0 and total["distinct"] >= 3)):
        return
    if candidate.guess and (total["differ"] or total["distinct"] < 2):
        return
    cls = int(detour and not meant or odd and not answered)
    asked = max(total["asked"], 1)
    failed = total["healed"] + total["still"]
    score = candidate.score
    score += 0.12 * (total["equal"] / returned if returned else 0.5)
    score += 0.06 * (total["healed"] / failed if failed and not detour else 0.5)
    score -= 0.1 * min(total["broke"] + total["strayed"], asked) / asked
    candidate.key = (0, cls, -round(score, 4))
    candidate.behaviour = repr([[(r or {}).get("value", (r or {}).get("end")) for r in rows or []] for rows in head["answers"]])
    candidate.answer = {
        "template": candidate.template, "why": candidate.why, "path": candidate.path, "line": candidate.line,
        "function": candidate.function.qualname, "edits": candidate.edits(), "score": round(score, 4), "class": cls,
        "runs_failing_lines": round(ran, 3),
    }
