"""Tasks, an asynchronous generator and a pipeline of generators."""
import asyncio


async def pages(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield [i * 10 + k for k in range(3)]


async def collect(n):
    out = []
    async for page in pages(n):
        out.extend(page)
    return out


async def attempt(n):
    if n == 2:
        raise ConnectionError("down")
    await asyncio.sleep(0)
    return n


async def main():
    first, second = await asyncio.gather(collect(2), collect(3))
    results = await asyncio.gather(*[attempt(n) for n in range(4)], return_exceptions=True)
    return len(first) + len(second) + sum(r for r in results if isinstance(r, int))


def numbers(n):
    yield from range(n)


def evens(source):
    for n in source:
        if n % 2 == 0:
            yield n


def size(source):
    return len(list(source))


assert asyncio.run(main()) == 19
many, few = evens(numbers(10)), evens(numbers(4))  # both live, so that no address is used again
assert size(many) == 5
assert size(few) == 2
