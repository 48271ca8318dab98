"""What the failing test does on the unchanged tree: where it fails, which lines
ran, which exceptions were swallowed, what the frames held.
"""

import os
import pickle
import sys

MAX_FRAMES = 400
MAX_ENTRIES = 4
MAX_TEXTS, MAX_TEXT = 8, 100
MAX_PICKLE = 64 * 1024
MAX_SWALLOWED = 20


class Recorder:
    """A trace function that keeps facts about the tree's own code."""

    def __init__(self, test, detail=True, entries=False):
        self.test = test
        self.detail = detail
        self.entries = {} if entries else None  # (path, first line) -> the calls that tests make themselves
        self.known = {}      # file name -> path below the tree, or None
        self.lines = {}      # path -> set of lines that ran
        self.calls = {}      # (path, first line) -> facts
        self.raised = {}     # id of exception -> [exception, path, line, first line of function]
        self.handled = []

    def path(self, filename):
        if filename not in self.known:
            self.known[filename] = None if filename.startswith("<") else self.test.relative(filename)
        return self.known[filename]

    def trace(self, frame, event, arg):
        path = self.path(frame.f_code.co_filename)
        if path is None:
            return None
        if event == "call":
            if self.detail:
                self._call(path, frame)
            if self.entries is not None and len(self.entries) < MAX_ENTRIES:
                self._entry(path, frame)
        return self.local

    def _entry(self, path, frame):
        outer, key = frame.f_back, (path, frame.f_code.co_firstlineno)
        if key not in self.entries and outer is not None and self.path(outer.f_code.co_filename) is None \
                and not frame.f_code.co_name.startswith(("__", "<")):
            self.entries[key] = snapshot(frame)

    def _call(self, path, frame):
        key = (path, frame.f_code.co_firstlineno)
        facts = self.calls.get(key)
        if facts is None:
            facts = self.calls[key] = {"count": 0, "args": None, "name": frame.f_code.co_name,
                                       "types": {}, "texts": {}, "nones": set(), "seen": 0, "order": len(self.calls)}
            facts["args"] = snapshot(frame)
        facts["count"] += 1

    def local(self, frame, event, arg):
        path = self.path(frame.f_code.co_filename)
        lines = self.lines.setdefault(path, set())
        if event == "line":
            lines.add(frame.f_lineno)
        if not self.detail:
            return self.local
        facts = self.calls.get((path, frame.f_code.co_firstlineno))
        if facts is not None and facts["seen"] < 300:
            facts["seen"] += 1
            for name, value in frame.f_locals.items():
                if value is None:
                    facts["nones"].add(name)
                else:
                    facts["types"].setdefault(name, type(value).__name__)
                    if type(value) is str and len(value) <= MAX_TEXT:
                        texts = facts["texts"].setdefault(name, [])
                        if value not in texts:
                            texts.append(value)
                            del texts[:-MAX_TEXTS]
        if event == "exception" and arg[1] is not None:
            exc = arg[1] if isinstance(arg[1], BaseException) else None
            if exc is not None and not isinstance(exc, (StopIteration, GeneratorExit)) and len(self.raised) < 2000:
                place = self.raised.setdefault(id(exc), [exc, []])
                if len(place[1]) < 20:
                    place[1].append((path, frame.f_lineno, frame.f_code.co_firstlineno))
        return self.local


def snapshot(frame):
    """The arguments of a call as a pickle of (positional, keywords), or None."""
    code = frame.f_code
    n, k = code.co_argcount, code.co_kwonlyargcount
    names, local = code.co_varnames, frame.f_locals
    try:
        positional = [local[name] for name in names[:n]]
        keywords = {name: local[name] for name in names[n:n + k]}
        at = n + k
        if code.co_flags & 0x04:
            positional += list(local[names[at]])
            at += 1
        if code.co_flags & 0x08:
            keywords.update(local[names[at]])
        data = pickle.dumps((positional, keywords), 4)
    except Exception:
        return None
    return data.hex() if len(data) <= MAX_PICKLE else None


def frames_of(exc, test):
    """The tree's frames of a traceback, outermost first, and what they held."""
    out, tb = [], exc.__traceback__
    while tb is not None:
        path = test.relative(tb.tb_frame.f_code.co_filename)
        if path is not None:
            absent = []
            for name, value in tb.tb_frame.f_locals.items():
                kind = "none" if value is None else "empty" if is_empty(value) else ""
                if kind:
                    absent.append([name, kind])
            out.append({"path": path, "line": tb.tb_lineno, "first": tb.tb_frame.f_code.co_firstlineno,
                        "name": tb.tb_frame.f_code.co_name, "absent": absent})
        tb = tb.tb_next
    if len(out) > MAX_FRAMES:
        out = out[:MAX_FRAMES // 2] + out[-MAX_FRAMES // 2:]
    return out


def is_empty(value):
    return isinstance(value, (list, tuple, dict, set, frozenset, str, bytes)) and not value


def observe(test):
    """Runs the test once and returns the facts, as JSON can carry them."""
    test.prepare()
    recorder = Recorder(test)
    failure = None
    try:
        function = test.load()
        sys.settrace(recorder.trace)
        try:
            test.limited(function)
        finally:
            sys.settrace(None)
    except BaseException as e:  # the failure itself, whatever it is
        failure = e
    facts = {
        "failed": failure is not None,
        "type": type(failure).__name__ if failure is not None else "",
        "bases": [c.__name__ for c in type(failure).__mro__] if failure is not None else [],
        "message": text_of(failure)[:500],
        "frames": frames_of(failure, test) if failure is not None else [],
        "causes": [],
        "swallowed": [],
        "lines": {p: sorted(lines) for p, lines in recorder.lines.items()},
        "calls": [dict(facts, path=path, first=first, nones=sorted(facts["nones"])) for (path, first), facts in recorder.calls.items()],
        "modules": sorted(outside(test)),
    }
    chain, seen = failure, set()
    while chain is not None and id(chain) not in seen:
        seen.add(id(chain))
        if chain is not failure:
            facts["causes"].append({"type": type(chain).__name__, "frames": frames_of(chain, test)})
        chain = chain.__cause__ or chain.__context__
    for exc, places in recorder.raised.values():
        if id(exc) not in seen and len(facts["swallowed"]) < MAX_SWALLOWED:
            facts["swallowed"].append({
                "type": type(exc).__name__, "bases": [c.__name__ for c in type(exc).__mro__],
                "message": text_of(exc)[:200], "places": [list(p) for p in places]})
    return facts


def text_of(exc):
    try:
        return str(exc)
    except Exception:
        return ""


def outside(test):
    """Modules that the run imported from outside the tree, worth importing once."""
    root = os.path.realpath(test.root) + os.sep
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and not os.path.realpath(file).startswith(root) and "repaird_templates" not in name:
            yield name
