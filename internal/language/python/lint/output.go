package lint

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/language"
)

// notJSON is the failure of a checker whose output is not what was asked for.
const notJSON = "did not report in its JSON format"

func parseRuff(stdout []byte) (findings []language.Finding, failure string) {
	var said []struct {
		Filename string `json:"filename"`
		Code     string `json:"code"` // null for a syntax error, in old versions
		Message  string `json:"message"`
		Location struct {
			Row int `json:"row"`
		} `json:"location"`
	}
	if json.Unmarshal(stdout, &said) != nil {
		return nil, notJSON
	}
	for _, s := range said {
		wrong := s.Code == "" || s.Code == "invalid-syntax" || strings.HasPrefix(s.Code, "PLE") || breaks(s.Code)
		findings = append(findings, language.Finding{Path: s.Filename, Line: s.Location.Row, Code: s.Code, Message: s.Message, Error: wrong})
	}
	return findings, ""
}

var flake8Line = regexp.MustCompile(`(?m)^(.+?):(\d+):\d+: (\S+) (.*)$`)

func parseFlake8(stdout []byte) (findings []language.Finding, failure string) {
	for _, m := range flake8Line.FindAllStringSubmatch(string(stdout), -1) {
		line, _ := strconv.Atoi(m[2])
		findings = append(findings, language.Finding{Path: m[1], Line: line, Code: m[3], Message: m[4], Error: breaks(m[3])})
	}
	return findings, ""
}

// breaks reports whether code of which pycodestyle or pyflakes says this fails
// or does not do what it says: it has no valid syntax (E9), a format that does
// not fit (F5), a comparison or assertion that is always the same (F6), a
// statement where none may be (F7), a definition that replaces another (F81), an
// undefined name (F82), a duplicate argument (F83). Unused imports and variables
// are style.
func breaks(code string) bool {
	return slices.ContainsFunc([]string{"E9", "F5", "F6", "F7", "F81", "F82", "F83"}, func(p string) bool { return strings.HasPrefix(code, p) })
}

func parsePylint(stdout []byte) (findings []language.Finding, failure string) {
	var said []struct {
		Type    string `json:"type"`
		Path    string `json:"path"`
		Line    int    `json:"line"`
		Symbol  string `json:"symbol"`
		Message string `json:"message"`
	}
	if json.Unmarshal(stdout, &said) != nil {
		return nil, notJSON
	}
	for _, s := range said {
		if s.Type == "fatal" {
			return nil, "could not process the files: " + s.Message
		}
		wrong := s.Type == "error" && s.Symbol != "import-error" && s.Symbol != "no-name-in-module" // these may be about what is installed
		findings = append(findings, language.Finding{Path: s.Path, Line: s.Line, Code: s.Symbol, Message: s.Message, Error: wrong})
	}
	return findings, ""
}

// With "show_error_end" there are four numbers.
var mypyLine = regexp.MustCompile(`(?m)^(.+?):(\d+)(?::\d+)*: (error|warning): (.*?)(?:  \[([a-z0-9-]+)\])?\r?$`)

// annotation are mypy's codes for types that are not written down or not known,
// which only a strict configuration reports.
var annotation = []string{
	"import", "import-untyped", "import-not-found", "no-untyped-def", "no-untyped-call", "no-any-return", "no-any-unimported", "no-any-expr", "no-any-explicit",
	"no-any-decorated", "explicit-any", "type-arg", "unused-ignore", "redundant-cast", "redundant-expr", "redundant-self", "var-annotated", "deprecated", "untyped-decorator",
}

func parseMypy(stdout []byte) (findings []language.Finding, failure string) {
	for _, m := range mypyLine.FindAllStringSubmatch(string(stdout), -1) {
		line, _ := strconv.Atoi(m[2])
		wrong := m[3] == "error" && !slices.Contains(annotation, m[5])
		findings = append(findings, language.Finding{Path: m[1], Line: line, Code: m[5], Message: m[4], Error: wrong})
	}
	return findings, ""
}

// unknown begin pyright's rules on types that are not written down or not known,
// and on what is not needed.
var unknown = []string{"reportMissing", "reportUnknown", "reportUntyped", "reportUnused", "reportUnnecessary", "reportPrivate", "reportDeprecated"}

func parsePyright(stdout []byte) (findings []language.Finding, failure string) {
	var said struct {
		Version     string `json:"version"`
		Diagnostics []struct {
			File     string `json:"file"`
			Severity string `json:"severity"`
			Message  string `json:"message"`
			Rule     string `json:"rule"`
			Range    struct {
				Start struct {
					Line int `json:"line"` // from 0
				} `json:"start"`
			} `json:"range"`
		} `json:"generalDiagnostics"`
	}
	if json.Unmarshal(stdout, &said) != nil || said.Version == "" {
		return nil, notJSON
	}
	for _, s := range said.Diagnostics {
		wrong := s.Severity == "error" && !slices.ContainsFunc(unknown, func(p string) bool { return strings.HasPrefix(s.Rule, p) })
		findings = append(findings, language.Finding{Path: s.File, Line: s.Range.Start.Line + 1, Code: s.Rule, Message: s.Message, Error: wrong})
	}
	return findings, ""
}
