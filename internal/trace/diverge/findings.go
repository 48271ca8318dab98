package diverge

import (
	"fmt"
	"sort"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/wire"
)

const maxMissing = 6

// Findings returns what is odd in a failing run, by what a passing run of the
// same test did otherwise: besides the findings of red, where the runs part
// (kind diverges), calls that came in green and never came in red (missing) and
// those that came in red alone (extra). What green has as well cannot be the
// cause, and weighs less. Records are ids in red.
func Findings(red, green *trace.Trace) []findings.Finding {
	var out []findings.Finding
	both := map[string]bool{}
	for _, f := range findings.Find(green) {
		both[likeness(green, f)] = true
	}
	for _, f := range findings.Find(red) {
		if both[likeness(red, f)] {
			f.Weight = findings.ClampWeight(f.Weight * 0.4)
			f.Text += " The passing run has this too."
		}
		out = append(out, f)
	}
	if roots := pairRoots(red, green); len(roots.pairs) > 0 {
		d := newDiffer(red, green)
		if s, passed := d.compareRoots(roots); s != nil {
			out = append(out, s.diverges(len(passed)))
		}
		out = append(out, d.missing()...)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Weight > out[j].Weight })
	return out[:min(len(out), findings.MaxFindings)]
}

// Note says, in one sentence, what keeps Compare from knowing where the
// runs part: that green never made the call that failed in red, or that the two
// have nothing to be compared. It is empty where they can be compared.
func Note(red, green *trace.Trace) string {
	roots := pairRoots(red, green)
	switch {
	case roots.failed.Index != 0 && !roots.paired:
		return fmt.Sprintf("The passing run never ran %s%s, which failed: where the two part in it is not known.", rootName(roots.failed), recorded(green))
	case len(roots.pairs) == 0:
		return "No outermost call of one run occurs in the other: where the two diverge is unknown."
	}
	return ""
}

// likeness is what findings of two runs have in common that are the same. One
// handler may swallow what it is there for, and what it should not.
func likeness(t *trace.Trace, f findings.Finding) string {
	key := f.Kind + "\x00" + baseName(f.File) + "\x00" + f.Name
	if f.Kind == "swallowed" && len(f.Records) > 0 {
		raise := t.Record(f.Records[0])
		key += "\x00" + raise.Type()
		if raise.Code != nil {
			key += "\x00" + raise.Code.Name
		}
	}
	return key
}

// diverges is a split as a finding.
func (s *split) diverges(passed int) findings.Finding {
	c := s.red
	if c.Index == 0 {
		c = s.under[0]
	}
	f := findings.Finding{Kind: "diverges", Records: findings.RecordIDs(c, c.End()), File: c.Code().File, Line: c.Code().Line, Name: c.Code().Name, Weight: 0.9}
	if s.noise || s.contained {
		f.Weight = 0.3
	}
	f.Text = fmt.Sprintf("The runs part in %s: %s.", c.Code().Name, strings.Join(s.described(), "; "))
	if passed > 0 {
		f.Text += fmt.Sprintf(" %d earlier differences were passed over: noise, or without effect on what follows.", passed)
	}
	return f
}

func (s *split) described() []string {
	var parts []string
	for _, c := range s.changed[:min(len(s.changed), 3)] {
		switch c.Name {
		case "call":
			parts = append(parts, fmt.Sprintf("the failing run made %s, the passing one %s", c.Red, c.Green))
		case "raise", "return", "end":
			parts = append(parts, fmt.Sprintf("%s: %s; in the passing run: %s", c.Name, wire.CutText(c.Red, 160), wire.CutText(c.Green, 160)))
		default:
			parts = append(parts, fmt.Sprintf("%s is %s; in the passing run %s", wire.OneLine(c.Name), wire.CutText(c.Red, 160), wire.CutText(c.Green, 160)))
		}
	}
	return parts
}

// missing returns the calls that only one run made, one of each function and
// caller. A function that red never called at all counts most.
func (d *differ) missing() []findings.Finding {
	called := map[string]bool{}
	for _, c := range d.red.Codes() {
		called[c.Name+"\x00"+baseName(c.File)] = true
	}
	done := map[string]bool{}
	var out []findings.Finding
	for _, s := range d.splits {
		if s.kind != "call" || len(out) == maxMissing {
			continue
		}
		by := s.under[0].Code()
		for _, c := range []trace.Call{s.green, s.red} {
			if c.Index == 0 || done[c.Code().Name+"\x00"+by.Name] {
				continue
			}
			code := c.Code()
			done[code.Name+"\x00"+by.Name] = true
			f := findings.Finding{Kind: "missing", Records: findings.RecordIDs(s.under[0], s.under[0].End()), File: by.File, Line: by.Line, Name: by.Name, Weight: 0.5,
				Text: fmt.Sprintf("%s %s %s, which it did in the passing run as %s.", by.Name, never(d.red), code.Name, callName(c))}
			if c == s.red {
				f.Kind, f.Records, f.Weight = "extra", findings.RecordIDs(c, c.End()), 0.4
				f.Text = fmt.Sprintf("%s called %s, which it did not in the passing run%s.", by.Name, callName(c), recorded(d.green))
			} else if !called[code.Name+"\x00"+baseName(code.File)] {
				f.Weight = 0.7
				f.Text += " Nothing else called it either" + recorded(d.red) + "."
			} else if n := callsOf(s.under[0], code); n > 0 {
				f.Text = fmt.Sprintf("%s called %s %s%s, but made no call that answers to the passing run's %s.", by.Name, code.Name, times(n), recorded(d.red), callName(c))
			}
			if s.contained {
				f.Weight -= 0.2
			}
			if d.crash[s.under[0].ID()] {
				f.Weight += 0.1
			}
			out = append(out, f)
		}
	}
	return out
}

// never says that a run did not call something, or that its records do not show it.
func never(t *trace.Trace) string {
	if t.Footer.Partial() {
		return "is not recorded to have called"
	}
	return "never called"
}

// recorded limits what is said of a run to what its trace holds.
func recorded(t *trace.Trace) string {
	if t.Footer.Partial() {
		return ", as far as it was recorded"
	}
	return ""
}

// calls counts the calls of a function of that name that c made.
func callsOf(c trace.Call, code *trace.Code) (n int) {
	for _, k := range c.Children() {
		if x := k.Code(); x.Name == code.Name && baseName(x.File) == baseName(code.File) {
			n++
		}
	}
	return n
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
