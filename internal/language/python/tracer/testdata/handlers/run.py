"""Runs the programs of a folder that this Python can run, and writes what they
have counted.

    python run.py FOLDER RESULT
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tally  # noqa: E402


def programs(folder):
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        with open(path) as f:
            source = f.read()
        if name.endswith(".py") and int(source[4:source.index("\n")]) <= sys.version_info[1]:
            yield name[:-3], path, source


def run(name, path, source):
    tally.begin(name)
    exec(compile(source, path, "exec"), {"__name__": name})


if __name__ == "__main__":
    for name, path, source in programs(sys.argv[1]):
        run(name, path, source)
    with open(sys.argv[2], "w") as f:
        json.dump({"calls": tally.counts, "taken": tally.taken}, f)
