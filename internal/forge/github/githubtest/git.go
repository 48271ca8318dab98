package githubtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A gitDir is a real bare repository. It contains every object that the API
// creates, with git's own SHA, so that a test can fetch the branch.
type gitDir string

func (d gitDir) run(stdin []byte, env []string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"--git-dir", string(d), "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*"}, args...)...)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
	}, env...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

func (d gitDir) line(args ...string) (string, error) {
	out, err := d.run(nil, nil, args...)
	return strings.TrimSpace(out), err
}

// kind returns the object's type, or "" if it does not exist.
func (d gitDir) kind(sha string) string {
	if !shaRE.MatchString(sha) {
		return ""
	}
	out, err := d.line("cat-file", "-t", sha)
	if err != nil {
		return ""
	}
	return out
}

func (d gitDir) ref(name string) string {
	out, err := d.line("rev-parse", "--verify", "--quiet", name)
	if err != nil {
		return ""
	}
	return out
}

type treeEntry struct{ mode, kind, sha, path string }

// list returns a tree's entries, or those of all levels if recursive.
func (d gitDir) list(sha string, recursive bool) ([]treeEntry, error) {
	args := []string{"ls-tree", "-z", "--full-tree"}
	if recursive {
		args = append(args, "-r", "-t")
	}
	out, err := d.run(nil, nil, append(args, sha)...)
	if err != nil {
		return nil, err
	}
	var entries []treeEntry
	for row := range strings.SplitSeq(strings.TrimRight(out, "\x00"), "\x00") {
		meta, name, ok := strings.Cut(row, "\t")
		f := strings.Fields(meta)
		if ok && len(f) == 3 {
			entries = append(entries, treeEntry{f[0], f[1], f[2], name})
		}
	}
	return entries, nil
}

// overlay returns the tree of base with entries applied; an entry without a SHA
// deletes its path.
func (d gitDir) overlay(base string, entries []treeEntry) (string, error) {
	dir, err := os.MkdirTemp("", "githubtest-index-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}
	if base != "" {
		if _, err := d.run(nil, env, "read-tree", base); err != nil {
			return "", err
		}
	}
	var rows bytes.Buffer
	for _, e := range entries {
		if e.sha == "" {
			fmt.Fprintf(&rows, "0 %040d\t%s\x00", 0, e.path)
		} else {
			fmt.Fprintf(&rows, "%s %s\t%s\x00", e.mode, e.sha, e.path)
		}
	}
	if _, err := d.run(rows.Bytes(), env, "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	out, err := d.run(nil, env, "write-tree")
	return strings.TrimSpace(out), err
}

type commitInfo struct {
	sha, tree, message         string
	parents                    []string
	authorName, authorEmail    string
	committerName, committerAt string
	authorAt, committerEmail   string
}

func (d gitDir) commit(sha string) (commitInfo, error) {
	out, err := d.run(nil, nil, "show", "-s", "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B", sha)
	if err != nil {
		return commitInfo{}, err
	}
	f := strings.SplitN(out, "\x00", 10)
	if len(f) != 10 {
		return commitInfo{}, fmt.Errorf("git show %s: %d fields", sha, len(f))
	}
	return commitInfo{
		sha: f[0], tree: f[1], parents: strings.Fields(f[2]), authorName: f[3], authorEmail: f[4], authorAt: f[5],
		committerName: f[6], committerEmail: f[7], committerAt: f[8], message: strings.TrimRight(f[9], "\n"),
	}, nil
}

func (d gitDir) makeCommit(tree, message string, parents []string, env []string) (string, error) {
	args := []string{"commit-tree", tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	out, err := d.run([]byte(message), env, args...)
	return strings.TrimSpace(out), err
}
