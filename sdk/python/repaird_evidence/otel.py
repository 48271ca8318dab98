"""Joins the recorder to OpenTelemetry: the attribute repaird.evidence on the
events of exceptions, and on log records of exceptions.

    provider.add_span_processor(RepairdSpanProcessor())
    logger_provider.add_log_record_processor(RepairdLogProcessor())  # before the exporter's

An attribute length limit (OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT,
OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT) has to leave room for it: a text that was
cut cannot be read.
"""

import sys

from opentelemetry.sdk.trace import SpanProcessor

from repaird_evidence._record import Recorder

try:
    from opentelemetry.sdk._logs import LogRecordProcessor
except ImportError:
    LogRecordProcessor = object

ATTRIBUTE = "repaird.evidence"


class RepairdSpanProcessor(SpanProcessor):
    """Adds the evidence to what span.record_exception records."""

    def __init__(self, **options):
        self.recorder = Recorder(**options)

    def on_start(self, span, parent_context=None):
        record, recorder = span.record_exception, self.recorder

        def record_exception(exception, attributes=None, *args, **kwargs):
            # The span may be non-recording or sampled out by then: never mind.
            text = recorder.describe(exception)
            if text is not None:
                attributes = dict(attributes or {}, **{ATTRIBUTE: text})
            return record(exception, attributes, *args, **kwargs)

        try:
            span.record_exception = record_exception
        except AttributeError:  # a span of another make, with slots
            pass


class RepairdLogProcessor(LogRecordProcessor):
    """Adds the evidence to log records of the exception that is being handled."""

    def __init__(self, **options):
        self.recorder = Recorder(**options)

    def on_emit(self, log_data):
        try:
            self._add(log_data.log_record)
        except Exception:
            pass

    emit = on_emit  # SDKs before 1.34

    def _add(self, record):
        attributes = record.attributes or {}
        name = attributes.get("exception.type")
        error = getattr(record, "exception", None) or sys.exc_info()[1]
        if not name or error is None or name.rpartition(".")[2] != type(error).__name__:
            return
        text = self.recorder.describe(error)
        if text is not None:
            record.attributes = dict(attributes, **{ATTRIBUTE: text})

    def shutdown(self):
        pass

    def force_flush(self, timeout_millis=30000):
        return True
