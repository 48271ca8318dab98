package environment

import "strings"

// parseINI reads the format of setup.cfg, tox.ini and pip.conf: sections, then
// keys, then values, of which those on indented lines are joined by newlines.
// Keys are in lower case. What is not of the format is skipped.
func parseINI(text string) map[string]map[string]string {
	sections := map[string]map[string]string{}
	var section map[string]string
	key := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case line[0] == '[' && strings.HasSuffix(trimmed, "]"):
			name := trimmed[1 : len(trimmed)-1]
			if section = sections[name]; section == nil {
				section = map[string]string{}
				sections[name] = section
			}
			key = ""
		case section == nil:
		case line[0] == ' ' || line[0] == '\t':
			if key != "" {
				section[key] = strings.TrimPrefix(section[key]+"\n"+trimmed, "\n")
			}
		default:
			if i := strings.IndexAny(line, "=:"); i > 0 {
				key = strings.ToLower(strings.TrimSpace(line[:i]))
				section[key] = strings.TrimSpace(line[i+1:])
			}
		}
	}
	return sections
}

// listOf is a value with one entry a line, or separated by sep on one line.
func listOf(value, sep string) []string {
	var list []string
	for line := range strings.Lines(value) {
		for _, entry := range strings.Split(line, sep) {
			if entry = strings.TrimSpace(entry); entry != "" && entry[0] != '#' {
				list = append(list, entry)
			}
		}
	}
	return list
}
