package fault

import "errors"

// A StopType names why a run ended without a pull request.
type StopType string

// The stop types, in the order in which a run can reach them.
const (
	NoSource         StopType = "no_source"         // no repository or commit for this project
	Tainted          StopType = "tainted"           // the event's frames do not exist in its commit
	NeedsEnvironment StopType = "needs_environment" // building the environment failed
	NeedsLocals      StopType = "needs_locals"      // the SDK sent no local variables
	ValueLost        StopType = "value_lost"        // a required value was filtered or truncated by the SDK
	NeedsInput       StopType = "needs_input"       // no call in the stack can be reconstructed
	NotReproduced    StopType = "not_reproduced"    // the test passed, or failed differently from production
	Flaky            StopType = "flaky"             // the test failed in some runs only
	AlreadyFixed     StopType = "already_fixed"     // the test passes on the default branch
	NoPatch          StopType = "no_patch"          // the proposer found no candidate
	Rejected         StopType = "rejected"          // every candidate failed a gate, or the accepted one does not hold on the branch's head
	Undecided        StopType = "undecided"         // several behaviours remain, and a person has to choose
	Policy           StopType = "policy"            // a policy forbids the repair
	OverBudget       StopType = "budget"            // time, tokens or money ran out
	Cancelled        StopType = "cancelled"         // a person stopped it
)

// StopTypes lists every type, for documentation and completeness tests.
var StopTypes = []StopType{
	NoSource, Tainted, NeedsEnvironment, NeedsLocals, ValueLost, NeedsInput, NotReproduced,
	Flaky, AlreadyFixed, NoPatch, Rejected, Undecided, Policy, OverBudget, Cancelled,
}

// A Stop is the typed end of a run without a pull request. It is an error so
// that stages can return it. Detail and Help are sentences: a capital letter
// first, a full stop last.
type Stop struct {
	Type   StopType `json:"type"`
	Detail string   `json:"detail"`        // what was found, in one or two sentences; redacted
	Help   string   `json:"help"`          // what would help, as an instruction to a person
	Log    string   `json:"log,omitempty"` // the relevant output; bounded and redacted
}

// Error returns the type and the detail.
func (s *Stop) Error() string { return string(s.Type) + ": " + s.Detail }

// AsStop returns the Stop in err's tree, or nil if there is none.
func AsStop(err error) *Stop {
	var s *Stop
	if errors.As(err, &s) {
		return s
	}
	return nil
}
