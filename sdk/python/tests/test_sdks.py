"""That the SDKs send it: with those that are installed."""

import json
import logging
import subprocess
import sys
import unittest

import repaird_evidence
from repaird_evidence import _install
from repaird_evidence._install import ATTACHMENT, RepairdEvidence

try:
    import sentry_sdk
    from sentry_sdk.transport import Transport
except ImportError:
    sentry_sdk, Transport = None, object

try:
    import opentelemetry.sdk.trace as sdk_trace
except ImportError:
    sdk_trace = None


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self, options=None):
        super().__init__(options)
        self.items, self.events = [], []

    def capture_event(self, event):
        self.events.append(event)

    def capture_envelope(self, envelope):
        self.items.extend(envelope.items)

    def documents(self):
        return [json.loads(i.get_bytes()) for i in self.items if i.headers.get("filename") == ATTACHMENT]


def crash(value):
    raise ValueError(value)


@unittest.skipIf(sentry_sdk is None, "sentry-sdk is not installed")
class Sentry(unittest.TestCase):
    def captured(self, capture=None, **options):
        kept = Kept()
        sentry_sdk.init(dsn="http://key@localhost/1", transport=kept, **options)
        try:
            crash([1] * 30)
        except ValueError as e:
            (capture or sentry_sdk.capture_exception)(e)
        return kept

    def setUp(self):
        _install._default.time = 10  # no test depends on the machine's speed

    def tearDown(self):
        RepairdEvidence._current = None
        sentry_sdk.init()

    def check(self, documents):
        self.assertEqual(len(documents), 1)
        frame = documents[0]["exceptions"][0]["frames"][-1]
        self.assertEqual([(name, value["list"]) for name, value in frame["locals"]], [("value", [1] * 30)])

    def test_the_integration(self):
        self.check(self.captured(integrations=[RepairdEvidence(time=10)]).documents())

    def test_before_send(self):
        self.check(self.captured(before_send=repaird_evidence.before_send).documents())

    def test_both_attach_it_once(self):
        self.check(self.captured(integrations=[RepairdEvidence(time=10)], before_send=repaird_evidence.before_send).documents())

    def test_install(self):
        self.assertIn("sentry_sdk", repaird_evidence.install(time=10))
        self.check(self.captured().documents())

    def test_exceptions_that_are_logged(self):
        def log(e):
            logging.getLogger("shop").exception("failed")
        self.check(self.captured(log, integrations=[RepairdEvidence(time=10)]).documents())

    def test_a_message_has_nothing_attached(self):
        kept = self.captured(lambda e: sentry_sdk.capture_message("hello"), integrations=[RepairdEvidence(time=10)])
        self.assertEqual(kept.documents(), [])

    def test_a_failing_recorder_costs_no_event(self):
        class Broken:
            def describe(self, error):
                raise RuntimeError
        def capture(e):
            RepairdEvidence._current.recorder = Broken()
            sentry_sdk.capture_exception(e)
        kept = self.captured(capture, integrations=[RepairdEvidence(time=10)])
        self.assertEqual(len(kept.items) + len(kept.events), 1)


@unittest.skipIf(sdk_trace is None, "opentelemetry-sdk is not installed")
class OpenTelemetry(unittest.TestCase):
    def setUp(self):
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        self.exporter = InMemorySpanExporter()
        self.provider = sdk_trace.TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.provider.add_span_processor(repaird_evidence.RepairdSpanProcessor(time=10))

    def test_spans(self):
        with self.assertRaises(ValueError):
            with self.provider.get_tracer("t").start_as_current_span("s"):
                crash((1, 2))
        events = self.exporter.get_finished_spans()[0].events
        document = json.loads(events[0].attributes["repaird.evidence"])
        self.assertEqual(document["exceptions"][0]["frames"][-1]["locals"][0][1]["tuple"], [1, 2])
        self.assertEqual(events[0].attributes["exception.type"], "ValueError")

    def test_a_span_without_an_exception(self):
        with self.provider.get_tracer("t").start_as_current_span("s"):
            pass
        self.assertEqual(len(self.exporter.get_finished_spans()[0].events), 0)

    def test_logs(self):
        try:
            from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
            from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
        except ImportError:
            self.skipTest("an SDK with other names for its logs")
        exporter, provider = InMemoryLogRecordExporter(), LoggerProvider()
        provider.add_log_record_processor(repaird_evidence.RepairdLogProcessor(time=10))
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        logger = logging.getLogger("repaird_evidence.tests")
        logger.addHandler(LoggingHandler(logger_provider=provider))
        try:
            crash({1})
        except ValueError:
            logger.exception("failed")
            logger.error("without its exception")
        first, second = [r.log_record.attributes for r in exporter.get_finished_logs()]
        self.assertEqual(json.loads(first["repaird.evidence"])["exceptions"][0]["frames"][-1]["locals"][0][1]["set"], [1])
        self.assertNotIn("repaird.evidence", second)


class Alone(unittest.TestCase):
    def test_importing_it_needs_no_sdk(self):
        code = "import sys; sys.modules['sentry_sdk'] = sys.modules['opentelemetry'] = None\n" \
               "import repaird_evidence as r; assert r.install() == []; print(r.Recorder)"
        out = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(out.returncode, 0, out.stdout)


if __name__ == "__main__":
    unittest.main()
