// Package python is the language Python: the rooms below it put together as what
// package language asks for.
//
//	lang := python.New(backend, python.Host{Store: store, Bases: bases})
//	reproducer := repro.Reproducer{Language: lang, Session: lang, Rules: lang}
//	verifier := verify.Verifier{Session: lang, Analyser: lang, Rules: lang}
//
// What it does stands in the rooms; only the few rules on stacks and failures
// that several others ask for stand here.
package python

import (
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/analysis"
	"github.com/repaird/repaird/internal/language/python/environment"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/language/python/session"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/store"
)

// A Language is Python on one sandbox backend. Safe for concurrent use.
type Language struct {
	*session.Runner
	analysis.Analyser
	patchrules.Rules
	environments environment.Builder
}

// A Host is what the language uses of this machine. The zero value serves code
// that needs no packages.
type Host struct {
	Store   *store.Store   // keeps environments
	Scratch *store.Scratch // for trees with a patch on them; nil is the system's temporary folder
	Bases   []sandbox.Base // root file systems to choose from by the event's Python; none means the backend's default
	Environ []string       // the environment from which pip's configuration is taken; nil is the process's own
}

var _ language.Language = (*Language)(nil)

// New returns the language; all code runs in b.
func New(b sandbox.Backend, h Host) *Language {
	return &Language{
		Runner: &session.Runner{Backend: b, Scratch: h.Scratch}, Analyser: analysis.Analyser{Backend: b},
		environments: environment.Builder{Backend: b, Store: h.Store, Bases: h.Bases, Environ: h.Environ},
	}
}

// Name is "python".
func (*Language) Name() string { return "python" }

// Claims takes the events of Python SDKs, and those that do not say.
func (*Language) Claims(e *incident.Event) bool { return e.Platform == "" || e.Platform == "python" }

// Body is about the frame of a module's top level.
func (*Language) Body(function string) bool { return function == "<module>" }

// Inlined is about comprehensions, which have frames of their own in some versions
// only.
func (*Language) Inlined(function string) bool {
	switch function {
	case "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>":
		return true
	}
	return false
}

// Exhausts is about the interpreter's limit of recursion.
func (*Language) Exhausts(exception string) bool { return exception == "RecursionError" }
