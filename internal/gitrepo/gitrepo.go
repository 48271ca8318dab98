// Package gitrepo maintains mirrors of repositories and writes single commits
// as plain trees, through the git command, with everything in a repository that
// could run code disabled.
//
//	repo, err := gitrepo.Open(ctx, dir, gitrepo.Source{URL: "https://github.com/o/r"}, gitrepo.Options{})
//	sha, err := repo.Resolve(ctx, "main")          // fetches that commit alone
//	export, err := repo.Checkout(ctx, sha, dir)    // files only, no .git
//
// A repository is untrusted. git never checks out: its trees are listed and its
// objects read as raw bytes, and this package writes the files itself. So no
// hook, filter, smudge, textconv, attribute, submodule, fsmonitor, alternate or
// symbolic link of the repository can run or redirect anything. The mirror is
// bare and created without a template; git reads only its own configuration.
//
// Stored format: in the mirror's directory a bare repository "mirror.git" with
// a ref refs/repaird/<sha> for each requested commit, next to "gitconfig" and
// "lock". Everything can be deleted when nothing runs.
package gitrepo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/secret"
)

// A Source is where a repository is.
type Source struct {
	// URL is an https, http, ssh or file URL, an scp-like address
	// (git@host:owner/name), or a path. It must not contain a password.
	URL string
	// Token is sent as the password of user x-access-token, in a header and
	// only to the URL's own origin; empty if none is needed.
	Token secret.String
}

// Options limit what a repository may cost. Zero fields take the defaults.
type Options struct {
	Git      string        // program; default "git"
	Timeout  time.Duration // of one git command; default 10 minutes
	MaxFiles int           // files of a tree; default 100,000
	MaxBytes int64         // bytes of a tree; default 2 GiB
	MaxFile  int64         // bytes of one file, larger ones are skipped; default 64 MiB
}

func (o Options) withDefaults() Options {
	if o.Git == "" {
		o.Git = "git"
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Minute
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = 100_000
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 2 << 30
	}
	if o.MaxFile == 0 {
		o.MaxFile = 64 << 20
	}
	return o
}

// A Repo is a mirror of one repository. It is safe for concurrent use, also by
// several processes on one host.
type Repo struct {
	dir    string // bare repository
	home   string // git's HOME: contains only gitconfig
	source Source
	opts   Options
}

// Key returns the store key of a source's mirror. Errors are those of Open.
func (s Source) Key() (string, error) {
	url, err := address(s.URL)
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16]), err
}

// TreeKey returns the store key of what Checkout writes for a commit within
// these limits.
func (o Options) TreeKey(commit string) string {
	o = o.withDefaults()
	sum := sha256.Sum256(fmt.Appendf(nil, "1 %d %d %d", o.MaxFiles, o.MaxBytes, o.MaxFile)) // 1: version of how trees are written
	return commit + "-" + hex.EncodeToString(sum[:4])
}

// Open returns the mirror of source in dir, creating it if necessary. It does
// not contact the source. Errors: fault.Invalid for a source that cannot be
// mirrored, fault.NotFound for a path that does not exist.
func Open(ctx context.Context, dir string, source Source, opts Options) (r *Repo, err error) {
	defer fault.Wrap(&err, "open mirror")
	if source.URL, err = address(source.URL); err != nil {
		return nil, err
	}
	r = &Repo{dir: filepath.Join(dir, "mirror.git"), home: dir, source: source, opts: opts.withDefaults()}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil { // sources may be private
		return nil, err
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := os.WriteFile(filepath.Join(dir, "gitconfig"), []byte(gitconfig), 0o600); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(r.dir, "HEAD")); err == nil {
		return r, nil
	}
	_, err = r.git(ctx, "init", "--quiet", "--bare", "--template=", r.dir)
	return r, err
}

var scpLike = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^:]+$`)

// address checks a source's URL and makes paths absolute.
func address(raw string) (string, error) {
	if raw == "" || strings.HasPrefix(raw, "-") || strings.ContainsAny(raw, "\x00\n\r") {
		return "", fault.Errorf(fault.Invalid, "%q is not a repository address", raw)
	}
	if scpLike.MatchString(raw) {
		return raw, nil
	}
	if strings.Contains(raw, "://") {
		u, err := url.Parse(raw)
		if err != nil {
			return "", fault.Errorf(fault.Invalid, "repository address: not a URL")
		}
		if _, has := u.User.Password(); has {
			return "", fault.Errorf(fault.Invalid, "repository address %s: credentials belong in the token, not in the URL", u.Redacted())
		}
		switch u.Scheme {
		case "https", "http", "ssh":
			return raw, nil
		case "file":
			raw = u.Path
		default:
			return "", fault.Errorf(fault.Invalid, "repository address: scheme %q is not allowed", u.Scheme)
		}
	}
	if strings.Contains(raw, "::") {
		return "", fault.Errorf(fault.Invalid, "repository address: remote helpers are not allowed")
	}
	abs, err := filepath.Abs(raw)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(abs); err != nil {
		return "", fault.Errorf(fault.NotFound, "no repository at %s", abs)
	}
	return abs, nil
}
