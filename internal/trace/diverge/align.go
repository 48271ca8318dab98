package diverge

import (
	"hash/maphash"

	"github.com/repaird/repaird/internal/trace"
)

// maxEdits bounds how far apart two lists of calls may be that are aligned: what
// is further apart is aligned one by one.
const maxEdits = 400

// A pair is two calls that stand for one another, or one that only one run made.
type pair struct{ red, green trace.Call }

// align pairs the calls that two calls made. Lists of the same functions in
// the same order are paired one by one. Others are aligned with as few calls
// left over as can be: first those with equal arguments, then, between them,
// those of one function.
func (d *differ) align(reds, greens []trace.Call) []pair {
	if len(reds) == len(greens) {
		same := true
		for i := range reds {
			same = same && sameCode(reds[i], greens[i])
		}
		if same {
			out := make([]pair, len(reds))
			for i := range reds {
				out[i] = pair{reds[i], greens[i]}
			}
			return out
		}
	}
	var out []pair
	a, b := d.keys(reds, true), d.keys(greens, true)
	i, j := 0, 0
	between := func(toRed, toGreen int) {
		x, y := d.keys(reds[i:toRed], false), d.keys(greens[j:toGreen], false)
		k, l := 0, 0
		for _, m := range append(matches(x, y), [2]int{len(x), len(y)}) {
			for ; k < m[0]; k++ {
				out = append(out, pair{red: reds[i+k]})
			}
			for ; l < m[1]; l++ {
				out = append(out, pair{green: greens[j+l]})
			}
			if k < len(x) && l < len(y) {
				out = append(out, pair{reds[i+k], greens[j+l]})
			}
			k, l = k+1, l+1
		}
	}
	for _, m := range matches(a, b) {
		between(m[0], m[1])
		out = append(out, pair{reds[m[0]], greens[m[1]]})
		i, j = m[0]+1, m[1]+1
	}
	between(len(reds), len(greens))
	return out
}

// keys hash calls by their function, and, where they are to be told apart by
// them, by their arguments without identities and noise.
func (d *differ) keys(calls []trace.Call, args bool) []uint64 {
	out := make([]uint64, len(calls))
	var h maphash.Hash
	h.SetSeed(d.seed)
	for i, c := range calls {
		h.Reset()
		code := c.Code()
		_, _ = h.WriteString(code.Name + "\x00" + baseName(code.File))
		if args && d.comparisons > 0 {
			d.comparisons--
			for _, a := range c.Start().Args() {
				_, _ = h.WriteString("\x00" + a.Name + "=" + withoutNoise(a.Value.Plain()))
			}
		}
		out[i] = h.Sum64()
	}
	return out
}

// matches returns the pairs of indices of a longest common sequence of a and
// b: what they begin and end with, and between them by the algorithm of Myers,
// "An O(ND) Difference Algorithm and Its Variations", within maxEdits.
func matches(a, b []uint64) [][2]int {
	var out [][2]int
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		out = append(out, [2]int{from, from})
		from++
	}
	tail := 0
	for tail < len(a)-from && tail < len(b)-from && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	for _, m := range shortest(a[from:len(a)-tail], b[from:len(b)-tail]) {
		out = append(out, [2]int{m[0] + from, m[1] + from})
	}
	for ; tail > 0; tail-- {
		out = append(out, [2]int{len(a) - tail, len(b) - tail})
	}
	return out
}

// shortest finds the matches of a shortest edit of a into b, those that it met
// where that takes more than maxEdits.
func shortest(a, b []uint64) [][2]int {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	limit := min(len(a)+len(b), maxEdits)
	reach := make([]int, 2*limit+3) // furthest index of a on each diagonal
	var trail [][]int
	mid := limit + 1
	for n := 0; n <= limit; n++ {
		trail = append(trail, append([]int(nil), reach[mid-n-1:mid+n+2]...))
		for k := -n; k <= n; k += 2 {
			x := reach[mid+k-1] + 1
			if k == -n || k != n && reach[mid+k-1] < reach[mid+k+1] {
				x = reach[mid+k+1]
			}
			y := x - k
			for x < len(a) && y < len(b) && a[x] == b[y] {
				x, y = x+1, y+1
			}
			reach[mid+k] = x
			if x >= len(a) && y >= len(b) {
				return walkBack(trail, n, k, x)
			}
		}
	}
	return greedy(a, b)
}

// walkBack reads the matches off the trail of shortest, last first.
func walkBack(trail [][]int, n, k, x int) [][2]int {
	var out [][2]int
	for ; n >= 0; n-- {
		before := trail[n] // reach before round n, of the diagonals -n-1 to n+1
		at := func(k int) int { return before[k+n+1] }
		from, down := at(k-1)+1, k-1
		if k == -n || k != n && at(k-1) < at(k+1) {
			from, down = at(k+1), k+1
		}
		if n == 0 {
			from = 0
		}
		for x > from {
			x--
			out = append(out, [2]int{x, x - k})
		}
		if down < k {
			x--
		}
		k = down
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// greedy matches each of a with the next of b that is equal.
func greedy(a, b []uint64) [][2]int {
	places := map[uint64][]int{}
	for j, key := range b {
		places[key] = append(places[key], j)
	}
	var out [][2]int
	next := 0
	for i, key := range a {
		list := places[key]
		for len(list) > 0 && list[0] < next {
			list = list[1:]
		}
		if places[key] = list; len(list) > 0 && list[0]-next <= maxEdits {
			out = append(out, [2]int{i, list[0]})
			next = list[0] + 1
		}
	}
	return out
}
