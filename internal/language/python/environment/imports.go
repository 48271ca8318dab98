package environment

import (
	"regexp"
	"strings"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
)

var (
	raisedLine = regexp.MustCompile(`(?m)^(?:E +)?((?:[A-Za-z_][\w.]*\.)?([A-Z]\w*))(?:: (.*))?$`)
	noModule   = regexp.MustCompile(`^No module named '?([\w.]+)'?`)
	noName     = regexp.MustCompile(`^cannot import name '([^']+)' from (?:partially initialized module )?'([^']+)'`)
	noLibrary  = regexp.MustCompile(`((?:lib)?[\w.+-]+\.so[\w.]*): cannot open shared object file`)
)

// Unimportable recognises in a session that the code could not be imported: its
// test was not collected, or failed by an import inside a function. It is nil if
// that is the incident's own exception.
func Unimportable(exception string, res *testrun.Result) *language.Import {
	kind, message, log := "", "", ""
	switch {
	case len(res.Tests) == 0 && len(res.Errors) > 0:
		log = res.Errors[0]
		found := raisedLine.FindAllStringSubmatch(log, -1)
		for _, m := range found {
			if strings.HasPrefix(m[0], "E ") || kind == "" {
				kind, message = m[2], m[3]
			}
		}
	case len(res.Tests) > 0 && res.Tests[0].Status != testrun.Passed && importing(res.Tests[0].Type, res.Tests[0].Message):
		kind, message, log = res.Tests[0].Type, res.Tests[0].Message, res.Output
	default:
		return nil
	}
	if importing(exception, "") && kind == exception {
		return nil
	}
	what, help := explain(kind, message)
	return &language.Import{Type: kind, What: text.Line(what, 300), Help: help, Log: DecisiveLines(log, 12)}
}

func importing(kind, message string) bool {
	return kind == "ModuleNotFoundError" || kind == "ImportError" || noLibrary.MatchString(message)
}

// explain says what failed, and what to change.
func explain(kind, message string) (what, help string) {
	if m := noLibrary.FindStringSubmatch(message); m != nil {
		return "a shared library is missing: " + m[1], withPackage("Use a base system or an image that has the library", library(m[1]))
	}
	if m := noModule.FindStringSubmatch(message); m != nil {
		return "the module " + m[1] + " is not installed", "Configure the requirements files that install it, or the source root (such as src) that contains it."
	}
	if m := noName.FindStringSubmatch(message); m != nil {
		top, _, _ := strings.Cut(m[2], ".")
		return message, "The installed version of " + top + " is not the one that this code was written for. Pin production's in a lock file or in requirements; events of the Sentry SDK name it in modules."
	}
	what = strings.TrimSuffix(kind+": "+message, ": ")
	switch kind {
	case "":
		return "importing the test ended without an exception's line", "The log has the import's output."
	case "SyntaxError", "IndentationError", "TabError":
		return what, "The sandbox's Python cannot read this file. Map production's version to an image or a base system that has it (sandbox.images)."
	case "ImproperlyConfigured", "AppRegistryNotReady", "KeyError", "FileNotFoundError", "ValidationError", "RuntimeError":
		return what, "Importing this code needs what production's start-up sets: a settings module, environment variables, files. Only code that can be imported without them can be run."
	}
	return what, "Versions do not fit together: of packages, or of Python. Pin those that production runs in a lock file or in requirements, and map production's Python to an image or a base system (sandbox.images)."
}
