package forge

import (
	"errors"
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// A RateLimit is a host's rate limit response. It is wrapped in an error of kind
// fault.Retryable.
type RateLimit struct {
	After   time.Duration // how long to wait from now, at least one second
	Message string        // the host's message
}

// Error returns the time to wait and the host's message.
func (e *RateLimit) Error() string {
	return fmt.Sprintf("rate limited, retry after %s: %s", e.After.Round(time.Second), e.Message)
}

// Limited returns an error of kind fault.Retryable that wraps a RateLimit.
func Limited(after time.Duration, message string) error {
	return fault.Errorf(fault.Retryable, "%w", &RateLimit{After: max(after, time.Second), Message: message})
}

// RetryAfter returns how long the host asked to wait before a retry; false if it
// did not say.
func RetryAfter(err error) (time.Duration, bool) {
	var limit *RateLimit
	if errors.As(err, &limit) {
		return limit.After, true
	}
	return 0, false
}
