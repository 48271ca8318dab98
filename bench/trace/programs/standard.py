"""One call in a hundred is the project's: modules of the standard library that
are written in Python do the work, and some call the project back."""
import ast
import configparser
import difflib
import io
import textwrap
import tokenize

SOURCE = "\n".join(["def f%d(a, b=%d):\n    if a > b:\n        return [a * x for x in range(b)]\n    return {'a': a, 'b': (b, 1)}\n" % (i, i) for i in range(12)])
PROSE = " ".join(["the quick brown fox jumps over the lazy dog number %d" % i for i in range(40)])
SETTINGS = "\n".join(["[section%d]\nname = value %d\nother = %%(name)s again\n" % (i, i) for i in range(20)])


class Functions(ast.NodeVisitor):
    def __init__(self):
        self.names, self.tests = [], 0

    def visit_FunctionDef(self, node):
        self.names.append(node.name)
        self.generic_visit(node)

    def visit_If(self, node):
        self.tests += 1


def wrapped(width):
    return len(textwrap.wrap(PROSE, width))


def functions(source):
    found = Functions()
    found.visit(ast.parse(source))
    return len(found.names) + found.tests


def token_count(source):
    return len(list(tokenize.generate_tokens(io.StringIO(source).readline)))


def settings():
    parser = configparser.ConfigParser()
    parser.read_string(SETTINGS)
    return [setting(parser, name) for name in parser.sections()]


def setting(parser, section):
    return parser.get(section, "other")


def changes(a, b):
    return len(list(difflib.unified_diff(a.split(), b.split(), n=1)))


def run(size):
    total = 0
    for i in range(max(1, int(3 * size))):
        for width in range(30, 60, 6):
            total += wrapped(width)
        total += functions(SOURCE) + token_count(SOURCE) + len(settings())
        total += changes(PROSE, PROSE.replace("fox", "cat %d" % i))
    return total
