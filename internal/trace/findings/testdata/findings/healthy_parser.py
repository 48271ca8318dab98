"""A parser of arithmetic: values of several types, None for no token, recursion that goes down."""


class Parser:
    def __init__(self, text):
        self.tokens, self.at = text.replace("(", " ( ").replace(")", " ) ").split(), 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def expression(self):
        left = self.term()
        while self.peek() in ("+", "-"):
            left = (self.take(), left, self.term())
        return left

    def term(self):
        left = self.atom()
        while self.peek() in ("*", "/"):
            left = (self.take(), left, self.atom())
        return left

    def atom(self):
        token = self.take()
        if token == "(":
            inner = self.expression()
            self.take()
            return inner
        return float(token) if "." in token else int(token)


def evaluate(tree):
    if not isinstance(tree, tuple):
        return tree
    op, left, right = tree
    a, b = evaluate(left), evaluate(right)
    return {"+": a + b, "-": a - b, "*": a * b}[op] if op != "/" else a / b


for text, want in [("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("2 * (3.5 - 1)", 5), ("((4))", 4), ("8 / (1 + 3)", 2)]:
    assert evaluate(Parser(text).expression()) == want
