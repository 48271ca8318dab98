package findings

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// An objectWrite is a call that changed its object, as its end shows.
type objectWrite struct {
	start, end int32
	thread     uint16
}

// overlaps finds objects that a method changed in one thread while a method of
// another thread that changes them too was under way, of objects without a
// lock: what the one had read was old when it wrote.
func (s *Scene) overlaps() []Finding {
	threads := false
	for i := range s.t.Processes {
		threads = threads || len(s.t.Processes[i].Threads) > 1
	}
	if !threads {
		return nil
	}
	last := map[[2]int][2]objectWrite{} // process and identity → the last changes of two threads, the newer first
	done := map[uint32]bool{}
	var out []Finding
	for id, e := range s.t.EventsOf(wire.EventReturn, wire.EventUnwind) {
		b := s.t.BodyOf(e)
		if !b.Contains(`"m":[["self",`) || done[e.Code] {
			continue
		}
		c := s.t.CallOf(e)
		start := c.Node().Start
		if start == 0 {
			continue
		}
		for _, m := range s.values.Vars(b, "m") {
			if m.Name != "self" || m.Value.ID == 0 || guarded(&m.Value) {
				continue
			}
			key := [2]int{int(e.Proc), m.Value.ID}
			w := objectWrite{start, id, s.t.EventAt(start).Thread}
			before := last[key]
			other := before[0]
			if other.end != 0 && other.thread == w.thread {
				other = before[1]
			} else {
				before[1] = before[0]
			}
			before[0] = w
			last[key] = before
			if other.end > w.start && other.thread != w.thread {
				done[e.Code] = true
				out = append(out, s.overlap(c, id, other, m.Value.ID))
			}
			break
		}
	}
	return out
}

// guarded says whether an object has a lock of its own.
func guarded(v *wire.Value) bool {
	for i := range v.Fields {
		switch v.Fields[i].Value.Type {
		case "lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Queue", "deque", "SimpleQueue":
			return true
		}
		if strings.Contains(strings.ToLower(v.Fields[i].Name), "lock") || strings.Contains(strings.ToLower(v.Fields[i].Name), "mutex") {
			return true
		}
	}
	return strings.HasSuffix(v.Module, "threading") || v.Module == "queue" || v.Cut // it may be among what is not shown
}

func (s *Scene) overlap(c trace.Call, id int32, other objectWrite, object int) Finding {
	r, o := s.t.Record(int(id)), s.t.Record(int(other.end))
	weight := 0.42
	if s.inCrashOf(int(id), object) && int(id) < s.Raise.ID {
		weight = 0.7
	}
	change := func(r trace.Record) string {
		return fmt.Sprintf("%s → %s", wire.CutText(argText(s.t.Call(r.Call).Start().Args(), "self"), 100), wire.CutText(argText(r.Changed(), "self"), 100))
	}
	return Finding{Kind: "race", Records: uniqueInts([]int{int(other.start), o.ID, c.Start().ID, r.ID}), File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
		Text: fmt.Sprintf("%s in %s and %s in %s changed one object at the same time, without a lock in it: %s; and %s.", r.Code.Name, s.threadName(r.Process, int(s.t.EventAt(int32(c.Start().ID)).Thread)),
			o.Code.Name, s.threadName(r.Process, int(other.thread)), change(r), change(o))}
}

// threadName names a thread of a process.
func (s *Scene) threadName(process, thread int) string {
	if process < len(s.t.Processes) && thread < len(s.t.Processes[process].Threads) && s.t.Processes[process].Threads[thread] != "" {
		return "thread " + wire.OneLine(s.t.Processes[process].Threads[thread])
	}
	return fmt.Sprintf("thread %d", thread)
}
