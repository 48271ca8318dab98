"""Which handler is whose: those of the source, which a program means to take
exceptions with, and those that the compiler puts in to clean up.

From 3.11 on a code object has a table of handlers. One that begins with
PUSH_EXC_INFO makes the exception the one that is being handled: an except, a
finally or a with. The others put something back and raise the exception again:
after an inlined comprehension, at the end of an except with a name, around a
generator. In these it is still on its way, whatever lines begin there.
"""
from opcode import opmap

_len, _range, _frozenset, _getattr, _reversed = len, range, frozenset, getattr, reversed
_PUSH = opmap.get("PUSH_EXC_INFO", -1)
# Where the compiler's handlers end: they raise again, or the exception was one
# that ends a loop or an await.
_ENDS = frozenset(opmap[n] for n in opmap if n in ("RERAISE", "END_ASYNC_FOR", "CLEANUP_THROW") or n[:5] == "JUMP_" or n[:7] == "RETURN_")
_STAR = opmap.get("CHECK_EG_MATCH", -1)


class Handlers(object):
    """The handlers of one code object. pushes are instructions where a handler
    of the source begins, way those of the compiler's handlers. star says that
    there is an except*; found remembers what find has told."""
    __slots__ = ("table", "pushes", "way", "star", "found")

    def __init__(self, code):
        ops, way, pushes = code.co_code, [], []
        self.table = _entries(_getattr(code, "co_exceptiontable", b""))
        for target in {entry[2] for entry in self.table}:
            if ops[target] == _PUSH:
                pushes.append(target)
                continue
            for at in _range(target, _len(ops), 2):
                way.append(at)
                if ops[at] in _ENDS:
                    break
        self.pushes, self.way = _frozenset(pushes), _frozenset(way)
        self.found = {}
        self.star = _STAR >= 0 and _STAR in ops[::2]

    def take(self, at):
        """Says whether a handler of the source is reached from an instruction
        that raises."""
        for _ in _range(100):
            for start, end, target in self.table:
                if start <= at < end:
                    break
            else:
                return False
            if target in self.pushes:
                return True
            at = target
        return True


def _entries(table):
    """Ranges of instructions and where they go, from the table of exceptions:
    entries of start, length, target and depth, as varints of six bits, most
    significant first, the first byte of an entry with bit 7 set."""
    numbers, n = [], 0
    for b in table:
        n = n << 6 | b & 63
        if not b & 64:
            numbers.append(n)
            n = 0
    return [(2 * numbers[i], 2 * (numbers[i] + numbers[i + 1]), 2 * numbers[i + 2]) for i in _range(0, _len(numbers) - 3, 4)]


# Lines of the source, as bytes.
_CLOSE, _FUNCTIONS = (b")", b"]", b"}"), (b"def ", b"async def ", b"class ")


def find(lines, arrived, ran):
    """The handler that took an exception, as its first line and the one it is
    known by: of an except, the clause; of a finally, its first statement; of a
    with, the statement. arrived is the line where the exception had come up, ran
    those that began while it was being handled. (0, 0) where nothing tells."""
    for n in _reversed(ran):
        at = _len(lines) >= n > 0 and _of(lines, n, arrived)
        if at:
            return at
    if not ran and 0 < arrived <= _len(lines):  # up to 3.9 a with ends without a line
        for n, text in _around(lines, arrived):
            if _is_with(text):
                return n, n
    return (0, ran[-1]) if ran else (0, 0)


def _of(lines, n, arrived):
    for h, text in _around(lines, n):
        if text.startswith((b"except", b"finally")):
            if within(lines, h, arrived):
                continue  # it came up in there
            return h, h if text[:1] == b"e" or h == n else _next(lines, h)
        if _is_with(text) and within(lines, h, arrived):
            return h, h
    return None


def within(lines, header, n):
    """Says whether a line is in the block of a header."""
    if header <= n:
        for h, _ in _around(lines, n):
            if h <= header:
                return h == header
    return False


def is_clause(lines, n):
    """Says whether a line is that of an except."""
    return 0 < n <= _len(lines) and lines[n - 1].lstrip().startswith(b"except")


def _is_with(text):
    return text.startswith((b"with ", b"with(", b"async with"))


def _around(lines, n):
    """A line and the headers of the blocks that it is in, from the inside to
    that of the function."""
    text = lines[n - 1].lstrip()
    indent, bracket, found = _len(lines[n - 1]) - _len(text), text[:1] in _CLOSE, [(n, text)]
    for i in _range(n - 1, 0, -1):
        text = lines[i - 1].lstrip()
        at = _len(lines[i - 1]) - _len(text)
        if not text or text[:1] == b"#" or at > indent or at == indent and not bracket:
            continue
        indent, bracket = at, text[:1] in _CLOSE  # the end of a header of several lines
        if not bracket:
            found.append((i, text))
            if not indent or text.startswith(_FUNCTIONS):
                break
    return found


def _next(lines, n):
    """The first line with code after another one."""
    for i in _range(n + 1, _len(lines) + 1):
        text = lines[i - 1].lstrip()
        if text and text[:1] != b"#":
            return i
    return n
