// Package report renders what a reviewer sees: the pull request's text, the
// verdict as a check, the comment of a stop, and the directory that `repaird
// repair --out DIR` writes.
//
//	p := report.PullRequest(report.Input{Run: id, Key: key, Bundle: b, Reproduction: r, Repair: x, Verdict: v, Redactor: red})
//	proposal.Title, proposal.Body, proposal.Message, proposal.Check = p.Title, p.Body, p.Message, p.Check
//
// A page consists of repaird's own words and quotations. Everything from the
// event, the code under test, or the proposer is quoted: redacted once more,
// truncated, and put where Markdown, HTML, mentions, references and closing
// keywords have no effect (see quote.go). The essentials fit on one screen; the
// rest is folded.
package report

import (
	"strings"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/verify"
)

// CheckName is the verdict's name next to the commit.
const CheckName = "repaird/verdict"

// Label marks repaird's pull requests.
const Label = "repaird"

// An Input is one run's evidence. Redactor is required; PullRequest also needs
// Bundle, Reproduction, Repair and Verdict.
type Input struct {
	Run          string // run id
	Key          string // idempotency key; names the branch in the replay commands
	Bundle       *bundle.Bundle
	Reproduction *repro.Reproduction
	Repair       *repair.Result
	Verdict      *verify.Verdict
	Diagnosis    string              // diagnosis card of the red run
	Divergence   *diverge.Divergence // of red and green; nil if there is none
	Assertion    Assertion           // of the published test
	PageURL      string              // address of the run's evidence page; "" none

	Redactor *redact.Redactor
	Known    *redact.Known // the incident's sensitive values; may be nil
}

// Texts are the parts of a proposal that people read.
type Texts struct {
	Title   redact.Clean // one line
	Body    redact.Clean // Markdown
	Message redact.Clean // commit message
	Check   forge.Check
}

// Limits of what is quoted, in bytes. Their sum keeps a body below
// forge.BodyLimit with room to spare.
const (
	maxName      = 120   // a name, path or id
	maxMessage   = 300   // the exception's message
	maxWhy       = 1200  // root cause
	maxEvidence  = 240   // of one gate
	maxCardTop   = 2600  // divergence card above the fold
	maxCardLines = 16    // the same in lines
	maxCard      = 12000 // a whole card in a fold
	maxOutput    = 6000  // of the failing test
	maxGates     = 20
	maxFrames    = 30
)

// PullRequest renders a verified repair.
func PullRequest(in Input) Texts {
	q := quoter{in.Redactor, in.Known}
	return Texts{
		Title:   title(in, q),
		Message: message(in, q),
		Body:    body(in, q),
		Check: forge.Check{
			Name:    CheckName,
			Summary: paragraphs(verdictLine(in), commits(in, q), answerKnown(in, q), groundsTable(in, q), gatesTable(in, q), proof(in), fidelity(in)),
			Text:    divergence(in, q, maxCard, 0),
			Passed:  in.Verdict.Decision == verify.Accepted,
		},
	}
}

// title says what broke and where, in plain text.
func title(in Input, q quoter) redact.Clean {
	sig := in.Reproduction.Signature
	return words(redact.Constant("Fix"), q.plain(sig.Type, 60), redact.Constant("in"), q.plain(where(sig.Function, sig.File), 80))
}

func where(function, file string) string {
	switch {
	case function == "" || strings.HasPrefix(function, "<"): // it has no name of its own
		return file
	case file == "":
		return function
	}
	return function + " (" + file + ")"
}

// message is the commit message: plain text, without anything that a host would
// act on.
func message(in Input, q quoter) redact.Clean {
	lines := []redact.Clean{title(in, q), {}}
	if why := q.plain(in.Repair.Why, maxWhy); !why.Empty() {
		lines = append(lines, why, redact.Clean{})
	}
	lines = append(lines,
		words(redact.Constant("Test:"), q.plain(in.Reproduction.Test.Path+"::"+in.Reproduction.Test.Name, maxName)),
		words(redact.Constant("Incident:"), q.plain(in.Bundle.Incident.ID, maxName)),
		words(redact.Constant("Bundle:"), q.plain(in.Bundle.ID, maxName)),
	)
	return redact.Join(redact.Constant("\n"), lines...)
}

// body is one screen, and folds behind it.
func body(in Input, q quoter) redact.Clean {
	parts := []redact.Clean{
		lead(in, q),
		rootCause(in, q),
		section(redact.Constant("### What it answers"), answerKnown(in, q)),
		section(redact.Constant("### Where the failing and the repaired run diverge"), divergence(in, q, maxCardTop, maxCardLines)),
		section(redact.Constant("### Verdict"), paragraphs(verdictLine(in), commits(in, q), gatesTable(in, q), proof(in), fidelity(in))),
		fold(redact.Constant("What the strength of the answer rests on"), groundsTable(in, q)),
		fold(redact.Constant("The failing test"), failingTest(in, q)),
		fold(redact.Constant("How to replay"), replay(in, q)),
		fold(redact.Constant("Risk"), risk(in, q)),
	}
	if full := q.text(cardText(in), maxCard); full.Len() > maxCardTop || strings.Count(full.String(), "\n") >= maxCardLines {
		parts = append(parts, fold(redact.Constant("The full divergence card"), block("text", full)))
	}
	if card := q.text(in.Diagnosis, maxCard); !card.Empty() {
		parts = append(parts, fold(redact.Constant("Diagnosis of the failing run"), block("text", card)))
	}
	parts = append(parts, fold(redact.Constant("Identity and cost"), identity(in, q)))
	return paragraphs(parts...)
}

func cardText(in Input) string {
	if in.Divergence == nil {
		return ""
	}
	return in.Divergence.Text
}

// words joins with blanks, paragraphs with empty lines; both leave out what is empty.
func words(parts ...redact.Clean) redact.Clean { return join(redact.Constant(" "), parts) }

func paragraphs(parts ...redact.Clean) redact.Clean { return join(redact.Constant("\n\n"), parts) }

func lines(parts ...redact.Clean) redact.Clean { return join(redact.Constant("\n"), parts) }

func join(sep redact.Clean, parts []redact.Clean) redact.Clean {
	var have []redact.Clean
	for _, p := range parts {
		if !p.Empty() {
			have = append(have, p)
		}
	}
	return redact.Join(sep, have...)
}

func section(heading, content redact.Clean) redact.Clean {
	if content.Empty() {
		return content
	}
	return paragraphs(heading, content)
}

func fold(summary, content redact.Clean) redact.Clean {
	if content.Empty() {
		return content
	}
	return paragraphs(
		redact.Concat(redact.Constant("<details>\n<summary>"), summary, redact.Constant("</summary>")),
		content, redact.Constant("</details>"))
}
