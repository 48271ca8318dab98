package githubtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// controlPrefix is the path for controlling a server in another process. GitHub
// has no such path.
const controlPrefix = "/_githubtest/"

// control serves the requests of Client.
func (s *Server) control(w http.ResponseWriter, r *http.Request, body []byte) {
	var err error
	var out any = map[string]any{}
	switch strings.TrimPrefix(r.URL.Path, controlPrefix) {
	case "state":
		out = s.State()
	case "fault":
		var f Fault
		if err = json.Unmarshal(body, &f); err == nil {
			s.Inject(f)
		}
	case "repository":
		var repo Repository
		if err = json.Unmarshal(body, &repo); err == nil {
			s.AddRepository(repo)
		}
	case "issue":
		var in struct{ Repository string }
		if err = json.Unmarshal(body, &in); err == nil {
			out = s.AddIssue(in.Repository)
		}
	case "pull":
		var in Pull
		if err = json.Unmarshal(body, &in); err == nil {
			s.SetPullState(in.Repository, in.Number, in.State)
		}
	case "token":
		out = s.UserToken()
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

// A Client controls a Server in another process.
type Client struct {
	URL  string       // with a trailing slash
	HTTP *http.Client // default http.DefaultClient
}

// State returns the server's state.
func (c Client) State(ctx context.Context) (st State, err error) {
	return st, c.call(ctx, "state", nil, &st)
}

// Inject adds a fault.
func (c Client) Inject(ctx context.Context, f Fault) error { return c.call(ctx, "fault", f, nil) }

// AddRepository serves a repository from now on.
func (c Client) AddRepository(ctx context.Context, r Repository) error {
	return c.call(ctx, "repository", r, nil)
}

// AddIssue opens an issue and returns its number.
func (c Client) AddIssue(ctx context.Context, repo string) (n int, err error) {
	return n, c.call(ctx, "issue", map[string]string{"Repository": repo}, &n)
}

// SetPullState closes, merges or reopens a pull request.
func (c Client) SetPullState(ctx context.Context, repo string, number int, state string) error {
	return c.call(ctx, "pull", Pull{Repository: repo, Number: number, State: state}, nil)
}

// UserToken returns a new personal access token.
func (c Client) UserToken(ctx context.Context) (token string, err error) {
	return token, c.call(ctx, "token", nil, &token)
}

func (c Client) call(ctx context.Context, what string, in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+strings.TrimPrefix(controlPrefix, "/")+what, bytes.NewReader(data))
	if err != nil {
		return err
	}
	hc := c.HTTP
	if hc == nil {
		hc = http.DefaultClient
	}
	res, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("githubtest %s: %s: %s", what, res.Status, bytes.TrimSpace(answer))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
