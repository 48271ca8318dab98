"""Gives back what it is told, and the names of the tree's files."""

import os
import sys

import repaird_syntax


def answer(request, tree):
    assert repaird_syntax.bare("a.b") == "b"
    said = request["say"] if request else ""
    return {"said": said, "python": "%d.%d" % sys.version_info[:2], "files": sorted(os.listdir(tree))}
