"""One call in a hundred is the project's: a library parses a text and calls
the project back for what it found."""
import language


class Collector(language.Visitor):
    def __init__(self):
        self.names = []

    def on_call(self, name, arguments):
        self.names.append((name, len(arguments)))
        return name


def text_of(n):
    return "\n".join(["f%d(a + %d, c * (d + 4), e)" % (i % 50, i) for i in range(n)])


def run(size):
    collector = Collector()
    language.run(text_of(int(500 * size)), collector)
    return len(collector.names)
