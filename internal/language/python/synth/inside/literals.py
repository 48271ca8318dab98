"""Reads the texts that error trackers record of values as Python source."""

import ast


def text_of(node):
    return ast.unparse(node) if hasattr(ast, "unparse") else type(node).__name__


# Constructors whose repr is their call, with the import that they need.
KNOWN = {
    "Decimal": "from decimal import Decimal", "Fraction": "from fractions import Fraction",
    "UUID": "from uuid import UUID", "PosixPath": "from pathlib import PosixPath",
    "PurePosixPath": "from pathlib import PurePosixPath", "OrderedDict": "from collections import OrderedDict",
    "deque": "from collections import deque", "Counter": "from collections import Counter",
    "datetime.datetime": "import datetime", "datetime.date": "import datetime",
    "datetime.time": "import datetime", "datetime.timedelta": "import datetime",
    "datetime.timezone": "import datetime", "zoneinfo.ZoneInfo": "import zoneinfo",
    "set": "", "frozenset": "", "bytearray": "", "range": "", "slice": "",
}
MUTABLE = {"OrderedDict", "deque", "Counter", "set", "bytearray"}


class Literal(ast.NodeVisitor):
    """Checks that an expression is a value and nothing else."""

    def __init__(self):
        self.imports = set()
        self.mutable = False

    def generic_visit(self, node):
        raise ValueError("not a literal: " + type(node).__name__)

    def visit_Expression(self, node):
        self.visit(node.body)

    def visit_Constant(self, node):
        if node.value is Ellipsis:
            raise ValueError("the value was cut")

    visit_Num = visit_Str = visit_Bytes = visit_NameConstant = lambda self, node: None

    def visit_Tuple(self, node):
        for element in node.elts:
            self.visit(element)

    def visit_List(self, node):
        self.mutable = True
        self.visit_Tuple(node)

    visit_Set = visit_List

    def visit_Dict(self, node):
        self.mutable = True
        for part in node.keys + node.values:
            if part is None:
                raise ValueError("not a literal")
            self.visit(part)

    def visit_UnaryOp(self, node):
        if not isinstance(node.op, (ast.USub, ast.UAdd)):
            raise ValueError("not a literal")
        self.number(node.operand)

    def visit_BinOp(self, node):  # a complex number
        if not isinstance(node.op, (ast.Add, ast.Sub)):
            raise ValueError("not a literal")
        self.number(node.left.operand if isinstance(node.left, ast.UnaryOp) else node.left)
        self.number(node.right)

    def number(self, node):
        if isinstance(node, ast.Name) and node.id in ("inf", "nan"):
            return
        if not isinstance(getattr(node, "value", getattr(node, "n", None)), (int, float, complex)):
            raise ValueError("not a number")

    def visit_Name(self, node):
        if node.id not in ("inf", "nan"):
            raise ValueError("not a literal: " + node.id)

    def visit_Call(self, node):
        name = text_of(node.func)
        if name not in KNOWN:
            raise ValueError("not a literal: call of " + name[:80])
        self.imports.add(KNOWN[name])
        self.mutable = self.mutable or name in MUTABLE
        for argument in node.args:
            self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg is None:
                raise ValueError("not a literal")
            self.visit(keyword.value)

    def visit_Attribute(self, node):
        if text_of(node) != "datetime.timezone.utc":
            raise ValueError("not a literal")
        self.imports.add("import datetime")


class Floats(ast.NodeTransformer):
    """inf and nan are what repr shows, not what Python reads."""

    def visit_Name(self, node):
        if node.id in ("inf", "nan"):
            return ast.Call(ast.Name("float", ast.Load()), [ast.Constant(node.id)], [])
        return node


def literal(text):
    try:
        tree = ast.parse(text.strip(), mode="eval")
        check = Literal()
        check.visit(tree)
        source = text_of(ast.fix_missing_locations(Floats().visit(tree)).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        return {"error": str(e)[:200]}
    imports = sorted(i for i in check.imports if i)
    return {"source": source, "imports": imports, "mutable": check.mutable}
