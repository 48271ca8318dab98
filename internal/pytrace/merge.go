package pytrace

import (
	"bufio"
	"bytes"
	"io"
	"os"
)

// Merge writes the trace files of a directory as one stream, of which Read
// makes the same Trace as ReadDir of the directory. It holds no NUL bytes, and
// a line that was cut stays one.
func Merge(w io.Writer, dir string) error {
	names, err := traceFiles(dir)
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
	s := splitter{r: f, size: blockSize}
	var text []byte
	for !s.ended {
		text = s.fill(text)
		for line := range bytes.Lines(text) {
			from, to := trim(line, 0, len(line))
			if from == to {
				continue
			}
			_, _ = w.Write(line[from:to]) // an error is there at Flush, too
			_ = w.WriteByte('\n')
		}
	}
	return s.err
}
