package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/secret"
	"github.com/repaird/repaird/internal/text"
)

// The values of Response.Stop.
const (
	StopEnd       = "end_turn"
	StopTools     = "tool_use"
	StopMaxTokens = "max_tokens"
)

// Options configure a vendor's client (llm/anthropic, llm/openai).
type Options struct {
	BaseURL string        // of the API; default: the vendor's
	Model   string        // the vendor's name for the model; required
	Key     secret.String // optional only with a BaseURL (self-hosted endpoints)
	Client  *http.Client  // default: a new client
	Timeout time.Duration // per call; default 5 minutes
	Retry   Retry
}

// Validate checks the options and fills in the defaults. Its error is
// fault.Invalid.
func (o Options) Validate() (Options, error) {
	if o.Model == "" {
		return o, fault.Errorf(fault.Invalid, "model name is not configured")
	}
	if o.BaseURL == "" && o.Key.Empty() {
		return o, fault.Errorf(fault.Invalid, "API key for model %s is not configured", o.Model)
	}
	if o.BaseURL != "" {
		u, err := url.Parse(o.BaseURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
			return o, fault.Errorf(fault.Invalid, "the model's base URL must be an http or https URL without credentials")
		}
		o.BaseURL = strings.TrimRight(o.BaseURL, "/") + "/"
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	o.Retry = o.Retry.withDefaults()
	o.Client = guarded(o.Client)
	return o, nil
}

// maxBody limits a response body, in bytes; legitimate ones are far smaller.
const maxBody = 16 << 20

// guarded returns a client that rejects redirects, which would send the prompt
// elsewhere, and limits response bodies to maxBody.
func guarded(base *http.Client) *http.Client {
	c := http.Client{}
	if base != nil {
		c = *base
	}
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	c.Transport = capped{next}
	return &c
}

type capped struct{ next http.RoundTripper }

func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		_ = resp.Body.Close()
		return nil, fault.Errorf(fault.Invalid, "the model's endpoint redirects (status %d); configure its final URL", resp.StatusCode)
	}
	resp.Body = &cappedBody{ReadCloser: resp.Body, left: maxBody}
	return resp, nil
}

type cappedBody struct {
	io.ReadCloser
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fault.Errorf(fault.Invalid, "the model's response exceeds %d bytes", maxBody)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// Retry is the policy for retrying after an error of kind fault.Retryable.
type Retry struct {
	Tries   int                                              // calls in total; default 4
	MaxWait time.Duration                                    // give up if Retry-After exceeds this; default 1 minute
	Sleep   func(ctx context.Context, d time.Duration) error // default: waits on a timer
}

func (r Retry) withDefaults() Retry {
	if r.Tries == 0 {
		r.Tries = 4
	}
	if r.MaxWait == 0 {
		r.MaxWait = time.Minute
	}
	if r.Sleep == nil {
		r.Sleep = func(ctx context.Context, d time.Duration) error {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-t.C:
				return nil
			}
		}
	}
	return r
}

// Do calls try until it succeeds, fails permanently or runs out of calls.
// Between calls it waits for the vendor's Retry-After, else with exponential
// backoff and jitter from one second up.
func (r Retry) Do(ctx context.Context, try func(ctx context.Context) error) error {
	r = r.withDefaults()
	for n := 1; ; n++ {
		err := try(ctx)
		if err == nil || n >= r.Tries || ctx.Err() != nil || fault.KindOf(err) != fault.Retryable {
			return err
		}
		wait := min(time.Second<<(n-1), r.MaxWait)
		wait -= time.Duration(rand.Int64N(int64(wait)/4 + 1)) //nolint:gosec // jitter needs no secure randomness
		var status *StatusError
		if errors.As(err, &status) && status.RetryAfter > 0 {
			if status.RetryAfter > r.MaxWait {
				return err
			}
			wait = status.RetryAfter
		}
		if serr := r.Sleep(ctx, wait); serr != nil {
			return err
		}
	}
}

// A StatusError is a vendor's error response. It contains the vendor's message,
// clipped, and never any part of the request.
type StatusError struct {
	Status     int
	RetryAfter time.Duration // as sent by the vendor; 0 if absent
	Message    string
}

// Error returns the status and the message.
func (e *StatusError) Error() string {
	return fmt.Sprintf("status %d: %s", e.Status, e.Message)
}

// RefusalOf returns the error for a status other than 200: kind Denied for 401
// and 403, Retryable for 408, 409, 429 and 5xx, Budget for 402, else Invalid.
func RefusalOf(vendor string, status int, header http.Header, message string) error {
	e := &StatusError{Status: status, Message: text.Clip(message, 500), RetryAfter: retryAfter(header)}
	kind := fault.Invalid
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		kind = fault.Denied
	case status == http.StatusPaymentRequired:
		kind = fault.Budget
	case status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooManyRequests || status >= 500:
		kind = fault.Retryable
	}
	return fault.Errorf(kind, "%s: %w", vendor, e)
}

// TransportError returns the error for a call that got no usable response.
func TransportError(ctx context.Context, vendor string, err error) error {
	if ctx.Err() != nil {
		return fault.Errorf(fault.Retryable, "%s: %w", vendor, context.Cause(ctx))
	}
	if k := fault.KindOf(err); k != fault.Internal {
		return fault.Errorf(k, "%s: %w", vendor, err)
	}
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	if errors.As(err, &syntax) || errors.As(err, &shape) {
		return fault.Errorf(fault.Retryable, "%s: malformed response: %w", vendor, err)
	}
	return fault.Errorf(fault.Retryable, "%s: %w", vendor, err)
}

// retryAfter parses Retry-After-Ms, or Retry-After in seconds or as a date.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			return max(at.Sub(date), 0) // relative to the vendor's clock
		}
		return max(time.Until(at), 0)
	}
	return 0
}

// ObjectOrEmpty returns input if it is a JSON object, else {}: vendors reject a
// history in which a tool call's input is anything else.
func ObjectOrEmpty(input json.RawMessage) json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(input, &object) != nil || object == nil {
		return json.RawMessage(`{}`)
	}
	return input
}
