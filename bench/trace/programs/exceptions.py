"""Asking forgiveness: exceptions that are raised, cross two frames and are
caught, beside calls that succeed."""


class Missing(LookupError):
    pass


def find(table, key):
    if key not in table:
        raise Missing(key)
    return table[key]


def resolve(table, key):
    return find(table, key) + 1


def value(table, key, default):
    try:
        return resolve(table, key)
    except Missing:
        return default


def number(text):
    try:
        return int(text)
    except ValueError:
        return None


def run(size):
    table, total = dict((i, i) for i in range(0, 100, 2)), 0
    for i in range(int(12000 * size)):
        total += value(table, i % 100, -1)
        total += number("12" if i % 4 else "x") or 0
    return total
