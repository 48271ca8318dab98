package synth

import (
	"context"
	"embed"
	"fmt"
	"maps"
	"slices"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

//go:embed inside/*.py
var inside embed.FS

// A question asks for a frame's function.
type question struct {
	Path     string `json:"path"`
	Function string `json:"function"`
	Line     int    `json:"line"`
	Module   string `json:"module"`   // dotted
	Receiver string `json:"receiver"` // text that was recorded of the first parameter, or ""
	Next     bool   `json:"next"`     // the frame that it calls is the next one asked for
}

// A function is what the source says of a frame's function.
type function struct {
	Error      string            `json:"error"` // why there is none
	Outside    bool              `json:"outside"`
	Qualname   string            `json:"qualname"`
	Name       string            `json:"name"`
	First      int               `json:"first"` // line of the first decorator, or of def
	Line       int               `json:"line"`
	Last       int               `json:"last"`
	Kind       string            `json:"kind"` // function, method, classmethod, staticmethod, property, constructor, other
	Nested     bool              `json:"nested"`
	Async      bool              `json:"async"`
	Generator  bool              `json:"generator"`
	Decorators []string          `json:"decorators"`
	Params     []param           `json:"params"`
	Changed    map[string]change `json:"changed"` // parameter → what happened to it before the frame's line
	Class      *class            `json:"class"`

	// Attributes says what locals were read from: object → attribute → local.
	Attributes map[string]map[string]string `json:"attributes"`
	// Calls is how the function calls the next frame's, nil where that is not known.
	Calls *expression `json:"calls"`
}

// An expression of a frame's source, with what it needs.
type expression struct {
	Source   string                 `json:"source"`
	Locals   []string               `json:"locals"`   // of the frame
	Imports  []string               `json:"imports"`  // statements
	Assigned map[string]*expression `json:"assigned"` // local → what it was assigned, once, before
}

type param struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"` // posonly, pos, var, kwonly, varkw
	Default bool   `json:"default"`
}

type change struct {
	How  string `json:"how"` // rebound, mutated, passed
	Line int    `json:"line"`
}

// class is the class of the object that a method was called on: the recorded one,
// else the one that defines the method.
type class struct {
	Module string `json:"module"`
	Name   string `json:"name"`   // qualified
	Free   bool   `json:"free"`   // constructible without arguments
	Record bool   `json:"record"` // a dataclass or named tuple
}

// A literal is a recorded text read as a Python value.
type literal struct {
	Error   string   `json:"error"`
	Source  string   `json:"source"`
	Imports []string `json:"imports"`
	Mutable bool     `json:"mutable"`
	Setup   []string `json:"setup"`  // statements before the expression
	Object  *object  `json:"object"` // of a text that names an instance and nothing of its state
}

// An object is what the source says about making an instance of a recorded class.
type object struct {
	Module  string             `json:"module"`
	Name    string             `json:"name"`    // qualified
	Import  string             `json:"import"`  // statement
	Inside  bool               `json:"inside"`  // the class is in the tree
	Params  []parameter        `json:"params"`  // of the constructor; nil if it is not in the tree
	Initial map[string]initial `json:"initial"` // attribute → how the constructor sets it, where that is plain
	Guarded bool               `json:"guarded"` // attributes have to be set past __setattr__
}

type parameter struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"` // pos, var, kwonly, varkw
	Default bool   `json:"default"`
}

type initial struct {
	Param  string `json:"param"`
	Source string `json:"source"`
}

type answers struct {
	Frames []function `json:"frames"`
	Values []literal  `json:"values"`
}

var reader = program.Program{Source: inside, Dir: "inside", Main: "analyse"}

// analyse asks all questions of one reproduction at once, inside the sandbox:
// untrusted source must not be parsed with the daemon's privileges.
func analyse(ctx context.Context, b sandbox.Backend, run string, env testrun.Environment, tree string, roots []string, qs []question, values []string) (_ *answers, err error) {
	defer fault.Wrap(&err, "analyse source")
	var a answers
	if err := reader.Run(ctx, b, program.Spec{Run: run, Env: env, Tree: tree}, map[string]any{"frames": qs, "roots": roots, "mentionable": slices.Sorted(maps.Keys(mentionable)), "values": values}, &a); err != nil {
		return nil, err
	}
	if len(a.Frames) != len(qs) || len(a.Values) != len(values) {
		return nil, fmt.Errorf("%d questions and %d values, %d and %d answers", len(qs), len(values), len(a.Frames), len(a.Values))
	}
	return &a, nil
}
