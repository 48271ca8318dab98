"""Runs a Python command under the tracer where the interpreter was told to
ignore PYTHONPATH or the site module, so that no sitecustomize starts it:

    python -I      DIR/repaird_launch.py -- FILE ARGUMENT…
    python -E -s   DIR/repaird_launch.py -- -m MODULE ARGUMENT…
    python -S      DIR/repaird_launch.py -- -c COMMAND ARGUMENT…
    python -I      DIR/repaird_launch.py -- - ARGUMENT…

with the configuration in REPAIRD_TRACE_CONFIG. The program gets the sys.argv,
sys.path and __main__ that it would have had without; a traceback that nobody
catches does not show this file.

It cannot see: what runs before the program, such as a sitecustomize or .pth
files; children of the program that are themselves started with such options,
as those of multiprocessing's spawn are; other Pythons that the program starts
without PYTHONPATH. A child record names each child, so that the reader can say
which of them were not traced. A program that looks at the frames that called
its module finds two.
"""
import sys


def _arguments():
    """Loads the launcher proper: of its package only that module, for it imports
    the others by its own means. This file is not in the package because the
    directory of a script is put on sys.path."""
    import os
    here = os.path.dirname(os.path.abspath(__file__))
    safe = sys.flags.isolated or getattr(sys.flags, "safe_path", False)
    if not safe and sys.path and os.path.abspath(sys.path[0] or ".") == here:
        del sys.path[0]
    launcher = _alone("launch", here + "/repaird_tracer")
    argv = sys.argv[1:]
    if argv[:1] == ["--"]:
        del argv[0]
    return launcher, argv, safe, here


def _alone(name, folder):
    from _frozen_importlib_external import SourceFileLoader
    loader = SourceFileLoader("repaird_tracer." + name, "%s/%s.py" % (folder, name))
    module = type(sys)(loader.name)
    module.__file__ = loader.path
    exec(loader.get_code(loader.name), module.__dict__)
    return module


if __name__ == "__main__":
    _launcher, _argv, _safe, _here = _arguments()
    _launcher.run(_argv, _safe, _here, __file__, _alone)
