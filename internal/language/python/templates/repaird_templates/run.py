"""Runs the failing test on the tree, with a candidate's content laid over it.

Every run is a fork of a process that has imported none of the tree's modules,
so that runs do not see each other. What comes back was computed beside hostile
code: it orders candidates, and decides nothing.
"""

import importlib.machinery
import json
import os
import select
import signal
import sys
import time

MAX_ANSWER = 4 * 1024 * 1024


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


def forked(work, seconds):
    """Runs work() in a fork and returns its JSON answer, or None.

    None means: too slow, killed, or no answer.
    """
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
            answer = json.dumps(work()).encode()
            with os.fdopen(writer, "wb") as out:
                out.write(answer)
        except BaseException:
            os._exit(1)
        os._exit(0)
    os.close(writer)
    chunks, size, deadline = [], 0, time.monotonic() + seconds
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([reader], [], [], left)[0]:
                return None
            chunk = os.read(reader, 1 << 16)
            if not chunk:
                break
            size += len(chunk)
            if size > MAX_ANSWER:
                return None
            chunks.append(chunk)
        return json.loads(b"".join(chunks).decode())
    except (ValueError, OSError):
        return None
    finally:
        os.close(reader)
        for kill in (lambda: os.killpg(pid, signal.SIGKILL), lambda: os.kill(pid, signal.SIGKILL)):
            try:
                kill()
            except OSError:
                pass
        os.waitpid(pid, 0)


class TestRun:
    """The synthesized test, ready to be called in this process."""

    def __init__(self, request, root):
        self.root = root
        self.source = request["test"]["source"]
        self.name = request["test"]["name"]
        self.path = os.path.join(root, request["test"]["path"])
        self.source_roots = request.get("roots") or ["."]
        self.roots = [os.path.normpath(os.path.join(root, r)) for r in self.source_roots]

    def prepare(self, overlay=None):
        """Opens the tree; called in the fork."""
        sys.dont_write_bytecode = True
        sys.path[:0] = self.roots
        os.chdir(self.root)
        if overlay:
            Overlay({os.path.join(self.root, p): c for p, c in overlay.items()}).install()

    def load(self):
        space = {"__name__": "test_of_the_incident", "__file__": self.path, "__builtins__": __builtins__}
        exec(compile(self.source, self.path, "exec"), space)
        return space[self.name]

    def relative(self, filename):
        """The path below the tree, or None."""
        filename = os.path.realpath(filename)
        root = os.path.realpath(self.root)
        if not filename.startswith(root + os.sep):
            return None
        rel = filename[len(root) + 1:]
        if rel == os.path.relpath(self.path, self.root) or "site-packages" in rel.split(os.sep):
            return None
        return rel
