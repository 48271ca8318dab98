"""Generators: pipelines that suspend and resume for each item, `yield from`,
one that is closed early."""


def numbers(n):
    for i in range(n):
        yield i


def even(items):
    for item in items:
        if item % 2 == 0:
            yield item


def pairs(items):
    last = None
    for item in items:
        if last is not None:
            yield last, item
        last = item


def walk(tree):
    if type(tree) is list:
        for child in tree:
            yield from walk(child)
    else:
        yield tree


def first(items, wanted):
    for item in items:
        if item >= wanted:
            return item


def run(size):
    total, n = 0, int(24000 * size)
    for a, b in pairs(even(numbers(n))):
        total += b - a
    tree = [[1, 2, [3, 4]], [5, [6, [7, 8]]]]
    for i in range(n // 30):
        total += sum(walk(tree))
        total += first(numbers(100), 3)
    return total
