package gitrepo

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

var (
	fullSHA  = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	shortSHA = regexp.MustCompile(`^[0-9a-f]{7,39}$`)
	refName  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+@-]{0,200}$`)
)

// Resolve returns the full id of the commit that ref names, a full or
// abbreviated commit id, a branch or a tag, and makes sure that the mirror has
// the commit. A full id fetches only that commit. Errors: fault.NotFound if
// there is no such commit, fault.Invalid for an impossible ref.
func (r *Repo) Resolve(ctx context.Context, ref string) (sha string, err error) {
	defer fault.Wrap(&err, "resolve %q", ref)
	switch {
	case fullSHA.MatchString(ref):
		return ref, r.need(ctx, ref)
	case shortSHA.MatchString(ref):
		if sha, err := r.short(ctx, ref); err == nil {
			return sha, nil
		}
	}
	if !refName.MatchString(ref) || strings.Contains(ref, "..") || strings.Contains(ref, "@{") || strings.HasSuffix(ref, ".lock") {
		return "", fault.Errorf(fault.Invalid, "not the name of a commit, branch or tag")
	}
	for _, name := range []string{"refs/heads/" + ref, "refs/tags/" + ref, ref} {
		sha, err = r.remoteRef(ctx, name)
		if err == nil || fault.KindOf(err) != fault.NotFound {
			break
		}
	}
	if err != nil {
		return "", err
	}
	return sha, r.need(ctx, sha)
}

// remoteRef asks the source for the commit to which a ref now points.
func (r *Repo) remoteRef(ctx context.Context, name string) (string, error) {
	out, err := r.git(ctx, "ls-remote", "--", r.source.URL, name, name+"^{}")
	if err != nil {
		return "", err
	}
	found := ""
	for line := range strings.Lines(string(out)) {
		sha, ref, ok := strings.Cut(strings.TrimSpace(line), "\t")
		// The peeled name of an annotated tag comes after the tag and wins.
		if ok && (ref == name || ref == name+"^{}") {
			found = sha
		}
	}
	if !fullSHA.MatchString(found) {
		return "", fault.Errorf(fault.NotFound, "the repository has no %s", name)
	}
	return found, nil
}

// short completes an abbreviated id, fetching all branches if necessary.
func (r *Repo) short(ctx context.Context, ref string) (string, error) {
	if out, err := r.git(ctx, "rev-parse", "--verify", "--quiet", ref+"^{commit}"); err == nil {
		return strings.TrimSpace(string(out)), nil
	}
	if err := r.fetch(ctx, "--tags", "+refs/heads/*:refs/repaird/heads/*"); err != nil {
		return "", err
	}
	out, err := r.git(ctx, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	if err != nil {
		return "", fault.Errorf(fault.NotFound, "no unique commit begins with %s", ref)
	}
	return strings.TrimSpace(string(out)), nil
}

// need makes sure that the mirror has a commit, its tree and its blobs.
func (r *Repo) need(ctx context.Context, sha string) error {
	if _, err := r.git(ctx, "cat-file", "-e", sha+"^{commit}"); err == nil {
		return nil
	}
	err := r.fetch(ctx, "--depth=1", "+"+sha+":refs/repaird/"+sha)
	if err != nil {
		return err
	}
	if _, err := r.git(ctx, "cat-file", "-e", sha+"^{commit}"); err != nil {
		return fault.Errorf(fault.NotFound, "%s is not a commit", sha)
	}
	return nil
}

func (r *Repo) fetch(ctx context.Context, args ...string) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	option, refspec := args[:len(args)-1], args[len(args)-1]
	cmd := []string{"fetch", "--quiet", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance", "--update-shallow"}
	if option[0] != "--tags" {
		cmd = append(cmd, "--no-tags")
	}
	_, err = r.git(ctx, append(append(cmd, option...), "--", r.source.URL, refspec)...)
	return err
}

// DefaultBranch returns the name of the source's default branch and its commit
// now. The name is "HEAD" if the source has a detached HEAD.
func (r *Repo) DefaultBranch(ctx context.Context) (name, sha string, err error) {
	defer fault.Wrap(&err, "default branch")
	out, err := r.git(ctx, "ls-remote", "--symref", "--", r.source.URL, "HEAD")
	if err != nil {
		return "", "", err
	}
	name = "HEAD"
	for line := range strings.Lines(string(out)) {
		left, right, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if right != "HEAD" {
			continue
		}
		if ref, ok := strings.CutPrefix(left, "ref: refs/heads/"); ok {
			name = ref
		} else if fullSHA.MatchString(left) {
			sha = left
		}
	}
	if sha == "" {
		return "", "", fault.Errorf(fault.NotFound, "the repository has no commits")
	}
	return name, sha, nil
}

// TreeOf returns the id of a commit's tree.
func (r *Repo) TreeOf(ctx context.Context, commit string) (tree string, err error) {
	defer fault.Wrap(&err, "tree of %q", commit)
	sha, err := r.Resolve(ctx, commit)
	if err != nil {
		return "", err
	}
	out, err := r.git(ctx, "rev-parse", "--verify", "--quiet", sha+"^{tree}")
	return strings.TrimSpace(string(out)), err
}

// A Commit is one commit of the history. Its texts are untrusted.
type Commit struct {
	SHA     string
	Time    time.Time // of the commit, UTC
	Subject string    // first line of the message, at most 200 bytes
}

// maxCommits limits what CommitsTouching returns.
const maxCommits = 1000

// CommitsTouching returns the commits that are reachable from to and not from
// from, and that changed one of the paths (any path when there is none), newest
// first, at most 1,000. It fetches the history of both.
func (r *Repo) CommitsTouching(ctx context.Context, paths []string, from, to string) (commits []Commit, err error) {
	defer fault.Wrap(&err, "commits between %q and %q", from, to)
	for _, sha := range []*string{&from, &to} {
		if *sha, err = r.Resolve(ctx, *sha); err != nil {
			return nil, err
		}
	}
	if err := r.deepen(ctx, everything, to, from); err != nil {
		return nil, err
	}
	args := []string{"--literal-pathspecs", "log", "--no-textconv", "--no-ext-diff", "--no-show-signature", "-z",
		"--format=%H%x01%ct%x01%s", "--max-count=" + strconv.Itoa(maxCommits), from + ".." + to, "--"}
	out, err := r.git(ctx, append(args, paths...)...)
	if err != nil {
		return nil, err
	}
	for record := range strings.SplitSeq(string(out), "\x00") {
		fields := strings.SplitN(record, "\x01", 3)
		if len(fields) != 3 {
			continue
		}
		commits = append(commits, commitOf(fields[0], fields[1], fields[2]))
	}
	return commits, nil
}

// everything is the depth that git calls infinite.
const everything = 2147483647

// deepen fetches the history, to a depth of at least n commits, of commits that
// the mirror may have without parents.
func (r *Repo) deepen(ctx context.Context, n int, shas ...string) error {
	out, err := r.git(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil || strings.TrimSpace(string(out)) != "true" {
		return err
	}
	for _, sha := range shas {
		if err := r.fetch(ctx, "--depth="+strconv.Itoa(n), "+"+sha+":refs/repaird/"+sha); err != nil {
			return err
		}
	}
	return nil
}
