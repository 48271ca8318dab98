package findings

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

// chain follows the values of the crash frame to where they came from: through
// callers' arguments, or to the call that returned them.
func (s *Scene) chain() []Finding {
	if s.Raise.ID == 0 || len(s.Path) == 0 {
		return nil
	}
	crash := s.Path[len(s.Path)-1]
	var out []Finding
	returned := s.returnedToPath()
	for _, v := range s.crashVars {
		if f, ok := s.returnedFrom(v, returned); ok {
			out = append(out, f)
		}
	}
	if f, ok := s.handedDown(crash, returned); ok {
		out = append(out, f)
	}
	return out
}

// returnedToPath returns the ids of the returns to frames of the path before
// the crash.
func (s *Scene) returnedToPath() []int32 {
	var out []int32
	for id, e := range s.t.EventsOf(wire.EventReturn) {
		if int(id) >= s.Raise.ID {
			break
		}
		c := s.t.CallOf(e)
		if parent := c.Parent(); parent.Index != 0 && s.OnPath[parent.ID()] && !s.OnPath[c.ID()] {
			out = append(out, id)
		}
	}
	return out
}

// returnedFrom finds the last call before the crash that returned the value v
// to a frame of the path.
func (s *Scene) returnedFrom(v wire.Var, returned []int32) (Finding, bool) {
	isNone := v.Value.Literal && v.Value.Text == "None"
	if !isNone && !v.Value.Telling() && !v.Value.Nothing() {
		return Finding{}, false
	}
	for i := len(returned) - 1; i >= 0; i-- {
		r := s.t.Record(int(returned[i]))
		got := r.Value()
		if got == nil || !s.same(got, r.ID, &v.Value, s.Raise.ID) {
			continue
		}
		c := s.t.Call(r.Call)
		weight := 0.5
		if isNone || v.Value.Nothing() {
			weight = 0.62
			if strings.Contains(s.Raise.Text(), "NoneType") {
				weight = 0.8
			}
			if c.Parent() != s.Path[len(s.Path)-1] {
				weight -= 0.15
			}
		}
		if name := c.Code().Name; name == "__init__" || strings.HasSuffix(name, ".__init__") {
			continue // always None
		}
		unlike := ""
		if odd, usual, n := s.typesOf().returns[s.t.EventAt(returned[i]).Code].odd(got.TypeName()); odd != nil {
			weight = min(weight+0.12, 0.85)
			unlike = fmt.Sprintf(" %d of its %d recorded calls returned %s.", usual.n, n+odd.n, typeWord(usual.name))
		}
		args := "…"
		if start := c.Start(); start.ID != 0 {
			args = wire.RenderVars(start.Args(), 60, 160, true)
		}
		return Finding{Kind: "chain", Records: RecordIDs(c, r, s.Raise), File: r.Code.File, Line: r.Line, Name: r.Code.Name, Weight: weight,
			Text: fmt.Sprintf("%s=%s at the crash in %s %s what %s(%s) returned at line %d.%s", wire.OneLine(v.Name), wire.CutText(v.Value.String(), 100),
				s.Raise.Code.Name, isOrEquals(&v.Value), c.Code().Name, args, r.Line, unlike)}, true
	}
	return Finding{}, false
}

// isOrEquals is "is" for an object, which is told by its identity, and "equals"
// for a value of which there may be another.
func isOrEquals(v *wire.Value) string {
	if v.ID > 0 {
		return "is"
	}
	return "equals"
}

// handedDown says how the arguments of the crash frame came down the path:
// unchanged from which caller, or out of an expression of which. Where the value
// was made is told only where a record shows it, see returnedFrom.
func (s *Scene) handedDown(crash trace.Call, returned []int32) (Finding, bool) {
	start := crash.Start()
	args := start.Args()
	if len(args) == 0 || len(s.Path) < 2 {
		return Finding{}, false
	}
	var parts []string
	ids := []int{start.ID}
	weight := 0.4 // what its caller made says little
	for _, a := range args {
		if a.Name == "self" || a.Name == "cls" {
			continue
		}
		source, calls, gap := s.highest(a, crash)
		if source.Index == 0 {
			parts = append(parts, wire.OneLine(a.Name)+"="+wire.CutText(a.Value.String(), 80)+s.cameFrom(a, start, returned))
			continue
		}
		ids = append(ids, source.Start().ID)
		weight = 0.55
		parts = append(parts, fmt.Sprintf("%s=%s came down unchanged from %s through %s%d calls", wire.OneLine(a.Name), wire.CutText(a.Value.String(), 80), source.Code().Name, gap, calls))
	}
	if len(parts) == 0 {
		return Finding{}, false
	}
	if len(parts) > 4 {
		parts = parts[:4]
	}
	return Finding{Kind: "chain", Records: uniqueInts(append(ids, s.Raise.ID)), File: s.Raise.Code.File, Line: s.Raise.Line, Name: s.Raise.Code.Name, Weight: weight,
		Text: fmt.Sprintf("%s raised %s: %s.", s.Raise.Code.Name, wire.ExceptionText(s.Raise.Type(), s.Raise.Text(), 120), strings.Join(parts, "; "))}, true
}

// cameFrom says where an argument came from that the caller did not have as one.
func (s *Scene) cameFrom(a wire.Var, start trace.Record, returned []int32) string {
	caller := s.Path[len(s.Path)-2]
	for i := len(returned) - 1; i >= 0 && a.Value.Telling(); i-- {
		r := s.t.Record(int(returned[i]))
		if got := r.Value(); r.ID < start.ID && got != nil && s.t.Call(r.Call).Parent() == caller && s.same(got, r.ID, &a.Value, start.ID) {
			return fmt.Sprintf(" %s what %s returned", isOrEquals(got), r.Code.Name)
		}
	}
	switch {
	case slices.Contains(start.Defaults(), a.Name):
		return " is the default"
	case start.Gap() > 0 || caller.Start().ID == 0 || !s.t.Unbroken(caller.Start().ID, start.ID):
		return " came through calls that were not recorded"
	case start.Late:
		return " was first recorded at the exception"
	}
	return " came from an expression in " + caller.Code().Name
}

// highest returns the outermost call of the unbroken run of callers that had
// the value as an argument, under any name where the value tells and else under
// the same one, and how many calls it came through; gap is "at least " where more
// were not recorded. Late records are of one time, at which equal identities are
// one object.
func (s *Scene) highest(v wire.Var, crash trace.Call) (found trace.Call, calls int, gap string) {
	start := crash.Start()
	under := start.Gap()
	if s.lossy() {
		gap = "at least "
	}
	free := v.Value.Telling() || v.Value.Nothing()
	for c := crash.Parent(); c.Node().Start != 0; c = c.Parent() {
		has := false
		x := c.Start()
		for _, a := range x.Args() {
			at := x.ID
			if x.Late && start.Late {
				at = start.ID
			}
			has = has || ((free || a.Name == v.Name) && s.same(&a.Value, at, &v.Value, start.ID))
		}
		if !has {
			break
		}
		if found = c; under > 0 {
			gap = "at least "
		}
		calls++
		under += x.Gap()
	}
	return found, calls, gap
}

// recursion finds a function that called itself with equal arguments again and
// again, and the arguments of a recursion that ended at the limit.
func (s *Scene) recursion() []Finding {
	nodes := s.t.Nodes()
	hashes := make([]uint64, len(nodes)) // of arguments, where they were asked for
	runs := make([]int32, len(nodes))    // length of the run of nested calls of one function with equal arguments, ending here
	worst := 0
	for id, e := range s.t.EventsOf(wire.EventCall) {
		n := s.t.CallOf(e).Index
		if n == 0 || nodes[n-1].Start != id {
			continue
		}
		runs[n-1] = 1
		for p, hops := nodes[n-1].Parent, 0; p != 0 && hops < 4; p, hops = nodes[p-1].Parent, hops+1 {
			start := nodes[p-1].Start
			if start == 0 || s.t.EventAt(start).Code != e.Code {
				continue
			}
			if s.t.Codes()[e.Code-1].Kind == "" && s.progressHash(hashes, p) == s.progressHash(hashes, n) && s.noProgress(p, n) {
				runs[n-1] = runs[p-1] + 1
			}
			break
		}
		if runs[n-1] >= 3 && (worst == 0 || runs[n-1] > runs[worst-1]) {
			worst = int(n)
		}
	}
	var out []Finding
	if worst != 0 {
		c := s.t.CallAt(int32(worst))
		weight := 0.6
		if s.Raise.Type() == "RecursionError" {
			weight = 0.95
		}
		code, least := c.Code(), ""
		if s.lossy() {
			least = "at least "
		}
		out = append(out, Finding{Kind: "recursion", Records: RecordIDs(c), File: code.File, Line: code.Line, Name: code.Name, Weight: weight,
			Text: fmt.Sprintf("%s calls itself without progress: %s%d nested calls have the same arguments (%s).", code.Name, least, runs[worst-1], wire.CutText(progress(c.Start().Args()), 200))})
	} else if f, ok := s.deep(); ok {
		out = append(out, f)
	}
	return out
}

// progressHash hashes the arguments of a call so that equal hashes mean no
// progress: literals by their content, because a copy is not progress, and objects
// by content and identity.
func (s *Scene) progressHash(hashes []uint64, n int32) uint64 {
	if hashes[n-1] == 0 {
		e := s.t.EventAt(s.t.Nodes()[n-1].Start)
		b := s.t.BodyOf(e)
		text := string(b)
		if b.Contains(`"lit"`) || b.Contains(`"cut"`) {
			args := s.values.Vars(b, "a")
			text = progress(args)
			if s.Raise.Type() != "RecursionError" && slices.ContainsFunc(args, untold) {
				text = strconv.Itoa(int(n)) // what its state says of progress is not known
			}
		}
		hashes[n-1] = maphash.String(s.seed, text) | 1
	}
	return hashes[n-1]
}

// noProgress says whether two nested calls are known to have the same arguments:
// equal literals, and objects that are the same. Whether the state of those
// changed must be known, too, but where the stack overflowed all the same.
func (s *Scene) noProgress(p, n int32) bool {
	x, y := s.t.EventAt(s.t.Nodes()[p-1].Start), s.t.EventAt(s.t.Nodes()[n-1].Start)
	if x.Off == y.Off && x.Size == y.Size && x.Size > 0 && s.Raise.Type() == "RecursionError" {
		return true // equal short bodies are kept once
	}
	a, b := s.t.BodyOf(x).Vars("a"), s.t.BodyOf(y).Vars("a")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if v, w := &a[i].Value, &b[i].Value; a[i].Name != b[i].Name || equality.Compare(v, w) != equality.Equal && !s.sameState(v, w) {
			return false
		}
	}
	return true
}

// sameState says whether two values of open calls are one object of which no
// change was recorded, where the stack overflowed.
func (s *Scene) sameState(v, w *wire.Value) bool {
	return s.Raise.Type() == "RecursionError" && v.ID > 0 && v.ID == w.ID && equality.Compare(v, w) != equality.Different
}

// untold says whether an argument is an object of which nothing but its
// identity was recorded.
func untold(a wire.Var) bool {
	return a.Value.Cut && len(a.Value.Fields)+len(a.Value.Items)+len(a.Value.Pairs) == 0 && a.Value.Text == ""
}

// progress renders arguments as progressHash compares them.
func progress(args []wire.Var) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(wire.OneLine(a.Name) + "=" + a.Value.Render(200, !a.Value.Literal))
	}
	return b.String()
}

// deep describes a recursion that reached the limit with changing arguments.
func (s *Scene) deep() (Finding, bool) {
	if s.Raise.Type() != "RecursionError" || len(s.Path) < 3 {
		return Finding{}, false
	}
	counts := map[*trace.Code]int{}
	var most *trace.Code
	for _, c := range s.Path {
		code := c.Code()
		counts[code]++
		if most == nil || counts[code] > counts[most] {
			most = code
		}
	}
	var shown []string
	var ids []int
	for _, c := range s.Path {
		if start := c.Start(); c.Code() == most && start.ID != 0 {
			shown = append(shown, "("+wire.CutText(progress(start.Args()), 60)+")")
			ids = append(ids, start.ID)
		}
	}
	if len(shown) > 6 {
		shown = append(append(shown[:4:4], "…"), shown[len(shown)-1])
		ids = append(ids[:4:4], ids[len(ids)-1])
	}
	return Finding{Kind: "recursion", Records: ids, File: most.File, Line: most.Line, Name: most.Name, Weight: 0.9,
		Text: fmt.Sprintf("%s recursed until the interpreter's limit; its arguments from the outermost call inwards: %s.", most.Name, strings.Join(shown, " → "))}, true
}
