#!/usr/bin/env python3
"""Quick figures on standard output, for work on the tracer.

    quick.py [--python 3.13] [--only repaird,repaird-all,naive,floor] [--seconds 1] [PROGRAM…]

For each program: run time as a ratio to the bare run, microseconds a record,
records, microseconds to attach. --python may be repeated and may be a path.
"""
import argparse

import harness


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append")
    parser.add_argument("--only", default="floor,repaird,repaird-all,repaird-breakpoint,naive")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--tracer", default=harness.TRACER)
    parser.add_argument("programs", nargs="*")
    options = parser.parse_args()
    chosen = options.python or ["3.11", "3.13"]
    at_hand = harness.pythons()
    for want in chosen:
        python = want if "/" in want else next((p for p in at_hand if p.endswith("python" + want)), None)
        if python is None:
            print("no Python %s at hand" % want)
            continue
        print("%-34s%8s %9s %10s %10s %10s  %s" % (python.split("/")[-1], "size", "bare ms", "x bare", "us/record", "records", "attach us"))
        for tool in options.only.split(","):
            lines, why = harness.measure(python, tool, options.programs, options.seconds, 600, options.tracer)
            for r in lines:
                per = (r["traced"] - r["bare"]) * 1e6 / r["records"] if r["records"] else 0
                print("  %-14s%-18s%8.3f %9.2f %10.2f %10s %10d %10.0f  %s" % (
                    r["program"], tool, r["size"], r["bare"] * 1e3, r["traced"] / r["bare"], "%.2f" % per if per else "", r["records"], r["attach"] * 1e6, r["note"]), flush=True)
            if why:
                print("  %s: %s" % (tool, why))


if __name__ == "__main__":
    main()
