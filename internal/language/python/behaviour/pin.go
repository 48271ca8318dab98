package behaviour

import (
	"context"
	"fmt"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/program"
)

var _ language.Pinner = Prober{}

// Pin has the test assert what its call answers. The program only reads the
// test: no code of the tree runs.
func (b Prober) Pin(ctx context.Context, p language.Pin) (language.Pinned, error) {
	var found struct {
		Source  string `json:"source"`
		Asserts string `json:"asserts"`
		Refused string `json:"refused"`
	}
	request := struct {
		Ask    string               `json:"ask"`
		Test   testFile             `json:"test"`
		Expect language.Expectation `json:"expect"`
		Mark   string               `json:"mark"`
	}{"pin", testFile{p.Test.Path, p.Test.Name, p.Test.Source}, p.Expect, p.Mark}
	if err := probe.Run(ctx, b.Backend, program.Spec{Run: p.Run, Env: p.Env}, request, &found); err != nil {
		return language.Pinned{}, fmt.Errorf("pin the answer in %s: %w", p.Test.Name, err)
	}
	if found.Refused != "" {
		return language.Pinned{}, fault.Errorf(fault.Invalid, "%s", found.Refused)
	}
	pinned := language.Pinned{Test: p.Test, Asserts: found.Asserts}
	if found.Asserts != "" {
		if found.Source == "" {
			return pinned, fmt.Errorf("the program returned no test")
		}
		pinned.Test.Source = found.Source
	}
	return pinned, nil
}
