package forge

import (
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/fault"
)

// Limits on a proposal.
const (
	MaxFiles    = 50
	MaxFileSize = 4 << 20 // bytes
)

var (
	shaRE  = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	repoRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9_.-]{1,100}$`)
)

// Normal returns the proposal with defaults filled in and the title reduced to
// one line of TitleLimit characters, or an error of kind fault.Invalid that says
// what no host would accept.
func (p Proposal) Normal() (Proposal, error) {
	switch {
	case !keyRE.MatchString(p.Key):
		return p, fault.Errorf(fault.Invalid, "proposal: key %q is not 12 to 128 lower-case hex digits", p.Key)
	case !shaRE.MatchString(p.BaseSHA):
		return p, fault.Errorf(fault.Invalid, "proposal: base %q is not a full commit SHA", p.BaseSHA)
	case len(p.Files) == 0:
		return p, fault.Errorf(fault.Invalid, "proposal: files are missing")
	case len(p.Files) > MaxFiles:
		return p, fault.Errorf(fault.Invalid, "proposal: %d files, at most %d", len(p.Files), MaxFiles)
	case strings.TrimSpace(p.Title.String()) == "":
		return p, fault.Errorf(fault.Invalid, "proposal: title is missing")
	case strings.TrimSpace(p.Message.String()) == "":
		return p, fault.Errorf(fault.Invalid, "proposal: commit message is missing")
	}
	if _, _, err := SplitRepository(p.Repository); err != nil {
		return p, err
	}
	for name, content := range p.Files {
		if err := checkPath(name); err != nil {
			return p, err
		}
		if len(content) > MaxFileSize {
			return p, fault.Errorf(fault.Invalid, "proposal: %s has %d bytes, at most %d", name, len(content), MaxFileSize)
		}
	}
	if p.Branch == "" {
		p.Branch = BranchFor(p.Key)
	}
	if p.Branch != BranchFor(p.Key) {
		return p, fault.Errorf(fault.Invalid, "proposal: branch %q is not %q", p.Branch, BranchFor(p.Key))
	}
	return p, nil
}

// TitleText returns the title as one line of at most TitleLimit characters.
func (p Proposal) TitleText() string {
	title := strings.Join(strings.Fields(p.Title.String()), " ")
	if utf8.RuneCountInString(title) > TitleLimit {
		title = firstRunes(title, TitleLimit-1) + "…"
	}
	return title
}

// SplitRepository splits owner/name. The error is fault.Invalid for anything else.
func SplitRepository(repository string) (owner, name string, err error) {
	if !repoRE.MatchString(repository) || strings.HasSuffix(repository, "/.") || strings.HasSuffix(repository, "/..") {
		return "", "", fault.Errorf(fault.Invalid, "repository %q is not owner/name", repository)
	}
	owner, name, _ = strings.Cut(repository, "/")
	return owner, name, nil
}

func checkPath(name string) error {
	if name == "" || !utf8.ValidString(name) || len(name) > 4096 || strings.ContainsAny(name, "\x00\n\r\\") ||
		path.IsAbs(name) || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../") {
		return fault.Errorf(fault.Invalid, "proposal: %q is not a clean path inside the repository", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(part, ".git") {
			return fault.Errorf(fault.Invalid, "proposal: %q is inside .git", name)
		}
	}
	return nil
}

// CheckComment checks a comment's issue number and key. Its error is
// fault.Invalid.
func CheckComment(issue int, key string) error {
	if issue <= 0 {
		return fault.Errorf(fault.Invalid, "invalid issue number %d", issue)
	}
	if !wordRE.MatchString(key) {
		return fault.Errorf(fault.Invalid, "comment: key %q is not 6 to 128 letters and digits, separated by single dots, hyphens or underscores", key)
	}
	return nil
}
