package run

import (
	"bytes"
	"io"
	"sync"
)

// A Mux lets a program and a view write to one stream so that lines stay
// whole: what a view writes waits until the program's line has ended.
//
//	mux := run.NewMux(os.Stdout)
//	options.Stdout = mux.Program()
//	view := &run.Calls{Data: mux}
//	…
//	mux.Flush()
type Mux struct {
	mu      sync.Mutex
	w       io.Writer
	open    bool // the program's line has not ended
	waiting bytes.Buffer
}

const maxWaiting = 1 << 20

// NewMux returns a Mux on w.
func NewMux(w io.Writer) *Mux { return &Mux{w: w} }

// Write writes whole lines of a view.
func (m *Mux) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open && m.waiting.Len() < maxWaiting {
		return m.waiting.Write(b)
	}
	if m.open {
		m.flush()
	}
	return m.w.Write(b)
}

// Program returns the writer for the program's output.
func (m *Mux) Program() io.Writer { return programSide{m} }

// Flush writes what waits. To be called when the program has ended.
func (m *Mux) Flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting.Len() > 0 {
		m.flush()
	}
}

// flush ends the program's line for the view's.
func (m *Mux) flush() {
	_, _ = m.w.Write([]byte("\n"))
	_, _ = m.waiting.WriteTo(m.w)
	m.open = false
}

type programSide struct{ m *Mux }

func (p programSide) Write(b []byte) (int, error) {
	m := p.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	if i := bytes.IndexByte(b, '\n'); m.waiting.Len() > 0 && i >= 0 {
		if n, err := m.w.Write(b[:i+1]); err != nil {
			return n, err
		}
		if _, err := m.waiting.WriteTo(m.w); err != nil {
			return i + 1, err
		}
		m.open = false
		if i+1 == len(b) {
			return len(b), nil
		}
		n, err := m.w.Write(b[i+1:])
		m.open = b[len(b)-1] != '\n'
		return i + 1 + n, err
	}
	m.open = b[len(b)-1] != '\n'
	return m.w.Write(b)
}
