// Package synth writes tests that call the application as production did. It
// maps an event's frames to the tree, reads the source of their functions in a
// sandbox, and has strategies that each turn what it knows into tests:
//
//	literal.go        a call with the recorded arguments
//	caller.go         the call as the frame outside it makes it, with that frame's values
//	rebuilt.go        a call with objects that are rebuilt from what is known of their state
//	recordedcalls.go  a call with objects that the recorder described in production
//	rebound.go        a call with arguments as they were after the function changed them
//	instance.go       a method of an instance created without arguments
//
// An event of a crash in kth, called with a list and a number, becomes
//
//	from python_programs.kth import kth
//
//	def test_repaird_4f1d20c9a3b7():
//	    kth(arr=[3, 6, 7, 1, 6, 3, 8, 9], k=5)
//
// The search for the call goes from the outermost in-app function inwards: a
// test of the crashing function itself often freezes the bad input, so that
// only a guard could pass it. A tracker records locals as they were when the
// exception passed, so an argument is used only where the function's own syntax
// tree says that the parameter was neither reassigned nor modified by then;
// that, and whether a recorded text is a literal, is decided by a parser inside
// the sandbox (inside/analyse.py).
package synth

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/frames"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
	"maps"
	"slices"
)

// lineTolerance is how many lines a frame may lie outside its function before
// it is considered to be of another commit.
const lineTolerance = 30

// A Stack is an exception's in-app frames in a tree.
type Stack struct {
	backend sandbox.Backend
	reader  string // image
	tree    string
	setup   language.Setup
	mapper  *frames.Mapper
	frames  []language.Frame
}

var _ language.Stack = (*Stack)(nil)

// Open maps the frames of x to the tree's files. Their source is read in the
// image reader.
func Open(backend sandbox.Backend, reader, tree string, setup language.Setup, x *incident.Exception) (*Stack, error) {
	mapper, err := frames.Open(tree)
	if err != nil {
		return nil, fmt.Errorf("read tree: %w", err)
	}
	return &Stack{backend: backend, reader: reader, tree: tree, setup: setup, mapper: mapper, frames: mapper.InApp(x)}, nil
}

// Frames implements language.Stack.
func (s *Stack) Frames() []language.Frame { return s.frames }

// Close implements language.Stack.
func (s *Stack) Close() error { return s.mapper.Close() }

// Roots implements language.Stack: the configured root, those that the frames'
// modules were imported from, a src directory, the tree itself.
func (s *Stack) Roots() []string {
	var all []string
	add := func(r string) {
		for _, old := range all {
			if old == r {
				return
			}
		}
		if filepath.IsLocal(r) {
			all = append(all, r)
		}
	}
	if s.setup.Root != "" {
		add(filepath.ToSlash(filepath.Clean(s.setup.Root)))
	}
	for i := len(s.frames) - 1; i >= 0 && len(all) < 8; i-- {
		if s.frames[i].Path != "" {
			root, _ := s.mapper.Module(s.frames[i], s.setup.Root)
			add(root)
		}
	}
	if info, err := fs.Stat(s.mapper.FS(), "src"); err == nil && info.IsDir() && !s.mapper.Exists("src/__init__.py") {
		add("src")
	}
	add(".")
	return all
}

// ours reports whether a module is one of the tree's.
func (s *Stack) ours(module string) bool {
	file := strings.ReplaceAll(module, ".", "/")
	for _, root := range s.Roots() {
		if s.mapper.Exists(path.Join(root, file+".py")) || s.mapper.Exists(path.Join(root, file, "__init__.py")) {
			return true
		}
	}
	return false
}

// testFolder is where this repository keeps its tests.
func (s *Stack) testFolder() string {
	for _, name := range []string{"tests", "test"} {
		if info, err := fs.Stat(s.mapper.FS(), name); err == nil && info.IsDir() {
			return name
		}
	}
	return "tests"
}

// Strategies implements language.Stack.
func (s *Stack) Strategies(ctx context.Context, run string, story language.Story) ([]language.Strategy, error) {
	r, err := s.read(ctx, run)
	if err != nil {
		return nil, err
	}
	r.story, r.folder, r.ours = story, s.testFolder(), s.ours
	return []language.Strategy{literalCalls{r}, recordedCalls{r}, callers{r}, rebuiltObjects{r}, reboundValues{r}, defaultInstances{r}}, nil
}

// A reading is what the source says about a stack, shared by the strategies.
type reading struct {
	sources []sourced
	known   map[string]literal // recorded text → value
	story   language.Story
	folder  string // of tests in this repository
	ours    func(module string) bool
	objects map[int]incident.Value // that recorded values refer to, by their ids
}

// sourced is a frame with its function.
type sourced struct {
	index    int // of the stack's frames
	frame    language.Frame
	function function
	root     string // source root of the module
	module   string // dotted
}

// read asks the source about the frames and the recorded values.
func (s *Stack) read(ctx context.Context, run string) (*reading, error) {
	r := &reading{known: map[string]literal{}, objects: map[int]incident.Value{}}
	for _, f := range s.frames {
		for i := range f.Locals {
			collect(&f.Locals[i].Value, r.objects)
		}
	}
	crash := s.frames[len(s.frames)-1]
	wanted := callable(s.frames)
	ask := func(f language.Frame) question {
		_, module := s.mapper.Module(f, s.setup.Root)
		return question{Path: f.Path, Function: f.Function, Line: f.Line, Module: module, Receiver: selfText(f)}
	}
	qs := []question{ask(crash)}
	texts := map[string]bool{}
	for n, i := range wanted {
		f := s.frames[i]
		q := ask(f)
		q.Next = n+1 < len(wanted) && follows(s.frames, i, wanted[n+1])
		qs = append(qs, q)
		for _, v := range f.Locals {
			leaves(v.Value, texts, 0)
		}
	}
	for _, v := range r.objects {
		leaves(v, texts, 0)
	}
	values := append([]string{}, slices.Sorted(maps.Keys(texts))...) // not nil: it becomes a JSON list
	got, err := analyse(ctx, s.backend, run, testrun.Environment{Image: s.reader}, s.tree, s.Roots(), qs, values)
	if err != nil {
		return nil, err
	}
	if why := s.misplaced(crash, got.Frames[0]); why != "" {
		return nil, &language.Misplaced{Why: why}
	}
	for i, v := range values {
		r.known[v] = got.Values[i]
	}
	for n, i := range wanted {
		f, fn := s.frames[i], got.Frames[n+1]
		if s.misplaced(f, fn) != "" {
			fn.Outside = true
		}
		src := sourced{index: i, frame: f, function: fn}
		src.root, src.module = s.mapper.Module(f, s.setup.Root)
		r.sources = append(r.sources, src)
	}
	return r, nil
}

// misplaced says why a frame's function cannot be the one in the tree, "" when it can.
func (s *Stack) misplaced(f language.Frame, fn function) string {
	m, name := s.mapper, incident.BareName(f.Function)
	if name == "" || strings.HasPrefix(name, "<") {
		if f.Code != "" && len(m.Source(f.Path)) > 0 && !m.HasLine(f.Path, f.Frame, f.Line-lineTolerance, f.Line+lineTolerance) {
			return fmt.Sprintf("%s:%d does not read %q", f.Path, f.Line, text.Line(f.Code, 80))
		}
		return ""
	}
	switch {
	case fn.Error != "":
		return fmt.Sprintf("%s in %s: %s", name, f.Path, fn.Error)
	case f.Line > 0 && (f.Line < fn.First-lineTolerance || f.Line > fn.Last+lineTolerance):
		return fmt.Sprintf("%s is on lines %d to %d of %s, the event's frame on line %d", name, fn.First, fn.Last, f.Path, f.Line)
	case f.Code != "" && !m.HasLine(f.Path, f.Frame, fn.First, fn.Last):
		return fmt.Sprintf("%s in %s has no line %q", name, f.Path, text.Line(f.Code, 80))
	}
	return ""
}
