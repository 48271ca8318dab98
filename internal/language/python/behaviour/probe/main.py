"""What the tree's code answers near a failing test's call.

    main.answer(request, tree) -> answer

Each side runs in an interpreter of its own (side.py), on a copy of the tree
made of links, with the patch's files in place of the tree's.
"""

import ast
import base64
import difflib
import json
import os
import subprocess
import sys
import tempfile

import mutants
import pin
import variations

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = (1, 4711)
TWINS = 4
SKIPPED = {".git", "node_modules", ".venv", "venv", "__pycache__", "site-packages"}
MAX_FILES = 400        # of the tree that are read for words
REPEATS = (0.0, 0.3, 0.7)


def answer(request, tree):
    ask = {"neighbours": neighbours, "answers": answers, "rivals": rivals, "compete": compete, "pin": pinned}[request["ask"]]
    return ask(request, tree)


# Sides

def laid_out(tree, overlay):
    """A directory with the tree and the overlay over it, of links."""
    root = os.path.join(tempfile.mkdtemp(prefix="repaird-"), "tree")
    os.mkdir(root)
    link(tree, root, [p.split("/") for p in overlay])
    for path, content in overlay.items():
        if content is None:
            continue
        target = os.path.join(root, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as f:
            f.write(base64.b64decode(content))
    return root


def link(source, target, paths):
    """Links a folder's entries; folders that paths lead through are real."""
    through = {}
    for path in paths:
        through.setdefault(path[0], []).append(path[1:])
    for name in os.listdir(source):
        if name not in through:
            os.symlink(os.path.join(source, name), os.path.join(target, name))
        elif [] not in through[name]:
            os.mkdir(os.path.join(target, name))
            link(os.path.join(source, name), os.path.join(target, name), through[name])


class Sides:
    """Interpreters that answer at the same time."""

    def __init__(self, request):
        self.request = request
        self.running = []

    def start(self, root, calls, seed=SEEDS[0], lines=True):
        r = self.request
        job = {"root": root, "test": r["test"], "roots": r["roots"], "calls": calls, "lines": lines, "seconds": r["seconds"]}
        env = dict(os.environ, PYTHONHASHSEED=str(seed))
        out = tempfile.TemporaryFile()
        feed = tempfile.TemporaryFile()
        feed.write(json.dumps(job).encode())
        feed.seek(0)
        child = subprocess.Popen([sys.executable, "-s", "-B", os.path.join(HERE, "side.py")], stdin=feed, stdout=out,
                                 stderr=subprocess.DEVNULL, env=env, cwd=root)
        feed.close()
        self.running.append((child, out, len(calls)))

    def wait(self):
        all_ = []
        for child, out, n in self.running:
            try:
                child.wait(self.request["seconds"] + 10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            out.seek(0)
            try:
                found = json.loads(out.read().decode())
            except ValueError:
                found = []
            out.close()
            all_.append((found + [{"end": "lost"}] * n)[:n])
        self.running = []
        return all_


def compared(a, b):
    """a, marked as varying where b is another answer."""
    keys = ("end", "value", "type", "state", "output", "files")
    if b["end"] in ("lost", "slow"):
        return a
    if any(a.get(k) != b.get(k) for k in keys):
        a["varies"] = True
    return a


def on_base(request, root, calls):
    sides = Sides(request)
    sides.start(root, calls)
    sides.start(root, calls, seed=SEEDS[1], lines=False)
    first, second = sides.wait()
    return [compared(a, b) for a, b in zip(first, second)]


# What is asked

def neighbours(request, tree):
    test, limit = request["test"], request["limit"]
    root = laid_out(tree, {})
    shape = variations.Shape(test["source"], test["name"])
    texts, numbers = variations.words(sources(tree) + [shape.module])
    own = variations.Variation(test["source"], "", "", None, None)
    chosen = [own] + variations.choose(variations.varied(shape, texts, numbers), [test["source"]], limit * 2 // 5)
    calls = [call(v, 0) for v in chosen]
    found = on_base(request, root, [c["test"] for c in calls])
    picked = twins(test["source"], calls, found)
    more = []
    if picked:
        known = {c["test"] for c in calls}
        each = max(20, (limit - len(calls)) // len(picked))
        for i in picked:
            calls[i]["twin"] = True
            near = variations.Shape(calls[i]["test"], test["name"])
            for v in variations.choose(variations.varied(near, texts, numbers), known, each):
                known.add(v.source)
                more.append(call(v, i))
        # Both ends of a normalising change of other inputs.
        for i in picked:
            if calls[i]["normalising"]:
                partners(shape, calls, found, i, more)
    if more:
        start = len(calls)
        calls += more
        found += on_base(request, root, [c["test"] for c in calls[start:]])
        pair(calls)
    for c in calls:
        try:
            c["shown"] = variations.Shape(c["test"], test["name"]).shown()[:2000]
        except (ValueError, SyntaxError, RecursionError):
            c["shown"] = ""
        c.pop("after", None)
        c.pop("reverse", None)
    return {"calls": calls, "answers": found, "asserts": shape.asserts, "why": "" if len(calls) > 1 else "the test has no literal that can be varied"}


def call(v, seed):
    same = isinstance(v.before, str) and isinstance(v.after, str) and v.before != v.after and variations.normal(v.before) == variations.normal(v.after)
    return {"test": v.source, "seed": seed, "leaf": v.leaf, "edit": v.edit, "from": shown(v.before), "to": shown(v.after),
            "twin": False, "normalising": same, "partner": -1, "after": v.after if isinstance(v.after, str) else None}


def shown(value):
    return "" if value is None else repr(value)[:200]


def twins(source, calls, found):
    """The nearest answered call by each leaf, normalising ones first."""
    near = []
    for i, (c, a) in enumerate(zip(calls, found)):
        if i and a["end"] == "return" and not a.get("varies"):
            ratio = difflib.SequenceMatcher(None, source, c["test"], autojunk=False).quick_ratio()
            near.append((not c["normalising"], -ratio, variations.ordered(c["test"]), i))
    picked, leaves = [], set()
    for _, _, _, i in sorted(near):
        leaf = "joint" if calls[i]["leaf"].startswith("joint") else calls[i]["leaf"]
        if leaf not in leaves and len(picked) < TWINS:
            leaves.add(leaf)
            picked.append(i)
    return picked


REVERSE = {"lower": str.lower, "upper": str.upper, "title": str.title, "strip": str.strip,
           "space before": lambda v: " " + v, "space after": lambda v: v + " "}


def reverse(before, after):
    """The change that turns the answered text into the failing one."""
    for change in REVERSE.values():
        if change(after) == before:
            return change
    return None


def partners(shape, calls, found, twin, more):
    """For each other answered value at a normalising twin's leaf, the call with
    the change that production's value had (from GBP to gbp)."""
    leaf = calls[twin]["leaf"]
    node = next((l for l in variations.leaves(shape)[0] if l.path == leaf), None)
    if node is None:
        return
    change = reverse(node.value, calls[twin]["after"])
    if change is None:
        return
    known = {c["test"] for c in calls} | {c["test"] for c in more}
    for i, c in enumerate(calls[:len(found)]):
        if i == twin or c["leaf"] != leaf or c["seed"] != 0 or found[i]["end"] != "return" or not c["after"]:
            continue
        other = change(c["after"])
        if other == c["after"]:
            continue
        source = shape.replaced([(node.node, repr(other))])
        c["reverse"] = source
        if source not in known:
            known.add(source)
            more.append(call(variations.Variation(source, leaf, "case", c["after"], other), 0))


def pair(calls):
    at = {c["test"]: i for i, c in enumerate(calls)}
    for c in calls:
        if c.get("reverse"):
            c["partner"] = at.get(c["reverse"], -1)


def sources(tree):
    """The syntax trees of the tree's own files, small ones first."""
    found = []
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                try:
                    found.append((os.path.getsize(path), path))
                except OSError:
                    pass
        if len(found) > 5 * MAX_FILES:
            break
    trees = []
    for size, path in sorted(found)[:MAX_FILES]:
        if size > 200000:
            break
        try:
            with open(path, "rb") as f:
                trees.append(ast.parse(f.read()))
        except (SyntaxError, ValueError, OSError, RecursionError):
            pass
    return trees


def answers(request, tree):
    """Answers of one side; the first call again, elsewhere in the order and in
    the other interpreter."""
    calls = request["calls"]
    if not calls:
        return []
    root = laid_out(tree, request["overlay"])
    half = (len(calls) + 1) // 2
    own = calls[0]
    first, second = calls[:half], [own] + calls[half:]
    first = first[:len(first) // 3] + [own] + first[len(first) // 3:] if len(first) > 1 else first + [own]
    again = max(1, len(calls[:half]) // 3) if len(calls[:half]) > 1 else len(first) - 1
    sides = Sides(request)
    sides.start(root, first)
    sides.start(root, second)
    a, b = sides.wait()
    repeated = [a.pop(again), b[0]]
    for other in repeated:
        a[0] = compared(a[0], other)
    return a + b[1:]


def pinned(request, tree):
    return pin.pin(request)


def rivals(request, tree):
    return mutants.rivals(request, tree)


def compete(request, tree):
    """Answers of several overlays, two at a time, without the lines that ran."""
    all_, pending = [], list(request["overlays"])
    while pending:
        sides = Sides(request)
        for overlay in pending[:2]:
            sides.start(laid_out(tree, overlay), request["calls"])
        pending = pending[2:]
        all_ += sides.wait()
    return all_
