// Package mutants changes patches, to measure whether their verdict notices: a
// right patch in which one constant or operator is another is a wrong one, where
// it answers differently. The verdict itself uses nothing of this package, so
// that what is measured is not measured with itself.
//
//	m := mutants.Maker{Backend: backend}
//	list, err := m.Mutants(ctx, language.Probe{Tree: dir, Env: env, Overlay: overlay}, 50)
//
// The operators: numbers one up or down, times or by ten, zero, negated; texts in
// another case, empty, or another text of the file; comparisons, arithmetic, and
// or, not, truth; functions and methods that are easily mistaken for each other.
package mutants

import (
	"bytes"
	"context"
	"embed"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
)

//go:embed program/*.py
var files embed.FS

var maker = program.Program{Source: files, Dir: "program", Main: "main"}

// A Maker makes mutants of patches. Safe for concurrent use.
type Maker struct{ Backend program.Sandbox }

type file struct {
	Path    string `json:"path"`
	Head    string `json:"head"`
	Changed []int  `json:"changed"` // lines of Head that the patch added
}

// Mutants returns versions of the overlay, at most limit, in a fixed order in
// which the operators take turns. They compile; nothing more is known of them.
func (m Maker) Mutants(ctx context.Context, p language.Probe, limit int) (_ []language.Rival, err error) {
	defer fault.Wrap(&err, "make mutants")
	base := patch.Dir(p.Tree)
	changed, err := patch.ChangedLines(base, p.Overlay)
	if err != nil {
		return nil, err
	}
	request := struct {
		Files []file `json:"files"`
		Limit int    `json:"limit"`
	}{Limit: limit}
	for _, name := range slices.Sorted(maps.Keys(p.Overlay)) {
		if strings.HasSuffix(name, ".py") && p.Overlay[name] != nil {
			request.Files = append(request.Files, file{name, string(bytes.TrimPrefix(p.Overlay[name], []byte("\ufeff"))), changed[name]})
		}
	}
	var found []struct {
		Path, Source, Change string
		Line                 int
	}
	spec := program.Spec{Run: p.Run, Env: p.Env, Limits: sandbox.Limits{Wall: time.Minute, Processes: 16}}
	if err := maker.Run(ctx, m.Backend, spec, request, &found); err != nil {
		return nil, err
	}
	var list []language.Rival
	for _, f := range found[:min(len(found), limit)] {
		if _, ok := p.Overlay[f.Path]; !ok || !fs.ValidPath(f.Path) {
			return nil, fault.Errorf(fault.Invalid, "a mutant of a file that the patch does not change")
		}
		overlay := maps.Clone(p.Overlay)
		overlay[f.Path] = []byte(f.Source)
		list = append(list, language.Rival{Overlay: overlay, Path: f.Path, Line: f.Line, Change: f.Change})
	}
	return list, nil
}
