#!/usr/bin/env python3
"""Measures repaird's tracer, a naive one and those of others on the same
programs with the Pythons at hand, and writes docs/trace-benchmark.md.

    run.py [--python 3.13]… [--all] [--seconds 0.35] [--out FILE] [--results FILE] [--no-go]

Without --python the measured versions are those of DEFAULT that are at hand;
--all takes every one. --results keeps the figures as JSON.
"""
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time

import harness
import peers
import report
import suites

DEFAULT = ("3.9", "3.11", "3.12", "3.13", "3.14", "3.15")
OWN = ("floor", "repaird", "repaird-all", "repaird-breakpoint", "naive")
ROUNDS = 2


def log(text):
    print("bench-trace: " + text, file=sys.stderr, flush=True)


def best(a, b):
    """Of two measurements of one tool and program the least of each time."""
    if a is None or a["size"] != b["size"]:
        return b
    out = dict(b, bare=min(a["bare"], b["bare"]), traced=min(a["traced"], b["traced"]), attach=min(a["attach"], b["attach"]))
    out["runs"] = a["runs"] + b["runs"]
    return out


def programs_of(python, inner, versions, seconds):
    """tool → program → figures, and tool → why figures are missing."""
    figures, missing = {}, {}
    tools = [(tool, python) for tool in OWN]
    for tool, package in peers.PEERS:
        if versions.get(tool, "none: not tried").startswith("none: "):
            missing[tool] = versions[tool][6:]
        else:
            tools.append((tool, inner))
    for turn in range(ROUNDS):
        for tool, interpreter in tools:
            lines, why = harness.measure(interpreter, tool, (), seconds)
            for line in lines:
                of_tool = figures.setdefault(tool, {})
                of_tool[line["program"]] = best(of_tool.get(line["program"]), line)
            if why and turn == 0:
                missing[tool] = why
        log("%s: programs, round %d of %d" % (os.path.basename(python), turn + 1, ROUNDS))
    return figures, missing


def start_up(python):
    """Milliseconds that the tracer adds to the start of an interpreter, where
    its bytecode is there, and where it is not yet."""
    tracer = harness.installed_tracer(python)
    bare, warm, cold = [], [], []
    for _ in range(10):
        bare.append(harness.start(python, None))
        warm.append(harness.start(python, tracer))
    shutil.rmtree(tracer)
    for _ in range(2):
        tracer = harness.installed_tracer(python)
        shutil.rmtree(os.path.join(tracer, "__pycache__"), ignore_errors=True)
        for name in os.listdir(tracer):
            if not name.endswith(".py"):
                os.remove(os.path.join(tracer, name))
        cold.append(harness.start(python, tracer))
        shutil.rmtree(tracer)
    return (min(warm) - min(bare)) * 1e3, (min(cold) - min(bare)) * 1e3


def go_reader():
    """The lines of the reader's benchmarks, or why there are none."""
    command = ["go", "test", "-run", "^$", "-bench", "^Benchmark(Read|Process)$", "-benchtime", "3x", "./internal/pytrace"]
    try:
        done = subprocess.run(command, cwd=harness.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], str(error)
    text = done.stdout.decode("utf-8", "replace")
    lines = [line.split("\t") for line in text.splitlines() if line.startswith("Benchmark")]
    return [[part.strip() for part in line] for line in lines], "" if done.returncode == 0 else text.strip().splitlines()[-1]


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    name = ""
    if os.path.exists("/etc/os-release"):
        with open("/etc/os-release") as f:
            name = dict(l.strip().split("=", 1) for l in f if "=" in l).get("PRETTY_NAME", "").strip('"')
    return {"cpu": model, "cores": os.cpu_count(), "system": name, "kernel": platform.release(), "load": os.getloadavg()[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.35)
    parser.add_argument("--out", default=os.path.join(harness.root, "docs", "trace-benchmark.md"))
    parser.add_argument("--results")
    parser.add_argument("--no-go", action="store_true")
    options = parser.parse_args()
    begin = time.time()
    state = os.environ.get("REPAIRD_STATE") or ("/var/lib/repaird" if os.getuid() == 0 else os.path.expanduser("~/.local/share/repaird"))
    state = os.path.join(state, "bench-trace")
    os.makedirs(state, exist_ok=True)
    at_hand = harness.pythons()
    wanted = options.python or ([os.path.basename(p)[6:] for p in at_hand] if options.all else DEFAULT)
    chosen = [p for p in at_hand if os.path.basename(p)[6:] in wanted]
    if not chosen:
        raise SystemExit("bench-trace: no Python at hand; run deploy/pythons.sh")
    absent = [v for v in wanted if not any(os.path.basename(p)[6:] == v for p in chosen)]
    naive_suites = {next((p for p in reversed(chosen) if minor(p) < 12), None), next((p for p in reversed(chosen) if minor(p) == 13), None)}
    results = {"machine": machine(), "pythons": [], "absent": absent, "rounds": ROUNDS}
    for python in chosen:
        full = subprocess.run([python, "-c", "import sys; print(sys.version.split()[0])"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
        log("Python " + full)
        inner, versions = peers.environment(python, state, log)
        figures, missing = programs_of(python, inner, versions, options.seconds)
        modes = ("bare", "repaird", "naive") if python in naive_suites else ("bare", "repaird")
        of_suites = suites.measure(python, modes, time.time() + 60, lambda text: None)
        log("%s: suites" % os.path.basename(python))
        results["pythons"].append({"version": full, "minor": minor(python), "figures": figures, "missing": missing, "versions": versions,
                                   "suites": of_suites, "start": start_up(python)})
    results["go"], results["go_missing"] = ([], "left out") if options.no_go else go_reader()
    results["machine"]["load_after"] = os.getloadavg()[0]
    results["minutes"] = (time.time() - begin) / 60
    if options.results:
        with open(options.results, "w") as f:
            json.dump(results, f, indent=1)
    with open(options.out, "w") as f:
        f.write(report.text(results))
    log("wrote %s after %.1f minutes" % (options.out, results["minutes"]))


def minor(python):
    return int(os.path.basename(python).split(".")[1])


if __name__ == "__main__":
    main()
