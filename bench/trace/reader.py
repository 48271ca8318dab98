"""Runs the Go benchmarks of the reader, and makes their section of the page."""
import re
import subprocess

import harness

BENCHMARKS = ("Read", "Process")
MOST, LEAST = 1000000, 10000  # events of the largest and of the smallest trace


def measure():
    """A list of {"name", "runs", "figures": {unit: number}}, and why some are
    missing ("" when none is)."""
    found, why = [], []
    for name in BENCHMARKS:
        command = ["go", "test", "-run", "^$", "-bench", "^Benchmark%s$" % name, "-benchtime", "3x", "./internal/trace"]
        try:
            done = subprocess.run(command, cwd=harness.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
            text, failed = done.stdout.decode("utf-8", "replace"), done.returncode != 0
        except subprocess.TimeoutExpired as expired:
            text, failed = (expired.stdout or b"").decode("utf-8", "replace") + "\ntook over 300 s", True
        except OSError as error:
            text, failed = str(error), True
        lines = [line for line in map(parse, text.splitlines()) if line]
        found += lines
        if failed or not lines:
            why.append("%s: %s" % (name, reason(text)))
    found.sort(key=lambda line: line["name"].split("/")[:2])  # programs come in any order; sizes stay as they came
    return found, "; ".join(why)


def parse(line):
    """One line of go test's: a name, how often it ran, figures with units."""
    m = re.match(r"Benchmark(\S+?)(?:-\d+)?\s+(\d+)\s+(\S.*)$", line)
    if not m:
        return None
    parts = m.group(3).split()
    try:
        figures = dict((unit, float(figure)) for figure, unit in zip(parts[::2], parts[1::2]))
    except ValueError:
        return None
    return {"name": m.group(1), "runs": int(m.group(2)), "figures": figures}


def reason(text):
    """The line of go test's output that says most: the first that names a place
    in the source or is a panic, for the last ones say FAIL and no more."""
    lines = [l.strip() for l in text.splitlines() if l.strip()]
    said = [l for l in lines if re.search(r"\.go:\d+", l) or l.startswith("panic:")]
    rest = [l for l in lines if not l.startswith(("FAIL", "exit status", "---", "Benchmark", "goos:", "goarch:", "pkg:", "cpu:"))]
    return ((said or rest[-1:] or lines[-1:] or ["no output"])[0])[:200]


def section(lines, why, table, number, verdict):
    """The section's lines; table, number and verdict are those of the report."""
    out = ["## The reader", ""]
    if lines:
        figures = dict((line["name"], line["figures"]) for line in lines)
        programs = sorted(set(line["name"].split("/")[1] for line in lines if line["name"].count("/") >= 1))

        def of(name, unit):
            return figures.get(name, {}).get(unit)

        def linear(program):
            most, least = (of("Read/%s/%d/card" % (program, n), "cpu-ns/event") for n in (MOST, LEAST))
            return most / least if most and least else None

        rows = [
            ["1,000,000 events: scan ≥ 300 MB/s"] + [verdict(of("Read/%s/%d/scan" % (p, MOST), "MB/s"), 300, " MB/s", less=False) for p in programs],
            ["1,000,000 events to findings and card ≤ 3 s"] + [verdict(of("Process/%s/%d" % (p, MOST), "s"), 3, " s") for p in programs],
            ["in ≤ 300 MB of memory"] + [verdict(of("Process/%s/%d" % (p, MOST), "rss-MB"), 300, " MB") for p in programs],
            ["an event costs no more in 1,000,000 than in 10,000 (≤ 1.5×)"] + [verdict(linear(p), 1.5, "×") for p in programs],
        ]
        out += table(["target"] + programs, rows)
        out += table(["benchmark", "runs", "figures"], [
            ["`%s`" % line["name"], str(line["runs"]), ", ".join("%s %s" % (number(figure), unit) for unit, figure in line["figures"].items() if unit != "ns/op")]
            for line in lines])
    if why:
        out += ["Not %s: %s" % ("all was measured" if lines else "measured", why.rstrip(".") + "."), ""]
    return out
