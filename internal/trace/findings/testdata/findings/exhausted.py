"""A generator is read twice: the second reader gets nothing."""


def readings(lines):
    for line in lines:
        yield float(line)


def highest(values):
    return max(values, default=0)


def average(values):
    values = list(values)
    return sum(values) / len(values)


def summary(lines):
    values = readings(lines)
    return highest(values), average(values)


summary(["1.5", "2.5", "4"])
