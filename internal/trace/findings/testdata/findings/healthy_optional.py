"""Many calls: light values, optional arguments, early returns, a retry that works at last."""
import tempfile
import os


class Flaky(Exception):
    pass


def attempt(state):
    state["n"] += 1
    if state["n"] % 3:
        raise Flaky("try %d" % state["n"])
    return state["n"]


def retry(state, times=5):
    for _ in range(times):
        try:
            return attempt(state)
        except Flaky:
            continue
    return None


def clip(value, low=None, high=None):
    if low is not None and value < low:
        return low
    if high is not None and value > high:
        return high
    return value


def save(lines):
    handle, name = tempfile.mkstemp()
    with os.fdopen(handle, "w") as out:
        for line in lines:
            write(out, line)
    return name


def write(out, line):
    if not line:
        return None
    return out.write(line + "\n")


state = {"n": 0}
assert [retry(state) for _ in range(20)][-1] == 60
assert sum(clip(i, 10, 90 if i % 2 else None) for i in range(100)) > 0
name = save(["a", "", "b"] * 40)
assert os.path.getsize(name) == 160
os.unlink(name)
