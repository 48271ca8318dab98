package forgetest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A Repository is a bare repository with one commit on main: shop/cart.py,
// an executable run.sh, docs/old.md, and a symbolic link.
type Repository struct {
	Name string // shop/api
	Dir  string // bare repository
	Base string // its commit
}

// NewRepository creates a Repository for a test.
func NewRepository(t testing.TB) Repository {
	t.Helper()
	r := Repository{Name: "shop/api", Dir: t.TempDir()}
	r.Git(t, "init", "--quiet", "--bare", "--initial-branch=main")
	var stream strings.Builder
	stream.WriteString("commit refs/heads/main\ncommitter Ada <ada@example.org> 1700000000 +0000\ndata 5\nstart\n")
	for _, f := range [][3]string{
		{"100644", "shop/cart.py", "def total(items):\n    return sum(items[:-1])\n"},
		{"100755", "run.sh", "#!/bin/sh\necho broken\n"},
		{"100644", "docs/old.md", "old\n"},
		{"120000", "link", "run.sh"},
	} {
		fmt.Fprintf(&stream, "M %s inline %s\ndata %d\n%s\n", f[0], f[1], len(f[2]), f[2])
	}
	stream.WriteString("done\n")
	r.git(t, stream.String(), "fast-import", "--quiet", "--done")
	r.Base = r.Git(t, "rev-parse", "refs/heads/main")
	return r
}

// Git runs git in the repository and returns its output without the final newline.
func (r Repository) Git(t testing.TB, args ...string) string {
	t.Helper()
	return r.git(t, "", args...)
}

// Commit creates a commit with the parent's tree, which no branch points at.
func (r Repository) Commit(t testing.TB, parent, message string) string {
	t.Helper()
	return r.Git(t, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit-tree", "-p", parent, "-m", message, parent+"^{tree}")
}

func (r Repository) git(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"--git-dir", r.Dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	cmd.Stdin = strings.NewReader(stdin)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimRight(string(out), "\n")
}
