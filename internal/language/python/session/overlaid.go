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
	dir, _, remove, err = r.materialise(base, overlay)
	return dir, remove, err
}

// materialise also returns the paths that were left out.
func (r *Runner) materialise(base string, overlay patch.Overlay) (dir string, ignored []string, cleanup func(), err error) {
	return tree.With(r.Scratch, base, overlay, patchrules.Steers)
}
