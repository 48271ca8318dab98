package forge

import "time"

// A LocalPullRequest is a pull request of the local forge as stored, in JSON.
// Fields may be added; their names stay. It stands here rather than in package
// local because pages read it too.
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

// A LocalCheck is the verdict as stored.
type LocalCheck struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Text    string `json:"text,omitempty"`
	Passed  bool   `json:"passed"`
}
