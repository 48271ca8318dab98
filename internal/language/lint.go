package language

import (
	"context"

	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

// Linter runs the linters and type checkers that a repository configures for
// itself. Their configuration is the repository's and may run its code, so they
// run in a sandbox, and what they report is bounded and untrusted: it may speak
// against a patch, never for it. Safe for concurrent use.
type Linter interface {
	// Lint runs them on files of a tree with an overlay. It returns one Check for
	// each checker that the tree itself configures, in a fixed order; none where it
	// configures none, or where none of the files is for a checker. Files that are
	// not there are passed over. An error means that the sandbox failed; a checker
	// that fails is a Check.
	Lint(ctx context.Context, s Sources) ([]Check, error)
}

// Sources are the files to be checked.
type Sources struct {
	Run     string // run id, for labels
	Env     testrun.Environment
	Tree    string        // host directory of the base commit's tree
	Overlay patch.Overlay // nil is base; files that configure a checker are left out of it
	Paths   []string      // relative to the tree
}

// A Check is what one checker reported.
type Check struct {
	Checker  string    // such as mypy
	Failure  string    // why it did not run to its end, a clause without its name; nothing else is set then
	Findings []Finding // in the files asked for
}

// A Finding is one complaint. Its texts are single lines.
type Finding struct {
	Path    string
	Line    int    // 0 where it is about the whole file
	Code    string // the checker's name for the rule; may be empty
	Message string
	Error   bool // the code is wrong, rather than its style
}
