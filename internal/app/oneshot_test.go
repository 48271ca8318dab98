package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/verify"
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

func TestARepeatedRepairSaysThatALetterMayBeAnotherOption(t *testing.T) {
	t.Parallel()
	option := verify.Option{Key: "A", Answer: "returns 12", Literal: "12"}
	for key, want := range map[string]string{
		"A":                        "--decide " + pipeline.Reference(option),
		"a":                        "--decide " + pipeline.Reference(option),
		pipeline.Reference(option): "",
	} {
		var said string
		o := OneShot{Choice: pipeline.Choice{Key: key}, By: "ann"}
		c := &pipeline.Case{Verdict: &verify.Verdict{Question: &verify.Question{Kind: verify.AskAnswer, Options: []verify.Option{option}}}}
		c.Progress = func(line string) { said += line + "\n" }
		if err := o.decide(c); err != nil || len(c.Decisions) != 1 || c.Decisions[0].Key != "A" {
			t.Errorf("%s: got %+v, %v", key, c.Decisions, err)
		}
		if strings.Contains(said, "warning") != (want != "") || !strings.Contains(said, want) {
			t.Errorf("%s: said\n%s", key, said)
		}
	}
}
