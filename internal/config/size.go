package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Size is a number of bytes, written as 20GiB, 500MB or 1048576, or
// "unlimited". It is also a flag.Value.
type Size int64

// Unlimited means no limit. The zero Size means "not set".
const Unlimited Size = -1

var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

// Set implements flag.Value.
func (s *Size) Set(text string) error {
	if text == "unlimited" {
		*s = Unlimited
		return nil
	}
	number, unit := text, int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n >= 0) || n*float64(unit) >= math.MaxInt64 {
		return fmt.Errorf("%q is not a size such as 20GiB, or unlimited", text)
	}
	*s = Size(n * float64(unit))
	return nil
}

// String writes the size with the largest binary unit in which it is at least one.
func (s Size) String() string {
	if s == Unlimited {
		return "unlimited"
	}
	for _, u := range units[:4] {
		if int64(s) >= u.bytes {
			return strings.TrimSuffix(strconv.FormatFloat(float64(s)/float64(u.bytes), 'f', 1, 64), ".0") + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// Bound returns the bytes, 0 for unlimited.
func (s Size) Bound() int64 { return max(int64(s), 0) }

// UnmarshalYAML reads what Set does.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	if err := s.Set(n.Value); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return nil
}

// MarshalYAML writes bytes, so that nothing is rounded.
func (s Size) MarshalYAML() (any, error) {
	if s == Unlimited {
		return "unlimited", nil
	}
	return int64(s), nil
}
