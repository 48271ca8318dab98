"""Small calls: recursion whose function does next to nothing, the worst case
of every tracer."""


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def run(size):
    n = 24
    while size < 0.7:
        n, size = n - 1, size * 1.618
    return fib(n)
