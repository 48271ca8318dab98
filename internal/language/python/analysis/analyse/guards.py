"""Find what a patch adds that lets a call survive a value instead of not making it.

For each function that the patch changes (and for those that call functions that
it adds), the constructs of base and head are compared. Reported are, when they
are new:

    exit        if COND, while COND or case PATTERN: return/continue/break/pass with nothing computed
    default     if COND: X = …, where COND asks about X
    wrap        statements that stood there before, now under a condition
    conjunct    an existing condition with "and"/"or" something
    ifexp       A if COND else B, one of them a constant or empty; the same said by arithmetic or an index: A * COND, (A, B)[COND]
    or-default  X or DEFAULT, X and X.y
    get-default X.get(k), getattr(X, n, d), next(X, d), default=…, where X[k], X.n, … stood
    clamp       min/max around an expression of the statement that failed
    filter      an "if" in a comprehension
    try         a handler, suppress() or leaving finally that catches the failure's exception
    refusal     a handler of it that raises another exception
    format      a handler of it that reads the same value in another way
    check       the raise or assert that failed is gone
    removed     the statement that failed is gone and nothing came for it
    constant    a constant stands where the statement that failed computed

Each has an origin, of the values that COND asks about: "input" when they come
from the function's parameters by expressions of the function alone, "callee"
when a function of the tree made them, "none" when there is no such value.
"documented" says that base's own text allows for the value: an annotation, a
default or a sentence of the docstring of the function (for a parameter) or of
every function of the tree that makes it, or that only library calls make it
whose documented answer for "nothing there" it is.
"""
import ast
import re
from collections import Counter

import flow
from origin import Origin, functions, judge
from repaird_syntax import SCOPES, bare, called, first_line, holds, own

EMPTY_CALLS = {"list", "dict", "set", "tuple", "str", "int", "float", "bool", "frozenset", "bytes", "object", "iter", "type"}

NARROWING = ("conjunct", "filter")  # a search or a choice may be made narrower
CLASS = re.compile(r"[A-Z]|(?:date|time|datetime|timedelta)$")


def dump(node):
    return ast.dump(node)


def names(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def trivial(node):
    """Whether an expression computes nothing: constants, names, their parts, empty containers."""
    if node is None or isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return True
    if isinstance(node, (ast.Attribute, ast.Starred)):
        return trivial(node.value)
    if isinstance(node, ast.Subscript):
        return trivial(node.value)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(trivial(e) for e in node.elts)
    if isinstance(node, ast.Dict):
        return all(trivial(e) for e in list(node.keys) + list(node.values))
    if isinstance(node, ast.UnaryOp):
        return trivial(node.operand)
    if isinstance(node, ast.BinOp):
        return trivial(node.left) and trivial(node.right)
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.Call):
        if made_of_nothing(node):
            return True
        return isinstance(node.func, ast.Name) and node.func.id in EMPTY_CALLS and all(trivial(a) for a in node.args)
    if type(node).__name__ in ("Num", "Str", "Bytes", "NameConstant", "Ellipsis"):
        return True
    return False


def made_of_nothing(call):
    """A new object that nothing went into but constants: list(), Decimal("0")."""
    if not isinstance(call.func, (ast.Name, ast.Attribute)) or call.keywords and not all(constant(k.value) for k in call.keywords):
        return False
    if isinstance(call.func, ast.Attribute) and not (call.args and CLASS.match(call.func.attr)):
        return False  # a method computes from its receiver
    return all(constant(a) for a in call.args)


def constant(node):
    """A constant, a signed number or an empty container."""
    if isinstance(node, ast.UnaryOp):
        return constant(node.operand)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return not node.elts
    if isinstance(node, ast.Dict):
        return not node.keys
    if isinstance(node, ast.Call):
        return made_of_nothing(node) and (bool(node.args) or getattr(node.func, "id", "") in EMPTY_CALLS)
    return isinstance(node, ast.Constant) or type(node).__name__ in ("Num", "Str", "Bytes", "NameConstant")


def emptiness(node):
    """What decides whether an iterable is empty: of a comprehension its sources and conditions."""
    if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp)):
        parts = [g.iter for g in node.generators] + [c for g in node.generators for c in g.ifs]
        return ast.Tuple(parts, ast.Load()) if len(parts) > 1 else parts[0]
    return node


class Finder:
    def __init__(self, base, head, base_func, head_func, crash_line, exceptions, tree):
        self.base, self.head, self.tree = base, head, tree
        self.old, self.new = base_func, head_func
        self.exceptions = exceptions
        self.crash_line = crash_line
        self.old_nodes = list(own(base_func)) if base_func is not None else []
        self.new_nodes = list(own(head_func))
        self.old_dumps = Counter(dump(n) for n in self.old_nodes)
        self.new_dumps = Counter(dump(n) for n in self.new_nodes)
        self.old_tests = Counter(dump(n.test) for n in self.old_nodes if isinstance(n, (ast.If, ast.While, ast.IfExp, ast.Assert)))
        self.new_tests = Counter(dump(n.test) for n in self.new_nodes if isinstance(n, (ast.If, ast.While, ast.IfExp, ast.Assert)))
        self.gone_tests = self.old_tests - self.new_tests
        self.found = []

    def report(self, kind, node, subject, what="", instead=None, handler=0):
        """instead: the expressions one of which stands in for what the guard keeps out."""
        if self.operand(node):
            instead = [node]  # it is computed with
        self.found.append({"kind": kind, "line": getattr(node, "lineno", 0), "subject": subject, "what": what, "node": node,
                           "constant": any(e is None or constant(e) for e in instead) if instead else kind not in NARROWING and subject is not None and nullity(subject),
                           "handler": handler, "effect": first_line(node.body[0]) if isinstance(getattr(node, "body", None), list) else 0})

    def operand(self, node):
        """Whether an expression is computed with, rather than given as it is."""
        return any(isinstance(n, (ast.BinOp, ast.UnaryOp, ast.Compare)) and node in ast.iter_child_nodes(n) for n in self.new_nodes)

    def new_test(self, test):
        return self.new_tests[dump(test)] > self.old_tests[dump(test)]

    def is_new(self, node):
        return self.new_dumps[dump(node)] > self.old_dumps[dump(node)]

    def run(self):
        for node in self.new_nodes:
            if isinstance(node, (ast.If, ast.While, ast.IfExp)) and self.new_test(node.test):
                self.test(node)
            elif isinstance(node, ast.BoolOp) and self.is_new(node):
                self.bool_value(node)
            elif isinstance(node, ast.Call) and self.is_new(node):
                self.call(node)
            elif isinstance(node, ast.comprehension):
                for cond in node.ifs:
                    if self.is_new(cond):
                        self.report("filter", cond, cond)
            elif isinstance(node, (ast.BinOp, ast.Subscript)) and self.is_new(node):
                self.arithmetic(node)
            elif type(node).__name__ == "Match":
                self.match(node)
            if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
                self.handlers(node)
        self.gone()
        return self.found

    def test(self, node):
        extra = self.conjunct(node.test)
        if extra is not None:
            self.report("conjunct", node, extra)
        elif isinstance(node, ast.IfExp):
            if self.was_statement(node):
                return
            kept = [self.old_dumps[dump(b)] > 0 for b in (node.body, node.orelse)]
            if constant(node.body) or constant(node.orelse) or (kept[0] and trivial(node.orelse)) or (kept[1] and trivial(node.body)):
                self.report("ifexp", node, node.test, instead=(node.body, node.orelse))
        elif isinstance(node, (ast.If, ast.While)) and not self.changed_condition(node):
            self.new_if(node)

    def conjunct(self, test):
        """The operands that joined a condition of base, or None."""
        if not isinstance(test, ast.BoolOp):
            return None
        parts = [dump(v) for v in test.values]
        for old in self.gone_tests:
            if old in parts:
                rest = [v for v in test.values if dump(v) != old]
                return ast.BoolOp(test.op, rest) if len(rest) > 1 else rest[0]
        for n in self.old_nodes:  # one more operand in a condition that had several
            if isinstance(n, ast.BoolOp) and type(n.op) is type(test.op):
                before = [dump(v) for v in n.values]
                rest = [v for v in test.values if dump(v) not in before]
                if rest and all(p in parts for p in before):
                    return ast.BoolOp(test.op, rest) if len(rest) > 1 else rest[0]
        return None

    def changed_condition(self, node):
        """Whether an if of base stands here with another condition of the same make:
        its body is the same, and the condition asks about the same names."""
        body = [dump(s) for s in node.body]
        for n in self.old_nodes:
            if isinstance(n, (ast.If, ast.While)) and [dump(s) for s in n.body] == body and self.gone_tests[dump(n.test)] and names(n.test) & names(node.test):
                return True
        return False

    def was_statement(self, node):
        return any(isinstance(n, ast.If) and dump(n.test) == dump(node.test) for n in self.old_nodes)

    def new_if(self, node):
        for body in (node.body, node.orelse):
            if any(self.old_dumps[dump(s)] for s in body if not isinstance(s, (ast.Pass, ast.Continue, ast.Break))):
                kind = "wrap"
                break
        else:
            kind = ""
        if self.leaves(node.body) or (node.orelse and self.leaves(node.orelse)):
            self.report("exit", node, node.test, self.answer(node), instead=self.results(node.body + node.orelse))
        elif kind and len(node.body) + len(node.orelse) > 0 and not self.computes(node):
            self.report("wrap", node, node.test)
        elif self.assigns_subject(node):
            self.report("default", node, node.test, instead=self.results(node.body))

    def results(self, body):
        """What statements return or assign; None for a return of nothing."""
        return [s.value for s in body if isinstance(s, (ast.Return, ast.Assign, ast.AnnAssign))]

    def match(self, node):
        """A new case that leaves, or that puts statements of base under a condition."""
        for case in node.cases:
            subject = node.subject if case.guard is None else ast.Tuple([node.subject, case.guard], ast.Load())
            if not self.is_new(case):
                continue
            if self.leaves(case.body):
                return self.report("exit", node, subject)
            if self.is_new(node.subject) and any(self.old_dumps[dump(s)] for s in case.body) and len(node.cases) == 1:
                return self.report("wrap", node, subject)

    def arithmetic(self, node):
        """A condition as a number: 0 where it does not hold, or the index of one of two answers."""
        if isinstance(node, ast.BinOp):
            for cond in (node.left, node.right):
                if truth(cond):
                    return self.report("ifexp", node, cond)
        elif isinstance(node.value, (ast.Tuple, ast.List, ast.Dict)) and truth(getattr(node.slice, "value", node.slice)):
            self.report("ifexp", node, node.slice)

    def leaves(self, body):
        last = body[-1]
        light = all(isinstance(s, (ast.Pass, ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)) for s in body[:-1])
        if isinstance(last, ast.Return):
            return light and trivial(last.value)
        if isinstance(last, (ast.Continue, ast.Break)):
            return light
        return len(body) == 1 and isinstance(last, ast.Pass)

    def answer(self, node):
        """What an exit gives back: "own" when that depends on something other than what was asked about."""
        last = node.body[-1]
        if isinstance(last, ast.Return) and last.value is not None and names(last.value) - names(node.test) - EMPTY_CALLS:
            return "own"
        return ""

    def computes(self, node):
        """Whether one branch holds new statements that are more than trivial."""
        for s in node.body + node.orelse:
            if self.old_dumps[dump(s)] or isinstance(s, (ast.Pass, ast.Continue, ast.Break)):
                continue
            value = getattr(s, "value", None)
            if not (isinstance(s, (ast.Assign, ast.AnnAssign, ast.Return, ast.Expr)) and trivial(value)):
                return True
        return False

    def assigns_subject(self, node):
        asked = names(node.test)
        for s in node.body:
            if isinstance(s, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                targets = s.targets if isinstance(s, ast.Assign) else [s.target]
                if any(names(t) & asked for t in targets):
                    return True
        return False

    def bool_value(self, node):
        """X or DEFAULT, X and X.y as a value."""
        if any(isinstance(n, (ast.If, ast.While, ast.IfExp, ast.Assert)) and n.test is node for n in self.new_nodes):
            return
        if isinstance(node.op, ast.Or) and (constant(node.values[-1]) or any(self.old_dumps[dump(v)] for v in node.values[:-1])):
            self.report("or-default", node, node.values[0], instead=node.values[-1:])
        elif isinstance(node.op, ast.And) and any(self.old_dumps[dump(v)] for v in node.values[1:]):
            self.report("or-default", node, node.values[0])

    def call(self, node):
        name = called(node)
        if name == "get" and isinstance(node.func, ast.Attribute) and node.args:
            for n in self.old_nodes:
                stood = isinstance(n, ast.Subscript) and dump(n.value) == dump(node.func.value)
                fewer = isinstance(n, ast.Call) and dump(n.func) == dump(node.func) and len(n.args) < len(node.args)
                if (stood or fewer) and not self.new_dumps[dump(n)]:
                    return self.report("get-default", node, node.func.value, instead=node.args[1:] or [None])
        if name == "getattr" and len(node.args) == 3:
            return self.report("get-default", node, node.args[0], instead=node.args[2:])
        if name == "next" and len(node.args) == 2:
            return self.report("get-default", node, emptiness(node.args[0]), instead=node.args[1:])
        if name == "pop" and len(node.args) == 2 and isinstance(node.func, ast.Attribute):
            return self.report("get-default", node, node.func.value, instead=node.args[1:])
        if any(k.arg == "default" for k in node.keywords) and name in ("min", "max", "next", "get"):
            return self.report("get-default", node, emptiness(node.args[0]) if node.args else node, instead=[k.value for k in node.keywords])
        if name in ("min", "max") and len(node.args) > 1 and self.on_crash_line(node.args):
            return self.report("clamp", node, node)
        if name == "suppress" and any(self.catches(a) for a in node.args):
            return self.report("try", node, None, instead=[None])

    def on_crash_line(self, args):
        for n in self.old_nodes:
            if isinstance(n, ast.stmt) and holds(n, self.crash_line) and not hasattr(n, "body"):
                inside = {dump(c) for c in ast.walk(n) if isinstance(c, ast.expr)}
                return any(dump(a) in inside for a in args if not constant(a))
        return False

    def catches(self, kind):
        name = getattr(kind, "id", getattr(kind, "attr", ""))
        return any(name in CAUGHT_BY.get(x, ()) or name in (x, "Exception", "BaseException") for x in self.exceptions)

    def handlers(self, node):
        """New handlers, or ones that catch more than they did."""
        for s in node.finalbody:  # leaving there drops the exception
            for n in ast.walk(s):
                if isinstance(n, (ast.Return, ast.Break, ast.Continue)) and self.is_new(s):
                    return self.report("try", n, None, instead=[None])
        before = Counter()
        for n in self.old_nodes:
            if isinstance(n, ast.ExceptHandler):
                before.update(kinds(n))
        for n in self.new_nodes:
            if isinstance(n, ast.ExceptHandler):
                before.subtract(kinds(n))
        for h in node.handlers:
            for kind in [h.type] if not isinstance(h.type, ast.Tuple) else h.type.elts:
                if before[dump(kind) if kind is not None else ""] < 0 and (kind is None or self.catches(kind)) and not self.narrowed(node, h):
                    tried = ast.Tuple([e for s in node.body for e in ast.iter_child_nodes(s) if isinstance(e, ast.expr)], ast.Load())
                    return self.report(self.purpose(node, h), h, tried, instead=self.results(h.body) or [None], handler=h.lineno)

    def narrowed(self, node, handler):
        """Whether base has the handler for more exceptions: less is caught now."""
        body = [dump(s) for s in node.body]
        for n in self.old_nodes:
            if isinstance(n, ast.Try) and [dump(s) for s in n.body] == body:
                for h in n.handlers:
                    wide = {""} if h.type is None else {getattr(k, "id", getattr(k, "attr", "")) for k in
                                                        (h.type.elts if isinstance(h.type, ast.Tuple) else [h.type])}
                    name = getattr(handler.type, "id", getattr(handler.type, "attr", ""))
                    if wide & ({"", "Exception", "BaseException"} | set(CAUGHT_BY.get(name, ()))):
                        return True
        return False

    def purpose(self, node, handler):
        """What a handler does with the exception: refuse the value by raising
        another, read it in another way, or swallow it."""
        inside = [n for s in handler.body for n in ast.walk(s)]
        if any(isinstance(n, (ast.Return, ast.Continue, ast.Break)) for n in inside) is False and isinstance(handler.body[-1], ast.Raise):
            return "refusal"
        tried = {n for s in node.body for n in names(s)} - {called(n) for s in node.body for n in ast.walk(s) if isinstance(n, ast.Call)}
        last = handler.body[-1]
        value = getattr(last, "value", None) if isinstance(last, (ast.Return, ast.Assign)) else None
        if value is not None and not trivial(value) and not constant(value):
            for n in ast.walk(value):
                if isinstance(n, ast.Call) and any(names(a) & tried for a in [n.func] + n.args):
                    return "format"
        return "try"

    def gone(self):
        """The check or the statement that failed is no longer there."""
        for n in self.old_nodes:
            if not isinstance(n, ast.stmt) or hasattr(n, "body"):
                continue
            if not holds(n, self.crash_line):
                continue
            if self.new_dumps[dump(n)] >= self.old_dumps[dump(n)]:
                continue
            if isinstance(n, (ast.Raise, ast.Assert)) and not self.similar(n):
                self.report("check", self.new, None)
            elif not any(self.new_dumps[d] > self.old_dumps[d] for d in self.new_dumps):
                self.report("removed", self.new, None)
            elif self.constant_for(n) is not None:
                self.report("constant", self.constant_for(n), None)

    def constant_for(self, node):
        """The new statement that gives a constant to what the failed one had computed, or None."""
        if constant(getattr(node, "value", None)) or getattr(node, "value", None) is None:
            return None
        for n in self.new_nodes:
            if type(n) is type(node) and self.is_new(n) and n.value is not None and constant(n.value) and targets(n) == targets(node):
                return n
        return None

    def similar(self, node):
        """A raise of the same exception that is new may stand for one that went."""
        want = names(node.exc) if isinstance(node, ast.Raise) and node.exc is not None else set()
        for n in self.new_nodes:
            if isinstance(n, type(node)) and self.is_new(n) and (isinstance(n, ast.Assert) or (n.exc is not None and names(n.exc) & want)):
                return True
        return False


def nullity(node):
    """Whether a condition asks if there is something at all: x, not x, x is None, len(x) > 0."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node = node.operand
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and constant(node.comparators[0]):
        node = node.left
    if isinstance(node, ast.Call) and called(node) in ("len", "bool") and node.args:
        node = node.args[0]
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))


def truth(node):
    """Whether an expression is a condition: it gives True or False."""
    if isinstance(node, ast.Compare):
        return True
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.Call) and called(node) in ("bool", "isinstance", "hasattr") and isinstance(node.func, ast.Name)


def targets(node):
    """What a statement gives its value to, as text."""
    if isinstance(node, (ast.Return, ast.Expr)):
        return ""
    return [dump(t) for t in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)])]


def kinds(handler):
    if handler.type is None:
        return [""]
    return [dump(k) for k in (handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type])]


def ancestors():
    table = {}
    todo = [(BaseException, ())]
    while todo:
        cls, above = todo.pop()
        table[cls.__name__] = above
        for sub in cls.__subclasses__():
            todo.append((sub, above + (cls.__name__,)))
    return table


CAUGHT_BY = ancestors()


def find(parsed, frames, exception, tree, outside=0, ways=(), raised=()):
    """frames: the stack of the failure on base with its callers, outermost first;
    outside: how many are the callers'; None for levels left out. ways: the stacks
    of calls that ran before it failed, of functions that are not on it."""
    stack = flow.Stack(frames, tree)
    out = []
    for base, head in parsed:
        old, new = functions(base.tree), functions(head.tree)
        added = {name: f for name, f in new.items() if name not in old}
        for name, func in new.items():
            before = old.get(name)

            def here(frame):
                return frame is not None and frame["path"] == head.path and frame["function"] in (name, bare(name))

            levels = [i for i, frame in enumerate(frames) if i >= outside and here(frame)]
            way = next((w for w in ways if here(w[-1])), None)
            if name == "<module>" and not levels:
                func, before = body(func), body(before)
            if not levels and before is not None and dump(before) == dump(func):
                continue
            if not levels and name not in old and called_by(name, new, old):
                continue  # what it does, its callers do
            exceptions = [exception] if levels else [exception] + list(raised)
            for g in of_function(base, head, name, before, func, levels, added, exceptions, stack, way):
                for key in ("levels", "input_at", "direct_at"):
                    g[key] = [i - outside for i in g[key]]
                out.append(g)
    return out


def body(module):
    """A module without its functions and classes."""
    return ast.Module([s for s in module.body if not isinstance(s, SCOPES)], [])


def called_by(name, new, old):
    return any(called(n) == bare(name) for other, f in new.items() if other != name and other in old for n in own(f) if isinstance(n, ast.Call))


def of_function(base, head, name, old, new, levels, added, exceptions, stack, way):
    tree = stack.tree
    found = []
    for line in sorted({stack.frames[i]["line"] for i in levels}) or [0]:
        for g in Finder(base, head, old, new, line, exceptions, tree).run():
            if not any(g["kind"] == h["kind"] and g["line"] == h["line"] for h in found):
                found.append(g)
    # What a new function of the patch does, its caller does.
    before = {called(n) for n in own(old) if isinstance(n, ast.Call)} if old is not None else set()
    for n in own(new):
        if not isinstance(n, ast.Call) or called(n) in before:
            continue
        for helper, func in added.items():
            if bare(helper) != called(n):
                continue
            args = ast.Tuple(list(n.args) + [k.value for k in n.keywords], ast.Load())
            for g in Finder(base, head, None, func, 0, exceptions, tree).run():
                within = judge(g, func, None, head, tree)
                if within[0] != "callee":  # then what it tests is what it was given
                    g["subject"], within = None if g["subject"] is None else args, None
                found.append(dict(g, what="", judged=within))
    origin = Origin(new, head, tree)
    for g in found:
        asks = g["subject"] is not None and not g.get("judged")
        g["direct"] = asks and flow.direct(g["subject"], origin)
        g["entered"] = asks and flow.entered(g["subject"], origin)
    return [entry(head, name, g, g.get("judged") or judge(g, new, old, head, tree), levels, recursive(new), stack, way) for g in found]


def recursive(func):
    name = getattr(func, "name", "")
    return any(isinstance(n, ast.Call) and called(n) == name for n in own(func))


def entry(src, function, g, judged, levels, calls_itself, stack, way):
    origin, documented, roots = judged
    from_input, direct, through = [], [], False
    if g["entered"]:
        from_input, direct, through = levels, levels, True
    elif origin == "input":
        from_input = [i for i in levels if roots and stack.from_input(i, roots)]
        direct = [i for i in from_input if g["direct"]]
        through = bool(way and roots and flow.Stack(way, stack.tree).from_input(len(way) - 1, roots))
    return {"path": src.path, "function": function, "line": g["line"], "kind": g["kind"], "origin": origin, "documented": documented,
            "roots": roots, "levels": levels, "input_at": from_input, "direct_at": direct, "constant": g["constant"], "handler": g["handler"], "effect": g["effect"],
            "on_way": bool(way), "input": through, "base_case": bool(calls_itself and g["kind"] == "exit" and g["what"] == "own")}
