package behaviour

import "slices"

// A Weight is what the rules find in one candidate's answers, before anybody
// judges it.
type Weight struct {
	Breaks  string   // the ground preserved, where it rejects: what calls that base answers say against the candidate; "" nothing
	Lowers  []string // names of the other grounds that speak against it
	Kept    int      // calls that base answers, and that the candidate answers the same
	Changed int      // and those that it answers otherwise, or not
	Healed  int      // calls that fail on base as the failing one does, and that it answers
	Still   int      // and those that still fail so
	Witness bool     // it answers other forms of an answered input like that input
	Digest  string   // equal for candidates that answer alike; "" where nothing is comparable
}

// Weigh applies the rules to one candidate's answers. What only says that
// little was asked does not lower: all candidates are asked the same.
func Weigh(s Sides) Weight {
	var w Weight
	for _, g := range Compare(s) {
		switch {
		case g.Effect == Rejects && g.Name == "preserved":
			w.Breaks = g.Evidence
		case (g.Effect == Rejects || g.Effect == Lowers) && !slices.Contains([]string{"few", "incomparable", "observed"}, g.Name):
			w.Lowers = append(w.Lowers, g.Name)
		case g.Effect == Supports && g.Name == "witness":
			w.Witness = true
		}
	}
	fails := comparison{Sides: s, pairs: []pair{{}}}
	for i := range min(len(s.Base), len(s.Head)) {
		if i == 0 {
			fails.pairs[0].base = s.Base[0]
		}
		switch {
		case !Comparable(s.Head[i]):
		case fails.failedAlike(s.Base[i]) && Answered(s.Head[i]):
			w.Healed++
		case fails.failedAlike(s.Base[i]) && fails.failedAlike(s.Head[i]):
			w.Still++
		case !Answered(s.Base[i]):
		case Same(s.Base[i], s.Head[i]):
			w.Kept++
		default:
			w.Changed++
		}
	}
	if slices.ContainsFunc(s.Head, Comparable) {
		w.Digest = Digest(s.Head)
	}
	return w
}
