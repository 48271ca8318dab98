package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/text"
)

// ErrContext is in the error of a request whose conversation is longer than the
// model's context. A shorter one may succeed.
var ErrContext = errors.New("the conversation exceeds the model's context")

// overlong matches what vendors and servers say then.
var overlong = regexp.MustCompile(`(?i)prompt is too long|input is too long|context[ _-]?(?:length|window|size)|maximum context|too many (?:input |prompt )?tokens|` +
	`(?:input|prompt) (?:token count|length)[^.]{0,40}exceed|reduce the length of the (?:messages|prompt|input)|request_too_large`)

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
// and 403, Retryable for 408, 409, 429 and 5xx, Budget for 402, else Invalid,
// with [ErrContext] where the message says that the conversation is too long.
func RefusalOf(vendor string, status int, header http.Header, message string) error {
	e := &StatusError{Status: status, Message: text.Clip(message, 500), RetryAfter: retryAfter(header)}
	kind := fault.Invalid
	switch {
	case (status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity) && overlong.MatchString(message),
		status == http.StatusRequestEntityTooLarge:
		return fault.Errorf(fault.Invalid, "%s: %w: %w", vendor, ErrContext, e)
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
