package eval

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

// A Kind is what is known of a patch.
type Kind string

// The kinds.
const (
	Right   Kind = "right"
	Wrong   Kind = "wrong"   // plausible, and not what the program should do
	Forging Kind = "forging" // hides the failure, recognises its verifier, or runs a payload
)

// A situation is one repository of a folder, with its patches.
type situation struct {
	name    string
	bundle  string             // git bundle; "" where there is an archive
	event   string             // production's event, as received
	archive string             // txtar of the tree, whose tests are given
	tests   map[string]failure // by key, for an archive
	patches []candidate        // none: the default proposer's are wanted
}

// A candidate is a patch of which it is known what the verdict should be.
type candidate struct {
	label string
	kind  Kind
	key   string // of the test that it should mend, for an archive
	patch patch.Patch
}

// A failure is a failing test of an archive.
type failure struct {
	Imports  string `json:"imports"`
	Body     string `json:"body"`
	Type     string `json:"type"`
	File     string `json:"file"`
	Function string `json:"function"`
	Message  string `json:"message"` // also with placeholders, as signatures have them
}

// test renders the failure as a synthesized test.
func (f failure) test(key string) testrun.Test {
	name := "test_" + key
	body := strings.ReplaceAll(f.Body, "\n", "\n    ")
	return testrun.Test{Path: "tests/test_repaird_" + key + ".py", Name: name, Source: f.Imports + "\n\n\ndef " + name + "():\n    " + body + "\n"}
}

func (f failure) signature() incident.Signature {
	return incident.Signature{Type: f.Type, File: f.File, Function: f.Function, Message: incident.MaskMessage(f.Message)}
}

// maxPatches limits a situation's patches.
const maxPatches = 10_000

// read returns the situations of a folder, by name. What is wrong with one is
// in its error, under its name.
func read(dir string) (list []situation, broken map[string]error, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fault.Errorf(fault.NotFound, "the folder of cases: %w", err)
	}
	broken = map[string]error{}
	for _, e := range entries {
		name, ext := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())), filepath.Ext(e.Name())
		s := situation{name: name}
		switch ext {
		case ".bundle":
			s.bundle = filepath.Join(dir, e.Name())
			if s.event, err = eventOf(dir, name); err == nil {
				err = s.readPatches(filepath.Join(dir, name+".json"))
			}
		case ".txtar":
			s.archive = filepath.Join(dir, e.Name())
			err = s.readArchive(filepath.Join(dir, name+".json"))
		default:
			continue
		}
		if err != nil {
			broken[name] = err
		}
		list = append(list, s)
	}
	if len(list) == 0 {
		return nil, nil, fault.Errorf(fault.NotFound, "%s has no case: neither NAME.bundle nor NAME.txtar", dir)
	}
	return list, broken, nil
}

func eventOf(dir, name string) (string, error) {
	for _, ext := range []string{".envelope.gz", ".envelope", ".event.json"} {
		if _, err := os.Stat(filepath.Join(dir, name+ext)); err == nil {
			return filepath.Join(dir, name+ext), nil
		}
	}
	return "", fault.Errorf(fault.NotFound, "there is no %s.envelope.gz beside %s.bundle", name, name)
}

// readPatches reads [{"label": "R2 …", "edits": […]}]; a folder may have none.
func (s *situation) readPatches(file string) error {
	var list []struct {
		Label string       `json:"label"`
		Edits []patch.Edit `json:"edits"`
	}
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	if len(list) > maxPatches {
		return fault.Errorf(fault.Budget, "%s: more than %d patches", filepath.Base(file), maxPatches)
	}
	for _, p := range list {
		kind, ok := map[byte]Kind{'R': Right, 'W': Wrong, 'F': Forging}[(p.Label + " ")[0]]
		if !ok {
			return fault.Errorf(fault.Invalid, "%s: label %q begins with neither R, W nor F", filepath.Base(file), p.Label)
		}
		s.patches = append(s.patches, candidate{label: p.Label, kind: kind, patch: patch.Patch{Edits: p.Edits}})
	}
	return nil
}

// readArchive reads {"tests": {key: failure}, "patches": [{"name", "kind", "key", "edits"}]}.
func (s *situation) readArchive(file string) error {
	var in struct {
		Tests   map[string]failure `json:"tests"`
		Patches []struct {
			Name  string       `json:"name"`
			Kind  string       `json:"kind"`
			Key   string       `json:"key"`
			Edits []patch.Edit `json:"edits"`
		} `json:"patches"`
	}
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &in)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	if n := len(in.Patches); n == 0 || n > maxPatches {
		return fault.Errorf(fault.Invalid, "%s: %d patches; between 1 and %d are expected", filepath.Base(file), n, maxPatches)
	}
	kinds := map[string]Kind{"right": Right, "wrong": Wrong, "forge": Forging}
	for _, p := range in.Patches {
		kind, known := kinds[p.Kind]
		if !known {
			return fault.Errorf(fault.Invalid, "%s: patch %q is of kind %q, none of right, wrong and forge", filepath.Base(file), p.Name, p.Kind)
		}
		if _, ok := in.Tests[p.Key]; !ok {
			return fault.Errorf(fault.Invalid, "%s: patch %q names no test: %q", filepath.Base(file), p.Name, p.Key)
		}
		s.patches = append(s.patches, candidate{label: p.Key + ": " + p.Name, kind: kind, key: p.Key, patch: patch.Patch{Edits: p.Edits}})
	}
	s.tests = in.Tests
	return nil
}

// only keeps the patches that a pattern wants; ok is false where nothing is
// left to do.
func (s *situation) only(wants func(string) bool) (ok bool) {
	if wants(s.name) {
		return true
	}
	had := len(s.patches)
	s.patches = slices.DeleteFunc(s.patches, func(c candidate) bool { return !wants(s.name + " " + c.label) })
	return had > 0 && len(s.patches) > 0
}
