package gitrepo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/text"
)

// A Step is one commit of a line of first parents, with what it changed.
type Step struct {
	Commit
	Changed []string // paths that differ from its first parent, slash-separated; all of them where that parent is not known
	Merge   bool     // it has several parents
}

// maxStepFiles limits Step.Changed.
const maxStepFiles = 2000

// FirstParents returns a commit and its ancestors by first parents, newest
// first, at most n. It fetches the history to that depth, if the mirror does not
// have it. Where the source itself has only a part of the history, so has the
// result.
func (r *Repo) FirstParents(ctx context.Context, commit string, n int) (steps []Step, err error) {
	defer fault.Wrap(&err, "history of %q", commit)
	sha, err := r.Resolve(ctx, commit)
	if err != nil {
		return nil, err
	}
	steps, err = r.firstParents(ctx, sha, n)
	if err != nil || len(steps) == 0 || len(steps) >= n {
		return steps, err
	}
	// The mirror's own history may end where the source's does not.
	last, err := r.git(ctx, "cat-file", "commit", steps[len(steps)-1].SHA)
	if err != nil {
		return nil, err
	}
	if header, _, _ := strings.Cut(string(last), "\n\n"); !strings.Contains(header, "\nparent ") {
		return steps, nil
	}
	if err := r.deepen(ctx, n, sha); err != nil {
		return nil, err
	}
	return r.firstParents(ctx, sha, n)
}

func (r *Repo) firstParents(ctx context.Context, sha string, n int) (steps []Step, err error) {
	out, err := r.git(ctx, "--literal-pathspecs", "log", "--first-parent", "-m", "--no-renames", "--no-textconv", "--no-ext-diff", "--no-show-signature",
		"-z", "--name-only", "--format=%H%x01%ct%x01%P%x01%s", "--max-count="+strconv.Itoa(n), sha, "--")
	if err != nil {
		return nil, err
	}
	next := sha // a path cannot pass for a commit: each is its successor's first parent
	for record := range strings.SplitSeq(string(out), "\x00") {
		if fields := strings.SplitN(record, "\x01", 4); len(fields) == 4 && fields[0] == next {
			step := Step{Commit: commitOf(fields[0], fields[1], fields[3])}
			parents := strings.Fields(fields[2])
			step.Merge = len(parents) > 1
			next = ""
			if len(parents) > 0 {
				next = parents[0]
			}
			steps = append(steps, step)
			continue
		}
		if len(steps) == 0 {
			return nil, fmt.Errorf("git's list of commits cannot be read")
		}
		last := &steps[len(steps)-1]
		if len(last.Changed) == 0 {
			record = strings.TrimPrefix(record, "\n") // it follows a commit's header
		}
		if record != "" && len(last.Changed) < maxStepFiles {
			last.Changed = append(last.Changed, record)
		}
	}
	return steps, nil
}

func commitOf(sha, seconds, subject string) Commit {
	unix, _ := strconv.ParseInt(seconds, 10, 64)
	return Commit{SHA: sha, Time: time.Unix(unix, 0).UTC(), Subject: text.Head(strings.ToValidUTF8(subject, "\uFFFD"), 200)}
}
