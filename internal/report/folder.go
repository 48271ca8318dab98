package report

import (
	"encoding/json"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/verify"
)

// The files of an output directory. Which exist depends on how far the run got;
// report.json always does. The test file has its own name.
const (
	FileReport      = "report.json"
	FileBundle      = "bundle.json"
	FileBundleYAML  = "bundle.yaml"
	FileRed         = "red.jsonl"
	FileGreen       = "green.jsonl"
	FileCard        = "card.md"
	FileDivergence  = "divergence.md"
	FilePatch       = "patch.diff"
	FileVerdict     = "verdict.json"
	FileQuestion    = "question.md"
	FileAttempts    = "attempts.json"
	FilePullRequest = "pull_request.md"
)

// A Summary is report.json: one run for programs. Fields may be added.
type Summary struct {
	Version     int                `json:"version"` // 1
	Run         string             `json:"run"`
	Outcome     string             `json:"outcome"` // verified, stopped, incomplete
	Stop        *fault.Stop        `json:"stop,omitempty"`
	Incident    string             `json:"incident,omitempty"`
	Summary     string             `json:"summary,omitempty"`
	Bundle      string             `json:"bundle,omitempty"` // id
	Repository  string             `json:"repository,omitempty"`
	Commit      string             `json:"commit,omitempty"` // base
	Signature   incident.Signature `json:"signature,omitzero"`
	Test        string             `json:"test,omitempty"` // path::name
	Called      string             `json:"called,omitempty"`
	Strategy    string             `json:"strategy,omitempty"`
	Fidelity    *repro.Fidelity    `json:"fidelity,omitempty"`
	Failed      int                `json:"failed,omitempty"` // k
	Runs        int                `json:"runs,omitempty"`   // of N
	Accepted    bool               `json:"accepted"`
	Decision    verify.Decision    `json:"decision,omitempty"`
	Strength    behaviour.Strength `json:"strength,omitempty"`
	Gates       []verify.Gate      `json:"gates,omitempty"`
	ProofModes  []string           `json:"proof_modes,omitempty"`
	Proposer    string             `json:"proposer,omitempty"`
	Candidates  int                `json:"candidates,omitempty"`
	Usage       llm.Usage          `json:"usage,omitzero"`
	Dollars     float64            `json:"dollars"`
	Unpriced    bool               `json:"unpriced,omitempty"` // Dollars is unknown: no price is configured for the model
	Millis      int64              `json:"repair_millis,omitempty"`
	PullRequest *forge.PullRequest `json:"pull_request,omitempty"`
	Files       []string           `json:"files"` // of the directory, without report.json
}

// Tried is attempts.json: everything that was tried for one repair.
type Tried struct {
	Attempts     []repair.Attempt `json:"attempts"`               // candidates that were verified, with the gate that refused each
	Alternatives []patch.Patch    `json:"alternatives,omitempty"` // of other behaviour
	Trials       []repair.Trial   `json:"trials,omitempty"`       // candidates that were tried on tests alone
}

// Summarise returns the summary of a run, any part of which may be missing.
func Summarise(in Input, stop *fault.Stop, pr *forge.PullRequest) Summary {
	s := Summary{Version: 1, Run: in.Run, Outcome: "incomplete", Stop: stop, PullRequest: pr, Files: []string{}}
	if b := in.Bundle; b != nil {
		s.Incident, s.Summary, s.Bundle = b.Incident.ID, b.Incident.Summary, b.ID
		s.Repository, s.Commit, s.Signature = b.Code.Repository, b.Code.Commit, b.Incident.Signature
	}
	if r := in.Reproduction; r != nil {
		s.Signature, s.Test, s.Called, s.Strategy = r.Signature, r.Test.Path+"::"+r.Test.Name, r.Called, r.Strategy
		s.Fidelity, s.Failed, s.Runs = &r.Fidelity, r.Failed, r.Runs
	}
	if x := in.Repair; x != nil {
		s.Unpriced = x.Unpriced
		s.Proposer, s.Candidates, s.Usage, s.Dollars, s.Millis = x.Proposer, len(x.Attempts), x.Usage, x.Dollars, x.Wall.Milliseconds()
	}
	if v := in.Verdict; v != nil {
		s.Accepted, s.Gates, s.ProofModes = v.Decision == verify.Accepted, v.Gates, v.ProofModes
		s.Decision, s.Strength = v.Decision, v.Strength
		if v.Decision == verify.Accepted {
			s.Outcome = "verified"
		}
	}
	if stop != nil {
		s.Outcome = "stopped"
	}
	return s
}

// WriteFolder writes all results of a run to dir, which is created if it is
// missing. stop and pr may be nil. Files are private to their owner: they are
// redacted, but still evidence.
func WriteFolder(dir string, in Input, stop *fault.Stop, pr *forge.PullRequest) (s Summary, err error) {
	defer fault.Wrap(&err, "write output directory %s", dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return s, err
	}
	defer func() { _ = root.Close() }()
	s = Summarise(in, stop, pr)
	for _, f := range files(in, stop) {
		if len(f.content) == 0 {
			continue
		}
		if err := writeFile(root, f.name, f.content); err != nil {
			return s, err
		}
		s.Files = append(s.Files, f.name)
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return s, err
	}
	return s, writeFile(root, FileReport, append(data, '\n'))
}

type file struct {
	name    string
	content []byte
}

func files(in Input, stop *fault.Stop) []file {
	var out []file
	q := quoter{in.Redactor, in.Known}
	if in.Bundle != nil {
		out = append(out, file{FileBundle, in.Bundle.JSON()}, file{FileBundleYAML, in.Bundle.YAML()})
	}
	if r := in.Reproduction; r != nil {
		if !r.Test.Own {
			out = append(out, file{testFile(r.Test.Path), []byte(in.Redactor.Code(publishedTest(in), in.Known).String())})
		}
		out = append(out, file{FileRed, r.Trace})
	}
	out = append(out, file{FileCard, []byte(in.Redactor.Text(in.Diagnosis, in.Known).String())})
	if card := cardText(in); card != "" {
		out = append(out, file{FileDivergence, []byte(block("text", q.text(card, maxInput)).String() + "\n")})
	}
	if x := in.Repair; x != nil {
		data, err := json.MarshalIndent(Tried{x.Attempts, x.Alternatives, x.Trials}, "", "  ")
		if err == nil {
			out = append(out, file{FileAttempts, append(data, '\n')})
		}
	}
	if v := in.Verdict; v != nil {
		data, err := json.MarshalIndent(v, "", "  ")
		if err == nil {
			out = append(out, file{FileVerdict, append(data, '\n')})
		}
		out = append(out, file{FilePatch, []byte(v.Diff)}, file{FileGreen, v.Green})
		if v.Question != nil && stop != nil && stop.Type == fault.Undecided {
			out = append(out, file{FileQuestion, []byte(question(v.Question, in.Run, q).String() + "\n")})
		}
		if v.Decision == verify.Accepted && stop == nil && in.Bundle != nil && in.Reproduction != nil && in.Repair != nil {
			p := PullRequest(in)
			out = append(out, file{FilePullRequest, []byte("# " + p.Title.String() + "\n\n" + forge.Fit(p.Body.String(), forge.BodyLimit-200) + "\n")})
		}
	}
	return out
}

// publishedTest is the source of the test, with what it asserts in the end.
func publishedTest(in Input) string {
	if in.Assertion.Test != "" {
		return in.Assertion.Test
	}
	return in.Reproduction.Test.Source
}

// others are the names of the files that every folder may have.
var others = []string{
	FileReport, FileBundle, FileBundleYAML, FileRed, FileGreen, FileCard, FileDivergence, FilePatch, FileVerdict, FileAttempts, FilePullRequest,
}

// testFile is the name of the test's file in the directory: it never replaces
// one of the others, not even on a case-insensitive file system, and is never
// hidden.
func testFile(p string) string {
	name := path.Base(path.Clean("/" + p))
	switch {
	case name == "/":
		return "test"
	case name[0] == '.', slices.ContainsFunc(others, func(other string) bool { return strings.EqualFold(other, name) }):
		return "test_" + name
	}
	return name
}

func writeFile(root *os.Root, name string, content []byte) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
