package github_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/forge/forgetest"
	"github.com/repaird/repaird/internal/forge/github"
	"github.com/repaird/repaird/internal/forge/github/githubtest"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/secret"
)

const repos = "/repos/{owner}/{repo}"

// everyCall lists the calls of one publication by an App, in order of first use.
var everyCall = []struct{ method, path string }{
	{"GET", repos + "/installation"},
	{"POST", "/app/installations/{installation_id}/access_tokens"},
	{"GET", repos},
	{"GET", repos + "/pulls"},
	{"GET", repos + "/git/commits/{commit_sha}"},
	{"GET", repos + "/git/trees/{tree_sha}"},
	{"POST", repos + "/git/blobs"},
	{"POST", repos + "/git/trees"},
	{"GET", repos + "/git/ref/{ref}"},
	{"POST", repos + "/git/commits"},
	{"POST", repos + "/git/refs"},
	{"POST", repos + "/pulls"},
	{"GET", repos + "/commits/{ref}/check-runs"},
	{"POST", repos + "/check-runs"},
	{"POST", repos + "/issues/{issue_number}/labels"},
}

func TestEveryCallListIsComplete(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	s := start(t, repo, githubtest.Options{})
	if _, err := asApp(t, s).Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{}); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range everyCall {
		known[c.method+" "+c.path] = true
	}
	for _, c := range s.State().Calls {
		if !known[c.Method+" "+c.Template] {
			t.Errorf("%s %s is not in the list of calls that are made to fail", c.Method, c.Template)
		}
	}
}

// at is the time on both sides, so that waits can be compared.
var at = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func fixedTime() time.Time { return at }

func asAppAt(t *testing.T, s *githubtest.Server) *github.Forge {
	t.Helper()
	return open(t, github.Options{BaseURL: s.URL, Now: fixedTime, App: &github.App{ID: "12345", Key: appPEM()}})
}

// A failure is a way in which a call can fail. Each is retryable, and a retry ends
// with one pull request.
type failure struct {
	name  string
	fault githubtest.Fault
	wait  time.Duration // that the error asks for; 0: none
}

func lost(method, path string) []failure {
	return []failure{
		{"done and the answer lost", githubtest.ExecuteThenDrop(method, path), 0},
		{"lost on the way", githubtest.Fault{Method: method, Path: path, Drop: true}, 0},
		{"a 502 after it was done", githubtest.Fault{Method: method, Path: path, Execute: true, Status: 502, Message: "Server Error"}, 0},
	}
}

func limits(method, path string) []failure {
	secondary := "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
	reply := func(status int, text string, header map[string]string) githubtest.Fault {
		return githubtest.Reply(method, path, status, text, header)
	}
	none := map[string]string{"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": strconv.FormatInt(at.Add(30*time.Minute).Unix(), 10)}
	return []failure{
		{"a 500", reply(500, "Server Error", nil), 0},
		{"a 503 with Retry-After", reply(503, "Unavailable", map[string]string{"Retry-After": "7"}), 7 * time.Second},
		{"a 403 with Retry-After", reply(403, secondary, map[string]string{"Retry-After": "61"}), 61 * time.Second},
		{"a 403 that only says so", reply(403, secondary, nil), time.Minute},
		{"a 403 of the older wording", reply(403, "You have triggered an abuse detection mechanism.", nil), time.Minute},
		{"a 403 with no calls remaining", reply(403, "API rate limit exceeded", none), 30*time.Minute + time.Second},
		{"a 429 with no calls remaining", reply(429, "API rate limit exceeded", none), 30*time.Minute + time.Second},
		{"a 429 with Retry-After", reply(429, secondary, map[string]string{"Retry-After": "61"}), 61 * time.Second},
		{"a 429 with nothing", reply(429, "Too Many Requests", nil), time.Minute},
		{"a 429 with a date", reply(429, secondary, map[string]string{"Retry-After": at.Add(2 * time.Minute).Format(http.TimeFormat)}), 2 * time.Minute},
	}
}

func TestWhateverCallFailsThereIsOnePullRequest(t *testing.T) {
	t.Parallel()
	for _, c := range everyCall {
		t.Run(c.method+" "+strings.TrimPrefix(c.path, repos), func(t *testing.T) {
			t.Parallel()
			all := lost(c.method, c.path)
			switch c.path {
			case repos + "/pulls", "/app/installations/{installation_id}/access_tokens", repos + "/check-runs":
				all = append(all, limits(c.method, c.path)...)
			}
			repo := forgetest.NewRepository(t)
			s := start(t, repo, githubtest.Options{Now: fixedTime})
			for i, f := range all {
				p := forgetest.Proposal(repo)
				p.Key = fmt.Sprintf("%012x", i+1)
				failOnce(t, s, p, c.method, f)
			}
		})
	}
}

func failOnce(t *testing.T, s *githubtest.Server, p forge.Proposal, method string, f failure) {
	t.Helper()
	s.Inject(f.fault)
	pr, err := asAppAt(t, s).Publish(t.Context(), p, forge.NoActs{})
	// Go's client retries a lost GET itself.
	if err == nil && (method != "GET" || f.fault.Status != 0) {
		t.Errorf("%s: no error", f.name)
	}
	if err != nil {
		if fault.KindOf(err) != fault.Retryable {
			t.Errorf("%s: %v error: %v", f.name, fault.KindOf(err), err)
		}
		if wait, said := forge.RetryAfter(err); wait != f.wait || said != (f.wait > 0) {
			t.Errorf("%s: wait %v, want %v", f.name, wait, f.wait)
		}
		if pr, err = asAppAt(t, s).Publish(t.Context(), p, forge.NoActs{}); err != nil {
			t.Fatalf("%s: again: %v", f.name, err)
		}
	}
	st := s.State()
	if n := st.PullsByKey[p.Key]; n != 1 {
		t.Errorf("%s: %d pull requests, want 1", f.name, n)
	}
	runs := 0
	for _, r := range st.Runs {
		if r.Commit == pr.Commit {
			runs++
		}
	}
	if got := st.Pulls[pr.Number-1]; got.Key != p.Key || len(got.Labels) != 2 || runs != 1 {
		t.Errorf("%s: %+v with %d check runs", f.name, got, runs)
	}
}

func TestCreationsThatAlreadyExistAreAdopted(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/git/refs", "/pulls"} {
		repo := forgetest.NewRepository(t)
		s := start(t, repo, githubtest.Options{})
		s.Inject(githubtest.Fault{Method: "POST", Path: repos + path, Twice: true})
		pr, err := asApp(t, s).Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if st := s.State(); len(st.Pulls) != 1 || pr.Adopted != (path == "/pulls") {
			t.Errorf("%s: %+v, pull requests %+v", path, pr, st.Pulls)
		}
	}
}

func TestAPullRequestThatIsNotListedYetIsAwaited(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	s := start(t, repo, githubtest.Options{ListingDelay: 3})
	s.Inject(githubtest.ExecuteThenDrop("POST", repos+"/pulls"))
	tries := 0
	for {
		tries++
		_, err := asApp(t, s).Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{})
		if err == nil {
			break
		}
		if fault.KindOf(err) != fault.Retryable || tries > 10 {
			t.Fatalf("try %d: %v", tries, err)
		}
	}
	if st := s.State(); len(st.Pulls) != 1 || st.PullsByKey[forgetest.Proposal(repo).Key] != 1 || tries < 3 {
		t.Errorf("%d pull requests after %d tries", len(st.Pulls), tries)
	}
}

func TestARejectionIsDeniedAndAMissingThingNotFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault githubtest.Fault
		kind  fault.Kind
	}{
		"403":                  {githubtest.Reply("POST", repos+"/git/blobs", 403, "Resource not accessible by integration", nil), fault.Denied},
		"401 for good":         {githubtest.Fault{Method: "POST", Path: repos + "/git/blobs", Times: -1, Status: 401, Message: "Bad credentials"}, fault.Denied},
		"451":                  {githubtest.Reply("GET", repos, 451, "Repository access blocked", nil), fault.Denied},
		"404":                  {githubtest.Reply("GET", repos, 404, "Not Found", nil), fault.NotFound},
		"410":                  {githubtest.Reply("GET", repos+"/pulls", 410, "Gone", nil), fault.NotFound},
		"422":                  {githubtest.Reply("POST", repos+"/pulls", 422, "Validation Failed", nil), fault.Invalid},
		"409 empty":            {githubtest.Reply("POST", repos+"/git/blobs", 409, "Git Repository is empty.", nil), fault.Invalid},
		"409 conflict":         {githubtest.Reply("PATCH", repos+"/git/refs/{ref}", 409, "Conflict", nil), fault.Retryable},
		"an answer of garbage": {githubtest.Reply("GET", repos, 200, "", map[string]string{"Content-Length": "5"}), fault.Retryable},
		"App not installed":    {githubtest.Reply("GET", repos+"/installation", 404, "Not Found", nil), fault.NotFound},
		"permissions missing":  {githubtest.Reply("POST", "/app/installations/{installation_id}/access_tokens", 422, "The permissions requested are not granted to this installation.", nil), fault.Denied},
	} {
		repo := forgetest.NewRepository(t)
		s := start(t, repo, githubtest.Options{})
		if name == "409 conflict" {
			repo.Git(t, "update-ref", "refs/heads/repaird/3f1c0a52b7d9", repo.Base)
		}
		s.Inject(c.fault)
		_, err := asApp(t, s).Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{})
		if fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v error %v, want %v", name, fault.KindOf(err), err, c.kind)
		}
	}
}

func TestWithoutDraftSupportThePullRequestIsOpen(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	s := start(t, repo, githubtest.Options{})
	s.AddRepository(githubtest.Repository{Name: repo.Name, Dir: repo.Dir, NoDrafts: true})
	pr, err := asApp(t, s).Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{})
	if err != nil {
		t.Fatal(err)
	}
	if st := s.State(); len(st.Pulls) != 1 || st.Pulls[0].Draft || len(pr.Notes) != 1 || !strings.Contains(pr.Notes[0], "draft") {
		t.Errorf("%+v, notes %q", st.Pulls, pr.Notes)
	}
}

func TestWithoutPermissionForCheckRunsAStatusOrANoteReplacesThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		permissions []string
		statuses    int
		note        string
	}{
		"a classic token":        {nil, 1, "commit status"},
		"no status permission":   {[]string{"contents:write", "pull_requests:write"}, 0, "neither"},
		"with status permission": {[]string{"contents:write", "pull_requests:write", "statuses:write"}, 1, "commit status"},
	} {
		repo := forgetest.NewRepository(t)
		s := start(t, repo, githubtest.Options{})
		f := open(t, github.Options{BaseURL: s.URL, Token: secret.New(s.UserToken(c.permissions...))})
		pr, err := f.Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		st := s.State()
		if len(st.Runs) != 0 || len(st.Statuses) != c.statuses || len(pr.Notes) != 1 || !strings.Contains(pr.Notes[0], c.note) {
			t.Errorf("%s: %d runs, statuses %+v, notes %q", name, len(st.Runs), st.Statuses, pr.Notes)
		}
	}
}

func TestARenamedRepositoryIsFollowed(t *testing.T) {
	t.Parallel()
	for name, forgeOf := range map[string]func(*githubtest.Server) *github.Forge{
		"as App": func(s *githubtest.Server) *github.Forge { return asApp(t, s) },
		"with token": func(s *githubtest.Server) *github.Forge {
			return open(t, github.Options{BaseURL: s.URL, Token: secret.New(s.UserToken())})
		},
	} {
		repo := forgetest.NewRepository(t)
		s := start(t, repo, githubtest.Options{})
		s.Rename(repo.Name, "shop/backend")
		issue := s.AddIssue("shop/backend")
		f := forgeOf(s)
		pr, err := f.Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := f.Comment(t.Context(), repo.Name, issue, "3f1c0a52b7d94e6688aa01c2", redact.Constant("x")); err != nil {
			t.Errorf("%s: comment: %v", name, err)
		}
		if !strings.Contains(pr.URL, "/shop/backend/pull/") || len(s.State().Comments) != 1 {
			t.Errorf("%s: %+v", name, pr)
		}
	}
}

func TestGitHubSignsTheCommitOfAnApp(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	s := start(t, repo, githubtest.Options{})
	pr, err := asApp(t, s).Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{})
	if err != nil {
		t.Fatal(err)
	}
	// The server signs as GitHub does: if neither author nor committer was sent.
	if got := repo.Git(t, "log", "-1", "--format=%an|%cn", pr.Commit); got != "repaird[bot]|GitHub" {
		t.Errorf("author|committer %q", got)
	}
}

func TestALongConversationIsSearchedPageByPage(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	s := start(t, repo, githubtest.Options{})
	issue := s.AddIssue(repo.Name)
	key := "3f1c0a52b7d94e6688aa01c2"
	for range 120 {
		s.AddComment(repo.Name, issue, "octocat", "me too")
	}
	s.AddComment(repo.Name, issue, "mallory", "quoted "+forge.Marker(key)) // a person's: not ours
	f := asApp(t, s)
	for range 3 {
		if err := f.Comment(t.Context(), repo.Name, issue, key, redact.Constant("Stopped.")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.State().Comments); n != 122 {
		t.Errorf("%d comments, want 122", n)
	}
}

// impatient gives up on opening a pull request.
type impatient struct{}

func (impatient) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/pulls") {
		ctx, cancel := context.WithTimeout(r.Context(), 500*time.Millisecond)
		defer cancel()
		r = r.WithContext(ctx)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestAPublicationThatTimesOutIsRetryable(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	s := start(t, repo, githubtest.Options{})
	s.Inject(githubtest.Fault{Method: "POST", Path: repos + "/pulls", Execute: true, Hang: true})
	f := open(t, github.Options{BaseURL: s.URL, App: &github.App{ID: "12345", Key: appPEM()}, HTTP: &http.Client{Transport: impatient{}}})
	_, err := f.Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{})
	if fault.KindOf(err) != fault.Retryable || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
	if _, err := asApp(t, s).Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{}); err != nil || len(s.State().Pulls) != 1 {
		t.Errorf("again %v, pull requests %+v", err, s.State().Pulls)
	}
}

func TestErrorsNeverShowTheToken(t *testing.T) {
	t.Parallel()
	f := open(t, github.Options{BaseURL: "http://127.0.0.1:1/", Token: secret.New("ghp_verysecret")})
	_, err := f.Publish(t.Context(), forgetest.Proposal(forgetest.Repository{Name: "a/b", Base: strings.Repeat("a", 40)}), forge.NoActs{})
	if err == nil || fault.KindOf(err) != fault.Retryable || strings.Contains(err.Error(), "verysecret") {
		t.Errorf("error %v", err)
	}
	var limit *forge.RateLimit
	if errors.As(err, &limit) {
		t.Errorf("a refused connection is not a rate limit: %v", err)
	}
}
