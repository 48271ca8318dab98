package patch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/repaird/repaird/internal/fault"
)

// An ApplyError says which edit does not apply and why, in words that help the
// proposer to correct it.
type ApplyError struct {
	Edit   int    // index in Patch.Edits
	Path   string // as in the edit
	Detail string // what was expected, and what is there instead
}

// Error returns the edit's number (from 1), path and detail.
func (e *ApplyError) Error() string {
	return fmt.Sprintf("edit %d (%s): %s", e.Edit+1, clip(quotable(e.Path), 120), e.Detail)
}

// Apply applies the patch to base in memory and returns the changed and new
// files. It checks form only; [Policy.Check] says whether the patch may be
// applied at all. An error is an *ApplyError of kind fault.Invalid, or that of
// reading base.
func Apply(base fs.FS, p Patch) (Overlay, error) {
	if len(p.Edits) == 0 {
		return nil, fault.Errorf(fault.Invalid, "patch has no edits")
	}
	if len(p.Edits) > maxEdits {
		return nil, fault.Errorf(fault.Invalid, "patch has %d edits, more than %d", len(p.Edits), maxEdits)
	}
	files := Overlay{}
	for i, e := range p.Edits {
		content, exists, err := current(base, files, e.Path)
		if err != nil {
			return nil, fmt.Errorf("edit %d: %w", i+1, err)
		}
		out, detail := applyEdit(content, exists, e)
		if detail != "" {
			return nil, fault.Errorf(fault.Invalid, "%w", &ApplyError{Edit: i, Path: e.Path, Detail: detail})
		}
		files[e.Path] = out
	}
	for path, content := range files {
		before, exists, err := current(base, nil, path)
		if err != nil {
			return nil, err
		}
		if exists && bytes.Equal(before, content) {
			delete(files, path)
		}
	}
	return files, nil
}

// current returns a file's content after the edits so far.
func current(base fs.FS, files Overlay, path string) (content []byte, exists bool, err error) {
	if content, ok := files[path]; ok {
		return content, true, nil
	}
	if !fs.ValidPath(path) || path == "." {
		return nil, false, fault.Errorf(fault.Invalid, "%q is not a path inside the repository", clip(path, 120))
	}
	info, err := fs.Lstat(base, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fault.Errorf(fault.Invalid, "look at %q: %w", clip(path, 120), err)
	}
	if !info.Mode().IsRegular() {
		return nil, false, fault.Errorf(fault.Invalid, "%q is not a regular file", path)
	}
	if info.Size() > maxFileBytes {
		return nil, false, fault.Errorf(fault.Invalid, "%q has %d bytes, more than %d", path, info.Size(), maxFileBytes)
	}
	content, err = fs.ReadFile(base, path)
	return content, err == nil, err
}

// applyEdit returns the new content, or a detail that says why there is none.
func applyEdit(content []byte, exists bool, e Edit) (out []byte, detail string) {
	if len(e.Search) > maxEditBytes || len(e.Replace) > maxEditBytes {
		return nil, fmt.Sprintf("search or replace is longer than %d bytes", maxEditBytes)
	}
	if e.Search == "" {
		if exists && len(content) > 0 {
			return nil, "search is empty but the file exists; give the text to replace"
		}
		return []byte(e.Replace), ""
	}
	if !exists {
		return nil, "the file does not exist; check the path, or create it with an empty search"
	}
	if e.Search == e.Replace {
		return nil, "search and replace are the same"
	}
	search, replace := endingsLike(content, e.Search), endingsLike(content, e.Replace)
	at, n := find(content, search)
	if n == 1 {
		out = make([]byte, 0, len(content)+len(replace)-len(search))
		out = append(out, content[:at]...)
		out = append(out, replace...)
		return append(out, content[at+len(search):]...), ""
	}
	if n > 1 {
		return nil, fmt.Sprintf("search occurs %d times, at lines %s; include more of the surrounding lines", n, lineList(content, search))
	}
	return nil, nearMiss(content, search)
}

// find returns the first occurrence and the number of occurrences, overlapping
// ones included.
func find(content []byte, search string) (first, n int) {
	first = -1
	needle := []byte(search)
	for from := 0; from <= len(content)-len(needle); {
		i := bytes.Index(content[from:], needle)
		if i < 0 {
			break
		}
		if n == 0 {
			first = from + i
		}
		n++
		from += i + 1
	}
	return first, n
}

// endingsLike gives text the line endings of content, where content has one kind.
func endingsLike(content []byte, text string) string {
	crlf := bytes.Count(content, []byte("\r\n"))
	all := bytes.Count(content, []byte("\n"))
	switch {
	case all == 0: // one line, nothing to preserve
		return text
	case crlf == 0:
		return strings.ReplaceAll(text, "\r\n", "\n")
	case crlf == all:
		return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	default:
		return text
	}
}
