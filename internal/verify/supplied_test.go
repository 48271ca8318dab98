package verify

import (
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
)

func TestAnImportOfWhatTheFailureNamesNeedsNoNeighbours(t *testing.T) {
	t.Parallel()
	brings := func(names ...string) language.Touched { return language.Touched{Imports: names} }
	for _, tt := range []struct {
		name    string
		message string
		touched []language.Touched
		want    bool
	}{
		{"the name is imported", "name 'zlib' is not defined", []language.Touched{brings("zlib")}, true},
		{"an import that was there is extended", "name 'b' is not defined", []language.Touched{{Base: true, Imports: []string{"a"}}, brings("a", "b")}, true},
		{"another name is imported", "name 'zlib' is not defined", []language.Touched{brings("gzip")}, false},
		{"more than that is changed", "name 'zlib' is not defined", []language.Touched{brings("zlib"), {Uses: []string{"x"}}}, false},
		{"only base's import is touched", "name 'zlib' is not defined", []language.Touched{{Base: true, Imports: []string{"zlib"}}}, false},
		{"nothing is touched", "name 'zlib' is not defined", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := &verification{analysis: &language.Analysis{Touched: tt.touched}, failure: testrun.Outcome{Message: tt.message}}
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
