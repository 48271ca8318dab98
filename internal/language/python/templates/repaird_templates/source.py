"""Source files as trees with byte positions, and edits of their text.

Nothing is ever unparsed: a candidate replaces byte ranges of the original, so
formatting and comments stay as they are.
"""

import ast
import os

from repaird_syntax import (
    Definition, SCOPES, definitions, innermost, last_line, parameters, parents, positional, statements,
)

MAX_FILE = 512 * 1024


class Function(Definition):
    """One function definition, with its file."""

    def __init__(self, source, found):
        super().__init__(found.node, found.qualname, found.cls, found.nested)
        self.source = source

    @property
    def path(self):
        return self.source.path

    def parameters(self):
        return [p.arg for p in positional(self.node.args)]

    def all_parameters(self):
        return [p.arg for p in parameters(self.node.args)]

    def statements(self):
        return statements(self.node)

    def docstring(self):
        return ast.get_docstring(self.node) or ""


class Source:
    """One parsed file of the tree."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), "rb") as f:
            self.data = f.read(MAX_FILE + 1)
        if len(self.data) > MAX_FILE:
            raise ValueError("file is too large")
        self.data.decode("utf-8")
        if b"\r" in self.data.replace(b"\r\n", b"") or b"\f" in self.data:
            raise ValueError("line ends that positions cannot be computed for")
        self.tree = ast.parse(self.data)
        self.starts = [0]
        for line in self.data.split(b"\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.bom = 3 if self.data.startswith(b"\xef\xbb\xbf") else 0
        self.newline = b"\r\n" if b"\r\n" in self.data else b"\n"
        self.parents = parents(self.tree)
        self.functions = [Function(self, d) for d in definitions(self.tree)]

    def offset(self, line, col):
        return self.starts[line - 1] + col + (self.bom if line == 1 else 0)

    def start(self, node):
        return self.offset(node.lineno, node.col_offset)

    def end(self, node):
        return self.offset(node.end_lineno, node.end_col_offset)

    def text(self, node):
        return self.data[self.start(node):self.end(node)].decode()

    def line_of(self, offset):
        """The 1-based line of a byte offset."""
        low, high = 0, len(self.starts) - 1
        while low + 1 < high:
            middle = (low + high) // 2
            if self.starts[middle] <= offset:
                low = middle
            else:
                high = middle
        return low + 1

    def indent(self, node):
        line = self.data[self.starts[node.lineno - 1]:self.start(node)]
        return line.decode() if not line.strip() else None

    def function_at(self, line, name=""):
        """The innermost function whose lines hold the line."""
        best = innermost(self.functions, line)
        if best is None and name:
            named = [f for f in self.functions if f.name == name]
            best = named[0] if len(named) == 1 else None
        return best

    def names(self):
        """Names that the module's top level binds."""
        bound = set()
        for node in self.tree.body:
            if isinstance(node, SCOPES):
                bound.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    bound.add((alias.asname or alias.name).split(".")[0])
            else:
                for n in ast.walk(node):
                    if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store):
                        bound.add(n.id)
        return bound


def header(stmt):
    """The nodes that a statement evaluates itself, without its blocks."""
    blocks = ("body", "orelse", "finalbody", "handlers", "cases", "decorator_list")
    for field, value in ast.iter_fields(stmt):
        if field in blocks and isinstance(value, list):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                yield node


def header_nodes(stmt):
    """Every expression node below header(stmt), lambdas' bodies included."""
    for top in header(stmt):
        for node in ast.walk(top):
            yield node


def header_lines(stmt):
    """First and last line of what a statement evaluates itself."""
    last = stmt.lineno
    for node in header(stmt):
        last = max(last, last_line(node) if hasattr(node, "lineno") else last)
    return stmt.lineno, last


class Candidate:
    """A possible fix: byte ranges of one file with their replacements."""

    def __init__(self, template, function, changes, why, prior, line, avoids=False):
        self.template = template
        self.flips = False  # whether another comparison, more than a boundary, decides: what took one way may take the other
        self.guess = False  # nothing in the code speaks for it: answers near the input must
        self.avoids = avoids  # whether it may be right although the failing lines no longer run
        self.function = function
        self.source = function.source
        self.changes = sorted(changes)  # (start, end, replacement)
        self.why = why
        self.prior = prior
        self.line = line
        self.score = prior
        self.content = self._apply()
        self.raises = None  # name of the exception in which the test's call ends with it, if that is meant
        self.end = ""  # how trying it ended

    @property
    def path(self):
        return self.source.path

    def _apply(self):
        out, at = [], 0
        for start, end, new in self.changes:
            if start < at:
                raise ValueError("overlapping changes")
            out += [self.source.data[at:start], new.encode()]
            at = end
        out.append(self.source.data[at:])
        return b"".join(out)

    def lines(self):
        """Lines of the base file that the candidate touches."""
        touched = set()
        for start, end, _ in self.changes:
            touched.update(range(self.source.line_of(start), self.source.line_of(max(start, end - 1)) + 1))
        return touched

    def valid(self):
        if self.content == self.source.data:
            return False
        try:
            ast.parse(self.content)
        except (SyntaxError, ValueError, RecursionError):
            return False
        return True

    def edits(self):
        """Search/replace edits whose searches occur exactly once."""
        data, groups = self.source.data, []
        for start, end, new in self.changes:
            groups.append([start, end, [(start, end, new)]])
        for _ in range(len(groups) + 1):
            widened = []
            for start, end, parts in groups:
                low, high = self._unique(start, end)
                if widened and low <= widened[-1][1]:
                    widened[-1][1] = max(high, widened[-1][1])
                    widened[-1][2] += parts
                else:
                    widened.append([low, high, list(parts)])
            if len(widened) == len(groups):
                break
            groups = widened
        edits = []
        for low, high, parts in widened:
            out, at = [], low
            for start, end, new in parts:
                out += [data[at:start], new.encode()]
                at = end
            out.append(data[at:high])
            edits.append({"path": self.path, "search": data[low:high].decode(),
                          "replace": b"".join(out).decode()})
        return edits

    def _unique(self, start, end):
        """Whole lines around a range, as many as make the text unique."""
        first = self.source.line_of(start)
        last = self.source.line_of(max(start, end - 1))
        total = len(self.source.starts) - 1
        while True:
            low = self.source.starts[first - 1]
            high = min(self.source.starts[last], len(self.source.data)) if last < total else len(self.source.data)
            if high > low and self.source.data[high - 1:high] == b"\n":
                high -= 1  # the last line's end stays out of the search
                if self.source.data[high - 1:high] == b"\r":
                    high -= 1
            high = max(high, end)
            text = self.source.data[low:high]
            at = self.source.data.find(text)
            if text.strip() and self.source.data.find(text, at + 1) < 0:
                return low, high
            if first == 1 and last >= total:
                return 0, len(self.source.data)
            if first > 1:
                first -= 1
            if last < total:
                last += 1
