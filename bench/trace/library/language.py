"""A small language, as third-party code: tokens with their places, a parser, a
visitor that calls methods of its user. Its calls do some work each, as those
of real libraries do."""
import re

TOKEN = re.compile(r"[ \t]*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[^\W\d]\w*)|(?P<sign>.))")


class Token:
    __slots__ = ("kind", "text", "line", "start", "end")

    def __init__(self, kind, text, line, start, end):
        self.kind, self.text, self.line, self.start, self.end = kind, text, line, start, end


class Node:
    def __init__(self, kind, text, children, first, last):
        self.kind, self.text, self.children = kind, text, children
        self.line = first.line
        self.span = (first.start, max([last.end, first.end]))


def tokens(text, line):
    out = []
    for match in TOKEN.finditer(text):
        kind, part = match.lastgroup, match.group(match.lastgroup)
        if kind == "sign":
            if not part.strip():
                continue
            kind = part
        out.append(Token(kind, part, line, match.start(), match.end()))
    out.append(Token("end", "", line, len(text), len(text)))
    return out


class Parser:
    def __init__(self, text, line):
        self.tokens, self.at, self.depth = tokens(text, line), 0, 0
        self.token = self.tokens[0]

    def take(self):
        token = self.token
        if token.kind == "(":
            self.depth += 1
        elif token.kind == ")":
            self.depth -= 1
            if self.depth < 0:
                raise SyntaxError("line %d, column %d: no bracket to close" % (token.line, token.start))
        self.at += 1
        if self.at < len(self.tokens):
            self.token = self.tokens[self.at]
        return token

    def operation(self, signs, inner):
        first = self.token
        left = inner()
        while self.token.kind in signs:
            sign = self.take()
            right = inner()
            left = Node("operation", sign.text, [left, right], first, self.tokens[self.at - 1])
        return left

    def sum(self):
        return self.operation("+-", self.product)

    def product(self):
        return self.operation("*/", self.atom)

    def atom(self):
        token = self.take()
        if token.kind == "(":
            inner = self.sum()
            self.take()
            return inner
        if self.token.kind != "(":
            return Node(token.kind, token.text, [], token, token)
        self.take()
        arguments = [self.sum()]
        while self.token.kind == ",":
            self.take()
            arguments.append(self.sum())
        return Node("call", token.text, arguments, token, self.take())


class Visitor:
    def visit(self, node):
        for child in node.children:
            self.visit(child)
        method = getattr(self, "on_" + node.kind, None)
        if method is not None:
            return method(node.text, len(node.children))
        return None


def run(text, visitor):
    for number, line in enumerate(text.split("\n"), 1):
        visitor.visit(Parser(line, number).sum())
