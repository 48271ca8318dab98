"""Sessions of one test, one after another in one sandbox: each is a fork of an
interpreter that has imported pytest, and nothing of the tree.

To its sessions this process is what parent.py is to a single one. It runs no code
of the tree. Sessions cannot look into it and inherit none of its descriptors, and
each has a key of its own. Before the next one begins, every process that the last
one left is dead and every file is deleted. So each starts as in a new sandbox,
except for the process ids and what the memory's layout decides.

Reports to parent.py what it hears, message by message, with the session's number.
"""

import gc
import importlib
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import child  # noqa: E402
import parent  # noqa: E402

sys.path[:] = [p for p in sys.path if os.path.abspath(p) != HERE]
for _name in ("child", "parent"):  # the tree may have modules of these names
    del sys.modules[_name]

SCRATCH = ("/tmp", "/out", "/dev/shm")


class Fork:
    """A session's process, with the methods of subprocess.Popen that parent.py uses."""

    def __init__(self, pid):
        self.pid, self.status = pid, None

    def poll(self, options=os.WNOHANG):
        if self.status is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.status

    def wait(self):
        return self.poll(0)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)


def clean(modes):
    """Deletes all files that a session can have made."""
    for folder, mode in modes.items():
        if os.stat(folder).st_mode != mode:
            os.chmod(folder, mode)
        for name in os.listdir(folder):
            remove(os.path.join(folder, name))


def remove(path):
    if os.path.islink(path) or not os.path.isdir(path):
        os.remove(path)
        return
    os.chmod(path, 0o700)
    for name in os.listdir(path):
        remove(os.path.join(path, name))
    os.rmdir(path)


def start(config, plugin, above, key, pipes):
    """Forks a session. above is this process's own descriptor, pipes the
    session's: each the end to read from and the one to write to."""
    pid = os.fork()
    if pid:
        return Fork(pid)
    (report_r, report_w), (output_r, output_w) = pipes
    for fd in (above, report_r, output_r):
        os.close(fd)
    for fd in (1, 2):
        os.dup2(output_w, fd)
    os.close(output_w)
    os.setsid()
    parent.dumpable(1)  # as any other process
    send = child.reporter({"key": key.hex(), "report": report_w})
    sys.exit(child.session(config, send, plugin))


def run(config, plugin, above):
    """Runs one session. Returns parent.py's report on it."""
    key, pipes = os.urandom(32), (os.pipe(), os.pipe())
    process = start(config, plugin, above, key, pipes)
    (report_r, report_w), (output_r, output_w) = pipes
    os.close(report_w)
    os.close(output_w)
    deadline = time.monotonic() + config["session"]
    report = parent.follow(process, parent.Channel(key), report_r, output_r, deadline, config["output"])
    os.close(report_r)
    os.close(output_r)
    return report


def share():
    """Imports what each pytest session imports of pytest, and keeps the collector
    from touching, and so copying, what the forks share."""
    for name in getattr(sys.modules["_pytest.config"], "default_plugins", ()):
        try:
            importlib.import_module("_pytest." + name)
        except ImportError:
            pass  # pytest will say so itself
    gc.collect()
    if hasattr(gc, "freeze"):  # Python 3.7 on
        gc.freeze()


def main():
    config = child.received()
    above = config["report"]
    send = child.reporter(config)
    parent.harden()
    plugin = child.prepare(config)
    share()
    send({"t": "hello"})
    modes = {folder: os.stat(folder).st_mode for folder in SCRATCH if os.path.isdir(folder)}
    for i in range(config["repeats"]):
        began = time.monotonic()
        report = run(config, plugin, above)
        for message in report.pop("messages"):
            send({"t": "message", "i": i, "of": message})
        send({"t": "session", "i": i, "report": report, "seconds": time.monotonic() - began})
        if not parent.kill_all(time.monotonic() + 5):
            raise RuntimeError("processes of a session could not be ended")
        clean(modes)
    send({"t": "end", "status": 0})
    return 0


sys.exit(main())
