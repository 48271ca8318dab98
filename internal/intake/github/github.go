// Package github reads GitHub's webhooks: a person who labels an issue asks for
// a repair, and a closed pull request is the outcome of one. It is pure; the
// structs are its own and hold only what is used, because GitHub's deliveries
// do not always fit the published types.
//
//	hook, err := github.Parse("issues", body)
//	if hook.Ask != nil && hook.Ask.Label == "repaird" { … }
//
// An issue's body names what broke in one of three ways, the first that is
// found: an incident's id ("repaird incident 01JD…", or a link to its page), a
// link to a Sentry issue or event, or a pasted traceback.
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

// A Hook is one delivery. All of Ask and Closed may be nil: there is nothing to
// do but acknowledge.
type Hook struct {
	Event      string // as the header X-GitHub-Event says
	Action     string
	Repository string  // owner/name
	Ask        *Ask    // a person asked for a repair
	Closed     *Closed // a pull request was closed
}

// An Ask is a labelled issue. Whether the label asks for a repair is the
// project's configuration.
type Ask struct {
	Label    string
	Issue    int
	User     string         // who set the label
	Incident string         // an incident's id, "" where the body names none
	Event    incident.Event // what the body tells where it names none: exceptions, Fetch, or only Message
}

// Closed is the end of a pull request.
type Closed struct {
	Number int
	Branch string // its head
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

// Payload returns the JSON of a delivery's body: the body itself, or the field
// "payload" of a form. The signature is over the body, not over this.
func Payload(contentType string, body []byte) ([]byte, error) {
	if mime, _, _ := strings.Cut(contentType, ";"); strings.TrimSpace(mime) != "application/x-www-form-urlencoded" {
		return body, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("payload") == "" {
		return nil, fault.Errorf(fault.Invalid, "github webhook: no payload in the form")
	}
	return []byte(form.Get("payload")), nil
}

// Parse reads a delivery's JSON. Its error is fault.Invalid.
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
		// merge_commit_sha is set on unmerged ones too: only merged tells.
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
