package report

import (
	"fmt"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/verify"
)

// A StopInput is what is known of a run that ended without a pull request.
type StopInput struct {
	Stop     *fault.Stop
	Incident string           // id
	Summary  string           // of the incident, one line
	Run      string           // run id
	PageURL  string           // address of the run's evidence page; "" none
	Question *verify.Question // of a run that stopped undecided; nil none
	Redactor *redact.Redactor
	Known    *redact.Known // may be nil
}

// Stop renders the comment for the issue where a person asked for the repair:
// what was found, and what would help.
func Stop(in StopInput) redact.Clean {
	q := quoter{in.Redactor, in.Known}
	parts := []redact.Clean{
		redact.Concat(redact.Constant("repaird stopped without a pull request: "), q.name(string(in.Stop.Type), 40), redact.Constant(", "), meaning(in.Stop.Type), redact.Constant(".")),
	}
	if in.Summary != "" {
		parts = append(parts, words(redact.Constant("The incident:"), q.span(in.Summary, maxMessage)))
	}
	asked := in.Question != nil && in.Stop.Type == fault.Undecided
	if detail := q.prose(in.Stop.Detail, maxWhy); !detail.Empty() && (!asked || in.Stop.Detail != in.Question.Text) {
		parts = append(parts, redact.Concat(redact.Constant("**What was found:** "), detail))
	}
	if asked {
		parts = append(parts, question(in.Question, in.Run, q))
	} else if help := q.prose(in.Stop.Help, maxWhy); !help.Empty() {
		parts = append(parts, redact.Concat(redact.Constant("**What would help:** "), help))
	}
	parts = append(parts, fold(redact.Constant("Relevant output"), block("text", q.text(tail(in.Stop.Log, maxOutput), maxOutput))))
	ids := words(redact.Constant("Incident"), q.name(in.Incident, maxName), redact.Constant("· run"), q.name(in.Run, maxName))
	if in.PageURL != "" {
		ids = words(ids, redact.Constant("· evidence"), q.name(in.PageURL, 300))
	}
	return paragraphs(append(parts, ids)...)
}

// meaning says a stop type in words.
func meaning(t fault.StopType) redact.Clean {
	switch t {
	case fault.NoSource:
		return redact.Constant("the repository or commit is unknown")
	case fault.Tainted:
		return redact.Constant("the event's frames do not exist in its commit")
	case fault.NeedsEnvironment:
		return redact.Constant("the project's environment could not be built")
	case fault.NeedsLocals:
		return redact.Constant("the event has no local variables")
	case fault.ValueLost:
		return redact.Constant("a value that the test needs was filtered or truncated by the SDK")
	case fault.NeedsInput:
		return redact.Constant("no call in the stack can be reconstructed from the event")
	case fault.NotReproduced:
		return redact.Constant("the test passed, or failed differently from production")
	case fault.Flaky:
		return redact.Constant("the test failed in some runs only")
	case fault.AlreadyFixed:
		return redact.Constant("the failure is gone on the default branch")
	case fault.NoPatch:
		return redact.Constant("the failure was reproduced, but no patch was found")
	case fault.Rejected:
		return redact.Constant("the failure was reproduced, but no candidate was accepted")
	case fault.Undecided:
		return redact.Constant("there are candidates, but a person has to decide what is right")
	case fault.Policy:
		return redact.Constant("a policy forbids the repair")
	case fault.OverBudget:
		return redact.Constant("time, tokens or money ran out")
	case fault.Cancelled:
		return redact.Constant("a person cancelled the run")
	}
	return redact.Constant("for a reason unknown to this version")
}

// dollars renders an amount of US dollars.
func dollars(d float64) string { return fmt.Sprintf("%.2f USD", max(d, 0)) }
