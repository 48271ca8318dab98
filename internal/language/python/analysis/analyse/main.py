"""Answers questions about a patch's Python files.

Nothing of the files is executed: they are parsed and compiled. The process runs
with -I -S, so nothing of the tree or of installed packages is imported either.
"""
import os
import sys

import allow
import bindings
import changes
import guards
import imports
import lines
import origin
import policy
import refusal
import special
import supplied
import touched


def standard():
    """The standard library's modules, for Python below 3.10."""
    folder = os.path.dirname(os.__file__)
    names = set(sys.builtin_module_names)
    for place in (folder, os.path.join(folder, "lib-dynload")):
        try:
            names |= {entry.partition(".")[0] for entry in os.listdir(place)}
        except OSError:
            pass
    return names


def installed(names):
    """Which of the top-level modules are installed, by looking at folders."""
    version = "python%d.%d" % sys.version_info[:2]
    places = []
    for prefix in ("/env", sys.prefix, "/usr", "/usr/local"):
        for lib in ("lib", "lib64"):
            places.append(os.path.join(prefix, lib, version, "site-packages"))
            places.append(os.path.join(prefix, lib, version, "dist-packages"))
            places.append(os.path.join(prefix, lib, "python3", "dist-packages"))
    found = {}
    for place in places:
        try:
            entries = os.listdir(place)
        except OSError:
            continue
        for entry in entries:
            stem = entry.split(".", 1)[0].lower()
            if stem in names:
                found.setdefault(stem, os.path.join(place, entry))
    library = getattr(sys, "stdlib_module_names", None) or standard()
    for name in names:
        if name in library:
            found.setdefault(name, "the standard library")
    return found


def permissions(parsed, modules, literals, known):
    """What the patch adds that a person has to permit."""
    package = allow.Package(known.root, known.source, [base.path for base, _, _ in parsed])
    brought = set()
    for _, head, _ in parsed:
        brought |= allow.Names().read(head).parts
    found = []
    for base, head, changed in parsed:
        found += allow.needed(base, head, changed, package, modules, brought)
        found += special.needed(base, head, changed, literals)
    return found


def answer(request, tree):
    if request.get("refusal"):
        return refusal.purpose(request, origin.Tree(tree))
    answer = {"violations": [], "permissions": [], "broad": [], "guards": [], "lines": {}, "touched": [], "tests": [],
              "changed": {}, "failing": None, "supplied": []}
    sys.setrecursionlimit(20000)
    modules = {m.lower() for m in request.get("modules") or ()}
    for name, where in sorted(installed(modules).items()):
        answer["violations"].append({"rule": "shadow", "detail": "a new module %r would hide %s" % (name, where)})
    files = request.get("files") or []
    parsed, sides = [], []
    for f in files:
        try:
            base = policy.Source(f["path"], f.get("base") or "")
        except SyntaxError:
            base = policy.Source(f["path"], "")  # what did not compile before has no uses
        try:
            head = policy.Source(f["path"], f["head"])
            compiled = compile(f["head"], f["path"], "exec", dont_inherit=True, optimize=0)
        except SyntaxError as e:
            answer["violations"].append({"rule": "code-syntax", "path": f["path"], "line": e.lineno or 0,
                                         "detail": "the patched file does not compile: %s" % (e.msg,)})
            continue
        except ValueError as e:
            answer["violations"].append({"rule": "code-syntax", "path": f["path"], "line": 0, "detail": str(e)})
            continue
        changed = set(f.get("changed") or ())
        answer["violations"] += policy.added(base, head, changed) + bindings.added(base, head)
        answer["broad"] += policy.broadened(base, head, changed)
        answer["lines"][f["path"]] = lines.executable(head.tree, compiled)
        answer["changed"][f["path"]] = changes.functions(base, head)
        parsed.append((base, head, changed))
        sides.append((base, head, set(f.get("removed") or ()), changed))
    known = origin.Tree(tree)
    answer["permissions"] = permissions(parsed, modules, special.literals(request.get("test") or ""), known)
    answer["tests"] = imports.tests(tree, [f["path"] for f in files], request.get("roots") or [])
    answer["touched"] = touched.find(sides)
    answer["failing"] = touched.failing(sides, (request.get("stack") or [None])[-1], request.get("exception") or "")
    answer["supplied"] = supplied.find(sides, (request.get("stack") or [None])[-1], request.get("exception") or "", tree, request.get("roots") or [])
    answer["guards"] = guards.find([(base, head) for base, head, _ in parsed], request.get("stack") or [], request.get("exception") or "", known,
                                   request.get("outside") or 0, request.get("ways") or (), request.get("raised") or ())
    return answer
