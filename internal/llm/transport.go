package llm

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// maxBody limits a response body, in bytes; legitimate ones are far smaller.
const maxBody = 16 << 20

// ErrHung is in the error of a request that was cut off because the endpoint
// sent nothing for Options.Idle.
var ErrHung = errors.New("the endpoint gave no sign of life")

// guarded returns a client that rejects redirects, which would send the prompt
// elsewhere, limits response bodies to maxBody, and cuts off a request for which
// nothing arrives for so long.
func guarded(base *http.Client, idle time.Duration) *http.Client {
	c := http.Client{}
	if base != nil {
		c = *base
	}
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	c.Transport = guard{next, idle}
	return &c
}

type guard struct {
	next http.RoundTripper
	idle time.Duration
}

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	watch := time.AfterFunc(g.idle, func() { cancel(ErrHung) })
	end := func() { watch.Stop(); cancel(nil) }
	resp, err := g.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		defer end()
		return nil, g.explain(ctx, err)
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		_ = resp.Body.Close()
		end()
		return nil, fault.Errorf(fault.Invalid, "the model's endpoint redirects (status %d); configure its final URL", resp.StatusCode)
	}
	watch.Reset(g.idle)
	resp.Body = &guardedBody{guard: g, ctx: ctx, body: resp.Body, left: maxBody, watch: watch, end: end}
	return resp, nil
}

// explain names the reason of an error that the watch caused.
func (g guard) explain(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), ErrHung) {
		return fault.Errorf(fault.Retryable, "%w for %s", ErrHung, g.idle)
	}
	return err
}

type guardedBody struct {
	guard
	ctx   context.Context //nolint:containedctx // the request's, whose cause explains an error
	body  io.ReadCloser
	left  int64
	watch *time.Timer
	end   func()
}

func (b *guardedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fault.Errorf(fault.Invalid, "the model's response exceeds %d bytes", maxBody)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	if n > 0 {
		b.watch.Reset(b.idle)
	}
	if err != nil && err != io.EOF {
		err = b.explain(b.ctx, err)
	}
	return n, err
}

func (b *guardedBody) Close() error {
	err := b.body.Close()
	b.end()
	return err
}
