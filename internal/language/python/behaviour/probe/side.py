"""A side, in an interpreter of its own: imports its tree once, and makes each
call in a fork.

    python -s -B side.py < requests > answers

Requests and answers are lines of JSON. The first request says which tree; each
has calls. With "sides" it is about many trees, each of them imported in a fork.
Nothing here is protected from the code that it runs: a side can only
misrepresent itself.
"""

import ast
import gc
import importlib
import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
sys.path.insert(0, HERE)
import encode   # noqa: E402
import entry    # noqa: E402
import watch    # noqa: E402
import written  # noqa: E402
sys.path.remove(HERE)

MAX_ANSWER = 4 << 20
MAX_OUTPUT = 10000
MAX_MESSAGE = 500
MEMORY = 512 << 20   # of addresses, besides what the side has when it forks
CONSTANT = (type(None), bool, int, float, complex, str, bytes, type(os))
FLOOR, CEILING = 0.25, 3.0   # seconds that one call may take
TRACEBACK = re.compile(r'^  File ".*", line \d+.*\n(?:    .*\n|  \[.*\n)*', re.M)


class Side:
    """A tree whose modules are imported."""

    def __init__(self, job):
        self.job, self.root, self.test = job, job["root"], job["test"]
        self.state, self.modules, self.ends = {}, [], os.path.join(self.root, "")
        self.limit = CEILING

    def open(self):
        sys.dont_write_bytecode = True
        sys.pycache_prefix = "/tmp/.pycache"   # compiled files of the tree need not be of its source
        paths = [os.path.normpath(os.path.join(self.root, r)) for r in self.job["roots"]]
        folder = os.path.normpath(os.path.join(self.root, os.path.dirname(self.test["path"])))
        sys.path[0:0] = paths
        if os.path.isdir(folder) and not os.path.exists(os.path.join(folder, "__init__.py")) and folder not in paths:
            sys.path.append(folder)
        os.chdir(self.root)
        sys.argv = ["test"]
        if "async" in self.test["source"]:
            load(["asyncio"])
        body = ast.parse(self.test["source"])
        body.body = [n for n in body.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        try:
            exec(compile(body, self.file(), "exec"), self.space())
        except BaseException:
            pass  # each call fails with it
        self.modules = [m for m in list(sys.modules.values()) if self.ours(m)]
        self.state = self.visible()
        # What a fork does not touch stays shared.
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()

    def ours(self, module):
        name = getattr(module, "__file__", None)
        return isinstance(name, str) and name.startswith(self.ends) and "site-packages" not in name

    def others(self):
        """The imported modules that are not the tree's, for other sides to import first."""
        own = set(self.job["own"])
        return [n for n, m in list(sys.modules.items()) if m is not None and n.partition(".")[0] not in own and not self.ours(m)]

    def file(self):
        return "/in-test/" + os.path.basename(self.test["path"])

    def space(self):
        return {"__name__": "test_of_the_incident", "__file__": os.path.join(self.root, self.test["path"]), "__builtins__": __builtins__}

    def foreign(self, kind):
        """Whether a class is neither the tree's nor the standard library's."""
        name = type.__getattribute__(kind, "__module__")
        if not isinstance(name, str) or name in ("builtins", "test_of_the_incident"):
            return False
        if name.partition(".")[0] in self.job["own"]:
            return False
        file = getattr(sys.modules.get(name), "__file__", None)
        return isinstance(file, str) and ("site-packages" in file or "dist-packages" in file)

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
                found[prefix + "." + name] = encode.Encoder(self.root, self.foreign).text(value)
            except Exception:
                found[prefix + "." + name] = "?"

    def owner(self, value):
        """The name under which a module of the tree holds this very object."""
        if type(value) in CONSTANT + (tuple, frozenset):
            return ""
        for module in self.modules:
            for name, held in list(vars(module).items()):
                if held is value:
                    return module.__name__ + "." + name
        return ""

    def code(self, source):
        """A call's code: the same for all trees. What is compiled before a fork
        need not be in each."""
        if source not in CODE:
            shape = entry.Shape(source, self.test["name"], self.job["own"])
            CODE[source] = compile(entry.rewritten(shape), self.file(), "exec")
        return CODE[source]

    def compiled(self, sources):
        for source in sources:
            try:
                self.code(source)
            except Exception:
                pass  # its call ends so

    # One call, in a fork

    def answer(self, source):
        code = self.code(source)
        kept, space, seen = [], self.space(), watch.Watch(self.root)
        space["__keep__"] = lambda v: (kept.append(v), v)[1]
        files = written.Files(self.root)
        value = error = None
        began = time.process_time()
        try:
            exec(code, space)
            function = self.function(space)
            try:
                if self.job["lines"]:
                    seen.start()
                value = function()
                if hasattr(type(value), "__await__"):
                    import asyncio
                    value = asyncio.run(awaited(value))
                value = encode.drained(value)
            finally:
                seen.stop()
        except encode.Opaque as e:
            return {"end": "opaque", "message": str(e)}
        except BaseException as e:
            error = e
        spent = time.process_time() - began
        files.stop()
        out = self.raised(error, seen) if error is not None else self.returned(value, kept)
        out["handled"] = seen.handled(error)[:50]
        out["lines"] = {p: sorted(n) for p, n in seen.lines.items()}
        out["files"] = files.digest()
        out["spent"] = spent
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        return out

    def function(self, space):
        """The test function, of a prepared instance where it is a method."""
        parts = re.split(r"::|\.", self.test["name"].partition("[")[0])
        function = space[parts[0]]
        for part in parts[1:]:
            if isinstance(function, type):
                try:
                    function = function(part)
                except TypeError:
                    function = function()
                for before in ("setUpClass", "setup_class", "setUp", "setup_method"):
                    if hasattr(function, before):
                        call = getattr(function, before)
                        try:
                            call()
                        except TypeError:
                            call(getattr(function, part))
            function = getattr(function, part)
        return function

    def raised(self, error, seen):
        out = {"end": "raise", "type": encode.named(type(error)), "raised": watch.innermost(error, seen), "message": ""}
        try:
            out["message"] = encode.Encoder(self.root).masked(str(error))[:MAX_MESSAGE]
        except Exception:
            pass
        return out

    def returned(self, value, kept):
        special = response(value)
        shown = value if special is None else special
        encoder = encode.Encoder(self.root)
        try:
            kind = value.kind if type(value) is encode.Drained else type(value)
            out = {"end": "return", "type": encode.named(kind), "value": encoder.text(shown, parts=True)}
            out["parts"] = [{"path": p, "type": t, "text": x} for p, t, x in encoder.parts]
            out["literal"] = encode.literal(shown, out["value"]) if special is None else ""
            encoder.foreign = self.foreign
            state = [encoder.text(v) for v in kept if type(v) not in CONSTANT]
            owner = self.owner(value)
            if owner:
                state.append("the result is " + owner)
            now = self.visible()
            state += ["%s: %s" % (n, now[n]) for n in sorted(now) if n in self.state and now[n] != self.state[n]]
            out["state"] = "; ".join(state)
            if len(out["state"]) + len(out["value"]) > encode.MAX_TEXT:
                raise encode.Opaque("too long")
        except (encode.Opaque, RecursionError) as e:
            out = {"end": "opaque", "message": str(e)[:MAX_MESSAGE]}
        return out


async def awaited(value):
    return await value


def response(value):
    """The comparable part of a web framework's response."""
    if not hasattr(type(value), "status_code") and not (hasattr(value, "__dict__") and "status_code" in vars(value)):
        return None
    try:
        body = value.get_data() if hasattr(value, "get_data") else getattr(value, "content", None)
        headers = dict((k.lower(), v) for k, v in dict(value.headers).items())
        if "json" in headers.get("content-type", ""):
            body = json.loads(body)
        shown = sorted((k, v) for k, v in headers.items() if k in ("content-type", "location", "allow", "www-authenticate", "cache-control", "retry-after"))
        return {"status": int(value.status_code), "headers": shown, "body": body}
    except Exception:
        return None


# Forks

CLOSED = []   # descriptors that are this process's alone
CODE = {}     # source -> its code


def forked(work, seconds, output=None, limit=MAX_ANSWER):
    """What work() returns, from a fork; (answer or None, whether it was too slow)."""
    reader, writer = os.pipe()
    token = os.urandom(8).hex().encode()   # what the code writes to any descriptor is no answer
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            for fd in [reader] + CLOSED:
                os.close(fd)
            del CLOSED[:]
            if output is not None:
                os.dup2(output, 1)
                os.dup2(output, 2)
                limited()
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            data = json.dumps(work()).encode()
            data = token + b"%12d" % len(data) + data
            while data:
                data = data[os.write(writer, data):]
        except BaseException:
            os._exit(1)
        os._exit(0)
    os.close(writer)
    chunks, size, slow = [], 0, False
    began = time.monotonic()
    until = began + seconds
    while True:
        left = until - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            until += seconds
            if until - began > CEILING or not starved(pid, seconds):
                slow = True
                break
            continue
        chunk = os.read(reader, 1 << 18)
        size += len(chunk)
        chunks.append(chunk)
        if not chunk or size > limit or ended(token, chunks[0], size):  # a process that it left behind may keep the pipe open
            break
    os.close(reader)
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            pass
    os.waitpid(pid, 0)
    data = b"".join(chunks)
    if slow or not data.startswith(token):
        return None, slow
    try:
        return json.loads(data[len(token) + 12:].decode()), False
    except ValueError:
        return None, False


def ended(token, first, size):
    """Whether an answer, of which the first bytes are given, is there whole."""
    head = len(token) + 12
    try:
        return first.startswith(token) and size >= head + int(first[len(token):head])
    except ValueError:
        return True


def limited():
    """Limits this process's memory beyond what it has now."""
    try:
        with open("/proc/self/statm") as f:
            most = int(f.read().split()[0]) * resource.getpagesize() + MEMORY
    except (OSError, ValueError):
        most = 2 * MEMORY
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def starved(pid, seconds):
    """Whether a process that has not ended in time wants to run and was not let."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            fields = f.read().rpartition(b")")[2].split()
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return fields[0] in (b"R", b"D") and spent < seconds / 2
    except (OSError, ValueError, IndexError):
        return False


def cleaned(text):
    """A call's output without what differs from run to run: places in
    tracebacks, addresses, the time of day."""
    text = encode.ADDRESS.sub("0x…", TRACEBACK.sub("", text))
    return re.sub(time.strftime(r"%Y-%m-%d") + r"[ T]\d\d:\d\d:\d\d([.,]\d+)?", "<now>", text)


class Caller:
    """Makes a side's calls, each in a fork."""

    def __init__(self, side):
        self.side, self.first = side, True
        self.output = tempfile.TemporaryFile()
        self.space = tempfile.mkdtemp(prefix="calls-", dir=os.environ.get("TMPDIR"))
        tempfile.tempdir = os.environ["TMPDIR"] = self.space

    def make(self, calls, deadline):
        answers = []
        self.side.compiled(calls)
        for source in calls:
            if time.monotonic() > deadline:
                answers.append({"end": "lost", "message": "out of time"})
                continue
            answers.append(self.call(source))
        return answers

    def call(self, source):
        began, fd = time.monotonic(), self.output.fileno()
        answer, slow = forked(lambda: self.side.answer(source), self.side.limit, fd)
        if self.first:
            self.side.limit = min(CEILING, max(FLOOR, 10 * (time.monotonic() - began)))
            self.first = False
        for name in os.listdir(self.space):
            path = os.path.join(self.space, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.remove(path)
        if answer is None or not isinstance(answer, dict):
            answer = {"end": "slow" if slow else "lost"}
        size = os.lseek(fd, 0, os.SEEK_END)
        if size:
            text = os.pread(fd, MAX_OUTPUT, 0).decode("utf-8", "replace")
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
            if answer["end"] in ("return", "raise"):
                answer["output"] = cleaned(text.replace(self.side.ends, "<tree>/"))
        return answer

    def warm(self, source):
        """Imports what a first call imports besides the tree's modules, so that
        not every fork does."""
        def work():
            before = set(self.side.others())
            self.side.answer(source)
            return [n for n in self.side.others() if n not in before]
        names, _ = forked(work, 2 * CEILING, self.output.fileno())
        os.ftruncate(self.output.fileno(), 0)
        os.lseek(self.output.fileno(), 0, os.SEEK_SET)
        load(names)


def load(names):
    """Imports modules of the interpreter and its packages; those that fail are left out."""
    for name in names or ():
        if isinstance(name, str) and name not in sys.modules:
            try:
                importlib.import_module(name)
            except BaseException:
                pass


def opened(job):
    side = Side(job)
    side.open()
    return Caller(side)


def alone(job, requests, answers):
    """One side, which answers requests until there are no more."""
    caller = opened(job)
    if job["calls"]:
        caller.warm(job["calls"][0])
    while job is not None:
        send(answers, caller.make(job["calls"], time.monotonic() + job["seconds"]))
        job = receive(requests)


def together(job):
    """Many sides, one after another, each in a fork that imports its tree. What
    they import besides is imported here, for those after them."""
    deadline, found = time.monotonic() + job["seconds"], []
    Side(job).compiled(job["calls"])
    for root in job["sides"]:
        def work():
            caller = opened(dict(job, root=root))
            answers = caller.make(job["calls"], deadline)
            return answers, caller.side.others()
        made, _ = forked(work, max(0.1, deadline - time.monotonic()) + CEILING, limit=32 * MAX_ANSWER)
        found.append(made[0] if made else [])
        if len(found) == 1 and made:
            load(made[1])
    return found


def send(fd, value):
    data = json.dumps(value).encode() + b"\n"
    while data:
        data = data[os.write(fd, data):]


def receive(stream):
    line = stream.readline()
    return json.loads(line.decode()) if line else None


def main():
    requests, answers = os.fdopen(os.dup(0), "rb", 0), os.dup(1)
    CLOSED.extend([requests.fileno(), answers])
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    job = receive(requests)
    if "sides" in job:
        send(answers, together(job))
    else:
        alone(job, requests, answers)


if __name__ == "__main__":
    main()
