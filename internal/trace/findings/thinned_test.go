package findings_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
)

var recordLine = regexp.MustCompile(`^\{"k":"(call|ret|unwind|yield|resume|raise|pass|handled|step|br)"`)

// thinned drops the records from one on to another of a trace's lines, and says so
// as the tracer does whose ring was full: a part of the tail begins after them.
func thinned(t *testing.T, lines []string, from, to int) *trace.Trace {
	t.Helper()
	name := regexp.MustCompile(`"f":"[^"]*"`).FindString(lines[0])
	var head, tail []string
	n := 0
	for _, line := range lines {
		switch {
		case !recordLine.MatchString(line):
			if strings.HasPrefix(line, `{"k":"end"`) {
				line = regexp.MustCompile(`"dropped":\d+`).ReplaceAllString(line, fmt.Sprintf(`"dropped":%d`, to-from))
			}
			head = append(head, line)
			continue
		case n < from:
			head = append(head, line)
		case n >= to:
			tail = append(tail, line)
		}
		n++
	}
	text := strings.Join(head, "\n") + fmt.Sprintf("\n{\"k\":\"seg\",%s,\"n\":1,\"written\":%d,\"dropped\":%d}\n", name, n, to-from) + strings.Join(tail, "\n") + "\n"
	thin := tracertest.Read(t, text)
	if thin.Footer.Dropped != to-from || thin.Footer.Skipped > 0 {
		t.Fatalf("footer %+v", thin.Footer)
	}
	return thin
}

var (
	aCount         = regexp.MustCompile(`at least (\d+)`)
	swallowedWhere = regexp.MustCompile(` was raised by .*? and swallowed by (the handler at line \d+ of|code out of scope that) [\w.<>]*\w`)
	howOften       = regexp.MustCompile(` It happened .*`)

	number = regexp.MustCompile(`\d+`)
)

// supports says whether a finding of the whole trace claims what one of a thinned
// trace does: the same, or of a count at least so many.
func supports(whole, thin findings.Finding) bool {
	if whole.Kind != thin.Kind || whole.Name != thin.Name && thin.Kind != "race" && thin.Kind != "shared" {
		return false
	}
	switch thin.Kind {
	case "race": // of an object, the calls that are named are some of several
		return true
	case "swallowed": // what the last of them said, and what it led to
		said := func(text string) string {
			return swallowedWhere.FindString(text) + howOften.FindString(text)
		}
		whole.Text, thin.Text = said(whole.Text), said(thin.Text)
		if thin.Text == swallowedWhere.FindString(whole.Text) {
			return thin.Text != ""
		}
	case "recursion": // the arguments of one of them
		whole.Text, _, _ = strings.Cut(whole.Text, " (")
		thin.Text, _, _ = strings.Cut(thin.Text, " (")
	case "shared": // its content at one time and another
		by, _, changed := strings.Cut(thin.Text, " changed it")
		if changed && !strings.Contains(whole.Text, by[strings.LastIndex(by, ": ")+2:]+" changed it") {
			return false
		}
		whole.Text, _, _ = strings.Cut(whole.Text, ":")
		thin.Text, _, _ = strings.Cut(thin.Text, ":")
	}
	if whole.Text == thin.Text {
		return true
	}
	whole.Text = aCount.ReplaceAllString(whole.Text, "$1")
	bare := aCount.ReplaceAllString(thin.Text, "$1")
	if number.ReplaceAllString(whole.Text, "N") != number.ReplaceAllString(bare, "N") {
		return false
	}
	least := map[int]bool{} // places of numbers that are lower bounds
	for _, at := range aCount.FindAllStringIndex(thin.Text, -1) {
		least[len(number.FindAllString(thin.Text[:at[0]], -1))] = true
	}
	x, y := number.FindAllString(whole.Text, -1), number.FindAllString(bare, -1)
	for i := range x {
		a, _ := strconv.Atoi(x[i])
		b, _ := strconv.Atoi(y[i])
		if a != b && (!least[i] || a < b) {
			return false
		}
	}
	return true
}

// limited says whether a finding claims only what the records at hand show, or
// says itself that more is not recorded.
func limited(f findings.Finding) bool {
	for _, words := range []string{"recorded calls", "no record shows", "not recorded", "first recorded at", "as far as"} {
		if strings.Contains(f.Text, words) {
			return true
		}
	}
	// That a value equals what a call returned, what a call's end says that it
	// changed, and how often a function was called by its own count are in records
	// that are there.
	return f.Kind == "mutated" || f.Kind == "hot" || f.Kind == "chain" && strings.Contains(f.Text, " equals what ")
}

// claims are the parts of a finding that can be true by themselves: what is said
// of each argument of a crash.
func claims(f findings.Finding) []findings.Finding {
	if f.Kind != "chain" || !strings.Contains(f.Text, " raised ") {
		return []findings.Finding{f}
	}
	var out []findings.Finding
	_, text, _ := strings.Cut(f.Text, "=")
	text = f.Text[strings.LastIndexByte(f.Text[:len(f.Text)-len(text)-1], ' ')+1:]
	for _, part := range strings.Split(strings.TrimSuffix(text, "."), "; ") {
		f.Text = part
		out = append(out, f)
	}
	return out
}

func TestFindingsOfAThinnedTraceHoldForTheWholeOne(t *testing.T) {
	t.Parallel()
	p := tracertest.OnePython(t, []string{"3.11", "3.13", "3.9"})
	files, err := filepath.Glob("testdata/findings/*.py")
	if err != nil || len(files) < 15 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".py")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := corpusSession(t, p, name)
			var b bytes.Buffer
			if err := trace.Merge(&b, s); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
			records := 0
			for _, line := range lines {
				if recordLine.MatchString(line) {
					records++
				}
			}
			var whole []findings.Finding
			for _, f := range findings.Find(tracertest.Read(t, b.String())) {
				whole = append(whole, claims(f)...)
			}
			said := 0
			r := rand.New(rand.NewPCG(3, uint64(len(name))))
			for range 60 {
				from := 1 + r.IntN(records-2)
				to := from + 1 + r.IntN(records-from-1)
				for _, found := range findings.Find(thinned(t, lines, from, to)) {
					for _, f := range claims(found) {
						said++
						if !limited(f) && !slices.ContainsFunc(whole, func(w findings.Finding) bool { return supports(w, f) }) {
							t.Errorf("without the records from %d to %d of %d: %s %q\nof the whole trace: %+v", from, to, records, f.Kind, f.Text, whole)
						}
					}
				}
			}
			if said == 0 && !strings.HasPrefix(name, "healthy") && name != "wrong_order" && name != "lost_copy" && name != "stale_cache" {
				t.Error("nothing was claimed of any thinned trace")
			}
		})
	}
}
