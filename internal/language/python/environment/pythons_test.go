package environment

import (
	"testing"

	"github.com/repaird/repaird/internal/sandbox"
)

func TestVersionSpecifiersAllowMinorVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec     string
		from, to int // minor versions among 6 to 14 that are allowed
	}{
		{"", 6, 14}, {">=3.8", 8, 14}, {">=3.8,<3.12", 8, 11}, {">=3.8, <4", 8, 14}, {">3.8", 8, 14}, {"<=3.11", 6, 11}, {"<3.11.4", 6, 11}, {"<3.11.0", 6, 10},
		{"~=3.8", 8, 14}, {"~=3.8.1", 8, 8}, {"==3.9.*", 9, 9}, {"==3.9.7", 9, 9}, {"3.9", 9, 9}, {"^3.9", 9, 14}, {"~3.9", 9, 9}, {">=3", 6, 14}, {"==3.*", 6, 14}, {"~=3.0", 6, 14},
		{">=2.7,!=3.0.*,!=3.1.*", 6, 14}, {"^2.7 || ^3.9", 9, 14}, {">= 3.10", 10, 14}, {"whatever", 6, 14}, {"<3", 15, 14},
	} {
		for minor := 6; minor <= 14; minor++ {
			if got, want := allows(c.spec, minor), minor >= c.from && minor <= c.to; got != want {
				t.Errorf("%q allows 3.%d: got %v, want %v", c.spec, minor, got, want)
			}
		}
	}
	if allows("!=3.9.*", 9) || !allows("!=3.9.1", 9) || !allows("!=3.9.*", 10) {
		t.Error("an exclusion is not read")
	}
}

func TestTheBaseSystemIsChosenByTheEventThenTheProject(t *testing.T) {
	t.Parallel()
	bases := []sandbox.Base{{Release: "b", Python: "3.11"}, {Release: "t", Python: "3.13"}, {Release: "old", Python: "3.8"}}
	for _, c := range []struct{ name, production, requires, want string }{
		{"the event's minor version", "3.8.10", ">=3.10", "old"},
		{"the nearest newer than the event's", "3.9.1", "", "b"},
		{"the newest that the project allows", "", ">=3.8,<3.13", "b"},
		{"the newest, where nothing says which", "", "", "t"},
		{"the newest, where none satisfies the project", "", "<3.5", "t"},
	} {
		got, why, err := choose(bases, c.production, c.requires)
		if err != nil || got.Release != c.want || why == "" {
			t.Errorf("%s: got %s (%s), %v", c.name, got.Release, why, err)
		}
	}
	if _, _, err := choose(nil, "", ""); err == nil {
		t.Error("without a base system: no error")
	}
}
