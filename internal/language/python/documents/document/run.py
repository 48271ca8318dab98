"""Runs examples, each in forks of a process that has imported nothing of the
tree."""

import ast
import builtins
import doctest
import importlib
import io
import json
import os
import select
import signal
import sys
import time
import traceback

SECONDS = 2.0  # of one run
TOTAL = 25.0  # of all
TEXT = 300
MAX_LINES = 5000  # of a file
MAX_ANSWER = 1 << 20
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def outcomes(examples, roots, tree):
    """What each example does: run twice, since one that does not repeat itself
    says nothing."""
    for root in reversed(roots):
        sys.path.insert(0, os.path.normpath(os.path.join(tree, root)))
    deadline = time.monotonic() + TOTAL
    found = []
    for example in examples:
        first = second = None
        if time.monotonic() < deadline:
            first = forked(lambda e=example: one(e, tree), SECONDS)
            second = first and forked(lambda e=example: one(e, tree), SECONDS)
        if first is None or second is None:
            found.append({"end": "slow"})
        elif (first["end"], first["got"]) != (second["end"], second["got"]):
            found.append({"end": "varies"})
        else:
            found.append(first)
    return found


def one(example, tree):
    module = importlib.import_module(example["module"]) if example["module"] else None
    space = dict(vars(module)) if module else {"__builtins__": builtins}
    out = {"end": "impossible", "got": "", "type": "", "place": None, "lines": {}}
    try:
        for statement in example["setup"]:
            exec(compile(statement, "<example>", "single"), space)
    except BaseException as e:
        return dict(out, got=text_of(e))
    lines = {}
    written = io.StringIO()
    sys.stdout, kept = written, sys.stdout
    sys.settrace(watch(tree, lines))
    try:
        value = None
        if example["kind"] == "text":
            exec(compile(example["source"], "<example>", "single"), space)
        else:
            value = eval(compile(example["source"], "<example>", "eval"), space)
    except BaseException as e:
        sys.settrace(None)
        return dict(out, lines=listed(lines), **raised(e, example, tree))
    finally:
        sys.settrace(None)
        sys.stdout = kept
    got = written.getvalue() if example["kind"] == "text" else represent(value)
    met = False
    if example["kind"] == "text" and not example["raises"]:
        met = doctest.OutputChecker().check_output(example["want"], got, FLAGS)
    elif example["kind"] == "equal":
        met = got == represent(ast.literal_eval(example["want"]))
    return dict(out, end="met" if met else "unmet", got=got.strip()[:TEXT] or "nothing", lines=listed(lines))


def represent(value):
    return type(value).__name__ + " " + repr(value) if type(value).__module__ != "builtins" else repr(value)


def raised(e, example, tree):
    """How an example ends that raises."""
    names = [c.__name__ for c in type(e).__mro__]
    place = innermost(e, tree)
    if example["raises"]:
        end = "met" if example["raises"] in names else "raised"
    elif place is None:
        end = "impossible"
    else:
        end = "raised"
    return {"end": end, "got": text_of(e), "type": type(e).__name__, "place": place}


def text_of(e):
    try:
        return (type(e).__name__ + ": " + str(e))[:TEXT]
    except BaseException:
        return type(e).__name__


def innermost(e, tree):
    place = None
    for frame, line in traceback.walk_tb(e.__traceback__):
        path = inside(frame.f_code.co_filename, tree)
        if path:
            place = {"path": path, "function": frame.f_code.co_name, "line": line}
    return place


def inside(filename, tree):
    prefix = tree.rstrip("/") + "/"
    return filename[len(prefix):] if filename.startswith(prefix) else ""


def watch(tree, lines):
    """A trace function that notes which lines of the tree run, by path."""

    def calls(frame, event, arg):
        path = inside(frame.f_code.co_filename, tree)
        if not path:
            return None
        ran = lines.setdefault(path, set())

        def local(frame, event, arg):
            if event == "line":
                ran.add(frame.f_lineno)
            return local

        return local

    return calls


def listed(lines):
    return {path: sorted(numbers)[:MAX_LINES] for path, numbers in lines.items()}


def forked(work, seconds):
    """work()'s JSON answer from a fork; None if it is too slow or gives none."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            os.setpgid(0, 0)
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            data = json.dumps(work()).encode()
            with os.fdopen(writer, "wb") as out:
                out.write(data)
        except BaseException:
            os._exit(1)
        os._exit(0)
    os.close(writer)
    chunks, size, deadline = [], 0, time.monotonic() + seconds
    try:
        while size <= MAX_ANSWER:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([reader], [], [], left)[0]:
                return None
            chunk = os.read(reader, 1 << 16)
            if not chunk:
                return json.loads(b"".join(chunks).decode())
            chunks.append(chunk)
            size += len(chunk)
        return None
    except (ValueError, OSError):
        return None
    finally:
        os.close(reader)
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
        os.waitpid(pid, 0)
