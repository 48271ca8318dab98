package run

import (
	"io"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
)

// keep writes the trace files of a directory to one file. The file appears complete or not at all, and only
// its owner can read it: a trace holds what the program worked on.
func keep(dir, name string) error {
	return view.WriteFile(name, func(w io.Writer) error { return trace.Merge(w, dir) })
}
