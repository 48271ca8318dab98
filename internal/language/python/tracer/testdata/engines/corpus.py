"""Calls, suspensions and exceptions of every kind, for the comparison of the
tracer's engines: the same program must give the same records through each."""
import asyncio
import contextlib
import functools
import sys
import threading


class Box(object):
    count = 0
    shared = []

    def __init__(self, *items, **named):
        self.items = list(items)
        self.named = named

    def add(self, item, into=None):
        self.items.append(item)
        if into is not None:
            into.append(item)
        return self

    @property
    def size(self):
        return len(self.items)

    @staticmethod
    def double(n):
        return n * 2

    @classmethod
    def make(cls, n):
        return cls(*range(n))

    def __getattr__(self, name):
        raise AttributeError(name)

    def __iter__(self):
        return Steps(len(self.items))

    if sys.version_info[:2] != (3, 12):  # whose sys.settrace misses calls while a frame is unwound
        def __del__(self):
            Box.count += 1


class Manager(object):
    size = 1

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        return kind is KeyError


class Steps(object):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


def plain(a, b=2, *rest, c=3, **named):
    return a, b, rest, c, named


def default(item, into=[]):
    into.append(item)
    return len(into)


def recursive(n):
    return 1 if n == 0 else n * recursive(n - 1)


def fails(n):
    raise ValueError("no %d" % n)


def deep(n):
    if n == 0:
        fails(0)
    deep(n - 1)


def handled():
    try:
        fails(1)
    except KeyError:
        return 1
    except (TypeError, ValueError):
        x = 3
    return x


def handled_with_calls():
    try:
        fails(1)
    except ValueError as e:
        plain(str(e))
        x = 1
    plain(x)
    return x


def returned_from_handler():
    try:
        deep(3)
    except ValueError:
        return "default"


def reraised():
    try:
        fails(3)
    except ValueError:
        plain(1)
        raise


def raised_again():
    try:
        fails(3)
    except ValueError as e:
        raise e


def replaced():
    try:
        fails(4)
    except ValueError as e:
        raise RuntimeError("wrapped") from e


def finally_returns():
    try:
        fails(5)
    finally:
        return "swallowed"


def finally_passes():
    try:
        fails(6)
    finally:
        plain(6)


def finally_in_order():
    try:
        return plain(1)
    finally:
        plain(2)


def suppressed():
    with contextlib.suppress(ValueError):
        fails(7)
    return "after"


def own_manager():
    with Manager() as m:
        raise KeyError(m.size)
    return "after"


def own_manager_passes():
    with Manager():
        raise ValueError(1)


def looped():
    n = 0
    for i in range(3):
        try:
            fails(i)
        except ValueError:
            n += 1
            continue
    return n


def nested():
    try:
        try:
            fails(1)
        except KeyError:
            pass
        finally:
            plain("inner")
    except ValueError:
        try:
            fails(2)
        except ValueError:
            plain("second")
        plain("third")
    return "done"


def handler_raises_inside():
    try:
        fails(1)
    except ValueError:
        try:
            {}["k"]
        except KeyError:
            pass
        plain("still handling")
    return 1


def one_liner():
    try: fails(1)
    except ValueError: pass
    return 1


def condition():
    if hasattr(Box(), "nothing"):
        return 1
    return getattr(Box(), "nothing", 2)


def library():
    try:
        return int("x")
    except ValueError:
        return None


def back(n):
    if n == 2:
        raise ValueError(n)
    return n


def through_library():
    try:
        return functools.reduce(lambda a, b: a + back(b), [1, 1, 2])
    except ValueError:
        return list(map(back, [0, 1]))


def sorted_by_us():
    return sorted([3, 1, 2], key=lambda n: -n)


def comprehensions():
    a = [plain(x) for x in range(2)]
    b = {x: back(x) for x in range(2)}
    c = sum(back(x) for x in (0, 1))
    d = {x for x in Box(1, 2)}
    return len(a), b, c, d


def bad_comprehension():
    try:
        return [fails(x) for x in range(2)]
    except ValueError:
        return sum(x for x in Box(1))


def numbers(n):
    for i in range(n):
        got = yield i
        if got:
            plain(got)
    return "end"


def delegating():
    result = yield from numbers(2)
    yield result


def guarded():
    try:
        yield 1
    except KeyError:
        yield 2
    finally:
        plain("cleanup")


def stubborn():
    while True:
        try:
            yield 1
        except ValueError:
            plain("again")


def breaks_off():
    for n in numbers(5):
        if n == 1:
            break
    return n


def generator_fails():
    yield 1
    fails(8)


def generators():
    list(numbers(2))
    list(delegating())
    g = guarded(); next(g); g.throw(KeyError); g.close()
    g = guarded(); next(g); g.close()
    g = stubborn(); next(g); g.throw(ValueError); g.close()
    g = numbers(3); next(g); g.send("sent"); del g
    breaks_off()
    g = numbers(1)
    try:
        g.throw(KeyError("never begun"))
    except KeyError:
        pass
    try:
        list(generator_fails())
    except ValueError:
        pass
    g = delegating(); next(g)
    try:
        g.throw(ValueError("into both"))
    except ValueError:
        pass
    g = numbers(1); next(g)
    try:
        g.send(None)
    except StopIteration as e:
        return e.value


@contextlib.contextmanager
def managed(swallow):
    plain("enter")
    try:
        yield 1
    except ValueError:
        if not swallow:
            raise
    finally:
        plain("exit")


def uses_managed():
    with managed(True):
        fails(9)
    try:
        with managed(False):
            fails(10)
    except ValueError:
        return "out"


async def child(n):
    await asyncio.sleep(0)
    if n == 2:
        raise ValueError(n)
    return n


async def ticks(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


class Resource(object):
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, kind, value, tb):
        await asyncio.sleep(0)
        return kind is ValueError


async def sleeper():
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        plain("cancelled")
        raise


async def parent():
    out = await asyncio.gather(child(1), child(2), child(3), return_exceptions=True)
    out = [repr(x) for x in out]
    async for i in ticks(2):
        out.append(i)
    out.extend([x async for x in ticks(2)])
    async with Resource():
        await child(2)
    t = asyncio.ensure_future(sleeper())
    await asyncio.sleep(0)
    t.cancel()
    try:
        await t
    except asyncio.CancelledError:
        out.append("cancelled")
    try:
        await asyncio.wait_for(asyncio.ensure_future(sleeper()), 0.001)
    except asyncio.TimeoutError:
        out.append("late")
    return out


def coroutines():
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(parent())
    finally:
        loop.close()


def worker(n, out):
    try:
        out.append(back(n))
    except ValueError:
        out.append(None)


def threads():
    out = []
    for n in range(3):
        t = threading.Thread(target=worker, args=(n, out), name="w%d" % n)
        t.start(); t.join()  # on one line: which thread goes first is nobody's to say
    return out


GROUPS = """
def groups():
    try:
        raise ExceptionGroup("g", [ValueError(1), KeyError(2)])
    except* ValueError as e:
        plain(len(e.exceptions))
    except* KeyError:
        pass
    try:
        try:
            raise ExceptionGroup("h", [ValueError(1), OSError(2)])
        except* ValueError:
            pass
    except ExceptionGroup as e:
        return len(e.exceptions)
"""


def catch(f, *args):
    try:
        return f(*args)
    except Exception:
        pass


def mutates(values, index, n):
    values.append(n)
    index[n] = n
    return n


def many():
    values, index = [], {}
    for i in range(70):
        mutates(values, index, i)
        catch(back, 2)
    return len(values)


def overflow(n):
    return overflow(n + 1)


def main():
    plain(1, 2, 3, 4, c=5, d=6)
    default(1); default(2, [])
    b = Box(1, k=2)
    b.add(2, b.items).add(3)
    Box.double(b.size); Box.make(2)
    del b
    recursive(5)
    for f in (handled, handled_with_calls, returned_from_handler, reraised, raised_again, replaced, finally_returns, finally_passes,
              finally_in_order, suppressed, own_manager, own_manager_passes, looped, nested, handler_raises_inside, one_liner,
              condition, library, through_library, sorted_by_us, comprehensions, bad_comprehension, generators, uses_managed,
              coroutines, threads, many):
        print(f.__name__, catch(f))
    if sys.version_info >= (3, 11):
        names = {"plain": plain}
        exec(compile(GROUPS, __file__, "exec"), names)
        print("groups", catch(names["groups"]))
    if "overflow" in sys.argv:
        catch(overflow, 0)
    deep(2)


main()
