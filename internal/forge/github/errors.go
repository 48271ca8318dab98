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
)

// secondaryWait is what GitHub asks for where a secondary limit names no time.
const secondaryWait = time.Minute

// classify gives an error of go-github its kind. Limits are recognised by status
// and headers rather than by go-github's types, because version 62 knows them
// for 403 only and by the address of a documentation page.
func classify(err error, now time.Time, doing string) error {
	if err == nil {
		return nil
	}
	if kind := fault.KindOf(err); kind != fault.Internal { // from the transport, such as making the token
		return fmt.Errorf("%s: %w", doing, err)
	}
	res, message := response(err)
	if res == nil {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s: %w", doing, err)
		}
		// No answer, or one that breaks off: it may have been done.
		return fault.Errorf(fault.Retryable, "%s: %w", doing, err)
	}
	text := fmt.Sprintf("%s: GitHub answered %d: %s", doing, res.StatusCode, message)
	if wait, limited := limit(res, message, now); limited {
		var primary *gh.RateLimitError
		if errors.As(err, &primary) && res.Header.Get("X-RateLimit-Reset") == "" {
			// go-github's own answer, from the headers of the call before.
			wait = primary.Rate.Reset.Sub(now) + time.Second
		}
		return forge.Limited(wait, text)
	}
	switch code := res.StatusCode; {
	case code >= 500:
		if wait, ok := retryAfter(res, now); ok {
			return forge.Limited(wait, text)
		}
		return fault.Errorf(fault.Retryable, "%s", text)
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusUnavailableForLegalReasons:
		return fault.Errorf(fault.Denied, "%s", text)
	case code == http.StatusNotFound, code == http.StatusGone:
		return fault.Errorf(fault.NotFound, "%s", text)
	case code == http.StatusRequestTimeout, code == http.StatusConflict && !strings.Contains(message, "empty"):
		return fault.Errorf(fault.Retryable, "%s", text)
	default:
		return fault.Errorf(fault.Invalid, "%s", text)
	}
}

// response returns the answer inside an error of go-github, and what it says.
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
	text := strings.Join(parts, "; ")
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "") + "…"
	}
	return text
}

// limit tells primary and secondary limits (403 or 429) from a refusal, and how
// long to wait.
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

// retryAfter reads the header, which holds seconds or a date (RFC 9110 §10.2.3).
func retryAfter(res *http.Response, now time.Time) (time.Duration, bool) {
	text := res.Header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(date.Sub(now), time.Second), true
	}
	return 0, false
}

// says reports whether err is GitHub's answer of that status with the words in it.
func says(err error, status int, words string) bool {
	res, message := response(err)
	return res != nil && res.StatusCode == status && strings.Contains(strings.ToLower(message), strings.ToLower(words))
}

func hasStatus(err error, status int) bool {
	res, _ := response(err)
	return res != nil && res.StatusCode == status
}
