package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/text"
)

// A repository is a git directory and its default branch.
type repository struct{ dir, branch string }

// openRepository finds the git directory of a path, which may be a working tree.
func openRepository(ctx context.Context, path string) (repository, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return repository{}, err
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return repository{}, fmt.Errorf("%s is not a directory", path)
	}
	r := repository{dir: abs}
	out, err := r.git(ctx, nil, nil, "rev-parse", "--absolute-git-dir")
	if err != nil {
		// Not a git directory itself; perhaps a working tree.
		r.dir = filepath.Join(abs, ".git")
		if out, err = r.git(ctx, nil, nil, "rev-parse", "--absolute-git-dir"); err != nil {
			return repository{}, fmt.Errorf("%s is not a git repository: %w", path, err)
		}
	}
	r.dir = out
	if head, err := r.git(ctx, nil, nil, "symbolic-ref", "--short", "HEAD"); err == nil {
		r.branch = head
	} else {
		r.branch = "main"
	}
	return r, nil
}

// git runs one plumbing command and returns its output without the final newline.
// It disables hooks, replacement objects and the machine's configuration.
func (r repository) git(ctx context.Context, stdin []byte, env []string, args ...string) (string, error) {
	all := append([]string{
		"--git-dir=" + r.dir, "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*", "-c", "core.quotePath=false",
		"-c", "gc.auto=0", "-c", "core.fsmonitor=false",
	}, args...)
	cmd := exec.CommandContext(ctx, "git", all...)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0",
	}, env...)
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.WaitDelay = 5 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, text.Clip(strings.TrimSpace(errs.String()), 500))
	}
	return strings.TrimRight(out.String(), "\n"), nil
}

func (r repository) resolve(ctx context.Context, rev string) (string, bool) {
	out, err := r.git(ctx, nil, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", rev)
	return out, err == nil
}

// mode returns the mode of the entry at a path in the base, "" if there is none.
func (r repository) mode(ctx context.Context, base, name string) (string, error) {
	out, err := r.git(ctx, nil, nil, "--literal-pathspecs", "ls-tree", "-z", "--full-tree", base, "--", name)
	if err != nil {
		return "", fault.Errorf(fault.Retryable, "%w", err)
	}
	mode, _, _ := strings.Cut(out, " ")
	return mode, nil
}

// makeTree writes the base's tree with the proposal's files and returns its SHA.
func (r repository) makeTree(ctx context.Context, p forge.Proposal) (string, error) {
	base, ok := r.resolve(ctx, p.BaseSHA+"^{tree}")
	if !ok {
		return "", fault.Errorf(fault.NotFound, "base commit %s is not in the repository", p.BaseSHA)
	}
	var rows bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		if err := r.addRow(ctx, &rows, base, name, p.Files[name]); err != nil {
			return "", err
		}
	}
	tmp, err := os.MkdirTemp("", "repaird-index-")
	if err != nil {
		return "", fault.Errorf(fault.Retryable, "%w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(tmp, "index")}
	if _, err := r.git(ctx, nil, env, "read-tree", base); err != nil {
		return "", fault.Errorf(fault.Retryable, "%w", err)
	}
	if _, err := r.git(ctx, rows.Bytes(), env, "update-index", "-z", "--index-info"); err != nil {
		return "", fault.Errorf(fault.Invalid, "%w", err)
	}
	tree, err := r.git(ctx, nil, env, "write-tree")
	if err != nil {
		return "", fault.Errorf(fault.Retryable, "%w", err)
	}
	if tree == base {
		return "", fault.Errorf(fault.Invalid, "the proposal changes nothing")
	}
	return tree, nil
}

// addRow appends one line of update-index's input, keeping the file's mode in the
// base.
func (r repository) addRow(ctx context.Context, rows *bytes.Buffer, base, name string, content []byte) error {
	parts := strings.Split(name, "/")
	for i := 1; i < len(parts); i++ {
		dir := strings.Join(parts[:i], "/")
		if mode, err := r.mode(ctx, base, dir); err != nil || (mode != "" && mode != "040000") {
			return errors.Join(err, fault.Errorf(fault.Invalid, "%s: %s is not a directory in the base", name, dir))
		}
	}
	mode, err := r.mode(ctx, base, name)
	if err != nil {
		return err
	}
	switch {
	case content == nil && mode == "":
		return nil
	case mode != "" && mode != "100644" && mode != "100755":
		return fault.Errorf(fault.Invalid, "%s has mode %s in the base; only plain files are replaced", name, mode)
	case content == nil:
		fmt.Fprintf(rows, "0 %040d\t%s\x00", 0, name)
		return nil
	case mode == "":
		mode = "100644"
	}
	blob, err := r.git(ctx, content, nil, "hash-object", "-w", "--stdin")
	if err != nil {
		return fault.Errorf(fault.Retryable, "%w", err)
	}
	fmt.Fprintf(rows, "%s %s\t%s\x00", mode, blob, name)
	return nil
}

// A tip is the commit that the branch points at.
type tip struct {
	commit string // "" if the branch does not exist
	same   bool   // the commit is exactly the proposal
}

// tip reads the branch. If a branch of that name is not repaird's, the error is
// fault.Invalid.
func (r repository) tip(ctx context.Context, p forge.Proposal, tree string) (tip, error) {
	commit, ok := r.resolve(ctx, "refs/heads/"+p.Branch)
	if !ok || commit == p.BaseSHA {
		return tip{commit: commit}, nil
	}
	out, err := r.git(ctx, nil, nil, "log", "-1", "--no-show-signature", "--format=%T%n%P%n%B", commit)
	if err != nil {
		return tip{}, fault.Errorf(fault.Retryable, "%w", err)
	}
	fields := append(strings.SplitN(out, "\n", 3), "", "")
	if forge.KeyOfMessage(fields[2]) != p.Key {
		return tip{}, fault.Errorf(fault.Invalid, "branch %s exists but was not created for this repair; rename or delete it", p.Branch)
	}
	return tip{commit: commit, same: fields[0] == tree && fields[1] == p.BaseSHA}, nil
}

func (r repository) makeCommit(ctx context.Context, p forge.Proposal, tree string, now time.Time) (string, error) {
	date := fmt.Sprintf("@%d +0000", now.Unix())
	commit, err := r.git(ctx, []byte(forge.WithTrailer(p.Message.String(), p.Key)), []string{
		"GIT_AUTHOR_NAME=repaird", "GIT_AUTHOR_EMAIL=repaird@localhost", "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=repaird", "GIT_COMMITTER_EMAIL=repaird@localhost", "GIT_COMMITTER_DATE=" + date,
	}, "commit-tree", tree, "-p", p.BaseSHA)
	if err != nil {
		return "", fault.Errorf(fault.Retryable, "%w", err)
	}
	return commit, nil
}

// point moves the branch from old ("" if it does not exist) to commit. If another
// publisher has moved it meanwhile, the error is fault.Retryable: a retry
// finds that commit.
func (r repository) point(ctx context.Context, branch, commit, old string) error {
	if old == "" {
		old = strings.Repeat("0", len(commit))
	}
	if _, err := r.git(ctx, nil, nil, "update-ref", "refs/heads/"+branch, commit, old); err != nil {
		return fault.Errorf(fault.Retryable, "move the branch: %w", err)
	}
	return nil
}
