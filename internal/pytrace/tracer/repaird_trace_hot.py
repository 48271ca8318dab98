"""The hot path: records of calls and returns.

make(core) returns two functions with all that they need in their cells. They
are written for speed: numbers that come again (an id, a line) are kept as
text, a record is one f-string of few numbers, scalars are rendered in place,
and each record asks the clock once.
"""
from _json import encode_basestring_ascii as quote

_len, _id, _type, _str, _int, _repr, _list, _dict, _set = len, id, type, str, int, repr, list, dict, set
FULL = 32
_BIG = 0x7fffffffffffffff


class Entry(object):
    """One call that is under way: its number and the number's text, address of
    its frame, muts its arguments that it may change as they were at entry,
    light its detail, trouble what an exception has to do with it."""
    __slots__ = ("id", "sid", "fid", "info", "seg", "parent", "muts", "light", "trouble")

    @property
    def foreign(self):
        return self.trouble is not None and self.trouble.foreign

    @property
    def pend(self):
        return self.trouble.pend if self.trouble is not None else 0

    @property
    def line(self):
        return self.trouble.line if self.trouble is not None else 0


def line_at(info, at, frame):
    """The line of an instruction, as text."""
    if frame is not None:
        line = frame.f_lineno
    else:
        line = 0
        for start, end, number in info.code.co_lines():
            if start <= at < end:
                line = number
                break
    text = info.at[at] = "%d" % (line or 0)
    return text


def make(core):
    """enter(th, frame, info) records a call and puts it on the thread's stack;
    leave(th, e, frame, at, value) records its return at the instruction at.
    The back end has counted the call, asked for the bounds, and taken the
    entry off the stack; it passes no frame where nothing needs one."""
    write, next_call, clock, start = core.writer.write, core.next_call, core.clock, core.start
    writer, tasks, with_values = core.writer, core.tasks, core.values
    light, light_named, full_value = core.render.light, core.render.light_named, core.render.value
    full_args, shared_defaults, changed, ended = core.args, core.shared_defaults, core.changed, core.ended
    depths = ["%d" % i for i in range(min(core.max_depth, 10000) + 2)]

    def enter(th, frame, info):
        stack = th.stack
        e = Entry()
        i = e.id = next_call()
        sid = e.sid = "%d" % i
        e.fid, e.info, e.muts, e.trouble, e.seg = _id(frame), info, None, None, writer.seg
        depth = _len(stack)
        if depth:
            top = stack[-1]
            parent = top.sid
            e.parent = top.id
            back = frame.f_back
            if back is not None and _id(back) == top.fid:
                at = back.f_lasti
                line = top.info.at.get(at) or line_at(top.info, at, back)
            else:
                line = "0"
        else:
            parent = line = "0"
            e.parent = 0
        n = info.calls
        if n <= FULL or not n & (n - 1):
            e.light = False
            args = full_args(e, frame, info) if info.args and with_values else ""
        else:
            e.light = True
            args = light_args(th, e, frame, info) if info.heads and with_values else ""
        suffix = th.suffix
        if tasks:
            suffix += tasks[0]()
        t = (clock() - start) // 1000
        write(f'{{"k":"call","i":{sid},"p":{parent}{info.mid}{depths[depth]},"n":{n},"t":{t},"l":{line}{args}{suffix}}}\n')
        stack.append(e)
        return e

    def light_args(th, e, frame, info):
        values, text, kept = frame.f_locals, "", False
        for name, head, lead in info.heads:
            v = values[name]
            t = _type(v)
            if lead is None:
                text += head + light_named(name, v)
                kept = True
            elif t is _int and -_BIG < v < _BIG:
                text = f'{text}{lead}"{v}"]'
            elif v is None:
                text = f'{text}{lead}"None"]'
            elif t is _str and _len(v) < 16:  # too short for a secret
                text = f'{text}{lead}{quote(_repr(v))}]'
            else:
                kept = True
                text += head
                pair = light_named(name, v)
                text += pair
                if t is _list or t is _dict or t is _set:
                    if e.muts is None:
                        e.muts = []
                    e.muts.append((name, pair, _id(v)))
        if kept and info.pins:
            th.held.append((e.fid, values))
        if info.defaults:
            return text + "]" + shared_defaults(info, values)
        return text + "]"

    def leave(th, e, frame, at, value):
        info = e.info
        line = info.at.get(at) or line_at(info, at, frame)
        left = ""
        if e.trouble is not None or info.watch is True:
            left = ended(th, e, frame, at, value)
            if left is None:
                return
        if not with_values:
            write(f'{{"k":"ret","i":{e.sid}{info.ret}{(clock() - start) // 1000},"l":{line}{left}}}\n')
            return
        if e.light:
            if _type(value) is _int and -_BIG < value < _BIG:
                if e.muts is None:
                    write(f'{{"k":"ret","i":{e.sid}{info.ret}{(clock() - start) // 1000},"l":{line},"v":"{value}"{left}}}\n')
                    return
                text = f'"{value}"'
            else:
                text = light(value)
        else:
            text = full_value(value)
        if e.muts is not None:
            left = changed(e, frame) + left
        write(f'{{"k":"ret","i":{e.sid}{info.ret}{(clock() - start) // 1000},"l":{line},"v":{text}{left}}}\n')

    return enter, leave
