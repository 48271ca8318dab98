"""Tries candidates and orders those that pass.

The order, in this sequence of keys:

1. class: 0 the failing computation still runs, nothing that the code shows of
   itself is violated; 1 one of the two is not so; others are dropped, because a
   detour that also changes what else the code does is no fix;
2. score: how likely the slip is, how close its place is to the failure, how well
   answers near the production input agree with the unchanged code's.
"""

import sys
import time

from . import observe, run, siblings

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
    except BaseException:
        return {"passed": False}
    return {"passed": True}


def screen(test, ctx, candidates, limits, deadline):
    """The candidates on which the test passes, in their order, and how many were tried."""
    survivors, tried = [], 0
    for candidate in candidates:
        if time.monotonic() > deadline or len(survivors) >= limits["survivors"]:
            break
        tried += 1
        answer = run.forked(lambda: attempt(test, candidate), limits["run"])
        if answer is not None and answer.get("passed"):
            survivors.append(candidate)
    return survivors, tried


def base_answers(test, found):
    test.prepare()
    return siblings.ask(test, found, True)


def head_answers(test, candidate, found):
    """Which of the failing lines run on a candidate, and its answers."""
    test.prepare({candidate.path: candidate.content})
    recorder = observe.Recorder(test, detail=False)
    function = test.load()
    sys.settrace(recorder.trace)
    try:
        function()
    except BaseException:
        return {"passed": False}
    finally:
        sys.settrace(None)
    return {"passed": True, "lines": {p: sorted(n) for p, n in recorder.lines.items()},
            "answers": siblings.ask(test, found, False)}


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
    base = run.forked(lambda: base_answers(test, found), limits["run"] * 6) if found else None
    base = base or []
    expected = [siblings.relations(rows) if rows else {} for rows in base]
    stack = sorted({(f["path"], f["line"]) for f in ctx.facts["frames"]})
    for candidate in survivors:
        candidate.answer = None
        head = None
        if time.monotonic() < deadline:
            head = run.forked(lambda: head_answers(test, candidate, found), limits["run"] * 6)
        judge(candidate, head, base, expected, stack)
    survivors.sort(key=lambda c: c.key)
    group = {}
    for candidate in survivors:
        if candidate.answer:
            candidate.answer["behaviour"] = group.setdefault(candidate.behaviour, len(group))


def judge(candidate, head, base, expected, stack):
    candidate.key, candidate.behaviour = (9, 0), ""
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
    total = {"asked": 0, "equal": 0, "differ": 0, "strayed": 0, "broke": 0, "healed": 0, "still": 0, "violated": []}
    changed = {(candidate.path, n) for n in candidate.lines()}
    for b, h, e in zip(base, head["answers"], expected):
        if b and h:
            for key, value in siblings.compare(b, h, e, changed).items():
                total[key] += value
    detour = ran < 1
    # A documented absence is answered on another way by its nature.
    meant = candidate.template in ("ignored-absence", "over-broad-except")
    odd = bool(total["violated"]) or total["broke"] > 0 or total["strayed"] > 0
    cls = 0
    if detour and not meant:
        cls += 1
    if odd:
        cls += 1
    if detour and not meant and total["differ"] > total["equal"]:
        cls += 1
    if cls > 1:
        return
    asked = max(total["asked"], 1)
    returned = total["equal"] + total["differ"] + total["strayed"] + total["broke"]
    failed = total["healed"] + total["still"]
    score = candidate.score
    score += 0.08 * (total["equal"] / returned if returned else 0.5)
    score += 0.06 * (total["healed"] / failed if failed and not detour else 0.5)
    score -= 0.1 * min(total["broke"] + total["strayed"], asked) / asked
    candidate.key = (cls, -round(score, 4))
    candidate.behaviour = repr([[(r or {}).get("value", (r or {}).get("end")) for r in rows or []] for rows in head["answers"]])
    candidate.answer = {
        "template": candidate.template, "why": candidate.why, "path": candidate.path, "line": candidate.line,
        "function": candidate.function.qualname, "edits": candidate.edits(), "score": round(score, 4), "class": cls,
        "runs_failing_lines": round(ran, 3), "siblings": total,
    }
