package gitrepo

import (
	"bytes"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/secret"
)

// A source is a repository that a test makes with the real git.
type source struct {
	t   *testing.T
	dir string
}

func newSource(t *testing.T) source {
	t.Helper()
	s := source{t, t.TempDir()}
	s.git("init", "-q", "-b", "main")
	return s
}

func (s source) git(args ...string) string { s.t.Helper(); return s.in(nil, args...) }

func (s source) in(stdin []byte, args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", s.dir, "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s source) write(name, content string) {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s source) commit(message string) string {
	s.t.Helper()
	s.git("add", "-A")
	s.git("commit", "-q", "--allow-empty", "-m", message)
	return s.git("rev-parse", "HEAD")
}

func open(t *testing.T, url string) *Repo {
	t.Helper()
	r, err := Open(t.Context(), t.TempDir(), Source{URL: url}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		if d.Type()&os.ModeSymlink != 0 {
			target, _ := os.Readlink(name)
			found[rel] = "-> " + target
			return nil
		}
		data, err := os.ReadFile(name)
		found[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestACommitIsCheckedOutAsAPlainTree(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.write("a.py", "x = 1\r\n")
	s.write("pkg/b.py", "y = 2\n")
	s.write("run.sh", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(s.dir, "run.sh"), 0o777); err != nil {
		t.Fatal(err)
	}
	first := s.commit("first")
	s.write("a.py", "x = 2\n")
	second := s.commit("second")
	r := open(t, s.dir)

	dir, err := os.MkdirTemp(t.TempDir(), "") // nobody else may read it
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Checkout(t.Context(), first, dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the tree's directory: got %v, %v, want it readable for the sandbox", info, err)
	}
	want := map[string]string{"a.py": "x = 1\r\n", "pkg/b.py": "y = 2\n", "run.sh": "#!/bin/sh\n"}
	if d := cmp.Diff(want, files(t, dir)); d != "" {
		t.Errorf("tree: %s", d)
	}
	if e.Commit != first || e.Files != 3 || len(e.Skipped) != 0 {
		t.Errorf("got %+v", e)
	}
	for name, mode := range map[string]os.FileMode{"a.py": 0o644, "run.sh": 0o755} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: got mode %v, want %v", name, info.Mode(), mode)
		}
	}
	// The commit came alone: history is not mined for the later fix.
	if _, err := r.git(t.Context(), "cat-file", "-e", second); err == nil {
		t.Error("a commit that nobody asked for was fetched")
	}
}

func TestRefsOfEveryKindAreResolved(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.write("a", "1")
	first := s.commit("first")
	s.git("tag", "-a", "v1", "-m", "one")
	s.git("branch", "fix/one")
	s.write("a", "2")
	second := s.commit("second")
	r := open(t, s.dir)
	for ref, want := range map[string]string{
		first: first, first[:9]: first, "v1": first, "fix/one": first, "main": second, "refs/heads/main": second,
	} {
		got, err := r.Resolve(t.Context(), ref)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", ref, got, err, want)
		}
	}
	name, sha, err := r.DefaultBranch(t.Context())
	if err != nil || name != "main" || sha != second {
		t.Errorf("default branch: got %s %s, %v", name, sha, err)
	}
	tree, err := r.TreeOf(t.Context(), first)
	if want := s.git("rev-parse", first+"^{tree}"); err != nil || tree != want {
		t.Errorf("tree: got %s, %v, want %s", tree, err, want)
	}
}

func TestWhatDoesNotExistIsATypedError(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.write("a", "1")
	s.commit("first")
	r := open(t, s.dir)
	for ref, want := range map[string]fault.Kind{
		strings.Repeat("a", 40): fault.NotFound, "deadbee": fault.NotFound, "nothing": fault.NotFound,
		"--upload-pack=x": fault.Invalid, "a..b": fault.Invalid, "": fault.Invalid, "x y": fault.Invalid,
	} {
		if _, err := r.Resolve(t.Context(), ref); fault.KindOf(err) != want || err == nil {
			t.Errorf("%q: got %v (%s), want %s", ref, err, fault.KindOf(err), want)
		}
	}
	for url, want := range map[string]fault.Kind{
		"ext::sh -c true": fault.Invalid, "https://u:p@example.org/r": fault.Invalid, "-x": fault.Invalid, "": fault.Invalid,
		"git://example.org/r": fault.Invalid, "/does/not/exist": fault.NotFound,
	} {
		_, err := Open(t.Context(), t.TempDir(), Source{URL: url}, Options{})
		if fault.KindOf(err) != want || err == nil {
			t.Errorf("%q: got %v (%s), want %s", url, err, fault.KindOf(err), want)
		}
		if err != nil && strings.Contains(err.Error(), "u:p@") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
	empty := open(t, t.TempDir())
	if _, err := empty.Resolve(t.Context(), "main"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a directory that is not a repository: got %v (%s)", err, fault.KindOf(err))
	}
}

func TestCommitsThatTouchedAPathAreFoundInTheWholeHistory(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.write("a.py", "1")
	base := s.commit("base")
	s.write("b.py", "1")
	s.commit("other")
	s.write("a.py", "2")
	fix := s.commit("fix: a")
	s.write("b.py", "2")
	head := s.commit("later")
	r := open(t, s.dir)
	if _, err := r.Resolve(t.Context(), head); err != nil { // the mirror is shallow now
		t.Fatal(err)
	}
	got, err := r.CommitsTouching(t.Context(), []string{"a.py"}, base, head)
	if err != nil || len(got) != 1 || got[0].SHA != fix || got[0].Subject != "fix: a" || got[0].Time.IsZero() {
		t.Errorf("got %+v, %v, want %s", got, err, fix)
	}
	if all, err := r.CommitsTouching(t.Context(), nil, base, head); err != nil || len(all) != 3 || all[0].SHA != head {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestBoundsOfATreeAreKept(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.write("a", "12345")
	s.write("b", "12345")
	s.write("large", strings.Repeat("x", 100))
	sha := s.commit("c")
	for _, c := range []struct {
		name string
		opts Options
		kind fault.Kind
	}{
		{"too many files", Options{MaxFiles: 2}, fault.Budget},
		{"too many bytes", Options{MaxBytes: 8, MaxFile: 50}, fault.Budget},
	} {
		r, err := Open(t.Context(), t.TempDir(), Source{URL: s.dir}, c.opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Checkout(t.Context(), sha, t.TempDir()); fault.KindOf(err) != c.kind {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	r, err := Open(t.Context(), t.TempDir(), Source{URL: s.dir}, Options{MaxFile: 50})
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Checkout(t.Context(), sha, t.TempDir())
	if err != nil || e.Files != 2 || cmp.Diff(e.Skipped, []Skipped{{"large", "large"}}) != "" {
		t.Errorf("a large file: got %+v, %v", e, err)
	}
}

func TestATokenTravelsInAHeaderOnly(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.write("a", "1")
	sha := s.commit("c")
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(s.dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, pass, _ := req.BasicAuth(); pass != "tok-123" {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, req)
	}))
	defer server.Close()
	url := server.URL + "/" + filepath.Base(s.dir)

	cache := t.TempDir()
	good, err := Open(t.Context(), cache, Source{URL: url, Token: secret.New("tok-123")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := good.Checkout(t.Context(), sha, t.TempDir()); err != nil {
		t.Errorf("with the token: %v", err)
	}
	for name, content := range files(t, cache) {
		if strings.Contains(content, "tok-123") {
			t.Errorf("%s holds the token", name)
		}
	}
	bad := open(t, url)
	if _, err := bad.Resolve(t.Context(), sha); fault.KindOf(err) != fault.Denied {
		t.Errorf("without the token: got %v (%s)", err, fault.KindOf(err))
	}
	server.Close()
	gone := open(t, url)
	if _, err := gone.Resolve(t.Context(), sha); fault.KindOf(err) != fault.Retryable {
		t.Errorf("without a server: got %v (%s)", err, fault.KindOf(err))
	}
}

func TestASnapshotOfAPlainDirectoryLeavesToolsOut(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	s := source{t, from}
	for _, name := range []string{"a.py", "src/b.py", ".git/config", "env/pyvenv.cfg", "env/lib/x.py", "src/__pycache__/b.pyc"} {
		s.write(name, name)
	}
	for link, target := range map[string]string{"in.py": "src/b.py", "out": "/etc/passwd", "src/up": "../../.."} {
		if err := os.Symlink(target, filepath.Join(from, link)); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(from, "tree") // below the source itself
	e, err := Snapshot(t.Context(), from, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a.py": "a.py", "src/b.py": "src/b.py", "in.py": "-> src/b.py"}
	if d := cmp.Diff(want, files(t, dir)); d != "" {
		t.Errorf("tree: %s", d)
	}
	if d := cmp.Diff([]Skipped{{"out", "symlink"}, {"src/up", "symlink"}}, e.Skipped); d != "" {
		t.Errorf("skipped: %s", d)
	}
}
