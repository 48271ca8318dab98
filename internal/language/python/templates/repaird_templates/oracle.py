"""Candidates judged by tests that assert values: the failing test, and what
else of the suite executes the changed file.

A candidate stays if the failing test passes and no test that passed on base
fails. Other tests that fail on base say whether it is whole: one that still
fails although it executes a changed line means that the candidate mends a part.

Of those that stay, the likelier slip comes first, less what speaks against it in
calls near those of the tests: that it answers otherwise than base near a call
that base answered rightly, that it raises, that it does not end, that it returns
what base never does, such as None beside True and False.
"""

import math
import os
import time

from . import run, siblings, suite

SLACK = 25           # a candidate's test may compute so many times as long as on base,
LEAST, MOST = 0.04, 2.0  # seconds, within these
AGAIN = 12           # and so many times longer, where nothing stays
SUITE_SECONDS = 1.0  # of base's time for the tests that screen one candidate
MAX_SCREEN = 60
MAX_TARGETS = 10
PROBE_SECONDS, PATIENCE = 0.04, 6

UNLIKE_BASE, UNENDED, STRANGE = 0.3, 0.3, 0.2  # what the share of such answers takes from the score


def width():
    try:
        return max(1, min(4, len(os.sched_getaffinity(0))))
    except AttributeError:
        return 1


def spectrum(tests):
    """path -> line -> how closely the line goes with failing (Ochiai)."""
    failing = [t for t in tests if not t["passed"]]
    counts = {}
    for t in tests:
        for path, lines in t["lines"].items():
            of = counts.setdefault(path, {})
            for n in lines:
                bad, good = of.get(n, (0, 0))
                of[n] = (bad + (not t["passed"]), good + t["passed"])
    return {path: {n: bad / math.sqrt(len(failing) * (bad + good)) for n, (bad, good) in of.items() if bad}
            for path, of in counts.items()} if failing else {}


def screeners(test, tests, path):
    """The tests beside the failing one that a file's candidates have to pass or
    may mend, in the suite's order: tests of one module may depend on it."""
    found, seconds = [], 0.0
    for t in tests:
        if t is test.item or not t["plain"] or path not in t["lines"]:
            continue
        seconds += t["seconds"] if t["passed"] else 0
        if len(found) < MAX_SCREEN and (seconds <= SUITE_SECONDS or not t["passed"]):
            found.append(t)
    return found


def allowance(tests):
    """Seconds that one test may compute on a candidate."""
    longest = max([t["seconds"] for t in tests if t["passed"] and t["plain"]] + [0])
    return min(max(LEAST, SLACK * longest), MOST)


def attempt(test, candidate, others, seconds):
    overlay = {candidate.path: candidate.content}
    late = set()
    if test.item["plain"]:
        def over(t, passed):
            return not passed and (t is test.item or t["passed"])
        ended = suite.direct(test, overlay, [test.item] + others, seconds, over)
        passed = {i: e["passed"] for i, e in ended.items()}
        late = {i for i, e in ended.items() if e["late"]}
    else:
        passed = suite.through_pytest(test, overlay, [test.item["id"]] + [t["id"] for t in others])
    if not passed.get(test.item["id"]):
        return {"passed": False, "late": bool(late)}
    changed = candidate.lines()
    lost = [t["id"] for t in others if t["passed"] and not passed.get(t["id"])]
    still = [t["id"] for t in others if not t["passed"] and not passed.get(t["id"])]
    partial = [t["id"] for t in others if t["id"] in still and changed & set(t["lines"].get(candidate.path, ()))]
    unsure = late & set(partial)
    mended = [t["id"] for t in others if not t["passed"] and passed.get(t["id"])]
    return {"passed": not lost, "lost": lost, "late": bool(unsure or late & set(lost)), "partial": [i for i in partial if i not in unsure],
            "mended": len(mended)}


def screen(test, tests, candidates, limits, deadline):
    """The candidates that stay, likeliest first, and how many were tried. Where
    none of them is whole, those that ran out of time get more of it."""
    seconds, tried = allowance(tests), 0
    kept = {}
    while candidates:
        late = []
        for candidate, answer in attempts(test, tests, candidates, seconds, deadline, lambda: len(kept) >= limits["survivors"]):
            tried += 1
            candidate.end = end_of(answer)
            if answer is None or answer["late"]:
                late.append(candidate)
            if answer is not None and answer["passed"]:
                candidate.tests = answer
                kept[candidate] = not answer["late"] and not answer["partial"]
        if any(kept.values()) or seconds >= MOST:
            break
        candidates = sorted(late, key=lambda c: -c.score)
        seconds = min(seconds * AGAIN, MOST)
    return sorted(kept, key=lambda c: (-c.score, c.path, c.line)), tried


def end_of(answer):
    """How trying a candidate ended, in words."""
    if answer is None:
        return "does not end"
    if not answer["passed"]:
        lost = answer.get("lost")
        return "breaks " + lost[0] if lost else "takes too long" if answer["late"] else "fails the test"
    return "leaves %s failing" % answer["partial"][0] if answer["partial"] else "passes the tests"


def attempts(test, tests, candidates, seconds, deadline, enough):
    others = {}

    def jobs():
        for candidate in candidates:
            if time.monotonic() > deadline or enough():
                return
            if candidate.path not in others:
                others[candidate.path] = screeners(test, tests, candidate.path)
            yield candidate, lambda c=candidate: attempt(test, c, others[c.path], seconds)

    return run.raced(jobs(), seconds * 8 + 1, width())


def spared(test, tests, survivors, deadline):
    """Those under which tests that pass on base still do, where there is no
    failing one among them to go by."""
    others, kept = {c.path: screeners(test, tests, c.path) for c in survivors}, []
    seconds = allowance(tests) * AGAIN

    def lost(candidate):
        ended = suite.direct(test, {candidate.path: candidate.content}, others[candidate.path], seconds,
                             lambda t, passed: t["passed"] and not passed)
        return [t["id"] for t in others[candidate.path] if t["passed"] and t["id"] in ended and not ended[t["id"]]["passed"]]

    def jobs():
        for candidate in survivors:
            yield candidate, lambda c=candidate: lost(c)

    for candidate, broken in run.raced(jobs(), SUITE_SECONDS * SLACK, width()):
        if broken:
            candidate.end = "breaks " + broken[0]
        else:
            kept.append(candidate)
    return confirmed(test, tests, [c for c in survivors if c in kept], deadline)


def discerned(candidate, tests):
    """Whether a passing test executes what a candidate inverts, if it does."""
    return not candidate.flips or any(t["passed"] and candidate.lines() & set(t["lines"].get(candidate.path, ())) for t in tests)


def confirmed(test, tests, survivors, deadline):
    """Drops those that fail a test that only pytest can run."""
    slow = [t for t in tests if not t["plain"] and t["passed"]]
    kept = []
    for candidate in survivors:
        ids = [t["id"] for t in slow if candidate.path in t["lines"]][:MAX_SCREEN]
        if ids and time.monotonic() < deadline:
            passed = run.forked(lambda: suite.through_pytest(test, {candidate.path: candidate.content}, ids), 30) or {}
            lost = [i for i in ids if not passed.get(i)]
            if lost:
                candidate.end = "breaks " + lost[0]
                continue
        kept.append(candidate)
    return kept


def targets(test, tests, sources, roots):
    """The calls that tests make, of passing and of failing ones in turn."""
    passing = [t for t in tests if t["passed"] and t is not test.item]
    failing = [test.item] + [t for t in tests if not t["passed"] and t is not test.item]
    mixed = [t for pair in zip(failing, passing) for t in pair]
    mixed += [t for t in failing + passing if t not in mixed]
    found, seen = [], set()
    for t in mixed:
        for path, first, args in t["entries"]:
            source = sources.get(path)
            function = source and source.function_at(first)
            if function is None or "<locals>" in function.qualname or (path, first, args) in seen:
                continue
            seen.add((path, first, args))
            found.append({"module": siblings.module_name(path, roots), "qualname": function.qualname, "args": args,
                          "path": path, "first": first, "passed": t["passed"]})
    return found[:MAX_TARGETS]


def order(test, tests, ctx, survivors, limits, deadline):
    """Sorts survivors in place and gives each its answer: whole repairs first."""
    found = targets(test, tests, ctx.sources, test.source_roots)
    seconds = limits["run"] * 4 + MAX_TARGETS * PATIENCE * PROBE_SECONDS
    base = run.forked(lambda: answers(test, {}, found), seconds) or []
    heads = {}

    def jobs():
        for candidate in survivors:
            yield candidate, lambda c=candidate: answers(test, {c.path: c.content}, found)

    if found and time.monotonic() < deadline:
        heads = dict(run.raced(jobs(), seconds, width()))
    for candidate in survivors:
        rows = heads.get(candidate) or []
        unlike, unended, strange = against(found, base, rows)
        candidate.score = round(candidate.score - UNLIKE_BASE * unlike - UNENDED * unended - STRANGE * strange, 4)
        partial = candidate.tests["partial"]
        guess = not discerned(candidate, tests)
        candidate.key = (len(partial), guess, -candidate.score)
        candidate.behaviour = repr([[ending(r) for r in part or ()] for part in rows])
        candidate.answer = {
            "template": candidate.template, "why": candidate.why, "path": candidate.path, "line": candidate.line,
            "function": candidate.function.qualname, "edits": candidate.edits(), "score": candidate.score,
            "class": 1 if partial else 0, "guess": guess, "partial": partial[:5], "mended": candidate.tests["mended"],
            "unlike": round(unlike, 3), "unended": round(unended, 3), "strange": round(strange, 3),
        }
    survivors.sort(key=lambda c: c.key)
    group = {}
    for candidate in survivors:
        candidate.answer["behaviour"] = group.setdefault(candidate.behaviour, len(group))


def answers(test, overlay, found):
    test.prepare(overlay)
    return siblings.ask(test, found, PROBE_SECONDS, PATIENCE)


def ending(row):
    """What a call comes to, as text; None where it was not made."""
    return row and (row.get("value") or row["end"] + row.get("type", ""))


def against(found, base, head):
    """The share of the answers near passing tests' calls that differ from base's,
    of all those that are an exception that base does not raise, or no end, and
    of those that are of a type that base never returns from that function."""
    near = unlike = asked = unended = strange = 0
    types = {}
    for target, before in zip(found, base):
        types.setdefault((target["path"], target["first"]), set()).update(b["type"] for b in before or () if b and b["end"] == "return")
    for target, before, after in zip(found, base, head):
        for b, h in zip(before or (), after or ()):
            if not b or not h:
                continue
            asked += 1
            if h["end"] == "slow" or h["end"] == "raise" and ending(b) != ending(h):
                unended += 1
                continue
            known = types[target["path"], target["first"]]
            strange += bool(known) and h["end"] == "return" and h["type"] not in known
            if target["passed"] and b["end"] == "return":
                near += 1
                unlike += ending(b) != ending(h)
    return unlike / max(near, 1), unended / max(asked, 1), strange / max(asked, 1)
