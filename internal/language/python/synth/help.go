package synth

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/environment"
)

// Help says what to change in the application or its SDK so that the next event
// has what was missing.
func Help(p language.Problem) string {
	switch p.Kind {
	case language.NoTestRunner:
		return "The image needs pytest, or a Python with which pip can install it."
	case language.ValueFiltered:
		return fmt.Sprintf("A scrubber takes %s for sensitive. If it is not, take the name out of the denylist: sentry_sdk.init(event_scrubber=EventScrubber(denylist=[…])), and check the server's data scrubbing rules.", p.Name)
	case language.ValueAbsent:
		return "The SDK keeps a bounded number of variables for each frame. Fewer locals in that function, or a function of its own around the failing call, keep the value."
	case language.ValueCut:
		return "Raise max_value_length in sentry_sdk.init for long texts; containers keep 10 items and 5 levels (sentry_sdk.serializer.MAX_DATABAG_BREADTH and MAX_DATABAG_DEPTH)."
	}
	switch p.Source {
	case incident.SourceOTLP:
		return "OpenTelemetry's exporters record the stack trace only. Report errors through the Sentry SDK with include_local_variables=True as well; events of the same failure are one incident."
	case incident.SourceGitHub:
		return "A traceback's text has no values. Link the error tracker's event, or report through the Sentry SDK with include_local_variables=True."
	}
	return "Set include_local_variables=True in sentry_sdk.init (with_locals=True before SDK 1.13), and do not remove frame variables in before_send or on the server."
}

const missing = "ModuleNotFoundError: No module named "

// Missing finds in pytest's output the module that could not be imported. An
// incident that is itself about a missing module is none of the environment's.
func Missing(exception, output string) (name, lines string) {
	i := strings.Index(output, missing)
	if i < 0 || exception == "ModuleNotFoundError" {
		return "", ""
	}
	name, _, _ = strings.Cut(output[i+len(missing):], "\n")
	return name, environment.DecisiveLines(output, 12)
}
