// Package patch represents a candidate fix as search/replace edits, checks it
// against the policy for generated changes, applies it in memory, and renders
// it as a unified diff.
//
// A [Patch] names text rather than line numbers, because a model that is one
// line off in a diff is right far more often than the diff applies:
//
//	p := patch.Patch{Edits: []patch.Edit{{
//		Path:    "shop/cart.py",
//		Search:  "for i in range(len(items) - 1):",
//		Replace: "for i in range(len(items)):",
//	}}}
//	base := patch.Dir("/path/to/tree")
//	if err := (patch.Policy{Rules: language}).Check(base, p); err != nil { … } // *patch.Violation or *patch.ApplyError
//	overlay, err := patch.Apply(base, p)  // path → new content; the tree is not touched
//	diff, err := patch.Diff(base, overlay) // for people and pull requests
//
// Everything in a Patch is untrusted: paths, texts and rationale. Nothing in
// this package executes or writes anything; [Policy.Check] is the gate that a
// patch passes before anything else looks at it.
//
// Stored form: the JSON of Patch. Diffs are derived and never parsed back.
package patch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// An Edit replaces one occurrence of Search in Path by Replace. Search must
// occur exactly once. An empty Search with a path that does not exist creates
// the file. Files cannot be deleted.
//
// In a file whose lines all end in CRLF, newlines of Search and Replace stand
// for CRLF, and in one that has only LF a CRLF stands for LF; so an edit never
// changes a file's line endings. A file with both is matched byte by byte.
type Edit struct {
	Path    string `json:"path"` // slash-separated, relative to the repository
	Search  string `json:"search"`
	Replace string `json:"replace"`
}

// A Patch is a candidate fix: edits in order, each applied to the result of
// those before it.
type Patch struct {
	Edits []Edit `json:"edits"`
	Why   string `json:"why,omitempty"` // the proposer's rationale; untrusted
}

// ID identifies the patch by its edits, 16 hex digits; the rationale does not
// count.
func (p Patch) ID() string {
	b, err := json.Marshal(p.Edits)
	if err != nil {
		panic(err) // strings always marshal
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// Paths returns the files that the patch names, without duplicates, in order
// of first mention.
func (p Patch) Paths() []string {
	var paths []string
	seen := map[string]bool{}
	for _, e := range p.Edits {
		if !seen[e.Path] {
			seen[e.Path] = true
			paths = append(paths, e.Path)
		}
	}
	return paths
}

// An Overlay is the effect of a patch on a tree: path → new content of each
// file that it changes or creates. Files that end up unchanged are not in it.
type Overlay = map[string][]byte

// Limits on what is read and written, whatever the policy.
const (
	maxFileBytes = 4 << 20   // of a file that is edited
	maxEdits     = 200       //
	maxEditBytes = 256 << 10 // Search and Replace of one edit
)
