package config_test

import (
	"testing"

	"github.com/repaird/repaird/internal/config"
)

func TestSizesAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		bytes config.Size
		shown string
	}{
		"1048576":   {1 << 20, "1MiB"},
		"20GiB":     {20 << 30, "20GiB"},
		"1.5 GiB":   {3 << 29, "1.5GiB"},
		"500MB":     {500_000_000, "476.8MiB"},
		"12B":       {12, "12B"},
		"unlimited": {config.Unlimited, "unlimited"},
	} {
		var got config.Size
		if err := got.Set(text); err != nil || got != want.bytes || got.String() != want.shown {
			t.Errorf("%s: got %d (%s), %v", text, got, got, err)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "many", "9999999999TiB", "NaN"} {
		var got config.Size
		if err := got.Set(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}
