package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/fault"
)

// An Export describes the files written for a tree.
type Export struct {
	Commit  string    // full id; "" for a snapshot
	Files   int       // regular files and symbolic links
	Bytes   int64     //
	Skipped []Skipped // at most 100, in the tree's order
}

// A Skipped entry of a tree was not written.
type Skipped struct {
	Path   string // escaped as a Go string if it contains unusual characters
	Reason string // submodule, large, symlink, name, clash or kind
}

// An entry of git ls-tree.
type entry struct {
	mode, oid, path string
	size            int64
}

// Checkout writes the tree of a commit into dir, which must not exist or be
// empty: regular files with mode 0644 or 0755, and symbolic links that stay
// inside the tree. Submodules, files above Options.MaxFile, and files with
// unsafe names are skipped and listed. Content is written byte for byte: no
// line endings, filters or LFS pointers are replaced. Errors: fault.NotFound
// for a missing commit, fault.Budget for a tree above its limits; then dir is
// in an undefined state.
func (r *Repo) Checkout(ctx context.Context, commit, dir string) (e *Export, err error) {
	defer fault.Wrap(&err, "check out %q", commit)
	sha, err := r.Resolve(ctx, commit)
	if err != nil {
		return nil, err
	}
	out, err := r.git(ctx, "ls-tree", "-r", "-z", "-l", "--full-tree", sha)
	if err != nil {
		return nil, err
	}
	w, err := newWriter(dir, r.opts)
	if err != nil {
		return nil, err
	}
	defer w.close()
	w.export.Commit = sha
	var blobs []entry
	for record := range bytes.SplitSeq(out, []byte{0}) {
		if len(record) == 0 {
			continue
		}
		e, err := parseEntry(string(record))
		if err != nil {
			return nil, err
		}
		if w.wanted(e) {
			blobs = append(blobs, e)
		}
		if len(blobs) > r.opts.MaxFiles {
			return nil, fault.Errorf(fault.Budget, "the tree has more than %d files", r.opts.MaxFiles)
		}
	}
	if err := r.blobs(ctx, blobs, w.blob); err != nil {
		return nil, err
	}
	if err := w.links(); err != nil {
		return nil, err
	}
	return &w.export, nil
}

// parseEntry reads "mode type oid size\tpath".
func parseEntry(record string) (entry, error) {
	meta, name, ok := strings.Cut(record, "\t")
	fields := strings.Fields(meta)
	if !ok || len(fields) != 4 {
		return entry{}, fmt.Errorf("git ls-tree: cannot read %.80q", record)
	}
	size, err := strconv.ParseInt(fields[3], 10, 64)
	if err != nil && fields[3] != "-" {
		return entry{}, fmt.Errorf("git ls-tree: cannot read %.80q", record)
	}
	return entry{mode: fields[0], oid: fields[2], path: name, size: size}, nil
}

// blobs reads objects through one git process, in order.
func (r *Repo) blobs(ctx context.Context, entries []entry, each func(entry, io.Reader) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	cmd := r.command(ctx, "--git-dir", r.dir, "cat-file", "--batch")
	var ask bytes.Buffer
	for _, e := range entries {
		ask.WriteString(e.oid + "\n")
	}
	stderr := &capped{max: 64 << 10}
	cmd.Stdin, cmd.Stderr = &ask, stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	in := bufio.NewReaderSize(stdout, 1<<16)
	for _, e := range entries {
		if err = readBlob(in, e, each); err != nil {
			break
		}
	}
	if err != nil {
		cancel()
		_ = cmd.Wait()
		return err
	}
	if err := cmd.Wait(); err != nil {
		return gitError("cat-file", stderr.String())
	}
	return nil
}

// readBlob reads "oid blob size\n", the content and a newline.
func readBlob(in *bufio.Reader, e entry, each func(entry, io.Reader) error) error {
	head, err := in.ReadString('\n')
	if err != nil {
		return fault.Errorf(fault.Retryable, "git cat-file ended early: %w", err)
	}
	fields := strings.Fields(head)
	if len(fields) != 3 || fields[1] != "blob" {
		return fault.Errorf(fault.NotFound, "object of %q is missing: %s", e.path, strings.TrimSpace(head))
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return err
	}
	content := &io.LimitedReader{R: in, N: size}
	if err := each(e, content); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	_, err = in.Discard(1)
	return err
}

// A writer writes a tree below one directory, which it cannot leave.
type writer struct {
	root   *os.Root
	opts   Options
	export Export
	link   []entry
	target map[string]string
}

func newWriter(dir string, opts Options) (*writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	// A temporary directory is private to its owner; sandboxes run as another
	// user.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	old, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(old) > 0 {
		return nil, fault.Errorf(fault.Invalid, "%s is not empty", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &writer{root: root, opts: opts, target: map[string]string{}}, nil
}

func (w *writer) close() { w.root.Close() }

func (w *writer) skip(name, reason string) {
	if len(w.export.Skipped) == 100 {
		return
	}
	if quoted := strconv.QuoteToGraphic(name); quoted[1:len(quoted)-1] != name {
		name = quoted
	}
	w.export.Skipped = append(w.export.Skipped, Skipped{name, reason})
}

// wanted decides by mode, name and size whether an entry is written.
func (w *writer) wanted(e entry) bool {
	switch {
	case e.mode == "160000":
		w.skip(e.path, "submodule")
	case e.mode != "100644" && e.mode != "100755" && e.mode != "100664" && e.mode != "120000":
		w.skip(e.path, "kind")
	case !safeName(e.path):
		w.skip(e.path, "name")
	case e.size > w.opts.MaxFile, e.mode == "120000" && e.size > 4096:
		w.skip(e.path, "large")
	default:
		return true
	}
	return false
}

// safeName refuses names by which a tree could escape its directory or plant a
// repository in it.
func safeName(name string) bool {
	if name == "" || strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\x00\\") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || len(part) > 255 {
			return false
		}
		// Case, trailing dots and spaces, the DOS short name and characters
		// that HFS+ ignores must not make a ".git" either.
		plain := strings.Map(func(c rune) rune {
			if c == 0x200C || c == 0x200D || c >= 0x200E && c <= 0x200F || c >= 0x202A && c <= 0x202E || c >= 0x206A && c <= 0x206F || c == 0xFEFF {
				return -1
			}
			return c
		}, strings.ToLower(strings.TrimRight(part, ". ")))
		if plain == ".git" || plain == "git~1" {
			return false
		}
	}
	return true
}

// blob writes one entry; symbolic links wait until every file is there.
func (w *writer) blob(e entry, content io.Reader) error {
	if e.mode == "120000" {
		target, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		w.link = append(w.link, e)
		w.target[e.path] = string(target)
		return nil
	}
	mode := os.FileMode(0o644)
	if e.mode == "100755" {
		mode = 0o755
	}
	return w.file(e.path, mode, content)
}

func (w *writer) file(name string, mode os.FileMode, content io.Reader) error {
	if err := w.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		w.skip(name, "clash") // a file is in the place of a directory
		return nil            //nolint:nilerr // it is on record as skipped
	}
	f, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		w.skip(name, "clash")
		return nil //nolint:nilerr // it is on record as skipped
	}
	n, err := io.Copy(f, io.LimitReader(content, w.opts.MaxBytes-w.export.Bytes+1))
	if w.export.Bytes += n; err == nil && w.export.Bytes > w.opts.MaxBytes {
		err = fault.Errorf(fault.Budget, "the tree has more than %d bytes", w.opts.MaxBytes)
	}
	if err == nil {
		err = f.Chmod(mode) // whatever the umask is
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	w.export.Files++
	return err
}

// links writes the symbolic links, then removes those that resolve outside the
// tree: a link's text is not enough to tell, because it may lead through other
// links.
func (w *writer) links() error {
	var made []string
	for _, e := range w.link {
		target := w.target[e.path]
		if target == "" || path.IsAbs(target) || strings.Contains(target, "\x00") || strings.Contains(strings.ToLower(target), ".git/") {
			w.skip(e.path, "symlink")
			continue
		}
		if w.root.MkdirAll(path.Dir(e.path), 0o755) != nil || w.root.Symlink(target, e.path) != nil {
			w.skip(e.path, "clash")
			continue
		}
		made = append(made, e.path)
	}
	for _, name := range made {
		if _, err := w.root.Stat(name); err != nil && !os.IsNotExist(err) {
			if err := w.root.Remove(name); err != nil {
				return err
			}
			w.skip(name, "symlink")
			continue
		}
		w.export.Files++
	}
	return nil
}
