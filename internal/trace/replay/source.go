package replay

import (
	"bufio"
	"os"
	"strings"

	"github.com/repaird/repaird/internal/pytrace"
)

// decorated looks at the first lines of a function in its file, where that is
// there: "property", "setter" or "".
func decorated(code *pytrace.Code) string {
	f, err := os.Open(code.File)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan() && n < code.Line+8; n++ {
		if n < code.Line {
			continue
		}
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "@property" || line == "@cached_property" || strings.HasSuffix(line, ".cached_property"):
			return "property"
		case strings.HasPrefix(line, "@") && (strings.HasSuffix(line, ".setter") || strings.HasSuffix(line, ".deleter")):
			return "setter"
		case strings.HasPrefix(line, "def ") || strings.HasPrefix(line, "async def "):
			return ""
		}
	}
	return ""
}
