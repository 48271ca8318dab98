package app

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/repaird/repaird/internal/store"
)

func TestAOneShotEvictsNothingOfADaemons(t *testing.T) {
	t.Parallel()
	write := func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "f"), make([]byte, 8192), 0o600)
	}
	o := OneShot{Machine: Machine{StateDir: t.TempDir(), StoreBytes: 1}}
	for _, key := range []string{"first", "second"} {
		s, err := o.openState()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		e, err := s.Store.Use(t.Context(), store.Trees, key, write)
		if err != nil {
			t.Fatal(err)
		}
		e.Release()
		if list, err := s.Store.List(); err != nil || key == "second" && len(list) != 2 {
			t.Errorf("left are %v, %v; want both", list, err)
		}
	}
}
