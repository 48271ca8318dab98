"""Third-party code that asks forgiveness rather than permission."""


def step(value, part):
    try:
        return value[part]
    except KeyError:
        raise AttributeError(part)


def path(value, text):
    for part in text.split("."):
        value = step(value, part)
    return value


def get(value, text, default):
    try:
        return path(value, text)
    except AttributeError:
        return default


def lookups(value, n):
    found = 0
    for i in range(n):
        found += get(value, "a.b.c", 0) + get(value, "a.x.c", 1)
    return found
