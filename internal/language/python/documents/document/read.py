"""Reads examples and documented exceptions.

An example is a call and what it gives: after >>> in a docstring or a document,
or a line such as

    slug("A b") -> "a-b"
    slug("A b") == "a-b"
    slug("A b")  # "a-b"

An exception is documented by a section (Google's, NumPy's), a field (:raises X:)
or a sentence ("Raises X when …").
"""

import ast
import doctest
import os
import re

import repaird_syntax as syntax

MAX_EXAMPLES = 60
MAX_SETUP = 20  # statements before an example
MAX_DOCUMENTS = 40
MAX_BYTES = 256 * 1024
MAX_TEXT = 300


def documentation(lines, roots, tree, documents):
    """Examples and raises of the functions that have one of the lines, by path.
    A path without lines stands for all of its functions."""
    examples, raises, names, modules = [], [], set(), set()
    for path in sorted(lines):
        source = content(tree, path)
        try:
            parsed = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        module = module_name(path, roots)
        modules.add(module)
        found = [d for d in syntax.definitions(parsed) if not lines[path] or any(d.first <= n <= d.last for n in lines[path])]
        found = [d for d in found if not lines[path] or runs(d, lines[path])]
        holders = [(parsed, "", 0, 0)] + [(d.node, d.qualname, d.first, d.last) for d in found]
        holders += [(c, c.name, 0, 0) for c in {d.cls for d in found if d.cls is not None}]
        for node, qualname, first, last in holders:
            text = ast.get_docstring(node, clean=True)
            if not text:
                continue
            at = {"path": path, "module": module, "function": qualname, "line": docline(node)}
            examples += [dict(e, **at) for e in examples_in(text, known={d.name for d in found})]
            if first:
                raises += [{"path": path, "function": qualname, "first": first, "last": last, "type": t, "condition": c} for t, c in raises_in(text)]
        names |= {d.name for d in found if not d.name.startswith("_")}
    if documents:
        for path in documents_of(tree):
            text = content(tree, path)
            for e in examples_in(text, known=names):
                if called(e["source"]) & names:
                    examples.append(dict(e, path=path, module="", function="", line=e.pop("offset", 0) + 1))
    for e in examples:
        e.pop("offset", None)
    return {"examples": examples[:MAX_EXAMPLES], "raises": raises}


def runs(definition, lines):
    """Whether a line of the body ran, rather than the definition itself."""
    body = definition.node.body
    return any(syntax.first_line(body[0]) <= n <= definition.last for n in lines)


def docline(node):
    first = node.body[0] if node.body else node
    return getattr(first, "lineno", 1)


def content(tree, path):
    """A file's text; "" for one that cannot be read, is large or is outside."""
    full = os.path.realpath(os.path.join(tree, path))
    if not full.startswith(os.path.realpath(tree) + os.sep):
        return ""
    try:
        with open(full, "rb") as f:
            data = f.read(4 * MAX_BYTES)
    except OSError:
        return ""
    return data.decode("utf-8", "replace").lstrip("\ufeff")


def module_name(path, roots):
    """The module that a file is, by the root that holds it, the longest first."""
    for root in sorted(roots, key=len, reverse=True):
        prefix = "" if root in (".", "") else root.rstrip("/") + "/"
        if path.startswith(prefix):
            name = path[len(prefix):]
            name = name[:-3] if name.endswith(".py") else name
            name = name[:-9] if name.endswith("/__init__") else name
            return name.replace("/", ".")
    return ""


def documents_of(tree):
    """README and what is in a folder of documents."""
    found = []
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in ("node_modules", "venv"))
        inner = os.path.relpath(folder, tree).replace(os.sep, "/")
        inside = inner.split("/")[0].lower() in ("doc", "docs", "documentation")
        for name in sorted(files):
            if name.lower().endswith((".md", ".rst", ".txt")) and (inside or name.lower().startswith("readme")):
                path = name if inner == "." else inner + "/" + name
                if os.path.getsize(os.path.join(folder, name)) <= MAX_BYTES:
                    found.append(path)
        if len(found) >= MAX_DOCUMENTS:
            break
    return found[:MAX_DOCUMENTS]


def called(source):
    """The bare names of the functions that a statement calls."""
    try:
        parsed = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    return {syntax.bare(ast.unparse(n.func)) if hasattr(ast, "unparse") else name_of(n.func) for n in ast.walk(parsed) if isinstance(n, ast.Call)}


def name_of(func):
    return getattr(func, "attr", getattr(func, "id", ""))


# Between a call and what it gives, at the line's top level.
GIVES = re.compile(r"\s*(?:->|→|=>|⇒|==|returns\b|gives\b|#\s*(?:->|→|=>|⇒|==|returns\b|gives\b)?)\s*")
RAISES = re.compile(r"raises\s+(?:an?\s+)?([A-Za-z_][\w.]*)")


def examples_in(text, known):
    """The examples of a docstring or document, in order."""
    found, setup = [], []
    try:
        shown = doctest.DocTestParser().get_examples(text)
    except ValueError:
        shown = []
    for e in shown:
        if (e.want or e.exc_msg) and len(setup) <= MAX_SETUP:
            exception = raised_name(e.exc_msg)
            want = "raises " + exception if exception else e.want
            found.append({"kind": "text", "setup": list(setup), "source": e.source, "want": want, "raises": exception, "offset": e.lineno})
        setup.append(e.source)
    for i, line in enumerate(text.splitlines()):
        found += [dict(e, offset=i) for e in written(line, known)]
    return found


def raised_name(message):
    return syntax.bare((message or "").split(":")[0].strip())


def written(line, known):
    """The example that a line writes as a call and a literal."""
    line = line.strip().strip("`").strip()
    if line.startswith((">>>", "...", "-", "*")):
        line = line.lstrip("-* ").strip("`") if not line.startswith((">>>", "...")) else ""
    for match in re.finditer(r"\)`?", line):
        head, tail = line[: match.start() + 1], line[match.end():]
        gives = GIVES.match(tail) or re.match(r"\s+(?=raises\b)", tail)
        if not gives or not gives.group(0).strip() and not tail.strip().startswith("raises"):
            continue
        try:
            call = ast.parse(head, mode="eval").body
        except (SyntaxError, ValueError):
            continue
        if not isinstance(call, ast.Call) or name_of(call.func) not in known:
            continue
        want = tail[gives.end():].strip().strip("`")
        exception = RAISES.match(want)
        if exception:
            return [{"kind": "raises", "setup": [], "source": head, "want": "raises " + syntax.bare(exception.group(1)), "raises": syntax.bare(exception.group(1))}]
        for text in (want, want.rstrip(".;,"), want.split("  ")[0]):
            try:
                ast.literal_eval(text)
            except (SyntaxError, ValueError, MemoryError, RecursionError):
                continue
            return [{"kind": "equal", "setup": [], "source": head, "want": text, "raises": ""}]
    return []


EXCEPTION = r"[A-Za-z_][\w.]*"
FIELD = re.compile(r"^\s*:(?:raises?|except|exception)\s+(%s)\s*:\s*(.*)$" % EXCEPTION)
SECTION = re.compile(r"^\s*(?:Raises|Exceptions)\s*:\s*$")
ENTRY = re.compile(r"^\s+(%s)\s*:\s*(.*)$" % EXCEPTION)
SENTENCE = re.compile(r"\b(?:[Rr]aises?|[Tt]hrows?)\s+(?:an?\s+|the\s+)?`*:?(?:\w+:)?`*(%s)`*,?\s+((?:when|if|for|unless|on|where|whenever|in case)\b[^.;\n]*(?:\n[^.;\n]+)*)" % EXCEPTION)


def raises_in(text):
    """(bare exception, condition) for each that a docstring documents."""
    found = []
    lines = text.splitlines()
    for i, line in enumerate(lines):
        field = FIELD.match(line)
        if field:
            found.append((field.group(1), field.group(2) + " " + continued(lines, i)))
        elif SECTION.match(line):
            for k in range(i + 1, len(lines)):
                entry = ENTRY.match(lines[k])
                if entry:
                    found.append((entry.group(1), entry.group(2) + " " + continued(lines, k)))
                elif lines[k].strip() and not lines[k].startswith((" ", "\t")):
                    break
        elif line.strip() == "Raises" and i + 1 < len(lines) and set(lines[i + 1].strip()) == {"-"}:
            for k in range(i + 2, len(lines)):
                name = lines[k].strip()
                if k + 1 < len(lines) and set(lines[k + 1].strip()) == {"-"}:
                    break
                if re.fullmatch(EXCEPTION, name) and not lines[k].startswith(" "):
                    found.append((name, continued(lines, k)))
    found += [(m.group(1), m.group(2)) for m in SENTENCE.finditer(text)]
    unique = {}
    for name, condition in found:
        condition = " ".join(condition.split())[:MAX_TEXT]
        if syntax.bare(name)[:1].isupper() and condition:
            unique.setdefault((syntax.bare(name), condition), None)
    return list(unique)


def continued(lines, at):
    """The lines after one that are indented deeper than it."""
    indent = len(lines[at]) - len(lines[at].lstrip())
    more = []
    for line in lines[at + 1:]:
        if not line.strip() or len(line) - len(line.lstrip()) <= indent:
            break
        more.append(line.strip())
    return " ".join(more)
