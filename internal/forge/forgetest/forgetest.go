// Package forgetest is the suite that every forge passes:
//
//	forgetest.Run(t, func(t *testing.T, repo forgetest.Repository) forgetest.Subject { … })
//
// It publishes to a real bare repository and inspects the result with git.
package forgetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/redact"
)

// A Subject is a forge under test, with access to its host's state.
type Subject struct {
	Forge    forge.Forge
	Restart  func() forge.Forge           // returns a forge without memory, as after a restart
	Pulls    func() []Pull                // all pull requests in the repository, including closed ones
	Close    func(number int)             // closes a pull request without merging
	Comments func(issue int) []string     // bodies
	Checks   func(commit string) []string // "name: success" or "name: failure"
	Issue    int                          // an issue that exists
}

// A Pull is a pull request as stored by the host.
type Pull struct {
	Number int
	Title  string
	Body   string
	Branch string
	Base   string
	State  string
	Draft  bool
	Labels []string
}

// Run runs the suite; open is called once per test.
func Run(t *testing.T, open func(t *testing.T, repo Repository) Subject) {
	for name, test := range map[string]func(*testing.T, Repository, Subject){
		"a proposal becomes one commit, one branch and one draft pull request": testPublish,
		"modes are kept, files are deleted, executables stay executable":       testModes,
		"publishing again adopts":                                               testAgain,
		"a closed pull request is adopted and not opened again":                 testClosed,
		"four publishers of one key make one pull request":                      testConcurrent,
		"two keys make two pull requests":                                       testTwoKeys,
		"a body of any length fits and keeps its marker":                        testLongBody,
		"a comment is written once for each key":                                testComment,
		"a branch of that name that is not repaird's is left alone":             testForeignBranch,
		"a branch that stayed at the base is moved":                             testBranchAtBase,
		"an earlier candidate on the branch without a pull request is replaced": testOlderCandidate,
		"what no host would take is invalid":                                    testInvalid,
		"an unknown repository is not found":                                    testUnknownRepository,
		"an error of the ledger forbids the act and comes back":                 testForbidden,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := NewRepository(t)
			test(t, repo, open(t, repo))
		})
	}
	runKilled(t, open)
}

var clean = func(s string) redact.Clean { return redact.New([]byte("0123456789abcdef")).Text(s, nil) }

const (
	key      = "3f1c0a52b7d94e6688aa01c2"
	otherKey = "9c1c0a52b7d94e6688aa01c2"
	fixed    = "def total(items):\n    return sum(items)\n"
)

// Proposal returns a proposal for the suite's repository.
func Proposal(repo Repository) forge.Proposal {
	return forge.Proposal{
		Key: key, Repository: repo.Name, BaseBranch: "main", BaseSHA: repo.Base,
		Title:   clean("Fix total: one item too few"),
		Body:    clean("The last item was left out.\n"),
		Message: clean("Count the last item too"),
		Files:   map[string][]byte{"shop/cart.py": []byte(fixed), "tests/test_repaird_3f1c0a.py": []byte("def test_it():\n    pass\n")},
		Labels:  []string{"repaird", "bug"},
		Check:   forge.Check{Name: "repaird/verdict", Summary: clean("8 of 8 gates hold"), Text: clean("all"), Passed: true},
	}
}

// Acts records acts and fails at the one in At: "before commit", "after branch", ….
type Acts struct {
	At string

	mu   sync.Mutex
	Log  []string
	Refs map[string]string
}

// ErrKilled is the error of a failing Acts.
var ErrKilled = errors.New("killed")

// Before implements forge.Acts.
func (a *Acts) Before(_ context.Context, act string) error { return a.note("before " + act) }

// After implements forge.Acts.
func (a *Acts) After(_ context.Context, act, ref string) error {
	a.mu.Lock()
	if a.Refs == nil {
		a.Refs = map[string]string{}
	}
	a.Refs[act] = ref
	a.mu.Unlock()
	return a.note("after " + act)
}

func (a *Acts) note(what string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Log = append(a.Log, what)
	if what == a.At {
		return fmt.Errorf("at %s: %w", what, ErrKilled)
	}
	return nil
}

func publish(t *testing.T, f forge.Forge, p forge.Proposal) *forge.PullRequest {
	t.Helper()
	pr, err := f.Publish(t.Context(), p, &Acts{})
	if err != nil {
		t.Fatal(err)
	}
	return pr
}

func testPublish(t *testing.T, repo Repository, s Subject) {
	p, acts := Proposal(repo), &Acts{}
	pr, err := s.Forge.Publish(t.Context(), p, acts)
	if err != nil {
		t.Fatal(err)
	}
	if pr.Adopted || pr.State != "open" || pr.Branch != "repaird/3f1c0a52b7d9" || pr.URL == "" || pr.Number == 0 || len(pr.Notes) != 0 {
		t.Errorf("published %+v", pr)
	}
	want := []string{"before commit", "after commit", "before branch", "after branch", "before pull_request", "after pull_request",
		"before check", "after check", "before label", "after label"}
	if d := cmp.Diff(want, acts.Log); d != "" {
		t.Errorf("acts (-want +got):\n%s", d)
	}
	if acts.Refs["commit"] != pr.Commit || acts.Refs["branch"] != pr.Branch || acts.Refs["pull_request"] != pr.URL {
		t.Errorf("references %v of %+v", acts.Refs, pr)
	}
	if got := repo.Git(t, "rev-parse", "refs/heads/"+pr.Branch); got != pr.Commit {
		t.Errorf("branch is at %s, want %s", got, pr.Commit)
	}
	if got := repo.Git(t, "log", "-1", "--format=%P", pr.Commit); got != repo.Base {
		t.Errorf("parents %q, want the base %q", got, repo.Base)
	}
	if got := repo.Git(t, "log", "-1", "--format=%B", pr.Commit); forge.KeyOfMessage(got) != key || !strings.HasPrefix(got, "Count the last item too\n") {
		t.Errorf("message %q", got)
	}
	if got := repo.Git(t, "show", pr.Commit+":shop/cart.py") + "\n"; got != fixed {
		t.Errorf("file holds %q", got)
	}
	if got := repo.Git(t, "diff", "--name-only", repo.Base, pr.Commit); got != "shop/cart.py\ntests/test_repaird_3f1c0a.py" {
		t.Errorf("changed files %q", got)
	}
	pulls := s.Pulls()
	if len(pulls) != 1 {
		t.Fatalf("%d pull requests, want 1", len(pulls))
	}
	got := pulls[0]
	got.Body = ""
	if d := cmp.Diff(Pull{Number: pr.Number, Title: "Fix total: one item too few", Branch: pr.Branch, Base: "main", State: "open", Draft: true, Labels: p.Labels}, got); d != "" {
		t.Errorf("pull request (-want +got):\n%s", d)
	}
	if body := pulls[0].Body; !strings.HasPrefix(body, "The last item was left out.\n") || forge.KeyOfBody(body) != key {
		t.Errorf("body %q", body)
	}
	if d := cmp.Diff([]string{"repaird/verdict: success"}, s.Checks(pr.Commit)); d != "" {
		t.Errorf("checks (-want +got):\n%s", d)
	}
}

func testModes(t *testing.T, repo Repository, s Subject) {
	p := Proposal(repo)
	p.Files = map[string][]byte{
		"run.sh": []byte("#!/bin/sh\necho fixed\n"), "docs/old.md": nil, "docs/gone.md": nil,
		"shop/data.bin": {0, 0xff, 0xfe, '\r', '\n'}, "ümläut/ä b.txt": []byte("x"),
	}
	pr := publish(t, s.Forge, p)
	got := repo.Git(t, "-c", "core.quotePath=false", "ls-tree", "-r", "--format=%(objectmode) %(path)", pr.Commit)
	want := strings.Join([]string{"120000 link", "100755 run.sh", "100644 shop/cart.py", "100644 shop/data.bin", "100644 ümläut/ä b.txt"}, "\n")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("tree (-want +got):\n%s", d)
	}
	if got := repo.Git(t, "cat-file", "-s", pr.Commit+":shop/data.bin"); got != "5" {
		t.Errorf("binary file has %s bytes, want 5", got)
	}
}

func testAgain(t *testing.T, repo Repository, s Subject) {
	first := publish(t, s.Forge, Proposal(repo))
	again := publish(t, s.Restart(), Proposal(repo))
	if !again.Adopted || again.Number != first.Number || again.Commit != first.Commit || again.URL != first.URL {
		t.Errorf("again %+v, first %+v", again, first)
	}
	if n := len(s.Pulls()); n != 1 {
		t.Errorf("%d pull requests, want 1", n)
	}
	if n := len(s.Checks(first.Commit)); n != 1 {
		t.Errorf("%d checks, want 1", n)
	}
}

func runKilled(t *testing.T, open func(*testing.T, Repository) Subject) {
	for _, act := range []string{forge.ActCommit, forge.ActBranch, forge.ActPullRequest, forge.ActCheck, forge.ActLabel} {
		for _, when := range []string{"before ", "after "} {
			t.Run("killed "+when+act+" and tried again there is one of each", func(t *testing.T) {
				t.Parallel()
				repo := NewRepository(t)
				testKilled(t, repo, open(t, repo), when+act)
			})
		}
	}
}

func testKilled(t *testing.T, repo Repository, s Subject, at string) {
	if _, err := s.Forge.Publish(t.Context(), Proposal(repo), &Acts{At: at}); !errors.Is(err, ErrKilled) {
		t.Fatalf("error %v, want that of the ledger", err)
	}
	acts := &Acts{}
	pr, err := s.Restart().Publish(t.Context(), Proposal(repo), acts)
	if err != nil {
		t.Fatal(err)
	}
	pulls := s.Pulls()
	if len(pulls) != 1 || pulls[0].Number != pr.Number || len(pulls[0].Labels) != 2 {
		t.Errorf("pull requests %+v, published %+v", pulls, pr)
	}
	if got := repo.Git(t, "rev-parse", "refs/heads/"+pr.Branch); got != pr.Commit {
		t.Errorf("branch is at %s, pull request at %s", got, pr.Commit)
	}
	if got := repo.Git(t, "rev-list", "--count", repo.Base+".."+pr.Commit); got != "1" {
		t.Errorf("%s commits on the branch, want 1", got)
	}
	if d := cmp.Diff([]string{"repaird/verdict: success"}, s.Checks(pr.Commit)); d != "" {
		t.Errorf("checks (-want +got):\n%s", d)
	}
	if acts.Refs[forge.ActPullRequest] != pr.URL {
		t.Errorf("the second try tells the ledger %v", acts.Refs)
	}
}

func testClosed(t *testing.T, repo Repository, s Subject) {
	first := publish(t, s.Forge, Proposal(repo))
	s.Close(first.Number)
	again := publish(t, s.Restart(), Proposal(repo))
	if !again.Adopted || again.Number != first.Number || again.State != "closed" {
		t.Errorf("again %+v", again)
	}
	if n := len(s.Pulls()); n != 1 {
		t.Errorf("%d pull requests, want 1", n)
	}
}

func testConcurrent(t *testing.T, repo Repository, s Subject) {
	var wg sync.WaitGroup
	numbers := make([]int, 4)
	for i := range numbers {
		f := s.Restart()
		wg.Go(func() {
			// The loser of a race may get a retryable error, and retries as a job would.
			for range 5 {
				pr, err := f.Publish(t.Context(), Proposal(repo), forge.NoActs{})
				if err == nil {
					numbers[i] = pr.Number
					return
				}
				if fault.KindOf(err) != fault.Retryable {
					t.Errorf("publisher %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	for i, n := range numbers {
		if n == 0 || n != numbers[0] {
			t.Errorf("publisher %d has pull request %d, publisher 0 has %d", i, n, numbers[0])
		}
	}
	if n := len(s.Pulls()); n != 1 {
		t.Errorf("%d pull requests, want 1", n)
	}
}

func testTwoKeys(t *testing.T, repo Repository, s Subject) {
	first := publish(t, s.Forge, Proposal(repo))
	p := Proposal(repo)
	p.Key = otherKey
	second := publish(t, s.Forge, p)
	if second.Adopted || second.Number == first.Number || second.Branch == first.Branch {
		t.Errorf("second %+v, first %+v", second, first)
	}
}

func testLongBody(t *testing.T, repo Repository, s Subject) {
	p := Proposal(repo)
	p.Body = clean("# Summary\n\n<details>\n\n```text\n" + strings.Repeat("a line of the trace — ünïcode\n", 8000) + "```\n\n</details>\n")
	p.Title = clean(strings.Repeat("long ", 200) + "\nsecond line")
	publish(t, s.Forge, p)
	pull := s.Pulls()[0]
	if n := utf8.RuneCountInString(pull.Body); n > forge.BodyLimit || n < forge.BodyLimit-3000 {
		t.Errorf("body has %d characters", n)
	}
	if forge.KeyOfBody(pull.Body) != key {
		t.Errorf("the marker is lost: %q", pull.Body[len(pull.Body)-200:])
	}
	if !strings.Contains(pull.Body, "\n```\n\n</details>\n\n_Truncated to the length") {
		t.Errorf("fence and fold are not closed: %q", pull.Body[len(pull.Body)-300:])
	}
	if n := utf8.RuneCountInString(pull.Title); n > forge.TitleLimit || strings.Contains(pull.Title, "\n") {
		t.Errorf("title has %d characters: %q", n, pull.Title)
	}
}

func testComment(t *testing.T, repo Repository, s Subject) {
	for _, f := range []forge.Forge{s.Forge, s.Restart()} {
		for _, k := range []string{key, key, otherKey} {
			if err := f.Comment(t.Context(), repo.Name, s.Issue, k, clean("Stopped: needs_locals.")); err != nil {
				t.Fatal(err)
			}
		}
	}
	bodies := s.Comments(s.Issue)
	if len(bodies) != 2 || forge.KeyOfBody(bodies[0]) != key || forge.KeyOfBody(bodies[1]) != otherKey || !strings.HasPrefix(bodies[0], "Stopped: needs_locals.") {
		t.Errorf("comments %q", bodies)
	}
	if err := s.Forge.Comment(t.Context(), repo.Name, s.Issue, "a--b", clean("x")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("bad key: %v", err)
	}
}

func testForeignBranch(t *testing.T, repo Repository, s Subject) {
	foreign := repo.Commit(t, repo.Base, "somebody's work")
	repo.Git(t, "update-ref", "refs/heads/repaird/3f1c0a52b7d9", foreign)
	_, err := s.Forge.Publish(t.Context(), Proposal(repo), forge.NoActs{})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "repaird/3f1c0a52b7d9") {
		t.Errorf("error %v", err)
	}
	if got := repo.Git(t, "rev-parse", "refs/heads/repaird/3f1c0a52b7d9"); got != foreign {
		t.Errorf("the branch was moved to %s", got)
	}
	if n := len(s.Pulls()); n != 0 {
		t.Errorf("%d pull requests, want 0", n)
	}
}

func testBranchAtBase(t *testing.T, repo Repository, s Subject) {
	repo.Git(t, "update-ref", "refs/heads/repaird/3f1c0a52b7d9", repo.Base)
	pr := publish(t, s.Forge, Proposal(repo))
	if got := repo.Git(t, "rev-parse", "refs/heads/"+pr.Branch); got != pr.Commit || got == repo.Base {
		t.Errorf("branch at %s, pull request at %s", got, pr.Commit)
	}
}

func testOlderCandidate(t *testing.T, repo Repository, s Subject) {
	older := Proposal(repo)
	older.Files = map[string][]byte{"shop/cart.py": []byte("def total(items):\n    return 0\n")}
	if _, err := s.Forge.Publish(t.Context(), older, &Acts{At: "after branch"}); !errors.Is(err, ErrKilled) {
		t.Fatal(err)
	}
	pr := publish(t, s.Restart(), Proposal(repo))
	if got := repo.Git(t, "show", "refs/heads/"+pr.Branch+":shop/cart.py") + "\n"; got != fixed {
		t.Errorf("branch holds %q", got)
	}
}

func testInvalid(t *testing.T, repo Repository, s Subject) {
	for name, change := range map[string]func(*forge.Proposal){
		"a short key":              func(p *forge.Proposal) { p.Key = "abc" },
		"a key that is not hex":    func(p *forge.Proposal) { p.Key = "3f1c0a52b7d9 --> <b>" },
		"no files":                 func(p *forge.Proposal) { p.Files = nil },
		"a path that climbs":       func(p *forge.Proposal) { p.Files = map[string][]byte{"../x": nil} },
		"an absolute path":         func(p *forge.Proposal) { p.Files = map[string][]byte{"/etc/passwd": []byte("x")} },
		"a path into .git":         func(p *forge.Proposal) { p.Files = map[string][]byte{".GIT/hooks/x": []byte("x")} },
		"a path with a line end":   func(p *forge.Proposal) { p.Files = map[string][]byte{"a\nb": []byte("x")} },
		"a file over a symlink":    func(p *forge.Proposal) { p.Files = map[string][]byte{"link": []byte("x")} },
		"a file below a file":      func(p *forge.Proposal) { p.Files = map[string][]byte{"run.sh/x": []byte("x")} },
		"a file below a symlink":   func(p *forge.Proposal) { p.Files = map[string][]byte{"link/x": []byte("x")} },
		"nothing changed":          func(p *forge.Proposal) { p.Files = map[string][]byte{"docs/gone.md": nil} },
		"the same content":         func(p *forge.Proposal) { p.Files = map[string][]byte{"docs/old.md": []byte("old\n")} },
		"a short base":             func(p *forge.Proposal) { p.BaseSHA = p.BaseSHA[:10] },
		"another branch":           func(p *forge.Proposal) { p.Branch = "main" },
		"a repository of one part": func(p *forge.Proposal) { p.Repository = "shop" },
		"no title":                 func(p *forge.Proposal) { p.Title = clean(" ") },
	} {
		p := Proposal(repo)
		change(&p)
		if pr, err := s.Forge.Publish(t.Context(), p, forge.NoActs{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %+v, %v, want invalid", name, pr, err)
		}
	}
	if n := len(s.Pulls()); n != 0 {
		t.Errorf("%d pull requests, want 0", n)
	}
}

func testUnknownRepository(t *testing.T, repo Repository, s Subject) {
	p := Proposal(repo)
	p.Repository = "nobody/nothing"
	if _, err := s.Forge.Publish(t.Context(), p, forge.NoActs{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("publish: %v, want not found", err)
	}
	if err := s.Forge.Comment(t.Context(), p.Repository, 1, key, clean("x")); fault.KindOf(err) != fault.NotFound {
		t.Errorf("comment: %v, want not found", err)
	}
	p = Proposal(repo)
	p.BaseSHA = strings.Repeat("12", 20)
	if _, err := s.Forge.Publish(t.Context(), p, forge.NoActs{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("unknown base commit: %v, want not found", err)
	}
}

func testForbidden(t *testing.T, repo Repository, s Subject) {
	_, err := s.Forge.Publish(t.Context(), Proposal(repo), &Acts{At: "before branch"})
	if !errors.Is(err, ErrKilled) {
		t.Errorf("error %v", err)
	}
	if got := repo.Git(t, "for-each-ref", "--format=%(refname)"); got != "refs/heads/main" {
		t.Errorf("references %q: the act was done although it was forbidden", got)
	}
}
