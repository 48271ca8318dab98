package synth

import (
	"fmt"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

// The lines that add the recorder in production (sdk/python), which answers what an
// error tracker's own values leave open.
const (
	addToSentry = "Install repaird's recorder (pip install ./sdk/python) and add two lines:\n\n" +
		"    from repaird_evidence import RepairdEvidence\n" +
		"    sentry_sdk.init(…, integrations=[RepairdEvidence()])"
	addToOpenTelemetry = "Install repaird's recorder (pip install ./sdk/python) and add two lines:\n\n" +
		"    from repaird_evidence import RepairdSpanProcessor\n" +
		"    tracer_provider.add_span_processor(RepairdSpanProcessor())"
	raiseLimits = "The recorder's limits can be raised: RepairdEvidence(time=0.02, bytes=500000, items=5000, depth=12)."
)

// add says how to add the recorder beside what the event came from, or what to
// change where it is there.
func add(p language.Problem) string {
	switch {
	case p.Recorded:
		return raiseLimits
	case p.Source == incident.SourceOTLP:
		return addToOpenTelemetry
	}
	return addToSentry
}

// Help says what to change in the application or its SDK so that the next event
// contains what was missing.
func Help(p language.Problem) string {
	switch p.Kind {
	case language.NoTestRunner:
		return "Install pytest in the image, or a Python whose pip can install it."
	case language.ValueFiltered:
		return fmt.Sprintf("A scrubber treats %s as sensitive. If it is not, remove the name from the denylist, sentry_sdk.init(event_scrubber=EventScrubber(denylist=[…])), and check the server's data scrubbing rules.", p.Name)
	case language.ValueAbsent:
		return "The SDK keeps a limited number of variables per frame; the recorder keeps 100. " + add(p)
	case language.ValueCut:
		if p.Recorded {
			return raiseLimits
		}
		return "Raise max_value_length in sentry_sdk.init for long strings; containers are limited to 10 items and 5 levels (sentry_sdk.serializer.MAX_DATABAG_BREADTH and MAX_DATABAG_DEPTH). The recorder keeps 1,000 items and 8 levels. " + add(p)
	case language.ObjectState:
		if p.Recorded {
			return "" // it is of a kind that cannot be rebuilt
		}
		return "The recorder describes the state of objects. " + add(p)
	}
	switch p.Source {
	case incident.SourceOTLP:
		return "OpenTelemetry's exporters record only the stack trace. " + addToOpenTelemetry + "\n\nOr also report errors through the Sentry SDK with include_local_variables=True; events of the same failure become one incident."
	case incident.SourceGitHub:
		return "The text of a traceback contains no values. Link the error tracker's event, or report through the Sentry SDK with include_local_variables=True."
	}
	return "Set include_local_variables=True in sentry_sdk.init (with_locals=True before SDK 1.13), and do not remove frame variables in before_send or on the server."
}
