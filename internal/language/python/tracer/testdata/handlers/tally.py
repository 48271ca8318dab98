"""What the programs of the corpus count themselves, and what they need. It is
out of the tracer's scope.

call counts a function's entry. took says that the handler at a line has taken
the exception that is being handled. Both are by program.
"""
import asyncio
import sys

counts, taken, labels = {}, {}, {}
program = ""


class Boom(Exception):
    pass


class Other(Exception):
    pass


def begin(name):
    global program
    program = name
    counts[name], taken[name], labels[name] = {}, [], 0


def call(name):
    mine = counts[program]
    mine[name] = mine.get(name, 0) + 1


def label():
    """A name for the next exception, of which there is no other."""
    labels[program] += 1
    return "x%d" % labels[program]


def describe(exc):
    """An exception by its class and label. A group goes by its class: what
    except* leaves over of it has the same text."""
    if type(exc).__name__ in ("ExceptionGroup", "BaseExceptionGroup"):
        inner = exc.exceptions
        if exc.message or len(inner) > 1:
            return type(exc).__name__
        exc = inner[0]  # an exception that except* has wrapped
    return ("%s %s" % (type(exc).__name__, exc)).strip()


def hidden(code):
    """Says whether a function is the compiler's: a comprehension before these
    were inlined, or what is around a class with type parameters."""
    return code.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>") or code.co_name.startswith("<generic parameters")


def class_body(code):
    return not code.co_flags & 1 and code.co_name != "<module>"


def took(line, exc=None):
    code = sys._getframe(1 if exc is None else 2).f_code
    exc = exc or sys.exc_info()[1]
    if exc is not None and not class_body(code):  # else it is a finally that nothing was raised in
        taken[program].append("%s taken in %s:%d" % (describe(exc), code.co_name, line))


class Manager(object):
    """Passes exceptions on, or takes those of a class at the line given."""

    def __init__(self, kind=None, line=0):
        self.kind, self.line = kind, line

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        if self.kind is None or value is None or not issubclass(kind, self.kind):
            return False
        took(self.line, value)
        return True


class AsyncManager(Manager):
    async def __aenter__(self):
        await tick()
        return self

    async def __aexit__(self, kind, value, tb):
        await tick()
        if self.kind is None or value is None or not issubclass(kind, self.kind):
            return False
        took(self.line, value)
        return True


class Numbers(object):
    """An asynchronous iterator of a few numbers, over which may go on for ever."""

    def __init__(self, n=2):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        await tick()
        if not self.n:
            raise StopAsyncIteration
        self.n -= 1
        return self.n


def tick():
    return asyncio.sleep(0)


def forever():
    return asyncio.sleep(3600)


def run(coroutine):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(coroutine)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        asyncio.set_event_loop(None)


def start(coroutine):
    return asyncio.get_event_loop().create_task(coroutine)
