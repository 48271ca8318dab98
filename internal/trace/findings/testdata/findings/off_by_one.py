"""The last window begins one too late."""


def window(items, start, size):
    return [items[start + i] for i in range(size)]


def smooth(items, size):
    out = []
    for start in range(len(items) - size + 2):
        part = window(items, start, size)
        out.append(sum(part) / size)
    return out


smooth([1, 2, 3, 4, 5], 2)
