package repair

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/trace"
)

// behaviour is a key that is equal for patches that do the same: the judge's
// digest of what they answer; where it has none, what the green run's outermost
// calls returned; and without a trace the source, but for its formatting.
func (e *ensemble) behaviour(ctx context.Context, p patch.Patch, judged *Assessment) string {
	if o, ok := e.in.Judge.(Observer); ok {
		if digest, err := o.Behaviour(ctx, p); err == nil && digest != "" {
			return "answers " + digest
		}
	}
	if t, err := trace.Read(bytes.NewReader(judged.Green)); err == nil && len(judged.Green) > 0 {
		if answers := outermost(t); answers != "" {
			return "returns " + digest(answers)
		}
	}
	return "source " + digest(plain(e.in.Tree, p))
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// identity is what differs between runs in a rendered value.
var identity = regexp.MustCompile(`#\d+|0x[0-9a-fA-F]+`)

// outermost renders how the outermost calls below the test's own ended.
func outermost(t *trace.Trace) string {
	const most = 20_000 // bytes of a value
	var b strings.Builder
	for _, root := range t.Roots() {
		calls := []trace.Call{root}
		if strings.HasPrefix(root.Code().Name, "test_") {
			calls = root.Children()
		}
		for _, c := range calls {
			end := c.End()
			b.WriteString(c.Code().Name + " " + end.Type() + " ")
			if v := end.Value(); v != nil {
				b.WriteString(identity.ReplaceAllString(v.Render(most, true), ""))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// plain is the text of the patched files without comments, blank lines and
// spaces within lines.
func plain(dir string, p patch.Patch) string {
	overlay, err := patch.Apply(patch.Dir(dir), p)
	if err != nil {
		return p.ID()
	}
	var b strings.Builder
	paths := p.Paths()
	slices.Sort(paths)
	for _, path := range paths {
		b.WriteString(path + "\n")
		m := newModule(path, string(overlay[path]))
		for _, s := range m.statements {
			text := strings.Join(m.lines[s.first:s.last+1], " ")
			if i := strings.Index(text, " #"); i >= 0 && !strings.ContainsAny(text[i:], `'"`) {
				text = text[:i]
			}
			b.WriteString(strings.Repeat(" ", s.indent))
			between := ""
			if strings.ContainsAny(text, `'"`) {
				between = " " // spaces of a string count
			}
			b.WriteString(strings.Join(strings.Fields(text), between))
			b.WriteString("\n")
		}
	}
	return b.String()
}

// effect is the content of the files that a patch changes.
func effect(dir string, p patch.Patch) string {
	overlay, err := patch.Apply(patch.Dir(dir), p)
	if err != nil {
		return p.ID()
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		return p.ID()
	}
	return string(data)
}

// changedLines is how many lines a patch adds and removes.
func changedLines(dir string, p patch.Patch) (n int) {
	base := patch.Dir(dir)
	overlay, err := patch.Apply(base, p)
	if err != nil {
		return 1 << 20
	}
	diff, err := patch.Diff(base, overlay)
	if err != nil {
		return 1 << 20
	}
	for line := range strings.Lines(diff) {
		if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++") || strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "---") {
			n++
		}
	}
	return n
}
