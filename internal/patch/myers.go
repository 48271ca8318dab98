package patch

// A span is one run of changed lines: old[oldStart:oldEnd] became
// new[newStart:newEnd]. Numbers count from 0; between two spans lies at least
// one unchanged line.
type span struct{ oldStart, oldEnd, newStart, newEnd int }

// maxEffort limits the comparison's work; texts that differ in more lines than
// this count as one change from first to last difference. A patch within the
// policy's limits stays far below.
const maxEffort = 1500

// spans compares two texts line by line with Myers' greedy algorithm ("An
// O(ND) Difference Algorithm and Its Variations", Algorithmica 1, 1986), after
// cutting off what they share at both ends.
func spans(a, b []string) []span {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	ea, eb := len(a), len(b)
	for ea > head && eb > head && a[ea-1] == b[eb-1] {
		ea--
		eb--
	}
	if ea == head && eb == head {
		return nil
	}
	if ea == head || eb == head {
		return []span{{head, ea, head, eb}}
	}
	edits := myers(a[head:ea], b[head:eb])
	if edits == nil {
		return []span{{head, ea, head, eb}}
	}
	for i := range edits {
		edits[i].oldStart += head
		edits[i].oldEnd += head
		edits[i].newStart += head
		edits[i].newEnd += head
	}
	return edits
}

// myers returns the changes of a shortest edit script, nil when it would take
// more than maxEffort steps.
func myers(a, b []string) []span {
	n, m := len(a), len(b)
	limit := min(n+m, maxEffort)
	// furthest[d][k+d] is the furthest x on diagonal k = x-y after d edits.
	var furthest [][]int
	for d := 0; d <= limit; d++ {
		row := make([]int, 2*d+1)
		for k := -d; k <= d; k += 2 {
			x := step(furthest, d, k)
			y := x - k
			for x < n && y < m && a[x] == b[y] {
				x++
				y++
			}
			row[k+d] = x
			if x >= n && y >= m {
				furthest = append(furthest, row)
				return backtrack(furthest, n, m)
			}
		}
		furthest = append(furthest, row)
	}
	return nil
}

// step returns where edit d enters diagonal k, before following equal lines.
func step(furthest [][]int, d, k int) int {
	if d == 0 {
		return 0
	}
	prev := func(k int) int { return furthest[d-1][k+d-1] }
	if k == -d || (k != d && prev(k-1) < prev(k+1)) {
		return prev(k + 1) // down: a line of b is inserted
	}
	return prev(k-1) + 1 // right: a line of a is deleted
}

func backtrack(furthest [][]int, n, m int) []span {
	var reversed []span
	x, y := n, m
	for d := len(furthest) - 1; d > 0; d-- {
		k := x - y
		fromK := k - 1
		if k == -d || (k != d && furthest[d-1][k-1+d-1] < furthest[d-1][k+1+d-1]) {
			fromK = k + 1
		}
		px := furthest[d-1][fromK+d-1]
		py := px - fromK
		// the edit goes from (px,py) to its end, then equal lines follow to (x,y)
		s := span{px, px, py, py}
		if fromK == k+1 {
			s.newEnd++
		} else {
			s.oldEnd++
		}
		if last := len(reversed) - 1; last >= 0 && reversed[last].oldStart == s.oldEnd && reversed[last].newStart == s.newEnd {
			reversed[last].oldStart, reversed[last].newStart = s.oldStart, s.newStart
		} else {
			reversed = append(reversed, s)
		}
		x, y = px, py
	}
	out := make([]span, len(reversed))
	for i, s := range reversed {
		out[len(reversed)-1-i] = s
	}
	return out
}
