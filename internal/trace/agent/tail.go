package agent

import (
	"slices"
	"strings"
	"sync"
)

// tail keeps the end of what is written to it: at least maxWindow bytes, so
// that what is redacted holds whole secrets around the part that is answered.
type tail struct {
	mu   sync.Mutex
	data []byte
	cut  bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if len(t.data) > 2*maxWindow { // seldom, as it moves them all
		t.data, t.cut = slices.Delete(t.data, 0, len(t.data)-maxWindow), true
	}
	return len(p), nil
}

// text returns the end, of at most maxOutput bytes and from the beginning of a
// line where it can be, of what clean makes of the whole. The line that the
// window cut may begin with half a secret: it is left out.
func (t *tail) text(clean func(string) string) string {
	t.mu.Lock()
	raw, cut := string(t.data), t.cut
	t.mu.Unlock()
	s := clean(raw)
	if cut {
		_, s, _ = strings.Cut(s, "\n")
	}
	if over := len(s) - maxOutput; over > 0 {
		s, cut = s[over:], true
		if at := strings.IndexByte(s, '\n'); at >= 0 && at < len(s)-1 {
			s = s[at+1:]
		}
	}
	if cut {
		return "… " + strings.ToValidUTF8(s, "")
	}
	return s
}
