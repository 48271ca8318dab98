"""A test that asserts what its call answers, made from one that only calls."""

import ast
import builtins
import keyword
import re

import entry

WIDTH = 100          # columns, the formatters' default
MAX_LITERAL = 20000
MAX_PARTS = 4        # asserted of a value that has no literal
STATUS = ("status_code", "status", "code")

EXACT = {"decimal.Decimal": "Decimal", "fractions.Fraction": "Fraction"}
PRINTED = {"datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "uuid.UUID",
           "pathlib.PurePosixPath", "pathlib.PosixPath"}


class Refused(Exception):
    """What a person is told who expects something that cannot be asserted."""


def pin(request):
    test, expect = request["test"], request["expect"]
    try:
        shape = entry.Shape(test["source"], test["name"])
    except (ValueError, SyntaxError, RecursionError):
        return {"source": "", "asserts": ""}
    if shape.asserts:
        return {"source": "", "asserts": ""}
    try:
        made = Pin(shape, mark(request["mark"]))
        if expect.get("raises"):
            return made.raises(expect["raises"])
        if expect.get("literal"):
            return made.equals(expect["literal"])
        return made.parts(expect.get("type", ""), expect.get("parts") or [])
    except Refused as e:
        return {"refused": str(e)}


def mark(text):
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:WIDTH - 10]


class Pin:
    """One test that is being changed."""

    def __init__(self, shape, mark):
        self.shape, self.mark = shape, mark
        self.start, self.end = shape.span(shape.statement)
        self.indent = " " * shape.statement.col_offset
        self.imports = []

    def raises(self, name):
        """The statement below pytest.raises."""
        self.imports.append("import pytest")
        bare = self.exception(name)
        body = self.shape.raw[self.start:self.end].decode()
        if not any(isinstance(n, (ast.Constant, ast.JoinedStr)) and n.lineno != n.end_lineno for n in ast.walk(self.shape.statement)):
            body = body.replace("\n", "\n    ")
        return self.made("with pytest.raises(%s):\n%s    %s" % (bare, self.indent, body), "the exception")

    def exception(self, name):
        """Makes an exception's type importable; what the test calls it."""
        words = name.split(".")
        if not all(w.isidentifier() and not keyword.iskeyword(w) for w in words):
            raise Refused("%s is not the name of an exception" % name[:80])
        if len(words) > 1 and words[0] != "builtins":
            # A class may stand in another one: modules are lower case.
            at = next((i for i, w in enumerate(words) if i and w[:1].isupper()), len(words) - 1)
            self.imports.append("from %s import %s" % (".".join(words[:at]), words[at]))
            return ".".join(words[at:])
        kind = getattr(builtins, words[-1], None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            return words[-1]
        raise Refused("%s is not built in: name its module too, as in shop.errors.%s" % (words[-1][:80], words[-1][:80]))

    def equals(self, literal):
        """An assertion that the call answers a value."""
        if len(literal) > MAX_LITERAL:
            raise Refused("the value is longer than %d characters" % MAX_LITERAL)
        try:
            node = ast.parse(literal.strip(), mode="eval").body
            value = ast.literal_eval(node)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise Refused("%s is not a literal, such as 0, 'text', None or [1, 2]" % literal[:80])
        if value is None or isinstance(value, bool):
            return self.compared("is " + repr(value))
        return self.compared("== " + self.written(node, len(self.indent), 0))

    def compared(self, how):
        if isinstance(self.shape.statement, ast.Expr):
            return self.made("assert %s %s" % (self.entry(), how), "the value")
        return self.then(["%s %s" % (self.assigned(), how)], "the value")

    def entry(self):
        """The call, in parentheses where a comparison would come between."""
        text = self.shape.text(self.shape.entry)
        if any(isinstance(n, ast.Await) and n.value is self.shape.entry for n in ast.walk(self.shape.statement)):
            return "(await %s)" % text
        if isinstance(self.shape.entry, (ast.Call, ast.Attribute, ast.Subscript, ast.Name)):
            return text
        return "(%s)" % text

    def assigned(self):
        targets = getattr(self.shape.statement, "targets", None) or [getattr(self.shape.statement, "target", None)]
        if len(targets) != 1 or not isinstance(targets[0], ast.Name) or self.shape.statement.value is not self.shape.entry:
            raise Refused("the test does not keep what its call answers under one name")
        return targets[0].id

    def written(self, node, column, depth):
        """A literal, floats approximately, one element a line where it is long."""
        one = self.one(node)
        items = None
        if isinstance(node, (ast.List, ast.Tuple)) and node.elts:
            items = [("", e) for e in node.elts]
        elif isinstance(node, ast.Dict) and node.keys:
            items = [(self.one(k, True) + ": ", v) for k, v in zip(node.keys, node.values)]
        if len(one) + column <= WIDTH - 30 or items is None or depth > 6:
            return one
        pad = self.indent + "    " * (depth + 1)
        rows = ["%s%s%s,\n" % (pad, key, self.written(v, len(pad) + len(key), depth + 1)) for key, v in items]
        first, last = {ast.List: "[]", ast.Tuple: "()", ast.Dict: "{}"}[type(node)]
        return "%s\n%s%s%s" % (first, "".join(rows), self.indent + "    " * depth, last)

    def one(self, node, exact=False):
        """A literal on one line; exact keeps floats, where one is hashed."""
        if isinstance(node, ast.List):
            return "[%s]" % ", ".join(self.one(e, exact) for e in node.elts)
        if isinstance(node, ast.Tuple):
            return "(%s%s)" % (", ".join(self.one(e, exact) for e in node.elts), "," if len(node.elts) == 1 else "")
        if isinstance(node, ast.Set):
            return "{%s}" % ", ".join(self.one(e, True) for e in node.elts)
        if isinstance(node, ast.Dict):
            return "{%s}" % ", ".join("%s: %s" % (self.one(k, True), self.one(v, exact)) for k, v in zip(node.keys, node.values))
        value = ast.literal_eval(node)
        if isinstance(value, float) and not exact:
            if "import pytest" not in self.imports:
                self.imports.append("import pytest")
            return "pytest.approx(%r)" % value
        return repr(value)

    def parts(self, kind, found):
        """Assertions on the parts of a value that have a literal."""
        where = {p["path"]: p for p in found}
        top = where.get("")
        if top and (top["type"] in EXACT or top["type"] in PRINTED) and len(top["text"]) < 200:
            return self.whole(top)
        name = self.free("answer")
        said, said_of = [], 0
        if kind and re.match(r"^[\w.<>]+$", kind) and kind != "dict":
            said.append('type(%s).__name__ == "%s"' % (name, kind.rpartition(".")[2]))
        if top and top["type"] == "dict":
            keys = re.findall(r"^\[(\w+)\]$", "\n".join(where), re.M)
            if keys and len(keys) <= 12 and not any(k.isdigit() for k in keys):
                said.append("sorted(%s) == %r" % (name, sorted(keys)))
        for path in sorted(where, key=lambda p: (p.lstrip(".") not in STATUS, p.count(".") + p.count("["), p)):
            how = self.leaf(name, path, where)
            if how and said_of < MAX_PARTS:
                said.append(how)
                said_of += 1
        if not said:
            return {"source": "", "asserts": ""}
        asserts = "the type of the value" if not said_of else "the type and %d part%s of the value" % (said_of, "s"[said_of == 1:])
        if isinstance(self.shape.statement, ast.Expr):
            return self.made("\n".join(["%s = %s" % (name, self.entry())] + self.asserted(said)), asserts)
        bound = self.assigned()
        return self.then([s.replace(name, bound, 1) for s in said], asserts)

    def whole(self, part):
        """A value whose text says all of it."""
        if part["type"] in EXACT:
            self.imports.append("from %s import %s" % tuple(part["type"].split(".")))
            return self.compared("== %s(%r)" % (EXACT[part["type"]], part["text"]))
        if isinstance(self.shape.statement, ast.Expr):
            return self.made("assert str(%s) == %r" % (self.entry(), part["text"]), "the value")
        return self.then(["str(%s) == %r" % (self.assigned(), part["text"])], "the value")

    def leaf(self, name, path, where):
        """An assertion on one part, or None."""
        part = where[path]
        if not path or len(part["text"]) >= 200 or re.search(r"(^|\.)_", path):
            return None
        expression, seen = name, ""
        for attribute, item in re.findall(r"\.(\w+)|\[([^\[\]]*)\]", path):
            holder = where.get(seen)
            if attribute:
                expression, seen = expression + "." + attribute, seen + "." + attribute
            elif holder and holder["type"] in ("list", "tuple") and item.isdigit():
                expression, seen = expression + "[%s]" % item, seen + "[%s]" % item
            elif holder and holder["type"] == "dict" and item not in ("", "?") and not item.isdigit():
                expression, seen = expression + "[%r]" % item, seen + "[%s]" % item
            else:
                return None
        if seen != path:
            return None
        kind, text = part["type"], part["text"]
        if kind in ("NoneType", "bool"):
            return "%s is %s" % (expression, text)
        if kind == "int":
            return "%s == %s" % (expression, text)
        if kind == "str" and text.isprintable():
            return "%s == %r" % (expression, text)
        return None

    def free(self, name):
        taken = {n.id for n in ast.walk(self.shape.module) if isinstance(n, ast.Name)}
        return name if name not in taken else name + "_"

    def asserted(self, conditions):
        said = [self.indent + "# " + self.mark] if self.mark else []
        return said + ["%sassert %s" % (self.indent, c) for c in conditions]

    def then(self, conditions, asserts):
        """The statement with assertions after it."""
        kept = self.shape.raw[self.start:self.end].decode()
        return self.made("\n".join([kept] + self.asserted(conditions)), asserts, False)

    def made(self, statement, asserts, above=True):
        """The whole source. A mark stands above the statement, unless there are
        assertions of their own, which have it above them."""
        if above and self.mark and "\n%s# %s\n" % (self.indent, self.mark) not in statement:
            statement = "# %s\n%s%s" % (self.mark, self.indent, statement)
        raw = self.shape.raw
        source = raw[:self.start].decode() + statement + raw[self.end:].decode()
        for line in self.imports:
            source = imported(source, line)
        ast.parse(source)
        return {"source": source, "asserts": asserts}


def imported(source, line):
    """The source with an import: pytest in a group of its own before the tree's
    imports, what comes from the tree after them."""
    lines = source.split("\n")
    if line in lines:
        return source
    imports = [n for n in ast.parse(source).body if isinstance(n, (ast.Import, ast.ImportFrom))]
    if line.startswith("from decimal") or line.startswith("from fractions"):
        at, text = (imports[0].lineno - 1 if imports else 0), [line, ""]
    elif line == "import pytest":
        at, text = (imports[-1].lineno - 1 if imports else 0), [line, ""]
    else:
        at, text = (imports[-1].end_lineno if imports else 0), [line]
    return "\n".join(lines[:at] + text + lines[at:])
