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

from . import absent, bounds, calls, excepts, observe, operators, rank, run, siblings, state
from .context import Context

PROPOSERS = [absent, state, excepts, bounds, calls, operators]
for _proposer in PROPOSERS:
    _proposer.propose  # if it lacked it, collect() would take that for code of an unexpected shape


def collect(ctx, limit):
    """Candidates of all templates, best first, without duplicates."""
    best = {}
    for function in ctx.functions():
        weight = ctx.weights[function]
        for proposer in PROPOSERS:
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
    facts = run.forked(lambda: observe.observe(test), limits["run"] * 4)
    # A candidate that loops is given up early where the test itself is quick.
    limits["run"] = min(limits["run"], 1 + 10 * (time.monotonic() - begin))
    if facts is None:
        return {"observed": False, "note": "the test did not end under observation"}
    if not facts["failed"]:
        return {"observed": False, "note": "the test passes under observation"}
    wanted = request.get("type")
    if wanted and wanted not in facts["bases"]:
        return {"observed": False, "note": "the test fails with %s under observation" % facts["type"]}
    if not facts["frames"] and not facts["swallowed"]:
        return {"observed": False, "note": "no frame of the tree is on the stack"}
    modules = facts.pop("modules")
    ctx = Context(root, facts, request.get("functions") or [])
    found = collect(ctx, limits["candidates"])
    preload(modules)
    survivors, tried = rank.screen(test, ctx, found, limits, deadline)
    rank.order(test, ctx, survivors, limits, deadline)
    return {
        "observed": True, "generated": len(found), "tried": tried, "passed": len(survivors),
        "where": [{"path": f.path, "function": f.qualname, "why": ctx.reasons[f]} for f in ctx.functions()[:8]],
        "candidates": [c.answer for c in survivors if c.answer][:limits["answers"]],
        "per_template": count(found),
    }


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
