package repro

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
)

const helpInput = "An event with these values would help: literals and containers can be rebuilt, objects, connections and requests cannot yet."

// tainted says that the event is not of this commit.
func tainted(in Input, frames []MappedFrame, why string) error {
	where := "its stack"
	if n := len(frames); n > 0 {
		f := frames[n-1]
		where = fmt.Sprintf("%s:%d in %s", short(f.File, 200), f.Line, short(f.Function, 80))
	}
	commit := in.Bundle.Code.Commit
	if commit == "" {
		commit = "the tree"
	}
	return &fault.Stop{
		Type: fault.Tainted, Detail: fmt.Sprintf("the crash frame %s does not exist in %s: %s", where, commit, why),
		Help: "Set the release that the SDK reports to the commit that is deployed, and point the project to the repository that has this file.",
	}
}

// needsLocals says that the source sent no local variables.
func needsLocals(source incident.Source) error {
	stop := &fault.Stop{
		Type: fault.NeedsLocals, Detail: "the event has no local variables in any frame of the application",
		Help: "Set include_local_variables=True in sentry_sdk.init (with_locals=True before SDK 1.13), and do not remove frame variables in before_send or on the server.",
	}
	switch source {
	case incident.SourceOTLP:
		stop.Help = "OpenTelemetry's exporters record the stack trace only. Report errors through the Sentry SDK with include_local_variables=True as well; events of the same failure are one incident."
	case incident.SourceGitHub:
		stop.Help = "A traceback's text has no values. Link the error tracker's event, or report through the Sentry SDK with include_local_variables=True."
	}
	return stop
}

// noCall says, frame by frame, why no call could be rebuilt.
func noCall(frames []MappedFrame, hurdles []hurdle) error {
	var lines []string
	var gone *hurdle
	seen := map[string]bool{}
	for i := range hurdles {
		h := &hurdles[i]
		if h.name != "" && (h.kind == cut || h.kind == filtered || h.kind == absent && h.frame.Cut) && gone == nil {
			gone = h
		}
		if line := h.String(); !seen[line] && len(lines) < 20 {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	if outside := len(frames) - len(hurdles); outside > 0 && len(hurdles) < maxOuterFrames {
		lines = append(lines, plural(outside, "frame")+" outside a function of the repository")
	}
	log := strings.Join(lines, "\n")
	if gone == nil {
		return &fault.Stop{
			Type: fault.NeedsInput, Log: log, Help: helpInput,
			Detail: "no call of the stack can be rebuilt from the recorded locals: " + short(strings.Join(lines[:min(len(lines), 3)], "; "), 500),
		}
	}
	stop := &fault.Stop{
		Type: fault.ValueLost, Log: log,
		Detail: fmt.Sprintf("the value of %s in %s (%s:%d) was lost: it %s", gone.name, incident.BareName(gone.frame.Function),
			gone.frame.Path, gone.frame.Line, strings.TrimPrefix(gone.what, gone.name+" ")),
	}
	switch gone.kind {
	case filtered:
		stop.Help = fmt.Sprintf("A scrubber takes %s for sensitive. If it is not, take the name out of the denylist: sentry_sdk.init(event_scrubber=EventScrubber(denylist=[…])), and check the server's data scrubbing rules.", gone.name)
	case absent:
		stop.Help = "The SDK keeps a bounded number of variables for each frame. Fewer locals in that function, or a function of its own around the failing call, keep the value."
	default:
		stop.Help = "Raise max_value_length in sentry_sdk.init for long texts; containers keep 10 items and 5 levels (sentry_sdk.serializer.MAX_DATABAG_BREADTH and MAX_DATABAG_DEPTH)."
	}
	return stop
}
