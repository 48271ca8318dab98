import ast
import sys

sys.path.insert(0, sys.argv[1])

import repaird_syntax as syntax

TREE = ast.parse('''
"""Doc."""
def f(a, /, b=1, *c, d, e=2, **g):
    x = a.b[0]
    for i in x:
        with i:
            y = 1
    def inner():
        return h.k(1)
    return inner

class A:
    @property
    def f(self):
        class B:
            def m(self):
                pass
        try:
            p, (q, *r) = self
        except ValueError:
            return 0
''')
FOUND = syntax.definitions(TREE)


def check(got, want):
    assert got == want, "got %r, want %r" % (got, want)


check([d.qualname for d in FOUND], ["f", "f.<locals>.inner", "A.f", "A.f.<locals>.B.m"])
check([(d.cls.name if d.cls else "", d.nested) for d in FOUND], [("", False), ("", True), ("A", False), ("B", True)])
check([(d.first, d.last) for d in FOUND], [(3, 10), (8, 9), (13, 21), (16, 17)])

check(syntax.innermost(FOUND, 9).qualname, "f.<locals>.inner")
check(syntax.innermost(FOUND, 9, "f").qualname, "f")
check(syntax.innermost(FOUND, 13, "A.f").qualname, "A.f")
check(syntax.innermost(FOUND, 17).qualname, "A.f.<locals>.B.m")
check(syntax.innermost(FOUND, 2), None)
check(syntax.innermost(FOUND, 4, "g"), None)

F = FOUND[0].node
check([a.arg for a in syntax.positional(F.args)], ["a", "b"])
check([a.arg for a in syntax.parameters(F.args)], ["a", "b", "d", "e", "c", "g"])
check([(a.arg, d.value) for a, d in syntax.defaults(F.args)], [("b", 1), ("e", 2)])
check([s.lineno for s in syntax.statements(F)], [4, 5, 6, 7, 8, 10])
check([s.lineno for s in syntax.statements(FOUND[2].node)], [15, 18, 19, 21])
check(syntax.root_name(F.body[0].value), "a")
check(syntax.root_name(F.body[-1].value), "inner")
check(syntax.root_name(ast.parse("f().x").body[0].value), None)
check(syntax.called(FOUND[1].node.body[0].value), "k")
check(list(syntax.bound_names(FOUND[2].node.body[1].body[0].targets[0])), ["p", "q", "r"])
check(syntax.docstring(TREE).lineno, 2)
check(syntax.docstring(F), None)

TABLE = syntax.parents(TREE)
check(syntax.enclosing_function(TABLE, F.body[1].body[0].body[0]).name, "f")
check(syntax.enclosing_function(TABLE, TREE.body[0]), None)
