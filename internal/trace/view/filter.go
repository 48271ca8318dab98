package view

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A Filter selects records. Zero fields do not restrict; of those that are set
// all must hold, and of a list one entry.
type Filter struct {
	Functions []string      // qualified name, its last part, or a pattern with * and ?
	Files     []string      // path, the end of one, a directory, or a pattern with * and ?
	Modules   []string      // dotted names: app.core is app/core.py, app/core/__init__.py and what is below
	Kinds     []wire.Kind   //
	Text      string        // part of a value, a name or a message, as views write them
	Object    int           // identity: records whose values hold the object
	Calls     []int64       // records of these calls
	Records   [][2]int      // ids, from and to
	Process   int           // process id; 0 for any
	Thread    string        // its name or number
	Task      string        // name of the asyncio task
	From, To  time.Duration // since the start of tracing in the record's process; To 0 for no end
	Callers   bool          // with the calls that lead to a selected one
	Callees   bool          // with all that selected calls called
	Whole     bool          // with all other records of the selected calls
	Limit     int           // the first so many; 0 for no limit

	Done <-chan struct{} // ends the search with ErrStopped when it is closed; nil for never
}

// ErrStopped says that a search was ended before it was done.
var ErrStopped = errors.New("the search was ended before it was done")

// stride is how many records are looked at between looks at Filter.Done.
const stride = 256

func (q Filter) stopped() bool {
	select {
	case <-q.Done:
		return true
	default:
		return false
	}
}

// ParseObject reads an identity as views write it, such as #3.
func ParseObject(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "#"))
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("object %q: want an identity such as #3", s)
	}
	return n, nil
}

// Selection returns the indexes of the records that a filter selects, in order.
func (q Filter) Selection(f *Forest) ([]int, error) {
	var out []int
	clock := map[ThreadKey]int64{} // records without a time have that of the one before
	for i := range Size(f.T) {
		if i%stride == 0 && q.stopped() {
			return nil, ErrStopped
		}
		r := Record(f.T, i)
		key := ThreadKey{r.Process, r.Thread}
		clock[key] = max(clock[key], Micros(r))
		if q.matches(f, r, clock[key]) {
			out = append(out, i)
			if q.Limit > 0 && len(out) >= q.Limit && !q.widens() {
				break
			}
		}
	}
	if q.widens() {
		out = q.widen(f, out)
		if q.Limit > 0 && len(out) > q.Limit {
			out = out[:q.Limit]
		}
	}
	return out, nil
}

func (q Filter) widens() bool { return q.Callers || q.Callees || q.Whole }

func (q Filter) matches(f *Forest, r Rec, at int64) bool {
	if len(q.Kinds) > 0 && !slices.Contains(q.Kinds, r.Kind) {
		return false
	}
	if len(q.Calls) > 0 && !slices.Contains(q.Calls, r.Call) {
		return false
	}
	if len(q.Records) > 0 && !slices.ContainsFunc(q.Records, func(x [2]int) bool { return x[0] <= r.ID && r.ID <= x[1] }) {
		return false
	}
	if at < q.From.Microseconds() || (q.To > 0 && at > q.To.Microseconds()) {
		return false
	}
	return q.place(f.T, r) && q.code(r.Code) && (q.Object == 0 || recordHolds(r, q.Object)) &&
		(q.Text == "" || strings.Contains(RecordText(r, "", 100_000, IdsPlain), q.Text))
}

func (q Filter) place(t *trace.Trace, r Rec) bool {
	if q.Process != 0 && Pid(t, r.Process) != q.Process {
		return false
	}
	if q.Thread != "" && q.Thread != strconv.Itoa(r.Thread) && q.Thread != ThreadName(t, r.Process, r.Thread) {
		return false
	}
	return q.Task == "" || q.Task == t.TaskName(r)
}

func (q Filter) code(c *trace.Code) bool {
	if len(q.Functions)+len(q.Files)+len(q.Modules) == 0 {
		return true
	}
	if c == nil {
		return false
	}
	return (len(q.Functions) == 0 || slices.ContainsFunc(q.Functions, func(p string) bool { return isFunction(c.Name, p) })) &&
		(len(q.Files) == 0 || slices.ContainsFunc(q.Files, func(p string) bool { return isFile(c.File, p) })) &&
		(len(q.Modules) == 0 || slices.ContainsFunc(q.Modules, func(p string) bool { return isModule(c.File, p) }))
}

func isFunction(name, pattern string) bool {
	if name == pattern || strings.HasSuffix(name, "."+pattern) {
		return true
	}
	if !strings.ContainsAny(pattern, "*?[") {
		return false
	}
	for {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
		_, rest, more := strings.Cut(name, ".")
		if !more {
			return false
		}
		name = rest
	}
}

func isFile(file, pattern string) bool {
	p := strings.TrimSuffix(strings.TrimPrefix(pattern, "./"), "/")
	if p == "" {
		return true
	}
	if file == p || strings.HasSuffix(file, "/"+strings.TrimPrefix(p, "/")) || strings.HasPrefix(file, p+"/") || strings.Contains(file, "/"+p+"/") {
		return true
	}
	if !strings.ContainsAny(p, "*?[") {
		return false
	}
	for { // a pattern may begin at any folder
		if ok, err := path.Match(p, file); ok && err == nil {
			return true
		}
		_, rest, more := strings.Cut(file, "/")
		if !more {
			return false
		}
		file = rest
	}
}

func isModule(file, dotted string) bool {
	p := "/" + strings.ReplaceAll(dotted, ".", "/")
	file = "/" + strings.TrimSuffix(strings.TrimPrefix(file, "/"), ".py")
	return strings.HasSuffix(file, p) || strings.Contains(file, p+"/")
}

// recordHolds says whether the object is in a record's values.
func recordHolds(r Rec, id int) bool {
	return wire.AnyHolds(r.Args(), id) || wire.AnyHolds(r.Changed(), id) || wire.AnyHolds(r.Assigned(), id) || r.Value().Holds(id)
}

// widen adds callers, callees, and the other records of selected calls.
func (q Filter) widen(f *Forest, list []int) []int {
	whole := make([]bool, len(f.Nodes)) // calls all of whose records are wanted
	start := make([]bool, len(f.Nodes)) // calls whose beginning and end are
	keep := make([]bool, Size(f.T))
	for _, i := range list {
		keep[i] = true
		n := f.Find(Record(f.T, i).Call)
		if n < 0 {
			continue
		}
		whole[n] = q.Whole || q.Callees
		for c := f.Nodes[n].Parent; q.Callers && c >= 0 && !start[c]; c = f.Nodes[c].Parent {
			start[c] = true
		}
	}
	for i := range f.Nodes { // parents stand before their children
		c := &f.Nodes[i]
		if q.Callees && c.Parent >= 0 && whole[c.Parent] {
			whole[i] = true
		}
		if whole[i] || start[i] {
			for _, r := range []int32{c.Start, c.End} {
				if r >= 0 {
					keep[r] = true
				}
			}
		}
		if whole[i] {
			for _, e := range c.Events {
				keep[e] = true
			}
		}
	}
	var out []int
	for i, k := range keep {
		if k {
			out = append(out, i)
		}
	}
	return out
}
