"""Writes what run.py measured as a page of Markdown."""
import reader

CALLS = {"calls": 150049, "generators": 88000}  # of a whole run

PROGRAMS = (
    ("calls", "recursion of small calls: fib(24), 150,049 calls"),
    ("objects", "methods that take objects, dicts and lists: 42,000 calls"),
    ("parser", "a recursive-descent parser of JSON: 121,000 calls"),
    ("generators", "pipelines of generators, `yield from`, one closed early: 88,000 resumptions"),
    ("exceptions", "exceptions that cross two frames and are caught: 48,000 calls, 9,000 exceptions"),
    ("standard", "1 % in scope: Python modules of the standard library do the work, a few call back"),
    ("scope", "1 % in scope: a library of many small calls, which calls back"),
    ("scope_exceptions", "1 % in scope: a library that raises and catches all the time"),
    ("hot_line", "240,000 calls of a function with a breakpoint and a watch on one of its lines, ten snapshots"),
)
TOOLS = (
    ("floor", "an empty tracer", "what the interpreter takes by itself: `sys.settrace` with a function that returns None, from 3.12 `sys.monitoring` with an empty callback"),
    ("repaird", "repaird", "as it is used: arguments and return values, exceptions, at most 500 calls of one function"),
    ("repaird-all", "repaird, no cap", "each call is recorded, for the cost of a record"),
    ("repaird-breakpoint", "repaird, breakpoint", "one breakpoint with a watch; calls are not recorded"),
    ("naive", "naive", "a trace function that writes and flushes one line of JSON for each call and return, with `repr` of arguments and value"),
    ("bottrace", "bottrace", "`--calls`: names only, no values"),
    ("hunter", "hunter", "calls, returns and exceptions of the project's files by CallPrinter, with values"),
    ("viztracer", "viztracer", "with arguments and return values, without functions of C; saving is not counted"),
    ("pysnooper", "PySnooper", "every depth, to a file: lines, variables and values"),
    ("coverage", "coverage", "which lines ran; nothing of calls"),
)
WITH_VALUES = ("hunter", "viztracer", "pysnooper")
IN_SCOPE = ("calls", "objects", "parser", "generators", "exceptions")
SMALL = ("calls", "generators")
ONE_PERCENT = ("standard", "scope", "scope_exceptions")


def ratio(python, tool, program):
    f = python["figures"].get(tool, {}).get(program)
    return f["traced"] / f["bare"] if f else None


def per_record(python, tool, program):
    f = python["figures"].get(tool, {}).get(program)
    return (f["traced"] - f["bare"]) * 1e6 / f["records"] if f and f["records"] else None


def bare_call(python, program):
    """Nanoseconds of a call, or of a resumption, of an untraced whole run."""
    whole = [f["bare"] for f in (of_tool.get(program) for of_tool in python["figures"].values()) if f and f["size"] == 1]
    return min(whole) * 1e9 / CALLS[program] if whole else None


def bare_calls(python, program):
    """What a record costs, in calls of the program."""
    record, call = per_record(python, "repaird-all", program), bare_call(python, program)
    return record * 1e3 / call if record is not None and call else None


def number(x):
    if x is None:
        return ""
    if isinstance(x, int):
        return "%d" % x
    return "%.0f" % x if x >= 100 else "%.1f" % x if x >= 10 else "%.2f" % x


def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return out + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def verdict(value, limit, unit="", less=True):
    if value is None:
        return "not measured"
    held = value <= limit if less else value >= limit
    return "%s%s **%s**" % (number(value), unit, "yes" if held else "no")


def suite_ratio(python, mode="repaird"):
    """Of all suites but those that this mode breaks: one that ends at once is
    no quick one. One that had to be stopped counts with the time until then."""
    broken = flipped(python, mode)
    rows = [r for module, r in (python["suites"] or {}).items() if mode in r and (module not in broken or r[mode][1] == "timeout")]
    bare = sum(r["bare"][0] for r in rows)
    return sum(r[mode][0] for r in rows) / bare if bare else None


def flipped(python, mode):
    """The suites that end otherwise than bare."""
    return [module for module, r in sorted((python["suites"] or {}).items()) if mode in r and r[mode][1] != r["bare"][1]]


def worst(values):
    values = [v for v in values if v is not None]
    return max(values) if values else None


def least(values):
    values = [v for v in values if v is not None]
    return min(values) if values else None


def against_peers(p, own, measure):
    """Over programs the worst of our cost as a part of the fastest peer's that
    records arguments and return values."""
    parts = []
    for program in IN_SCOPE:
        ours, theirs = measure(p, own, program), least([measure(p, tool, program) for tool in WITH_VALUES])
        if ours is not None and theirs:
            parts.append(ours / theirs)
    return worst(parts)


def per_call(p, tool, program):
    """Cost of a call of the program: a tool's records of it are one or two."""
    f, ours = p["figures"].get(tool, {}).get(program), p["figures"].get("repaird-all", {}).get(program)
    return (f["traced"] / f["bare"] - 1) if f and ours else None


def targets(pythons):
    rows = []

    def row(name, cell):
        rows.append([name] + [cell(p) for p in pythons])

    for program in SMALL:
        row("a record of `%s` ≤ 1.2 µs" % program, lambda p: verdict(per_record(p, "repaird-all", program), 1.2, " µs"))
        row("a record of `%s` / a bare %s here" % (program, "call" if program == "calls" else "resumption"), lambda p: "not measured" if bare_calls(p, program) is None else
            "%s (of %.0f ns)" % (number(bare_calls(p, program)), bare_call(p, program)))
    for program in IN_SCOPE:
        def part(p):
            ours, naive = per_record(p, "repaird-all", program), per_record(p, "naive", program)
            return ours / naive if ours is not None and naive else None
        row("a record of `%s` ≤ 1/5 of the naive one" % program, lambda p: verdict(part(p), 0.2))
    for program in ONE_PERCENT:
        row("1 %% in scope, `%s` ≤ 1.25×, below 3.12 ≤ 2.8× (empty tracer: in brackets)" % program, lambda p: "%s (%s)" % (
            verdict(ratio(p, "repaird", program), 1.25 if p["minor"] >= 12 else 2.8, "×"), number(ratio(p, "floor", program))))
    row("hot recursion with the cap ≤ 2.0× from 3.12", lambda p: verdict(ratio(p, "repaird", "calls"), 2.0, "×") if p["minor"] >= 12 else number(ratio(p, "repaird", "calls")) + "×")
    row("a breakpoint on a hot line ≤ 1.2× from 3.12", lambda p: verdict(ratio(p, "repaird-breakpoint", "hot_line"), 1.2, "×") if p["minor"] >= 12 else number(ratio(p, "repaird-breakpoint", "hot_line")) + "×")
    row("whole suites ≤ 1.4×, below 3.12 ≤ 1.7×", lambda p: verdict(suite_ratio(p), 1.4 if p["minor"] >= 12 else 1.7, "×"))
    row("suites with another outcome than bare: none", lambda p: verdict(len(flipped(p, "repaird")), 0) if p["suites"] else "not measured")
    row("time as a part of the fastest peer's with values, as each is used, worst program: < 1", lambda p: verdict(against_peers(p, "repaird", ratio), 1.0))
    row("the same where repaird, too, records each call", lambda p: verdict(against_peers(p, "repaird-all", per_call), 1.0))
    return table(["target"] + [p["version"] for p in pythons], rows)


def of_python(p):
    names = [name for name, _ in PROGRAMS if name != "hot_line"]
    out = ["## Python " + p["version"], "", "Run time as a ratio to the bare run (bare: milliseconds of processor time).", ""]
    whole = p["figures"].get("repaird", {})
    rows = [["bare"] + ["%.1f ms" % (whole[n]["bare"] * 1e3) if n in whole else "" for n in names]]
    for tool, title, _ in TOOLS:
        if tool == "repaird-breakpoint":
            continue
        if tool in p["missing"] and tool not in p["figures"]:
            rows.append([title, "not available: " + p["missing"][tool].replace("|", "/")] + [""] * (len(names) - 1))
            continue
        rows.append([title] + [number(ratio(p, tool, n)) for n in names])
        if tool in p["missing"]:
            rows[-1][0] += " (ended early: %s)" % p["missing"][tool].replace("|", "/")
    out += table(["tool"] + names, rows)
    out += ["Microseconds a record, and records of a run.", ""]
    rows = []
    for tool, title, _ in TOOLS:
        if tool in ("repaird-all", "naive", "bottrace", "hunter", "viztracer", "pysnooper") and tool in p["figures"]:
            cells = []
            for n in IN_SCOPE:
                f, cost = p["figures"][tool].get(n), per_record(p, tool, n)
                cells.append("%s (%d)" % (number(cost), f["records"]) if cost is not None else "")
            rows.append([title] + cells)
    out += table(["tool"] + list(IN_SCOPE), rows)
    f = p["figures"].get("repaird-breakpoint", {}).get("hot_line")
    facts = []
    if f:
        facts.append("The breakpoint: %s× (bare %.1f ms)." % (number(f["traced"] / f["bare"]), f["bare"] * 1e3))
    if whole:
        facts.append("To attach takes %.2f ms, a start of the interpreter %.1f ms more than bare, and %.0f ms where the tracer has not been compiled yet." % (
            min(r["attach"] for r in whole.values()) * 1e3, p["start"][0], p["start"][1]))
    notes = sorted(set("%s, `%s`: %s" % (tool, name, r["note"]) for tool, of_tool in p["figures"].items() for name, r in of_tool.items() if r["note"]))
    if notes:
        facts.append("Losses that the tracer counted: " + "; ".join(notes) + ".")
    tools = ["%s %s" % (t, v) for t, v in sorted(p["versions"].items()) if not v.startswith("none: ")]
    facts.append("Rounds: %d." % p["rounds"])
    if tools:
        facts.append("Versions: " + ", ".join(tools) + ".")
    return out + [" ".join(facts), ""]


def of_suites(pythons):
    out = ["## Suites of real modules", "", "Python's own tests, module and tests in scope: seconds of processor time of the whole process. The empty tracer is told of each call and return in scope and of exceptions, as repaird is, and does nothing.", ""]
    for p in pythons:
        if not p["suites"]:
            out += ["Python %s: none; it came without its tests, or they were left out." % p["version"], ""]
            continue
        modes = [m for m in ("repaird", "floor", "naive") if any(m in r for r in p["suites"].values())]
        rows = []
        for module, r in sorted(p["suites"].items()):
            row = [module[5:], "%.2f" % r["bare"][0]]
            for m in modes:
                if m not in r:
                    row.append("")
                    continue
                code = "" if r[m][1] == r["bare"][1] else ", stopped" if r[m][1] == "timeout" else ", exit %s for %s" % (r[m][1], r["bare"][1])
                row.append("%s× (%.1f MB%s)" % (number(r[m][0] / r["bare"][0]), r[m][2] / 1e6, code))
            rows.append(row)
        total = ["all", "%.2f" % sum(r["bare"][0] for r in p["suites"].values())]
        for m in modes:
            broken = flipped(p, m)
            stopped = [module for module in broken if p["suites"][module][m][1] == "timeout"]
            less = len(broken) - len(stopped)
            total.append("**%s%s×**%s" % ("over " if stopped else "", number(suite_ratio(p, m)), " (without those that it breaks: %d)" % less if less else ""))
        rows.append(total)
        out += ["### Python " + p["version"], ""] + table(["tests of", "bare, s"] + ["an empty tracer" if m == "floor" else m for m in modes], rows)
    return out


def text(results):
    m, pythons = results["machine"], results["pythons"]
    out = [
        "# What tracing costs", "",
        "`make bench-trace` measures and writes this page; no line of it is written by hand.", "",
        "Machine: %s, %d cores, %s, Linux %s; load when it began %.1f, when it ended %.1f. The run took %.0f minutes." % (
            m["cpu"], m["cores"], m["system"], m["kernel"], m["load"], m["load_after"], results["minutes"]), ""]
    if results["absent"]:
        out += ["Not at hand: Python " + ", ".join(results["absent"]) + ".", ""]
    out += [
        "## Targets", "",
        "Microseconds depend on the machine, and those of the targets were set on another one: what a record costs in bare calls, of `fib` in `calls`, says how far the two are apart.", ""]
    out += targets(pythons)
    out += [
        "## Method", "",
        "Each tool runs each program in a process of its own per round, in as many rounds as each section says; in it bare and traced runs alternate, and of each kind the least processor time counts. "
        "A time includes what a tool does when it is told to stop, not what it saves or converts afterwards. Naive tracing and the tools of others run a program at 1/4, 1/16, 1/64 or 1/256 of its size "
        "where the whole would take seconds, beside a bare run of that size; repaird, coverage and the empty tracer always run the whole. A record is a call or a return; for viztracer one record is both, "
        "for PySnooper and hunter a line of their text. Microseconds a record are (traced - bare) / records.", "",
        "Programs:", ""]
    out += ["- `%s`: %s" % (name, what) for name, what in PROGRAMS] + ["", "Tools:", ""]
    out += ["- %s: %s" % (title, what) for _, title, what in TOOLS] + [""]
    for p in pythons:
        out += of_python(p)
    out += of_suites(pythons)
    out += reader.section(results["reader"], results["reader_missing"], table, number, verdict)
    return "\n".join(out).rstrip() + "\n"
