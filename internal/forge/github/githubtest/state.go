package githubtest

import (
	"maps"
	"slices"
	"strings"
)

// A State is a snapshot of the server's contents and history, for tests.
type State struct {
	Pulls      []Pull            `json:"pulls"`        // by repository and number
	PullsByKey map[string]int    `json:"pulls_by_key"` // marker key → number of pull requests, including closed ones
	Comments   []Comment         `json:"comments"`
	Runs       []Run             `json:"runs"`
	Statuses   []Run             `json:"statuses"`
	Calls      []Call            `json:"calls"`
	Requests   int               `json:"requests"`   // valid requests
	Responses  int               `json:"responses"`  // valid responses
	Violations []string          `json:"violations"` // invalid requests and responses
	Refs       map[string]string `json:"refs"`       // owner/name:refs/heads/… → commit
}

// A Pull is a pull request.
type Pull struct {
	Repository string   `json:"repository"`
	Number     int      `json:"number"`
	Title      string   `json:"title"`
	Body       string   `json:"body"`
	Branch     string   `json:"branch"`
	Base       string   `json:"base"`
	Commit     string   `json:"commit"`
	State      string   `json:"state"` // open, closed, merged
	Draft      bool     `json:"draft"`
	By         string   `json:"by"`
	Key        string   `json:"key"`
	Labels     []string `json:"labels"`
}

// A Comment is a comment on an issue or pull request.
type Comment struct {
	Repository string `json:"repository"`
	Issue      int    `json:"issue"`
	Body       string `json:"body"`
	By         string `json:"by"`
}

// A Run is a check run or a commit status.
type Run struct {
	Repository string `json:"repository"`
	Commit     string `json:"commit"`
	Name       string `json:"name"`
	Conclusion string `json:"conclusion"`
	Summary    string `json:"summary"`
}

// A Call is one request; Status 0 means that the client got no response.
type Call struct {
	Method   string `json:"method"`
	Path     string `json:"path"`
	Template string `json:"template"`
	Status   int    `json:"status"`
}

// State returns a copy of the server's state.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := State{
		PullsByKey: map[string]int{}, Refs: map[string]string{}, Calls: slices.Clone(s.calls),
		Requests: s.requests, Responses: s.responses, Violations: slices.Clone(s.violations),
	}
	for _, name := range slices.Sorted(maps.Keys(s.repos)) {
		s.repos[name].addTo(&st)
	}
	return st
}

func (r *repository) addTo(st *State) {
	for _, p := range r.pulls {
		if sha := r.git.ref("refs/heads/" + p.Branch); sha != "" && p.State == "open" {
			p.Commit = sha
		}
		pl := p.Pull
		pl.Repository, pl.Labels = r.Name, slices.Clone(p.Labels)
		st.Pulls = append(st.Pulls, pl)
		if p.Key != "" {
			st.PullsByKey[p.Key]++
		}
	}
	for _, x := range r.issues {
		for _, m := range x.comments {
			cm := m.Comment
			cm.Repository = r.Name
			st.Comments = append(st.Comments, cm)
		}
	}
	for _, sha := range slices.Sorted(maps.Keys(r.runs)) {
		for _, run := range r.runs[sha] {
			output, _ := run["output"].(map[string]any)
			st.Runs = append(st.Runs, Run{r.Name, sha, text(run["name"]), text(run["conclusion"]), text(output["summary"])})
		}
	}
	for _, x := range r.statuses {
		st.Statuses = append(st.Statuses, Run{r.Name, x.sha, x.context, x.state, x.description})
	}
	out, err := r.git.line("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/")
	if err != nil {
		return
	}
	for line := range strings.Lines(out) {
		ref, sha, _ := strings.Cut(strings.TrimSpace(line), " ")
		st.Refs[r.Name+":"+ref] = sha
	}
}

// AddIssue opens an issue and returns its number.
func (s *Server) AddIssue(repo string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[strings.ToLower(repo)]
	n := r.nextNumber
	r.nextNumber++
	r.issues = append(r.issues, &issue{number: n})
	return n
}

// AddComment adds a comment by another user.
func (s *Server) AddComment(repo string, number int, by, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.repos[strings.ToLower(repo)].issue(number)
	x.comments = append(x.comments, comment{Comment: Comment{Issue: number, Body: body, By: by}, id: s.id()})
}

// SetPullState sets a pull request's state: closed, merged or open.
func (s *Server) SetPullState(repo string, number int, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repos[strings.ToLower(repo)].pull(number).State = state
}
