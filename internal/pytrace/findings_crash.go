package pytrace

import (
	"fmt"
	"strings"
)

// chain follows the values of the crash frame to where they came from: through
// callers' arguments, or to the call that returned them.
func (s *scene) chain() []Finding {
	if s.raise == nil || len(s.path) == 0 {
		return nil
	}
	crash := s.path[len(s.path)-1]
	var out []Finding
	vars := s.raise.Args
	if len(vars) == 0 && crash.start != nil {
		vars = crash.start.Args
	}
	for _, v := range vars {
		if f, ok := s.returnedFrom(v); ok {
			out = append(out, f)
		}
	}
	if f, ok := s.handedDown(crash); ok {
		out = append(out, f)
	}
	return out
}

// returnedFrom finds the last call before the crash that returned the value v
// to a frame of the path.
func (s *scene) returnedFrom(v Var) (Finding, bool) {
	isNone := v.Value.Literal && v.Value.Text == "None"
	if !isNone && !v.Value.telling() && !v.Value.nothing() {
		return Finding{}, false
	}
	want := v.Value.plain()
	for i := s.raise.ID - 2; i >= 0; i-- {
		r := &s.t.records[i]
		if r.Kind != KindReturn || r.Value == nil || s.onPath[r.Call] {
			continue
		}
		c := s.t.call(r.Call)
		if c == nil || c.parent == nil || !s.onPath[c.parent.id] || r.Value.plain() != want {
			continue
		}
		if r.Value.ID != v.Value.ID && (r.Value.ID > 0 || v.Value.ID > 0) {
			continue
		}
		weight := 0.5
		if isNone || v.Value.nothing() {
			weight = 0.62
			if strings.Contains(s.raise.Text, "NoneType") {
				weight = 0.8
			}
			if c.parent != s.path[len(s.path)-1] {
				weight -= 0.15
			}
		}
		if c.code.Name == "__init__" || strings.HasSuffix(c.code.Name, ".__init__") {
			continue // always None
		}
		args := "…"
		if c.start != nil {
			args = renderVars(c.start.Args, 60, 160, true)
		}
		return Finding{Kind: "chain", Records: recordIDs(c, r, s.raise), File: r.Code.File, Line: r.Line, Name: r.Code.Name, Weight: weight,
			Text: fmt.Sprintf("%s=%s at the crash in %s is what %s(%s) returned at line %d.", oneLine(v.Name), cutText(v.Value.String(), 100),
				s.raise.Code.Name, c.code.Name, args, r.Line)}, true
	}
	return Finding{}, false
}

// handedDown says how the arguments of the crash frame came down the path:
// unchanged from which caller, or made in which.
func (s *scene) handedDown(crash *call) (Finding, bool) {
	if crash.start == nil || len(crash.start.Args) == 0 || len(s.path) < 2 {
		return Finding{}, false
	}
	var parts []string
	ids := []int{crash.start.ID}
	for _, a := range crash.start.Args {
		if a.Name == "self" || a.Name == "cls" {
			continue
		}
		source, calls := s.highest(a, crash)
		if source == nil {
			parts = append(parts, fmt.Sprintf("%s=%s was made in %s", oneLine(a.Name), cutText(a.Value.String(), 80), s.path[len(s.path)-2].code.Name))
			continue
		}
		ids = append(ids, source.start.ID)
		parts = append(parts, fmt.Sprintf("%s=%s came down unchanged from %s through %d calls", oneLine(a.Name), cutText(a.Value.String(), 80), source.code.Name, calls))
	}
	if len(parts) == 0 {
		return Finding{}, false
	}
	if len(parts) > 4 {
		parts = parts[:4]
	}
	return Finding{Kind: "chain", Records: uniqueInts(append(ids, s.raise.ID)), File: s.raise.Code.File, Line: s.raise.Line, Name: s.raise.Code.Name, Weight: 0.55,
		Text: fmt.Sprintf("%s raised %s: %s.", s.raise.Code.Name, exceptionText(s.raise.Type, s.raise.Text, 120), strings.Join(parts, "; "))}, true
}

// highest returns the outermost call of the unbroken run of callers that had
// the value as an argument, under any name where the value tells and else under
// the same one, and how many calls it came through.
func (s *scene) highest(v Var, crash *call) (found *call, calls int) {
	want := v.Value.plain()
	free := v.Value.telling() || v.Value.nothing()
	for c := crash.parent; c != nil && c.start != nil; c = c.parent {
		has := false
		for _, a := range c.start.Args {
			has = has || ((free || a.Name == v.Name) && a.Value.ID == v.Value.ID && a.Value.plain() == want)
		}
		if !has {
			break
		}
		found = c
		calls++
	}
	return found, calls
}

// recursion finds a function that called itself with equal arguments again and
// again, and the arguments of a recursion that ended at the limit.
func (s *scene) recursion() []Finding {
	var worst []*call
	runs := map[*call]int{} // length of the run of nested calls of one function with equal arguments, ending here
	text := map[*call]string{}
	for i := range s.t.records {
		c := s.t.call(s.t.records[i].Call)
		if c == nil || c.start != &s.t.records[i] {
			continue
		}
		text[c] = progress(c.start.Args)
		runs[c] = 1
		for p, hops := c.parent, 0; p != nil && hops < 4; p, hops = p.parent, hops+1 {
			if p.code == c.code && p.start != nil {
				if text[p] == text[c] && c.code.Kind == "" {
					runs[c] = runs[p] + 1
				}
				break
			}
		}
		if runs[c] >= 3 && (worst == nil || runs[c] > runs[worst[0]]) {
			worst = []*call{c}
		}
	}
	var out []Finding
	if worst != nil {
		c := worst[0]
		weight := 0.6
		if s.raise != nil && s.raise.Type == "RecursionError" {
			weight = 0.95
		}
		out = append(out, Finding{Kind: "recursion", Records: recordIDs(c), File: c.code.File, Line: c.code.Line, Name: c.code.Name, Weight: weight,
			Text: fmt.Sprintf("%s calls itself without progress: %d nested calls have the same arguments (%s).", c.code.Name, runs[c], cutText(text[c], 200))})
	} else if f, ok := s.deep(text); ok {
		out = append(out, f)
	}
	return out
}

// progress renders arguments so that equal text means no progress: literals by
// their content, for a copy is no progress, and objects by identity.
func progress(args []Var) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(oneLine(a.Name) + "=" + a.Value.render(200, !a.Value.Literal))
	}
	return b.String()
}

// deep describes a recursion that reached the limit with changing arguments.
func (s *scene) deep(text map[*call]string) (Finding, bool) {
	if s.raise == nil || s.raise.Type != "RecursionError" || len(s.path) < 3 {
		return Finding{}, false
	}
	counts := map[*Code]int{}
	var most *Code
	for _, c := range s.path {
		counts[c.code]++
		if most == nil || counts[c.code] > counts[most] {
			most = c.code
		}
	}
	var shown []string
	var ids []int
	for _, c := range s.path {
		if c.code == most && c.start != nil {
			shown = append(shown, "("+cutText(text[c], 60)+")")
			ids = append(ids, c.start.ID)
		}
	}
	if len(shown) > 6 {
		shown = append(append(shown[:4:4], "…"), shown[len(shown)-1])
		ids = append(ids[:4:4], ids[len(ids)-1])
	}
	return Finding{Kind: "recursion", Records: ids, File: most.File, Line: most.Line, Name: most.Name, Weight: 0.9,
		Text: fmt.Sprintf("%s recursed until the interpreter's limit; its arguments from the outermost call inwards: %s.", most.Name, strings.Join(shown, " → "))}, true
}
