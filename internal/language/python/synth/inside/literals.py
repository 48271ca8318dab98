"""Reads the texts that error trackers record of values as Python source.

A text is a literal, a call of a known constructor, or a repr that names
something of the tree: a class, function or module, a member of an enumeration,
an instance whose repr is its constructor's call. Nothing else becomes source: a
recorded text comes from a stranger, and what it calls would run.
"""

import ast
import builtins
import re

import classes


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
    "set": "", "frozenset": "", "bytearray": "", "range": "", "slice": "", "bytes": "", "object": "",
    "defaultdict": "from collections import defaultdict", "PurePath": "from pathlib import PurePath",
    "PureWindowsPath": "from pathlib import PureWindowsPath", "WindowsPath": "from pathlib import PureWindowsPath as WindowsPath",
    "re.compile": "import re", "mappingproxy": "from types import MappingProxyType as mappingproxy",
    "namespace": "from types import SimpleNamespace as namespace", "Namespace": "from argparse import Namespace",
    "IPv4Address": "from ipaddress import IPv4Address", "IPv6Address": "from ipaddress import IPv6Address",
    "IPv4Network": "from ipaddress import IPv4Network", "IPv6Network": "from ipaddress import IPv6Network",
    "array": "from array import array", "dict_keys": "", "dict_values": "", "dict_items": "",
    "ParseResult": "from urllib.parse import ParseResult", "SplitResult": "from urllib.parse import SplitResult",
    "Timestamp": "from pandas import Timestamp", "Timedelta": "from pandas import Timedelta",
}
# A repr that is no call: what it is a list of.
VIEWS = {"dict_keys", "dict_values", "dict_items"}
MUTABLE = {"OrderedDict", "deque", "Counter", "set", "bytearray", "defaultdict", "namespace", "Namespace", "array"}
# Names of a repr that stand for themselves.
PLAIN = {"re.IGNORECASE", "re.MULTILINE", "re.DOTALL", "re.VERBOSE", "re.ASCII", "re.UNICODE", "re.LOCALE", "re.DEBUG"}
EXCEPTIONS = {n for n, v in vars(builtins).items() if isinstance(v, type) and issubclass(v, BaseException)}


ANGLE = re.compile(r"""(?P<text>[rbuRBU]{0,2}(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))|(?P<open><)""", re.S)
ADDRESS = re.compile(r"^(?P<name>[\w.]+(?:\.<locals>)?[\w.<>]*) (?:object )?at 0x[0-9a-fA-F]+$")
MEMBER = re.compile(r"^(?P<name>[A-Za-z_][\w.]*\.[\w|]+): .*$", re.S)


class Unreadable(ValueError):
    """Why a text is not a value."""


class Instance(ValueError):
    """The text names an instance of a class, and nothing of its state."""

    def __init__(self, found):
        super().__init__("an object of " + found.expression)
        self.found = found


def close(text, start):
    """The end of what begins with < at start, which may hold others and texts."""
    depth, i = 0, start
    while i < len(text):
        m = ANGLE.match(text, i)
        if m and m.group("text"):
            i = m.end()
            continue
        if text[i] == "<":
            depth += 1
        elif text[i] == ">" and text[i - 1] != "-":
            depth -= 1
            if not depth:
                return i + 1
        i += 1
    return -1


class Reader:
    """Reads the recorded texts of one request. mentionable are the names of the
    standard library, module:name or a module, that a text may mention: the code under
    test may call what it is given, so that os.system must not be."""

    def __init__(self, scope, mentionable):
        self.scope, self.mentionable = scope, set(mentionable)
        self.imports = set()
        self.mutable = False
        self.setup = []
        self.variables = 0

    def read(self, text):
        self.imports, self.mutable, self.setup = set(), False, []
        text, inside = self.angles(text.strip())
        tree = ast.parse(text, mode="eval")
        source = ast.unparse(ast.fix_missing_locations(ast.Expression(self.value(tree.body, inside))))
        return {"source": source, "imports": sorted(i for i in self.imports if i), "mutable": self.mutable, "setup": self.setup}

    def angles(self, text):
        """Puts names in the place of reprs in angle brackets: name -> expression."""
        made, inside, i = [], {}, 0
        while i < len(text):
            m = ANGLE.match(text, i)
            if m and m.group("text"):
                made.append(m.group())
                i = m.end()
            elif m:
                end = close(text, i)
                if end < 0:
                    raise Unreadable("not a literal: " + text[i:i + 60])
                name = "repaird_%d" % len(inside)
                inside[name] = self.bracketed(text[i + 1:end - 1])
                made.append(name)
                i = end
            else:
                made.append(text[i])
                i += 1
        return "".join(made), inside

    def bracketed(self, text):
        kind, _, rest = text.partition(" ")
        if kind in ("class", "enum", "type") and rest[:1] in "'\"" and rest[:1]:
            return self.reference(self.scope.qualified(rest.strip("'\"")), "class", rest.strip("'\""))
        if kind == "module" and rest[:1] == "'":
            name = rest[1:].partition("'")[0]
            if not re.match(r"^[A-Za-z_][\w.]*$", name) or not self.scope.file(name) and name not in self.mentionable:
                raise Unreadable("not a module of the tree: " + name[:60])
            self.imports.add("import " + name)
            return ast.parse(name, mode="eval").body
        if kind == "built-in" and rest.startswith("function "):
            return self.reference(None, "function", rest[9:])
        if kind == "function":
            name = rest.partition(" at 0x")[0]
            return self.reference(self.scope.find(name) if "<" not in name else None, "function", name)
        if text == "UTC":
            self.imports.add("import pytz")
            return ast.parse("pytz.UTC", mode="eval").body
        zone = re.match(r"^DstTzInfo '([\w/+-]+)' ", text)
        if zone:
            self.imports.add("import pytz")
            return ast.parse("pytz.timezone(%r)" % zone.group(1), mode="eval").body
        member = MEMBER.match(text)
        if member:
            return self.member(member.group("name"))
        address = ADDRESS.match(text)
        if address:
            name = address.group("name")
            found = self.scope.qualified(name) if "." in name else self.scope.find(name)
            if found is not None and found.kind in ("class", "external") and "<" not in name:
                if (found.module, found.name) == ("builtins", "object"):
                    return ast.parse("object()", mode="eval").body
                raise Instance(found)
        raise Unreadable("not a literal: " + text[:60])

    def reference(self, found, kind, name):
        """The expression of a class or function of the tree, or of one that may be
        mentioned, by its name."""
        if found is not None and found.kind == kind and all(part.isidentifier() for part in (found.module + "." + found.name).split(".")):
            self.imports.add(found.statement)
            return ast.parse(found.expression, mode="eval").body
        module, _, bare = name.rpartition(".")
        if (module or "builtins") + ":" + bare not in self.mentionable:
            raise Unreadable("not of the tree: " + name[:60])
        if module and module != "builtins":
            self.imports.add("from %s import %s" % (module, bare))
        return ast.Name(bare, ast.Load())

    def member(self, name):
        """Members of an enumeration: Mode.AUTO, or Flags.A|B."""
        cls, _, members = name.rpartition(".")
        found = self.scope.find(cls)
        if found is None and cls == "HTTPStatus":
            self.imports.add("from http import HTTPStatus")
            return ast.parse(name, mode="eval").body
        if found is None or found.kind != "class" or not classes.is_enum(self.scope, found):
            raise Unreadable("not a member of a known enumeration: " + name[:60])
        self.imports.add(found.statement)
        return ast.parse(" | ".join(found.expression + "." + m for m in members.split("|")), mode="eval").body

    def value(self, node, inside):
        """Checks an expression, and returns it as source for the test."""
        one = lambda n: self.value(n, inside)  # noqa: E731
        if isinstance(node, ast.Constant):
            if node.value is Ellipsis:
                raise Unreadable("the value was cut")
            return node
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            self.mutable = self.mutable or not isinstance(node, ast.Tuple)
            node.elts = [one(e) for e in node.elts]
            return node
        if isinstance(node, ast.Dict):
            self.mutable = True
            if None in node.keys:
                raise Unreadable("not a literal")
            node.keys, node.values = [one(k) for k in node.keys], [one(v) for v in node.values]
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            node.operand = self.number(node.operand)
            return node
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):  # a complex number
            left = node.left.operand if isinstance(node.left, ast.UnaryOp) else node.left
            self.number(left)
            self.number(node.right)
            return node
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):  # flags
            node.left, node.right = one(node.left), one(node.right)
            return node
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self.name(node, inside)
        if isinstance(node, ast.Call):
            return self.call(node, inside)
        raise Unreadable("not a literal: " + type(node).__name__)

    def number(self, node):
        if isinstance(node, ast.Name) and node.id in ("inf", "nan"):
            return infinite(node.id)
        if not isinstance(getattr(node, "value", None), (int, float, complex)):
            raise Unreadable("not a number")
        return node

    def name(self, node, inside):
        name = text_of(node)
        if name in inside:
            return inside[name]
        if name in ("inf", "nan"):
            return infinite(name)
        if name == "datetime.timezone.utc":
            self.imports.add("import datetime")
            return node
        if name in PLAIN:
            self.imports.add("import re")
            return node
        if "." in name and re.match(r"^[A-Za-z_][\w.]*$", name):  # how some enumerations show their members
            return self.member(name)
        raise Unreadable("not a literal: " + name[:60])

    def call(self, node, inside):
        name = text_of(node.func)
        if any(k.arg is None for k in node.keywords) or any(isinstance(a, ast.Starred) for a in node.args):
            raise Unreadable("not a literal")
        found = self.scope.find(name) if re.match(r"^[A-Za-z_][\w.]*$", name) else None
        own = found is not None and (found.kind in ("class", "value") or found.kind == "external" and name not in KNOWN)
        if not own and name not in KNOWN and name not in EXCEPTIONS:
            raise Unreadable("not a literal: call of " + name[:80])
        node.args = [self.value(a, inside) for a in node.args]
        for keyword in node.keywords:
            keyword.value = self.value(keyword.value, inside)
        if own:
            return self.construct(node, found)
        if name in KNOWN:
            self.imports.add(KNOWN[name])
            self.mutable = self.mutable or name in MUTABLE
        if name in VIEWS and len(node.args) == 1:
            return node.args[0]
        return node

    def construct(self, node, found):
        """An instance from a repr that is its constructor's call, or whose keywords
        are its attributes."""
        keywords = [k.arg for k in node.keywords]
        if found.kind == "value":
            if not (isinstance(found.node, ast.Call) and text_of(found.node.func).rpartition(".")[2] in ("namedtuple", "NamedTuple", "make_dataclass")):
                raise Unreadable("not a constructor: " + found.expression)
        elif found.kind == "external":
            raise Unreadable("an object of a library: " + found.expression)
        elif not classes.speaks(self.scope, found):
            raise Unreadable("not what objects of %s show" % found.expression)
        self.mutable = True
        self.imports.add(found.statement)
        node.func = ast.parse(found.expression, mode="eval").body
        if found.kind == "value" or classes.accepts(classes.constructor(self.scope, found), len(node.args), keywords):
            return node
        kept = classes.initial(self.scope, found)
        params = [kept.get(k, {}).get("param") for k in keywords]
        if not node.args and all(params) and classes.accepts(classes.constructor(self.scope, found), 0, params):
            for keyword, param in zip(node.keywords, params):
                keyword.arg = param
            return node
        if node.args or not keywords or not all(k.isidentifier() for k in keywords):
            raise Unreadable("%s is not made like this" % found.expression)
        return self.bare(found, {k.arg: ast.unparse(k.value) for k in node.keywords})

    def bare(self, found, attributes):
        """An instance without its constructor, with these attributes; as set-up."""
        self.variables += 1
        variable = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", found.name.rpartition(".")[2]).lower() + ("_%d" % self.variables if self.variables > 1 else "")
        self.setup.append("%s = %s.__new__(%s)" % (variable, found.expression, found.expression))
        for name, source in attributes.items():
            if classes.slotted(self.scope, found):
                self.setup.append("object.__setattr__(%s, %r, %s)" % (variable, name, source))
            else:
                self.setup.append("%s.%s = %s" % (variable, name, source))
        return ast.Name(variable, ast.Load())


def infinite(name):
    """inf and nan are what repr shows, not what Python reads."""
    return ast.Call(ast.Name("float", ast.Load()), [ast.Constant(name)], [])


def literal(text, reader):
    """A recorded text as source, or why it is none; of an instance also its class."""
    try:
        return reader.read(text)
    except Instance as e:
        found, scope = e.found, reader.scope
        known = found.kind == "class"
        return {"error": str(e), "object": {
            "module": found.module, "name": found.name, "import": found.statement, "inside": known,
            "params": classes.constructor(scope, found) if known else None,
            "initial": classes.initial(scope, found) if known else {},
            "guarded": known and classes.slotted(scope, found),
        }}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        return {"error": str(e)[:200]}
