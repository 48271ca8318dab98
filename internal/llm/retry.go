package llm

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// Retry is the policy for retrying after an error of kind fault.Retryable.
type Retry struct {
	Tries   int                                              // calls in total; default 4
	MaxWait time.Duration                                    // without a deadline, give up if Retry-After exceeds this; default 1 minute
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

const (
	maxHung  = 2   // calls that are cut off before an endpoint is given up
	maxAsked = 100 // waits that a vendor asks for
)

// Do calls try until it succeeds, fails permanently or runs out of calls, and
// tells waiting, which may be nil, how long it is about to wait and why.
//
// Between calls it waits for the vendor's Retry-After, else with exponential
// backoff and jitter from one second up. Where ctx has a deadline, a wait that a
// busy vendor asks for is not one of the tries, and is waited for if it ends
// before the deadline. An endpoint that hangs is tried twice.
func (r Retry) Do(ctx context.Context, waiting func(time.Duration, error), try func(ctx context.Context) error) error {
	r = r.withDefaults()
	deadline, limited := ctx.Deadline()
	hung, asked := 0, 0
	for n := 1; ; n++ {
		err := try(ctx)
		if err == nil || ctx.Err() != nil || fault.KindOf(err) != fault.Retryable {
			return err
		}
		wait := min(time.Second<<min(n-1, 10), r.MaxWait)
		wait -= time.Duration(rand.Int64N(int64(wait)/4 + 1)) //nolint:gosec // jitter needs no secure randomness
		var status *StatusError
		if errors.As(err, &status) && status.RetryAfter > 0 {
			wait = status.RetryAfter
			if limited && status.busy() && asked < maxAsked {
				asked++
				n--
			}
		}
		if errors.Is(err, ErrHung) {
			hung++
		}
		late := limited && time.Now().Add(wait).After(deadline) || !limited && wait > r.MaxWait
		if n >= r.Tries || hung >= maxHung || late {
			return err
		}
		if waiting != nil {
			waiting(wait, err)
		}
		if serr := r.Sleep(ctx, wait); serr != nil {
			return err
		}
	}
}

// busy reports whether the vendor has too much to do, or the account asks too often.
func (e *StatusError) busy() bool {
	return slices.Contains([]int{http.StatusTooManyRequests, http.StatusServiceUnavailable, 529}, e.Status)
}
