package intake

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// errMemory is answered with 503: the sender may try again.
var errMemory = fault.Errorf(fault.Retryable, "too many bodies at once")

// A memory bounds the bytes of all bodies that are under way together, so that
// many large requests cannot exhaust the process. A slow sender holds no more
// than what it has sent.
type memory struct{ left atomic.Int64 }

// A lease is one request's part of a memory. A nil lease is without bound.
type lease struct {
	from *memory
	n    int64
}

func (l *lease) take(n int) error {
	if l == nil {
		return nil
	}
	if l.from.left.Add(-int64(n)) < 0 {
		l.from.left.Add(int64(n))
		return errMemory
	}
	l.n += int64(n)
	return nil
}

func (l *lease) release() {
	l.from.left.Add(l.n)
	l.n = 0
}

// read reads a request's body as it was sent, at most limit bytes. Its error is
// fault.Budget, fault.Retryable, or fault.Invalid where the sender broke off.
func (s *server) read(w http.ResponseWriter, r *http.Request, mem *lease) ([]byte, error) {
	limit := s.limits.Wire
	if r.ContentLength > int64(limit) {
		return nil, tooLarge(limit)
	}
	// A server without timeouts of its own is protected too; where the
	// connection cannot be reached, as in tests, there is nothing to protect.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.limits.ReadTimeout))
	raw, err := io.ReadAll(&leasedReader{io.LimitReader(r.Body, int64(limit)+1), mem})
	switch {
	case fault.KindOf(err) == fault.Retryable:
		return nil, err
	case err != nil:
		return nil, fault.Errorf(fault.Invalid, "the body did not arrive: %w", err)
	case len(raw) > limit:
		return nil, tooLarge(limit)
	}
	return raw, nil
}

type leasedReader struct {
	r   io.Reader
	mem *lease
}

func (r *leasedReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		if err := r.mem.take(n); err != nil {
			return n, err
		}
	}
	return n, err
}
