package session

import (
	"testing"

	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// backend returns the backend that most tests run on: the quicker one.
func backend(t *testing.T) sandbox.Backend {
	t.Helper()
	return sandboxtest.Backend(t, "bwrap")
}
