// Package githubtest is a fake GitHub for tests: an HTTP server that behaves like
// GitHub's REST API for the calls that repaird makes, and that validates every
// request and response against GitHub's OpenAPI description.
//
//	s := githubtest.Start(t, githubtest.Options{})
//	s.AddRepository(githubtest.Repository{Name: "shop/api", Dir: bare})
//	f, err := github.New(github.Options{BaseURL: s.URL, Token: secret.New(s.UserToken())})
//	…
//	s.State().Violations // must be empty; Start's clean-up checks it
//
// It is stateful: git objects and refs are in a real bare repository, from which
// a test can fetch; pull requests, issues, comments, labels, check runs, statuses
// and installation tokens are in memory. It injects failures on demand (see
// [Fault]). For tests that kill repaird it runs in its own process
// ([Server.Serve]), controlled through [Client].
package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// Options configure a Server.
type Options struct {
	AppID  string         // the App's id; "" accepts any
	AppKey *rsa.PublicKey // verifies the App's signatures; nil: Apps cannot log in
	// ListingDelay is how many listings omit a new pull request or comment, as
	// GitHub's lagging replicas do.
	ListingDelay int
	Now          func() time.Time // default time.Now
}

// A Repository is a repository for the server to serve.
type Repository struct {
	Name          string `json:"name"`           // owner/name
	Dir           string `json:"dir"`            // bare repository
	DefaultBranch string `json:"default_branch"` // default main
	NoDrafts      bool   `json:"no_drafts"`      // draft pull requests are not supported
	NotInstalled  bool   `json:"not_installed"`  // the App is not installed there
}

// A Server is one GitHub. It is safe for concurrent use.
type Server struct {
	URL string // with a trailing slash; set by Start and Serve

	o    Options
	spec *spec

	mu         sync.Mutex
	repos      map[string]*repository // lower-case owner/name
	renamed    map[string]string      // lower-case old name → new name
	tokens     map[string]*token
	faults     []*Fault
	calls      []Call
	requests   int
	responses  int
	violations []string
	nextID     int64
}

// New returns a server that is not started. It is an http.Handler.
func New(o Options) (*Server, error) {
	sp, err := loadSpec()
	if err != nil {
		return nil, fmt.Errorf("githubtest: OpenAPI: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{o: o, spec: sp, repos: map[string]*repository{}, renamed: map[string]string{}, tokens: map[string]*token{}, nextID: 1000}, nil
}

// Start serves on a loopback port until the test ends, and then fails the test if
// a request or response violated GitHub's description.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(s)
	s.URL = hs.URL + "/"
	t.Cleanup(func() {
		hs.CloseClientConnections()
		hs.Close()
		for _, v := range s.State().Violations {
			t.Errorf("githubtest: %s", v)
		}
	})
	return s
}

// Serve serves until the listener is closed. It sets URL; a caller that runs it in
// the background should take the address from the listener instead.
func (s *Server) Serve(l net.Listener) error {
	s.URL = "http://" + l.Addr().String() + "/"
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	err := srv.Serve(l)
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// AddRepository serves a repository from now on.
func (s *Server) AddRepository(r Repository) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.DefaultBranch == "" {
		r.DefaultBranch = "main"
	}
	s.repos[strings.ToLower(r.Name)] = &repository{Repository: r, id: s.id(), git: gitDir(r.Dir), nextNumber: 1, runs: map[string][]map[string]any{}}
}

// Rename renames a repository and redirects the old name.
func (s *Server) Rename(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[strings.ToLower(from)]
	delete(s.repos, strings.ToLower(from))
	r.Name = to
	s.repos[strings.ToLower(to)] = r
	s.renamed[strings.ToLower(from)] = to
}

// UserToken returns a new personal access token, which may do everything except
// create check runs. With permissions, it is a fine-grained token with only these.
func (s *Server) UserToken(permissions ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &token{login: "octocat"}
	if len(permissions) > 0 {
		t.permissions = map[string]string{}
		for _, p := range permissions {
			name, level, _ := strings.Cut(p, ":")
			t.permissions[name] = level
		}
	}
	text := "github_pat_" + randomHex(41)
	s.tokens[text] = t
	return text
}

// RevokeTokens makes every token invalid.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

func (s *Server) id() int64 { s.nextID++; return s.nextID }

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// A call is one request being handled.
type call struct {
	s        *Server
	r        *http.Request
	template string
	params   map[string]string
	body     map[string]any
	repo     *repository
	token    *token
	header   http.Header // extra response headers
}

// maxRequest limits a request body, in bytes.
const maxRequest = 64 << 20

// ServeHTTP handles one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if strings.HasPrefix(r.URL.Path, controlPrefix) {
		s.control(w, r, body)
		return
	}
	s.mu.Lock()
	path := s.canonicalPath(r.URL.Path)
	route, _, ok := s.spec.match(r.Method, path)
	template := "?"
	if ok {
		template = route.Path
	}
	fault := s.takeFault(r.Method, template)
	s.mu.Unlock()

	var a answer
	if fault == nil || fault.Execute || fault.Twice {
		a = s.answer(r, path, body, fault != nil && fault.Twice)
	}
	if fault != nil {
		if gone := fault.apply(w, r, &a); gone {
			s.record(r, template, 0)
			return
		}
	}
	s.record(r, template, a.status)
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// An answer is a response before encoding.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// answer validates and executes a request, twice if asked to, and validates the
// response.
func (s *Server) answer(r *http.Request, path string, body []byte, twice bool) answer {
	route, params, ok := s.spec.match(r.Method, path)
	if !ok {
		s.violate(r, errors.New("GitHub has no such call, or the server does not know it"))
		return s.encode(r, http.StatusNotFound, message("Not Found"), nil)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route, Options: options(),
	}
	if err := s.spec.request(in, body); err != nil {
		s.violate(r, err)
		return s.encode(r, http.StatusUnprocessableEntity, message("Invalid request: "+firstLine(err)), nil)
	}
	s.mu.Lock()
	s.requests++
	status, value, header := s.execute(r, route.Path, params, body)
	if twice {
		status, value, header = s.execute(r, route.Path, params, body)
	}
	s.mu.Unlock()
	a := s.encode(r, status, value, header)
	if err := s.spec.response(in, a.status, a.header, a.body); err != nil {
		s.violate(r, fmt.Errorf("answer %d: %w", a.status, err))
	} else {
		s.mu.Lock()
		s.responses++
		s.mu.Unlock()
	}
	return a
}

func (s *Server) encode(r *http.Request, status int, value any, header http.Header) answer {
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("X-GitHub-Request-Id", randomHex(8))
	if header.Get("X-RateLimit-Limit") == "" {
		header.Set("X-RateLimit-Limit", "5000")
		header.Set("X-RateLimit-Remaining", "4999")
		header.Set("X-RateLimit-Reset", strconv.FormatInt(s.o.Now().Add(time.Hour).Unix(), 10))
		header.Set("X-RateLimit-Resource", "core")
	}
	var data []byte
	if status != http.StatusNoContent {
		var err error
		if data, err = json.Marshal(value); err != nil {
			s.violate(r, err)
		}
	}
	return answer{status, header, data}
}

// execute authenticates the caller and runs the handler. mu must be held.
func (s *Server) execute(r *http.Request, template string, params map[string]string, body []byte) (int, any, http.Header) {
	c := &call{s: s, r: r, template: template, params: params}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &c.body); err != nil {
			return http.StatusBadRequest, message("Problems parsing JSON"), nil
		}
	}
	h, ok := handlers[r.Method+" "+template]
	if !ok {
		s.violations = append(s.violations, fmt.Sprintf("%s %s: the server does not know this call", r.Method, template))
		return http.StatusNotFound, message("Not Found"), nil
	}
	if bad := c.authenticate(); bad != nil {
		return bad.status, bad.value, nil
	}
	if owner, ok := params["owner"]; ok {
		full := strings.ToLower(owner + "/" + params["repo"])
		if to, ok := s.renamed[full]; ok {
			return s.redirect(r, s.repos[strings.ToLower(to)], template, params)
		}
		if c.repo = s.repos[full]; c.repo == nil || !c.mayRead() {
			return http.StatusNotFound, message("Not Found"), nil
		}
	}
	if need := needs[r.Method+" "+template]; need != "" && !c.may(need) {
		return http.StatusForbidden, message(c.refusal(need)), nil
	}
	status, value := h(c)
	return status, value, c.header
}

// redirect redirects a repository's old name to its numeric path, as GitHub does:
// with 301 for reads and 307 for other methods.
func (s *Server) redirect(r *http.Request, to *repository, template string, params map[string]string) (int, any, http.Header) {
	old := "/repos/" + params["owner"] + "/" + params["repo"]
	rest := strings.TrimPrefix(r.URL.Path, old)
	address := *r.URL
	address.Path = fmt.Sprintf("/repositories/%d%s", to.id, rest)
	address.RawPath = ""
	status := http.StatusTemporaryRedirect
	if r.Method == http.MethodGet {
		status = http.StatusMovedPermanently
	}
	where := "http://" + r.Host + address.String()
	return status, map[string]any{"message": "Moved Permanently", "url": where, "documentation_url": docs},
		http.Header{"Location": {where}}
}

// canonicalPath converts a numeric path to one with the repository's name.
func (s *Server) canonicalPath(path string) string {
	rest, ok := strings.CutPrefix(path, "/repositories/")
	if !ok {
		return path
	}
	number, tail, _ := strings.Cut(rest, "/")
	for _, r := range s.repos {
		if strconv.FormatInt(r.id, 10) == number {
			return strings.TrimSuffix("/repos/"+r.Name+"/"+tail, "/")
		}
	}
	return path
}

func (s *Server) violate(r *http.Request, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err))
}

func (s *Server) record(r *http.Request, template string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{Method: r.Method, Path: r.URL.Path, Template: template, Status: status})
}

const docs = "https://docs.github.com/rest"

func message(text string) map[string]any {
	return map[string]any{"message": text, "documentation_url": docs}
}

// invalid returns a 422 in GitHub's words.
func invalid(resource, field, text string) (int, any) {
	e := map[string]any{"resource": resource, "code": "custom", "message": text}
	if field != "" {
		e["field"] = field
	}
	return http.StatusUnprocessableEntity, map[string]any{
		"message": "Validation Failed", "errors": []any{e}, "documentation_url": docs,
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
