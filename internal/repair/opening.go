package repair

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact"
)

// Limits of the opening message's parts, in bytes; those of the source are in
// excerpts.go.
const (
	maxIncident = 4 << 10
	maxContext  = 3 << 10
	maxTest     = 8 << 10
	maxOutput   = 4 << 10
	maxCard     = 14 << 10
)

// limit divides a limit of the opening by the session's scale.
func (s *session) limit(n int) int { return max(n/s.scale, 512) }

// opening is the first message: what happened, and the code where it happened.
func (s *session) opening() redact.Clean {
	c := s.clean
	diagnosis := redact.Constant("No trace is shown.")
	var at []place
	if s.shown {
		diagnosis = quoted(redact.Constant("trace"), c.text(s.diagnosis.Text, s.limit(maxCard)))
		s.reading.Lock()
		at = places(s.stack(), s.trace, s.diagnosis.Findings)
		s.reading.Unlock()
	} else {
		at = places(s.stack(), nil, nil)
	}
	code, names := s.excerpts(at)
	return c.fill(incidentPrompt, map[string]redact.Clean{
		"incident": quoted(redact.Constant("incident"), c.text(s.summary(), s.limit(maxIncident))),
		"context":  s.circumstances(),
		"test":     quoted(redact.Constant("synthesized.test"), c.code(s.in.Test.Source, s.limit(maxTest))),
		"output":   quoted(redact.Constant("pytest.output"), c.tail(s.output(), s.limit(maxOutput))),
		"card":     diagnosis,
		"code":     code,
		"tests":    s.nearTests(names),
		"layout":   s.layout(),
		"budget":   s.allowance(),
	})
}

// source is a file of the tree, as the sandbox names it.
func (e *ensemble) source(file string) []byte {
	text, err := e.tree.read(strings.TrimPrefix(file, treeRoot+"/"))
	if err != nil {
		return nil
	}
	return []byte(text)
}

// stack is the failure's in-app frames, the crash frame last: production's, or
// where those are not known the test's.
func (s *session) stack() []incident.Frame {
	if len(s.in.Frames) > 0 {
		return s.in.Frames
	}
	return s.in.Outcome.Frames
}

// summary is the incident in a few lines; the bundle is already redacted.
func (s *session) summary() string {
	var b strings.Builder
	if bn := s.in.Bundle; bn != nil {
		fmt.Fprintf(&b, "seen: %d times\n", bn.Incident.Count)
		for _, x := range bn.Event.Exceptions {
			fmt.Fprintf(&b, "exception: %s: %s\n", x.Type, clip(x.Message, 500))
		}
		e := bn.Event.Environment
		fmt.Fprintf(&b, "environment: Python %s, %s\n", e.Python, e.Name)
		if r := bn.Event.Request; r != nil {
			fmt.Fprintf(&b, "request: %s %s\n", r.Method, clip(r.URL, 300))
		}
	}
	o := s.in.Outcome
	fmt.Fprintf(&b, "the test fails with: %s: %s\n", o.Type, clip(o.Message, 500))
	if s.in.Broken != "" {
		fmt.Fprintf(&b, "history: %s\n", clip(s.in.Broken, 500))
	}
	frames := s.stack()
	if len(frames) > 30 {
		frames = frames[len(frames)-30:]
	}
	for _, f := range frames {
		fmt.Fprintf(&b, "  %s:%d in %s: %s\n", f.File, f.Line, f.Function, strings.TrimSpace(clip(f.Code, 200)))
	}
	return b.String()
}

// circumstances are the logs and spans of the incident, the latest of each.
func (s *session) circumstances() redact.Clean {
	var b strings.Builder
	if bn := s.in.Bundle; bn != nil {
		logs := bn.Event.Logs
		for _, l := range logs[max(len(logs)-20, 0):] {
			fmt.Fprintf(&b, "log %s %s %s: %s%s\n", moment(l.Time), l.Level, l.Category, oneLine(l.Message, 300), variables(l.Data))
		}
		spans := slices.Clone(bn.Event.Spans)
		slices.SortStableFunc(spans, func(a, b incident.Span) int { // failed ones first, then the latest
			return cmp.Or(cmp.Compare(failed(b), failed(a)), b.Start.Compare(a.Start))
		})
		for _, sp := range spans[:min(len(spans), 15)] {
			fmt.Fprintf(&b, "span %s %s %s, %s, %s%s\n", moment(sp.Start), sp.Kind, oneLine(sp.Name, 200), sp.Status, sp.End.Sub(sp.Start), variables(sp.Attrs))
		}
	}
	if b.Len() == 0 {
		return redact.Constant("The incident has neither logs nor spans.")
	}
	return quoted(redact.Constant("incident.logs"), s.clean.text(b.String(), s.limit(maxContext)))
}

func failed(s incident.Span) int {
	if s.Status == "error" {
		return 1
	}
	return 0
}

func moment(t time.Time) string { return t.UTC().Format("15:04:05.000") }

func oneLine(s string, limit int) string { return strings.Join(strings.Fields(clip(s, limit)), " ") }

// variables are at most eight, on one line.
func variables(list []incident.Variable) string {
	var b strings.Builder
	for _, v := range list[:min(len(list), 8)] {
		fmt.Fprintf(&b, " %s=%s", v.Name, oneLine(rendered(v.Value), 100))
	}
	return b.String()
}

// rendered is a value as text, three levels deep at most.
func rendered(v incident.Value) string { return renderedTo(v, 3) }

func renderedTo(v incident.Value, depth int) string {
	var parts []string
	switch {
	case v.Kind == incident.KindRepr || depth == 0:
		return v.Repr
	case v.Kind != incident.KindList && v.Kind != incident.KindDict:
		return v.Text(depth, 10)
	case v.Kind == incident.KindList:
		for _, item := range v.Items[:min(len(v.Items), 10)] {
			parts = append(parts, renderedTo(item, depth-1))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	for _, f := range v.Fields[:min(len(v.Fields), 10)] {
		parts = append(parts, f.Name+": "+renderedTo(f.Value, depth-1))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// The parts of the test runner's output: lines of its report on a failure that
// are not of the stack, and what the program printed.
var (
	errorLine = regexp.MustCompile(`^E\s`)
	captured  = regexp.MustCompile(`^-+ Captured `)
	rule      = regexp.MustCompile(`^=+ `)
)

// output is what the test runner said without the stack, which the summary has.
func (s *session) output() string {
	if len(s.stack()) == 0 {
		return s.in.Output
	}
	var kept []string
	printed := false
	for line := range strings.SplitSeq(s.in.Output, "\n") {
		switch {
		case captured.MatchString(line):
			printed = true
		case rule.MatchString(line):
			printed = false
		}
		if printed || errorLine.MatchString(line) {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		return s.in.Output
	}
	return strings.Join(kept, "\n")
}

// allowance says in numbers what is left to spend.
func (s *session) allowance() redact.Clean {
	b := s.budget
	whose := redact.Constant("You may spend: ")
	if s.opts.Samples > 1 {
		whose = redact.Concat(redact.Constant("You and "), redact.Number(s.opts.Samples-1), redact.Constant(" others, who work on this independently, may spend together: "))
	}
	return redact.Concat(whose, redact.Number(b.Attempts), redact.Constant(" patches can be verified, within "), redact.Number(s.opts.Turns),
		redact.Constant(" answers of yours of at most "), redact.Number(s.opts.Answer), redact.Constant(" tokens each, "), redact.Number(b.Tokens),
		redact.Constant(" tokens read and written in all, and "), redact.Number(int(b.Time.Round(time.Second)/time.Second)), redact.Constant(" seconds."))
}
