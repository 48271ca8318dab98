"""Runs the failing test on the tree, with a candidate's content laid over it.

Every run is a fork of a process that has imported none of the tree's modules,
so that runs do not see each other. What comes back was computed beside hostile
code: it orders candidates, and decides nothing.
"""

import importlib.machinery
import json
import os
import resource
import select
import signal
import sys
import time

MAX_ANSWER = 16 * 1024 * 1024
FORK_BYTES = 384 * 1024 * 1024  # that a fork may allocate


class Overlay:
    """Makes the import system see other contents for some files."""

    def __init__(self, files):
        self.files = files  # absolute path -> bytes

    def install(self):
        files = self.files
        loader = importlib.machinery.SourceFileLoader
        get_data, path_stats = loader.get_data, loader.path_stats

        def overlaid_data(self, path):
            if path in files:
                return files[path]
            return get_data(self, path)

        def overlaid_stats(self, path):
            if path in files:
                raise OSError("no cache for an overlaid file")
            return path_stats(self, path)

        loader.get_data, loader.path_stats = overlaid_data, overlaid_stats


def raced(jobs, seconds, width):
    """Runs jobs, pairs of a key and a function, in up to width forks at a time;
    yields (key, answer) in the order in which they end. None is the answer of one
    that took too long, was killed or had none."""
    jobs, running = iter(jobs), {}
    try:
        while True:
            while len(running) < width:
                job = next(jobs, None)
                if job is None:
                    break
                reader, pid = start(job[1], seconds)
                running[reader] = (job[0], pid, [], time.monotonic() + seconds)
            if not running:
                return
            left = max(0, min(r[3] for r in running.values()) - time.monotonic())
            ready = select.select(list(running), [], [], left)[0]
            now = time.monotonic()
            for reader in list(running):
                key, pid, chunks, deadline = running[reader]
                chunk = os.read(reader, 1 << 16) if reader in ready else None
                if chunk and sum(map(len, chunks)) < MAX_ANSWER:
                    chunks.append(chunk)
                elif chunk is not None or now >= deadline:
                    del running[reader]
                    finish(reader, pid)
                    yield key, decoded(chunks) if chunk == b"" else None
    finally:
        for reader, (_, pid, _, _) in running.items():
            finish(reader, pid)


def start(work, seconds):
    """Forks; returns the pipe from which the answer comes, and the process. The
    fork computes for so many seconds at most, and waits for no more than that."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        return reader, pid
    try:
        os.close(reader)
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        spare()
        answer = json.dumps(work()).encode()
        with os.fdopen(writer, "wb") as out:
            out.write(answer)
    except BaseException:
        os._exit(1)
    os._exit(0)


def spare():
    """Limits what a fork may allocate, so that an endless one fails alone."""
    with open("/proc/self/statm") as f:
        used = int(f.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + FORK_BYTES,) * 2)


def finish(reader, pid):
    os.close(reader)
    for kill in (lambda: os.killpg(pid, signal.SIGKILL), lambda: os.kill(pid, signal.SIGKILL)):
        try:
            kill()
        except OSError:
            pass
    os.waitpid(pid, 0)


def decoded(chunks):
    try:
        return json.loads(b"".join(chunks).decode())
    except ValueError:
        return None


def forked(work, seconds):
    """Runs work() in a fork and returns its JSON answer, or None.

    None means: too slow, killed, or no answer.
    """
    for _, answer in raced([(0, work)], seconds, 1):
        return answer


class TestRun:
    """The test, ready to be called in this process: a synthesized one, or one of
    the repository's own, whose item the suite describes."""

    def __init__(self, request, root):
        self.root = root
        self.source = request["test"]["source"]
        self.name = request["test"]["name"]
        self.path = os.path.join(root, request["test"]["path"])
        self.source_roots = request.get("roots") or ["."]
        self.roots = [os.path.normpath(os.path.join(root, r)) for r in self.source_roots]
        self.own = bool(request["test"].get("own"))
        self.item = None      # the own test, as the suite describes it
        self.excluded = set()  # real paths of files that are tests
        self.test_path = []    # what the suite puts on sys.path

    def exclude(self, files):
        self.excluded.update(os.path.realpath(f) for f in files)

    def prepare(self, overlay=None):
        """Opens the tree; called in the fork."""
        sys.dont_write_bytecode = True
        sys.path[:0] = self.roots
        os.chdir(self.root)
        if overlay:
            Overlay({os.path.join(self.root, p): c for p, c in overlay.items()}).install()

    def limited(self, function):
        """Calls the test; one of the repository's own, which may be endless, is
        ended after a while."""
        if not self.own:
            return function()
        from . import suite
        return suite.limited(suite.TEST_SECONDS, function)

    def load(self):
        if self.own:
            from . import suite
            sys.path[:0] = self.test_path
            if self.item["plain"]:
                return suite.steps(self.item)
            return lambda: suite.relived(self, self.item["id"])
        space = {"__name__": "test_of_the_incident", "__file__": self.path, "__builtins__": __builtins__}
        exec(compile(self.source, self.path, "exec"), space)
        return space[self.name]

    def below(self, filename):
        return os.path.relpath(os.path.realpath(filename), os.path.realpath(self.root))

    def relative(self, filename):
        """The path below the tree, or None."""
        filename = os.path.realpath(filename)
        if filename in self.excluded:
            return None
        root = os.path.realpath(self.root)
        if not filename.startswith(root + os.sep):
            return None
        rel = filename[len(root) + 1:]
        if rel == os.path.relpath(self.path, self.root) or "site-packages" in rel.split(os.sep):
            return None
        return rel
