package verify

import "github.com/repaird/repaird/internal/patch"

// A Head is the verdict on the head of the branch that the pull request goes to,
// where that is another commit than the one that failed. It was computed as the
// first one, with every gate, and accepts.
type Head struct {
	Commit     string      `json:"commit"`
	Patch      patch.Patch `json:"patch"` // as it applies there
	Diff       string      `json:"diff"`  // unified, of Patch
	Gates      []Gate      `json:"gates"`
	ProofModes []string    `json:"proof_modes"`
}
