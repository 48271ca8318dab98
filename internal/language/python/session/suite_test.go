package session

import (
	"slices"
	"testing"
)

func TestATestCommandGivesPytestItsArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ command, want []string }{
		{nil, nil},
		{[]string{"pytest"}, []string{}},
		{[]string{"pytest", "-q", "tests"}, []string{"-q", "tests"}},
		{[]string{"python", "-m", "pytest", "tests/unit"}, []string{"tests/unit"}},
		{[]string{"make", "test"}, nil},
	} {
		if got := (&Runner{}).Suite(c.command); !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%v: got %#v, want %#v", c.command, got, c.want)
		}
	}
}
