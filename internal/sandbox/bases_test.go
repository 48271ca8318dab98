package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
)

func TestSelectBase(t *testing.T) {
	t.Parallel()
	bases := []Base{{Release: "bookworm", Python: "3.11"}, {Release: "trixie", Python: "3.13"}}
	for _, tt := range []struct{ name, python, want, why string }{
		{"the same minor version wins", "3.13.1", "trixie", "the same minor version"},
		{"a version without a patch level is understood", "3.11", "bookworm", "the same minor version"},
		{"between two the newer wins", "3.12.4", "trixie", "nearest newer"},
		{"an old version gets the nearest newer one", "3.8.10", "bookworm", "nearest newer"},
		{"a version that is too new gets the newest", "3.15.0", "trixie", "no base has this version"},
		{"Python 2 gets the default", "2.7.18", "bookworm", "the default"},
		{"no version gets the default", "", "bookworm", "the default"},
		{"a pre-release counts as its version", "3.13rc1", "trixie", "the same minor version"},
		{"nonsense gets the default", "3.99999999999999999999", "bookworm", "the default"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base, why, err := SelectBase(bases, tt.python)
			if err != nil || base.Release != tt.want || !strings.Contains(why, tt.why) {
				t.Errorf("got %s, %q, %v, want %s, %q", base.Release, why, err, tt.want, tt.why)
			}
		})
	}
	if _, _, err := SelectBase(nil, "3.11"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no bases: got %v", err)
	}
}

func TestLoadBases(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, content string
		want          fault.Kind
		n             int
	}{
		{"the form that setup.sh writes", `[{"release":"bookworm","python":"3.11","docker":"repaird/base:bookworm-0","rootfs":"/r"}]`, 0, 1},
		{"a file that is cut off", `[{"release":"bookw`, fault.Invalid, 0},
		{"a base without a root file system", `[{"release":"bookworm","python":"3.11","docker":"x"}]`, fault.Invalid, 0},
		{"no base at all", `[]`, fault.NotFound, 0},
		{"no file", ``, fault.NotFound, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tt.content != "" {
				if err := os.WriteFile(filepath.Join(dir, "bases.json"), []byte(tt.content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			bases, err := LoadBases(dir)
			if len(bases) != tt.n || (err != nil) != (tt.n == 0) || err != nil && fault.KindOf(err) != tt.want {
				t.Errorf("got %d bases, %v", len(bases), err)
			}
		})
	}
}

func TestFindBase(t *testing.T) {
	t.Parallel()
	bases := []Base{{"bookworm", "3.11", "repaird/base:b-1", "/b"}, {"trixie", "3.13", "repaird/base:t-1", "/t"}}
	for image, want := range map[string]string{"": "bookworm", "trixie": "trixie", "repaird/base:t-1": "trixie", "/t": "trixie", "python:3.12": ""} {
		if got, ok := FindBase(bases, image); got.Release != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", image, got.Release, ok)
		}
	}
}
