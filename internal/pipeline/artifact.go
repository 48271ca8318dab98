package pipeline

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/repro"
)

// Artifact names, as stored and as `repaird repair --out` calls its files.
const (
	ArtifactBundle       = "bundle.json"
	ArtifactReproduction = "reproduction.json"
	ArtifactRed          = "red.jsonl"
	ArtifactRepair       = "repair.json"
	ArtifactDecisions    = "decisions.json"
	ArtifactPinned       = "pinned.json"
	ArtifactVerdict      = "verdict.json"
	ArtifactVerdictRed   = "verdict-red.jsonl"
	ArtifactGreen        = "green.jsonl"
	ArtifactPullRequest  = "pull_request.json"
	ArtifactDiagnosis    = "card.md"
	ArtifactDivergence   = "divergence.json"
	ArtifactProposal     = "pull_request.md"
)

// An Artifact is the stored form of a stage's result.
type Artifact struct {
	Name    string
	Content []byte
	SHA256  [sha256.Size]byte
}

// encode returns the named artifacts of the case; those that it does not have
// are left out.
func (c *Case) encode(names []string) ([]Artifact, error) {
	var out []Artifact
	for _, name := range names {
		content, err := c.content(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if content != nil {
			out = append(out, Artifact{name, content, sha256.Sum256(content)})
		}
	}
	return out, nil
}

// content is one artifact, nil where the case has none.
func (c *Case) content(name string) ([]byte, error) {
	switch {
	case name == ArtifactBundle && c.Bundle != nil:
		return c.Bundle.JSON(), nil
	case name == ArtifactReproduction && c.Reproduction != nil:
		return json.Marshal(storedReproduction{reproductionVersion, c.Reproduction})
	case name == ArtifactRed && c.Reproduction != nil:
		return c.Reproduction.Trace, nil
	case name == ArtifactRepair && c.Repair != nil:
		return json.Marshal(c.Repair)
	case name == ArtifactDecisions && len(c.Decisions) > 0:
		return json.Marshal(c.Decisions)
	case name == ArtifactPinned && c.Pinned != nil:
		return json.Marshal(c.Pinned)
	case name == ArtifactVerdict && c.Verdict != nil:
		return json.Marshal(c.Verdict)
	case name == ArtifactVerdictRed && c.Verdict != nil:
		return c.Verdict.Red, nil
	case name == ArtifactGreen && c.Verdict != nil:
		return c.Verdict.Green, nil
	case name == ArtifactPullRequest && c.PullRequest != nil:
		return json.Marshal(c.PullRequest)
	case name == ArtifactDiagnosis && c.Diagnosis != "":
		return []byte(c.Diagnosis), nil
	case name == ArtifactDivergence && c.Divergence != nil:
		return json.Marshal(c.Divergence)
	}
	return nil, nil
}

// reproductionVersion is that of reproduction.json. Version 0, which had no
// number, named a directory of the host that built the environment, and the
// interpreter "python"; it is still read, without that directory. Raise it when
// an older repaird would misread the file.
const reproductionVersion = 1

type storedReproduction struct {
	Version int `json:"version"`
	*repro.Reproduction
}

func openReproduction(b []byte) (*repro.Reproduction, error) {
	// The version comes first: the rest of a newer one may mean anything.
	var stored struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(b, &stored); err != nil {
		return nil, err
	}
	if stored.Version > reproductionVersion {
		// A daemon of that version may take the run.
		return nil, fault.Errorf(fault.Retryable, "version %d was written by a newer repaird; this one reads up to version %d; update it", stored.Version, reproductionVersion)
	}
	r := &repro.Reproduction{}
	if err := json.Unmarshal(b, r); err != nil || stored.Version > 0 {
		return r, err
	}
	var old struct {
		Env struct {
			Interpreter string `json:"python"`
		} `json:"env"`
	}
	err := json.Unmarshal(b, &old)
	r.Env.Interpreter = old.Env.Interpreter
	return r, err
}

// Restore fills the case from stored artifacts.
func (c *Case) Restore(artifacts map[string][]byte) (err error) {
	defer fault.Wrap(&err, "restore run %s", c.Run)
	if b := artifacts[ArtifactBundle]; b != nil {
		if c.Bundle, err = bundle.Open(b); err != nil {
			return err
		}
	}
	if b := artifacts[ArtifactReproduction]; b != nil {
		if c.Reproduction, err = openReproduction(b); err != nil {
			return fmt.Errorf("%s: %w", ArtifactReproduction, err)
		}
		c.Reproduction.Trace = artifacts[ArtifactRed]
	}
	for _, f := range []struct {
		name string
		dst  any
	}{
		{ArtifactRepair, &c.Repair},
		{ArtifactDecisions, &c.Decisions},
		{ArtifactPinned, &c.Pinned},
		{ArtifactVerdict, &c.Verdict},
		{ArtifactPullRequest, &c.PullRequest},
		{ArtifactDivergence, &c.Divergence},
	} {
		if b := artifacts[f.name]; b != nil {
			if err := json.Unmarshal(b, f.dst); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	c.Diagnosis = string(artifacts[ArtifactDiagnosis])
	if c.Verdict != nil {
		c.Verdict.Red, c.Verdict.Green = artifacts[ArtifactVerdictRed], artifacts[ArtifactGreen]
	}
	return nil
}
