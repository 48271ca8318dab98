"""The child of a test session: pytest, with a plugin that reports to the parent.

It shares its interpreter with the code under test, so nothing that it says is
believed by itself: the parent checks each message's MAC and number, and the Go
side checks that what the messages tell is one whole, undisturbed session that
began and ended with tests that must fail.

Order matters. The real pytest, its plugins and the tracer are imported before
the tree is put on sys.path, so that a pytest.py or _pytest in the tree, or a
module named like a plugin, shadows nothing.
"""

import hashlib
import hmac
import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def reporter(config):
    """Returns send(message), the only way to the parent."""
    key = bytes.fromhex(config.pop("key"))
    fd = config.pop("report")
    os.set_inheritable(fd, False)
    pid = os.getpid()
    state = {"n": 0}
    write, new, sha = os.write, hmac.new, hashlib.sha256
    dumps = json.dumps

    def send(message):
        if os.getpid() != pid:
            return  # a fork of the session has nothing to report
        body = dumps(message).encode()
        number = b"%d " % state["n"]
        data = new(key, number + body, sha).hexdigest().encode() + b" " + body + b"\n"
        state["n"] += 1
        while data:
            data = data[write(fd, data) :]

    return send


def start_tracer(config):
    """Starts the tracer where one is wanted. Returns (tracer, what went wrong)."""
    if not config["trace"]:
        return None, ""
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tracer"))
    try:
        import repaird_tracer

        os.makedirs(config["trace"]["out"], exist_ok=True)
        if repaird_tracer.start(config["trace"]) is False:
            return None, "the tracer did not start"
        return repaird_tracer, ""
    except Exception as e:  # a tracer's fault never fails the program
        return None, "%s: %s" % (type(e).__name__, e)
    finally:
        del sys.path[0]


def import_plugins():
    """Imports the installed plugins before anything in the tree can be them."""
    try:
        from importlib.metadata import entry_points
    except ImportError:
        return
    try:
        found = entry_points(group="pytest11")
    except TypeError:  # Python below 3.10
        found = entry_points().get("pytest11", ())
    for entry in found:
        try:
            entry.load()
        except Exception:
            pass  # pytest will say so itself


def standard():
    """The standard library's modules, for Python below 3.10."""
    folder = os.path.dirname(os.__file__)
    names = set(sys.builtin_module_names)
    for place in (folder, os.path.join(folder, "lib-dynload")):
        try:
            names |= {entry.partition(".")[0] for entry in os.listdir(place)}
        except OSError:
            pass
    return names - {"site-packages", "dist-packages"}


def open_tree(root, roots):
    """Puts the tree on sys.path.

    Modules that pytest needed and that the tree provides too (a repository may
    be that very library) are forgotten, so that the tree's are the ones tested.
    """
    # Compiled files that a tree brings along are not looked at: they need not be
    # of the source beside them.
    sys.pycache_prefix = "/tmp/.pycache"
    paths = [os.path.normpath(os.path.join(root, r)) for r in roots]
    sys.path[0:0] = paths
    keep = {"pytest", "_pytest", "pluggy", "repaird_tracer"} | set(sys.builtin_module_names)
    keep |= set(getattr(sys, "stdlib_module_names", None) or standard())
    tops = {name.partition(".")[0] for name in sys.modules}
    for top in tops - keep:
        if any(os.path.isfile(os.path.join(p, top + ".py"))
               or os.path.isfile(os.path.join(p, top, "__init__.py")) for p in paths):
            for name in [n for n in sys.modules if n == top or n.startswith(top + ".")]:
                del sys.modules[name]


def seed_all(seed):
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        try:
            numpy.random.seed(seed)
        except Exception:
            pass


def received():
    """What the parent wrote to standard input, which is empty from then on."""
    config = json.loads(sys.stdin.buffer.read().decode())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.stdin = open(0, closefd=False)
    return config


def prepare(config):
    """Imports all that a session needs and that is not the tree's. Returns the plugin."""
    import pytest  # the environment's  # noqa: F401

    sys.path.insert(0, HERE)
    try:
        import plugin
    finally:
        del sys.path[0]
        for name in ("plugin", "render", "watch"):  # the tree may have modules of these names
            sys.modules.pop(name, None)
    if config["test"]:
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    else:
        import_plugins()
    return plugin


def session(config, send, plugin):
    """Runs pytest on the tree. Returns its exit status."""
    pytest = sys.modules["pytest"]
    tracer, trouble = start_tracer(config)
    send({"t": "hello", "python": sys.version.split()[0], "pytest": pytest.__version__,
          "traced": tracer is not None, "tracer": trouble})
    open_tree(config["root"], config["roots"])
    seed_all(config["seed"])
    judge = plugin.Plugin(config, send, seed_all, tracer)
    status = pytest.main(plugin.arguments(config), plugins=[judge])
    if tracer is not None:
        try:
            tracer.stop()
        except Exception:
            pass
    send({"t": "end", "status": int(status)})
    return int(status)


def main():
    sys.path[:] = [p for p in sys.path if os.path.abspath(p) != HERE]
    config = received()
    send = reporter(config)
    return session(config, send, prepare(config))


if __name__ == "__main__":  # the driver and the pool borrow from this file
    sys.exit(main())
