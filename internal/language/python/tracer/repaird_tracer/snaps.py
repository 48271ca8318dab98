"""Snapshots: stack, variables and watches at a breakpoint, or of an exception
that nobody caught."""
import time

from repaird_tracer.branches import source
from repaird_tracer.changes import PROXY, is_definition
from repaird_tracer.frames import unreadable
from repaird_tracer.scope import code_lines, nested_codes, real_path
from repaird_tracer.values import NoneType, is_secret, quote
import repaird_tracer.watch as watch_module

_type, _id, _len, _str, _int, _dict, _bool = type, id, len, str, int, dict, bool
_BaseException, _time, _list, _max, _enumerate, _range, _getattr = BaseException, time.time, list, max, enumerate, range, getattr
_get_qualname = type.__dict__["__qualname__"].__get__
_get_traceback = BaseException.__dict__["__traceback__"].__get__
_COMPREHENSIONS = frozenset(["<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<lambda>"])
MAX_SNAPSHOTS, MAX_FRAMES, MAX_NAMES, MAX_RECORD = 100, 64, 48, 60000


def variables(frame, render, limit=MAX_NAMES):
    """The variables of a frame as JSON pairs. Of a module or class body those
    that are no definitions."""
    code, values, parts = frame.f_code, frame.f_locals, []
    if _type(values) is not _dict and _type(values) is not PROXY:
        return parts  # a class body in a mapping of the program's own
    if code.co_flags & 1:
        skip = unreadable(code)
        for name in code.co_varnames + code.co_cellvars + code.co_freevars:
            if name[:1] not in "@." and name not in skip and name in values and _len(parts) < limit:
                text = render.named(name, values[name])
                if text not in parts:
                    parts.append(text)
        return parts
    for name in _list(values):
        if _type(name) is _str and name[:2] != "__" and name[:1] not in ("@", ".", ""):
            v = values.get(name, PROXY)
            if v is not PROXY and not is_definition(v):
                if _len(parts) >= limit:
                    break
                parts.append(render.named(name, v))
    return parts


class Breakpoint(object):
    """One breakpoint. A hit is a time that the line began and the condition
    held; with only, that hit alone gives a snapshot."""
    __slots__ = ("at", "file", "line", "condition", "only", "hit", "seen", "matched", "told")

    def __init__(self, spec, cwd):
        name, self.line = _str(spec.get("file") or ""), _int(spec.get("line") or 0)
        self.at = "%s:%d" % (name, self.line)
        while name[:2] == "./":
            name = name[2:]
        if name[:1] == "/" or ".." in name.split("/"):
            name = real_path(name, cwd)
        self.file, self.only = name, spec.get("hits") or 0
        text = spec.get("condition") or ""
        self.condition = watch_module.Watch(text) if text else None
        self.hit, self.seen, self.matched, self.told = 0, False, False, False

    def names(self, path):
        return path == self.file or path.endswith("/" + self.file)


class Snapshots(object):
    """The breakpoints and watches of a configuration, and what they gave."""

    def __init__(self, core, config, problems):
        self.core, self.problems = core, problems
        self.locals, self.left = _bool(config.get("locals")), config.get("snapshots") or MAX_SNAPSHOTS
        self.count = 0
        self.breakpoints, self.watches = [], []
        for spec in config.get("breakpoints") or ():
            b = Breakpoint(spec, core.scope.cwd)
            if b.condition is not None and b.condition.problem:
                problems.append("condition %r of breakpoint %s: %s" % (b.condition.text[:100], b.at, b.condition.problem))
            elif not b.file or b.line <= 0:
                problems.append("breakpoint %s: want FILE:LINE" % b.at)
            else:
                self.breakpoints.append(b)
        for text in config.get("watches") or ():
            w = watch_module.Watch(text)
            if w.problem:
                problems.append("watch %r: %s" % (w.text[:100], w.problem))
            else:
                self.watches.append(w)

    def spots(self, info):
        """Line → breakpoints, of one code object."""
        found = {}
        if self.left <= 0:
            return found
        code = info.code
        lines = None
        for b in self.breakpoints:
            if not b.names(info.file):
                continue
            b.seen = True
            if lines is None:
                lines = code_lines(code)
            if not b.matched and info.kind == "module":
                for c in nested_codes(code):
                    b.matched = b.matched or b.line in code_lines(c)
            if b.line not in lines:
                continue
            b.matched = True
            # The first line of a function is where it was defined: nothing of
            # its body runs there, unless that is all on that line.
            first = b.line == code.co_firstlineno and code.co_name != "<module>"
            if first and (code.co_name in _COMPREHENSIONS or not code.co_flags & 1 or lines[-1] != b.line):
                continue
            found.setdefault(b.line, []).append(b)
        return found

    def reached(self, b, th, e, frame, info):
        """A line with a breakpoint begins."""
        if self.left <= 0:
            return
        if b.condition is not None:
            try:
                if not b.condition.run(watch_module.Env(frame)):
                    return
            except _BaseException as error:
                if not watch_module.contained(error):
                    raise
                if not b.told:
                    b.told = True
                    self.problem("condition %r of breakpoint %s: %s" % (b.condition.text[:100], b.at, self.error(error)), b.at)
                return
        b.hit += 1
        if b.only and b.hit != b.only:
            return
        self.left -= 1
        stack = []
        while frame is not None and _len(stack) < 10000:
            stack.append((frame, frame.f_lineno))
            frame = frame.f_back
        watches = [self.watch(w, stack[0][0]) for w in self.watches]
        self.write(th, e, info, '"at":%s,"hit":%d' % (quote(b.at), b.hit), stack[0][1], stack, True,
                   ',"w":[%s],"why":"breakpoint"' % _join(watches))

    def watch(self, w, frame):
        text = quote(w.text)
        try:
            v = w.run(watch_module.Env(frame))
            for name in w.names:
                if not w.plain and _type(v) is not _bool and _type(v) is not NoneType and is_secret(name, v):
                    return '{"x":%s,"v":{"t":%s,"masked":1}}' % (text, quote(class_name(_type(v))))
            return '{"x":%s,"v":%s}' % (text, self.core.render.value(v))
        except _BaseException as error:
            if not watch_module.contained(error):
                raise
            return '{"x":%s,"err":%s}' % (text, quote(self.error(error)))

    def error(self, error):
        if _type(error) is watch_module.Refused:
            return "refused: " + error.args[0]
        name, message = class_name(_type(error)), self.core.render.message(error)
        return (name + ": " + message if message else name)[:300]

    def uncaught(self, index, exc):
        """An exception ends a thread, or the program."""
        stack, tb = [], _get_traceback(exc)
        while tb is not None and _len(stack) < 100000:
            stack.append((tb.tb_frame, tb.tb_lineno))
            tb = tb.tb_next
        if not stack:
            return
        stack.reverse()
        core, info, line, file = self.core, None, stack[0][1], stack[0][0].f_code.co_filename
        for frame, number in stack:
            if core.scope.holds(frame.f_code.co_filename):
                info, line, file = self.info(frame.f_code), number, core.scope.files.get(frame.f_code.co_filename)
                break
        render = core.render
        about = ',"w":[],"why":"exception","x":%s,"msg":%s' % (
            quote(class_name(_type(exc))[:200]), quote(render.message(exc)))
        self.write(index, None, info, '"at":%s,"hit":1' % quote("%s:%d" % (file, line or 0)), line, stack, False, about)

    def write(self, th, e, info, head, line, stack, spot, tail):
        core = self.core
        self.count += 1
        index = th if _type(th) is _int else th.index
        head = '{"k":"snap","n":%d,%s,"i":%d,"c":%d,"l":%d,"t":%d,"ts":%.6f,"th":%d,"stack":[' % (
            self.count, head, e.id if e is not None else 0, info.id if info is not None else 0, line or 0, core.micros(), _time(), index)
        more = _len(stack) - MAX_FRAMES
        if more > 0:
            del stack[MAX_FRAMES * 3 // 4:-(MAX_FRAMES // 4)]
        left = MAX_RECORD - _len(head) - _len(tail)
        about = [self.frame(f, number) for f, number in stack]
        for a in about:
            left -= _len(a) + 12
        # Variables of the program's frames first, then of libraries that it
        # called; what called the program has none to show.
        parts, own = [""] * _len(about), [core.scope.holds(f.f_code.co_filename) for f, number in stack]
        last = _max([n for n, yes in _enumerate(own) if yes] or [0])
        order = [n for n in _range(last + 1) if own[n]] + [n for n in _range(last + 1) if not own[n]]
        if spot:
            order = [0] + (order if self.locals else [])
        elif not self.locals:
            order = []
        for n in order:
            if not parts[n]:
                parts[n] = self.fitting(variables(stack[n][0], core.render), left)
                left -= _len(parts[n])
        frames = ["{%s%s}" % (a, parts[n]) for n, a in _enumerate(about)]
        text = head + ",".join(frames) + "]" + (',"more":%d' % more if more > 0 else "") + tail + "}\n"
        w = core.writer
        if w.seg == 0:
            w.write(text)
        else:  # where the ring does not reach
            w.define(text)

    def frame(self, frame, number):
        code, core = frame.f_code, self.core
        info = self.info(code)
        path = core.scope.files.get(code.co_filename) or code.co_filename
        name = info.name if info is not None else _getattr(code, "co_qualname", code.co_name)
        return '"file":%s,"name":%s,"line":%d' % (quote(path[-300:]), quote(name[:200]), number or 0)

    def info(self, code):
        info = self.core.codes.get(_id(code))
        return info if info is not None and info.code is code else None

    def fitting(self, pairs, left):
        out = []
        for p in pairs:
            left -= _len(p) + 1
            if left < 12:
                break
            out.append(p)
        return ',"loc":[%s]' % _join(out)

    def problem(self, text, at=""):
        """A problem found while the program runs."""
        self.problems.append(text)
        self.write_problem(text, at)

    def write_problem(self, text, at):
        self.core.writer.define('{"k":"problem","msg":%s%s}\n' % (
            quote(text[:1000]), ',"at":%s' % quote(at) if at else ""))

    def finish(self):
        """At the end: the breakpoints that could not be reached, and why."""
        for b in self.breakpoints:
            text = self._why_never(b)
            if text:
                self.problem("breakpoint %s: %s" % (b.at, text), b.at)

    def _why_never(self, b):
        if not b.seen:
            return "no code in scope of a file of that name ran"
        lines, below, definition = None, 0, False
        for info in _list(self.core.infos):
            if b.names(info.file):
                if lines is None:
                    lines = source(info.file).split(b"\n")
                for n in code_lines(info.code):
                    if n > b.line and (not below or n < below):
                        below = n
        text = lines[b.line - 1].lstrip() if lines and b.line <= _len(lines) else b""
        for word in (b"def ", b"async def ", b"class ", b"@"):
            definition = definition or text.startswith(word)
        if definition:
            return "this line runs when the definition is made, not when the function is called; put it on a line inside the body"
        if not b.matched:
            return "there is no code on that line" + (", the next is line %d" % below if below else "")
        if b.only > b.hit > 0:
            return "hit number %d never came, there were %d" % (b.only, b.hit)
        return "" if b.hit or b.told else "the line was not reached" + (", or its condition never held" if b.condition is not None else "")


def class_name(t):
    name = _get_qualname(t)
    return name if _type(name) is _str else "?"


def _join(parts):
    return ",".join(parts)
