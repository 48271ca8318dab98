// Package patch represents a candidate fix as search/replace edits, checks it
// against the policy for machine-made changes, applies it in memory, and
// renders it as a unified diff.
package patch

// An Edit replaces one occurrence of Search in Path by Replace. Search must
// occur exactly once. An empty Search with a path that does not exist creates
// the file.
type Edit struct {
	Path    string `json:"path"` // slash-separated, relative to the repository
	Search  string `json:"search"`
	Replace string `json:"replace"`
}

// A Patch is a candidate fix: edits in order.
type Patch struct {
	Edits []Edit `json:"edits"`
	Why   string `json:"why,omitempty"` // the proposer's rationale; hostile text
}

// A Policy says what a machine-made patch may touch. The zero value is the default policy.
type Policy struct {
	MaxFiles int // default 5
	MaxLines int // changed lines, default 120
}
