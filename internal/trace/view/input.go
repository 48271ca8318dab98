package view

import (
	"fmt"
	"io"

	"github.com/repaird/repaird/internal/trace"
)

// Open reads a trace: a file, plain or compressed with zstd; a directory that
// holds trace files; or, for "-", what stdin gives. Files are recognised by
// their content: a file that was not written by a traced process is an error.
func Open(name string, stdin io.Reader) (*trace.Trace, error) {
	t, err := open(name, stdin)
	switch {
	case err != nil:
		return nil, err
	case t.Version() > trace.FormatVersion:
		return nil, fmt.Errorf("%s: a newer repaird wrote this trace (version %d of the format, this one reads %d)", name, t.Version(), trace.FormatVersion)
	case !t.Traced():
		return nil, fmt.Errorf("%s: not a trace, or one of a run in which nothing was traced: no process is in it", name)
	}
	return t, nil
}

func open(name string, stdin io.Reader) (*trace.Trace, error) {
	if name == "-" {
		return trace.Read(stdin)
	}
	return trace.Open(name)
}
