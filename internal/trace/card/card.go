// Package card compresses a trace for a model or a reviewer: the failure, what is
// odd, the calls that led there, within a number of tokens. Select and Format
// answer their further questions about it.
package card

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Options bound and shape a card. The zero value is usable.
type Options struct {
	Tokens int                      // at most so many, default 3,000
	Root   string                   // cut from file names: the tree's place in the sandbox, such as /work
	Source func(file string) []byte // source of a file as the trace names it, to quote the crash line and handlers; may be nil
}

// A Card is the compressed evidence of one red trace.
type Card struct {
	Text     string             `json:"text"`     // Markdown
	Tokens   int                `json:"tokens"`   // estimate for Text
	Findings []findings.Finding `json:"findings"` // all of them, also those that Text has no room for
}

const defaultTokens = 3000

// EstimateTokens estimates, on the high side, how many tokens a model sees in
// s: three and a half bytes each.
func EstimateTokens(s string) int { return (len(s)*2 + 6) / 7 }

// Diagnose makes the diagnosis card: the failure, findings, the way to the
// crash as a folded call tree with values, and what was swallowed. Equal traces
// give equal cards. The text is not redacted.
func Diagnose(t *trace.Trace, opts Options) Card {
	if opts.Tokens <= 0 {
		opts.Tokens = defaultTokens
	}
	s := findings.NewScene(t)
	findings := s.Findings()
	card := Card{Findings: findings}
	for _, d := range details {
		c := cardWriter{t: t, s: s, opts: opts, detail: d, findings: findings}
		card.Text = c.write()
		if card.Tokens = EstimateTokens(card.Text); card.Tokens <= opts.Tokens {
			return card
		}
	}
	card.Text = wire.CutText(card.Text, max(opts.Tokens*7/2-8, 0))
	card.Tokens = EstimateTokens(card.Text)
	return card
}

// A detail is how much a card shows; cards shrink through these until they fit.
type detail struct{ value, args, siblings, findings, swallowed, locals, path int }

var details = []detail{
	{300, 600, 12, 8, 8, 16, 40},
	{160, 320, 6, 6, 5, 12, 24},
	{100, 200, 4, 5, 4, 8, 16},
	{60, 120, 2, 4, 3, 6, 10},
	{40, 80, 1, 3, 2, 4, 8},
	{24, 48, 0, 2, 1, 2, 6},
}

type cardWriter struct {
	t        *trace.Trace
	s        *findings.Scene
	opts     Options
	detail   detail
	findings []findings.Finding
	b        strings.Builder
	open     map[int64]bool // calls that are shown with their children
}

func (c *cardWriter) printf(format string, args ...any) { fmt.Fprintf(&c.b, format, args...) }

func (c *cardWriter) place(file string, line int) string {
	name := wire.Relative(file, c.opts.Root)
	if n := len(name) - max(2*c.detail.value, 80); n > 0 { // the end of a path tells more
		for n < len(name) && !utf8.RuneStart(name[n]) {
			n++
		}
		name = "…" + name[n:]
	}
	return fmt.Sprintf("%s:%d", tick(wire.OneLine(name)), line)
}

// name keeps a name of the program's from filling the card or ending its line.
func (c *cardWriter) name(s string) string {
	return tick(wire.CutText(wire.OneLine(s), max(c.detail.value, 60)))
}

func (c *cardWriter) exception(kind, message string, limit int) string {
	return tick(wire.CutText(wire.ExceptionText(kind, message, limit), limit+60))
}

func (c *cardWriter) write() string {
	if !c.t.Traced() {
		return "No process of this run was traced.\n"
	}
	c.failure()
	c.findingsList()
	c.openCalls()
	c.tree()
	c.swallowed()
	c.footer()
	return c.b.String()
}

// failure names the exception, the line and the variables there.
func (c *cardWriter) failure() {
	r := c.s.Raise
	if r.ID == 0 {
		none := "No exception left the traced code."
		if c.t.Footer.Partial() {
			none = "No exception is recorded to have left the traced code."
		}
		c.printf("## Failure\n\n%s\n\n", none)
		return
	}
	c.printf("## Failure\n\n`%s` raised in %s at %s (record %d)\n", c.exception(r.Type(), r.Text(), c.detail.args), c.name(r.Code.Name), c.place(r.Code.File, r.Line), r.ID)
	if text := c.sourceLine(r.Code.File, r.Line); text != "" {
		c.printf("> `%s`\n", text)
	}
	if o := r.Origin(); o != nil {
		c.printf("It came from %s (%s:%d), which is not the project's own code.\n", c.name(o.Name), c.name(o.File), o.Line)
	}
	if n := r.Context(); n != 0 {
		if x := c.t.RaiseOf(n); x.ID != 0 {
			c.printf("It was raised while `%s` (from %s, %s) was being handled.\n", c.exception(x.Type(), x.Text(), c.detail.value), c.name(x.Code.Name), c.place(x.Code.File, x.Line))
		}
	}
	shown := 0
	args := r.Args()
	for _, v := range args {
		if shown++; shown > c.detail.locals {
			c.printf("- … %d more variables\n", len(args)-c.detail.locals)
			break
		}
		c.printf("- %s = `%s`\n", c.name(v.Name), tick(v.Value.Render(c.detail.value, true)))
	}
	c.printf("\n")
}

// tick keeps a value from ending its code span.
func tick(s string) string { return strings.ReplaceAll(s, "`", "'") }

func (c *cardWriter) sourceLine(file string, line int) string {
	if c.opts.Source == nil || line <= 0 {
		return ""
	}
	lines := strings.SplitN(string(c.opts.Source(file)), "\n", line+1)
	if len(lines) < line {
		return ""
	}
	return tick(wire.CutText(wire.OneLine(strings.TrimSpace(lines[line-1])), 160))
}

func (c *cardWriter) findingsList() {
	if len(c.findings) == 0 {
		return
	}
	c.printf("## Findings\n\n")
	for i, f := range c.findings {
		if i >= c.detail.findings {
			c.printf("… %d more\n", len(c.findings)-i)
			break
		}
		c.printf("%d. [%s] %s (%s; records %s)\n", i+1, f.Kind, tick(wire.CutText(f.Text, c.detail.args*2)), c.place(f.File, f.Line), ids(f.Records))
	}
	c.printf("\n")
}

func ids(list []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ", "), "[]")
}

// openCalls chooses whose children are shown: the path to the crash, and the
// ways to the evidence of the first findings.
func (c *cardWriter) openCalls() {
	c.open = map[int64]bool{}
	for _, p := range c.s.Path {
		c.open[p.ID()] = true
	}
	for i, f := range c.findings {
		if i >= 3 {
			break
		}
		for _, id := range f.Records {
			for p := c.t.Call(c.t.Record(id).Call).Parent(); p.Index != 0; p = p.Parent() {
				c.open[p.ID()] = true
			}
		}
	}
}

func (c *cardWriter) tree() {
	roots := c.t.Roots()
	if len(c.s.Path) > 0 {
		roots = c.s.Path[:1]
	}
	if len(roots) == 0 {
		return
	}
	c.printf("## Calls\n\n```\n")
	w := treeWriter{c: c}
	w.siblings(roots, 0)
	c.printf("```\n\n")
}

func (c *cardWriter) swallowed() {
	order := c.s.SwallowedPlaces()
	if len(order) == 0 {
		return
	}
	c.printf("## Swallowed exceptions\n\n")
	for i, p := range order {
		if i >= c.detail.swallowed {
			c.printf("- … %d more places\n", len(order)-i)
			break
		}
		g := c.t.Swallow(p.First)
		c.printf("- `%s` raised in %s (%s), swallowed in %s (%s", c.exception(g.Type, g.Message, c.detail.value), c.name(g.Name),
			c.place(g.File, g.Line), c.name(g.HandlerName), c.place(g.HandlerFile, findings.HandlerLine(g)))
		if text := c.sourceLine(g.HandlerFile, g.Handler); text != "" {
			c.printf(" `%s`", text)
		}
		c.printf(")")
		if g.Outcome == "outside" {
			c.printf(" by code that is not the project's own")
		}
		if g.Returned != "" {
			c.printf(", which returned `%s`", tick(wire.CutText(g.Returned, c.detail.value)))
		}
		if p.N > 1 {
			c.printf(" ×%d", p.N)
		}
		c.printf("; records %s\n", ids(g.Records))
	}
	c.printf("\n")
}

func (c *cardWriter) footer() {
	f := c.t.Footer
	var notes []string
	if f.Dropped > 0 {
		notes = append(notes, fmt.Sprintf("%d records dropped from the middle", f.Dropped))
	}
	if f.Uncalled > 0 {
		notes = append(notes, fmt.Sprintf("%d calls only counted", f.Uncalled))
	}
	if f.Quiet > 0 {
		notes = append(notes, fmt.Sprintf("%d exceptions only counted", f.Quiet))
	}
	if f.Faults+f.Skipped > 0 {
		notes = append(notes, fmt.Sprintf("%d events not recorded or not readable", f.Faults+f.Skipped))
	}
	if f.Unnamed > 0 {
		notes = append(notes, fmt.Sprintf("%d records of functions that are not defined", f.Unnamed))
	}
	if f.Undefined > 0 {
		notes = append(notes, fmt.Sprintf("%d definitions of functions and lines, for which there was no room", f.Undefined))
	}
	if !f.Ended {
		notes = append(notes, "a process did not end in order")
	}
	for _, p := range c.t.Processes {
		if p.Lost != "" {
			notes = append(notes, "process "+fmt.Sprint(p.PID)+": "+wire.OneLine(p.Lost))
			break
		}
	}
	if len(notes) > 0 {
		c.printf("Missing from the trace: %s.\n", strings.Join(notes, "; "))
	}
}
