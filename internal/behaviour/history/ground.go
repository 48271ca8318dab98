package history

import (
	"fmt"
	"path"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

const (
	maxExamples = 5  // of a ground
	maxAnswer   = 80 // bytes of an answer in a sentence
)

// Story tells in a sentence which commit broke the call, "" where that is not
// known. It quotes the commit's subject and what the call answered, which are
// untrusted.
func (p *Past) Story() string {
	if p == nil || p.Broke == nil {
		return ""
	}
	return fmt.Sprintf("%s; before it the call %s", p.broken(), p.answer())
}

// broken names the commit that broke the call.
func (p *Past) broken() string {
	kind := ""
	if p.Broke.Merge {
		kind = ", a merge"
	}
	return fmt.Sprintf("broken by %s of %s (%s)%s", name(*p.Broke), p.Broke.Time.Format("2006-01-02"), text.Line(p.Broke.Subject, 100), kind)
}

// answer is what the ancestors answer, in a few words.
func (p *Past) answer() string {
	if len(p.answers) == 0 {
		return "answered"
	}
	return text.Clip(behaviour.Show(p.answers[0]), maxAnswer)
}

// Ground says what the past has to say about head's answers to the
// neighbourhood's calls; nil if nothing. green is the trace of the test on head,
// nil if there is none.
func (p *Past) Ground(near *language.Neighbourhood, head []language.Answer, green *trace.Trace) *behaviour.Ground {
	if p == nil || len(p.answers) == 0 || len(head) != len(near.Calls) || len(p.answers) != len(near.Calls) || len(near.Answers) != len(near.Calls) || !behaviour.Comparable(head[0]) {
		return nil
	}
	g := &behaviour.Ground{Name: "history", Effect: behaviour.Shown, Evidence: p.evidence()}
	say := func(effect behaviour.Effect, format string, args ...any) *behaviour.Ground {
		g.Effect = effect
		g.Evidence += "; " + fmt.Sprintf(format, args...)
		return g
	}
	opposed := ""
	for _, d := range p.Doubts {
		if d.Opposed {
			opposed = d.Why
			break
		}
	}
	compared, now := compare(near, p.answers, head), text.Clip(behaviour.Show(head[0]), maxAnswer)
	if !same(p.answers[0], head[0]) {
		g.Examples = []behaviour.Difference{{Call: near.Calls[0].Shown, Before: behaviour.Show(p.answers[0]), After: behaviour.Show(head[0])}}
		switch {
		case opposed != "":
			return say(behaviour.Shown, "with the patch the call %s, and history does not say which is right: %s", now, opposed)
		case len(p.Doubts) > 0:
			return say(behaviour.Lowers, "with the patch it %s; this is a hint only: %s", now, p.Doubts[0].Why)
		case head[0].End == language.Raised || len(compared.meant) > 0:
			return say(behaviour.Lowers, "with the patch it %s", now)
		}
		return say(behaviour.Rejects, "with the patch it %s", now)
	}
	g.Examples = []behaviour.Difference{{Call: near.Calls[0].Shown, Before: behaviour.Show(p.answers[0]), After: behaviour.Show(head[0])}}
	switch inner := p.inner(green); {
	case len(p.Doubts) > 0:
		return say(behaviour.Shown, "with the patch it answers the same; this is a hint only: %s", p.Doubts[0].Why)
	case len(compared.unlike) > 0:
		g.Examples = compared.unlike[:min(len(compared.unlike), maxExamples)]
		return say(behaviour.Rejects, "with the patch it answers the same, but %s that failed with it %s answered differently", text.Count(len(compared.unlike), "call"), are(len(compared.unlike)))
	case len(compared.strayed) > 0:
		g.Examples = compared.strayed[:min(len(compared.strayed), maxExamples)]
		return say(behaviour.Rejects, "with the patch it answers the same, but %s that base answers as the ancestors did %s answered differently", text.Count(len(compared.strayed), "call"), are(len(compared.strayed)))
	case len(compared.refused) > 0:
		g.Examples = compared.refused[:min(len(compared.refused), maxExamples)]
		return say(behaviour.Lowers, "with the patch it answers the same, but %s that failed with it %s still not answered", text.Count(len(compared.refused), "call"), are(len(compared.refused)))
	case len(compared.meant) > 0:
		return say(behaviour.Shown, "with the patch it answers the same; but the commit changed %s that the patch leaves as they are", text.Count(len(compared.meant), "other answer"))
	case inner != "":
		return say(behaviour.Lowers, "with the patch it answers the same, although %s", inner)
	}
	return say(behaviour.Establishes, "with the patch it answers the same, as do %s that failed with it", text.Count(compared.healed, "call"))
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func (p *Past) evidence() string {
	var agree []string
	for _, c := range p.Agree {
		agree = append(agree, name(c))
	}
	s := ""
	if p.Broke != nil {
		s = p.broken() + "; "
	}
	verb := "agree"
	if len(agree) == 1 {
		verb = "says"
	}
	s += fmt.Sprintf("%s (%s) %s that the call %s", text.Count(len(agree), "earlier commit"), strings.Join(agree, ", "), verb, p.answer())
	if p.Skipped > 0 {
		s += fmt.Sprintf(", on %d of %s it could not be compared", p.Skipped, text.Count(p.Tried, "commit"))
	}
	return s
}

// comparison is of ancestors' answers and head's, apart from the test's own call.
type comparison struct {
	healed  int                    // failed on base, and are answered as before
	unlike  []behaviour.Difference // failed on base, and are answered differently than before
	strayed []behaviour.Difference // answered on base as before, and are answered differently
	refused []behaviour.Difference // failed on base, were answered before, and fail with the patch
	meant   []behaviour.Difference // answered on base differently than before, and the patch keeps base's answer
}

func compare(near *language.Neighbourhood, past, head []language.Answer) (c comparison) {
	for i := 1; i < len(past); i++ {
		base := near.Answers[i]
		if !behaviour.Answered(past[i]) || !behaviour.Comparable(head[i]) || !behaviour.Comparable(base) {
			continue
		}
		d := behaviour.Difference{Call: near.Calls[i].Shown, Before: behaviour.Show(past[i]), After: behaviour.Show(head[i])}
		restored := same(past[i], head[i])
		switch {
		case behaviour.Answered(base) && same(past[i], base) && !restored:
			c.strayed = append(c.strayed, d)
		case base.End == language.Returned && !same(past[i], base) && !restored:
			c.meant = append(c.meant, d)
		case base.End == language.Returned:
		case restored:
			c.healed++
		case head[i].End == language.Raised:
			c.refused = append(c.refused, d)
		default:
			c.unlike = append(c.unlike, d)
		}
	}
	return c
}

// A function of the tree.
type function struct{ file, name string }

// functionsAt are the called functions that have one of the lines.
func functionsAt(t *trace.Trace, lines map[string][]int) (found []function) {
	if t == nil {
		return nil
	}
	for file, numbers := range lines {
		for _, n := range numbers {
			var best *trace.Code
			for _, code := range t.Codes() {
				if code.File == root(file) && code.Line <= n && (best == nil || code.Line > best.Line) {
					best = code
				}
			}
			if best != nil {
				found = append(found, function{best.File, best.Name})
			}
		}
	}
	return found
}

// functionsIn are the called functions of files.
func functionsIn(t *trace.Trace, files map[string][]int) (found []function) {
	if t == nil {
		return nil
	}
	for _, code := range t.Codes() {
		for file := range files {
			if code.File == root(file) {
				found = append(found, function{code.File, code.Name})
			}
		}
	}
	return found
}

// inner says that a function that the breaking commit changed still returns
// something else than it did for equal arguments, so that the patch only makes
// up for it; "" if none is known to.
func (p *Past) inner(green *trace.Trace) string {
	if p.green == nil || green == nil {
		return ""
	}
	for _, f := range p.functions {
		for _, was := range callsOf(p.green, f) {
			var other *call
			for _, now := range callsOf(green, f) {
				if !equalArguments(was, now) {
					continue
				}
				if equality.Compare(was.value, now.value) != equality.Different {
					other = nil
					break
				}
				other = &now
			}
			if other != nil {
				return fmt.Sprintf("%s (%s) still returns %s where it returned %s", incident.BareName(f.name), path.Base(f.file), shown(other.value), shown(was.value))
			}
		}
	}
	return ""
}

func shown(v *wire.Value) string { return text.Clip(v.Text, 80) }

// A call of a function that returned.
type call struct {
	args  []wire.Var
	value *wire.Value
}

func callsOf(t *trace.Trace, f function) (calls []call) {
	for r := range t.All() {
		if r.Kind != wire.KindReturn || r.Code == nil || r.Code.File != f.file || r.Code.Name != f.name {
			continue
		}
		start := t.Call(r.Call).Start()
		if v := r.Value(); v != nil && !start.Late {
			calls = append(calls, call{start.Args(), v})
		}
	}
	return calls
}

func equalArguments(a, b call) bool {
	if len(a.args) != len(b.args) {
		return false
	}
	for i := range a.args {
		if a.args[i].Name != b.args[i].Name || equality.Compare(&a.args[i].Value, &b.args[i].Value) != equality.Equal {
			return false
		}
	}
	return true
}
