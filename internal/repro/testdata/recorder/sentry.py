"""Runs the sample in the current directory under the Sentry SDK, with its defaults,
and writes the envelope of its crash to a file: sentry.py FILE [recorder]"""

import sys

import sentry_sdk
from sentry_sdk.transport import Transport


class ToFile(Transport):
    def capture_event(self, event):  # SDKs that do not put every event into an envelope
        from sentry_sdk.envelope import Envelope
        envelope = Envelope(headers={"event_id": event["event_id"]})
        envelope.add_event(event)
        self.capture_envelope(envelope)

    def capture_envelope(self, envelope):
        with open(sys.argv[1], "wb") as f:
            f.write(envelope.serialize())


integrations = []
if sys.argv[2:] == ["recorder"]:
    from repaird_evidence import RepairdEvidence
    integrations = [RepairdEvidence(time=5)]  # a test must not depend on the machine's speed

sentry_sdk.init(dsn="http://key@localhost/1", transport=ToFile(), integrations=integrations)

import main  # noqa: E402

try:
    main.run()
except Exception:
    sentry_sdk.capture_exception()
