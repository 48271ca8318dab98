package run

import (
	"context"

	"github.com/repaird/repaird/internal/fault"
)

func runInSandbox(_ context.Context, _ Options, result *Result) (*Result, error) {
	return result, fault.Errorf(fault.Invalid, "sandbox: not yet")
}
