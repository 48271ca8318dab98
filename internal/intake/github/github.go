// Package github parses GitHub's webhooks: labelling an issue asks for a repair,
// and closing a pull request decides the outcome of one. It does no I/O. It
// declares its own minimal structs, because GitHub's deliveries do not always
// match the published types.
//
//	hook, err := github.Parse("issues", body)
//	if hook.Ask != nil && hook.Ask.Label == "repaird" { … }
//
// An issue's body identifies what broke in one of three ways, in this order: an
// incident id ("repaird incident 01JD…", or a link to its page), a link to a
// Sentry issue or event, or a pasted traceback.
package github

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
)

// A Hook is one delivery. If Ask and Closed are both nil, it only needs to be
// acknowledged.
type Hook struct {
	Event      string // the X-GitHub-Event header
	Action     string
	Repository string  // owner/name
	Ask        *Ask    // a person asked for a repair
	Closed     *Closed // a pull request was closed
}

// An Ask is a labelled issue. The project's configuration says whether the label
// asks for a repair.
type Ask struct {
	Label    string
	Issue    int
	User     string         // who added the label
	Incident string         // an incident's id; "" if the body has none
	Event    incident.Event // without an incident id: the body's exceptions or Fetch, or only a Message
}

// Closed is the end of a pull request.
type Closed struct {
	Number int
	Branch string // head branch
	Merged bool
}

type payload struct {
	Action     string `json:"action"`
	Repository struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
	Sender struct {
		Login string `json:"login"`
	} `json:"sender"`
	Label *struct {
		Name string `json:"name"`
	} `json:"label"`
	Issue *struct {
		Number    int       `json:"number"`
		Title     string    `json:"title"`
		Body      string    `json:"body"`
		URL       string    `json:"html_url"`
		UpdatedAt time.Time `json:"updated_at"`
	} `json:"issue"`
	PullRequest *struct {
		Number int   `json:"number"`
		Merged *bool `json:"merged"`
		Head   struct {
			Ref string `json:"ref"`
		} `json:"head"`
	} `json:"pull_request"`
}

// Payload returns the JSON in a delivery's body: the body itself, or the form
// field "payload". The signature covers the body, not the payload.
func Payload(contentType string, body []byte) ([]byte, error) {
	if mime, _, _ := strings.Cut(contentType, ";"); strings.TrimSpace(mime) != "application/x-www-form-urlencoded" {
		return body, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("payload") == "" {
		return nil, fault.Errorf(fault.Invalid, "github webhook: the form has no payload field")
	}
	return []byte(form.Get("payload")), nil
}

// Parse parses a delivery's JSON. Its error is fault.Invalid.
func Parse(event string, body []byte) (h *Hook, err error) {
	defer fault.Wrap(&err, "github webhook")
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fault.Errorf(fault.Invalid, "not a delivery: %w", err)
	}
	h = &Hook{Event: event, Action: p.Action, Repository: p.Repository.FullName}
	switch {
	case event == "issues" && p.Action == "labeled" && p.Label != nil && p.Issue != nil:
		if p.Issue.Number > 0 {
			h.Ask = ask(&p)
		}
	case event == "pull_request" && p.Action == "closed" && p.PullRequest != nil && p.PullRequest.Number > 0:
		// merge_commit_sha is set on unmerged pull requests too.
		merged := p.PullRequest.Merged != nil && *p.PullRequest.Merged
		h.Closed = &Closed{Number: p.PullRequest.Number, Branch: p.PullRequest.Head.Ref, Merged: merged}
	}
	return h, nil
}

var (
	incidentID   = regexp.MustCompile("(?i)(?:\\brepaird[\\s:-]+incident|\\bincident[ _-]id)[\\s:#*`\"=]+([A-Za-z0-9][A-Za-z0-9_-]{0,63})")
	incidentPage = regexp.MustCompile(`https?://[^\s<>"')]+/incidents/([A-Za-z0-9][A-Za-z0-9_-]{0,63})`)
	commitLine   = regexp.MustCompile("(?i)\\b(?:commit|sha|revision|release|version)\\b[\\s:#*`\"=]+(\\S{1,120})")
)

func ask(p *payload) *Ask {
	a := &Ask{Label: p.Label.Name, Issue: p.Issue.Number, User: p.Sender.Login}
	body := strings.ReplaceAll(p.Issue.Body, "\x00", "\uFFFD")
	for _, re := range []*regexp.Regexp{incidentID, incidentPage} {
		if m := re.FindStringSubmatch(body); m != nil {
			a.Incident = m[1]
			return a
		}
	}
	sum := sha256.Sum256([]byte(p.Repository.FullName + "\x00" + p.Issue.URL + "\x00" + body))
	a.Event = incident.Event{
		ID:       hex.EncodeToString(sum[:16]),
		Source:   incident.SourceGitHub,
		Time:     p.Issue.UpdatedAt.UTC(),
		Level:    "error",
		Platform: "python",
		Message:  p.Issue.Title,
		Link:     p.Issue.URL,
	}
	if fetch, link := incident.SentryLink(body); fetch != nil {
		a.Event.Fetch, a.Event.Link = fetch, link
		return a
	}
	a.Event.Exceptions, _ = incident.FindTraceback(body)
	for _, m := range commitLine.FindAllStringSubmatch(body, 20) {
		word := strings.Trim(m[1], "`'\".,;()*")
		if c := incident.CommitIn(word); c != "" {
			a.Event.Release, a.Event.Commit = word, c
			break
		}
	}
	return a
}
