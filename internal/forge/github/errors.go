package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/text"
)

// secondaryWait is the documented wait for a secondary rate limit without a time.
const secondaryWait = time.Minute

// classify gives a go-github error its kind. It detects rate limits by status and
// headers rather than by go-github's types, because version 62 recognises them
// only with status 403 and by a documentation URL.
func classify(err error, now time.Time, doing string) error {
	if err == nil {
		return nil
	}
	if kind := fault.KindOf(err); kind != fault.Internal { // from the transport, such as creating the token
		return fmt.Errorf("%s: %w", doing, err)
	}
	res, message := response(err)
	if res == nil {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s: %w", doing, err)
		}
		// No response, or an incomplete one: the call may have taken effect.
		return fault.Errorf(fault.Retryable, "%s: %w", doing, err)
	}
	detail := fmt.Sprintf("%s: GitHub responded %d: %s", doing, res.StatusCode, message)
	if wait, limited := limit(res, message, now); limited {
		var primary *gh.RateLimitError
		if errors.As(err, &primary) && res.Header.Get("X-RateLimit-Reset") == "" {
			// go-github refused locally, from the headers of an earlier call.
			wait = primary.Rate.Reset.Sub(now) + time.Second
		}
		return forge.Limited(wait, detail)
	}
	switch code := res.StatusCode; {
	case code >= 500:
		if wait, ok := retryAfter(res, now); ok {
			return forge.Limited(wait, detail)
		}
		return fault.Errorf(fault.Retryable, "%s", detail)
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusUnavailableForLegalReasons:
		return fault.Errorf(fault.Denied, "%s", detail)
	case code == http.StatusNotFound, code == http.StatusGone:
		return fault.Errorf(fault.NotFound, "%s", detail)
	case code == http.StatusRequestTimeout, code == http.StatusConflict && !strings.Contains(message, "empty"):
		return fault.Errorf(fault.Retryable, "%s", detail)
	default:
		return fault.Errorf(fault.Invalid, "%s", detail)
	}
}

// response returns the HTTP response in a go-github error, and its message.
func response(err error) (*http.Response, string) {
	var (
		plain   *gh.ErrorResponse
		primary *gh.RateLimitError
		abuse   *gh.AbuseRateLimitError
		otp     *gh.TwoFactorAuthError
	)
	switch {
	case errors.As(err, &plain):
		return plain.Response, detail(plain)
	case errors.As(err, &primary):
		return primary.Response, primary.Message
	case errors.As(err, &abuse):
		return abuse.Response, abuse.Message
	case errors.As(err, &otp):
		return otp.Response, otp.Message
	}
	return nil, ""
}

func detail(e *gh.ErrorResponse) string {
	parts := []string{e.Message}
	for _, x := range e.Errors {
		switch {
		case x.Message != "":
			parts = append(parts, x.Message)
		case x.Code != "":
			parts = append(parts, fmt.Sprintf("%s.%s %s", x.Resource, x.Field, x.Code))
		}
	}
	return text.Clip(strings.Join(parts, "; "), 500)
}

// limit reports whether a response is a primary or secondary rate limit (403 or
// 429), and how long to wait.
func limit(res *http.Response, message string, now time.Time) (time.Duration, bool) {
	if res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}
	if wait, ok := retryAfter(res, now); ok {
		return wait, true
	}
	if res.Header.Get("X-RateLimit-Remaining") == "0" {
		reset, err := strconv.ParseInt(res.Header.Get("X-RateLimit-Reset"), 10, 64)
		if err != nil {
			return secondaryWait, true
		}
		return max(time.Unix(reset, 0).Sub(now)+time.Second, time.Second), true
	}
	lower := strings.ToLower(message)
	named := strings.Contains(lower, "rate limit") || strings.Contains(lower, "abuse detection")
	return secondaryWait, res.StatusCode == http.StatusTooManyRequests || named
}

// retryAfter parses the header: seconds or a date (RFC 9110 §10.2.3).
func retryAfter(res *http.Response, now time.Time) (time.Duration, bool) {
	value := res.Header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), time.Second), true
	}
	return 0, false
}

// says reports whether err is a response with that status and words from GitHub.
func says(err error, status int, words string) bool {
	res, message := response(err)
	return res != nil && res.StatusCode == status && strings.Contains(strings.ToLower(message), strings.ToLower(words))
}

func hasStatus(err error, status int) bool {
	res, _ := response(err)
	return res != nil && res.StatusCode == status
}
