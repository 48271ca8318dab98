package githubtest

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestTheServerRunsInItsOwnProcess(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "GITHUBTEST_SERVE=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c := Client{URL: strings.TrimSpace(line)}
	dir, commit := bare(t)
	if err := c.AddRepository(t.Context(), Repository{Name: "shop/api", Dir: dir}); err != nil {
		t.Fatal(err)
	}
	issue, err := c.AddIssue(t.Context(), "shop/api")
	if err != nil || issue != 1 {
		t.Fatalf("issue %d, %v", issue, err)
	}
	token, err := c.UserToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Inject(t.Context(), Reply("GET", repoPath, 503, "away", nil)); err != nil {
		t.Fatal(err)
	}
	remote := &Server{URL: c.URL}
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		if got, _ := do(t, remote, token, "GET", "/repos/shop/api", ""); got != want {
			t.Errorf("status %d, want %d", got, want)
		}
	}
	st, err := c.State(t.Context())
	if err != nil || len(st.Calls) != 2 || st.Requests != 1 || st.Responses != 1 || st.Refs["shop/api:refs/heads/main"] != commit {
		t.Errorf("state %+v, %v", st, err)
	}
}
