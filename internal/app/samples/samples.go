// Package samples contains the demo's broken programs: each a small repository
// (txtar) and the envelope that the Sentry SDK for Python 2.75 sent when the
// program crashed on its input. The repositories' commits are deterministic, so
// that the recorded events name them.
package samples

import (
	"embed"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/tools/txtar"
)

//go:embed *.txtar *.envelope
var files embed.FS

// A Sample is one broken program with its production event.
type Sample struct {
	Name     string
	Story    string // one line: what is wrong
	Files    []txtar.File
	Envelope []byte // as sent to the DSN's envelope endpoint, uncompressed
}

// All returns the samples in the order of their names.
func All() ([]Sample, error) {
	names, err := fs.Glob(files, "*.txtar")
	if err != nil {
		return nil, err
	}
	var out []Sample
	for _, n := range names {
		data, err := files.ReadFile(n)
		if err != nil {
			return nil, err
		}
		a := txtar.Parse(data)
		name := strings.TrimSuffix(path.Base(n), ".txtar")
		env, err := files.ReadFile(name + ".envelope")
		if err != nil {
			return nil, err
		}
		out = append(out, Sample{Name: name, Story: strings.TrimSpace(string(a.Comment)), Files: a.Files, Envelope: env})
	}
	return out, nil
}
