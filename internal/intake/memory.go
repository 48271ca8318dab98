package intake

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// errMemory becomes a 503, so the sender may retry.
var errMemory = fault.Errorf(fault.Retryable, "too many request bodies in flight")

// A memory limits the total bytes of all bodies in flight, so that concurrent
// large requests cannot exhaust the process's memory. A slow sender holds only
// what it has sent.
type memory struct{ left atomic.Int64 }

// A reservation is one request's share of a memory. A nil reservation is
// unlimited.
type reservation struct {
	from *memory
	n    int64
}

func (r *reservation) take(n int) error {
	if r == nil {
		return nil
	}
	if r.from.left.Add(-int64(n)) < 0 {
		r.from.left.Add(int64(n))
		return errMemory
	}
	r.n += int64(n)
	return nil
}

func (r *reservation) release() {
	r.from.left.Add(r.n)
	r.n = 0
}

// read reads a request's body as sent, at most Limits.Wire bytes. Its error is
// fault.Budget, fault.Retryable, or fault.Invalid if the body is incomplete.
func (s *server) read(w http.ResponseWriter, r *http.Request, mem *reservation) ([]byte, error) {
	limit := s.limits.Wire
	if r.ContentLength > int64(limit) {
		return nil, tooLarge(limit)
	}
	// Protects an http.Server without timeouts. Without access to the connection,
	// as in tests, there is nothing to protect.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.limits.ReadTimeout))
	raw, err := io.ReadAll(&reservingReader{io.LimitReader(r.Body, int64(limit)+1), mem})
	switch {
	case fault.KindOf(err) == fault.Retryable:
		return nil, err
	case err != nil:
		return nil, fault.Errorf(fault.Invalid, "incomplete request body: %w", err)
	case len(raw) > limit:
		return nil, tooLarge(limit)
	}
	return raw, nil
}

type reservingReader struct {
	r   io.Reader
	mem *reservation
}

func (r *reservingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		if err := r.mem.take(n); err != nil {
			return n, err
		}
	}
	return n, err
}
