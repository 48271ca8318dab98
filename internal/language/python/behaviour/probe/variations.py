"""Variations of a failing test's call: its own source with other literals.

A variation replaces the text of one literal, or of equal tokens in several, so
that the source stays as its author wrote it and both sides build the same
objects.
"""

import ast
import hashlib
import re
import unicodedata
from collections import namedtuple

MAX_TEXT = 30      # characters of a constant that serves as a dictionary word
MAX_WORDS = 40
MAX_KIN = 12
NONSENSE = ("qzxv", "@@", "Zebra 9", "none")
NUMBERS = (0, 1, 2, 3, -1)
TOKENS = ("1", "2", "3", "4", "5", "7", "9", "12", "40")


SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Source(str):
    """A value in source form."""


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

    def body(statements):
        """Walks statements up to the entry's; reports whether it was among them."""
        for statement in statements:
            if statement is shape.statement:
                walk(shape.entry, "")
                return True
            if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Assert) + SCOPES):
                continue
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # a docstring
            blocks = [b for b in (getattr(statement, f, None) for f in ("body", "orelse", "finalbody")) if b]
            for child in ast.iter_child_nodes(statement):
                if not any(child in b for b in blocks) and not isinstance(child, ast.excepthandler):
                    walk(child, assigned(statement))
            if any(body(b) for b in blocks):
                return True
        return False

    body(shape.function.body)
    return found, displays


def assigned(statement):
    """The path of what a statement's literals are for: the name they are assigned to."""
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return targets[0].id if isinstance(targets[0], ast.Name) else "line %d" % statement.lineno


Words = namedtuple("Words", "texts numbers groups")  # groups: texts that stand in one display of the source


def words(trees):
    """The short constants of the source and its tests."""
    texts, numbers, groups = set(), set(), []
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, (ast.Dict, ast.List, ast.Tuple, ast.Set)):
                parts = node.elts if not isinstance(node, ast.Dict) else [k for k in node.keys if k is not None] + node.values
                group = {p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str) and 0 < len(p.value) <= MAX_TEXT}
                if len(group) > 1:
                    groups.append(group)
            if isinstance(node, ast.Constant):
                v = node.value
                if isinstance(v, str) and 0 < len(v) <= MAX_TEXT and "\n" not in v:
                    texts.add(v)
                elif isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) <= 1000:
                    numbers.add(v)
    return Words(sorted(texts, key=ordered), sorted(numbers), groups)


def kin(v, groups):
    """The texts that the source lists beside v, in whatever form, and beside those."""
    beside, near = {normal(v)}, set()
    for _ in range(2):
        near = set().union(*[g for g in groups if any(normal(w) in beside for w in g)])
        beside = {normal(w) for w in near}
    return sorted((w for w in near if normal(w) != normal(v)), key=ordered)[:MAX_KIN]


def ordered(text):
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def normal(text):
    """A text without case, space, Unicode form and leading zeros."""
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()
    return without_zeros(text)


def without_zeros(text):
    return re.sub(r"(?<![\d.])0+(?=\d)", "", text)


def with_zero(text):
    return re.sub(r"(?<![\d.])(?=\d(?!\d))", "0", text)


def without_spaces(text):
    return re.sub(r"\s+", "", text)


def as_number(text):
    """The whole number that a text is, written as Python writes it; or None."""
    return int(text) if re.fullmatch(r"0|-?[1-9][0-9]{0,15}", text) else None


def text_edits(v, texts, groups):
    """(kind, value) of other texts near v."""
    for w in kin(v, groups):
        yield "kin", w
    for kind, w in (("case", v.upper()), ("case", v.lower()), ("case", v.title()), ("case", v.swapcase()),
                    ("space", v.strip()), ("space", " " + v), ("space", v + " "), ("space", without_spaces(v)),
                    ("unicode", unicodedata.normalize("NFC", v)), ("unicode", unicodedata.normalize("NFKC", v)),
                    ("unicode", unicodedata.normalize("NFD", v)),
                    ("zeros", without_zeros(v)), ("zeros", with_zero(v)),
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


def line_edits(v):
    """(kind, value) of a text of several lines with other lines."""
    lines = v.splitlines(True)
    if not 1 < len(lines) <= 40:
        return
    for i in range(min(len(lines), 12)):
        yield "drop", "".join(lines[:i] + lines[i + 1:])
    yield "repeat", v + lines[-1]
    yield "repeat", v + v
    yield "reverse", "".join(lines[1:] + lines[:1])


def leaf_edits(leaf, known):
    texts, numbers, groups = known
    v = leaf.value
    if isinstance(v, bool):
        yield "flag", not v
    elif v is None:
        for w in (0, "", "x"):
            yield "present", w
    elif isinstance(v, str):
        if as_number(v) is not None:
            yield "conversion", as_number(v)
        for pair in text_edits(v, texts, groups):
            yield pair
        for pair in line_edits(v):
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


def varied(shape, known):
    """All variations of one literal, display or token: (leaf, variation)."""
    found, displays = leaves(shape)
    for leaf in found:
        seen = [leaf.value]
        for kind, w in leaf_edits(leaf, known):
            if any(w == s and type(w) is type(s) for s in seen):
                continue
            seen.append(w)
            yield Variation(shape.replaced([(leaf.node, repr(w))]), leaf.path, kind, leaf.value, w)
        v = leaf.value
        if isinstance(v, str) and len(v) >= 4:
            for path, kind, other in inner_numbers(v, leaf.path, known.texts):
                yield Variation(shape.replaced([(leaf.node, repr(other))]), path, kind, v, other)
    for path, node in displays:
        for kind, text in display_edits(shape, node):
            yield Variation(shape.replaced([(node, text)]), path, kind, Source(shape.text(node)), Source(text))
    for v in joint(shape, found):
        yield v


def inner_numbers(v, path, texts):
    """(path, kind, text) with another number, or another unit behind it; each
    number of a text is a leaf of its own."""
    for n, m in enumerate(list(re.finditer(r"(\d+(?:\.\d+)?)([A-Za-z]{0,3}\b)?", v))[:12]):
        own = m.group(1)
        near = [str(int(own) + 1).zfill(len(own)), str(max(0, int(own) - 1)).zfill(len(own))] if own.isdigit() and own.isascii() else []
        for w in near + list(TOKENS):
            if w != own:
                yield "%s#%d" % (path, n), "number", v[:m.start(1)] + w + v[m.end(1):]
        if m.group(2):
            for w in texts:
                if w.isalpha() and len(w) <= 3 and w != m.group(2):
                    yield "%s#%d" % (path, n), "unit", v[:m.start(2)] + w + v[m.end(2):]


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
                yield Variation(shape.replaced(edits), "joint:" + t, "joint", Source(t), Source(other))


def queue(variations):
    """Variations in the order in which they are tried: in turn from each leaf,
    and for a leaf other forms and what the source lists beside it, then in turn
    from each kind of edit; within a kind by a hash of their texts, so that the
    order depends on nothing else."""
    leaves = {}
    for v in variations:
        leaves.setdefault(v.leaf, {}).setdefault(v.edit, []).append(v)
    for kinds in leaves.values():
        for list_ in kinds.values():
            list_.sort(key=lambda v: ordered(v.source))
    ahead = ("case", "kin")
    return turns([[v for k in ahead for v in kinds.get(k, [])] + turns([kinds[k] for k in sorted(kinds, key=eagerness) if k not in ahead])
                  for kinds in leaves.values()])


FIRST = ("conversion", "space", "unicode", "zeros", "unit", "number", "dictionary", "drop", "repeat", "nonsense", "joint")


def eagerness(kind):
    return FIRST.index(kind) if kind in FIRST else len(FIRST)


def turns(lists):
    """The elements of lists, one of each in turn."""
    out, i = [], 0
    while any(len(l) > i for l in lists):
        out += [l[i] for l in lists if len(l) > i]
        i += 1
    return out


def alike(word, others):
    """Those texts that have a word's form: as many letters, digits and signs of
    the same case; nearest first."""
    form = shape_of(word)
    return [o for o in others if o != word and shape_of(o) == form]


def shape_of(text):
    return re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", text)))
