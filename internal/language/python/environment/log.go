package environment

import "strings"

// DecisiveLines picks the lines of a log that say what went wrong, otherwise
// its last lines.
func DecisiveLines(log string, most int) string {
	var errs, all []string
	for line := range strings.Lines(log) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(line) > 400 {
			line = strings.ToValidUTF8(line[:400], "") + "…"
		}
		all = append(all, line)
		low := strings.ToLower(line)
		for _, word := range []string{"error", "no matching distribution", "could not", "failed", "not found", "denied", "no module named"} {
			if strings.Contains(low, word) {
				errs = append(errs, line)
				break
			}
		}
	}
	if len(errs) == 0 {
		errs = all
	}
	return strings.Join(errs[max(0, len(errs)-most):], "\n")
}
