package trace

import (
	"bufio"
	"io"
	"os"
)

// Merge writes the trace files of a directory as one stream, of which Read
// makes the same Trace as ReadDir of the directory. It holds no NUL bytes, and
// a line that was cut stays one.
func Merge(w io.Writer, dir string) error {
	names, err := Files(dir)
	if err != nil {
		return err
	}
	to := bufio.NewWriterSize(w, 64<<10)
	for _, name := range names {
		if err := mergeFile(to, name); err != nil {
			return err
		}
	}
	return to.Flush()
}

func mergeFile(w *bufio.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = EachLine(f, func(line []byte) {
		_, _ = w.Write(line) // an error is there at Flush, too
		_ = w.WriteByte('\n')
	})
	return err
}
