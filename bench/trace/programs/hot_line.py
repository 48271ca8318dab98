"""A hot function with a breakpoint on a line that runs on each of its calls."""


def scale(value, factor):
    result = value * factor  # BREAKPOINT
    return result


def run(size):
    total = 0
    for i in range(int(240000 * size)):
        total += scale(i, 3)
    return total
