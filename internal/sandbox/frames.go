package sandbox

import (
	"bufio"
	"encoding/binary"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFrame bounds the payload of a frame; supervisor.py reads and sends in chunks
// of this size.
const maxFrame = 64 << 10

// A frame is one message of the supervisor; supervisor.py documents them.
type frame struct {
	kind    byte
	payload []byte
}

// readFrame reads one frame. io.EOF means a clean end.
func readFrame(r io.Reader) (frame, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return frame{}, io.ErrUnexpectedEOF
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return frame{}, io.ErrUnexpectedEOF
	}
	return frame{head[0], payload}, nil
}

// readFrames passes frames on until the stream ends or breaks, or nobody listens.
func readFrames(r io.Reader, to chan<- frame, gone <-chan struct{}) {
	defer close(to)
	br := bufio.NewReaderSize(r, 2*maxFrame)
	for {
		f, err := readFrame(br)
		if err != nil {
			return
		}
		select {
		case to <- f:
		case <-gone:
			return
		}
	}
}

// inertName reports whether an artifact's name is a relative path that a terminal,
// a page and a file system take literally.
func inertName(name string) bool {
	if !fs.ValidPath(name) || name == "." || len(name) > 4096 || strings.ContainsRune(name, '\\') {
		return false
	}
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}

// escape makes text from a sandbox or a program inert and bounded.
func escape(s string) string {
	var b strings.Builder
	for len(s) > 0 && b.Len() < 600 {
		c, n := utf8.DecodeRuneInString(s)
		if c == utf8.RuneError && n == 1 || !unicode.IsPrint(c) {
			q := strconv.QuoteToASCII(s[:n])
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	if len(s) > 0 {
		b.WriteString("…")
	}
	return b.String()
}
