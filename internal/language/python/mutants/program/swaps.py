"""Which operators, functions and methods are exchanged for which."""

import ast

COMPARISONS = {
    ast.Lt: ("<=", ">", "=="),
    ast.LtE: ("<", ">=", "=="),
    ast.Gt: (">=", "<", "=="),
    ast.GtE: (">", "<=", "=="),
    ast.Eq: ("!=", "<=", ">="),
    ast.NotEq: ("==", "<", ">"),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
}

ARITHMETIC = {
    ast.Add: ("-",),
    ast.Sub: ("+",),
    ast.Mult: ("+", "//"),
    ast.Div: ("*", "//"),
    ast.FloorDiv: ("/", "%", "*"),
    ast.Mod: ("//", "*"),
    ast.Pow: ("*",),
    ast.LShift: (">>",),
    ast.RShift: ("<<",),
    ast.BitAnd: ("|",),
    ast.BitOr: ("&",),
    ast.BitXor: ("|",),
}

# How each is written: of comparisons as a regular expression.
SPELLING = {
    ast.Lt: "<(?!=)", ast.LtE: "<=", ast.Gt: ">(?!=)", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: r"\bin\b", ast.NotIn: r"\bnot\s+in\b", ast.Is: r"\bis\b", ast.IsNot: r"\bis\s+not\b",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
}

METHODS = {
    "upper": ("lower", "title"), "lower": ("upper",), "casefold": ("upper",), "title": ("lower",),
    "strip": ("lstrip", "rstrip"), "lstrip": ("rstrip",), "rstrip": ("lstrip",),
    "startswith": ("endswith",), "endswith": ("startswith",),
    "removeprefix": ("removesuffix",), "removesuffix": ("removeprefix",),
    "find": ("rfind",), "rfind": ("find",), "index": ("count",),
    "split": ("rsplit",), "rsplit": ("split",), "partition": ("rpartition",), "rpartition": ("partition",),
    "append": ("remove",), "add": ("discard",), "discard": ("add",), "remove": ("discard",),
    "keys": ("values",), "values": ("keys",), "union": ("intersection",), "intersection": ("union",),
    "floor": ("ceil",), "ceil": ("floor",), "copy": ("clear",), "isdigit": ("isalpha",), "isalpha": ("isdigit",),
    "match": ("search",), "search": ("match",), "fullmatch": ("match",),
}

FUNCTIONS = {
    "min": ("max",), "max": ("min",), "any": ("all",), "all": ("any",), "sum": ("max", "len"), "len": ("sum",),
    "int": ("float", "round"), "float": ("int",), "round": ("int",), "sorted": ("list",), "reversed": ("list",),
    "set": ("list",), "list": ("tuple",), "tuple": ("list",), "abs": ("int",), "ceil": ("floor",), "floor": ("ceil",),
}
