"""A coroutine is called and not awaited."""
import asyncio


async def fetch(n):
    await asyncio.sleep(0)
    return {"id": n, "name": "item %d" % n}


def label(item):
    return item["name"].upper()


async def main():
    first = await fetch(1)
    label(first)
    second = fetch(2)
    label(second)


asyncio.run(main())
