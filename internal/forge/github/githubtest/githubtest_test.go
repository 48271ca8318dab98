package githubtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// bare creates a repository with one empty commit on main.
func bare(t *testing.T) (dir string, commit string) {
	t.Helper()
	d := gitDir(t.TempDir())
	if _, err := d.line("init", "--quiet", "--bare", "--initial-branch=main"); err != nil {
		t.Fatal(err)
	}
	tree, err := d.overlay("", nil)
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a"}
	if commit, err = d.makeCommit(tree, "start", nil, env); err != nil {
		t.Fatal(err)
	}
	if _, err := d.line("update-ref", "refs/heads/main", commit); err != nil {
		t.Fatal(err)
	}
	return string(d), commit
}

type recorded struct {
	Method   string          `json:"method"`
	Path     string          `json:"path"`
	Body     json.RawMessage `json:"body"`
	Status   int             `json:"status"`
	Response json.RawMessage `json:"response"`
}

func recordings(t *testing.T) []recorded {
	t.Helper()
	names, err := filepath.Glob("testdata/recorded-api.*.json")
	if err != nil || len(names) != 2 {
		t.Fatalf("recordings %v, %v", names, err)
	}
	var all []recorded
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var some []recorded
		if err := json.Unmarshal(data, &some); err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

func TestRecordedTrafficFitsTheDescription(t *testing.T) {
	t.Parallel()
	sp, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, r := range recordings(t) {
		method := strings.ToUpper(r.Method)
		route, params, ok := sp.match(method, r.Path)
		if !ok {
			continue // creating a label and listing all references: calls that repaird does not make
		}
		req := httptest.NewRequest(method, r.Path, nil)
		body := []byte(r.Body)
		if len(body) < 3 { // "" is how the recorder writes none
			body = nil
		} else {
			req.Header.Set("Content-Type", "application/json")
		}
		in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: options()}
		if err := sp.request(in, body); err != nil {
			t.Errorf("%s %s: request: %v", method, r.Path, err)
		}
		header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
		if r.Status != http.StatusNoContent {
			if err := sp.response(in, r.Status, header, r.Response); err != nil {
				t.Errorf("%s %s: response: %v", method, r.Path, err)
			}
		}
		checked++
	}
	if checked != 3 {
		t.Errorf("%d recorded calls were checked, want 3 (create, update and delete a reference)", checked)
	}
}

// TestOurAnswersHaveTheRecordedShape replays the recorded traffic against the
// server and compares the names of all fields.
func TestOurAnswersHaveTheRecordedShape(t *testing.T) {
	t.Parallel()
	dir, commit := bare(t)
	s := Start(t, Options{})
	s.AddRepository(Repository{Name: "octokit-fixture-org/git-refs", Dir: dir})
	token := s.UserToken()
	for _, r := range recordings(t) {
		if _, _, ok := s.spec.match(strings.ToUpper(r.Method), r.Path); !ok {
			continue
		}
		body := bytes.ReplaceAll(r.Body, []byte("0000000000000000000000000000000000000002"), []byte(commit))
		body = bytes.ReplaceAll(body, []byte("0000000000000000000000000000000000000001"), []byte(commit))
		status, answer := do(t, s, token, strings.ToUpper(r.Method), r.Path, string(body))
		if status != r.Status {
			t.Errorf("%s %s: status %d, recorded %d: %s", r.Method, r.Path, status, r.Status, answer)
		}
		if got, want := shape(answer), shape(r.Response); got != want {
			t.Errorf("%s %s: fields %s, recorded %s", r.Method, r.Path, got, want)
		}
	}
	var errs []recorded
	for _, r := range recordings(t) {
		if r.Status == http.StatusUnprocessableEntity {
			errs = append(errs, r)
		}
	}
	_, value := invalid("Label", "color", "")
	data, err := json.Marshal(value)
	if err != nil || len(errs) != 1 {
		t.Fatal(err, len(errs))
	}
	// The recorded error lacks a message; ours has one.
	if got, want := shape(data), shape(errs[0].Response); !strings.Contains(got, "documentation_url,errors[code,field,message,resource],message") || !strings.Contains(want, "documentation_url,errors[code,field,resource],message") {
		t.Errorf("validation error %s, recorded %s", got, want)
	}
}

// shape lists the names of a JSON document's fields.
func shape(data []byte) string {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return ""
	}
	return names(v)
}

func names(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for k, x := range v {
			part := k
			if inner := names(x); inner != "" {
				part += "[" + inner + "]"
			}
			parts = append(parts, part)
		}
		slices.Sort(parts)
		return strings.Join(parts, ",")
	case []any:
		if len(v) > 0 {
			return names(v[0])
		}
	}
	return ""
}

func do(t *testing.T, s *Server, token, method, path, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(s.URL, "/")+path, strings.NewReader(strings.Trim(body, `"`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var out bytes.Buffer
	if _, err := out.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, out.Bytes()
}

func TestWhatGitHubRejectsIsRejected(t *testing.T) {
	t.Parallel()
	dir, commit := bare(t)
	s := Start(t, Options{})
	s.AddRepository(Repository{Name: "shop/api", Dir: dir})
	token := s.UserToken()
	const pulls, refs = "/repos/shop/api/pulls", "/repos/shop/api/git/refs"
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"a reference to nothing", "POST", refs, `{"ref":"refs/heads/x","sha":"1111111111111111111111111111111111111111"}`, 422, "Object does not exist"},
		{"a short reference", "POST", refs, `{"ref":"x","sha":"` + commit + `"}`, 422, "Reference name must start"},
		{"a reference", "POST", refs, `{"ref":"refs/heads/x","sha":"` + commit + `"}`, 201, commit},
		{"a reference again", "POST", refs, `{"ref":"refs/heads/x","sha":"` + commit + `"}`, 422, "Reference already exists"},
		{"moving what does not exist", "PATCH", refs + "/heads/y", `{"sha":"` + commit + `"}`, 422, "Reference does not exist"},
		{"a pull request of nothing", "POST", pulls, `{"title":"t","head":"x","base":"main"}`, 422, "No commits between main and x"},
		{"a pull request from nowhere", "POST", pulls, `{"title":"t","head":"zz","base":"main"}`, 422, "head is invalid"},
		{"a body that is too long", "POST", pulls, `{"title":"t","head":"x","base":"main","body":"` + strings.Repeat("x", 65537) + `"}`, 422, "body is too long (maximum is 65536 characters)"},
		{"a commit of no tree", "POST", "/repos/shop/api/git/commits", `{"message":"m","tree":"` + commit + `"}`, 422, "Tree SHA does not exist"},
		{"a tree that climbs", "POST", "/repos/shop/api/git/trees", `{"tree":[{"path":"a/../b","mode":"100644","type":"blob","content":"x"}]}`, 422, "malformed path"},
		{"a check run of a person", "POST", "/repos/shop/api/check-runs", `{"name":"n","head_sha":"` + commit + `"}`, 403, "You must authenticate via a GitHub App"},
		{"another repository", "GET", "/repos/shop/none", "", 404, "Not Found"},
		{"a comment nowhere", "POST", "/repos/shop/api/issues/9/comments", `{"body":"b"}`, 404, "Not Found"},
	} {
		status, answer := do(t, s, token, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(string(answer), c.says) {
			t.Errorf("%s: %d %s, want %d %q", c.name, status, answer, c.status, c.says)
		}
	}
	if status, _ := do(t, s, "wrong", "GET", "/repos/shop/api", ""); status != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d", status)
	}
}

func TestAnInvalidRequestIsAViolation(t *testing.T) {
	t.Parallel()
	dir, commit := bare(t)
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(s)
	t.Cleanup(hs.Close)
	s.URL = hs.URL + "/"
	s.AddRepository(Repository{Name: "shop/api", Dir: dir})
	token := s.UserToken()
	for i, c := range []struct{ method, path, body string }{
		{"POST", "/repos/shop/api/git/refs", `{"ref":"refs/heads/x"}`},
		{"POST", "/repos/shop/api/git/refs", `{"ref":"refs/heads/x","sha":"` + commit + `","extra":1}`},
		{"POST", "/repos/shop/api/git/trees", `{"tree":[{"path":"a","mode":"100666","type":"blob","content":"x"}]}`},
		{"GET", "/repos/shop/api/pulls?state=any", ""},
		{"GET", "/repos/shop/api/pulls?unknown=1", ""},
		{"GET", "/repos/shop/api/unknown", ""},
		{"POST", "/repos/shop/api/issues/1/labels", `["bug"]`},
	} {
		status, _ := do(t, s, token, c.method, c.path, c.body)
		if got := len(s.State().Violations); got != i+1 || status < 400 {
			t.Errorf("%s %s %s: status %d, %d violations, want %d", c.method, c.path, c.body, status, got, i+1)
		}
	}
}

// TestMain lets the test binary run as the server's process.
func TestMain(m *testing.M) {
	if os.Getenv("GITHUBTEST_SERVE") == "" {
		os.Exit(m.Run())
	}
	s, err := New(Options{})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s/\n", l.Addr())
	_ = s.Serve(l)
}
