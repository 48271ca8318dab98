package wire

import "strings"

// ExceptionText renders an exception in at most limit bytes of its message.
func ExceptionText(kind, message string, limit int) string {
	if message == "" {
		return OneLine(kind)
	}
	return OneLine(kind + ": " + CutText(message, limit))
}

// Relative cuts a directory from a file's name.
func Relative(file, root string) string {
	if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(root, "/")+"/"); ok && root != "" {
		return rest
	}
	return file
}
