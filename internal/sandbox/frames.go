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

// maxFrame limits a frame's payload, in bytes; supervisor.py reads and sends
// chunks of this size.
const maxFrame = 64 << 10

// A frame is one message from the supervisor. supervisor.py documents the kinds.
type frame struct {
	kind    byte
	payload []byte
}

// readFrame reads one frame. io.EOF means a clean end of stream.
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

// readFrames forwards frames until the stream ends or fails, or gone is closed.
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

// inertName reports whether an artifact's name is a relative path without special
// meaning to a terminal, a page or a file system.
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

// escape escapes control characters in untrusted text and limits its length.
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
