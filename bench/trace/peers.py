"""Virtual environments with the tools of others, from the package index."""
import os
import subprocess
import sys

PEERS = (("bottrace", "bottrace"), ("hunter", "hunter"), ("viztracer", "viztracer"), ("pysnooper", "PySnooper"), ("coverage", "coverage"))


def quiet(command, limit=300):
    """Whether a command succeeded, and the end of what it said."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit)
    except subprocess.TimeoutExpired:
        return False, "took over %d s" % limit
    except OSError as error:
        return False, str(error)
    return done.returncode == 0, reason(done.stdout.decode("utf-8", "replace"))


def reason(text):
    """The line of a command's output that says most: what a compiler did not
    find, else the last error, else the last line."""
    lines = [l.strip() for l in text.splitlines() if l.strip()]
    fatal = [l for l in lines if "fatal error: " in l]
    errors = [l for l in lines if "ERROR" in l or "error:" in l]
    return (fatal[:1] or errors[-1:] or lines[-1:] or [""])[0][:160]


def installer(state):
    """A pip that need not be part of the interpreter it installs for."""
    target = os.path.join(state, "pip")
    if not os.path.exists(os.path.join(target, "ready")):
        home = os.path.join(state, "pip-home")
        for command in ([sys.executable, "-m", "venv", home],
                        [os.path.join(home, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "--target", target, "pip>=25,<26"]):
            ok, said = quiet(command)
            if not ok:
                raise SystemExit("bench-trace: no pip: " + said)
        open(os.path.join(target, "ready"), "w").close()
    return os.path.join(target, "pip")


def environment(python, state, log):
    """The environment's interpreter, and for each peer its version or, after
    "none: ", why it is not available."""
    name = os.path.basename(python)
    home = os.path.join(state, name)
    inner = os.path.join(home, "bin", "python")
    made_of = subprocess.run([python, "-c", "import sys; print(sys.executable)"], stdout=subprocess.PIPE).stdout.decode().strip()
    ready = os.path.join(home, "ready")
    if not os.path.exists(inner) or not os.path.exists(ready) or open(ready).read() != made_of:
        log("making an environment with the peers for " + name)
        ok, said = quiet([python, "-m", "venv", "--clear", "--without-pip", home])
        if not ok:
            return python, dict((tool, "none: " + said) for tool, _ in PEERS)
    old = subprocess.run([inner, "-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).returncode != 0
    pip = [inner, "-m", "pip"] if old else [inner, installer(state)]
    if old and not quiet(pip + ["--version"])[0]:
        quiet([inner, "-m", "ensurepip"])
    versions = {}
    for tool, package in PEERS:
        note = os.path.join(home, tool + ".txt")
        if not os.path.exists(note):
            ok, said = quiet(pip + ["install", "--quiet", "--disable-pip-version-check", package])
            if ok:
                code = "import importlib.metadata as m; print(m.version('%s'))" % package
                ok, said = quiet([inner, "-c", code if not old else "import pkg_resources as p; print(p.get_distribution('%s').version)" % package])
            with open(note, "w") as f:
                f.write(said if ok else "none: " + said)
        with open(note) as f:
            versions[tool] = f.read().strip()
    with open(ready, "w") as f:
        f.write(made_of)
    return inner, versions
