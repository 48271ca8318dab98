"""The trusted parent of a test session.

It runs before any code under test and after the last of it is dead, and it is
the only process that may speak for the session:

  repaird-commit <sha256 of a secret>      before the child exists
  repaird-report <secret> <base64 of zlib of JSON>   when all descendants are dead

Whoever writes to the same stdout in between (through /proc/1/fd/1, say) does
not know the secret, and nobody is left to learn it when it is told. The parent
is not dumpable, so that the child cannot look into its memory, its descriptors
or its environment, although it has the same uid.

Started as: python -I -S -B parent.py. Standard library only, Python 3.6 on.
"""

import base64
import ctypes
import hashlib
import hmac
import json
import os
import select
import signal
import subprocess
import sys
import time
import zlib

PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36

HERE = os.path.dirname(os.path.abspath(__file__))
MAX_MESSAGES = 48 << 20  # bytes from the child's channel
MAX_LINE = 2 << 20  # bytes of one message


def harden():
    """Makes this process unreadable, and parent of every orphan below it."""
    dumpable(0)
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def dumpable(value):
    """Sets whether others of the same uid may look into this process: 0 or 1."""
    prctl(PR_SET_DUMPABLE, value)


def prctl(option, value):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(%d) failed" % option)


class Channel:
    """Reads the child's messages: a MAC, a space, JSON, a line each.

    The MAC covers a running number, so that a message can neither be made
    without the key nor be repeated, left out or put elsewhere.
    """

    def __init__(self, key):
        self.key = key
        self.rest = b""
        self.size = 0
        self.messages = []
        self.fault = ""

    def feed(self, data):
        if self.fault:
            return
        self.size += len(data)
        if self.size > MAX_MESSAGES:
            self.fault = "the session reported more than %d bytes" % MAX_MESSAGES
            return
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        if len(self.rest) > MAX_LINE:
            self.fault = "a message of more than %d bytes" % MAX_LINE
        for line in lines:
            self.line(line)

    def line(self, line):
        if self.fault:
            return
        mac, _, body = line.partition(b" ")
        number = b"%d " % len(self.messages)
        want = hmac.new(self.key, number + body, hashlib.sha256).hexdigest().encode()
        if not hmac.compare_digest(mac, want):
            self.fault = "message %d was not written by the runner" % len(self.messages)
            return
        self.messages.append(json.loads(body.decode("utf-8", "replace")))

    def close(self):
        if self.rest and not self.fault:
            self.fault = "the last message was cut"


def tail(chunks, limit):
    """Keeps the last limit bytes in the list chunks."""
    total = sum(map(len, chunks))
    while chunks and total - len(chunks[0]) >= limit:
        total -= len(chunks.pop(0))


def children():
    """Maps every visible process to its parent."""
    parents = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as f:
                stat = f.read()
        except OSError:
            continue
        # The command's name is in parentheses and may hold anything.
        parents[int(name)] = int(stat[stat.rindex(b")") + 2 :].split()[1])
    return parents


def descendants():
    parents = children()
    me = os.getpid()
    found = set()
    for pid in parents:
        line = []
        while pid in parents and pid != me and pid not in found and pid not in line:
            line.append(pid)
            pid = parents[pid]
        if pid == me or pid in found:
            found.update(line)
    return found


def kill_all(until):
    """Kills whatever descends from this process. True when none is left.

    As a subreaper this process inherits every orphan, so that nothing can hide
    by a double fork. Stopping all before killing all keeps a fork bomb from
    outrunning the loop.
    """
    while True:
        found = descendants()
        for sig in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                try:
                    os.kill(pid, sig)
                except OSError:
                    pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.002)


def command(config):
    """The child's command line and environment.

    Not -I: it would make the interpreter ignore PYTHONHASHSEED, and a run has
    to be repeatable. -I means -E -s -P. -s is given; -P where it exists, and
    else the child removes the script's directory from sys.path by itself; and
    what -E guards against, a foreign PYTHON* variable, cannot occur, because
    the environment is made here from nothing.
    """
    argv = [config["python"] or sys.executable, "-s", "-B"]
    if config.get("safe_path", sys.version_info >= (3, 11)):
        argv.append("-P")
    argv.append(os.path.join(HERE, config.get("script") or "child.py"))
    env = {"PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"), "HOME": config.get("home") or "/tmp"}
    env.update({"LANG": "C.UTF-8", "TZ": "UTC", "PYTHONIOENCODING": "utf-8"})
    env.update(config["env"])
    env["PYTHONHASHSEED"] = str(config["seed"])
    return argv, env


def watch(child, channel, output, deadline, limit):
    """Reads both pipes until the child has ended. Returns (status, timed out)."""
    fds = {output["fd"]: None, channel["fd"]: channel["it"].feed}
    status, late, end = None, False, None
    while fds or status is None:
        for fd in select.select(list(fds), [], [], 0.05 if fds else 0.002)[0]:
            data = os.read(fd, 1 << 16)
            if not data:
                del fds[fd]
            elif fds[fd]:
                fds[fd](data)
            else:
                output["it"].append(data)
                tail(output["it"], limit)
        if status is None:
            status = child.poll()
            if status is None and time.monotonic() > deadline:
                late = True
                child.kill()
                status = child.wait()
            if status is not None:
                end = time.monotonic() + 5
                kill_all(end)  # whoever still holds the pipes
        elif time.monotonic() > end:
            break
    return status, late


def use_up(n):
    """Takes n process ids, so that the child's is another than usual."""
    for _ in range(n):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)


def run(config, deadline):
    key = os.urandom(32)
    report_r, report_w = os.pipe()
    output_r, output_w = os.pipe()
    argv, env = command(config)
    for folder in (env["HOME"], config["dir"]):
        os.makedirs(folder, exist_ok=True)
    use_up(config.get("processes") or 0)
    child = subprocess.Popen(
        argv, env=env, cwd=config["dir"], stdin=subprocess.PIPE, stdout=output_w,
        stderr=output_w, pass_fds=(report_w,), start_new_session=True,
    )
    os.close(report_w)
    os.close(output_w)
    try:
        child.stdin.write(json.dumps(dict(config, key=key.hex(), report=report_w)).encode())
        child.stdin.close()
    except OSError:
        pass  # it died at once; its status says so
    return follow(child, Channel(key), report_r, output_r, deadline, config["output"])


def follow(child, channel, report_r, output_r, deadline, limit):
    """Reads what a session's process says until it and all that it started are
    dead. Returns the report."""
    output = []
    status, late = watch(
        child, {"fd": report_r, "it": channel}, {"fd": output_r, "it": output}, deadline, limit,
    )
    channel.close()
    return {
        "status": status,
        "late": late,
        "fault": channel.fault,
        "messages": channel.messages,
        "output": b"".join(output)[-limit:].decode("utf-8", "replace"),
    }


def say(line):
    data = line.encode()
    while data:
        data = data[os.write(1, data) :]


def main():
    started = time.monotonic()
    harden()
    secret = os.urandom(32)
    say("repaird-commit %s\n" % hashlib.sha256(secret).hexdigest())
    with open(os.path.join(HERE, "config.json"), "rb") as f:
        config = json.loads(f.read().decode())
    report = run(config, started + config["wall"])
    if not kill_all(time.monotonic() + 5):
        report["fault"] = "processes of the session could not be ended"
    packed = base64.b64encode(zlib.compress(json.dumps(report).encode(), 6)).decode()
    say("repaird-report %s %s\n" % (secret.hex(), packed))


if __name__ == "__main__":  # the pool borrows from this file
    main()
