package trace

import (
	"strings"

	"github.com/repaird/repaird/internal/trace/wire"
)

// ExceptionText renders an exception in at most limit bytes of its message.
func ExceptionText(kind, message string, limit int) string {
	if message == "" {
		return wire.OneLine(kind)
	}
	return wire.OneLine(kind + ": " + wire.CutText(message, limit))
}

// Relative cuts a directory from a file's name.
func Relative(file, root string) string {
	if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(root, "/")+"/"); ok && root != "" {
		return rest
	}
	return file
}
