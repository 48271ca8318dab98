# Found by the interpreter at start-up when this directory is at the head of
# PYTHONPATH. Starts repaird's tracer, then gives way to the sitecustomize that
# it shadows. Parses on every Python from 2.7 on; never prints, never raises of
# its own accord.
import sys as _sys


def _repaird():
    import os
    here = os.path.dirname(os.path.abspath(__file__))
    config = os.environ.get("REPAIRD_TRACE_CONFIG")
    if config and _sys.version_info >= (3, 6):
        try:
            # Of a package only this module, for it is what loads the others.
            from _frozen_importlib_external import SourceFileLoader
            folder = here + "/repaird_tracer"
            loader = SourceFileLoader("repaird_tracer.bundle", folder + "/bundle.py")
            names = {"__name__": loader.name}
            exec(loader.get_code(loader.name), names)
            bundle = names["Bundle"](folder)
            try:
                import repaird_tracer
                repaird_tracer.start_from_environment(config)
            finally:
                bundle.close()
        except Exception:
            pass
    # The program must see the sys.path that it would have had without us; its
    # own children find us through the environment.
    ours = [p for p in _sys.path if p and os.path.abspath(p) == here]
    _sys.path[:] = [p for p in _sys.path if p not in ours]
    for p in ours:
        _sys.path_importer_cache.pop(p, None)


try:
    _repaird()
except Exception:
    pass

_ours = _sys.modules.pop("sitecustomize", None)
try:
    # Errors of the shadowed one are the site module's to report, as ever. Where
    # there is none, the site module hears what it would have heard without us.
    import sitecustomize  # noqa: F401
except ImportError as _error:
    if _ours is not None and getattr(_error, "name", "") != "sitecustomize":
        _sys.modules["sitecustomize"] = _ours
    raise
