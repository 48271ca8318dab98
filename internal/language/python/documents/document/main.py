"""What a tree documents about functions, and whether its examples hold.

    {"read": {path: [lines]}, "documents": true}   reads docstrings and documents
    {"run": [example, …], "roots": […]}            runs examples

Reading parses and executes nothing. Each example runs in forks of its own,
beside untrusted code: what comes back can only misrepresent that side.

Standard library only, Python 3.8 on.
"""

import read
import run


def answer(request, tree):
    if "run" in request:
        return {"outcomes": run.outcomes(request["run"], request.get("roots") or ["."], tree)}
    return read.documentation(request["read"], request.get("roots") or ["."], tree, request.get("documents", False))
