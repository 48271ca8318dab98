package forge

import (
	"errors"
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// A RateLimit is a host's wish to be left alone for a while. It stands inside an
// error of kind fault.Retryable.
type RateLimit struct {
	After   time.Duration // from now, at least one second
	Message string        // the host's
}

// Error says how long to wait and what the host said.
func (e *RateLimit) Error() string {
	return fmt.Sprintf("rate limited, again in %s: %s", e.After.Round(time.Second), e.Message)
}

// Limited returns an error of kind fault.Retryable that holds a RateLimit.
func Limited(after time.Duration, message string) error {
	return fault.Errorf(fault.Retryable, "%w", &RateLimit{After: max(after, time.Second), Message: message})
}

// RetryAfter returns how long the host asked to wait before the call is tried
// again; false when it did not say.
func RetryAfter(err error) (time.Duration, bool) {
	var limit *RateLimit
	if errors.As(err, &limit) {
		return limit.After, true
	}
	return 0, false
}
