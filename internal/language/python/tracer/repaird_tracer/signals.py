"""Exceptions that signal handlers raise while the tracer runs: they are the
program's, must reach it, and must not show that they came through here.
"""
import sys

_len, _type, _bytes, _getattr = len, type, bytes, getattr
_Exception, _RecursionError, _isinstance = Exception, RecursionError, isinstance
_FATAL_RECURSION = sys.version_info < (3, 10)
_CLEANS = sys.version_info >= (3, 11)
_get_context = BaseException.__dict__["__context__"].__get__
_set_context = BaseException.__dict__["__context__"].__set__
_get_traceback = BaseException.__dict__["__traceback__"].__get__
_set_traceback = BaseException.__dict__["__traceback__"].__set__


def foreign(error, own_files):
    """Says whether an exception in the tracer is the program's, such as one
    that a signal handler raised: it must reach the program."""
    if not _isinstance(error, _Exception):
        return True
    if _FATAL_RECURSION and _type(error) is _RecursionError:
        return True  # going on above the limit would be fatal there
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return tb is not None and tb.tb_frame.f_code.co_filename not in own_files


def shielded(f):
    """f, whose first try also covers what comes before it. From 3.11 on signal
    handlers run as a function begins, and what they raise would leave it."""
    code = f.__code__
    table = _getattr(code, "co_exceptiontable", b"")
    numbers, n = [], 0
    for b in table:
        n = n << 6 | b & 63
        if not b & 64:
            numbers.append(n)
            n = 0
    if _len(numbers) >= 4 and numbers[0] > 0:
        start, length, target, depth = numbers[:4]
        entry = _varint(0) + _varint(start) + _varint(target) + _varint(depth)
        f.__code__ = code.replace(co_exceptiontable=_bytes([entry[0] | 128]) + _bytes(entry[1:]) + table)
    return f


def _varint(n):
    """Six bits a byte, the most significant first, as in the table of exceptions."""
    out = [n & 63]
    while n > 63:
        n >>= 6
        out.insert(0, n & 63 | 64)
    return out


def cleaned(error, own_files, all_of_it=True):
    """Takes the tracer's frames off the way of an exception that a signal
    handler raised in it, for a program may print it, and what the tracer was
    handling off its context. Returns the program's innermost frame, or None:
    then the tracer's stay unless all of it is to go.
    Up to 3.10 a raise would put back the frames that it finds on the stack."""
    if not _CLEANS:
        return None
    tb, frame = _get_traceback(error), None
    while tb is not None and tb.tb_frame.f_code.co_filename in own_files:
        tb = tb.tb_next
    first = tb
    while tb is not None:
        frame, tb = tb.tb_frame, tb.tb_next
    if frame is None and not all_of_it:
        return None  # a handler in C, such as that of KeyboardInterrupt
    _set_traceback(error, first)
    context = _get_context(error)
    if context is not None:
        tb = _get_traceback(context)
        if tb is not None and tb.tb_frame.f_code.co_filename in own_files:
            _set_context(error, _get_context(context))
    return frame
