"""Which lines decide, from the source: tests of if, elif, while and match, and
the heads of for loops. The source is read, never changed, once per file."""
import os
import sys

from repaird_tracer.watch import syntax_tree

_open, _close, _read, _type, _len, _max, _Exception = os.open, os.close, os.read, type, len, max, Exception
_getattr, _list, _range = getattr, list, range
_MAX_SOURCE = 1 << 20
# Before 3.10 a body of a jump alone leaves no trace: the test jumps on directly.
_JUMPS = frozenset(["Continue", "Break", "Pass"]) if sys.version_info < (3, 10) else frozenset()


class Branch(object):
    """A decision: where its test stands, and the lines of what it leads into."""
    __slots__ = ("line", "end", "body", "body_end")

    def __init__(self, line, end, body, body_end):
        self.line, self.end, self.body, self.body_end = line, end, body, body_end


def source(path):
    """The bytes of a source file; none when it cannot be read or is too long."""
    try:
        fd = _open(path, os.O_RDONLY)
        try:
            parts, size = [], 0
            while size <= _MAX_SOURCE:
                b = _read(fd, 1 << 18)
                if not b:
                    return b"".join(parts)
                parts.append(b)
                size += _len(b)
        finally:
            _close(fd)
    except _Exception:
        pass
    return b""


def branches(path):
    """Line of a test → its Branch, for each line of the test. A decision whose
    body begins on the line of its test cannot be told by lines, and is left out."""
    found = {}
    try:
        tree = syntax_tree(source(path), "exec")
    except _Exception:  # no source, or not what ran
        return found
    todo = [tree]
    while todo:
        node = todo.pop()
        kind = _type(node).__name__
        if kind in ("If", "While"):
            if not _is_constant(node.test):
                _add(found, node.lineno, _end(node.test), node.body)
        elif kind in ("For", "AsyncFor"):
            _add(found, node.lineno, _end(node.iter), node.body)
        elif kind == "match_case":
            _add(found, node.pattern.lineno, _end(node.guard or node.pattern), node.body)
        for name in node._fields:
            child = _getattr(node, name, None)
            if _type(child) is _list:
                todo.extend([c for c in child if _getattr(c, "_fields", None) is not None])
            elif _getattr(child, "_fields", None) is not None:
                todo.append(child)
    return found


def _add(found, line, end, body):
    first = body[0].lineno
    for d in _getattr(body[0], "decorator_list", ()):
        first = d.lineno if d.lineno < first else first
    if first <= end or _type(body[0]).__name__ in _JUMPS:
        return
    b = Branch(line, end, first, _end(body[-1]))
    for n in _range(line, end + 1):
        found.setdefault(n, b)


def _is_constant(node):
    return _type(node).__name__ in ("Constant", "Num", "NameConstant", "Str", "Bytes")


def _end(node):
    """The last line of a node."""
    end = _getattr(node, "end_lineno", None)
    if end is not None:
        return end
    end, todo = _getattr(node, "lineno", 0), [node]
    while todo:  # before 3.8
        node = todo.pop()
        end = _max(end, _getattr(node, "lineno", 0))
        for name in node._fields:
            child = _getattr(node, name, None)
            for c in child if _type(child) is _list else (child,):
                if _getattr(c, "_fields", None) is not None:
                    todo.append(c)
    return end
