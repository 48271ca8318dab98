// Package python is the language Python: it composes the packages below it into
// an implementation of package language.
//
//	lang := python.New(backend, python.Host{Store: store, Bases: bases})
//	reproducer := repro.Reproducer{Language: lang, Session: lang, Rules: lang}
//	verifier := verify.Verifier{Session: lang, Analyser: lang, Rules: lang, Prober: lang}
//
// The work is done in those packages; only the few rules on stacks and failures
// that several callers need are here.
package python

import (
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/analysis"
	"github.com/repaird/repaird/internal/language/python/behaviour"
	"github.com/repaird/repaird/internal/language/python/documents"
	"github.com/repaird/repaird/internal/language/python/environment"
	"github.com/repaird/repaird/internal/language/python/lint"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/language/python/session"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/store"
)

// A Language is Python on one sandbox backend. Safe for concurrent use.
type Language struct {
	*session.Runner
	analysis.Analyser
	behaviour.Prober
	documents.Reader
	lint.Linter
	patchrules.Rules
	environments environment.Builder
}

// A Host is what the language uses on this host. The zero value suffices for
// code without dependencies.
type Host struct {
	Store   *store.Store   // keeps environments
	Scratch *store.Scratch // for patched trees; nil is the system's temporary directory
	Bases   []sandbox.Base // base systems to choose from by the event's Python version; none means the backend's default
	Environ []string       // the environment from which pip's configuration is read; nil is the process's own
}

var _ language.Language = (*Language)(nil)

// New returns the language; all code runs in b.
func New(b sandbox.Backend, h Host) *Language {
	runner := &session.Runner{Backend: b, Scratch: h.Scratch}
	return &Language{
		Runner: runner, Analyser: analysis.Analyser{Backend: b}, Prober: behaviour.Prober{Backend: b, Scratch: h.Scratch},
		Reader:       documents.Reader{Backend: b, Overlaid: runner.Overlaid},
		Linter:       lint.Linter{Backend: b, Scratch: h.Scratch},
		environments: environment.Builder{Backend: b, Store: h.Store, Bases: h.Bases, Environ: h.Environ},
	}
}

// Name is "python".
func (*Language) Name() string { return "python" }

// Claims claims the events of Python SDKs, and those that do not say.
func (*Language) Claims(e *incident.Event) bool { return e.Platform == "" || e.Platform == "python" }

// Body recognises the frame of a module's top level.
func (*Language) Body(function string) bool { return function == "<module>" }

// Inlined recognises comprehensions, which have their own frames only in some
// versions.
func (*Language) Inlined(function string) bool {
	switch function {
	case "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>":
		return true
	}
	return false
}

// Exhausts recognises the interpreter's recursion limit.
func (*Language) Exhausts(exception string) bool { return exception == "RecursionError" }

// Expects recognises a failed assertion, and what pytest raises where an
// exception was expected or a test calls for failure.
func (*Language) Expects(exception string) bool {
	return exception == "AssertionError" || exception == "Failed"
}
