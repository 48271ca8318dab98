package forge

import "time"

// A LocalPullRequest is the stored JSON form of a pull request in the local
// forge. Fields may be added but not renamed. It is declared here rather than in
// package local because the dashboard reads it too.
type LocalPullRequest struct {
	Number     int         `json:"number"` // unique in the store
	Key        string      `json:"key"`
	Repository string      `json:"repository"`
	Title      string      `json:"title"`
	Body       string      `json:"body"` // Markdown, with the marker
	Base       string      `json:"base"`
	Branch     string      `json:"branch"`
	Commit     string      `json:"commit"`
	State      string      `json:"state"` // open, closed, merged
	Draft      bool        `json:"draft"`
	Labels     []string    `json:"labels,omitempty"`
	Check      *LocalCheck `json:"check,omitempty"`
	Created    time.Time   `json:"created"` // UTC
}

// A LocalCheck is the stored form of the verdict.
type LocalCheck struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Text    string `json:"text,omitempty"`
	Passed  bool   `json:"passed"`
}
