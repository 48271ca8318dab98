"""Which variables of a frame must not be read."""
import sys

from opcode import opmap as _opmap

_len, _tuple, _range = len, tuple, range
# 3.13.0 to 3.13.2 crash when a variable is read that a closure shares, while a
# comprehension of the same function has a variable of the same name (gh-128396).
_CRASHES = (3, 13, 0) <= sys.version_info[:3] < (3, 13, 3)
_CLEAR, _EXTENDED = _opmap.get("LOAD_FAST_AND_CLEAR", -1), _opmap.get("EXTENDED_ARG", -1)


def unreadable(code):
    """The variables of a function that must not be read, on those versions."""
    if not _CRASHES or not (code.co_cellvars or code.co_freevars):
        return ()
    names = code.co_varnames + _tuple([n for n in code.co_cellvars if n not in code.co_varnames]) + code.co_freevars
    shared = code.co_cellvars + code.co_freevars
    ops, more, found = code.co_code, 0, []
    for i in _range(0, _len(ops) - 1, 2):
        n = more << 8 | ops[i + 1]
        more = n if ops[i] == _EXTENDED else 0
        if ops[i] == _CLEAR and n < _len(names) and names[n] in shared:
            found.append(names[n])
    return found
