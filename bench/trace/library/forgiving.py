"""Third-party code that asks forgiveness rather than permission."""


class Missing(LookupError):
    def __init__(self, part, known):
        LookupError.__init__(self, "%s is none of %s" % (part, ", ".join(known)))
        self.part = part


def step(value, part):
    try:
        return value[part]
    except KeyError:
        raise Missing(part, sorted(value))


def path(value, text):
    parts = [part.strip() for part in text.split(".") if part]
    for part in parts:
        value = step(value, part)
    return value


def get(value, text, default):
    try:
        return path(value, text)
    except Missing as error:
        return default if error.part == "x" else None


def lookups(value, n):
    found = 0
    for i in range(n):
        found += get(value, "a.b.c", 0) + get(value, "a.x.c", 1)
    return found
