package page

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/trace/view"
)

// Bounds of the sources on a page.
const (
	maxSource  = 1 << 20 // bytes of one file
	maxSources = 8 << 20 // of all of a trace
)

// sources adds the text of files, and which of their lines ran.
func (p *pager) sources(source func(string) []byte) {
	executed := p.f.T.Executed()
	left := maxSources
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		f := &p.t.Files[p.files[name]]
		f.Executed = slices.Sorted(maps.Keys(executed[name]))
		if source == nil {
			continue
		}
		text := source(name)
		if len(text) == 0 || len(text) > maxSource || len(text) > left || !utf8.Valid(text) {
			continue
		}
		left -= len(text)
		f.Source = sourceText(string(text))
	}
}

// sourceText makes the lines of a source visible, without their ends.
func sourceText(s string) string {
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\f", " "), "\n")
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(view.Visible(strings.ReplaceAll(line, "\t", "\x00")), `\x00`, "    ")
	}
	return strings.Join(lines, "\n")
}

// DiskSource gives the sources of Python files below directories of this
// machine, without following links out of them: a trace may name any file. A
// directory may be written as TRACED=DIRECTORY, where the traced process saw
// it elsewhere.
func DiskSource(dirs []string) func(file string) []byte {
	return func(file string) []byte {
		for _, dir := range dirs {
			traced, disk, split := strings.Cut(dir, "=")
			if !split {
				disk = traced
			}
			if abs, err := filepath.Abs(traced); err == nil && !split {
				traced = abs
			}
			rest, ok := strings.CutPrefix(file, strings.TrimSuffix(traced, "/")+"/")
			if !ok {
				continue
			}
			if text := readBelow(disk, rest); text != nil {
				return text
			}
		}
		return nil
	}
}

func readBelow(dir, name string) []byte {
	if !strings.HasSuffix(name, ".py") {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil
	}
	defer root.Close()
	if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() || info.Size() > maxSource {
		return nil
	}
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSource))
	if err != nil || bytes.IndexByte(text, 0) >= 0 {
		return nil
	}
	return text
}
