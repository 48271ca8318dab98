package fault

import "errors"

// A StopType names why a run ended without a pull request.
type StopType string

// The stop types, in the order in which a run can meet them.
const (
	NoSource         StopType = "no_source"         // no repository or commit for this project
	Tainted          StopType = "tainted"           // the event's frames do not exist in that commit
	NeedsEnvironment StopType = "needs_environment" // building the environment failed
	NeedsLocals      StopType = "needs_locals"      // the SDK sent no local variables
	ValueLost        StopType = "value_lost"        // a needed value was filtered or trimmed by the SDK
	NeedsInput       StopType = "needs_input"       // no call of the stack can be rebuilt
	NotReproduced    StopType = "not_reproduced"    // the test ran and passed, or failed otherwise
	Flaky            StopType = "flaky"             // failed in some runs only
	AlreadyFixed     StopType = "already_fixed"     // passes on the default branch
	NoPatch          StopType = "no_patch"          // the proposer found nothing
	Rejected         StopType = "rejected"          // every candidate failed a gate
	Policy           StopType = "policy"            // a rule forbids going on
	OverBudget       StopType = "budget"            // time, tokens or money ran out
	Cancelled        StopType = "cancelled"         // a person stopped it
)

// StopTypes lists every type, for documentation and for tests of completeness.
var StopTypes = []StopType{
	NoSource, Tainted, NeedsEnvironment, NeedsLocals, ValueLost, NeedsInput, NotReproduced,
	Flaky, AlreadyFixed, NoPatch, Rejected, Policy, OverBudget, Cancelled,
}

// A Stop is a typed end of a run. It is an error so that stages can return it.
type Stop struct {
	Type   StopType `json:"type"`
	Detail string   `json:"detail"`        // what was found, one or two sentences, redacted
	Help   string   `json:"help"`          // what would help, an instruction to a person
	Log    string   `json:"log,omitempty"` // the decisive output, bounded and redacted
}

// Error returns type and detail.
func (s *Stop) Error() string { return string(s.Type) + ": " + s.Detail }

// AsStop returns the Stop in err's tree, or nil.
func AsStop(err error) *Stop {
	var s *Stop
	if errors.As(err, &s) {
		return s
	}
	return nil
}
