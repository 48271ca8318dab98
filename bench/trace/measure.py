"""Times programs bare and under one tool, in this very interpreter.

    measure.py TOOL OUT SECONDS [PROGRAM…]

Bare and traced runs alternate; of each the least processor time counts. A tool
for which a whole run would take too long gets a smaller one, and its bare run
is of the same size. One JSON object a line on standard output for each program:

    {"tool": "naive", "program": "calls", "size": 0.25, "runs": 3,
     "bare": 0.0035, "traced": 0.61, "attach": 0.0001, "records": 75025, "note": ""}

Times are seconds of processor time; "traced" includes what the tool does when
it is told to stop, but not what it does to convert or to save what it holds.
Runs on every Python from 3.6 on, for it is the one that is measured.
"""
import gc
import importlib
import json
import os
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[0:1] = [os.path.join(here, "programs"), os.path.join(here, "library")]
if os.environ.get("REPAIRD_TRACER"):
    sys.path.append(os.environ["REPAIRD_TRACER"])
PROGRAMS = ("calls", "objects", "parser", "generators", "exceptions", "scope", "scope_exceptions", "standard", "hot_line")
MOST_RUNS = 15


def timed(function, *args):
    """The processor seconds of a call, with garbage collected before it."""
    gc.collect()
    begin = time.process_time()
    function(*args)
    return time.process_time() - begin


def traced(tool, run, size, out):
    """Seconds of a run under the tool and of attaching it, and how many
    records it wrote."""
    if not os.path.isdir(out):
        os.makedirs(out)
    attach = timed(tool.begin, out)
    gc.collect()
    begin = time.process_time()
    tool.run(run, size)
    seconds = time.process_time() - begin
    return seconds, attach, tool.end(out)


def size_of(tool, run, out, budget):
    """1 for tools that bound their own cost, else what fits the budget."""
    if tool.whole:
        return 1.0
    small = traced(tool, run, 1 / 256.0, out)[0]
    size = 1 / 256.0
    while size < 1 and small * 256 * size * 4 < budget:
        size *= 4
    return size


def measure(tool, name, out, budget):
    run = importlib.import_module(name).run
    size = size_of(tool, run, os.path.join(out, "size"), budget / 3)
    run(size)
    bare, best, attach, records, runs = None, None, None, 0, 0
    end = time.time() + budget
    while runs < MOST_RUNS and (runs < 1 or time.time() < end):
        took = timed(run, size)
        bare = took if bare is None else min(bare, took)
        took, attached, records = traced(tool, run, size, os.path.join(out, "%s-%d" % (name, runs)))
        best = took if best is None else min(best, took)
        attach = attached if attach is None else min(attach, attached)
        runs += 1
    return {"tool": tool.name, "program": name, "size": size, "runs": runs, "bare": bare, "traced": best,
            "attach": attach, "records": records, "note": tool.note}


def main():
    import tools
    tool_name, out, budget = sys.argv[1], sys.argv[2], float(sys.argv[3])
    for name in sys.argv[4:] or PROGRAMS:
        tool = tools.TOOLS[tool_name](here, name)
        if not tool.serves(name):
            continue
        result = measure(tool, name, os.path.join(out, tool_name), budget)
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.path.insert(0, here)
    main()
