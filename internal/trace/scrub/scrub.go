// Package scrub takes credentials and personal data out of traces, and leaves
// them traces: what replaces a value is what replaces it in the project's
// bundles.
package scrub

import (
	"bufio"
	"io"
	"os"
	"path/filepath"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Trace copies a trace, plain or compressed, as plain lines without
// credentials and personal data: in values, names of dict keys, messages,
// arguments and names of processes, threads, tasks and tests. A value gets
// the same replacement as in the project's bundles. A value seen under a
// sensitive name is replaced wherever else it occurs in the trace. A literal
// stays a literal, and identities, lines and times stay as they are; so do names
// of files, functions, types and variables, but for providers' tokens and
// numbers of cards in them.
//
// Invalid lines are left out, and counted. r is read twice: anything but a
// file is copied to a temporary one.
func Trace(w io.Writer, r io.Reader, red *redact.Redactor) (dropped int, err error) {
	file, ok := r.(io.ReadSeeker)
	if !ok {
		spool, err := os.CreateTemp("", "trace-")
		if err != nil {
			return 0, err
		}
		defer os.Remove(spool.Name()) //nolint:errcheck // on the way out: there is nobody to tell
		defer spool.Close()
		if _, err := io.Copy(spool, io.LimitReader(r, trace.MaxStream)); err != nil {
			return 0, err
		}
		file = spool
	}
	start := int64(0)
	if ok {
		if start, err = file.Seek(0, io.SeekCurrent); err != nil { // a pipe cannot
			return Trace(w, struct{ io.Reader }{r}, red)
		}
	}
	x := newScrubber(red)
	for _, pass := range []func() error{
		func() error { return x.learn(file) },
		func() error { return x.copy(w, file) },
	} {
		if _, err := file.Seek(start, io.SeekStart); err != nil {
			return 0, err
		}
		if err := pass(); err != nil {
			return x.dropped, err
		}
	}
	return x.dropped, nil
}

// Dir redacts the trace files of a directory where they are. What was
// sensitive in one is in the others.
func Dir(dir string, red *redact.Redactor) (dropped int, err error) {
	names, err := trace.Files(dir)
	if err != nil {
		return 0, err
	}
	x := newScrubber(red)
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		err = x.learn(f)
		_ = f.Close() // it was only read
		if err != nil {
			return 0, err
		}
	}
	for _, name := range names {
		if err := x.replace(name); err != nil {
			return x.dropped, err
		}
	}
	return x.dropped, nil
}

// replace puts the redacted file in the place of the other.
func (x *scrubber) replace(name string) (err error) {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(name), ".redacted-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = out.Close() // it goes
			_ = os.Remove(out.Name())
		}
	}()
	if err := x.copy(out, in); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.Rename(out.Name(), name)
}

// Bounds of what is kept while a trace is redacted.
const (
	maxLearned = 5_000 // values of sensitive names
	maxMemo    = 50_000
)

// A scrubber redacts the lines of one trace.
type scrubber struct {
	wire.Scanner
	red     *redact.Redactor
	known   *redact.Known
	out     []byte
	dropped int

	learning  bool
	learned   []incident.Variable
	seen      map[string]bool
	sensitive map[string]bool   // by name
	memo      map[string][]byte // JSON of a string in its context → redacted
	names     map[string]string // names of the program → redacted
}

func newScrubber(red *redact.Redactor) *scrubber {
	return &scrubber{red: red, seen: map[string]bool{}, sensitive: map[string]bool{}, memo: map[string][]byte{}, names: map[string]string{}}
}

// learn looks for the values of sensitive names.
func (x *scrubber) learn(r io.Reader) error {
	x.learning = true
	err := x.lines(r, func([]byte) {})
	x.learning, x.dropped = false, 0
	frame := incident.Frame{File: "trace", Function: "trace", Line: 1, HasVars: true, Locals: x.learned}
	x.known = x.red.Event(incident.Event{Exceptions: []incident.Exception{{Type: "Trace", Frames: []incident.Frame{frame}}}}).Known()
	return err
}

// copy writes the redacted lines.
func (x *scrubber) copy(w io.Writer, r io.Reader) error {
	to := bufio.NewWriterSize(w, 64<<10)
	if err := x.lines(r, func(line []byte) {
		_, _ = to.Write(line) // an error is there at Flush, too
		_ = to.WriteByte('\n')
	}); err != nil {
		return err
	}
	return to.Flush()
}

func (x *scrubber) lines(r io.Reader, f func(line []byte)) error {
	plain, done, err := trace.Decompressed(r)
	if err != nil {
		return err
	}
	defer done()
	long, err := trace.EachLine(io.LimitReader(plain, trace.MaxStream), func(line []byte) {
		if len(line) >= wire.MaxLine || !x.line(line) {
			x.dropped++
			return
		}
		f(x.out)
	})
	x.dropped += long
	if err == io.ErrUnexpectedEOF { //nolint:errorlint // as the decompressor returns it where a stream was cut
		return nil
	}
	return err
}

// line redacts one line into x.out; false where it is not valid.
func (x *scrubber) line(line []byte) bool {
	x.B, x.I, x.Depth, x.out = line, 0, 0, x.out[:0]
	kind := wire.Kind("")
	ok := x.object(func(key string) bool {
		if key == "k" && x.Peek() == '"' {
			mark := x.I
			text, ok := x.Text()
			kind, x.I = wire.Kind(text), mark
			if !ok {
				return false
			}
		}
		return x.field(kind, key)
	})
	return ok && x.Peek() == 0 && x.I == len(x.B)
}

// field redacts the value of a line's key.
func (x *scrubber) field(kind wire.Kind, key string) bool {
	switch key {
	case "a", "m", "loc", "s":
		return x.pairs("")
	case "v":
		return x.value("")
	case "w", "stack", "frames":
		return x.list(func(int) bool { return x.object(x.framePart) })
	case "from":
		return x.object(x.framePart)
	case "argv":
		return x.argv()
	case "name":
		if kind == "code" {
			return x.label()
		}
		return x.any("")
	case "k", "f", "file", "kind", "sig", "python", "impl", "engine", "exe", "state", "o", "x", "xm", "how", "why", "at", "args", "df":
		return x.label()
	}
	return x.any("")
}

// framePart redacts the value of a key of a frame, a watch or an origin.
func (x *scrubber) framePart(key string) bool {
	switch key {
	case "loc":
		return x.pairs("")
	case "v":
		return x.value("")
	case "file", "name":
		return x.label()
	}
	return x.any("")
}

// value redacts a value. name is the sensitive name that it has, or what holds
// it, "" for none.
func (x *scrubber) value(name string) bool {
	if x.Peek() == '"' {
		return x.string(name, true)
	}
	if x.Peek() != '{' {
		return x.any(name)
	}
	return x.object(func(key string) bool {
		switch key {
		case "t", "m", "new", "dt":
			return x.label()
		case "r", "re":
			return x.string(name, true)
		case "e", "a":
			return x.list(func(int) bool { return x.value(name) })
		case "kv":
			return x.list(func(int) bool { return x.keyed(name) })
		case "f", "cf":
			return x.pairs(name)
		}
		return x.any(name)
	})
}

// pairs redacts a list of pairs of a name and a value.
func (x *scrubber) pairs(outer string) bool {
	return x.list(func(int) bool {
		name := outer
		return x.list(func(n int) bool {
			if n == 0 && x.Peek() == '"' {
				if own := x.lookAhead(); x.isSensitive(own) {
					name = own
				}
				return x.label()
			}
			return x.value(name)
		})
	})
}

// keyed redacts a pair of a mapping's key and value.
func (x *scrubber) keyed(outer string) bool {
	name := outer
	return x.list(func(n int) bool {
		if n == 0 && x.Peek() == '"' {
			if own := unquoted(x.lookAhead()); x.isSensitive(own) {
				name = own
			}
			return x.string(outer, true)
		}
		return x.value(name)
	})
}

// argv redacts a command line, where an option and its value are two elements.
func (x *scrubber) argv() bool {
	before := ""
	return x.list(func(int) bool {
		if x.Peek() != '"' {
			return x.any("")
		}
		own, name := x.lookAhead(), ""
		if len(before) > 2 && before[0] == '-' && x.isSensitive(optionName(before)) {
			name = optionName(before)
		}
		before = own
		return x.string(name, false)
	})
}
