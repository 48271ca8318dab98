package view

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// maxPeriod is how many calls a loop may make in turn to be recognised.
const maxPeriod = 6

// A run is siblings that follow one another: times repetitions of period
// calls that look alike.
type run struct {
	From, Period, Times int
}

// Runs splits siblings into runs. What is repeated so many times in a row, or
// more often, is folded; all else is a run of one call, once.
func (f *Forest) Runs(list []int32, least int) []run {
	var out []run
	for i := 0; i < len(list); {
		best := run{i, 1, 1}
		for period := 1; period <= maxPeriod && i+period*least <= len(list); period++ {
			times := 1
			for f.alike(list, i, i+times*period, period) {
				times++
			}
			if times >= least && times*period > best.Times*best.Period {
				best = run{i, period, times}
			}
		}
		out = append(out, best)
		i += best.Period * best.Times
	}
	return out
}

func (f *Forest) alike(list []int32, a, b, n int) bool {
	if b+n > len(list) {
		return false
	}
	for k := range n {
		if f.Nodes[list[a+k]].shape != f.Nodes[list[b+k]].shape {
			return false
		}
	}
	return true
}

// fold gives calls their shapes: function, exceptions, and the shapes of the
// calls below with repetitions counted as one. Values are not part of it.
func (f *Forest) fold() {
	seed := maphash.MakeSeed()
	codes := map[*trace.Code]uint64{}
	var h maphash.Hash
	h.SetSeed(seed)
	put := func(n uint64) { Put64(&h, n) }
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		c := &f.Nodes[i]
		h.Reset()
		if _, ok := codes[c.Code]; !ok {
			codes[c.Code] = uint64(len(codes))
		}
		put(codes[c.Code])
		f.endShape(c, put, &h)
		last, before := uint64(0), uint64(0)
		for _, k := range c.Kids {
			s := f.Nodes[k].shape
			if s == last || s == before { // a loop over one or two calls
				continue
			}
			before, last = last, s
			put(s)
		}
		c.shape = h.Sum64()
	}
}

// endShape adds how a call ended and what was raised in it.
func (f *Forest) endShape(c *Node, put func(uint64), h *maphash.Hash) {
	if c.Start < 0 || c.End < 0 {
		put(1)
	}
	for _, e := range c.Events {
		switch r := Record(f.T, int(e)); r.Kind {
		case wire.KindRaise:
			_, _ = h.WriteString("raise " + r.Type())
			put(uint64(r.Line))
		case wire.KindHandled:
			_, _ = h.WriteString("handled " + r.Outcome())
			put(uint64(r.Handler()))
		}
	}
	if c.End >= 0 {
		r := Record(f.T, int(c.End))
		if r.Kind == wire.KindUnwind {
			_, _ = h.WriteString("unwind " + r.Type())
			if x, ok := f.Left(c); ok {
				_, _ = h.WriteString(x.Type())
			}
		}
		for _, v := range r.Changed() {
			_, _ = h.WriteString("*" + v.Name)
		}
	}
}

// Put64 hashes a number.
func Put64(h *maphash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	_, _ = h.Write(b[:])
}
