package page

import (
	"hash/maphash"

	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/view"
)

// A pageCompare is two forests aligned. Pairs stand in columns; a pair whose
// subtrees are equal has none below it: their calls match one by one.
type pageCompare struct {
	Parent []int32 `json:"parent"` // pair, -1 for a root
	Red    []int32 `json:"red"`    // call, -1 for none
	Green  []int32 `json:"green"`
	Status []int   `json:"status"` // see below
	First  int     `json:"first"`  // the pair in which the runs part, -1 for none
	Text   string  `json:"text"`   // says how
	Cut    bool    `json:"cut"`    // not all was compared
}

const (
	pairEqual  = iota // with all below
	pairBelow         // they differ below
	pairDiffer        // in arguments, results or exceptions
	pairRed           // only red made the call
	pairGreen
)

const (
	maxPairs = 300_000
	maxTable = 4_000_000 // entries of the table that aligns siblings
)

type aligner struct {
	red, green *view.Forest
	rh, gh     []uint64 // of subtrees, with values
	ro, go_    []uint64 // of the calls themselves
	out        *pageCompare
}

func compare(red, green *view.Forest) *pageCompare {
	seed := maphash.MakeSeed()
	a := &aligner{red: red, green: green, out: &pageCompare{First: -1, Parent: []int32{}, Red: []int32{}, Green: []int32{}, Status: []int{}}}
	a.rh, a.ro = digests(red, seed)
	a.gh, a.go_ = digests(green, seed)
	a.siblings(-1, red.Roots, green.Roots, 0)
	d := diverge.Compare(red.T, green.T, card.Options{Root: view.CommonRoot(red.T)})
	a.first(d)
	return a.out
}

// digests hash calls, by themselves and with what is below them, by values
// without identities.
func digests(f *view.Forest, seed maphash.Seed) (trees, own []uint64) {
	trees, own = make([]uint64, len(f.Nodes)), make([]uint64, len(f.Nodes))
	var h maphash.Hash
	h.SetSeed(seed)
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		c := &f.Nodes[i]
		h.Reset()
		_, _ = h.WriteString(siblingKey(c))
		if c.Start >= 0 {
			_, _ = h.WriteString(view.Vars(view.Record(f.T, int(c.Start)).Args(), 2000, view.IdsNone))
		}
		if c.End >= 0 {
			r := view.Record(f.T, int(c.End))
			_, _ = h.WriteString("→" + view.Text(r.Value(), 1000, view.IdsNone) + string(r.Kind) + view.Vars(r.Changed(), 2000, view.IdsNone))
			if x, ok := f.Left(c); ok {
				_, _ = h.WriteString(view.ExceptionText(x))
			}
		}
		own[i] = h.Sum64()
		for _, k := range c.Kids {
			view.Put64(&h, trees[k])
		}
		trees[i] = h.Sum64()
	}
	return trees, own
}

// siblingKey is what calls of two runs have in common: lines move with the
// patch, and so may the tree's place.
func siblingKey(c *view.Node) string { return c.Code.Name + "\x00" + view.Base(c.Code.File) }

func (a *aligner) pair(parent, r, g int32, depth int) {
	if len(a.out.Parent) >= maxPairs {
		a.out.Cut = true
		return
	}
	status := pairBelow
	switch {
	case g < 0:
		status = pairRed
	case r < 0:
		status = pairGreen
	case a.rh[r] == a.gh[g]:
		status = pairEqual
	case a.ro[r] != a.go_[g]:
		status = pairDiffer
	}
	n := int32(len(a.out.Parent))
	a.out.Parent = append(a.out.Parent, parent)
	a.out.Red, a.out.Green, a.out.Status = append(a.out.Red, r), append(a.out.Green, g), append(a.out.Status, status)
	if status == pairBelow || status == pairDiffer {
		a.siblings(n, a.red.Nodes[r].Kids, a.green.Nodes[g].Kids, depth+1)
	}
}

const maxAlignDepth = 2000

// siblings aligns two lists of calls: first what they begin and end with, then
// the longest common sequence of the rest.
func (a *aligner) siblings(parent int32, red, green []int32, depth int) {
	if depth > maxAlignDepth {
		a.out.Cut = true
		return
	}
	same := func(r, g int32) bool { return siblingKey(&a.red.Nodes[r]) == siblingKey(&a.green.Nodes[g]) }
	for len(red) > 0 && len(green) > 0 && same(red[0], green[0]) {
		a.pair(parent, red[0], green[0], depth)
		red, green = red[1:], green[1:]
	}
	n := 0
	for n < len(red) && n < len(green) && same(red[len(red)-1-n], green[len(green)-1-n]) {
		n++
	}
	a.middle(parent, red[:len(red)-n], green[:len(green)-n], depth, same)
	for ; n > 0; n-- {
		a.pair(parent, red[len(red)-n], green[len(green)-n], depth)
	}
}

func (a *aligner) middle(parent int32, red, green []int32, depth int, same func(r, g int32) bool) {
	if len(red)*len(green) > maxTable || len(red) == 0 || len(green) == 0 {
		for _, r := range red {
			a.pair(parent, r, -1, depth)
		}
		for _, g := range green {
			a.pair(parent, -1, g, depth)
		}
		return
	}
	// table[i][j] is the length of the longest common sequence of red[i:] and green[j:].
	wide := len(green) + 1
	table := make([]int32, (len(red)+1)*wide)
	for i := len(red) - 1; i >= 0; i-- {
		for j := len(green) - 1; j >= 0; j-- {
			if same(red[i], green[j]) {
				table[i*wide+j] = table[(i+1)*wide+j+1] + 1
			} else {
				table[i*wide+j] = max(table[(i+1)*wide+j], table[i*wide+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(red) || j < len(green) {
		switch {
		case i < len(red) && j < len(green) && same(red[i], green[j]):
			a.pair(parent, red[i], green[j], depth)
			i, j = i+1, j+1
		case j >= len(green) || i < len(red) && table[(i+1)*wide+j] >= table[i*wide+j+1]:
			a.pair(parent, red[i], -1, depth)
			i++
		default:
			a.pair(parent, -1, green[j], depth)
			j++
		}
	}
}

// first finds the pair in which the runs part.
func (a *aligner) first(d diverge.Divergence) {
	if d.Found {
		a.out.Text = "The runs part: another " + view.Visible(view.DivergedBy(d.Kind)) + view.DivergedIn(d) + "."
		for _, c := range d.Changed[:min(len(d.Changed), 4)] {
			a.out.Text += "  " + view.Visible(c.Name) + ": " + view.Cut(view.Visible(c.Red), 200) + " | " + view.Cut(view.Visible(c.Green), 200)
		}
		r, g := int32(-1), int32(-1)
		if d.RedCall != nil {
			r = a.red.Find(d.RedCall.Call)
		}
		if d.GreenCall != nil {
			g = a.green.Find(d.GreenCall.Call)
		}
		for i := range a.out.Red {
			if (r >= 0 && a.out.Red[i] == r) || (r < 0 && g >= 0 && a.out.Green[i] == g) {
				a.out.First = i
				return
			}
		}
	} else {
		a.out.Text = view.Visible(d.Text)
	}
	for i, s := range a.out.Status {
		if s >= pairDiffer {
			a.out.First = i
			return
		}
	}
}
