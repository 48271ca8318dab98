"""The median sorts and empties its caller's list."""


def median(values):
    values.sort()
    while len(values) > 2:
        values.pop()
        del values[0]
    return sum(values) / len(values)


def deviation(values):
    middle = median(values)
    return spread(values, middle)


def spread(values, middle):
    far = [v for v in values if v > middle]
    return max(far) - middle


def report(series):
    return [deviation(values) for values in series]


report([[3, 9, 4], [7, 1, 5]])
