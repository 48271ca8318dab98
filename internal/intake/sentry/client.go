package sentry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/secret"
)

// DefaultBaseURL is sentry.io's Web API. Regions and self-hosted servers have
// their own.
const DefaultBaseURL = "https://sentry.io/api/0"

const maxAnswer = 20 << 20

// A Client reads from Sentry's Web API. The token needs the scopes event:read,
// project:read and, for commits, project:releases. A Client is safe for
// concurrent use. Its errors are fault.Denied (401, 403), fault.NotFound,
// fault.Invalid (malformed response or name), fault.Budget (response over 20 MiB)
// and fault.Retryable (network, 429, 5xx). After a 429 the error's tree contains
// a *Limited.
type Client struct {
	BaseURL string        // without a trailing slash; default DefaultBaseURL
	Token   secret.String // of an internal integration or a user
	Org     string        // default organisation, if a Fetch has none
	HTTP    *http.Client  // default: a client with a timeout of 30 s
	Now     func() time.Time
}

// Limited is the cause of a Retryable error due to Sentry's rate limit.
type Limited struct{ After time.Duration }

// Error returns a message with the time to wait.
func (l *Limited) Error() string { return fmt.Sprintf("rate limited, retry after %s", l.After) }

// A Ref identifies an event.
type Ref struct{ Org, Project, EventID string }

// A Commit is one commit of a release.
type Commit struct {
	SHA        string // 40 hex digits for git
	Repository string // owner/name as in Sentry; "" if unknown
}

// EventJSON returns an event as stored, in the format that Event decodes.
func (c *Client) EventJSON(ctx context.Context, org, project, eventID string) ([]byte, error) {
	return c.get(ctx, "projects", c.org(org), project, "events", eventID, "json")
}

// LatestEvent returns an issue's latest event.
func (c *Client) LatestEvent(ctx context.Context, org, issue string) (Ref, error) {
	body, err := c.get(ctx, "organizations", c.org(org), "issues", issue, "events", "latest")
	if err != nil {
		return Ref{}, err
	}
	var v struct {
		EventID   string          `json:"eventID"`
		ProjectID json.RawMessage `json:"projectID"` // a string; a number in old versions
	}
	if err := json.Unmarshal(body, &v); err != nil || v.EventID == "" {
		return Ref{}, fault.Errorf(fault.Invalid, "sentry: the issue's latest event has no id")
	}
	return Ref{Org: c.org(org), Project: strings.Trim(string(v.ProjectID), `"`), EventID: v.EventID}, nil
}

// ReleaseCommits returns the commits of a release, newest first, at most one
// page. There are none unless commits are reported to Sentry.
func (c *Client) ReleaseCommits(ctx context.Context, org, version string) ([]Commit, error) {
	body, err := c.get(ctx, "organizations", c.org(org), "releases", version, "commits")
	if err != nil {
		return nil, err
	}
	var list []struct {
		ID         string `json:"id"`
		Repository struct {
			Name string `json:"name"`
		} `json:"repository"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fault.Errorf(fault.Invalid, "sentry: commits: %w", err)
	}
	var commits []Commit
	for _, l := range list {
		if commitSHA.MatchString(l.ID) {
			commits = append(commits, Commit{SHA: strings.ToLower(l.ID), Repository: l.Repository.Name})
		}
	}
	return commits, nil
}

var commitSHA = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

// Fetch fetches an event, or an issue's latest event if f has only an issue, and
// the commit of its release if the event has none.
func (c *Client) Fetch(ctx context.Context, f incident.Fetch) (e incident.Event, err error) {
	defer fault.Wrap(&err, "fetch the event from Sentry")
	ref := Ref{Org: c.org(f.Org), Project: f.Project, EventID: f.EventID}
	if ref.EventID == "" || ref.Project == "" {
		latest, err := c.LatestEvent(ctx, f.Org, f.Issue)
		if err != nil {
			return incident.Event{}, err
		}
		if ref.EventID == "" {
			ref.EventID = latest.EventID
		}
		if ref.Project == "" {
			ref.Project = latest.Project
		}
	}
	body, err := c.EventJSON(ctx, ref.Org, ref.Project, ref.EventID)
	if err != nil {
		return incident.Event{}, err
	}
	if e, err = Event(body); err != nil {
		return incident.Event{}, err
	}
	if e.Environment.Service == "" {
		e.Environment.Service = f.Project
	}
	if e.Commit == "" && e.Release != "" {
		// The release may have no commits, and the token may not be allowed to read
		// releases; the event is useful without.
		if commits, err := c.ReleaseCommits(ctx, ref.Org, e.Release); err == nil && len(commits) > 0 {
			e.Commit = commits[0].SHA
		}
	}
	return e, nil
}

func (c *Client) org(org string) string {
	if org == "" {
		return c.Org
	}
	return org
}

// get fetches one URL below the API's root, built from untrusted path elements.
func (c *Client) get(ctx context.Context, elements ...string) (body []byte, err error) {
	address := strings.TrimSuffix(c.BaseURL, "/")
	if address == "" {
		address = DefaultBaseURL
	}
	for _, e := range elements {
		if e == "" || e == "." || e == ".." || len(e) > 250 {
			return nil, fault.Errorf(fault.Invalid, "sentry: %q is not a valid organisation, project, issue, event or release", e)
		}
		address += "/" + url.PathEscape(e)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/", nil)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "sentry: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	req.Header.Set("Accept", "application/json")
	httpClient := c.HTTP
	if httpClient == nil {
		httpClient = &http.Client{Timeout: 30 * time.Second}
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return nil, fault.Errorf(fault.Retryable, "sentry: %w", err)
	}
	defer resp.Body.Close()
	if err := c.check(resp, elements[0]); err != nil {
		return nil, err
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fault.Errorf(fault.Retryable, "sentry: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, fault.Errorf(fault.Budget, "sentry: response exceeds %d bytes", maxAnswer)
	}
	return body, nil
}

// check maps a status to an error of the right kind.
func (c *Client) check(resp *http.Response, what string) error {
	switch s := resp.StatusCode; {
	case s == http.StatusOK:
		return nil
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		return fault.Errorf(fault.Denied, "sentry: the token is not allowed to read %s (%d)", what, s)
	case s == http.StatusNotFound:
		return fault.Errorf(fault.NotFound, "sentry: event, issue or release not found (404)")
	case s == http.StatusTooManyRequests:
		return fault.Errorf(fault.Retryable, "sentry: %w", &Limited{After: c.after(resp.Header)})
	case s >= 500 || s == http.StatusRequestTimeout:
		return fault.Errorf(fault.Retryable, "sentry: status %d", s)
	default:
		return fault.Errorf(fault.Invalid, "sentry: status %d", s)
	}
}

// after returns how long a rate limit lasts: Retry-After in seconds, else until
// the reset time in Unix seconds, else a minute; at most an hour.
func (c *Client) after(h http.Header) time.Duration {
	wait := time.Minute
	if n, err := strconv.Atoi(h.Get("Retry-After")); err == nil && n >= 0 {
		wait = time.Duration(min(n, 3600)) * time.Second
	} else if n, err := strconv.ParseInt(h.Get("X-Sentry-Rate-Limit-Reset"), 10, 64); err == nil {
		now := time.Now
		if c.Now != nil {
			now = c.Now
		}
		wait = time.Unix(n, 0).Sub(now())
	}
	return min(max(wait, time.Second), time.Hour)
}
