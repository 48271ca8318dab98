package pipeline

import (
	"context"
	"errors"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python"
)

func TestOuterCountsTheFunctionsThatTheTestDoesNotCall(t *testing.T) {
	t.Parallel()
	frame := func(path, function string) language.Frame {
		return language.Frame{Frame: incident.Frame{Function: function}, Path: path}
	}
	stack := []language.Frame{
		frame("worker.py", "<module>"), frame("", "dispatch"), frame("app.py", "view"), frame("shop.py", "quote"), frame("shop.py", "price"),
	}
	for called, want := range map[string]int{"app.view": 0, "shop.quote": 1, "shop.price": 2, "shop.Cart.quote": 1, "elsewhere": 0} {
		if got := len(callers(python.New(nil, python.Host{}), stack, called)); got != want {
			t.Errorf("%s: got %d, want %d", called, got, want)
		}
	}
}

// revisions is a source that has answers, or an outage, for revisions.
type revisions struct {
	Source
	known map[string]string
	down  error
}

func (r revisions) Resolve(_ context.Context, _ Project, rev string) (string, error) {
	if r.down != nil {
		return "", r.down
	}
	if sha, ok := r.known[rev]; ok {
		return sha, nil
	}
	return "", fault.Errorf(fault.NotFound, "no %s", rev)
}

func TestOnlyARepositorysAnswerIsNoSource(t *testing.T) {
	t.Parallel()
	outage := fault.Errorf(fault.Retryable, "connection refused")
	for name, c := range map[string]struct {
		source revisions
		event  incident.Event
		sha    string
		stop   bool
	}{
		"a release is a tag":                         {revisions{known: map[string]string{"1.2": "abc"}}, incident.Event{Release: "1.2"}, "abc", false},
		"a release is a tag with a v":                {revisions{known: map[string]string{"v1.2": "abc"}}, incident.Event{Release: "1.2"}, "abc", false},
		"no tag is called like the release":          {revisions{}, incident.Event{Release: "1.2"}, "", true},
		"an outage while a tag is looked up":         {revisions{down: outage}, incident.Event{Release: "1.2"}, "", false},
		"an outage while a commit is looked up":      {revisions{down: outage}, incident.Event{Commit: "abc"}, "", false},
		"a commit that the repository has not":       {revisions{}, incident.Event{Commit: "abc"}, "", true},
		"an event that says neither":                 {revisions{}, incident.Event{}, "", true},
		"a code host that does not let repaird look": {revisions{down: fault.Errorf(fault.Denied, "403")}, incident.Event{Release: "1.2"}, "", false},
	} {
		a := &at{&Pipeline{Source: c.source}, &Job{Project: Project{Name: "shop", URL: "x"}}}
		sha, err := a.commit(t.Context(), &c.event)
		stop := fault.AsStop(err)
		if sha != c.sha || (stop != nil) != c.stop || stop != nil && stop.Type != fault.NoSource || c.source.down != nil && !errors.Is(err, c.source.down) {
			t.Errorf("%s: got %q, %v", name, sha, err)
		}
	}
}
