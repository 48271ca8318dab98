package verify

import (
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

func TestAnImportOfWhatTheFailureNamesNeedsNoNeighbours(t *testing.T) {
	t.Parallel()
	code := map[string]map[int][2]int{"a.py": {1: {1, 1}}}
	for _, tt := range []struct {
		name     string
		message  string
		supplied []string
		changed  string
		want     bool
	}{
		{"the name is supplied", "name 'zlib' is not defined", []string{"zlib"}, "a.py", true},
		{"another name is supplied", "name 'zlib' is not defined", []string{"gzip"}, "a.py", false},
		{"nothing is supplied", "name 'zlib' is not defined", nil, "a.py", false},
		{"what is not code is changed too", "name 'zlib' is not defined", []string{"zlib"}, "a.json", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := &verification{analysis: &language.Analysis{Supplied: tt.supplied, Lines: code}, overlay: patch.Overlay{tt.changed: nil}, failure: testrun.Outcome{Message: tt.message}}
			if g, ok := j.supplied(); ok != tt.want {
				t.Errorf("got %v (%+v), want %v", ok, g, tt.want)
			}
		})
	}
	grounds := []behaviour.Ground{
		{Name: "few", Effect: behaviour.Lowers},
		{Name: "preserved", Effect: behaviour.Lowers, Examples: make([]behaviour.Difference, 1)},
		{Name: "history", Effect: behaviour.Lowers},
	}
	unasked(grounds)
	if grounds[0].Effect != behaviour.Shown || grounds[1].Effect != behaviour.Lowers || grounds[2].Effect != behaviour.Lowers {
		t.Errorf("got %+v, want only the first shown", grounds)
	}
}
