package incident

import (
	"regexp"
	"strings"
)

// A Fetch says where to fetch the event of a notification: Sentry's issue
// webhooks and pasted links refer to an event without carrying it. The fields
// are untrusted; a client uses them as path elements on its own configured
// server, never as an address.
type Fetch struct {
	Org     string `json:"org,omitempty"`      // organisation slug; "" means the configured one
	Project string `json:"project,omitempty"`  // project slug or number
	Issue   string `json:"issue,omitempty"`    // issue number
	EventID string `json:"event_id,omitempty"` // "" means the issue's latest event
}

var (
	slug       = `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`
	sentryPath = regexp.MustCompile(`https?://[^\s/<>"')]+/(?:organizations/(` + slug + `)/)?issues/(\d{1,20})(?:/events/([0-9a-fA-F-]{32,36}))?`)
	sentryHost = regexp.MustCompile(`^https?://(` + slug + `)\.sentry\.io(?:[:/]|$)`)
)

// SentryLink finds the first URL of a Sentry issue or event in a text, in the
// old and new forms of sentry.io and self-hosted servers. link is the URL itself.
func SentryLink(text string) (f *Fetch, link string) {
	m := sentryPath.FindStringSubmatch(text)
	if m == nil {
		return nil, ""
	}
	org := m[1]
	if h := sentryHost.FindStringSubmatch(m[0]); org == "" && h != nil {
		org = h[1]
	}
	if m[1] == "" && org == "" {
		return nil, "" // any site may have an /issues/1 page
	}
	return &Fetch{Org: org, Issue: m[2], EventID: strings.ToLower(strings.ReplaceAll(m[3], "-", ""))}, m[0]
}

var (
	hexCommit    = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)
	suffixCommit = regexp.MustCompile(`(?:[@+]|-[0-9]+-g)([0-9a-fA-F]{7,40})(?:[.-]dirty)?$`)
)

// CommitIn returns the commit that a release or version contains, in lower case:
// all of it, a suffix after "@" or "+" (shop@9f2c1e7), or a git describe suffix
// (1.4.2-3-g9f2c1e7). It returns "" if there is none. Fewer than 40 decimal
// digits are taken for a date or build number.
func CommitIn(release string) string {
	release = strings.TrimSpace(release)
	if m := suffixCommit.FindStringSubmatch(release); m != nil {
		release = m[1]
	}
	if !hexCommit.MatchString(release) {
		return ""
	}
	if len(release) < 40 && !strings.ContainsAny(release, "abcdefABCDEF") {
		return ""
	}
	return strings.ToLower(release)
}

var libraryPath = regexp.MustCompile(`(?i)(?:^|/)(?:site-packages|dist-packages)/` +
	`|(?:^|/)lib(?:64)?/python\d+(?:\.\d+)?t?/` +
	`|/python\d+(?:\.\d+)?/lib/` +
	`|/python\d+\.zip/` +
	`|(?:^|/)opentelemetry/(?:trace|sdk|instrumentation|context)/` +
	`|(?:^|/)sentry_sdk/` +
	`|^<frozen |^<__array_function__|^<string>$|^<stdin>$`)

// LibraryPath reports whether a path in a traceback is not the application's own
// code: installed packages, the standard library, telemetry SDKs wherever they
// are installed, and code without a file.
func LibraryPath(path string) bool {
	return libraryPath.MatchString(strings.ReplaceAll(path, `\`, "/"))
}

// Whole reports whether the value is complete: no part of it was truncated or
// filtered. Only whole values may become a test's input.
func (v *Value) Whole() bool {
	if v.Trimmed || v.Filtered {
		return false
	}
	for i := range v.Items {
		if !v.Items[i].Whole() {
			return false
		}
	}
	for i := range v.Fields {
		if !v.Fields[i].Value.Whole() {
			return false
		}
	}
	return true
}
