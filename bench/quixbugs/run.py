"""Measures how many of QuixBugs' programs `repaird repair --test` repairs.

    python3 bench/quixbugs/run.py CHECKOUT [--repaird bin/repaird] [--jobs 1] [--only NAME,…] [--keep DIR]

CHECKOUT is a clone of QuixBugs, or its git directory. Nothing is downloaded.

For each of its 40 Python programs a repository is made of the faulty program
and half of its cases as tests; which half, a hash decides. repaird is given one
of those that fail. The patch that it proposes is correct if it passes the other
half as well, which repaird has never seen, and answers every case as QuixBugs'
correct program does.
"""

import argparse
import ast
import concurrent.futures
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

TEST_SECONDS = 20  # for one run of a program's tests outside repaird

# What must not choose a model.
MODELS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL")


def checkout(path, into):
    """The folder with QuixBugs' files."""
    if os.path.isdir(os.path.join(path, "python_programs")):
        return path
    archive = subprocess.run(["git", "--git-dir", path, "archive", "HEAD"], check=True, stdout=subprocess.PIPE).stdout
    tarfile.open(fileobj=io.BytesIO(archive)).extractall(into, filter="data")
    return into


def read(*parts):
    with open(os.path.join(*parts)) as f:
        return f.read()


def write(text, *parts):
    name = os.path.join(*parts)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "w") as f:
        f.write(text)


def programs(quixbugs):
    names = os.listdir(os.path.join(quixbugs, "python_programs"))
    return sorted(n[:-3] for n in names if n.endswith(".py") and not n.endswith("_test.py") and n != "node.py")


def halves(name, cases, key):
    """Two halves of the cases, each in the cases' order."""
    chosen = sorted(cases, key=lambda c: hashlib.sha256((name + key(c)).encode()).hexdigest())[:(len(cases) + 1) // 2]
    keys = {key(c) for c in chosen}
    return [c for c in cases if key(c) in keys], [c for c in cases if key(c) not in keys]


def tests(quixbugs, name):
    """(source of a test file from a list of cases, cases, what tells cases apart)."""
    source = read(quixbugs, "python_testcases", "test_%s.py" % name)
    source = re.sub(r"if pytest\.use_correct:\n.*\nelse:\n    from python_programs\.(\w+) import", r"from \1 import", source)
    source = source.replace("not pytest.run_slow and ", "").replace("from load_testdata import load_json_testcases\n", "")
    data = os.path.join(quixbugs, "json_testcases", name + ".json")
    if os.path.exists(data):
        cases = [json.loads(line) for line in read(data).splitlines() if line.strip()]
        call = re.search(r"load_json_testcases\(.*?\)", source).group()

        def with_cases(some):
            return source.replace(call, "[\n%s]" % "".join("    %r,\n" % (c,) for c in some))
        return with_cases, cases, repr
    tree = ast.parse(source)
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test")]
    lines = source.splitlines(keepends=True)

    def with_functions(some):
        left = {n for f in functions if f.name not in some for n in range(f.lineno - 1, f.end_lineno)}
        return "".join(line for i, line in enumerate(lines) if i not in left)
    return with_functions, [f.name for f in functions], str


def run_tests(folder):
    """Node id -> passed, of the folder's tests; an endless one fails."""
    code = ("import pytest, signal, sys\n"
            "class P:\n"
            "    def pytest_runtest_logreport(self, report):\n"
            "        if report.when == 'call' or report.failed:\n"
            "            print('\\n=', report.outcome, report.nodeid)\n"
            "    @pytest.hookimpl(hookwrapper=True)\n"
            "    def pytest_pyfunc_call(self, pyfuncitem):\n"
            "        signal.signal(signal.SIGALRM, lambda *_: pytest.fail('endless'))\n"
            "        signal.alarm(2)\n"
            "        yield\n"
            "        signal.alarm(0)\n"
            "pytest.main(['-q', '--tb=no', '-p', 'no:cacheprovider', 'tests'], plugins=[P()])\n")
    try:
        done = subprocess.run([sys.executable, "-B", "-c", code], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=TEST_SECONDS * 3, env=dict(os.environ, PYTHONPATH=folder))
    except subprocess.TimeoutExpired:
        return {}
    found = re.findall(r"^= (\w+) (.*)$", done.stdout.decode(), re.M)
    return {node: outcome != "failed" for outcome, node in found}


def make(quixbugs, name, folder, program, test):
    """A repository of the program with a test file."""
    write(program, folder, name + ".py")
    write(test, folder, "tests", "test_%s.py" % name)
    if "from node import" in test:
        write(read(quixbugs, "python_programs", "node.py"), folder, "node.py")


def git(folder, *command):
    subprocess.run(["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"] + list(command), cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(quixbugs, name, options, scratch):
    """One program's result."""
    faulty = read(quixbugs, "python_programs", name + ".py")
    with_cases, cases, key = tests(quixbugs, name)
    visible, hidden = halves(name, cases, key)
    repo = os.path.join(scratch, name)
    failing = []
    for visible, hidden in ((visible, hidden), (hidden, visible)):  # the half that shows the fault is the visible one
        shutil.rmtree(repo, ignore_errors=True)
        make(quixbugs, name, repo, faulty, with_cases(visible))
        failing = [node for node, passed in run_tests(repo).items() if not passed]
        if failing:
            break
    if not failing:
        return {"name": name, "end": "no failing case"}
    git(repo, "init", "-q")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "faulty")
    out = os.path.join(scratch, name + ".out")
    began = time.monotonic()
    done = subprocess.run([options.repaird, "repair", "--repo", repo, "--test", failing[0], "--out", out, "--json"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={k: v for k, v in os.environ.items() if k not in MODELS})
    result = {"name": name, "seconds": time.monotonic() - began, "rate": rate(done.stderr.decode()), "end": "failed"}
    write(done.stderr.decode(), out, "stderr.txt")
    try:
        answer = json.loads(done.stdout.decode())
    except ValueError:
        return result
    if not answer.get("accepted"):
        stop = answer.get("stop") or {}
        result["end"] = "asked" if stop.get("type") == "undecided" else "stopped"
        result["why"] = "%s: %s" % (stop.get("type"), stop.get("detail"))
        return result
    result.update(end="proposed", diff=answer["diff"])
    write(answer["diff"], out, "patch.diff")
    git(repo, "apply", os.path.join(os.path.abspath(out), "patch.diff"))
    patched = read(repo, name + ".py")
    check = os.path.join(scratch, name + ".check")
    ended = []
    for program in (patched, read(quixbugs, "correct_python_programs", name + ".py")):
        shutil.rmtree(check, ignore_errors=True)
        make(quixbugs, name, check, program, with_cases(cases))
        ended.append(run_tests(check))
    result["correct"] = bool(ended[0]) and all(ended[0].values()) and ended[0] == ended[1]
    return result


def rate(progress):
    """Candidates a second, as the progress says."""
    found = re.search(r"(\d+) tried in ([\d.]+) s", progress)
    return int(found.group(1)) / max(float(found.group(2)), 0.001) if found else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout")
    parser.add_argument("--repaird", default="bin/repaird")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", default="")
    options = parser.parse_args()
    options.repaird = os.path.abspath(options.repaird)
    with tempfile.TemporaryDirectory() as temporary:
        scratch = options.keep or temporary
        quixbugs = checkout(options.checkout, os.path.join(temporary, "quixbugs"))
        names = options.only.split(",") if options.only else programs(quixbugs)
        began, results = time.monotonic(), []
        print("%-28s %-9s %-8s %7s %8s  %s" % ("program", "end", "", "seconds", "cand./s", ""))
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for r in pool.map(lambda name: measure(quixbugs, name, options, scratch), names):
                results.append(r)
                word = "" if r["end"] != "proposed" else "correct" if r["correct"] else "wrong"
                print("%-28s %-9s %-8s %7.1f %8s  %s" % (r["name"], r["end"], word, r.get("seconds", 0),
                      "" if r.get("rate") is None else "%.0f" % r["rate"], r.get("why", "")[:110]), flush=True)
        proposed = [r for r in results if r["end"] == "proposed"]
        correct = sum(r["correct"] for r in proposed)
        print("%.0f s in all; asked %d" % (time.monotonic() - began, sum(r["end"] == "asked" for r in results)))
        print("correct %d, wrong %d, of %d; proposed right %.0f %%" % (
            correct, len(proposed) - correct, len(results), 100 * correct / max(len(proposed), 1)))


main()
