package synth

import (
	"context"
	"embed"
	"fmt"

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

type class struct {
	Name   string `json:"name"`
	Free   bool   `json:"free"`   // constructible without arguments
	Record bool   `json:"record"` // a dataclass or named tuple
}

// A literal is a recorded text read as a Python value.
type literal struct {
	Error   string   `json:"error"`
	Source  string   `json:"source"`
	Imports []string `json:"imports"`
	Mutable bool     `json:"mutable"`
}

type answers struct {
	Frames []function `json:"frames"`
	Values []literal  `json:"values"`
}

var reader = program.Program{Source: inside, Dir: "inside", Main: "analyse"}

// analyse asks all questions of one reproduction at once, inside the sandbox:
// untrusted source must not be parsed with the daemon's privileges.
func analyse(ctx context.Context, b sandbox.Backend, run string, env testrun.Environment, tree string, qs []question, values []string) (_ *answers, err error) {
	defer fault.Wrap(&err, "analyse source")
	var a answers
	if err := reader.Run(ctx, b, program.Spec{Run: run, Env: env, Tree: tree}, map[string]any{"frames": qs, "values": values}, &a); err != nil {
		return nil, err
	}
	if len(a.Frames) != len(qs) || len(a.Values) != len(values) {
		return nil, fmt.Errorf("%d questions and %d values, %d and %d answers", len(qs), len(values), len(a.Frames), len(a.Values))
	}
	return &a, nil
}
