package bwrap_test

import (
	"testing"

	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

func TestConformance(t *testing.T) { sandboxtest.Run(t, sandboxtest.Backend(t, "bwrap")) }

func BenchmarkStart(b *testing.B) { sandboxtest.BenchmarkStart(b, "bwrap") }
