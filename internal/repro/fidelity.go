package repro

import (
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
)

// Fidelity scores from 0 to 1 how close the test's failure is to production's.
// The score is the weighted mean of the parts; a part about which the event
// says nothing is -1 and does not count.
type Fidelity struct {
	Score   float64 `json:"score"`
	Type    float64 `json:"type"`    // weight 0.3: exception type, 1 or 0
	Message float64 `json:"message"` // weight 0.2: 1 when the masked messages agree, else 0.8 × the share of words they have in common
	Path    float64 `json:"path"`    // weight 0.3: how much of production's in-app frame path the failure went through, half by function, half by line
	Locals  float64 `json:"locals"`  // weight 0.2: share of the crash frame's recorded locals that were the same
}

// Weights of the parts. Type and path identify the failure; message and locals
// say how exactly it matches.
const (
	weightType    = 0.3
	weightMessage = 0.2
	weightPath    = 0.3
	weightLocals  = 0.2
)

// fidelity compares a test's failure with the event. frames are the event's
// mapped in-app frames, outermost first.
func fidelity(x *incident.Exception, frames []language.Frame, o testrun.Outcome) Fidelity {
	f := Fidelity{Path: framePath(frames, o.Frames), Message: messageLikeness(x.Message, o.Message), Locals: -1}
	if incident.BareName(x.Type) == o.Type {
		f.Type = 1
	}
	if n := len(frames); n > 0 && frames[n-1].HasVars {
		f.Locals = localsLikeness(frames[n-1].Locals, crashLocals(o.Frames))
	}
	sum, weight := 0.0, 0.0
	for _, part := range []struct{ value, weight float64 }{
		{f.Type, weightType}, {f.Message, weightMessage}, {f.Path, weightPath}, {f.Locals, weightLocals},
	} {
		if part.value >= 0 {
			sum += part.value * part.weight
			weight += part.weight
		}
	}
	f.Score = sum / weight
	return f
}

func messageLikeness(a, b string) float64 {
	a, b = incident.MaskMessage(a), incident.MaskMessage(b)
	if a == b {
		return 1
	}
	x, y := map[string]bool{}, map[string]bool{}
	for _, w := range strings.Fields(a) {
		x[w] = true
	}
	common := 0
	for _, w := range strings.Fields(b) {
		if !y[w] && x[w] {
			common++
		}
		y[w] = true
	}
	if all := len(x) + len(y) - common; all > 0 {
		return 0.8 * float64(common) / float64(all)
	}
	return 0
}

// A step of a frame path.
type step struct {
	file, function string
	line           int
}

// steps folds frames to a path; a recursion's repeated frames are one step,
// because its depth is arbitrary.
func steps(frames []incident.Frame, paths []string) []step {
	var made []step
	for i, f := range frames {
		if paths[i] == "" {
			continue
		}
		s := step{paths[i], incident.BareName(f.Function), f.Line}
		if n := len(made); n > 0 && made[n-1] == s {
			continue
		}
		made = append(made, s)
	}
	const bound = 400 // folded steps; the middle of a mutual recursion says nothing
	if len(made) > bound {
		made = append(made[:bound/2:bound/2], made[len(made)-bound/2:]...)
	}
	return made
}

func framePath(frames []language.Frame, failure []incident.Frame) float64 {
	var want, got []incident.Frame
	var wantPaths, gotPaths []string
	for _, f := range frames {
		want, wantPaths = append(want, f.Frame), append(wantPaths, f.Path)
	}
	for _, f := range failure {
		p := ""
		if f.InApp {
			p = f.File
		}
		got, gotPaths = append(got, f), append(gotPaths, p)
	}
	a, b := steps(want, wantPaths), steps(got, gotPaths)
	if len(a) == 0 {
		return -1
	}
	byLine := common(a, b, func(x, y step) bool { return x == y })
	byFunction := common(fold(a), fold(b), func(x, y step) bool { return x.file == y.file && x.function == y.function })
	return 0.5*byLine/float64(len(a)) + 0.5*byFunction/float64(len(fold(a)))
}

// fold merges neighbouring steps in one function.
func fold(steps []step) []step {
	var made []step
	for _, s := range steps {
		if n := len(made); n > 0 && made[n-1].file == s.file && made[n-1].function == s.function {
			continue
		}
		made = append(made, s)
	}
	return made
}

// common is the length of the longest common subsequence.
func common(a, b []step, same func(x, y step) bool) float64 {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if same(x, y) {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			diagonal = above
		}
	}
	return float64(row[len(b)])
}

// crashLocals are the locals of the innermost frame of the tree.
func crashLocals(frames []incident.Frame) map[string]incident.Value {
	for i := len(frames) - 1; i >= 0; i-- {
		if frames[i].InApp {
			found := map[string]incident.Value{}
			for _, v := range frames[i].Locals {
				found[v.Name] = v.Value
			}
			return found
		}
	}
	return nil
}

// localsLikeness is the share of comparable recorded locals that are equal, -1
// when none can be compared.
func localsLikeness(recorded []incident.Variable, now map[string]incident.Value) float64 {
	same, all := 0, 0
	for _, v := range recorded {
		plain := v.Value.Plain()
		if plain.Filtered || plain.Trimmed && plain.Repr == "" && plain.Kind == incident.KindRepr || strings.HasPrefix(v.Name, "__") {
			continue
		}
		all++
		if other, ok := now[v.Name]; ok && equalValues(v.Value, other, 0) {
			same++
		}
	}
	if all == 0 {
		return -1
	}
	return float64(same) / float64(all)
}

var address = regexp.MustCompile(`0x[0-9a-fA-F]+`)

// maxValueDepth limits how deep two values are compared.
const maxValueDepth = 30

// ordered is a set's items in an order of their own: theirs differs from process to
// process.
func ordered(items []incident.Value) []incident.Value {
	return slices.SortedStableFunc(slices.Values(items), func(a, b incident.Value) int {
		return strings.Compare(a.Text(3, 20), b.Text(3, 20))
	})
}

// equalValues compares a recorded value with a live one. A value that the SDK
// truncated is compared as far as it goes; addresses are ignored.
func equalValues(a, b incident.Value, depth int) bool {
	a = a.Plain()
	a.Trimmed = a.Trimmed || a.Suspect
	if depth > maxValueDepth {
		return true
	}
	if a.Kind != b.Kind {
		// Below the SDK's depth a container is recorded as its repr.
		return a.Trimmed || b.Trimmed
	}
	switch a.Kind {
	case incident.KindList:
		if len(a.Items) != len(b.Items) && !a.Trimmed && !b.Trimmed {
			return false
		}
		x, y := a.Items, b.Items
		if a.Type == "set" || a.Type == "frozenset" {
			x, y = ordered(x), ordered(y)
		}
		for i := range min(len(x), len(y)) {
			if !equalValues(x[i], y[i], depth+1) {
				return false
			}
		}
		return true
	case incident.KindDict:
		now := map[string]incident.Value{}
		for _, f := range b.Fields {
			now[strings.Trim(f.Name, `'"`)] = f.Value
		}
		if len(a.Fields) != len(b.Fields) && !a.Trimmed && !b.Trimmed {
			return false
		}
		for _, f := range a.Fields {
			other, ok := now[strings.Trim(f.Name, `'"`)]
			if !ok && !b.Trimmed || ok && !equalValues(f.Value, other, depth+1) {
				return false
			}
		}
		return true
	}
	x, y := address.ReplaceAllString(a.Repr, "0x"), address.ReplaceAllString(b.Repr, "0x")
	if a.Trimmed || b.Trimmed {
		x, y = strings.TrimSuffix(x, "..."), strings.TrimSuffix(y, "...")
		n := min(len(x), len(y))
		return x[:n] == y[:n]
	}
	return x == y
}
