package lint

import (
	"os"
	"regexp"
	"strings"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

var (
	noqa       = regexp.MustCompile(`(?i)#\s*(?:flake8:\s*|ruff:\s*)?noqa\b.*`)
	typeIgnore = regexp.MustCompile(`#\s*(?:type:\s*ignore|(?:mypy|pyright):\s*\w).*`)
	disable    = regexp.MustCompile(`#\s*pylint:\s*(?:disable|skip-file).*`)
)

// silencing are the comments that tell a checker to report nothing.
var silencing = map[string]*regexp.Regexp{"ruff": noqa, "flake8": noqa, "pylint": disable, "mypy": typeIgnore, "pyright": typeIgnore}

// maxSource limits the files that are searched for such comments, in bytes.
const maxSource = 4 << 20

// suppressions are comments with which the files silence a checker: what it would
// have said of such a line is not known.
func suppressions(dir, checker string, files []string) (findings []language.Finding) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil
	}
	defer root.Close()
	for _, file := range files {
		if info, err := root.Stat(file); err != nil || info.Size() > maxSource {
			continue
		}
		data, err := root.ReadFile(file)
		if err != nil {
			continue
		}
		number := 0
		for line := range strings.Lines(string(data)) {
			number++
			if comment := silencing[checker].FindString(line); comment != "" {
				findings = append(findings, language.Finding{Path: file, Line: number, Code: "suppressed", Message: "the comment " + text.Line(comment, 80) + " silences it"})
			}
		}
	}
	return findings
}
