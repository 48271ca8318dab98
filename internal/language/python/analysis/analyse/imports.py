"""Which test files import a file, themselves or through others.

Imports are found by their text, not by parsing: a whole tree is read, and the
answer only decides which tests run first.
"""
import os
import re

IMPORT = re.compile(r"(?m)^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\(?[^#\n]*(?:\n[^)\n]*)*?\)|[^#\n]*)|import[ \t]+([\w., \t]+))")
TEST = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests)\.py$")
FILES, BYTES = 3000, 16 << 20  # that are read
SKIPPED = {"node_modules", "venv", "site-packages", "__pycache__"}


def sources(root):
    """Path -> text of the tree's Python files."""
    found, left = {}, BYTES
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED)
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.endswith(".py") or os.path.islink(path):
                continue
            try:
                with open(path, encoding="utf-8", errors="replace") as f:
                    text = f.read(1 << 20)
            except OSError:
                continue
            left -= len(text)
            if left < 0 or len(found) >= FILES:
                return found
            found[os.path.relpath(path, root).replace(os.sep, "/")] = text
    return found


def module(path, roots):
    """The dotted name of a file below the nearest of the roots."""
    for root in sorted(roots, key=len, reverse=True):
        if root and path.startswith(root + "/"):
            path = path[len(root) + 1:]
            break
    name = path[:-len(".py")].replace("/", ".")
    return name[:-len(".__init__")] if name.endswith(".__init__") else name


def imported(text, name, package):
    """The dotted names that a module's text may import."""
    for source, what, plain in IMPORT.findall(text):
        if plain:
            for part in plain.split(","):
                yield part.split()[0] if part.split() else ""
            continue
        dots = len(source) - len(source.lstrip("."))
        base = source[dots:]
        if dots:
            parts = name.split(".")
            parts = parts[:len(parts) - dots + (1 if package else 0)]
            base = ".".join(parts + ([base] if base else []))
        yield base
        for part in what.strip("() \n").split(","):
            if part.split():
                yield base + "." + part.split()[0] if base else part.split()[0]


def tests(root, changed, roots):
    """The test files that import a changed file, the nearest first."""
    texts = sources(root)
    roots = [r.strip("/") for r in roots if r not in (".", "")] + ["src", "lib"]
    names = {module(path, roots): path for path in texts}
    importers = {}
    for path, text in texts.items():
        for name in set(imported(text, module(path, roots), path.endswith("__init__.py"))):
            while name:
                if name in names and names[name] != path:
                    importers.setdefault(names[name], set()).add(path)
                    break
                name = name.rpartition(".")[0]
    found, seen, edge = [], set(changed), sorted(changed)
    while edge:
        found += [p for p in edge if TEST.search(p)]
        edge = sorted({i for p in edge for i in importers.get(p, ())} - seen)
        seen.update(edge)
    return found[:1000]
