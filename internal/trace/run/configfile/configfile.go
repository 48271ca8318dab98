// Package configfile reads a trace_config.json, in either of its two forms, as a
// configuration of the tracer.
package configfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/tracer"
)

// A File is what a trace_config.json says. Two forms are known, those of
// PyTrace Autopsy and of the Reproduction Trace Instrumenter:
//
//	{"trace_targets": {"paths": ["/src"], "modules": [], "functions": []},
//	 "output": {"log_file": "trace_output.jsonl", "max_entries": 10000}}
//
//	{"trace_functions": true, "trace_variables": true, "trace_control_flow": false,
//	 "exclude_patterns": ["test_*"], "max_call_depth": 50}
//
// The keys of the second may also stand in sections (instrumentation,
// filtering, performance).
type File struct {
	Config     tracer.Config // what the file asks for, the rest zero
	LogFile    string        // where a Log is wanted; "" for none
	MaxEntries int           // of the log
	Notes      []string      // what the file asks for that goes without saying, or in vain
}

const maxConfigFile = 1 << 20

// Read reads a trace_config.json. Relative paths are taken from the
// current directory; in log_file $NAME is replaced from the environment, and
// $TRACE_DIR is the file's own directory where the environment has none. Keys
// that are in neither form are fault.Invalid.
func Read(name string) (_ *File, err error) {
	defer fault.Wrap(&err, "%s", name)
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxConfigFile {
		return nil, fault.Errorf(fault.Invalid, "over %d bytes", maxConfigFile)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, fault.Errorf(fault.Invalid, "not a JSON object: %w", err)
	}
	if top["trace_targets"] != nil || top["output"] != nil {
		return targets(data, filepath.Dir(name))
	}
	return options(top)
}

// targets reads the first form.
func targets(data []byte, dir string) (*File, error) {
	var x struct {
		Targets struct {
			Paths     []string `json:"paths"`
			Modules   []string `json:"modules"`
			Functions []string `json:"functions"`
		} `json:"trace_targets"`
		Output struct {
			LogFile    string `json:"log_file"`
			MaxEntries *int   `json:"max_entries"`
		} `json:"output"`
	}
	if err := strict(data, &x); err != nil {
		return nil, err
	}
	f := &File{Config: tracer.Config{Include: x.Targets.Paths, Modules: x.Targets.Modules, Functions: x.Targets.Functions}}
	f.LogFile = os.Expand(x.Output.LogFile, func(name string) string {
		if v, ok := os.LookupEnv(name); ok || name != "TRACE_DIR" {
			return v
		}
		return dir
	})
	f.MaxEntries = 10_000
	if n := x.Output.MaxEntries; n != nil {
		if *n < 1 {
			return nil, fault.Errorf(fault.Invalid, "output.max_entries is %d; it must be at least 1", *n)
		}
		f.MaxEntries = *n
	}
	f.Config.MaxRecords = f.MaxEntries
	return f, nil
}

// The sections that keys of the second form may stand in.
var sections = []string{"instrumentation", "instrumentation_level", "filtering", "performance"}

// options reads the second form.
func options(top map[string]json.RawMessage) (*File, error) {
	flat, f := map[string]json.RawMessage{}, &File{}
	for key, value := range top {
		switch {
		case slices.Contains(sections, key):
			var section map[string]json.RawMessage
			if err := json.Unmarshal(value, &section); err != nil {
				return nil, fault.Errorf(fault.Invalid, "%s: %w", key, err)
			}
			for k, v := range section {
				if flat[k] != nil {
					return nil, fault.Errorf(fault.Invalid, "%s is there twice", k)
				}
				flat[k] = v
			}
		case key == "replay" || key == "replay_options":
			f.Notes = append(f.Notes, key+" is not needed here: see `repaird trace replay --help`")
		default:
			if flat[key] != nil {
				return nil, fault.Errorf(fault.Invalid, "%s is there twice", key)
			}
			flat[key] = value
		}
	}
	data, err := json.Marshal(flat)
	if err != nil {
		return nil, err
	}
	var x struct {
		Functions       *bool           `json:"trace_functions"`
		Variables       bool            `json:"trace_variables"`
		ControlFlow     bool            `json:"trace_control_flow"`
		Exceptions      *bool           `json:"trace_exceptions"`
		ExcludePatterns []string        `json:"exclude_patterns"`
		ExcludeModules  []string        `json:"exclude_modules"`
		MaxString       int             `json:"max_string_length"`
		MaxDepth        int             `json:"max_call_depth"`
		MaxSize         float64         `json:"max_trace_size_mb"`
		BufferSize      json.RawMessage `json:"buffer_size"`
		AsyncWrite      json.RawMessage `json:"async_write"`
	}
	if err := strict(data, &x); err != nil {
		return nil, err
	}
	if x.MaxString < 0 || x.MaxDepth < 0 || x.MaxSize < 0 {
		return nil, fault.Errorf(fault.Invalid, "max_string_length, max_call_depth and max_trace_size_mb must not be negative")
	}
	switch {
	case x.ControlFlow:
		f.Config.Level = "control"
	case x.Variables:
		f.Config.Level = "variables"
	default:
		f.Config.Level = "functions"
	}
	f.Config.MaxChars, f.Config.MaxDepth, f.Config.MaxBytes = x.MaxString, x.MaxDepth, int64(x.MaxSize*(1<<20))
	f.excludes(x.ExcludePatterns, x.ExcludeModules)
	for _, n := range []struct {
		holds bool
		text  string
	}{
		{x.Functions != nil && !*x.Functions, "trace_functions: calls are always recorded, the tree is made of them"},
		{x.Exceptions != nil && !*x.Exceptions, "trace_exceptions: exceptions are always recorded"},
		{x.BufferSize != nil, "buffer_size is not needed: each event is in the file when it happened, and costs no system call"},
		{x.AsyncWrite != nil, "async_write is not needed: writing does not wait for the disk"},
	} {
		if n.holds {
			f.Notes = append(f.Notes, n.text)
		}
	}
	return f, nil
}

// excludes translates patterns of function names, in which a plain word stands
// for any name that holds it, and modules, which are looked for below the
// current directory.
func (f *File) excludes(patterns, modules []string) {
	for _, p := range patterns {
		if !strings.ContainsAny(p, "*?[") {
			p = "*" + p + "*"
		}
		f.Config.ExcludeFunctions = append(f.Config.ExcludeFunctions, p)
	}
	for _, m := range modules {
		base := strings.ReplaceAll(m, ".", "/")
		found := false
		for _, name := range []string{base + ".py", base, "src/" + base + ".py", "src/" + base} {
			if _, err := os.Stat(name); err == nil {
				f.Config.Exclude = append(f.Config.Exclude, name)
				found = true
			}
		}
		if !found {
			f.Notes = append(f.Notes, fmt.Sprintf("exclude_modules: there is no %s below the current directory; installed packages and the standard library are out of scope anyway", m))
		}
	}
}

// strict decodes one JSON value without keys that v does not know.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fault.Errorf(fault.Invalid, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.Errorf(fault.Invalid, "something follows the object")
	}
	return nil
}
