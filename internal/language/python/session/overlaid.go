package session

import (
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/language/python/tree"
	"github.com/repaird/repaird/internal/patch"
)

// Overlaid returns a directory with a tree and an overlay over it, as sessions
// use it, until remove is called. Files that steer the runner are left out of
// the overlay.
func (r *Runner) Overlaid(base string, overlay patch.Overlay) (dir string, remove func(), err error) {
	dir, _, remove, err = tree.With(r.Scratch, base, overlay, patchrules.Steers)
	return dir, remove, err
}
