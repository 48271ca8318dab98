"""Joins the recorder to sentry-sdk, 1.9 to 2.x, and to OpenTelemetry."""

import sys

from repaird_evidence._record import Recorder

ATTACHMENT = "repaird-evidence.json"
CONTENT_TYPE = "application/vnd.repaird.evidence+json"

try:
    from sentry_sdk.integrations import Integration
except Exception:  # not installed, or one that lacks them
    Integration = object


class RepairdEvidence(Integration):
    """A Sentry integration: sentry_sdk.init(integrations=[RepairdEvidence()]).

    Takes the arguments of Recorder. It attaches the evidence to error events:
    the SDK would cut a context, and Sentry's server more so.
    """

    identifier = "repaird_evidence"
    _current = None  # the last one set up; setup_once runs once a process

    def __init__(self, **options):
        self.recorder = Recorder(**options)
        RepairdEvidence._current = self

    @staticmethod
    def setup_once():
        from sentry_sdk.scope import add_global_event_processor
        add_global_event_processor(_process)


def _process(event, hint):
    try:
        current = RepairdEvidence._current
        if current is not None:
            attach(current.recorder, event, hint)
    except Exception:
        pass
    return event


def before_send(event, hint):
    """For sentry_sdk.init(before_send=before_send), instead of the integration."""
    try:
        attach(_default, event, hint)
    except Exception:
        pass
    return event


_default = Recorder()


def attach(recorder, event, hint):
    """Attaches an error event's evidence, once."""
    error = (hint.get("exc_info") or (None, None, None))[1] if hint else None
    if error is None or event.get("type") == "transaction":
        return
    attachments = hint.get("attachments") or []
    if any(getattr(a, "filename", None) == ATTACHMENT for a in attachments):
        return
    text = recorder.describe(error)
    if text is not None:
        from sentry_sdk.attachments import Attachment
        attachments.append(Attachment(bytes=text.encode("utf-8", "replace"), filename=ATTACHMENT, content_type=CONTENT_TYPE))
        hint["attachments"] = attachments


def install(**options):
    """Joins the recorder to every SDK that the program has imported: to sentry-sdk,
    before or after its init, and to OpenTelemetry's tracer provider, after it was
    set. Takes the arguments of Recorder; returns the names of what it found."""
    joined = []
    if "sentry_sdk" in sys.modules and Integration is not object:
        first = RepairdEvidence._current is None
        RepairdEvidence(**options)
        if first:
            RepairdEvidence.setup_once()
        joined.append("sentry_sdk")
    trace = sys.modules.get("opentelemetry.trace")
    provider = trace.get_tracer_provider() if trace is not None else None
    if hasattr(provider, "add_span_processor"):
        from repaird_evidence.otel import RepairdSpanProcessor
        provider.add_span_processor(RepairdSpanProcessor(**options))
        joined.append("opentelemetry")
    return joined
