package view

import (
	"io"

	"github.com/repaird/repaird/internal/pytrace"
)

// Open reads a trace: a file, plain or compressed with zstd; a directory that
// holds trace files; or, for "-", what stdin gives. Files are recognised by
// their content.
func Open(name string, stdin io.Reader) (*pytrace.Trace, error) {
	if name == "-" {
		return pytrace.Read(stdin)
	}
	return pytrace.Open(name)
}
