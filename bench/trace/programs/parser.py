"""A recursive-descent parser of JSON in plain Python."""

ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


class Parser:
    def __init__(self, text):
        self.text, self.at = text, 0

    def peek(self):
        text, at = self.text, self.at
        while text[at] in " \n":
            at += 1
        self.at = at
        return text[at]

    def expect(self, char):
        if self.peek() != char:
            raise ValueError("%r expected at %d" % (char, self.at))
        self.at += 1

    def value(self):
        char = self.peek()
        if char == "{":
            return self.object()
        if char == "[":
            return self.array()
        if char == '"':
            return self.string()
        if char in "-0123456789":
            return self.number()
        return self.word()

    def object(self):
        out = {}
        self.expect("{")
        while self.peek() != "}":
            key = self.string()
            self.expect(":")
            out[key] = self.value()
            if self.peek() == ",":
                self.at += 1
        self.at += 1
        return out

    def array(self):
        out = []
        self.expect("[")
        while self.peek() != "]":
            out.append(self.value())
            if self.peek() == ",":
                self.at += 1
        self.at += 1
        return out

    def string(self):
        self.expect('"')
        text, start, parts = self.text, self.at, []
        while text[self.at] != '"':
            if text[self.at] == "\\":
                parts.append(text[start:self.at])
                parts.append(self.escape())
                start = self.at
            else:
                self.at += 1
        parts.append(text[start:self.at])
        self.at += 1
        return "".join(parts)

    def escape(self):
        self.at += 2
        return ESCAPES[self.text[self.at - 1]]

    def number(self):
        text, start = self.text, self.at
        while text[self.at] in "-+.eE0123456789":
            self.at += 1
        part = text[start:self.at]
        return int(part) if part.lstrip("-").isdigit() else float(part)

    def word(self):
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        raise ValueError("value expected at %d" % self.at)


RECORD = ('{"id": %d, "name": "user \\"%d\\"", "tags": ["a", "b", "c"], "active": true, '
          '"score": -1.5e3, "address": {"street": "Main", "zip": null}}')


def run(size):
    text = "[" + ", ".join([RECORD % (i, i) for i in range(int(1000 * size))]) + "] "
    return len(Parser(text).value())
