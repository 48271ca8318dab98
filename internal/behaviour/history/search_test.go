package history_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/behaviour/history"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
)

// A line is a history, newest first: a letter for what the call does on a
// commit. f fails as the incident did, a answers, d answers differently, x
// fails differently, u cannot be read, s swallows the incident's exception and
// answers, r fails because it raises the exception itself. A dot after the letter says that the
// commit changed nothing that the call runs.
type line struct {
	t       *testing.T
	commits []history.Commit
	letters map[string]byte
	mu      sync.Mutex
	asked   []string // commits, in order
}

func lineOf(t *testing.T, letters string) *line {
	l := &line{t: t, letters: map[string]byte{}}
	for i := 0; i < len(letters); i++ {
		c := history.Commit{ID: fmt.Sprintf("%02d", len(l.commits)), Subject: "change", Time: time.Unix(0, 0), Changed: []string{"code"}}
		l.letters[c.ID] = letters[i]
		if i+1 < len(letters) && letters[i+1] == '.' {
			c.Changed = []string{"notes"}
			i++
		}
		l.commits = append(l.commits, c)
	}
	return l
}

func (l *line) Commits(_ context.Context, n int) ([]history.Commit, error) {
	return l.commits[:min(n, len(l.commits))], nil
}

func (l *line) Tree(_ context.Context, c history.Commit) (string, func(), error) {
	if l.letters[c.ID] == 'u' {
		return "", nil, errors.New("cannot be read")
	}
	dir := filepath.Join(l.t.TempDir(), c.ID)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	source := c.ID
	if l.letters[c.ID] == 'r' {
		source = "if code not in TABLE: raise shop.Error(code)\n"
	}
	return dir, func() {}, os.WriteFile(filepath.Join(dir, "code"), []byte(source), 0o644)
}

var fails = language.Answer{End: language.Raised, Type: "shop.Error", Message: "no rate 7", Raised: language.Place{Path: "code", Function: "rate", Line: 1}, Lines: map[string][]int{"code": {1}}}

// Answers implements language.Prober.
func (l *line) Answers(_ context.Context, p language.Probe, calls []language.Call) ([]language.Answer, error) {
	id := filepath.Base(p.Tree)
	l.mu.Lock()
	l.asked = append(l.asked, id)
	l.mu.Unlock()
	answer := map[byte]language.Answer{
		'f': fails, 'r': fails,
		'a': {End: language.Returned, Type: "int", Value: "7", Lines: fails.Lines},
		'd': {End: language.Returned, Type: "int", Value: "8", Lines: fails.Lines},
		's': {End: language.Returned, Type: "int", Value: "7", Lines: fails.Lines, Handled: []language.Handling{{Type: "shop.Error"}}},
		'x': {End: language.Raised, Type: "ImportError", Message: "no module"},
	}[l.letters[id]]
	answers := make([]language.Answer, len(calls))
	for i := range answers {
		answers[i] = answer
	}
	return answers, nil
}

// Run implements language.Session: no suite can be run.
func (l *line) Run(context.Context, testrun.Request) (*testrun.Result, error) {
	return nil, errors.New("no sandbox")
}

func (l *line) search() history.Search {
	return history.Search{
		Prober: asks{l, nil}, Session: runs{l, nil}, Source: l,
		Near:      &language.Neighbourhood{Calls: []language.Call{{Shown: "rate(7)"}}, Answers: []language.Answer{fails}},
		Signature: incident.Signature{Type: "Error", File: "code", Function: "rate", Message: "no rate <num>"},
	}
}

type asks struct {
	*line
	language.Prober
}

func (a asks) Answers(ctx context.Context, p language.Probe, calls []language.Call) ([]language.Answer, error) {
	return a.line.Answers(ctx, p, calls)
}

type runs struct {
	*line
	language.Session
}

func (r runs) Run(ctx context.Context, q testrun.Request) (*testrun.Result, error) {
	return r.line.Run(ctx, q)
}

func TestTheCommitThatBrokeACallIsFound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		line    string
		broke   string // "" unknown
		agree   string
		tried   int
		skipped int
	}{
		{"the incident's own commit", "faaa", "00", "01 02 03", 3, 0},
		{"an earlier one", "ffffffaaa", "05", "06 07 08", 7, 0},
		{"one of many", strings.Repeat("f", 60) + strings.Repeat("a", 100), "59", "60 61 64", 13, 0},
		{"commits that change nothing that the call runs are passed over", "f" + strings.Repeat("f.", 60) + "fa" + strings.Repeat("a.", 20) + "a", "61", "62 63 64", 5, 0},
		{"the cause is in a file that the call does not run", "f.f.f.f.a.a.a.", "03", "04 05 06", 6, 0},
		{"an ancestor that alone answers so", "fada", "00", "01", 2, 0},
		{"ancestors that agree after an earlier change", "faadda", "00", "01 02", 3, 0},
		{"a commit that cannot be run is passed over", "fxaa", "", "02 03", 3, 1},
		{"a commit that cannot be read is passed over", "fuaaa", "", "02 03 04", 4, 1},
		{"a commit that cannot be run may be beside the change", "fxfaaa", "02", "03 04 05", 5, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lineOf(t, tt.line)
			past, err := l.search().Find(t.Context())
			if err != nil || past == nil {
				t.Fatalf("got %v, %v", past, err)
			}
			broke := ""
			if past.Broke != nil {
				broke = past.Broke.ID
			}
			var agree []string
			for _, c := range past.Agree {
				agree = append(agree, c.ID)
			}
			t.Logf("asked %v, doubts %v", l.asked, past.Doubts)
			if broke != tt.broke || strings.Join(agree, " ") != tt.agree || past.Tried != tt.tried || past.Skipped != tt.skipped {
				t.Errorf("got broke %q, agree %v, tried %d, skipped %d", broke, agree, past.Tried, past.Skipped)
			}
			if past.Tried > 16 {
				t.Errorf("%d commits were tried", past.Tried)
			}
		})
	}
}

func TestAHistoryThatNeverAnsweredSaysNothing(t *testing.T) {
	t.Parallel()
	for name, letters := range map[string]string{
		"a single commit":                    "f",
		"the failure is as old as the code":  "ffff",
		"it is older than what is looked at": strings.Repeat("f", 1000) + "aaa",
		"no ancestor can be run":             "fxxuux",
		"the code is older than its callers": "fffx",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if past, err := lineOf(t, letters).search().Find(t.Context()); past != nil || err != nil {
				t.Errorf("got %+v, %v", past, err)
			}
		})
	}
}

func TestWhatCannotBeSeenOfThePastIsADoubt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, line, doubt string
		opposed           bool
	}{
		{"ancestors that hid the failure", "fss", "the ancestors swallow the Error", true},
		{"a commit that meant to refuse", "fraa", "the commit added the statement that raises the Error", true},
		{"a single one that answers so, after a change", "fad", "answers differently", true},
		{"a single one", "fa", "only one ancestor", false},
		{"a change that is between commits that cannot be run", "fxaa", "which of 2 commits broke it", false},
		{"a suite that cannot be run", "faa", "suite cannot be run", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			past, err := lineOf(t, tt.line).search().Find(t.Context())
			if err != nil || past == nil {
				t.Fatalf("got %v, %v", past, err)
			}
			if !slices.ContainsFunc(past.Doubts, func(d history.Doubt) bool { return strings.Contains(d.Why, tt.doubt) && d.Opposed == tt.opposed }) {
				t.Errorf("got doubts %v, want %q", past.Doubts, tt.doubt)
			}
		})
	}
}

func TestASearchEndsWithItsContextOrItsTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if past, err := lineOf(t, "faa").search().Find(ctx); past != nil || err == nil {
		t.Errorf("cancelled: got %v, %v", past, err)
	}
	s := lineOf(t, "faa").search()
	s.Wall = time.Nanosecond
	if past, err := s.Find(t.Context()); past != nil || err != nil {
		t.Errorf("out of time: got %v, %v, want neither", past, err)
	}
}
