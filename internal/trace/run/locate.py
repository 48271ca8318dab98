"""Finds lines for breakpoints without running anything of the project.

    python -I locate.py '{"lines": [["app.py", 10]], "functions": ["Cart.add"], "dirs": ["/src"]}'
    {"lines": [12], "functions": [[["/src/cart.py", 8, "Cart.add"]]]}

A line that a function is defined at becomes that of its first statement: the
definition runs when the module is imported. A function is found by its name,
by the end of its qualified name, or as MODULE:NAME, below the directories.
"""
import ast
import json
import os
import sys

MAX_FILES, MAX_BYTES, MAX_FOUND = 5000, 2 << 20, 50
SKIPPED = frozenset(["site-packages", "dist-packages", "node_modules", "__pycache__"])


def parse(path):
    try:
        if os.path.getsize(path) > MAX_BYTES:
            return None
        with open(path, "rb") as f:
            return ast.parse(f.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def first_statement(node):
    """The line of a function's first statement after its docstring."""
    body = node.body
    if len(body) > 1 and isinstance(body[0], ast.Expr) and isinstance(getattr(body[0], "value", None), (ast.Constant, getattr(ast, "Str", ast.Constant))):
        body = body[1:]
    return body[0].lineno


def functions(tree):
    """(qualified name, node) of all functions."""
    todo = [("", tree)]
    while todo:
        prefix, node = todo.pop()
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = prefix + child.name
                yield name, child
                name += "."
            elif isinstance(child, ast.ClassDef):
                name = prefix + child.name + "."
            todo.append((name, child))


def adjusted(path, line):
    tree = parse(path)
    if tree is not None:
        for _, node in functions(tree):
            decorators = [d.lineno for d in node.decorator_list]
            if node.lineno == line or line in decorators:
                return first_statement(node)
    return line


def files(dirs):
    n = 0
    for top in dirs:
        if os.path.isfile(top):
            yield top
        for root, names, found in os.walk(top):
            names[:] = sorted(d for d in names if d not in SKIPPED and d[:1] != "." and not os.path.exists(os.path.join(root, d, "pyvenv.cfg")))
            for name in sorted(found):
                if name.endswith(".py"):
                    n += 1
                    if n > MAX_FILES:
                        return
                    yield os.path.join(root, name)


def matches(path, name, pattern):
    module, _, wanted = pattern.rpartition(":")
    if module:
        place = os.path.splitext(path)[0].replace(os.sep, ".")
        if not ("." + place.replace(".__init__", "")).endswith("." + module):
            return False
    if "." in wanted:
        return name == wanted or name.endswith("." + wanted)
    return wanted in name.split(".")


def find(patterns, dirs):
    found = [[] for _ in patterns]
    for path in files(dirs) if patterns else ():
        tree = parse(path)
        for name, node in functions(tree) if tree is not None else ():
            for i, pattern in enumerate(patterns):
                if matches(path, name, pattern) and len(found[i]) < MAX_FOUND:
                    found[i].append((path, first_statement(node), name))
    return [sorted(f) for f in found]


def main():
    asked = json.loads(sys.argv[1])
    print(json.dumps({"lines": [adjusted(p, n) for p, n in asked["lines"]], "functions": find(asked["functions"], asked["dirs"])}))


main()
