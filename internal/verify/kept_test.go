package verify

import (
	"os"
	"path/filepath"
	"testing"
)

func TestABaseIsKnownByItsTreesName(t *testing.T) {
	t.Parallel()
	one, two := t.TempDir(), t.TempDir()
	named := baseKey(Input{Tree: one, TreeID: "abc"})
	if err := os.WriteFile(filepath.Join(one, "a.py"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{
		"in another folder, and whatever is in it": baseKey(Input{Tree: two, TreeID: "abc"}) == named,
		"in the same folder, whatever is in it":    baseKey(Input{Tree: one, TreeID: "abc"}) == named,
	} {
		if !same {
			t.Errorf("the same name %s is another base", name)
		}
	}
	if baseKey(Input{Tree: one, TreeID: "abd"}) == named {
		t.Error("another name in the same folder is the same base")
	}
	nameless := baseKey(Input{Tree: one})
	if err := os.WriteFile(filepath.Join(one, "b.py"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if baseKey(Input{Tree: one}) == nameless {
		t.Error("a folder without a name that has changed is the same base")
	}
}
