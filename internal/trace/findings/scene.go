package findings

import (
	"hash/maphash"
	"sort"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A Scene is what all findings look at: the trace and its crash.
type Scene struct {
	t       *trace.Trace
	Path    []trace.Call // outermost to the frame that raised
	OnPath  map[int64]bool
	Raise   trace.Record // ID 0 where nothing crashed
	inCrash map[int]bool // identities of values that the crash path's frames held
	seed    maphash.Seed
	values  *wire.VarReader
	inTree  []int8 // of calls: 1 in the tree that crashed, -1 not, 0 not yet known

	crashVars []wire.Var // variables of the frame that crashed
	raiseText string     // message of the crash
	kinds     *types     // see typesOf
}

// NewScene looks at a trace for the first time.
func NewScene(t *trace.Trace) *Scene {
	s := &Scene{t: t, OnPath: map[int64]bool{}, inCrash: map[int]bool{}, seed: maphash.MakeSeed(), values: wire.NewVarReader(),
		inTree: make([]int8, len(t.Nodes()))}
	s.Path, s.Raise = t.Crash()
	note := func(v, _ *wire.Value, _ string, _ bool) {
		if v.ID > 0 {
			s.inCrash[v.ID] = true
		}
	}
	for _, c := range s.Path {
		s.OnPath[c.ID()] = true
		wire.WalkVars(c.Start().Args(), note)
	}
	s.crashVars, s.raiseText = s.Raise.Args(), s.Raise.Text()
	if len(s.crashVars) == 0 && len(s.Path) > 0 {
		s.crashVars = s.Path[len(s.Path)-1].Start().Args()
	}
	wire.WalkVars(s.crashVars, note)
	return s
}

// same says whether the value of a record is known to be that of another one: the
// same object, or an equal value that has no identity. Objects are told by their
// addresses, so no record may be missing between the two.
func (s *Scene) same(v *wire.Value, at int, w *wire.Value, other int) bool {
	if v.ID != w.ID {
		return false
	}
	known := equality.Compare(v, w)
	if v.ID == 0 {
		return known == equality.Equal
	}
	return known != equality.Different && v.TypeName() == w.TypeName() && (at == other || s.t.Unbroken(at, other))
}

// inCrashOf says whether an object that was seen in a record was in the frames of
// the crash, too.
func (s *Scene) inCrashOf(record, id int) bool {
	return id > 0 && s.inCrash[id] && s.t.Unbroken(record, s.Raise.ID)
}

// lossy says whether records are missing of calls that were recorded.
func (s *Scene) lossy() bool {
	f := s.t.Footer
	return f.Cut || f.Dropped+f.Faults+f.Unnamed+f.Skipped > 0
}

// atLeast stands before a count of a trace that may lack some of what it counts.
func (s *Scene) atLeast() string {
	if s.t.Footer.Partial() {
		return "at least "
	}
	return ""
}

// typesOf counts types when they are first asked for.
func (s *Scene) typesOf() *types {
	if s.kinds == nil {
		s.kinds = s.countTypes()
	}
	return s.kinds
}

// crashText is the failure's type and message in lower case.
func (s *Scene) crashText() string {
	if s.Raise.ID == 0 {
		return ""
	}
	return strings.ToLower(s.Raise.Type() + ": " + s.Raise.Text())
}

// sameRoot says whether a call belongs to the tree that crashed.
func (s *Scene) sameRoot(c trace.Call) bool {
	if len(s.Path) == 0 {
		return true
	}
	if c.Index == 0 {
		return false
	}
	in, nodes := int8(-1), s.t.Nodes()
	root := s.Path[0].Index
	for n := c.Index; n != 0; n = nodes[n-1].Parent {
		if n == root {
			in = 1
		}
		if s.inTree[n-1] != 0 {
			in = s.inTree[n-1]
			break
		}
	}
	for n := c.Index; n != 0 && s.inTree[n-1] == 0; n = nodes[n-1].Parent {
		s.inTree[n-1] = in
	}
	return in == 1
}

// A swallowPlace is where exceptions of one type, raised at one place, were swallowed.
type swallowPlace struct {
	First trace.Swallowing
	N     int
}

// SwallowedPlaces returns the places in the order of their first swallowing,
// those of the tree that crashed first.
func (s *Scene) SwallowedPlaces() []*swallowPlace {
	type key struct {
		raised, code uint32
		line         int32
		handler      int
		kind         string
	}
	places := map[key]*swallowPlace{}
	var order []*swallowPlace
	for _, w := range s.t.Swallows() {
		first, handled := s.t.EventAt(w.Raise), s.t.EventAt(w.Handled)
		k := key{first.Code, handled.Code, first.Line, s.t.Record(int(w.Handled)).Handler(), s.t.Record(int(w.Raise)).Type()}
		if p := places[k]; p != nil {
			p.N++
			continue
		}
		places[k] = &swallowPlace{w, 1}
		order = append(order, places[k])
	}
	inTree := func(p *swallowPlace) bool { return s.sameRoot(s.t.CallOf(s.t.EventAt(p.First.Handled))) }
	sort.SliceStable(order, func(i, j int) bool { return inTree(order[i]) && !inTree(order[j]) })
	return order
}
