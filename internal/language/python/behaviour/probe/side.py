"""One side, in an interpreter of its own: imports the tree once, and makes each
call in a fork.

    python -s -B side.py < job.json > answers.json

Nothing here is protected from the code that it runs: a side can only
misrepresent itself.
"""

import ast
import hashlib
import json
import os
import select
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
sys.path.insert(0, HERE)
import encode      # noqa: E402
import variations  # noqa: E402
sys.path.remove(HERE)

MAX_ANSWER = 1 << 20
MAX_OUTPUT = 10000
MAX_MESSAGE = 500
MEMORY = 2 << 30
FLOOR, CEILING = 0.25, 3.0   # seconds that one call may take


class Watch(object):
    """What happens in the tree's own code during a call."""

    def __init__(self, root, test):
        self.root, self.test = root, test
        self.files, self.lines, self.open, self.handled = {}, {}, {}, []

    def path(self, name):
        if name not in self.files:
            self.files[name] = name[len(self.root) + 1:] if name.startswith(self.root + os.sep) else None
        return self.files[name]

    def trace(self, frame, event, arg):
        path = self.path(frame.f_code.co_filename)
        if path is None:
            return None
        ran = self.lines.setdefault(path, set())

        def local(frame, event, arg):
            if event == "line":
                ran.add(frame.f_lineno)
                if self.open:
                    self.settle(frame)
            elif event == "exception":
                self.open[id(frame)] = (arg[0].__name__, path, frame.f_code.co_name, frame.f_lineno)
            elif event == "return":
                # A return while an exception passes has None, and no line after it.
                self.open.pop(id(frame), None)
            return local

        ran.add(frame.f_lineno)
        return local

    def settle(self, frame):
        """A line after an exception in the same frame: a handler has it."""
        seen = self.open.pop(id(frame), None)
        if seen and len(self.handled) < 50:
            self.handled.append(seen)


def innermost(error, watch):
    """The innermost place in the tree at which an exception was."""
    place, trace = ("", "", 0), error.__traceback__
    while trace is not None:
        path = watch.path(trace.tb_frame.f_code.co_filename)
        if path is not None:
            place = (path, trace.tb_frame.f_code.co_name, trace.tb_lineno)
        trace = trace.tb_next
    return place


class Rewriter(ast.NodeTransformer):
    """Makes the test return its entry's answer, and keeps the arguments."""

    def __init__(self, shape):
        self.shape = shape

    def visit(self, node):
        if node is self.shape.statement:
            return ast.copy_location(ast.Return(value=self.kept(self.shape.entry)), node)
        return self.generic_visit(node)

    def visit_With(self, node):
        self.generic_visit(node)
        raises = any("raises" in ast.dump(i.context_expr) for i in node.items)
        return node.body if raises and any(isinstance(n, ast.Return) for n in node.body) else node

    def kept(self, call):
        while isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords and isinstance(call.args[0], ast.Call) and plain(call.func):
            inner = self.kept(call.args[0])
            return ast.copy_location(ast.Call(func=call.func, args=[inner], keywords=[]), call)
        if not isinstance(call, ast.Call):
            return call

        def keep(value):
            if isinstance(value, (ast.Constant, ast.Starred)):
                return value
            name = ast.copy_location(ast.Name(id="__keep__", ctx=ast.Load()), value)
            return ast.copy_location(ast.Call(func=name, args=[value], keywords=[]), value)

        func = call.func
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call):
            func = ast.copy_location(ast.Attribute(value=keep(func.value), attr=func.attr, ctx=func.ctx), func)
        made = ast.Call(func=func, args=[keep(a) for a in call.args],
                        keywords=[ast.copy_location(ast.keyword(arg=k.arg, value=keep(k.value)), k.value) if k.arg else k for k in call.keywords])
        return ast.copy_location(made, call)


def plain(func):
    """list(…), asyncio.run(…): what a test wraps a call in to have it run."""
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    return name in ("list", "tuple", "dict", "set", "sorted", "next", "run", "str", "len", "sum")


class Side:
    def __init__(self, job):
        self.root, self.test = job["root"], job["test"]
        self.job = job
        self.state = {}

    def open(self):
        sys.dont_write_bytecode = True
        sys.pycache_prefix = "/tmp/.pycache-none"
        sys.path[0:0] = [os.path.normpath(os.path.join(self.root, r)) for r in self.job["roots"]]
        os.chdir(self.root)
        sys.argv = ["test"]
        space = self.space()
        tree = ast.parse(self.test["source"])
        tree.body = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        try:
            exec(compile(tree, self.file(), "exec"), space)
        except BaseException:
            pass  # each call fails with it
        self.modules = [m for m in list(sys.modules.values()) if self.ours(m)]
        self.state = self.visible()

    def ours(self, module):
        name = getattr(module, "__file__", None)
        return isinstance(name, str) and name.startswith(self.root + os.sep)

    def file(self):
        return os.path.join("/in-test", os.path.basename(self.test["path"]))

    def space(self):
        return {"__name__": "test_of_the_incident", "__file__": self.file(), "__builtins__": __builtins__}

    def visible(self):
        """The data that the tree's modules and their classes hold."""
        found = {}
        for module in self.modules:
            self.data(module.__name__, vars(module), found)
            for name, value in list(vars(module).items()):
                if isinstance(value, type) and getattr(value, "__module__", None) == module.__name__:
                    self.data(module.__name__ + "." + name, dict(type.__getattribute__(value, "__dict__")), found)
        return found

    def data(self, prefix, names, found):
        for name, value in list(names.items()):
            if name.startswith("__") or type(value) in (type(os), type, type(lambda: 0)) or callable(value):
                continue
            try:
                found[prefix + "." + name] = encode.Encoder(self.root).text(value)
            except Exception:
                found[prefix + "." + name] = "?"

    def prepare(self, source):
        shape = variations.Shape(source, self.test["name"])
        tree = ast.fix_missing_locations(Rewriter(shape).visit(shape.module))
        return compile(tree, self.file(), "exec")

    def answer(self, source, seconds):
        """What one call does; called in a fork."""
        kept = []
        space = self.space()
        space["__keep__"] = lambda v: (kept.append(v), v)[1]
        watch = Watch(self.root, self.file())
        out = {"end": "return", "value": "", "type": "", "parts": [], "literal": "", "state": "", "output": "", "files": "",
               "message": "", "raised": {}, "handled": [], "lines": {}}
        before = files(self.root)
        exec(self.prepare(source), space)
        parts = self.test["name"].partition("[")[0].replace("::", ".").split(".")
        function = space[parts[0]]
        for part in parts[1:]:
            function = getattr(function() if isinstance(function, type) else function, part)
        value = error = None
        if self.job["lines"]:
            sys.settrace(watch.trace)
        try:
            value = function()
            if hasattr(value, "__await__"):
                import asyncio
                value = asyncio.run(value)
        except BaseException as e:
            error = e
        finally:
            sys.settrace(None)
        encoder = encode.Encoder(self.root)
        try:
            if error is not None:
                path, name, line = innermost(error, watch)
                out.update(end="raise", type=encode.named(type(error)), raised={"path": path, "function": name, "line": line})
                try:
                    out["message"] = str(error)[:MAX_MESSAGE].replace(self.root, "<tree>")
                except Exception:
                    pass
            else:
                special = response(value)
                if special is not None:
                    value = special
                out["type"] = encode.named(type(value))
                out["value"] = encoder.text(value, parts=True)
                out["parts"] = [{"path": p, "type": t, "text": x} for p, t, x in encoder.parts]
                out["literal"] = encode.literal(value, out["value"])
            state = [encoder.text(v) for v in kept]
            now = self.visible()
            state += ["%s: %s" % (n, now[n]) for n in sorted(now) if n in self.state and now[n] != self.state[n]]
            out["state"] = "; ".join(state)
            if len(out["state"]) + len(out["value"]) > encode.MAX_TEXT:
                raise encode.Opaque("too long")
        except (encode.Opaque, RecursionError) as e:
            out.update(end="opaque", value="", message=str(e)[:200], parts=[], literal="", state="")
        out["handled"] = [{"type": t, "path": p, "function": f, "line": n} for t, p, f, n in watch.handled]
        out["lines"] = {p: sorted(n) for p, n in watch.lines.items()}
        out["files"] = changed(before, files(self.root), self.root)
        sys.stdout.flush()
        sys.stderr.flush()
        return out


def response(value):
    """The comparable part of a web framework's response."""
    kind = type(value)
    if not hasattr(kind, "status_code") and not (hasattr(value, "__dict__") and "status_code" in vars(value)):
        return None
    try:
        body = value.get_data() if hasattr(value, "get_data") else getattr(value, "content", None)
        names = ("content-type", "location", "allow")
        headers = sorted((k.lower(), v) for k, v in dict(value.headers).items() if k.lower() in names)
        return {"status": int(value.status_code), "headers": headers, "body": body}
    except Exception:
        return None


def files(root):
    found = {}
    for folder in (root, "/tmp"):
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    info = entry.stat(follow_symlinks=False)
                    found[entry.path] = (info.st_mtime_ns, info.st_size)
        except OSError:
            pass
    return found


def changed(before, after, root):
    """A digest of what was written, and removes it, so that no other call sees it."""
    new = sorted(p for p in after if before.get(p) != after[p] and os.path.isfile(p) and not os.path.basename(p).startswith("repaird-"))
    if not new:
        return ""
    digest = hashlib.sha256()
    for path in new[:20]:
        try:
            with open(path, "rb") as f:
                digest.update(path.replace(root, "").encode() + b"\0" + f.read(1 << 20) + b"\0")
            os.remove(path)
        except OSError:
            pass
    return digest.hexdigest()


def forked(work, seconds):
    """What work() returns, from a fork; (answer or None, whether it was too slow)."""
    reader, writer = os.pipe()
    out = os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o600) if hasattr(os, "O_TMPFILE") else os.open(os.devnull, os.O_RDWR)
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            os.close(reader)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.dup2(out, 1)
            os.dup2(out, 2)
            import resource
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            answer = json.dumps(work()).encode()
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(answer)
        except BaseException as e:
            try:
                os.write(2, repr(e).encode()[:300])
            finally:
                os._exit(1)
        os._exit(0)
    os.close(writer)
    chunks, size, deadline, slow = [], 0, time.monotonic() + seconds, False
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            slow = True
            break
        chunk = os.read(reader, 1 << 16)
        size += len(chunk)
        if not chunk or size > MAX_ANSWER:
            break
        chunks.append(chunk)
    os.close(reader)
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            pass
    os.waitpid(pid, 0)
    text = b""
    try:
        text = os.pread(out, MAX_OUTPUT, 0)
        os.close(out)
    except OSError:
        pass
    if slow:
        return None, True
    try:
        answer = json.loads(b"".join(chunks).decode())
        answer["output"] = text.decode("utf-8", "replace")
        return answer, False
    except (ValueError, TypeError):
        return None, False


def run(job):
    side = Side(job)
    side.open()
    answers, limit = [], CEILING
    deadline = time.monotonic() + job["seconds"]
    for i, source in enumerate(job["calls"]):
        if time.monotonic() > deadline:
            answers.append({"end": "lost", "message": "out of time"})
            continue
        began = time.monotonic()
        answer, slow = forked(lambda: side.answer(source, limit), limit)
        if i == 0:
            limit = min(CEILING, max(FLOOR, 10 * (time.monotonic() - began)))
        answers.append(answer if answer is not None else {"end": "slow" if slow else "lost"})
    return answers


def main():
    job = json.load(sys.stdin)
    out = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 0)
    answers = run(job)
    with os.fdopen(out, "w") as f:
        json.dump(answers, f)


if __name__ == "__main__":
    main()
