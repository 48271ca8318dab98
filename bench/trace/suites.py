"""Whole test suites of real modules: CPU time of Python's own tests, bare,
under repaird, an empty tracer, and the naive one."""
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time

import harness

MODULES = (
    ("test_contextlib", "contextlib.py"), ("test_functools", "functools.py"), ("test_typing", "typing.py"), ("test_textwrap", "textwrap.py"),
    ("test_difflib", "difflib.py"), ("test_configparser", "configparser.py"), ("test_shlex", "shlex.py"), ("test_fractions", "fractions.py"),
    ("test_heapq", "heapq.py"), ("test_bisect", "bisect.py"), ("test_collections", "collections"), ("test_dataclasses", "dataclasses.py"),
    ("test_enum", "enum.py"), ("test_string", "string.py"), ("test_csv", "csv.py"), ("test_copy", "copy.py"), ("test_reprlib", "reprlib.py"),
    ("test_pprint", "pprint.py"), ("test_argparse", "argparse.py"))
LIMIT = 60

NAIVE = '''
import json, os, sys, threading
roots = tuple(json.loads(os.environ["NAIVE_INCLUDE"]))
def text(value):
    try:
        return repr(value)[:200]
    except Exception:
        return "?"
log = open(os.path.join(os.environ["NAIVE_OUT"], "naive-%d.jsonl" % os.getpid()), "w")
def trace(frame, event, arg):
    code = frame.f_code
    if not code.co_filename.startswith(roots):
        return None
    if event == "line":
        return trace
    record = {"event": event, "function": code.co_name, "file": code.co_filename, "line": frame.f_lineno}
    if event == "call":
        record["args"] = dict((k, text(v)) for k, v in frame.f_locals.items())
    else:
        record["value"] = text(arg)
    log.write(json.dumps(record) + "\\n")
    log.flush()
    return trace
threading.settrace(trace)
sys.settrace(trace)
'''


# What the interpreter takes by itself for an empty tracer of the files in scope.
FLOOR = '''
import json, os, sys, threading
roots = tuple(json.loads(os.environ["FLOOR_INCLUDE"]))
def local(frame, event, arg):
    return local
def trace(frame, event, arg):
    if not frame.f_code.co_filename.startswith(roots):
        return None
    frame.f_trace_lines = False
    return local
if sys.version_info < (3, 12):
    threading.settrace(trace)
    sys.settrace(trace)
else:
    m = sys.monitoring
    def start(code, offset):
        if not code.co_filename.startswith(roots):
            return m.DISABLE
        m.set_local_events(4, code, m.events.PY_RETURN)
    m.use_tool_id(4, "floor")
    m.register_callback(4, m.events.PY_START, start)
    for event in (m.events.PY_RETURN, m.events.RAISE, m.events.PY_UNWIND):
        m.register_callback(4, event, lambda *args: None)
    m.set_events(4, m.events.PY_START | m.events.RAISE | m.events.PY_UNWIND)
'''


def library(python):
    code = "import os, test; print(os.path.dirname(os.__file__)); print(os.path.isdir(os.path.join(os.path.dirname(os.__file__), 'test')))"
    done = subprocess.run([python, "-I", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    lines = done.stdout.decode().split()
    return lines[0] if len(lines) == 2 and lines[1] == "True" else None


def once(python, module, include, mode, tracer):
    """CPU seconds, exit code and bytes written of a run of one module."""
    work = tempfile.mkdtemp(prefix="bench-suites-")
    try:
        out, home = os.path.join(work, "out"), os.path.join(work, "home")
        os.mkdir(out)
        os.mkdir(home)
        env = harness.environment(HOME=home, TMPDIR=work)
        if mode == "repaird":
            env.update(PYTHONPATH=tracer, REPAIRD_TRACE_CONFIG=json.dumps({"include": include, "out": out}))
        elif mode != "bare":
            with open(os.path.join(work, "sitecustomize.py"), "w") as f:
                f.write(NAIVE if mode == "naive" else FLOOR)
            env.update(PYTHONPATH=work, NAIVE_INCLUDE=json.dumps(include), FLOOR_INCLUDE=json.dumps(include), NAIVE_OUT=out)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process = subprocess.Popen([python, "-m", "unittest", "-q", "test." + module], cwd=home, env=env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            code = process.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = "timeout"
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = sum(os.path.getsize(os.path.join(out, name)) for name in os.listdir(out))
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, code, size
    finally:
        shutil.rmtree(work, ignore_errors=True)


def measure(python, modes, deadline, log):
    """For each module a dict of mode to (least seconds, exit code, bytes). What
    is not naive runs a second time, as long as the deadline has not passed."""
    root = library(python)
    if root is None:
        return None
    results, tracer = {}, harness.installed_tracer(python)
    for module, source in MODULES:
        tests = os.path.join(root, "test", module)
        if not os.path.exists(tests + ".py") and not os.path.isdir(tests):
            continue
        include = [tests, tests + ".py", os.path.join(root, source)]
        row = {}
        for turn in range(2):
            for mode in modes:
                if mode in ("naive", "floor") and turn > 0 or turn > 0 and time.time() > deadline:
                    continue
                seconds, code, size = once(python, module, include, mode, tracer)
                if mode not in row or seconds < row[mode][0]:
                    row[mode] = (seconds, code, size)
        results[module] = row
        log("%s %s" % (module, " ".join("%s %.2f s" % (mode, row[mode][0]) for mode in modes)))
    shutil.rmtree(tracer)
    return results
