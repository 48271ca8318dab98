#!/usr/bin/env python3
"""Measures repaird's tracer, a naive one and those of others on the same
programs with the Pythons at hand, and writes docs/trace-benchmark.md.

    run.py [--python 3.13]… [--all] [--seconds 0.35] [--minutes 22] [--out FILE] [--results FILE] [--no-go]
    run.py --from FILE [--out FILE]

Without --python the measured versions are those of DEFAULT that are at hand;
--all takes every one. --minutes is what all Pythons together may take, the
reader's benchmarks aside: every Python runs every program and suite once, and
again where its share allows that. --results keeps the figures as JSON, from
which --from writes the page again.
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
import reader
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


def tools_of(python, inner, versions):
    """Tools with the interpreter that has them, and tool → why there is none."""
    missing = {}
    tools = [(tool, python) for tool in OWN]
    for tool, package in peers.PEERS:
        if versions.get(tool, "none: not tried").startswith("none: "):
            missing[tool] = versions[tool][6:]
        else:
            tools.append((tool, inner))
    return tools, missing


def one_round(tools, programs, seconds, figures, missing):
    """Measures each tool once; figures: tool → program → the least of each time."""
    for tool, interpreter in tools:
        lines, why = harness.measure(interpreter, tool, programs, seconds)
        for line in lines:
            of_tool = figures.setdefault(tool, {})
            of_tool[line["program"]] = best(of_tool.get(line["program"]), line)
        if why:
            missing.setdefault(tool, why)


def of_python(python, environment, options, naive, deadline):
    """All that is measured with one Python; naive says that its suites run
    under the naive tracer, too. After the deadline nothing runs again."""
    name, (inner, versions) = os.path.basename(python), environment
    full = subprocess.run([python, "-c", "import sys; print(sys.version.split()[0])"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    log("Python " + full)
    tools, missing = tools_of(python, inner, versions)
    figures, rounds = {}, 1
    begin = time.time()
    one_round(tools, options.program or (), options.seconds, figures, missing)
    took = time.time() - begin
    log("%s: programs in %.0f s" % (name, took))
    of_suites = None
    if not options.no_suites:
        begin = time.time()
        again = deadline - 1.1 * took - 20  # room for the second round of the programs
        of_suites = suites.measure(python, ("bare", "repaird", "floor", "naive") if naive else ("bare", "repaird"), again, lambda text: None)
        log("%s: suites in %.0f s" % (name, time.time() - begin))
    start = start_up(python)
    while rounds < ROUNDS and time.time() + took <= deadline:
        one_round(tools, options.program or (), options.seconds, figures, missing)
        rounds += 1
    log("%s: %d of %d rounds" % (name, rounds, ROUNDS))
    return {"version": full, "minor": minor(python), "figures": figures, "missing": missing, "versions": versions,
            "suites": of_suites, "start": start, "rounds": rounds}


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
    parser.add_argument("--from", dest="kept")
    parser.add_argument("--minutes", type=float, default=22)
    parser.add_argument("--no-go", action="store_true", help="without the reader")
    parser.add_argument("--no-suites", action="store_true", help="without the suites")
    parser.add_argument("--program", action="append", help="only this program (may be repeated)")
    options = parser.parse_args()
    if options.kept:
        with open(options.kept) as f:
            write(options.out, report.text(json.load(f)))
        return
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
    results = {"machine": machine(), "pythons": [], "absent": absent}
    environments = [peers.environment(python, state, log) for python in chosen]
    begin = deadline = time.time()
    shares = [1.5 if python in naive_suites else 1.0 for python in chosen]
    for python, environment, share in zip(chosen, environments, shares):
        deadline += options.minutes * 60 * share / sum(shares)
        results["pythons"].append(of_python(python, environment, options, python in naive_suites, deadline))
    results["reader"], results["reader_missing"] = ([], "left out") if options.no_go else reader.measure()
    results["machine"]["load_after"] = os.getloadavg()[0]
    results["minutes"] = (time.time() - begin) / 60
    if options.results:
        with open(options.results, "w") as f:
            json.dump(results, f, indent=1)
    write(options.out, report.text(results))
    log("wrote %s after %.1f minutes" % (options.out, results["minutes"]))


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def minor(python):
    return int(os.path.basename(python).split(".")[1])


if __name__ == "__main__":
    main()
