package gitrepo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// canary returns a command that leaves a file when it runs, and a check that
// it never did.
func canary(t *testing.T) (command string, check func()) {
	t.Helper()
	dir := t.TempDir()
	ran, script := filepath.Join(dir, "ran"), filepath.Join(dir, "canary.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$0 $@\" >> "+ran+"\ncat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	// A canary that cannot sing proves nothing.
	if err := exec.Command(script).Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(ran); err != nil {
		t.Fatal(err)
	}
	return script, func() {
		t.Helper()
		if data, err := os.ReadFile(ran); err == nil {
			t.Errorf("code of the repository ran: %s", data)
		}
	}
}

func TestNothingOfAHostileRepositoryRuns(t *testing.T) {
	t.Parallel()
	command, check := canary(t)
	s := newSource(t)
	s.write(".gitattributes", "* filter=evil diff=evil merge=evil text eol=crlf export-ignore\n*.bin filter=lfs\n")
	s.write(".lfsconfig", "[lfs]\n\turl = ext::"+command+"\n")
	s.write(".gitmodules", "[submodule \"x\"]\n\tpath = sub\n\turl = ext::"+command+"\n\tupdate = !"+command+"\n")
	s.write("a.py", "x = 1\n")
	s.write("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
	s.git("add", "-A")
	s.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",sub")
	s.git("commit", "-q", "-m", "evil")
	sha := s.git("rev-parse", "HEAD")
	s.git("branch", "other")
	hooks, err := filepath.Glob("/usr/share/git-core/templates/hooks/*")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"post-checkout", "post-merge", "pre-auto-gc", "reference-transaction", "post-index-change", "fsmonitor-watchman", "post-update", "pre-receive"}
	for _, h := range hooks {
		names = append(names, strings.TrimSuffix(filepath.Base(h), ".sample"))
	}
	for _, name := range names {
		_ = os.MkdirAll(filepath.Join(s.dir, ".git/hooks"), 0o755)
		_ = os.WriteFile(filepath.Join(s.dir, ".git/hooks", name), []byte("#!/bin/sh\n"+command+" hook "+name+"\n"), 0o755)
	}
	config := fmt.Sprintf(`
[core]
	fsmonitor = %[1]s
	sshCommand = %[1]s
	pager = %[1]s
	editor = %[1]s
	askPass = %[1]s
	gitProxy = %[1]s
	alternateRefsCommand = %[1]s
	hooksPath = .git/hooks
[filter "evil"]
	smudge = %[1]s
	clean = %[1]s
	process = %[1]s
	required = true
[filter "lfs"]
	smudge = %[1]s
	process = %[1]s
[diff "evil"]
	textconv = %[1]s
	command = %[1]s
[merge "evil"]
	driver = %[1]s
[diff]
	external = %[1]s
[credential]
	helper = "!%[1]s"
[uploadpack]
	packObjectsHook = %[1]s
[gpg]
	program = %[1]s
[log]
	showSignature = true
[remote "origin"]
	url = ext::%[1]s
	uploadpack = %[1]s
	vcs = evil
`, command)
	f, err := os.OpenFile(filepath.Join(s.dir, ".git/config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(config); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	r := open(t, s.dir)
	dir := t.TempDir()
	e, err := r.Checkout(t.Context(), sha, dir)
	if err != nil {
		t.Fatal(err)
	}
	got := files(t, dir)
	if got["a.py"] != "x = 1\n" || !strings.HasPrefix(got["big.bin"], "version https://git-lfs") {
		t.Errorf("attributes changed the tree: %q", got)
	}
	if d := cmp.Diff([]Skipped{{"sub", "submodule"}}, e.Skipped); d != "" {
		t.Errorf("skipped: %s", d)
	}
	if _, _, err := r.DefaultBranch(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := r.Resolve(t.Context(), sha[:8]); err != nil {
		t.Error(err)
	}
	if _, err := r.CommitsTouching(t.Context(), []string{"a.py"}, sha, "other"); err != nil {
		t.Error(err)
	}
	check()
}

// Trees that git itself would not make are built object by object.
func TestNoTreeReachesOutOfItsDirectory(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	blob := s.in([]byte("evil\n"), "hash-object", "-w", "--stdin")
	link := func(target string) string { return s.in([]byte(target), "hash-object", "-w", "--stdin") }
	mktree := func(lines ...string) string {
		return s.in([]byte(strings.Join(lines, "\n")+"\n"), "mktree")
	}
	entry := func(mode, kind, oid, name string) string { return mode + " " + kind + " " + oid + "\t" + name }
	inner := mktree(entry("120000", "blob", link("../../.."), "d"), entry("100644", "blob", blob, "f.py"))
	b := mktree(entry("040000", "tree", inner, "c"))
	a := mktree(entry("040000", "tree", b, "b"))
	git := mktree(entry("100755", "blob", blob, "post-checkout"))
	root := mktree(
		entry("040000", "tree", git, ".GIT"), entry("040000", "tree", git, "git~1"), entry("100644", "blob", blob, ".g\u200cit"),
		entry("100644", "blob", blob, `a\b`),
		entry("040000", "tree", a, "a"),
		entry("120000", "blob", link("/etc/passwd"), "absolute"),
		entry("120000", "blob", link("../../../etc/passwd"), "up"),
		entry("120000", "blob", link("a/b/c/d/../../../etc"), "through"),
		entry("120000", "blob", link("self"), "self"),
		entry("120000", "blob", link(".git/config"), "config"),
		entry("120000", "blob", link("a/b/c/f.py"), "fine"),
		entry("120000", "blob", link("nowhere"), "dangling"),
	)
	sha := s.git("commit-tree", root, "-m", "evil")
	s.git("update-ref", "refs/heads/main", sha)

	above := t.TempDir()
	dir := filepath.Join(above, "x", "y", "z", "tree")
	e, err := open(t, s.dir).Checkout(t.Context(), sha, dir)
	if err != nil {
		t.Fatal(err)
	}
	got := files(t, above)
	want := map[string]string{"x/y/z/tree/a/b/c/f.py": "evil\n", "x/y/z/tree/a/b/c/d": "-> ../../..", "x/y/z/tree/fine": "-> a/b/c/f.py", "x/y/z/tree/dangling": "-> nowhere"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("tree: %s", d)
	}
	if len(e.Skipped) != 9 {
		t.Errorf("got skipped %+v", e.Skipped)
	}
}

func TestNamesThatNoTreeMayHave(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a/b.py": true, ".github/x": true, ".gitignore": true, "git": true, "a/.git": false, ".Git/config": false, ".git ": false, ".git.": false,
		"../a": false, "/a": false, "a//b": false, "./a": false, "": false, "a\x00b": false, strings.Repeat("n", 256): false,
	} {
		if got := safeName(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

func FuzzEntriesOfATreeAreReadOrRefused(f *testing.F) {
	f.Add("100644 blob 0123456789012345678901234567890123456789      12\ta/b.py")
	f.Add("160000 commit 0123456789012345678901234567890123456789       -\tsub")
	f.Add("\t")
	f.Fuzz(func(t *testing.T, record string) {
		e, err := parseEntry(record)
		if err == nil && safeName(e.path) && !filepath.IsLocal(e.path) {
			t.Errorf("%q is taken for a safe name", e.path)
		}
	})
}
