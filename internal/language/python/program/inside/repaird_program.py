"""Asks one of repaird's programs.

    python repaird_program.py MODULE REQUEST ANSWER TREE

MODULE stands in this folder and has a function answer(request, tree). REQUEST
is a JSON file; what the function returns goes as JSON to ANSWER, a file, or to
standard output for "-". TREE is the folder of the code that is asked about.
"""

import importlib
import json
import os
import sys


def main(argv):
    module, request_path, answer_path, tree = argv
    # -I leaves this folder out. What stands in the working directory is not imported.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [here] + [p for p in sys.path if p not in ("", here)]
    with open(request_path, "rb") as f:
        request = json.loads(f.read().decode())
    text = json.dumps(importlib.import_module(module).answer(request, tree))
    if answer_path == "-":
        sys.stdout.write(text)
        return
    with open(answer_path, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
