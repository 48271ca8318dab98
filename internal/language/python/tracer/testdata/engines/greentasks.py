"""Blocking functions that await: each task runs them in a greenlet, as ORMs do."""
import asyncio, greenlet


def await_(aw):
    return greenlet.getcurrent().parent.switch(aw)


async def spawn(fn, *a):
    g = greenlet.greenlet(fn)
    r = g.switch(*a)
    while not g.dead:
        r = g.switch(await r)
    return r


async def fetch(n):
    await asyncio.sleep(0)
    return n * 2


def query(n):
    return await_(fetch(n)) + rows(n)


def rows(n):
    return n


def session(n):
    a = query(n)
    b = query(n + 1)
    if n == 3:
        raise KeyError(n)
    return a + b


async def task(n):
    try:
        return await spawn(session, n)
    except KeyError as e:
        return rows(-1)


async def main():
    return await asyncio.gather(*[task(n) for n in range(4)])


loop = asyncio.new_event_loop()
print(loop.run_until_complete(main()))
loop.close()
