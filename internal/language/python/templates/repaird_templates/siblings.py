"""Neighbours of the crashing call: the same function with inputs like the
production one. They tell a fix that is right from one that only silences this
input.

Relations that the unchanged code shows wherever it returns are expected of a
fix too: the type of the result, that it is a member of an argument, that the
order of an argument does not matter, that it grows with an argument.
"""

import copy
import importlib
import pickle
import re
import signal
import sys

from .observe import Recorder

MAX_FUNCTIONS = 4
MAX_PROBES = 48   # of one function
SECONDS = 0.25    # that one probe may compute


class TooSlow(BaseException):
    pass


def targets(facts, sources, roots):
    """The functions on the way to the crash that can be called from outside."""
    found, seen = [], set()
    calls = {(c["path"], c["first"]): c for c in facts["calls"]}
    frames = facts["frames"]
    for frame in frames[:3] + frames[-3:]:
        key = (frame["path"], frame["first"])
        call = calls.get(key)
        if key in seen or call is None or not call["args"] or len(found) >= MAX_FUNCTIONS:
            continue
        seen.add(key)
        source = sources.get(frame["path"])
        function = source and source.function_at(frame["first"])
        if function is None or "<locals>" in function.qualname:
            continue
        found.append({"module": module_name(frame["path"], roots), "qualname": function.qualname,
                      "args": call["args"], "path": frame["path"], "first": frame["first"]})
    return found


def module_name(path, roots):
    """The dotted name under which the tree's file is imported."""
    for root in sorted(roots, key=len, reverse=True):
        prefix = "" if root in (".", "") else root.strip("/") + "/"
        if path.startswith(prefix):
            name = path[len(prefix):]
            break
    else:
        name = path
    name = re.sub(r"(/__init__)?\.py$", "", name)
    return name.replace("/", ".")


def variants(value, depth=0):
    """Values like the given one, near ones first."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int):
        for v in (value - 1, value + 1, 0, 1, 2, value // 2):
            if v != value and (v >= 0 or value < 0):
                yield v
    elif isinstance(value, float):
        for v in (value + 1, value / 2, 0.0):
            if v != value:
                yield v
    elif isinstance(value, str):
        for v in (value[:-1], value[1:], value + value[-1:], value[:1], value.upper(), value.swapcase()):
            if v != value:
                yield v
    elif isinstance(value, (list, tuple)):
        kind = type(value)
        try:
            for v in (value[:-1], value[1:], value[:len(value) // 2], value[:1], value + value[:1], value + value):
                if v != value:
                    yield kind(v)
            if depth < 2:
                for i in list(range(len(value)))[:3]:
                    for v in list(variants(value[i], depth + 1))[:3]:
                        yield kind(list(value[:i]) + [v] + list(value[i + 1:]))
        except Exception:
            return
    elif isinstance(value, dict):
        for key in list(value)[:4]:
            yield {k: v for k, v in value.items() if k != key}
            if depth < 2:
                for v in list(variants(value[key], depth + 1))[:2]:
                    yield dict(value, **{key: v}) if isinstance(key, str) else {**value, key: v}


def orders(value):
    """Other orders of a list of scalars."""
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(v, (int, float, str)) for v in value):
        return
    try:
        candidates = [value[::-1], value[1:] + value[:1], sorted(value)]
    except TypeError:
        return
    for v in candidates:
        if v != value:
            yield v


def probes(args):
    """Inputs near args (a list): (args, group, slot), group naming inputs that
    differ only in order, slot the argument that alone was changed."""
    base = [(list(args), -1)]
    near = [list(variants(value))[:12] for value in args]
    for n in range(12):
        for i in range(len(args)):
            if n < len(near[i]):
                base.append((args[:i] + [near[i][n]] + args[i + 1:], i))
    base, out = base[:MAX_PROBES // 2], []
    for group, (inputs, slot) in enumerate(base):
        out.append((inputs, group, slot))
    for group, (inputs, _) in enumerate(base[:12]):
        for i, value in enumerate(inputs):
            for v in list(orders(value)):
                out.append((inputs[:i] + [v] + inputs[i + 1:], group, -2))
    return out[:MAX_PROBES]


def canonical(value, depth=0):
    """A text that is equal for values that are equal in effect."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return repr(value)[:200]
    if depth > 3:
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "(" + ",".join(canonical(v, depth + 1) for v in value[:50]) + ")%d" % len(value)
    if isinstance(value, (set, frozenset)):
        return type(value).__name__ + "(" + ",".join(sorted(canonical(v, depth + 1) for v in list(value)[:50])) + ")"
    if isinstance(value, dict):
        return "{" + ",".join(canonical(k, depth + 1) + ":" + canonical(v, depth + 1) for k, v in list(value.items())[:50]) + "}"
    fields = getattr(value, "__dict__", None)
    if isinstance(fields, dict) and not callable(value):
        return type(value).__name__ + canonical(fields, depth + 1)
    return type(value).__name__


def number(value):
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def ask(test, found, watch, seconds=SECONDS, patience=MAX_PROBES):
    """Calls every target with every probe; for use in a fork after prepare().
    Probes of a target end when more than patience of them took too long."""
    def late(*_):
        raise TooSlow()

    signal.signal(signal.SIGPROF, late)
    answers = []
    for target in found:
        try:
            thing = importlib.import_module(target["module"])
            for part in target["qualname"].split("."):
                thing = getattr(thing, part)
            args, keywords = pickle.loads(bytes.fromhex(target["args"]))
        except BaseException:
            answers.append(None)
            continue
        rows, slow = [], 0
        for inputs, group, slot in probes(args):
            row = call(test, thing, inputs, keywords, group, slot, watch, seconds) if slow <= patience else None
            slow += bool(row) and row["end"] == "slow"
            rows.append(row)
        answers.append(rows)
    return answers


def call(test, thing, inputs, keywords, group, slot, watch, seconds):
    try:
        given = copy.deepcopy((inputs, keywords))
        kept = copy.deepcopy(inputs)
    except Exception:
        return None
    row = {"group": group, "slot": slot}
    if slot == -1:
        row["ats"] = [number(v) for v in kept]
    elif 0 <= slot < len(kept):
        row["at"] = number(kept[slot])
    recorder = Recorder(test, detail=False) if watch else None
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        if recorder:
            sys.settrace(recorder.trace)
        try:
            value = thing(*given[0], **given[1])
            if hasattr(value, "__next__"):
                value = [v for v, _ in zip(value, range(50))]
        finally:
            sys.settrace(None)
            signal.setitimer(signal.ITIMER_PROF, 0)
        row.update(end="return", type=type(value).__name__, value=canonical(value), number=number(value))
        row["member"] = [i for i, a in enumerate(kept) if isinstance(a, (list, tuple)) and contains(a, value)]
    except TooSlow:
        row["end"] = "slow"
    except BaseException as e:
        row.update(end="raise", type=type(e).__name__)
    if recorder:
        row["lines"] = {p: sorted(n) for p, n in recorder.lines.items()}
    return row


def contains(items, value):
    try:
        return any(item == value for item in items)
    except Exception:
        return False


def relations(rows):
    """What holds wherever the unchanged code returned."""
    returned = [r for r in rows if r and r["end"] == "return"]
    if len(returned) < 2:
        return {}
    found = {"types": sorted({r["type"] for r in returned})}
    if len({r["value"] for r in returned}) >= 3:
        members = set(returned[0]["member"])
        for r in returned:
            members &= set(r["member"])
        if members:
            found["member"] = sorted(members)
    same, different = agreement(returned)
    # Equal results of all orders say little where every input gives that result.
    if same >= 3 and not different and len({r["value"] for r in returned}) >= 3:
        found["order"] = True
    rising = {}
    for slot in {r["slot"] for r in returned if r["slot"] >= 0}:
        direction = trend(points(rows, slot))
        if direction:
            rising[str(slot)] = direction
    if rising:
        found["trend"] = rising
    return found


def agreement(returned):
    """Groups whose members agree, and groups whose members differ."""
    groups = {}
    for r in returned:
        groups.setdefault(r["group"], []).append(r["value"])
    same = different = 0
    for values in groups.values():
        if len(values) > 1:
            if len(set(values)) == 1:
                same += 1
            else:
                different += 1
    return same, different


def points(rows, slot):
    """(argument, result) of the calls that differ in one argument only."""
    found = []
    for r in rows:
        if r and r["end"] == "return" and r["number"] is not None:
            at = r["ats"][slot] if r["slot"] == -1 and slot < len(r["ats"]) else r.get("at") if r["slot"] == slot else None
            if at is not None:
                found.append((at, r["number"]))
    return sorted(found)


def trend(at):
    """+1 or -1 where at least four results rise or fall with the argument."""
    values = [v for _, v in at]
    if len(values) < 4 or len(set(values)) < 3:
        return 0
    if all(a <= b for a, b in zip(values, values[1:])):
        return 1
    if all(a >= b for a, b in zip(values, values[1:])):
        return -1
    return 0


def compare(base, head, expected, changed):
    """How a candidate's answers compare with the unchanged code's.

    changed is the set of (path, line) that the candidate touches.
    """
    out = {"asked": 0, "equal": 0, "differ": 0, "strayed": 0, "broke": 0, "healed": 0, "still": 0,
           "distinct": 0, "violated": []}
    kept = set()
    for b, h in zip(base, head):
        if not b or not h:
            continue
        out["asked"] += 1
        if b["end"] == "return":
            ran = any((p, n) in changed for p, lines in b.get("lines", {}).items() for n in lines)
            if h["end"] != "return":
                out["broke"] += 1
            elif h["value"] == b["value"]:
                out["equal"] += 1
                kept.add(b["value"])
            else:
                out["differ" if ran else "strayed"] += 1
        elif h["end"] == "return":
            out["healed"] += 1
        else:
            out["still"] += 1
    out["distinct"] = len(kept)
    returned = [r for r in head if r and r["end"] == "return"]
    if expected.get("types") and any(r["type"] not in expected["types"] for r in returned):
        out["violated"].append("type of the result")
    if expected.get("member") and any(not set(expected["member"]) <= set(r["member"]) for r in returned):
        out["violated"].append("membership of the result")
    if expected.get("order"):
        same, different = agreement(returned)
        if different * 10 > same:
            out["violated"].append("independence of order")
    for slot, direction in expected.get("trend", {}).items():
        values = points(head, int(slot))
        results = [v * direction for _, v in values]
        if any(a > b for a, b in zip(results, results[1:])):
            out["violated"].append("monotony")
    return out
