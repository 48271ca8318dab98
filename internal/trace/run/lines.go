package run

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// How Lines shows a line.
const (
	XTraceLines   = "lines"   // as bash -x: + and the line
	XTraceNumbers = "numbers" // with its number, and the file where it is not the command's own script
	XTraceAll     = "all"     // with file and number; the scope is all Python code
)

// Lines prints each line that ran, as bash -x does.
type Lines struct {
	Data  io.Writer // bash's are on standard error
	Dir   string
	Style string // one of the constants
	Max   int    // lines; 0 for no limit

	files map[string][][]byte
	lines int
	over  bool
}

const (
	maxSource  = 8 << 20
	maxSources = 2000
)

// Record implements View.
func (x *Lines) Record(r trace.Followed) {
	if r.Kind != wire.KindStep || r.Code == nil || x.over {
		return
	}
	if x.Max > 0 && x.lines >= x.Max {
		x.over = true
		fmt.Fprintf(x.Data, "MAX_EVENTS reached (%d)\n", x.Max)
		return
	}
	x.lines++
	text := x.source(r.Code.File, r.Line)
	name := place{x.Dir}.file(r.Code.File)
	switch {
	case x.Style == XTraceAll:
		if len(name) > 32 {
			name = name[len(name)-32:]
		}
		fmt.Fprintf(x.Data, "+ [%32s:%-6d] %s\n", name, r.Line, text)
	case x.Style == XTraceNumbers && isOwnScript(r):
		fmt.Fprintf(x.Data, "+ [%6d] %s\n", r.Line, text)
	case x.Style == XTraceNumbers:
		fmt.Fprintf(x.Data, "+ [%s:%d] %s\n", name, r.Line, text)
	default:
		fmt.Fprintf(x.Data, "+ %s\n", text)
	}
}

// isOwnScript says whether a record's code is in the file that its process was
// started with.
func isOwnScript(r trace.Followed) bool {
	if len(r.Process.Argv) == 0 || r.Process.Argv[0] == "" {
		return false
	}
	return inDir(r.Process.Dir, filepath.Clean(r.Process.Argv[0])) == r.Code.File
}

// source returns a line of a file, without white space at its end.
func (x *Lines) source(file string, n int) string {
	lines, ok := x.files[file]
	if !ok {
		if x.files == nil {
			x.files = map[string][][]byte{}
		}
		if len(x.files) < maxSources {
			lines = readLines(file)
		}
		x.files[file] = lines
	}
	if n < 1 || n > len(lines) {
		return "?"
	}
	return string(bytes.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return plainRune(r)
	}, bytes.TrimRight(lines[n-1], " \t\r\f")))
}

func readLines(file string) [][]byte {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxSource {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return bytes.Split(data, []byte("\n"))
}

// Finish implements View.
func (x *Lines) Finish(*Result) {}
