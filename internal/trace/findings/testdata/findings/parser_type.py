"""The parser leaves a number with a blank before it as text."""


def field(text):
    return int(text) if text.isdigit() else text


def record(line):
    return [field(part) for part in line.split(",")]


def mean(numbers):
    total = 0
    for n in numbers:
        total = plus(total, n)
    return total / len(numbers)


def plus(total, n):
    return total + n


for line in ["1,2,3", "4,5", "6, 7,8"]:
    mean(record(line))
