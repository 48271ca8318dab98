package sandbox

import (
	"context"
)

// Attack runs hostile cases.
func Attack(ctx context.Context, b Backend) error { return nil }
