"""Finds candidate fixes for a failing test, best first.

    main.answer(request, tree) -> answer

Three steps: observe the failure on the unchanged tree; propose candidates at
the places that are close to it; run the test on each and keep those that pass,
ordered by how well they agree with what the code does elsewhere.
"""

import importlib
import os
import sys
import time

from . import (absent, bounds, calls, entered, excepts, expressions, formats, lookups, missing, names, normal, observe, operators, oracle,
               rank, refusals, run, siblings, state, suite)
from .context import Context

PROPOSERS = [absent, state, excepts, lookups, normal, formats, entered, refusals, bounds, calls, operators]
# What is proposed only where tests assert values: without them, most of these
# would pass.
BOLD = [names, expressions, missing]
for _proposer in PROPOSERS + BOLD:
    _proposer.propose  # if it lacked it, collect() would take that for code of an unexpected shape


def collect(ctx, limit, proposers):
    """Candidates of all templates, best first, without duplicates."""
    best = {}
    for function in ctx.functions():
        weight = ctx.weights[function]
        for proposer in proposers:
            try:
                found = list(proposer.propose(ctx, function))
            except (ValueError, RecursionError, KeyError, IndexError, AttributeError, TypeError):
                continue  # code of a shape that a template does not expect
            for candidate in found:
                candidate.score = candidate.prior * weight * rank.affinity(candidate.template, ctx.facts)
                key = (candidate.path, candidate.content)
                if key not in best or best[key].score < candidate.score:
                    best[key] = candidate
    ordered = sorted(best.values(), key=lambda c: (-c.score, c.path, c.line, c.changes))
    return [c for c in ordered[:limit * 2] if c.valid()][:limit]


def preload(names):
    """Imports outside modules once, so that each fork starts with them."""
    for name in names:
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except BaseException:
                pass


def work(request, root):
    limits = request["limits"]
    deadline = time.monotonic() + limits["seconds"]
    test = run.TestRun(request, root)
    begin = time.monotonic()
    tests, modules = [], []
    if test.own:
        tests, modules = suite.look(test, request["test"]["path"], words(request), limits["suite"])
        preload(modules)
        test.item = named(tests, test)
        suite.confirm(test, tests, limits["suite"])
        if test.item is None or test.item["passed"]:
            return {"observed": False, "note": "the test could not be repeated" if test.item is None else "the test passes under observation"}
    facts = run.forked(lambda: observe.observe(test), limits["run"] * 4)
    # A candidate that loops is given up early where the test itself is quick.
    limits["run"] = min(limits["run"], 1 + 10 * (time.monotonic() - begin))
    if facts is None:
        return {"observed": False, "note": "the test did not end under observation"}
    if not facts["failed"]:
        return {"observed": False, "note": "the test passes under observation"}
    wanted = request.get("type")
    if "Late" in facts["bases"]:
        facts["bases"].append("Timeout")
    if wanted and wanted not in facts["bases"]:
        return {"observed": False, "note": "the test fails with %s under observation" % facts["type"]}
    if not facts["frames"] and not facts["swallowed"] and not (test.own and facts["calls"]):
        return {"observed": False, "note": "no frame of the tree is on the stack"}
    modules = facts.pop("modules")
    preload(modules)
    begin = time.monotonic()
    if test.own:
        ctx = Context(root, facts, request.get("functions") or [], [test.below(f) for f in test.excluded], oracle.spectrum(tests))
        found = collect(ctx, limits["candidates"], PROPOSERS + BOLD)
        survivors, tried = oracle.screen(test, tests, found, limits, deadline)
        passed = len(survivors)
        seconds = time.monotonic() - begin
        survivors = oracle.confirmed(test, tests, survivors, deadline)
        oracle.order(test, tests, ctx, survivors, limits, deadline)
    else:
        ctx = Context(root, facts, request.get("functions") or [])
        found = collect(ctx, limits["candidates"], PROPOSERS)
        survivors, tried = rank.screen(test, ctx, found, limits, deadline)
        seconds = time.monotonic() - begin
        passed = len(survivors)
        if survivors:
            tests, modules = suite.look(test, "", words(request), limits["suite"] / 2)
            preload(modules)
            suite.confirm(test, tests, limits["suite"] / 2)
            survivors = oracle.spared(test, tests, survivors, deadline)
        rank.order(test, ctx, survivors, limits, deadline)
        for candidate in survivors:
            if candidate.answer:
                candidate.answer["guess"] = not oracle.discerned(candidate, tests)
    shown = [c for c in found if c.end][:limits["trials"]]
    places = {id(c): i for i, c in enumerate(shown)}
    for candidate in survivors:
        if candidate.answer:
            candidate.answer["trial"] = places.get(id(candidate), -1)
    return {
        "seconds": round(seconds, 3), "tests": len(tests), "failing": sum(not t["passed"] for t in tests),
        "observed": True, "generated": len(found), "tried": tried, "passed": passed, "kept": len(survivors),
        "where": [{"path": f.path, "function": f.qualname, "why": ctx.reasons[f]} for f in ctx.functions()[:8]],
        "candidates": [c.answer for c in survivors if c.answer][:limits["answers"]],
        "per_template": count(found), "witnesses": witnesses(test, tests, survivors),
        "trials": [{"template": c.template, "path": c.path, "line": c.line, "why": c.why, "end": c.end, "edits": c.edits()}
                   for c in shown],
    }


def witnesses(test, tests, survivors):
    """How many other tests execute a file that a candidate changes."""
    paths = {c.path for c in survivors}
    return sum(1 for t in tests if t is not test.item and paths & set(t["lines"]))


def words(request):
    """What the suite's files mention that execute the code: the modules of the trace."""
    found = set()
    for hint in request.get("functions") or []:
        name = os.path.basename(hint["file"])
        found.add(os.path.basename(os.path.dirname(hint["file"])) if name == "__init__.py" else name[:-3])
    return sorted(found - {""})


def named(tests, test):
    """The test of the suite that is the failing one: node ids are relative to a
    folder that pytest chooses."""
    for t in tests:
        if os.path.realpath(t["file"]) == os.path.realpath(test.path) and t["id"].partition("::")[2] == test.name:
            return t
    return None


def count(candidates):
    out = {}
    for c in candidates:
        out[c.template] = out.get(c.template, 0) + 1
    return out


def answer(request, tree):
    # The tree's code shall find nothing of this program by its name.
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [p for p in sys.path if p not in ("", here)]
    sys.setrecursionlimit(1000)
    return work(request, tree)
