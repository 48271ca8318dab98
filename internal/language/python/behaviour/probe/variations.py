"""Variations of a failing test's call: its own source with other literals.

A variation replaces the text of one literal, or of equal tokens in several, so
that the source stays as its author wrote it and both sides build the same
objects.
"""

import ast
import hashlib
import re
import unicodedata

MAX_TEXT = 30      # characters of a constant that serves as a dictionary word
MAX_WORDS = 40
NONSENSE = ("qzxv", "@@", "Zebra 9", "none")
NUMBERS = (0, 1, 2, 3, -1)
TOKENS = ("1", "2", "3", "4", "5", "7", "9", "12", "40")


class Shape:
    """The test's source with its entry: the expression whose answer is asked."""

    def __init__(self, source, name):
        self.source = source
        self.raw = source.encode()
        self.starts = [0]
        for line in self.raw.split(b"\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.module = ast.parse(source)
        self.function = find(self.module, name)
        self.statement, self.entry, self.asserts = entry(self.function)

    def span(self, node):
        return (self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset)

    def text(self, node):
        start, end = self.span(node)
        return self.raw[start:end].decode()

    def replaced(self, edits):
        """The source with (node, text) pairs replaced."""
        raw = self.raw
        for (start, end), text in sorted(((self.span(n), t) for n, t in edits), reverse=True):
            raw = raw[:start] + text.encode() + raw[end:]
        return raw.decode()

    def shown(self):
        """The entry on one line."""
        if hasattr(ast, "unparse"):
            return ast.unparse(self.entry)
        return re.sub(r"\s*\n\s*", " ", self.text(self.entry))


def find(module, name):
    """The test function; name may have its class before it."""
    nodes, found = module.body, None
    for part in re.split(r"::|\.", name.partition("[")[0]):
        found = next((n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and n.name == part), None)
        if found is None:
            raise ValueError("the test has no function " + name)
        nodes = found.body
    return found


def entry(function):
    """(statement, expression, whether the test asserts its answer)."""
    body, asserts = function.body, False
    while body:
        last = body[-1]
        if isinstance(last, (ast.With, ast.AsyncWith)):
            asserts = asserts or any("raises" in ast.dump(i.context_expr) for i in last.items)
            body = last.body
            continue
        if isinstance(last, (ast.Expr, ast.Assign, ast.Return, ast.AnnAssign)) and last.value is not None:
            return last, last.value, asserts
        if isinstance(last, ast.Assert):
            kept = assigned(body)
            return (kept, kept.value, True) if kept is not None else (last, asserted(last.test), True)
        break
    raise ValueError("the test does not end with a call")


LOOKS = {"type", "len", "str", "repr", "sorted", "list", "set", "dict", "isinstance", "Decimal", "Fraction", "approx"}


def assigned(body):
    """The statement that keeps an answer under a name of which the assertions at
    the end only look at parts, or None."""
    asserts = []
    while body and isinstance(body[-1], ast.Assert):
        asserts, body = [body[-1]] + asserts, body[:-1]
    kept = body[-1] if body else None
    if not isinstance(kept, ast.Assign) or len(kept.targets) != 1 or not isinstance(kept.targets[0], ast.Name):
        return None
    for statement in asserts:
        nodes = list(ast.walk(statement.test))
        if not any(isinstance(n, ast.Name) and n.id == kept.targets[0].id for n in nodes):
            return None
        if any(getattr(n.func, "id", getattr(n.func, "attr", "")) not in LOOKS for n in nodes if isinstance(n, ast.Call)):
            return None
    return kept


def asserted(test):
    """The side of an assertion that makes a call."""
    if isinstance(test, ast.UnaryOp):
        return asserted(test.operand)
    if isinstance(test, ast.Compare):
        for side in [test.left] + test.comparators:
            if any(isinstance(n, ast.Call) for n in ast.walk(side)):
                return side
    return test


class Leaf:
    """A literal of the test: where it stands, and what it is."""

    def __init__(self, path, node):
        self.path, self.node = path, node

    @property
    def value(self):
        node = self.node
        if isinstance(node, ast.UnaryOp):
            return -node.operand.value
        return node.value


def leaves(shape):
    """The literals of the test function, and its displays: lists and dicts."""
    found, displays = [], []

    def constant(node):
        return isinstance(node, ast.Constant) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)
            and isinstance(node.operand.value, (int, float)))

    def walk(node, path):
        if constant(node):
            found.append(Leaf(path, node))
        elif isinstance(node, (ast.JoinedStr, ast.Lambda)):
            pass  # its parts have no text of their own
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            displays.append((path, node))
            for i, item in enumerate(node.elts):
                walk(item, "%s[%d]" % (path, i))
        elif isinstance(node, ast.Dict):
            displays.append((path, node))
            for key, value in zip(node.keys, node.values):
                name = str(key.value) if isinstance(key, ast.Constant) else "?"
                walk(value, path + "." + name if path else name)
        elif isinstance(node, ast.Call):
            walk(node.func, path)
            for i, arg in enumerate(node.args):
                walk(arg, "%s(%d)" % (path, i) if path else "argument %d" % (i + 1))
            for word in node.keywords:
                name = word.arg or "**"
                walk(word.value, path + "." + name if path else name)
        else:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, (ast.expr, ast.stmt, ast.keyword, ast.withitem, ast.comprehension)):
                    walk(child, path)

    for i, statement in enumerate(shape.function.body):
        if statement is shape.statement:
            walk(shape.entry, "")
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            pass  # a docstring
        elif isinstance(statement, (ast.With, ast.AsyncWith)) and shape.statement in list(ast.walk(statement)):
            for item in statement.items:
                walk(item, "with")
            for inner in statement.body:
                walk(shape.entry if inner is shape.statement else inner, "" if inner is shape.statement else "line %d" % inner.lineno)
        elif not isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
            walk(statement, "line %d" % statement.lineno)
    return found, displays


def words(trees):
    """The short constants of the source and its tests: (texts, numbers)."""
    texts, numbers = set(), set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                v = node.value
                if isinstance(v, str) and 0 < len(v) <= MAX_TEXT and "\n" not in v:
                    texts.add(v)
                elif isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) <= 1000:
                    numbers.add(v)
    return sorted(texts, key=ordered), sorted(numbers)


def ordered(text):
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def normal(text):
    """A text without case, space, Unicode form and leading zeros."""
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def text_edits(v, texts, numbers):
    """(kind, value) of other texts near v."""
    for kind, w in (("case", v.upper()), ("case", v.lower()), ("case", v.title()), ("case", v.swapcase()),
                    ("space", v.strip()), ("space", " " + v), ("space", v + " "), ("space", re.sub(r"\s+", "", v)),
                    ("unicode", unicodedata.normalize("NFC", v)), ("unicode", unicodedata.normalize("NFKC", v)),
                    ("unicode", unicodedata.normalize("NFD", v)),
                    ("zeros", re.sub(r"(?<!\d)0+(?=\d)", "", v)), ("zeros", re.sub(r"(?<!\d)(?=\d(?!\d))", "0", v)),
                    ("longer", v + "x"), ("longer", v + v[-1:]), ("shorter", v[:-1]), ("shorter", v[1:]), ("empty", "")):
        yield kind, w
    for w in texts[:MAX_WORDS]:
        yield "dictionary", w
        if w.lower() != w and len(w) <= 8:
            yield "dictionary", w.lower()
        if w.upper() != w and len(w) <= 8:
            yield "dictionary", w.upper()
    for w in NONSENSE:
        yield "nonsense", w
    tokens = list(re.finditer(r"\w+|[^\w\s]", v))
    if len(tokens) < 2 or len(v) > 2000:
        return
    for m in tokens[:40]:
        t = m.group()
        others = [str(int(t) + 1), str(max(0, int(t) - 1)), "0", "1", "7"] if t.isdigit() and t.isascii() else [t.upper(), t.lower(), t + "x", ""]
        for other in others:
            yield "token", v[:m.start()] + other + v[m.end():]
    for m in list(re.finditer(r"(?<![\w.])\d+(?=[A-Za-z]{1,3}\b)([A-Za-z]{1,3})", v))[:8]:
        for w in texts:
            if w.isalpha() and len(w) <= 3:
                yield "unit", v[:m.start(1)] + w + v[m.end(1):]
    for m in tokens[:20]:
        for w in texts[:12]:
            if len(w) <= 12:
                yield "token", v[:m.start()] + w + v[m.end():]


def number_edits(v, numbers):
    for w in (v - 1, v + 1) + NUMBERS + (v * 2, v + 10, -v):
        yield "number", w
    for w in numbers:
        if isinstance(w, type(v)):
            yield "number", w


def leaf_edits(leaf, texts, numbers):
    v = leaf.value
    if isinstance(v, bool):
        yield "flag", not v
    elif v is None:
        for w in (0, "", "x"):
            yield "present", w
    elif isinstance(v, str):
        for pair in text_edits(v, texts, numbers):
            yield pair
        yield "absent", None
    elif isinstance(v, bytes):
        for w in (v.upper(), v.lower(), v[:-1], v + b"x", b""):
            yield "bytes", w
    elif isinstance(v, (int, float)):
        for pair in number_edits(v, numbers):
            yield pair
        yield "absent", None


class Variation:
    __slots__ = ("source", "leaf", "edit", "before", "after")

    def __init__(self, source, leaf, edit, before, after):
        self.source, self.leaf, self.edit, self.before, self.after = source, leaf, edit, before, after


def varied(shape, texts, numbers):
    """All variations of one literal, display or token: (leaf, variation)."""
    found, displays = leaves(shape)
    for leaf in found:
        seen = [leaf.value]
        for kind, w in leaf_edits(leaf, texts, numbers):
            if any(w == s and type(w) is type(s) for s in seen):
                continue
            seen.append(w)
            yield Variation(shape.replaced([(leaf.node, repr(w))]), leaf.path, kind, leaf.value, w)
        v = leaf.value
        if isinstance(v, str) and len(v) >= 4:
            for n, m in enumerate(list(re.finditer(r"\d+(?:\.\d+)?", v))[:12]):
                for w in TOKENS:
                    if w != m.group():
                        other = v[:m.start()] + w + v[m.end():]
                        yield Variation(shape.replaced([(leaf.node, repr(other))]), "%s#%d" % (leaf.path, n), "number", v, other)
    for path, node in displays:
        for kind, text in display_edits(shape, node):
            yield Variation(shape.replaced([(node, text)]), path, kind, shape.text(node), text)
    for v in joint(shape, found):
        yield v


def display_edits(shape, node):
    """(kind, text) of a list or dict with more, fewer or otherwise ordered items."""
    if isinstance(node, ast.Dict):
        items = [(shape.text(k) + ": " if k is not None else "**") + shape.text(v) for k, v in zip(node.keys, node.values)]
        for i in range(min(len(items), 12)):
            yield "drop", "{" + ", ".join(items[:i] + items[i + 1:]) + "}"
        return
    items = [shape.text(e) for e in node.elts]
    marks = {ast.List: "[]", ast.Tuple: "()", ast.Set: "{}"}[type(node)]

    def text(items):
        if not items and isinstance(node, ast.Set):
            return "set()"
        comma = "," if isinstance(node, ast.Tuple) and len(items) == 1 else ""
        return marks[0] + ", ".join(items) + comma + marks[1]

    for i in range(min(len(items), 8)):
        yield "drop", text(items[:i] + items[i + 1:])
    if items:
        yield "repeat", text(items + items[-1:])
        yield "repeat", text(items + items)
        yield "repeat", text(items + items[:1])
        yield "drop", text([])
    if len(items) > 1:
        yield "reverse", text(items[::-1])
        yield "reverse", text(items[1:] + items[:1])
        for n in range(2, min(len(items), 6)):
            yield "drop", text(items[:n])


def joint(shape, found):
    """Variations of a token in all the literals that have it."""
    where = {}
    for leaf in found:
        if isinstance(leaf.value, (str, int)) and not isinstance(leaf.value, bool):
            for t in set(re.findall(r"\d+|[A-Za-z]{2,}", str(leaf.value))):
                where.setdefault(t, []).append(leaf)
    for t in sorted(where, key=ordered):
        if len(where[t]) < 2:
            continue
        if t.isdigit():
            others = [str(n).zfill(len(t)) for n in (int(t) - 1, int(t) + 1, int(t) - 5) if n >= 0]
        else:
            others = [t + "s", t.upper(), t.lower()]
        for other in others:
            edits = []
            for leaf in where[t]:
                if isinstance(leaf.value, str):
                    new = re.sub(r"(?<!\w)" + re.escape(t) + r"(?!\w)", other, leaf.value)
                elif str(leaf.value) == t:
                    new = int(other)
                else:
                    continue
                if new != leaf.value:
                    edits.append((leaf.node, repr(new)))
            if len(edits) > 1:
                yield Variation(shape.replaced(edits), "joint:" + t, "joint", t, other)


def choose(variations, known, limit):
    """At most limit variations, in turn from each leaf, in an order that depends
    on their texts alone; those in known are left out."""
    by, seen = {}, set(known)
    for v in variations:
        if v.source not in seen:
            seen.add(v.source)
            by.setdefault(v.leaf, []).append(v)
    first = ("case", "space", "unicode", "zeros", "drop", "repeat", "nonsense")
    for list_ in by.values():
        list_.sort(key=lambda v: (v.edit not in first, ordered(v.source)))
    chosen, i = [], 0
    while len(chosen) < limit and any(len(l) > i for l in by.values()):
        for leaf in by:
            if len(by[leaf]) > i and len(chosen) < limit:
                chosen.append(by[leaf][i])
        i += 1
    return chosen
