"""The callbacks of the back end on sys.monitoring. Their state is in the cells
of make's functions; see repaird_tracer.monitoring for what they are for.
"""
from _thread import get_ident
import sys

from opcode import opmap

from repaird_tracer.hot import line_at
from repaird_tracer.signals import cleaned, foreign, shielded

_m = sys.monitoring
_events, _DISABLE = _m.events, _m.DISABLE
_getframe, _gettrace, _get_ident = sys._getframe, sys.gettrace, get_ident
_id, _len, _range, _max, _int = id, len, range, max, int
_BaseException, _KeyError = BaseException, KeyError
_LOOKUP = (KeyError, IndexError)
_dict_get = dict.get
_get_traceback = BaseException.__dict__["__traceback__"].__get__
_RETURN_GENERATOR = opmap["RETURN_GENERATOR"]


def make(backend):
    """The callbacks, with their event; their state is in their cells."""
    core, threads, gens = backend.core, backend.threads, backend.gens
    codes, outside, files, decide = core.codes, core.scope.outside, core.scope.files, core.scope.decide
    per_code, max_depth, counts_only, lines_on, probes = core.per_code, core.max_depth, core.counts_only, core.lines, core.probes
    enter, leave, raised, stepped, unwound = core.enter, core.leave, core.raised, core.stepped, core.unwound
    find, resync, settled, handling, release = backend.find, backend.resync, backend.settled, backend.handling, core.release
    switches = core.switches
    threads_get, codes_get, own_files = threads.get, codes.get, backend.own_files

    def fault(error):
        """Says whether an exception in a callback is the program's own."""
        core.faults += 1
        if not foreign(error, own_files):
            return False
        cleaned(error, own_files)
        return True

    def free(th):
        """With no trace function about, nothing copies the variables back."""
        if _gettrace() is None:
            release(th.held, 0)

    def full(th):
        return not switches or not switches[0](th) or _len(th.stack) >= max_depth

    def first(code, frame):
        """A code object that is seen for the first time."""
        name = code.co_filename
        path = files.get(name)
        if path is None:
            path = decide(name, _dict_get(frame.f_globals, "__name__"))
        if path is False:
            return None
        info = core.register(frame, code, path)
        if info is not None:
            backend.ask(info)
        return info

    def over(info, frame):
        """A call that is only counted."""
        info.mixed = True
        if info.gen:
            gens.pop(_id(frame), None)  # of one that was dropped, at the same address
        if info.calls > per_code and not counts_only:
            if not info.off:
                backend.switch_off(info)
            return _DISABLE
        return None

    def begin(th, info, frame):
        if th.orphans:
            resync(th, frame)
        e = enter(th, frame, info)
        if info.gen:
            gens[e.fid] = e
            if info.quiet:
                del th.stack[-1]
        if th.held:
            free(th)

    @shielded
    def start(code, offset):
        try:
            try:
                info = codes[_id(code)]
            except _KeyError:
                info = None
                if code.co_filename in outside:
                    return _DISABLE
            if info is None:
                info = first(code, _getframe(1))
                if info is None:
                    return _DISABLE
            if info.fold:
                return _DISABLE
            ident = _get_ident()
            th = threads_get(ident)
            if th is None or not th.stack and not backend.is_of(th, ident):
                th = backend.new_thread(ident)
            n = info.calls = info.calls + 1
            if n > per_code or counts_only or _len(th.stack) >= max_depth and full(th):
                return over(info, _getframe(1))
            if th.orphans or info.gen:
                begin(th, info, _getframe(1))
                return
            enter(th, _getframe(1), info)
            if th.held:
                free(th)
        except _BaseException as error:
            info = codes_get(_id(code))
            if info is not None:  # it may have come before its events were asked for
                backend.ask(info)
            if fault(error):
                raise

    def top(code, frame):
        """The entry of a frame, if it is recorded."""
        info = codes_get(_id(code))
        th = threads_get(_get_ident())
        if info is None or th is None:
            return None, None
        if info.quiet:
            e = gens.get(_id(frame))
            return th, e if e is not None and e.info is info else None
        e = th.stack[-1] if th.stack else None
        if e is None or e.fid != _id(frame) or e.info is not info:
            e = find(th, frame, info)
        return th, e

    @shielded
    def return_(code, offset, value):
        try:
            try:
                th = threads[_get_ident()]
                stack = th.stack
                e = stack[-1]
                info = e.info
                known = info.code is code and not info.mixed
            except _LOOKUP:  # a thread, or its call, that began before
                known = False
            if not known:
                th, e = top(code, _getframe(1))
                if e is None:
                    return
                info, stack = e.info, th.stack
            if not info.quiet:
                del stack[-1]
            if e.muts is None and e.trouble is None and not info.gen and info.watch is not True:
                leave(th, e, None, offset, value)
                return
            ended(th, e, info, _getframe(1), offset, value)
        except _BaseException as error:
            if fault(error):
                raise

    def ended(th, e, info, frame, offset, value):
        if info.gen:
            gens.pop(e.fid, None)
        leave(th, e, frame, offset, value)
        if info.pends:
            settled(info, e)
        if info.off and th.orphans:
            th.orphans -= 1
        if th.held:
            free(th)

    @shielded
    def yield_(code, offset, value):
        try:
            th, e = top(code, _getframe(1))
            if e is None:
                return
            info = e.info
            if not info.quiet:
                del th.stack[-1]
            core.yielded(th, e, info.at.get(offset) or line_at(info, offset, None), value)
            if info.yields > per_code:
                backend.quieten(info)
        except _BaseException as error:
            if fault(error):
                raise

    @shielded
    def resume(code, offset):
        try:
            again(code, _getframe(1))
        except _BaseException as error:
            if fault(error):
                raise

    def again(code, frame):
        """A generator goes on."""
        e = gens.get(_id(frame))
        if e is None or e.info.code is not code or e.info.quiet:
            return
        ident = _get_ident()
        th = threads_get(ident) or backend.new_thread(ident)
        if th.orphans:
            resync(th, frame)
        core.resumed(th, e, frame)

    @shielded
    def throw(code, offset, exc):
        if _id(code) not in codes:
            return
        try:
            frame, info = _getframe(1), codes_get(_id(code))
            begun = _RETURN_GENERATOR not in info.ops[_max(0, offset - 2):offset + 2:2]
            if begun:
                again(code, frame)
            elif not info.fold:
                ident = _get_ident()
                th = threads_get(ident) or backend.new_thread(ident)
                n = info.calls = info.calls + 1
                if n > per_code or counts_only or _len(th.stack) >= max_depth and full(th):
                    over(info, frame)
                else:
                    begin(th, info, frame)
        except _BaseException as error:
            if fault(error):
                raise

    @shielded
    def raise_(code, offset, exc):
        if _id(code) not in codes:
            return
        try:
            frame = _getframe(1)
            th, e = top(code, frame)
            if e is None:
                return
            raised(th, e, frame, exc, _get_traceback(exc))
            if (not e.trouble.quiet or e.trouble.under) and core.handlers(e.info).take(offset):
                handling(e.info, e)
            if th.held:
                free(th)
        except _BaseException as error:
            if fault(error):
                raise

    @shielded
    def unwind(code, offset, exc):
        if _id(code) not in codes:
            return
        try:
            frame = _getframe(1)
            th, e = top(code, frame)
            if e is None:
                return
            info = e.info
            if not info.quiet:
                del th.stack[-1]
            if info.gen:
                gens.pop(e.fid, None)
            unwound(th, e, frame, exc)
            if info.pends:
                settled(info, e)
            if info.off and th.orphans:
                th.orphans -= 1
            if th.held:
                free(th)
        except _BaseException as error:
            if fault(error):
                raise

    @shielded
    def line(code, number):
        try:
            info = codes_get(_id(code))
            if info is None:
                return _DISABLE
            if lines_on and number not in info.seen:
                core.line(info, number)
            watch = info.watch
            if not info.pends and (watch is None or watch is not True and number not in watch):
                return _DISABLE if lines_on or watch is not None else None
            return watched(code, number, info, watch, _getframe(1))
        except _BaseException as error:
            if fault(error):
                raise

    @shielded
    def jump(code, offset, to):
        """A jump back within a line begins it again, which is no line event."""
        try:
            info = codes_get(_id(code))
            if info is None or info.watch is not True or to > offset:
                return _DISABLE
            number = info.at.get(to) or line_at(info, to, None)
            if number != (info.at.get(offset) or line_at(info, offset, None)):
                return _DISABLE
            return watched(code, _int(number), info, True, _getframe(1))
        except _BaseException as error:
            if fault(error):
                raise

    def watched(code, number, info, watch, frame):
        """A line of code that a probe wants, or that an exception is handled in."""
        th = threads_get(_get_ident()) or backend.new_thread(_get_ident())
        e = None
        if th.stack:
            e = th.stack[-1]
            if e.fid != _id(frame) or e.info is not info:
                e = find(th, frame, info) if th.orphans or switches else None
        done = False
        if e is not None and e.trouble is not None and (e.trouble.fresh or e.trouble.pend or e.trouble.under):
            if not stepped(th, e, frame):
                settled(info, e)
        if watch is not None and (watch is True or number in watch):
            done = probes.line(th, e, frame, info, number) and not info.pends
            if th.held:
                free(th)
        return _DISABLE if done else None

    return (
        (_events.PY_START, start), (_events.PY_RETURN, return_), (_events.PY_YIELD, yield_), (_events.PY_RESUME, resume),
        (_events.PY_THROW, throw), (_events.RAISE, raise_), (_events.PY_UNWIND, unwind), (_events.LINE, line),
        (_events.JUMP, jump))
