package githubtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/forge"
)

// A repository is the state of one repository.
type repository struct {
	Repository
	id         int64
	git        gitDir
	nextNumber int
	pulls      []*pull
	issues     []*issue
	runs       map[string][]map[string]any // commit → check runs, oldest first
	statuses   []status
}

type pull struct {
	Pull
	hidden int // listings that will still omit it
}

// An issue is an issue, or the conversation on a pull request.
type issue struct {
	number   int
	comments []comment
}

type comment struct {
	Comment
	id     int64
	hidden int
}

type status struct{ sha, context, state, description string }

// bodyMax is the maximum length of a body or comment in characters.
const bodyMax = 65536

func (c *call) pull() *pull {
	n, _ := strconv.Atoi(c.params["pull_number"])
	return c.repo.pull(n)
}

func (r *repository) pull(n int) *pull {
	i := slices.IndexFunc(r.pulls, func(p *pull) bool { return p.Number == n })
	if i < 0 {
		return nil
	}
	return r.pulls[i]
}

func (r *repository) issue(n int) *issue {
	i := slices.IndexFunc(r.issues, func(x *issue) bool { return x.number == n })
	if i < 0 {
		return nil
	}
	return r.issues[i]
}

func (c *call) listPulls() (int, any) {
	q := c.r.URL.Query()
	state := q.Get("state")
	if state == "" {
		state = "open"
	}
	owner, _, _ := strings.Cut(c.repo.Name, "/")
	values := []any{}
	for _, p := range c.repo.pulls {
		if p.hidden > 0 {
			p.hidden--
			continue
		}
		if head := q.Get("head"); strings.Contains(head, ":") && !strings.EqualFold(head, owner+":"+p.Branch) {
			continue
		}
		if base := q.Get("base"); base != "" && base != p.Base {
			continue
		}
		if open := p.State == "open"; state != "all" && open != (state == "open") {
			continue
		}
		values = append(values, c.pullValue(p, false))
	}
	if q.Get("direction") != "asc" {
		slices.Reverse(values)
	}
	return http.StatusOK, c.page(values)
}

// page returns the requested page of a listing and links to the next one.
func (c *call) page(values []any) []any {
	q := c.r.URL.Query()
	size, page := 30, 1
	if n, err := strconv.Atoi(q.Get("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 0 {
		page = n
	}
	from := min((page-1)*size, len(values))
	if from+size < len(values) {
		next := *c.r.URL
		q.Set("page", strconv.Itoa(page+1))
		next.RawQuery = q.Encode()
		c.header = http.Header{"Link": {"<http://" + c.r.Host + next.String() + `>; rel="next"`}}
	}
	return values[from:min(from+size, len(values))]
}

func (c *call) createPull() (int, any) {
	title, body, base := text(c.body["title"]), text(c.body["body"]), text(c.body["base"])
	head := text(c.body["head"])
	if _, after, ok := strings.Cut(head, ":"); ok {
		head = after
	}
	headSHA, baseSHA := c.repo.git.ref("refs/heads/"+head), c.repo.git.ref("refs/heads/"+base)
	switch {
	case title == "":
		return invalid("PullRequest", "title", "title can't be blank")
	case utf8.RuneCountInString(title) > 256:
		return invalid("PullRequest", "title", "title is too long (maximum is 256 characters)")
	case utf8.RuneCountInString(body) > bodyMax:
		return invalid("Issue", "body", "body is too long (maximum is 65536 characters)")
	case baseSHA == "":
		return invalid("PullRequest", "base", "base is invalid")
	case headSHA == "":
		return invalid("PullRequest", "head", "head is invalid")
	case c.body["draft"] == true && c.repo.NoDrafts:
		return http.StatusUnprocessableEntity, message("Draft pull requests are not supported in this repository.")
	}
	if _, err := c.repo.git.line("merge-base", "--is-ancestor", headSHA, baseSHA); err == nil {
		return invalid("PullRequest", "", fmt.Sprintf("No commits between %s and %s", base, head))
	}
	owner, _, _ := strings.Cut(c.repo.Name, "/")
	for _, p := range c.repo.pulls {
		if p.Branch == head && p.State == "open" {
			return invalid("PullRequest", "", fmt.Sprintf("A pull request already exists for %s:%s.", owner, head))
		}
	}
	p := &pull{Pull: Pull{
		Number: c.repo.nextNumber, Title: title, Body: body, Branch: head, Base: base, Commit: headSHA, State: "open",
		Draft: c.body["draft"] == true, By: c.token.login, Key: forge.KeyOfBody(body),
	}, hidden: c.s.o.ListingDelay}
	c.repo.nextNumber++
	c.repo.pulls = append(c.repo.pulls, p)
	c.repo.issues = append(c.repo.issues, &issue{number: p.Number})
	return http.StatusCreated, c.pullValue(p, true)
}

func (c *call) getPull() (int, any) {
	p := c.pull()
	if p == nil {
		return http.StatusNotFound, message("Not Found")
	}
	return http.StatusOK, c.pullValue(p, true)
}

func (c *call) updatePull() (int, any) {
	p := c.pull()
	if p == nil {
		return http.StatusNotFound, message("Not Found")
	}
	if v, ok := c.body["title"].(string); ok {
		p.Title = v
	}
	if v, ok := c.body["body"].(string); ok {
		if utf8.RuneCountInString(v) > bodyMax {
			return invalid("Issue", "body", "body is too long (maximum is 65536 characters)")
		}
		p.Body = v
	}
	if v, ok := c.body["state"].(string); ok {
		p.State = v
	}
	return http.StatusOK, c.pullValue(p, true)
}

// pullValue fills in GitHub's own example with the pull request. The head of an
// open pull request follows its branch.
func (c *call) pullValue(p *pull, whole bool) map[string]any {
	if sha := c.repo.git.ref("refs/heads/" + p.Branch); sha != "" && p.State == "open" {
		p.Commit = sha
	}
	var v map[string]any
	if whole {
		v = c.s.spec.example("GET", repoPath+"/pulls/{pull_number}", "200")
		v["merged"] = p.State == "merged"
	} else {
		rows, _ := c.s.spec.exampleValue("GET", repoPath+"/pulls", "200").([]any)
		v, _ = rows[0].(map[string]any)
	}
	v["id"], v["number"], v["title"], v["body"] = int64(p.Number)+5000, p.Number, p.Title, p.Body
	v["state"], v["draft"], v["merged_at"], v["closed_at"] = p.State, p.Draft, nil, nil
	if p.State != "open" {
		v["state"], v["closed_at"] = "closed", c.stamp()
	}
	if p.State == "merged" {
		v["merged_at"] = c.stamp()
	}
	v["html_url"], v["url"] = c.web("/pull/%d", p.Number), c.api("/pulls/%d", p.Number)
	v["issue_url"] = c.api("/issues/%d", p.Number)
	v["requested_teams"] = []any{} // the example lacks a required field
	c.fillUser(v["user"], p.By)
	labels := []any{}
	for _, name := range p.Labels {
		labels = append(labels, c.labelValue(name))
	}
	v["labels"] = labels
	c.fillSide(v["head"], p.Branch, p.Commit)
	c.fillSide(v["base"], p.Base, c.repo.git.ref("refs/heads/"+p.Base))
	return v
}

func (c *call) fillSide(v any, ref, sha string) {
	side, _ := v.(map[string]any)
	owner, _, _ := strings.Cut(c.repo.Name, "/")
	side["ref"], side["sha"], side["label"] = ref, sha, owner+":"+ref
	if r, ok := side["repo"].(map[string]any); ok {
		c.fillRepository(r)
	}
}

func (c *call) fillUser(v any, login string) {
	user, ok := v.(map[string]any)
	if !ok {
		return
	}
	user["login"], user["type"] = login, "User"
	if strings.HasSuffix(login, "[bot]") {
		user["type"] = "Bot"
	}
}

func (c *call) talk() *issue {
	n, _ := strconv.Atoi(c.params["issue_number"])
	return c.repo.issue(n)
}

func (c *call) listComments() (int, any) {
	x := c.talk()
	if x == nil {
		return http.StatusNotFound, message("Not Found")
	}
	values := []any{}
	for i := range x.comments {
		if x.comments[i].hidden > 0 {
			x.comments[i].hidden--
			continue
		}
		values = append(values, c.commentValue(x, x.comments[i]))
	}
	return http.StatusOK, c.page(values)
}

func (c *call) createComment() (int, any) {
	x := c.talk()
	if x == nil {
		return http.StatusNotFound, message("Not Found")
	}
	body := text(c.body["body"])
	if utf8.RuneCountInString(body) > bodyMax {
		return invalid("IssueComment", "body", "Body is too long (maximum is 65536 characters)")
	}
	m := comment{Comment: Comment{Issue: x.number, Body: body, By: c.token.login}, id: c.s.id(), hidden: c.s.o.ListingDelay}
	x.comments = append(x.comments, m)
	return http.StatusCreated, c.commentValue(x, m)
}

func (c *call) commentValue(x *issue, m comment) map[string]any {
	v := c.s.spec.example("POST", repoPath+"/issues/{issue_number}/comments", "201")
	v["id"], v["body"] = m.id, m.Body
	v["html_url"] = c.web("/issues/%d#issuecomment-%d", x.number, m.id)
	v["url"], v["issue_url"] = c.api("/issues/comments/%d", m.id), c.api("/issues/%d", x.number)
	c.fillUser(v["user"], m.By)
	return v
}

func (c *call) labelValue(name string) map[string]any {
	return map[string]any{
		"id": 208045946, "node_id": "MDU6TGFiZWwyMDgwNDU5NDY=", "url": c.api("/labels/x"), "name": name,
		"description": "", "color": "ededed", "default": false,
	}
}

func (c *call) labels() (*pull, []any) {
	n, _ := strconv.Atoi(c.params["issue_number"])
	p := c.repo.pull(n)
	values := []any{}
	if p != nil {
		for _, name := range p.Labels {
			values = append(values, c.labelValue(name))
		}
	}
	return p, values
}

func (c *call) listLabels() (int, any) {
	_, values := c.labels()
	return http.StatusOK, values
}

func (c *call) addLabels() (int, any) {
	p, _ := c.labels()
	if p == nil {
		return http.StatusNotFound, message("Not Found")
	}
	for _, v := range list(c.body["labels"]) {
		if name := text(v); !slices.Contains(p.Labels, name) {
			p.Labels = append(p.Labels, name)
		}
	}
	_, values := c.labels()
	return http.StatusOK, values
}

func (c *call) listRuns() (int, any) {
	sha := c.params["ref"]
	values := []any{}
	for _, run := range c.repo.runs[sha] {
		if name := c.r.URL.Query().Get("check_name"); name == "" || name == run["name"] {
			values = append(values, run)
		}
	}
	return http.StatusOK, map[string]any{"total_count": len(values), "check_runs": c.page(values)}
}

func (c *call) createRun() (int, any) {
	sha := text(c.body["head_sha"])
	if c.repo.git.kind(sha) != "commit" {
		return http.StatusUnprocessableEntity, message("No commit found for SHA: " + sha)
	}
	output, _ := c.body["output"].(map[string]any)
	for _, field := range []string{"summary", "text"} {
		if utf8.RuneCountInString(text(output[field])) > 65535 {
			return invalid("CheckRun", field, "Only 65535 characters are allowed")
		}
	}
	v := c.s.spec.example("POST", repoPath+"/check-runs", "201")
	id := c.s.id()
	v["id"], v["head_sha"], v["name"], v["external_id"] = id, sha, c.body["name"], text(c.body["external_id"])
	v["html_url"], v["url"] = c.web("/runs/%d", id), c.api("/check-runs/%d", id)
	v["status"], v["conclusion"], v["details_url"] = "completed", c.body["conclusion"], text(c.body["details_url"])
	v["pull_requests"] = []any{}
	if have, ok := v["output"].(map[string]any); ok {
		maps.Copy(have, map[string]any{"title": nil, "summary": nil, "text": nil})
		maps.Copy(have, output)
	}
	c.repo.runs[sha] = append(c.repo.runs[sha], v)
	return http.StatusCreated, v
}

func (c *call) listStatuses() (int, any) {
	values := []any{}
	for _, st := range c.repo.statuses {
		if st.sha == c.params["ref"] {
			values = append(values, c.statusValue(st))
		}
	}
	slices.Reverse(values)
	return http.StatusOK, c.page(values)
}

func (c *call) createStatus() (int, any) {
	st := status{c.params["sha"], text(c.body["context"]), text(c.body["state"]), text(c.body["description"])}
	switch {
	case c.repo.git.kind(st.sha) != "commit":
		return http.StatusUnprocessableEntity, message("No commit found for SHA: " + st.sha)
	case utf8.RuneCountInString(st.description) > 140:
		return invalid("Status", "description", "description is too long (maximum is 140 characters)")
	}
	c.repo.statuses = append(c.repo.statuses, st)
	return http.StatusCreated, c.statusValue(st)
}

func (c *call) statusValue(st status) map[string]any {
	v := c.s.spec.example("POST", repoPath+"/statuses/{sha}", "201")
	v["state"], v["context"], v["description"] = st.state, st.context, st.description
	v["url"] = c.api("/statuses/%s", st.sha)
	return v
}
