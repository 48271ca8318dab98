"""One call in a hundred is the project's, and the library raises and catches
exceptions all the time."""
import forgiving


def source(i):
    return {"a": {"b": {"c": i}}, "list": [1, 2, 3]}


def run(size):
    total = 0
    for i in range(int(400 * size)):
        total += forgiving.lookups(source(i), 9)
    return total
