"""Calls near those that the repository's tests make, by values like theirs.

They order candidates of a test that asserts, of which there can be many that
pass: one fork makes all calls of a candidate, and one that hangs is given up
after a few. What calls near an event's answer is asked by the verdict's rules.
"""

import copy
import importlib
import pickle
import re
import signal

MAX_PROBES = 48  # near one call


class TooSlow(BaseException):
    pass


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
    """Inputs near args (a list), their own first."""
    found = [list(args)]
    near = [list(variants(value))[:12] for value in args]
    for n in range(12):
        for i in range(len(args)):
            if n < len(near[i]):
                found.append(args[:i] + [near[i][n]] + args[i + 1:])
    found = found[:MAX_PROBES // 2]
    for inputs in found[:12]:
        for i, value in enumerate(inputs):
            found += [inputs[:i] + [v] + inputs[i + 1:] for v in orders(value)]
    return found[:MAX_PROBES]


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


def ask(test, found, seconds, patience):
    """Calls every target with every probe, each for so many seconds at most; for
    use in a fork after prepare(). Probes of a target end when more than patience
    of them took too long."""
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
        for inputs in probes(args):
            row = call(thing, inputs, keywords, seconds) if slow <= patience else None
            slow += bool(row) and row["end"] == "slow"
            rows.append(row)
        answers.append(rows)
    return answers


def call(thing, inputs, keywords, seconds):
    try:
        args, named = copy.deepcopy((inputs, keywords))
    except Exception:
        return None
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        try:
            value = thing(*args, **named)
            if hasattr(value, "__next__"):
                value = [v for v, _ in zip(value, range(50))]
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return {"end": "return", "type": type(value).__name__, "value": canonical(value)}
    except TooSlow:
        return {"end": "slow"}
    except BaseException as e:
        return {"end": "raise", "type": type(e).__name__}
