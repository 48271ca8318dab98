package synth

import (
	"fmt"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

// Help says what to change in the application or its SDK so that the next event
// contains what was missing.
func Help(p language.Problem) string {
	switch p.Kind {
	case language.NoTestRunner:
		return "Install pytest in the image, or a Python whose pip can install it."
	case language.ValueFiltered:
		return fmt.Sprintf("A scrubber treats %s as sensitive. If it is not, remove the name from the denylist, sentry_sdk.init(event_scrubber=EventScrubber(denylist=[…])), and check the server's data scrubbing rules.", p.Name)
	case language.ValueAbsent:
		return "The SDK keeps a limited number of variables per frame. Use fewer locals in that function, or move the failing call into its own function, to keep the value."
	case language.ValueCut:
		return "Raise max_value_length in sentry_sdk.init for long strings; containers are limited to 10 items and 5 levels (sentry_sdk.serializer.MAX_DATABAG_BREADTH and MAX_DATABAG_DEPTH)."
	}
	switch p.Source {
	case incident.SourceOTLP:
		return "OpenTelemetry's exporters record only the stack trace. Also report errors through the Sentry SDK with include_local_variables=True; events of the same failure become one incident."
	case incident.SourceGitHub:
		return "The text of a traceback contains no values. Link the error tracker's event, or report through the Sentry SDK with include_local_variables=True."
	}
	return "Set include_local_variables=True in sentry_sdk.init (with_locals=True before SDK 1.13), and do not remove frame variables in before_send or on the server."
}
