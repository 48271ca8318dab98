package run

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

//go:embed locate.py
var locateSource string

// A Location is a line at which a function's code begins.
type Location struct {
	File string
	Line int
	Name string // qualified
}

// UnmarshalJSON reads [file, line, name].
func (l *Location) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&l.File, &l.Line, &l.Name})
}

// Locate finds lines for breakpoints, by the source: for a line with a def that
// of the function's first statement, since the def itself runs when the module
// is imported; and where functions begin that match names (add, Cart.add,
// shop.cart:add), below the directories of the scope. lines come back in order,
// and for each pattern what it matches.
func Locate(ctx context.Context, o Options, lines []Location, patterns []string) ([]int, [][]Location, error) {
	out := make([]int, len(lines))
	definitions := false
	for i, l := range lines {
		out[i] = l.Line
		definitions = definitions || isDefinition(l)
	}
	if len(patterns) == 0 && !definitions {
		return out, nil, nil
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	dir := mustAbs(o.Dir)
	python, err := interpreter(o, dir)
	if err != nil {
		return out, nil, err
	}
	if python, err = lookPath(python, dir, o.Env); err != nil {
		return out, nil, err
	}
	asked := struct {
		Lines     [][2]any `json:"lines"`
		Functions []string `json:"functions"`
		Dirs      []string `json:"dirs"`
	}{[][2]any{}, append([]string{}, patterns...), o.Config.Include}
	for _, l := range lines {
		asked.Lines = append(asked.Lines, [2]any{l.File, l.Line})
	}
	if len(asked.Dirs) == 0 {
		asked.Dirs = scopeOf(o, dir)
	}
	data, err := json.Marshal(asked)
	if err != nil {
		return out, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-I", "-c", locateSource, string(data))
	cmd.Dir = dir
	var answer, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &answer, &said
	if err := cmd.Run(); err != nil {
		return out, nil, fmt.Errorf("look for breakpoints with %s: %w: %s", python, err, strings.TrimSpace(said.String()))
	}
	var got struct {
		Lines     []int        `json:"lines"`
		Functions [][]Location `json:"functions"`
	}
	if err := json.Unmarshal(answer.Bytes(), &got); err != nil || len(got.Lines) != len(lines) || len(got.Functions) != len(patterns) {
		return out, nil, fault.Errorf(fault.Invalid, "look for breakpoints with %s: unexpected answer %q", python, answer.String())
	}
	return got.Lines, got.Functions, nil
}

// scopeOf returns the directories that are in scope by default.
func scopeOf(o Options, dir string) []string {
	if p, err := makePlan(o); err == nil {
		return p.scope
	}
	return []string{dir}
}

var definition = regexp.MustCompile(`^\s*(async\s+def|def|@)\b?`)

// isDefinition says whether a line looks like one that defines a function.
func isDefinition(l Location) bool {
	lines := readLines(filepath.Clean(l.File))
	return l.Line >= 1 && l.Line <= len(lines) && definition.Match(lines[l.Line-1])
}
