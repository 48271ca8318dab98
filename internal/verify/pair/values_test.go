package pair

import (
	"testing"

	"github.com/repaird/repaird/internal/trace/wire"
)

func TestValuesOfTwoRunsDifferOnlyWhereRecordsShowIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, a, b string
		same       bool
	}{
		{"unequal literals differ", `"1"`, `"2"`, false},
		{"times do not count", `"'at 2024-01-02 03:04'"`, `"'at 2025-06-07 08:09'"`, true},
		{"nor do addresses in a list", `{"t":"list","n":1,"r":"['<P at 0x7f01>']","lit":1}`, `{"t":"list","n":1,"r":"['<P at 0x7f02>']","lit":1}`, true},
		{"a cut text may be the whole one", `{"t":"str","r":"'ab'","n":9,"cut":1}`, `"'abcdefghi'"`, true},
		{"a list by its class may be the one in full", `{"t":"list","id":1,"n":2,"cut":1}`, `{"t":"list","id":9,"n":2,"r":"[1, 2]","lit":1}`, true},
		{"items beyond the cut may be equal", `{"t":"list","n":9,"e":["1"],"cut":1}`, `{"t":"list","n":9,"e":["1","2"],"cut":1}`, true},
		{"what was hidden may be equal", `{"t":"str","masked":1}`, `"'x'"`, true},
		{"another length differs", `{"t":"list","n":9,"e":["1"],"cut":1}`, `{"t":"list","n":8,"e":["1"],"cut":1}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := wire.Body(`"v":`+c.a+`}`).Value("v"), wire.Body(`"v":`+c.b+`}`).Value("v")
			if got := same(*a, *b); got != c.same {
				t.Errorf("same is %t", got)
			}
		})
	}
}
