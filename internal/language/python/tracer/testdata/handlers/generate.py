"""Writes the corpus of programs with handlers that the compiler makes.

    python generate.py DIRECTORY

A program is a construct, or one within another, in a function of some kind,
with a fate for the exceptions that come up in it. Its file's name says what it
is, its first line which Python 3 it needs at least.
"""
import itertools
import os
import sys

# Statements with a place for others, BODY, that let exceptions through. The
# first word is the least minor version. Others restrict the kinds of functions:
# async to those that can await, sync to the others, def to what is a function;
# await and a version is the least one for those that can await.
AROUND = {
    "plain": "6|BODY",
    "for": "6|for i in (1,):\n    BODY",
    "while": "6|while True:\n    BODY\n    break",
    "with": "6|with Manager():\n    BODY",
    "with_as": "6|with Manager() as m:\n    BODY",
    "with_two": "6|with Manager(), Manager():\n    BODY",
    "with_lines": "10|with (\n    Manager(),\n    Manager() as m,\n):\n    BODY",
    "with_mine": "6|with Mine():\n    BODY",
    "with_generated": "6|with generated():\n    BODY",
    "with_generated_finally": "6|with generated_finally():\n    BODY",
    "finally": "6|try:\n    BODY\nfinally:\n    step()",
    "finally_handles": "6|try:\n    BODY\nfinally:\n    try:\n        fail()\n    except Other:  # here fh\n        took(LINE_fh)",
    "finally_handles_more": "6|try:\n    BODY\nfinally:\n    try:\n        fail()\n    except Other:  # here fm\n        took(LINE_fm)\n    step()",
    "finally_handles_outer": "6|try:\n    BODY\nfinally:\n    try:\n        try:\n            fail()\n        except Other:\n            fail()\n    except Other:  # here fo\n        took(LINE_fo)\n    step()",
    "finally_loops": "6|try:\n    BODY\nfinally:\n    for i in range(3):\n        if i == 1:\n            continue\n        step()",
    "finally_returns_not": "6|for q in (1,):\n    try:\n        BODY\n    finally:\n        if q > 1:\n            break",
    "except_other": "6|try:\n    BODY\nexcept KeyError:\n    step()",
    "except_other_as": "6|try:\n    BODY\nexcept KeyError as k:\n    step()\nexcept (IndexError,\n        OSError) as k:\n    step()",
    "except_else_finally": "6|try:\n    BODY\nexcept KeyError as k:\n    step()\nelse:\n    step()\nfinally:\n    step()",
    "except_raises": "6|try:\n    BODY\nexcept ANY:\n    step()\n    raise",
    "except_raises_as": "6|try:\n    BODY\nexcept ANY as r:\n    step()\n    raise r",
    "except_handles_outer": "6|try:\n    BODY\nexcept ANY:\n    try:\n        try:\n            fail()\n        finally:\n            fail()\n    except Other:  # here eo\n        took(LINE_eo)\n    step()\n    raise",
    "in_handler": "6|try:\n    fail()\nexcept Other:  # here ih\n    BODY\n    took(LINE_ih)",
    "in_handler_as": "6|try:\n    fail()\nexcept Other as o:  # here ia\n    BODY\n    took(LINE_ia)",
    "in_else": "6|try:\n    step()\nexcept KeyError:\n    step()\nelse:\n    BODY",
    "star_other": "11|try:\n    BODY\nexcept* KeyError as k:\n    step()",
    "star_two": "11|try:\n    BODY\nexcept* KeyError:\n    step()\nexcept* OSError as k:\n    step()\nfinally:\n    step()",
    "match": "10|match 1:\n    case 1:\n        BODY",
    "match_guard": "10|match {'a': [1, 2]}:\n    case {'a': [x, *rest]} if x:\n        BODY",
    "async_with": "6 async|async with AsyncManager():\n    BODY",
    "async_with_as": "6 async|async with AsyncManager() as m, AsyncManager():\n    BODY",
    "async_with_generated": "7 async|async with async_generated():\n    BODY",
    "async_for": "6 async|async for n in Numbers(1):\n    BODY",
    "async_for_else": "6 async|async for n in Numbers(1):\n    BODY\nelse:\n    step()",
}
# The same, but these take the exception.
TAKING = {
    "except": "6|try:\n    BODY\nexcept ANY:  # here t\n    took(LINE_t)",
    "except_as": "6|try:\n    BODY\nexcept ANY as e:  # here t\n    took(LINE_t)",
    "except_bare": "6|try:\n    BODY\nexcept KeyError:\n    step()\nexcept:  # here t\n    took(LINE_t)",
    "except_second": "6|try:\n    BODY\nexcept (KeyError,\n        OSError):\n    step()\nexcept (\n    IndexError,\n    ANY,\n) as e:\n    took(LINE_t)\n# above t",
    "except_outer": "6|try:\n    try:\n        BODY\n    except KeyError:\n        step()\n    finally:\n        step()\nexcept ANY:  # here t\n    took(LINE_t)",
    "except_one_line": "6|try: BODY1\nexcept ANY: took(LINE_t)  # here t",
    "except_handles": "6|try:\n    BODY\nexcept ANY:  # here t\n    try:\n        fail()\n    except Other:  # here u\n        took(LINE_u)\n    took(LINE_t)",
    "except_handles_last": "6|try:\n    BODY\nexcept ANY:  # here t\n    took(LINE_t)\n    try:\n        fail()\n    except Other as o:  # here u\n        took(LINE_u)",
    "except_long": "6|try:\n    BODY\nexcept ANY:  # here t\n    for i in range(20):\n        step()\n    else:\n        with Manager():\n            step()\n    took(LINE_t)",
    "suppress": "6|with Manager(ANY, LINE_t):  # here t\n    BODY",
    "suppress_outer": "6|with Manager(ANY, LINE_t):  # here t\n    with Manager():\n        BODY",
    "suppress_inner": "6|with Manager():\n    with Manager(ANY, LINE_t):  # here t\n        BODY",
    "suppress_then": "6|with Manager(ANY, LINE_t):  # here t\n    for i in (1,):\n        with Manager():\n            BODY\n    step()\nwith Manager():\n    step()",
    "suppress_lines": "10|with (  # here t\n    Manager(),\n    Manager(ANY, LINE_t) as m,\n):\n    BODY",
    "finally_breaks": "6|for i in (1,):\n    try:\n        BODY\n    finally:\n        took(LINE_t)  # here t\n        break",
    "finally_returns": "6 def|try:\n    BODY\nfinally:\n    took(LINE_t)  # here t\n    return",
    "finally_continues": "8|for i in (1,):\n    try:\n        BODY\n    finally:\n        took(LINE_t)  # here t\n        continue",
    "star": "11|try:\n    BODY\nexcept* ANY:  # here t\n    took(LINE_t)",
    "star_second": "11|try:\n    BODY\nexcept* KeyError:\n    step()\nexcept* ANY as e:  # here t\n    took(LINE_t)",
    "async_suppress": "6 async|async with AsyncManager(ANY, LINE_t):  # here t\n    BODY",
    "async_suppress_outer": "6 async|async with AsyncManager(ANY, LINE_t):  # here t\n    async with AsyncManager():\n        BODY",
}
# Statements in which ACT, an expression, raises.
LEAVES = {
    "listcomp": "6|y = [ACT for x in (1, 2)]",
    "listcomp_if": "6|x = 1\ny = [x for x in (1, 2) if ACT]",
    "listcomp_lines": "6|y = [\n    ACT\n    for x in (1, 2)\n    if x\n]",
    "listcomp_iterable": "6|y = [x for x in ACT]",
    "listcomp_nested": "6 await11|y = [[ACT for z in (x,)] for x in (1, 2)]",
    "listcomp_two": "6|y = [ACT for x in (1,) for z in (2,)]",
    "listcomp_closure": "6|x = 0\ny = [(lambda: x, ACT) for x in (1, 2)]",
    "setcomp": "6|y = {ACT for x in (1, 2)}",
    "dictcomp": "6|y = {x: ACT for x in (1, 2)}",
    "genexpr": "6 sync|y = list(ACT for x in (1, 2))",
    "comp_inner": "6|y = [1 // (x - 1) for x in (2, 1)]",
    "comp_in_genexpr": "6 sync|y = list([ACT for z in (x,)] for x in (1, 2))",
    "lambda": "6 sync|y = (lambda: [call('<lambda>'), [act() for x in (1,)]])()",
    "class": "6 sync|class Body:\n    y = [act() for x in (1,)]",
    "class_generic": "12 sync|class Body[T]:\n    y = [act() for x in (1,)]",
    "class_with": "6 sync|class Body:\n    with Manager():\n        y = act()",
    "walrus": "8 def|y = [(w := x) for x in (1,) if ACT]",
    "fstring": "6 await7|y = f'{ACT}'",
    "assert": "6|assert ACT",
    "raise": "6|raise Boom(label())",
    "raise_from": "6|raise Boom(label()) from ValueError()",
    "raise_kept": "6|kept = None\ntry:\n    ACT\nexcept ANY as k:  # here rk\n    kept = k\n    took(LINE_rk)\nif kept:\n    step()\n    raise kept",
    "raise_group": "11|raise ExceptionGroup('g', [Boom(label()), KeyError()])",
    "star_part": "11|try:\n    raise ExceptionGroup('g', [Boom(label()), KeyError()])\nexcept* KeyError:\n    step()",
    "star_raises": "11|try:\n    ACT\nexcept* ANY as e:\n    step()\n    raise Other(label())",
    "stop_iteration": "7 sync|for v in stops():\n    step()",
    "match_property": "10 sync|match Point():\n    case Point(x=1):\n        step()",
    "delegates": "6 sync|for v in delegate():\n    step()",
    "generator_finally": "6 sync|for v in cleans():\n    step()",
    "decorated": "6 sync|y = wrapped()",
    "asynccomp": "6 async|y = [ACT async for x in Numbers()]",
    "asynccomp_if": "6 async|y = {x async for x in Numbers() if ACT}",
    "asynccomp_iterator": "6 async|y = [x async for x in broken()]",
    "async_for_iterator": "6 async|async for x in broken():\n    step()",
    "async_for_next": "6 async|async for x in Broken():\n    step()",
    "async_with_enter": "6 async|async with BrokenManager('enter'):\n    step()",
    "async_with_exit": "6 async|async with BrokenManager('exit'):\n    step()",
    "async_with_raises": "6 async|async with BrokenManager('exit'):\n    raise KeyError('first')",
    "gather": "6 async|await asyncio.gather(tick(), act())",
    "task": "6 async|await start(act())",
    "shielded": "6 async|await asyncio.shield(act())",
    "wait_for": "6 async|await asyncio.wait_for(act(), 60)",
}
HELPERS = {
    "fail": "def fail():\n    call('fail')\n    raise Other(label())",
    "Mine": "class Mine(object):\n    def __enter__(self):\n        call('__enter__')\n    def __exit__(self, *details):\n        call('__exit__')\n        step()",
    "stops": "def stops():\n    call('stops')\n    yield 1\n    next(iter(()))",
    "generated": "@contextlib.contextmanager\ndef generated():\n    call('generated')\n    yield",
    "generated_finally": "@contextlib.contextmanager\ndef generated_finally():\n    call('generated_finally')\n    try:\n        yield\n    finally:\n        step()",
    "async_generated": "@contextlib.asynccontextmanager\nasync def async_generated():\n    call('async_generated')\n    try:\n        yield\n    except KeyError:\n        step()",
    "Point": "class Point(object):\n    @property\n    def x(self):\n        call('x')\n        return act()",
    "delegate": "def inner():\n    call('inner')\n    yield 1\n    act()\ndef delegate():\n    call('delegate')\n    try:\n        yield from inner()\n    finally:\n        step()",
    "cleans": "def cleans():\n    call('cleans')\n    with Manager():\n        try:\n            yield [act() for x in (1,)]\n        finally:\n            step()",
    "wrapped": "def decorator(f):\n    call('decorator')\n    def inner():\n        call('inner')\n        with Manager():\n            return f()\n    return inner\n@decorator\ndef wrapped():\n    call('wrapped')\n    return {act() for x in (1,)}",
    "broken": "async def broken():\n    call('broken')\n    yield 1\n    await act()",
    "Broken": "class Broken(object):\n    def __aiter__(self):\n        call('__aiter__')\n        return self\n    async def __anext__(self):\n        call('__anext__')\n        return await act()",
    "BrokenManager": "class BrokenManager(object):\n    def __init__(self, at):\n        call('__init__')\n        self.at = at\n    async def __aenter__(self):\n        call('__aenter__')\n        if self.at == 'enter':\n            await act()\n    async def __aexit__(self, *details):\n        call('__aexit__')\n        await act()",
}
# Pairs that are known limits of the tracer, and never left out.
KEPT = [(name, "in_handler") for name in ("gather", "task", "shielded", "wait_for")] + [
    ("finally_returns", outer) for outer in ("except_handles", "finally", "in_else", "suppress_outer", "with_mine")]
# What becomes of an exception that leaves the construct, in the same function.
FATES = {
    "leaves": "BODY",
    "handled": "try:\n    BODY\nexcept ANY:  # here o\n    took(LINE_o)\nstep()",
    "handled_as": "try:\n    BODY\nexcept KeyError:\n    step()\nexcept (Boom, ANY) as e:  # here o\n    took(LINE_o)",
    "looped": "for n in range(3):\n    try:\n        BODY\n    except ANY:  # here o\n        took(LINE_o)",
    "reraised": "try:\n    BODY\nexcept ANY:\n    step()\n    raise",
    "reraised_as": "try:\n    BODY\nexcept ANY as e:\n    step()\n    raise e",
    "chained": "try:\n    BODY\nexcept ANY as e:\n    raise Other(label()) from e",
    "chained_handled": "try:\n    try:\n        BODY\n    except ANY as e:\n        raise Other(label()) from e\nexcept Other:  # here c\n    took(LINE_c)",
    "inside": "BODY",  # the expression handles what it raises
    "cancelled": "BODY",
    "cancelled_handled": "try:\n    BODY\nexcept ANY:  # here o\n    took(LINE_o)",
}
HEAD = """\
# 3.%d
import asyncio
import contextlib
from tally import AsyncManager, Boom, Manager, Numbers, Other, call, forever, label, run, start, tick, took
call('<module>')
"""


def read(text):
    need, body = text.split("|", 1)
    words = need.split()
    return int(words[0]), words[1:], body


def place(frame, body):
    """Puts statements in the place of BODY, at its indentation."""
    out = []
    for line in frame.split("\n"):
        if line.strip() == "BODY":
            indent = line[:line.index("BODY")]
            out.extend(indent + b for b in body.split("\n"))
        else:
            out.append(line)
    return "\n".join(out)


def distinct(text, suffix):
    """The marks of a frame, told apart from those of another one."""
    for mark in ("fh", "fm", "fo", "eo", "ih", "ia", "t", "u"):
        text = text.replace("LINE_%s)" % mark, "LINE_%s%s)" % (mark, suffix)).replace("here %s" % mark, "here %s%s" % (mark, suffix))
        text = text.replace("above %s" % mark, "above %s%s" % (mark, suffix))
    return text


def numbered(text):
    """Puts lines in the place of their marks. above marks the header before it
    that spans several lines."""
    lines = text.split("\n")
    places = {}
    for i, line in enumerate(lines):
        if "# here " in line:
            places[line.split("# here ")[1].strip()] = i + 1
        if "# above " in line:
            at, depth = i, line.index("#")
            while not lines[at].startswith(" " * depth + "except (") or lines[at].rstrip().endswith(","):
                at -= 1
            places[line.split("# above ")[1].strip()] = at + 1
    for mark in sorted(places, key=len, reverse=True):
        text = text.replace("LINE_%s)" % mark, "%d)" % places[mark])
    return text


def indented(text, by="    "):
    return "\n".join(by + line if line else line for line in text.split("\n"))


def program(least, kind, fate, body):
    """A whole program, around the statements of a construct."""
    cancelled = fate.startswith("cancelled")
    anything = "asyncio.CancelledError" if cancelled else "Exception"
    body = place(FATES[fate], body)
    waits = kind in ("coroutine", "async_generator")
    if cancelled:
        act = "await forever()"
    elif fate == "inside":
        act = "await safe()" if waits else "safe()"
    else:
        act = "await act()" if waits else "act()"
    body = body.replace("BODY1", act).replace("ACT", act).replace("ANY", anything)
    define = "async def" if waits else "def"
    parts = [HEAD % least]
    parts.append("%s act():\n    call('act')\n%s    raise Boom(label())" % (define, "    await tick()\n" if waits else ""))
    parts.append("def step():\n    call('step')")
    if fate == "inside":
        parts.append("%s safe():\n    call('safe')\n    try:\n        return %s\n    except Boom:  # here s\n        took(LINE_s)" % (
            define, "await act()" if waits else "act()"))
    for name in HELPERS:
        if name + "(" in body:
            parts.append(HELPERS[name])
    host = body if kind == "class" else "call('host')\n" + body
    if kind in ("generator", "async_generator"):
        host = "call('host')\nyield 0\n" + body + "\nyield 1"
    if kind == "class":
        host = "class host(object):\n" + indented(host)
    elif kind != "module":
        host = "%s host():\n%s" % (define, indented(host))
    enter = {"function": "host()", "generator": "for i in host():\n    step()", "coroutine": "await host()",
             "async_generator": "async for i in host():\n    step()", "class": host, "module": body}[kind]
    if kind not in ("class", "module"):
        parts.append(host)
    if cancelled:
        if kind == "async_generator":
            parts.append("async def drain():\n    call('drain')\n" + indented(enter))
        enter = "task = start(%s())\nfor i in range(9):\n    await tick()\ntask.cancel()\nawait task" % ("drain" if kind == "async_generator" else "host")
    caught = "try:\n%s\nexcept %s:  # here m\n    took(LINE_m)" % (indented(enter), "(Exception, asyncio.CancelledError)" if cancelled else "Exception")
    if kind == "module":
        parts.append(caught)
    elif waits:
        parts.append("async def main():\n    call('main')\n" + indented(caught) + "\n    step()\nrun(main())")
    else:
        parts.append("def main():\n    call('main')\n" + indented(caught) + "\n    step()\nmain()")
    return numbered("\n".join(parts) + "\n")


def corpus():
    """(name, source) of each program."""
    around = {k: read(v) for k, v in AROUND.items()}
    taking = {k: read(v) for k, v in TAKING.items()}
    leaves = {k: read(v) for k, v in LEAVES.items()}
    every = [(k, v, "ACT") for k, v in sorted(around.items())] + [(k, v, "ACT") for k, v in sorted(taking.items())]
    every += [(k, v, None) for k, v in sorted(leaves.items())]
    turn = itertools.count()

    def kinds_of(*needs):
        words, kinds = [w for n in needs for w in n[1]], ["function", "generator", "coroutine", "async_generator", "class", "module"]
        for word, allowed in (("async", kinds[2:4]), ("sync", kinds[:2] + kinds[4:]), ("def", kinds[:4])):
            if word in words:
                kinds = [k for k in kinds if k in allowed]
        return kinds

    def least_of(kind, fate, *needs):
        least = [n[0] for n in needs]
        if kind in ("coroutine", "async_generator"):
            least += [int(w[5:]) for n in needs for w in n[1] if w.startswith("await")]
        return max(least + [8 if fate.startswith("cancelled") else 6])

    # Each construct by itself, with each fate, in the kinds of functions in turn.
    for name, spec, body in every:
        text = spec[2]
        if body:
            text = place(text, body)
        for fate in FATES:
            kinds = kinds_of(spec)
            if fate.startswith("cancelled"):
                kinds = [k for k in kinds if k in ("coroutine", "async_generator") and ("ACT" in text or "BODY1" in text) and name not in ("star_raises", "listcomp_if", "raise_kept")]
            if fate == "inside" and "ACT" not in text and "BODY1" not in text:
                continue
            if name in taking and fate in ("handled_as", "reraised", "reraised_as", "chained", "chained_handled"):
                continue  # nothing leaves that these could meet
            chosen = kinds if fate == "leaves" else [kinds[next(turn) % len(kinds)]] if kinds else []
            for kind in chosen:
                yield "%s__%s__%s" % (name, fate, kind), program(least_of(kind, fate, spec), kind, fate, text)
    # One in another, with fates and kinds in turn.
    fates = ["leaves", "handled", "reraised", "chained", "chained_handled"]
    outers = sorted(around.items()) + sorted(taking.items())
    for outer, outer_spec in outers:
        for name, spec, body in every:
            kinds, n = kinds_of(outer_spec, spec), next(turn)
            if not kinds or "plain" in (outer, name) or "BODY1" in outer_spec[2]:
                continue
            if name in taking and outer.startswith("finally_") and outer in taking:
                continue  # there is nothing left to take
            if name == "finally_returns" and "\n    BODY\n    " in outer_spec[2]:
                continue  # it would return past what the program says of itself
            if n % (7 if outer in around and name in around else 11) and (name, outer) not in KEPT:
                continue
            inner = distinct(place(spec[2], body) if body else spec[2], "0")
            fate, kind = fates[n % len(fates)], kinds[n // 2 % len(kinds)]
            yield "%s__in__%s__%s__%s" % (name, outer, fate, kind), program(
                least_of(kind, fate, spec, outer_spec), kind, fate, place(outer_spec[2], inner))


if __name__ == "__main__":
    for name, source in corpus():
        with open(os.path.join(sys.argv[1], name + ".py"), "w") as f:
            f.write(source)
