"""A small language, as third-party code: tokens, a parser, a visitor that
calls methods of its user."""
import re

TOKEN = re.compile(r"\s*(?:(\d+)|(\w+)|(.))")


class Token:
    __slots__ = ("kind", "text")

    def __init__(self, kind, text):
        self.kind, self.text = kind, text


def tokens(line):
    out = []
    for match in TOKEN.finditer(line):
        number, name, other = match.groups()
        if number:
            out.append(Token("number", number))
        elif name:
            out.append(Token("name", name))
        elif other.strip():
            out.append(Token(other, other))
    out.append(Token("end", ""))
    return out


class Parser:
    def __init__(self, line):
        self.tokens, self.at = tokens(line), 0

    def peek(self):
        return self.tokens[self.at].kind

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, kind):
        if self.peek() == kind:
            return self.take()
        return None

    def sum(self):
        left = self.product()
        while self.peek() in "+-":
            left = (self.take().kind, left, self.product())
        return left

    def product(self):
        left = self.atom()
        while self.peek() in "*/":
            left = (self.take().kind, left, self.atom())
        return left

    def atom(self):
        if self.accept("("):
            inner = self.sum()
            self.accept(")")
            return inner
        token = self.take()
        if self.accept("("):
            arguments = [self.sum()]
            while self.accept(","):
                arguments.append(self.sum())
            self.accept(")")
            return ("call", token.text, arguments)
        return (token.kind, token.text)


class Visitor:
    def visit(self, node):
        if node[0] == "call":
            for argument in node[2]:
                self.visit(argument)
            return self.on_call(node[1], node[2])
        if len(node) == 3:
            self.visit(node[1])
            self.visit(node[2])
        return self.leave(node)

    def leave(self, node):
        return node[0]

    def on_call(self, name, arguments):
        raise NotImplementedError


def run(text, visitor):
    for line in text.split("\n"):
        visitor.visit(Parser(line).sum())
