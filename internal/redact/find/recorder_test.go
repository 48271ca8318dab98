package find

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the recorder's lists")

// recorderNames is where the recorder in production keeps its copy of the names
// whose values it must not send.
const recorderNames = "../../../sdk/python/repaird_evidence/_names.py"

func TestTheRecorderHasTheSameNames(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(recorderNames)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "# Begin of the generated lists.\n", "# End of the generated lists.\n"
	before, rest, _ := strings.Cut(string(text), begin)
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("%s has no generated lists", recorderNames)
	}
	want := before + begin + recorderLists() + end + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s does not have this package's names; run go test ./internal/redact/find -run Recorder -update", recorderNames)
	}
	if err := os.WriteFile(recorderNames, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// recorderLists are the names as Python sets. What is personal is not among them:
// it is replaced on arrival, in a form that keeps what is equal equal.
func recorderLists() string {
	var b strings.Builder
	list := func(name string, members []string) {
		fmt.Fprintf(&b, "%s = frozenset(\"\"\"\n%s\n\"\"\".split())\n", name, wrap(members))
	}
	of := func(m map[string]Sensitivity, s Sensitivity) []string {
		return slices.Sorted(func(yield func(string) bool) {
			for name, level := range m {
				if level == s && !yield(name) {
					return
				}
			}
		})
	}
	list("STRONG", of(wordSensitivity, Strong))
	pairs := of(pairSensitivity, Strong)
	for i := range pairs {
		pairs[i] = strings.ReplaceAll(pairs[i], " ", "_") // split at blanks
	}
	list("STRONG_PAIRS", pairs)
	list("WEAK", of(wordSensitivity, Weak))
	list("DESCRIBING", slices.Sorted(maps.Keys(describing)))
	return b.String()
}

// wrap puts words on lines of at most 120 columns.
func wrap(words []string) string {
	var lines []string
	line := ""
	for _, w := range words {
		if line != "" && len(line)+1+len(w) > 120 {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return strings.Join(append(lines, line), "\n")
}
