"""Describes an exception's values so that repaird can rebuild them.

    import repaird_evidence
    repaird_evidence.install()

Nothing happens until an exception is captured by sentry-sdk or OpenTelemetry. Then
the in-app frames' variables are described, within 5 ms and 100 kB, and sent with
the event. No code of the program is run for it: no __repr__, no property, no ==.
"""

from repaird_evidence._install import RepairdEvidence, before_send, install
from repaird_evidence._record import Recorder

__version__ = "0.1.0"
__all__ = ["Recorder", "RepairdEvidence", "before_send", "install"]


def __getattr__(name):
    # OpenTelemetry is imported only by those who use it.
    if name in ("RepairdSpanProcessor", "RepairdLogProcessor"):
        from repaird_evidence import otel
        return getattr(otel, name)
    raise AttributeError("module 'repaird_evidence' has no attribute %r" % name)
