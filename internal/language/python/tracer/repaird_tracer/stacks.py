"""Stacks of all threads on demand, also of a program that hangs in C code.

The runner sends SIGNAL to a process that has a file stacks-PID.txt in
Config.Out; faulthandler then appends the stacks to it, in C, without taking
the interpreter's lock. No thread waits here, no Python code runs, and the
signals that programs use (SIGALRM, SIGUSR1, SIGQUIT, ...) stay theirs: SIGNAL is
a real-time signal. See stacks.go for the other side.

Only with Config.timeout is anything installed: one descriptor, with a high
number, so that the program's own get the numbers that they would get without
us, and closed on exec.
"""
from _thread import get_ident
import os
import signal

SIGNAL = 42  # between SIGRTMIN + 7 and SIGRTMIN + 8, by C library
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_HIGH = 240
_open, _close, _write, _getpid, _Exception = os.open, os.close, os.write, os.getpid, Exception
_state = {"out": "", "fd": -1, "hooked": False}


def start(config):
    """Makes the process answer SIGNAL. Returns whether it does."""
    if not config.get("timeout") or SIGNAL >= signal.NSIG:
        return False
    if signal.getsignal(SIGNAL) is not signal.SIG_DFL:
        return False  # the program's parent wants something else with it
    _state["out"] = config["out"]
    if not _register():
        return False
    if not _state["hooked"] and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forked)
        _state["hooked"] = True
    return True


def stop():
    if _state["fd"] >= 0:
        try:
            import faulthandler
            faulthandler.unregister(SIGNAL)
            _close(_state["fd"])
        except _Exception:
            pass
        _state["fd"] = -1


def _register():
    try:
        import faulthandler
        fd = _open("%s/stacks-%d.txt" % (_state["out"], _getpid()), _FLAGS, 0o644)
        fd = _raised(fd)
        _write(fd, ("main 0x%016x\n" % get_ident()).encode("ascii"))
        faulthandler.register(SIGNAL, file=fd, all_threads=True, chain=False)
        _state["fd"] = fd
        return True
    except _Exception:
        return False


def _raised(fd):
    """The same file under a high number."""
    try:
        import fcntl
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    except _Exception:  # a low limit
        return fd
    _close(fd)
    return high


def _forked():
    """In a forked child: a file of its own; the parent's descriptor is closed
    where it is still that one."""
    if _state["fd"] < 0:
        return
    old, _state["fd"] = _state["fd"], -1
    _register()
    try:
        if old != _state["fd"]:
            _close(old)
    except _Exception:
        pass
