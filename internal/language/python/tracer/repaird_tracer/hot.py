"""The hot path: records of calls and returns.

make(core) returns two functions with all that they need in their cells. They
are written for speed: numbers that come again (an id, a line) are kept as
text, a record is one f-string of few numbers, scalars are rendered in place,
and each record asks the clock once.
"""
from _json import encode_basestring_ascii as quote

_len, _id, _type, _str, _int, _repr, _list, _dict, _set = len, id, type, str, int, repr, list, dict, set
# Calls of a function with their values in full: ENOUGH at least, FULL at most as
# long as they come to fewer than WORTH characters, and the powers of two. Once
# all functions come to RICH characters, the first call of a function is enough.
FULL, ENOUGH, WORTH, RICH = 32, 3, 2500, 1000000
# Light calls whose lists, dicts and sets are looked at again as they return.
WATCHED = 100
ENOUGH_TEXT = 3000  # characters of a record's variables after which the others are told lightly
_BIG = 0x7fffffffffffffff


class Entry(object):
    """One call that is under way: its number and the number's text, address of
    its frame, muts its arguments that it may change as they were at entry,
    light its detail, trouble what an exception has to do with it, place what
    the records of the calls that it makes have in common."""
    __slots__ = ("id", "sid", "fid", "info", "seg", "muts", "light", "trouble", "place")

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
    write, next_call, clock, start = core.writer.write, core.next_call, core.seconds, core.started
    writer, tasks, with_values, (brief, known_of) = core.writer, core.tasks, core.values, _brief(core.render)
    light_named, full_value = core.render.light_named, core.render.value
    switches = core.switches
    full_args, shared_defaults, changed, ended = core.args, core.shared_defaults, core.changed, core.ended
    enough, worth, all_spent = ENOUGH, WORTH, 0

    def spend(info, n):
        nonlocal enough, worth, all_spent
        info.spent += n
        all_spent += n
        if all_spent > RICH:
            enough = worth = 1

    def enter(th, frame, info):
        stack = th.stack
        e = Entry()
        i = e.id = next_call()
        sid = e.sid = f'{i}'
        e.fid, e.info, e.muts, e.trouble, e.place, e.seg = _id(frame), info, None, None, None, writer.seg
        back = frame.f_back
        if switches and (not stack or back is None or _id(back) != stack[-1].fid):
            switches[0](th)
        if stack:
            top = stack[-1]
            place = top.place
            if place is None:
                place = top.place = f'"p":{top.sid},"d":{_len(stack)},"n":'
            if back is not None and _id(back) == top.fid:
                at = back.f_lasti
                line = top.info.at.get(at) or line_at(top.info, at, back)
            else:
                line = "0"
        else:
            place, line = '"p":0,"d":0,"n":', "0"
        n = info.calls
        args = ""
        if n <= enough or n <= FULL and info.spent < worth or not n & (n - 1) and info.spent < 4 * worth:
            e.light = False
            if info.args and with_values:
                args = full_args(e, frame, info)
                spend(info, _len(args))
        else:
            e.light = True
            if with_values and info.heads:
                values, kept = frame.f_locals, False
                for name, head, lead in info.heads:
                    v = values[name]
                    t = _type(v)
                    if lead is None:
                        args += head + light_named(name, v)
                        kept = True
                    elif t is _int and -_BIG < v < _BIG:
                        args = f'{args}{lead}"{v}"]'
                    elif v is None:
                        args = f'{args}{lead}"None"]'
                    elif t is _str and _len(v) < 16:  # too short for a secret
                        args = f'{args}{lead}{quote(_repr(v))}]'
                    else:
                        kept = True
                        known = known_of(_id(v))
                        text = known[1] if known is not None and known[0]() is t else brief(v)
                        args = f'{args}{lead}{text}]'
                        if n < WATCHED and (t is _list or t is _dict or t is _set):
                            pair = (name, text, _id(v), True)
                            if e.muts is None:
                                e.muts = [pair]
                            else:
                                e.muts.append(pair)
                if kept:
                    t = v = None
                    if info.pins:
                        th.held.append((e.fid, values))
                args += "]"
                if info.defaults:
                    args += shared_defaults(info, values)
        tail = th.tail
        if tasks:
            tail = tasks[0]() + tail
        write(f'{info.call}{sid},{place}{n},"t":{_int((clock() - start) * 1e6)},"l":{line}{args}{tail}')
        stack.append(e)
        return e

    def leave(th, e, frame, at, value):
        info = e.info
        ret = info.rets.get(at)
        if ret is None:
            ret = info.rets[at] = f',"c":{info.id},"l":{info.at.get(at) or line_at(info, at, frame)},"t":'
        left = ""
        if e.trouble is not None or info.watch is True:
            left = ended(th, e, frame, at, value)
            if left is None:
                return
        if e.light:
            if e.muts is not None:
                left = changed(e, frame) + left
            if _type(value) is _int and -_BIG < value < _BIG and with_values:
                if not left:
                    write(f'{{"k":"ret","i":{e.sid}{ret}{_int((clock() - start) * 1e6)},"v":"{value}"}}\n')
                    return
                write(f'{{"k":"ret","i":{e.sid}{ret}{_int((clock() - start) * 1e6)},"v":"{value}"{left}}}\n')
                return
            text = brief(value) if value is not None else '"None"'
        elif with_values:
            text = full_value(value)
            if e.muts is not None:
                left = changed(e, frame) + left
            spend(info, _len(text) + _len(left))
        if not with_values:
            write(f'{{"k":"ret","i":{e.sid}{ret}{_int((clock() - start) * 1e6)}{left}}}\n')
            return
        write(f'{{"k":"ret","i":{e.sid}{ret}{_int((clock() - start) * 1e6)},"v":{text}{left}}}\n')

    return enter, leave


def _brief(render):
    """The renderer's light, which remembers the text of objects: it depends on
    an object's class and address alone, unless it is of a built-in type. And
    what it remembers of an address: pairs of a class and a text."""
    light, class_info, known = render.light, render.class_info, {}
    get, builtin = known.get, frozenset(map(id, (list, dict, set, tuple, frozenset, bytearray)) ) | frozenset(render.scalars)

    def brief(v):
        i, t = _id(v), _type(v)
        c = get(i)
        if c is not None and c[0]() is t:
            return c[1]
        text = light(v)
        if _id(t) not in builtin:
            if _len(known) > 50000:
                known.clear()
            known[i] = (class_info(t).ref, text)
        return text

    return brief, get
