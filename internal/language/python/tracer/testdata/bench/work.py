"""Small programs whose calls are what is measured."""


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class Cart:
    def __init__(self, owner):
        self.owner, self.items = owner, []

    def add(self, item, price):
        self.items.append((item, price))
        return self

    def total(self):
        return sum(p for _, p in self.items)


def objects(n):
    total = 0
    for i in range(n):
        cart = Cart("c%d" % i)
        for k in range(3):
            cart.add({"name": "x", "k": k}, k)
        total += cart.total()
    return total


def skip(text, i):
    while i < len(text) and text[i] in " \n":
        i += 1
    return i


def parse(text, i):
    i = skip(text, i)
    if text[i] == "[":
        out, i = [], i + 1
        while text[i] != "]":
            value, i = parse(text, i)
            out.append(value)
            i = skip(text, i)
            if text[i] == ",":
                i += 1
        return out, i + 1
    return number(text, i)


def number(text, i):
    j = i
    while text[j].isdigit():
        j += 1
    return int(text[i:j]), j


def catches(n):
    caught = 0
    for i in range(n):
        try:
            fails(i)
        except ValueError:
            caught += 1
    return caught


def fails(i):
    raise ValueError(i)


PROGRAMS = {
    "calls": lambda: fib(20),
    "objects": lambda: objects(2000),
    "parser": lambda: parse("[" + ",".join("[%d, %d]" % (i, i) for i in range(1500)) + "]", 0),
    "exceptions": lambda: catches(3000),
}
