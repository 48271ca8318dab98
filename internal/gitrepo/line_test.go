package gitrepo

import (
	"slices"
	"testing"
)

func TestAHistoryFollowsFirstParentsAndSaysWhatEachCommitChanged(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.write("a.py", "x = 1\n")
	s.write("b.py", "")
	first := s.commit("first")
	s.git("checkout", "-q", "-b", "side")
	s.write("side.py", "y = 1\n")
	s.commit("on the side")
	s.git("checkout", "-q", "main")
	s.write("a.py", "x = 2\n")
	second := s.commit("second")
	s.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	merge := s.git("rev-parse", "HEAD")
	empty := s.commit("nothing")
	s.git("rm", "-q", "b.py")
	last := s.commit("last\n\nwith a body")

	r := open(t, s.dir)
	if _, err := r.Resolve(t.Context(), last); err != nil { // the mirror now has this commit without parents
		t.Fatal(err)
	}
	steps, err := r.FirstParents(t.Context(), last, 100)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		sha, subject string
		changed      []string
		merge        bool
	}{
		{last, "last", []string{"b.py"}, false},
		{empty, "nothing", nil, false},
		{merge, "merge", []string{"side.py"}, true},
		{second, "second", []string{"a.py"}, false},
		{first, "first", []string{"a.py", "b.py"}, false},
	}
	if len(steps) != len(want) {
		t.Fatalf("got %d commits: %+v", len(steps), steps)
	}
	for i, w := range want {
		got := steps[i]
		if got.SHA != w.sha || got.Subject != w.subject || !slices.Equal(got.Changed, w.changed) || got.Merge != w.merge {
			t.Errorf("commit %d: got %+v, want %+v", i, got, w)
		}
	}
	if few, err := r.FirstParents(t.Context(), last, 2); err != nil || len(few) != 2 || few[0].SHA != last {
		t.Errorf("got %+v, %v, want the two newest", few, err)
	}
}

func TestAHistoryIsFetchedNoDeeperThanAsked(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	for range 5 {
		s.commit("one more")
	}
	r := open(t, s.dir)
	if steps, err := r.FirstParents(t.Context(), "main", 3); err != nil || len(steps) != 3 {
		t.Fatalf("got %d, %v", len(steps), err)
	}
	if steps, err := r.firstParents(t.Context(), s.git("rev-parse", "main"), 100); err != nil || len(steps) != 3 {
		t.Errorf("the mirror has %d commits, %v, want 3", len(steps), err)
	}
	if steps, err := r.FirstParents(t.Context(), "main", 100); err != nil || len(steps) != 5 {
		t.Errorf("got %d, %v, want all", len(steps), err)
	}
}

func TestASourceWithoutHistoryHasOneCommit(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.commit("first")
	s.commit("second")
	shallow := source{t, t.TempDir()}
	shallow.git("clone", "-q", "--depth=1", "file://"+s.dir, ".")
	steps, err := open(t, shallow.dir).FirstParents(t.Context(), "main", 100)
	if err != nil || len(steps) != 1 || steps[0].Subject != "second" {
		t.Errorf("got %+v, %v, want the one commit", steps, err)
	}
}
