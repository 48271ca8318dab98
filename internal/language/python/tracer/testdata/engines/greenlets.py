"""Greenlets that take turns, raise through each other, are thrown into and ended."""
import greenlet


def leave(value=None):
    return greenlet.getcurrent().parent.switch(value)


def step(name, n):
    leave(name)
    return inner(name, n)


def inner(name, n):
    return name * n


def leaf(value):
    return value


def work(name):
    for n in range(3):
        step(name, n)
    return leaf(name)


def numbers(name):
    for n in range(2):
        yield step(name, n)


def uses(name):
    return list(numbers(name))


def fails(name):
    try:
        step(name, 1)
        raise ValueError(name)
    except ValueError:
        return leaf(name)


def crosses(value):
    leave()
    raise KeyError(value)


def thrown(value):
    try:
        leave()
    except ValueError:
        return leaf(value)


def closes():
    try:
        leave()
    finally:
        leaf("closed")


def chain(n):
    return greenlet.greenlet(chain if n else divide).switch(n - 1)


def divide(n):
    return 1 // 0


def caught(call, *args):
    try:
        return call(*args)
    except (KeyError, ZeroDivisionError) as e:
        return type(e).__name__


def main():
    out, alive = [], [greenlet.greenlet(f) for f in (work, work, work, fails, uses, uses)]
    for i, g in enumerate(alive):
        out.append(g.switch("g%d" % i))
    while alive:
        out.extend([g.switch() for g in alive])
        alive = [g for g in alive if not g.dead]
    print(out)
    g = greenlet.greenlet(crosses)
    g.switch(1)
    print(caught(g.switch))
    g = greenlet.greenlet(crosses)
    g.switch(2)
    print(caught(g.throw, KeyError("thrown through")))
    g = greenlet.greenlet(thrown)
    g.switch(3)
    print(g.throw(ValueError("thrown in")))
    g = greenlet.greenlet(closes)
    g.switch()
    del g
    print(caught(chain, 3), leaf("end"))


main()
