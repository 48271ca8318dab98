"""One call in a hundred is the project's: modules of the standard library that
are written in Python do the work, and some call the project back."""
import ast
import configparser
import difflib
import io
import textwrap
import tokenize


def source_text(n):
    return "\n".join(["def f%d(a, b=%d):\n    if a > b:\n        return [a * x for x in range(b)]\n    return {'a': a, 'b': (b, 1)}\n" % (i, i) for i in range(n)])


def prose_text(n):
    return " ".join(["the quick brown fox jumps over the lazy dog number %d" % i for i in range(n)])


def settings_text(n):
    return "\n".join(["[section%d]\nname = value %d\nother = %%(name)s again\n" % (i, i) for i in range(n)])


class Functions(ast.NodeVisitor):
    def __init__(self):
        self.names = []

    def visit_FunctionDef(self, node):
        self.names.append(node.name)
        self.generic_visit(node)


def wrapped(prose, width):
    return len(textwrap.wrap(prose, width))


def functions(source):
    found = Functions()
    found.visit(ast.parse(source))
    return len(found.names)


def token_count(source):
    return len(list(tokenize.generate_tokens(io.StringIO(source).readline)))


def settings(text):
    parser = configparser.ConfigParser()
    parser.read_string(text)
    return [setting(parser, name) for name in parser.sections()]


def setting(parser, section):
    return parser.get(section, "other")


def changes(a, b):
    return len(list(difflib.unified_diff(a.split(), b.split(), n=1)))


def run(size):
    """A small size has smaller texts."""
    passes, part = max(1, int(3 * size)), min(1.0, 3 * size)
    source, prose, text = source_text(max(1, int(12 * part))), prose_text(max(2, int(40 * part))), settings_text(max(1, int(20 * part)))
    total = 0
    for i in range(passes):
        for width in range(30, 60, 6):
            total += wrapped(prose, width)
        total += functions(source) + token_count(source) + len(settings(text))
        total += changes(prose, prose.replace("fox", "cat %d" % i))
    return total
