package replay

import (
	"bufio"
	"os"
	"strings"

	"github.com/repaird/repaird/internal/trace"
)

// decorators returns the lines with which decorators of a function begin in its
// file, where that is there.
func decorators(code *trace.Code) (out []string) {
	f, err := os.Open(code.File)
	if err != nil {
		return nil
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan() && n < code.Line+40; n++ {
		if n < code.Line {
			continue
		}
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "@"):
			out = append(out, strings.TrimSpace(line[1:]))
		case strings.HasPrefix(line, "def ") || strings.HasPrefix(line, "async def "):
			return out
		}
	}
	return out
}

// decorated says what a function is by its decorators: "property", "setter" or "".
func decorated(code *trace.Code) string {
	for _, d := range decorators(code) {
		switch {
		case property(d):
			return "property"
		case strings.HasSuffix(d, ".setter") || strings.HasSuffix(d, ".deleter"):
			return "setter"
		}
	}
	return ""
}

func property(decorator string) bool {
	return decorator == "property" || decorator == "cached_property" || strings.HasSuffix(decorator, ".cached_property")
}

// wrapped says whether a decorator may give something else than a function
// returns, such as contextlib.contextmanager.
func (o *origin) wrapped(code *trace.Code) bool {
	is, ok := o.wrap[code]
	if !ok {
		if o.wrap == nil {
			o.wrap = map[*trace.Code]bool{}
		}
		is = wraps(decorators(code))
		o.wrap[code] = is
	}
	return is
}

func wraps(decorators []string) bool {
	for _, d := range decorators {
		if d != "staticmethod" && d != "classmethod" && !property(d) {
			return true
		}
	}
	return false
}
