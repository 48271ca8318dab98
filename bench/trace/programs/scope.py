"""One call in a hundred is the project's: a library parses a text and calls
the project back for what it found."""
import language


class Collector(language.Visitor):
    def __init__(self):
        self.names, self.most = {}, 0

    def on_call(self, name, arguments):
        self.names[name] = self.names.get(name, 0) + arguments
        self.most = max(self.most, arguments)
        return name


def text_of(n):
    return "\n".join(["f%d(a + %d, c * (d + 4), e / 2.5 - (g + 1))" % (i % 50, i) for i in range(n)])


def run(size):
    collector = Collector()
    language.run(text_of(int(500 * size)), collector)
    return len(collector.names)
