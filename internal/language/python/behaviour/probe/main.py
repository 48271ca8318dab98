"""What the tree's code answers near a failing test's call.

    main.answer(request, tree) -> answer

Each side runs in an interpreter of its own (side.py). The order of questions
for a neighbourhood: the test's own call; calls near it; calls near its twins,
which are the nearest ones that base answers, since around a failing input base
answers almost nothing.
"""

import ast
import base64
import difflib
import json
import os
import random
import select
import subprocess
import sys
import tempfile
import time
import unicodedata

import entry
import mutants
import pin
import variations

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = (1, 4711)
TWINS = 4
WITNESSES = 12         # values at a normalising twin's leaf that are tried in both forms
SKIPPED = {".git", "node_modules", ".venv", "venv", "__pycache__", "site-packages"}
MAX_FILES = 400        # of the tree that are read for words
COMPARED = ("end", "value", "type", "state", "output", "files", "raised")


def answer(request, tree):
    ask = {"neighbours": neighbours, "answers": answers, "rivals": rivals, "compete": compete, "pin": pinned}[request["ask"]]
    return ask(request, tree)


MOST_PATIENT = 2.5  # times what is given on an idle host


def patient(seconds):
    """How long to wait for what takes so many seconds on an idle host: where more
    processes run than there are processors, each takes longer, and an answer that
    is not waited for is one that cannot be compared."""
    try:
        busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        busy = 1
    return seconds * min(MOST_PATIENT, max(1, busy))


# Sides

class Sides:
    """Interpreters that answer at the same time."""

    def __init__(self, request, root):
        self.request, self.running = request, []
        self.job = {"root": root, "test": request["test"], "roots": request["roots"], "own": sorted(entry.modules(root, request["roots"]))}

    def start(self, seed=SEEDS[0], lines=True):
        space = tempfile.mkdtemp(prefix="repaird-")
        env = dict(os.environ, PYTHONHASHSEED=str(seed), TMPDIR=space, HOME=space)
        child = subprocess.Popen([sys.executable, "-s", "-B", os.path.join(HERE, "side.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, env=env)
        self.running.append((child, lines))

    def ask(self, requests, seconds):
        """What each side answers to its request; None for one that ended."""
        for (child, lines), request in zip(self.running, requests):
            job = dict(self.job, lines=lines, seconds=seconds, **request)
            try:
                child.stdin.write(json.dumps(job).encode() + b"\n")
                child.stdin.flush()
            except OSError:
                pass  # its answer is missing too
        deadline = time.monotonic() + seconds + 10
        return [received(child, deadline) for child, _ in self.running]

    def calls(self, lists, seconds):
        """Answers of each side to its own calls, exactly as many."""
        found = self.ask([{"calls": calls} for calls in lists], seconds)
        return [filled(a, len(calls)) for a, calls in zip(found, lists)]

    def close(self):
        for child, _ in self.running:
            child.kill()
            child.stdin.close()
            child.stdout.close()
            child.wait()
        self.running = []


def received(child, deadline):
    chunks, fd = [], child.stdout.fileno()
    while not (chunks and chunks[-1].endswith(b"\n")):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            child.kill()
            return None
        chunk = os.read(fd, 1 << 20)
        if not chunk:
            return None
        chunks.append(chunk)
    try:
        return json.loads(b"".join(chunks).decode())
    except ValueError:
        return None


def filled(found, n):
    found = [a if isinstance(a, dict) and "end" in a else {"end": "lost"} for a in found or []]
    return (found + [{"end": "lost"}] * n)[:n]


def compared(a, b):
    """a, marked as varying where b, the same call again, is another answer, or
    none although there was time for one."""
    if a["end"] in ("lost", "slow") or b.get("message") == "out of time":
        return a
    if any(a.get(k) != b.get(k) for k in COMPARED):
        return dict(a, varies=True)
    return a


# A neighbourhood

class Neighbourhood:
    """The calls near a test's own, and what base answers to them."""

    def __init__(self, request, tree):
        self.request, self.sides = request, Sides(request, tree)
        self.source = entry.standalone(request["test"]["source"], request["test"]["name"])
        request["test"]["source"] = self.source
        self.shape = self.shape_of(self.source)
        self.words = variations.words(sources(tree) + [self.shape.module])
        self.calls, self.found, self.known = [], [], set()
        self.why = ""
        self.ends = time.monotonic() + patient(request["seconds"])

    def shape_of(self, source):
        return entry.Shape(source, self.request["test"]["name"], self.sides.job["own"])

    def make(self):
        for seed in SEEDS:
            self.sides.start(seed, lines=seed == SEEDS[0])
        try:
            self.answer([self.call(variations.Variation(self.source, "", "", None, None), 0)])
            limit = min(self.request["limit"], int(self.request["seconds"] / (0.02 + 2 * self.found[0].get("spent", 1))))
            if limit < self.request["limit"]:
                self.why = "the call is slow: there was time for %d calls" % limit
            near = variations.queue(variations.varied(self.shape, self.words))
            rest = self.take(near, limit * 2 // 5)
            if not any(answered(a) for a in self.found):
                rest = self.take(rest, limit * 3 // 10)
            self.around_twins(limit)
            self.take(rest, limit - len(self.calls))
        finally:
            self.sides.close()
        for c in self.calls:
            c["shown"] = self.shown(c["test"])
            c.pop("after")
        for a in self.found:
            a.pop("spent", None)
        if len(self.calls) == 1 and not self.why:
            self.why = "the test has no literal that can be varied"
        return {"calls": self.calls, "answers": self.found, "asserts": self.shape.asserts, "why": self.why}

    def call(self, v, seed):
        same = v.edit == "conversion" or (
            type(v.before) is str and type(v.after) is str and v.before != v.after and variations.normal(v.before) == variations.normal(v.after))
        return {"test": v.source, "seed": seed, "leaf": v.leaf, "edit": v.edit, "from": shown(v.before), "to": shown(v.after),
                "twin": False, "normalising": same, "partner": -1, "after": v.after}

    def take(self, queue, n, seed=0):
        """Makes the first n calls of a queue that are new; what is left of it."""
        chosen, i = [], 0
        while i < len(queue) and len(chosen) < n:
            v, i = queue[i], i + 1
            if v.source not in self.known:
                self.known.add(v.source)
                chosen.append(self.call(v, seed))
        self.answer(chosen)
        return queue[i:]

    def answer(self, calls):
        if not calls:
            return
        self.known.update(c["test"] for c in calls)
        sources = [c["test"] for c in calls]
        first, second = self.sides.calls([sources, sources], max(1.0, self.ends - time.monotonic()))
        for call, a, b in zip(calls, first, second):
            if self.calls and "out of time" in (a.get("message"), b.get("message")):
                self.why = "there was time for %d calls" % len(self.calls)
                return
            self.calls.append(call)
            self.found.append(compared(a, b))

    def around_twins(self, limit):
        picked = self.twins()
        for i in picked:
            self.calls[i]["twin"] = True
        for i in picked:
            if self.calls[i]["normalising"]:
                self.witnesses(i)
        for n, i in enumerate(picked):
            share = (limit - len(self.calls)) // (len(picked) - n)
            near = self.shape_of(self.calls[i]["test"])
            self.take(variations.queue(variations.varied(near, self.words)), share, seed=i)

    def twins(self):
        """The nearest answered call by each leaf, normalising ones first."""
        near = []
        for i, (c, a) in enumerate(zip(self.calls, self.found)):
            if i and answered(a):
                same = difflib.SequenceMatcher(None, self.source, c["test"], autojunk=False)
                near.append((not c["normalising"], c["edit"] == "joint", -same.quick_ratio(), variations.ordered(c["test"]), i))
        picked, leaves = [], set()
        for _, _, _, _, i in sorted(near):
            leaf = "joint" if self.calls[i]["edit"] == "joint" else self.calls[i]["leaf"]
            if leaf not in leaves and len(picked) < TWINS:
                leaves.add(leaf)
                picked.append(i)
        return picked

    def witnesses(self, twin):
        """Other values at a normalising twin's leaf, each in the twin's form and
        in production's: the changes from EUR to eur, and from GBP to gbp, or from
        7 to '7', and from 12 to '12'."""
        leaf = next((l for l in variations.leaves(self.shape)[0] if l.path == self.calls[twin]["leaf"]), None)
        if leaf is None or not isinstance(leaf.value, str):
            return
        to = self.calls[twin]["after"]
        converted = not isinstance(to, str)
        change, back = (str, variations.as_number) if converted else (reverse(leaf.value, to), reverse(to, leaf.value))
        if change is None or back is None:
            return
        made = {c["test"]: i for i, c in enumerate(self.calls)}

        def variation(value, kind):
            return variations.Variation(self.shape.replaced([(leaf.node, repr(value))]), leaf.path, kind, leaf.value, value)

        tried = [c["after"] for c, a in zip(self.calls, self.found)
                 if c["leaf"] == leaf.path and c["seed"] == 0 and answered(a) and type(c["after"]) is type(to) and c["after"] != to]
        if converted:
            near = [n for n in self.words.numbers if type(n) is int]
        else:
            near = variations.alike(to, self.words.texts) + [t for t in self.words.texts if len(t) <= 2 * len(to)]
        for value in near:
            if len(tried) >= 2 * WITNESSES:
                break
            if value != to and value not in tried:
                tried.append(value)
        pairs, fresh = [], []
        for value in tried:
            other = change(value)
            if not converted and (other == value or back(value) != value or variations.normal(other) == variations.normal(to)):
                continue  # not in the form that the twin has
            ends = [variation(value, "dictionary"), variation(other, self.calls[twin]["edit"])]
            for v in ends:
                if v.source not in made:
                    made[v.source] = len(self.calls) + len(fresh)
                    fresh.append(self.call(v, 0))
            pairs.append([made[v.source] for v in ends])
            if len(pairs) == WITNESSES:
                break
        self.answer(fresh)
        for value, other in pairs:
            if max(value, other) < len(self.calls):
                self.calls[value]["partner"] = other

    def shown(self, source):
        try:
            return self.shape_of(source).shown()[:2000]
        except (ValueError, SyntaxError, RecursionError):
            return ""


def answered(a):
    return a["end"] == "return" and not a.get("varies")


def shown(value):
    return "" if value is None else value[:200] if isinstance(value, variations.Source) else repr(value)[:200]


CHANGES = [str.lower, str.upper, str.title, str.capitalize, str.swapcase, str.strip, lambda v: " " + v, lambda v: v + " ", lambda v: " " + v + " "] + [
    lambda v, form=form: unicodedata.normalize(form, v) for form in ("NFC", "NFD", "NFKC", "NFKD")] + [
    variations.without_zeros, variations.with_zero, variations.without_spaces]


def reverse(before, after):
    """The change that turns the answered text into the failing one, or None."""
    return next((change for change in CHANGES if change(after) == before), None)


def neighbours(request, tree):
    return Neighbourhood(request, tree).make()


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


# Other questions

def answers(request, tree):
    """Answers of one side. The first call is made again, somewhere among the
    others and in the other interpreter, which has another hash seed: what varies
    with it shows. Calls of the second half are answered under that seed only;
    base, which was asked under both, masks those that vary."""
    calls = request["calls"]
    if not calls:
        return []
    half = (len(calls) + 1) // 2
    first, second = list(calls[:half]), list(calls[half:])
    again = random.SystemRandom().randrange(1, half + 1)
    other = random.SystemRandom().randrange(0, len(second) + 1)
    first.insert(again, calls[0])
    second.insert(other, calls[0])
    sides = Sides(request, tree)
    try:
        for seed in SEEDS:
            sides.start(seed)
        a, b = sides.calls([first, second], patient(request["seconds"]))
    finally:
        sides.close()
    for repeated in (a.pop(again), b.pop(other)):
        a[0] = compared(a[0], repeated)
    return a + b


def pinned(request, tree):
    return pin.pin(request)


def rivals(request, tree):
    return mutants.rivals(request, tree)


def compete(request, tree):
    """Answers of several overlays, from two interpreters, without the lines that ran."""
    roots = [laid_out(tree, overlay) for overlay in request["overlays"]]
    sides = Sides(request, tree)
    try:
        halves = [roots[0::2], roots[1::2]]
        for _ in halves:
            sides.start(lines=False)
        found = sides.ask([{"sides": h, "calls": request["calls"]} for h in halves], patient(request["seconds"]))
    finally:
        sides.close()
    out = []
    for i in range(len(roots)):
        mine = found[i % 2] or []
        out.append(filled(mine[i // 2] if i // 2 < len(mine) else None, len(request["calls"])))
    return out


def laid_out(tree, overlay):
    """A directory with the tree and an overlay over it, of links."""
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
        elif [] not in through[name] and os.path.isdir(os.path.join(source, name)):
            os.mkdir(os.path.join(target, name))
            link(os.path.join(source, name), os.path.join(target, name), through[name])
