"""Runs measure.py with other interpreters and gathers its figures."""
import json
import os
import resource
import shutil
import subprocess
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
TRACER = os.path.join(root, "internal", "language", "python", "tracer")


def pythons():
    """The interpreters at hand by minor version, oldest first."""
    directory = os.environ.get("REPAIRD_PYTHONS")
    if not directory:
        state = os.environ.get("REPAIRD_STATE") or ("/var/lib/repaird" if os.getuid() == 0 else os.path.expanduser("~/.local/share/repaird"))
        directory = os.path.join(state, "pythons")
    bin_directory = os.path.join(directory, "bin")
    names = [n for n in os.listdir(bin_directory) if n.startswith("python3.") and n[8:].isdigit()] if os.path.isdir(bin_directory) else []
    return [os.path.join(bin_directory, n) for n in sorted(names, key=lambda n: int(n[8:]))]


def environment(tracer=TRACER, **more):
    """A clean one: what the caller's shell sets must not change the figures."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8",
           "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "REPAIRD_TRACER": tracer}
    env.update(more)
    return env


def installed_tracer(python):
    """A directory with the tracer as a run has it, its bytecode written by a
    first start with this interpreter. The caller removes it."""
    directory = tempfile.mkdtemp(prefix="bench-tracer-")
    for name in ("sitecustomize.py", "repaird_launch.py"):
        shutil.copy(os.path.join(TRACER, name), directory)
    shutil.copytree(os.path.join(TRACER, "repaird_tracer"), os.path.join(directory, "repaird_tracer"), ignore=shutil.ignore_patterns("__pycache__"))
    start(python, directory)
    return directory


def start(python, tracer):
    """Processor seconds of an interpreter that does nothing, traced where a
    directory with the tracer is given."""
    env = environment()
    del env["PYTHONDONTWRITEBYTECODE"]
    out = tempfile.mkdtemp(prefix="bench-start-")
    if tracer:
        env.update(PYTHONPATH=tracer, REPAIRD_TRACE_CONFIG=json.dumps({"include": [here], "out": out}))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, "-c", "pass"], env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(out)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(python, tool, programs=(), seconds=1.0, limit=120, tracer=TRACER):
    """The figures of one tool in a process of its own, and why some are
    missing ("" when none is)."""
    out = tempfile.mkdtemp(prefix="bench-trace-")
    try:
        command = [python, os.path.join(here, "measure.py"), tool, out, str(seconds)] + list(programs)
        try:
            done = subprocess.run(command, env=environment(tracer), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=limit)
            text, error, code = done.stdout, done.stderr, done.returncode
        except subprocess.TimeoutExpired as expired:
            text, error, code = expired.stdout or b"", b"", "over %d s" % limit
        lines = [json.loads(line) for line in text.decode().splitlines() if line.startswith('{"tool"')]
        why = ""
        if code != 0:
            last = error.decode("utf-8", "replace").strip().splitlines()
            why = last[-1][:200] if last else "exit %s" % code
        return lines, why
    finally:
        shutil.rmtree(out, ignore_errors=True)
