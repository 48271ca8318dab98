package incident

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Limits on parsing one traceback. Python itself prints at most 1,000 frames,
// and 15 exceptions per group to a depth of 10.
const (
	maxTracebackText   = 1 << 20
	maxTracebackFrames = 2000
	maxTracebackChain  = 100
	maxTracebackDepth  = 16
)

const (
	headerPlain = "Traceback (most recent call last):"
	headerGroup = "Exception Group Traceback (most recent call last):"
	byCause     = "The above exception was the direct cause of the following exception:"
	byContext   = "During handling of the above exception, another exception occurred:"
)

var (
	frameLine    = regexp.MustCompile(`^  File "(.*)", line (\d+)(?:, in (.*))?$`)
	repeatedLine = regexp.MustCompile(`^  \[Previous line repeated (\d+) more times?\]$`)
	markerLine   = regexp.MustCompile(`^ +[ ~^]*[~^][ ~^]*$`)
	typeLine     = regexp.MustCompile(`^([\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_<][\p{L}\p{N}_<>]*)*)(?:: ?(.*))?$`)
	childLine    = regexp.MustCompile(`^ *(?:\+-)?\+-{4,} (?:\d+|\.\.\.) -{4,}$`)
	closeLine    = regexp.MustCompile(`^ *\+-{4,}$`)
)

// ParseTraceback parses the output of Python's traceback.format_exception
// (Python 3.6 to 3.14): chained exceptions, exception groups, repeated lines,
// position markers, multi-line messages and notes. The result is in the order of
// Event.Exceptions: oldest cause first, the raised exception last. Frames have
// File, AbsPath, Line, Function, Code, Repeated and InApp, never locals. A
// message includes the exception's notes, which cannot be told apart in the text.
//
// ok is false if the text contains no exception. A truncated text yields what is
// there; its raised exception may then lack a Type.
func ParseTraceback(text string) (chain []Exception, ok bool) {
	if len(text) > maxTracebackText {
		text = text[:maxTracebackText]
	}
	lines := strings.Split(strings.ToValidUTF8(text, "\uFFFD"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	if !strings.Contains(text, headerPlain) {
		return nil, false // any line of prose could pass for a type
	}
	p := &tracebackParser{lines: lines}
	root := p.chain(0)
	if root == nil {
		return nil, false
	}
	return flatten(root), true
}

// FindTraceback parses the first traceback embedded in other text, such as an
// issue's body or a log file. It understands Markdown code blocks, quoting,
// indentation and log prefixes on every line. A blank line that is not part of
// the chain ends it.
func FindTraceback(text string) (chain []Exception, ok bool) {
	if len(text) > maxTracebackText {
		text = text[:maxTracebackText]
	}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		at := strings.Index(line, headerPlain)
		if at < 0 {
			continue
		}
		if group := strings.Index(line, "  + "+headerGroup); group >= 0 {
			at = group
		}
		prefix := line[:at]
		if i+1 < len(lines) && !strings.HasPrefix(lines[i+1], prefix) {
			prefix = "" // a log prefix that the following lines do not repeat
			lines[i] = line[at:]
		}
		return ParseTraceback(strings.Join(embedded(lines[i:], prefix), "\n"))
	}
	return nil, false
}

// embedded returns the lines of one traceback with the prefix removed.
func embedded(lines []string, prefix string) []string {
	quote := strings.TrimRight(prefix, " \t")
	var out []string
	for i, line := range lines {
		bare, has := strings.CutPrefix(line, prefix)
		if !has && strings.TrimSpace(strings.TrimPrefix(line, quote)) == "" {
			bare, has = "", true
		}
		if !has || strings.HasPrefix(bare, "```") || strings.HasPrefix(bare, "~~~") {
			break
		}
		if strings.TrimSpace(bare) == "" && !chainContinues(lines[i+1:], quote) {
			break
		}
		out = append(out, bare)
	}
	return out
}

// chainContinues reports whether the next non-blank line, a few lines ahead at
// most, continues the chain.
func chainContinues(lines []string, quote string) bool {
	for _, line := range lines[:min(len(lines), 3)] {
		line = strings.TrimSpace(strings.TrimPrefix(line, quote))
		if line != "" {
			return line == byCause || line == byContext || strings.HasSuffix(line, headerPlain)
		}
	}
	return false
}

// A link is one exception in the tree, with the one it came from and, for a
// group, its members.
type link struct {
	exc     Exception
	from    *link
	members []*link
}

// flatten lists a tree in the order of Sentry's SDKs: numbered from the raised
// exception, causes before members, then reversed.
func flatten(root *link) []Exception {
	var out []Exception
	var walk func(l *link, parent int, rel Relation)
	walk = func(l *link, parent int, rel Relation) {
		if len(out) >= maxTracebackChain {
			return
		}
		x := l.exc
		fromRel := x.Relation // of l.from to l
		x.ID, x.ParentID, x.Relation = len(out), parent, rel
		out = append(out, x)
		id := x.ID
		if l.from != nil {
			walk(l.from, id, fromRel)
		}
		for _, m := range l.members {
			walk(m, id, RelationGroup)
		}
	}
	walk(root, 0, "")
	slices.Reverse(out)
	return out
}

type tracebackParser struct {
	lines []string
	pos   int
	count int
}

// line returns the current line's text at a group depth. ok is false if the line
// is at another depth: depth 0 has no margin; deeper lines have two spaces per
// level, then a bar (or a plus in the outermost group's header).
func (p *tracebackParser) line(depth int) (text string, ok bool) {
	if p.pos >= len(p.lines) {
		return "", false
	}
	l := p.lines[p.pos]
	if depth == 0 {
		return l, true
	}
	margin := strings.Repeat("  ", depth)
	rest, has := strings.CutPrefix(l, margin)
	if !has {
		return "", false
	}
	switch {
	case strings.HasPrefix(rest, "| "), strings.HasPrefix(rest, "+ "):
		return rest[2:], true
	case rest == "|":
		return "", true
	}
	return "", false
}

// chain parses all exceptions at one depth and returns the last, linked to those
// it came from.
func (p *tracebackParser) chain(depth int) *link {
	var last *link
	var rel Relation
	for p.count < maxTracebackChain {
		l := p.one(depth)
		if l == nil {
			break
		}
		p.count++
		l.from, l.exc.Relation = last, rel
		last = l
		if rel = p.separator(depth); rel == "" {
			break
		}
	}
	return last
}

// separator parses the sentence between two exceptions and the blank lines
// around it.
func (p *tracebackParser) separator(depth int) Relation {
	for at := p.pos; ; p.pos++ {
		text, ok := p.line(depth)
		switch strings.TrimSpace(text) {
		case "":
			if ok {
				continue
			}
		case byCause:
			p.pos++
			return RelationCause
		case byContext:
			p.pos++
			return RelationContext
		}
		p.pos = at
		return ""
	}
}

// one parses one exception: header, frames, type, message and group members.
func (p *tracebackParser) one(depth int) *link {
	for {
		text, ok := p.line(depth)
		if !ok {
			return nil
		}
		if strings.TrimSpace(text) != "" {
			break
		}
		p.pos++
	}
	text, _ := p.line(depth)
	inner := depth
	l := &link{}
	switch {
	case text == headerPlain || text == headerGroup:
		p.pos++
	case depth == 0 && text == "  + "+headerGroup:
		p.pos++
		inner = 1
	case !typeLine.MatchString(text):
		return nil
	}
	l.exc.Frames = p.frames(inner)
	p.typeAndMessage(&l.exc, inner)
	if inner > 0 && inner < maxTracebackDepth {
		l.members = p.groupMembers(inner)
	}
	if l.exc.Type == "" && len(l.exc.Frames) == 0 {
		return nil
	}
	return l
}

// groupMembers parses what follows a group's message: members separated by
// numbered rules, and a closing rule after the last innermost one.
func (p *tracebackParser) groupMembers(depth int) []*link {
	var members []*link
	margin := strings.Repeat("  ", depth)
	for p.pos < len(p.lines) && len(members) < maxTracebackChain {
		l := p.lines[p.pos]
		if !strings.HasPrefix(l, margin+"+-+") && !strings.HasPrefix(l, margin+"  +-") {
			break
		}
		p.pos++
		if closeLine.MatchString(l) {
			break
		}
		if !childLine.MatchString(l) {
			break
		}
		if m := p.chain(depth + 1); m != nil {
			members = append(members, m)
		}
		// Skip what chain did not consume, such as "and 3 more exceptions".
		for _, ok := p.line(depth + 1); ok; _, ok = p.line(depth + 1) {
			p.pos++
		}
	}
	return members
}

// frames parses the frames of one exception.
func (p *tracebackParser) frames(depth int) []Frame {
	var frames []Frame
	skip := false // a File line without a function belongs to a SyntaxError, not a frame
	for ; ; p.pos++ {
		text, ok := p.line(depth)
		if !ok || !strings.HasPrefix(text, "  ") {
			return frames
		}
		if m := frameLine.FindStringSubmatch(text); m != nil {
			skip = m[3] == "" || len(frames) >= maxTracebackFrames
			if !skip {
				n, _ := strconv.Atoi(m[2])
				frames = append(frames, Frame{
					File: m[1], AbsPath: m[1], Line: n, Function: m[3], InApp: !LibraryPath(m[1]),
				})
			}
			continue
		}
		if skip || len(frames) == 0 {
			continue
		}
		last := &frames[len(frames)-1]
		if m := repeatedLine.FindStringSubmatch(text); m != nil {
			last.Repeated, _ = strconv.Atoi(m[1])
		} else if last.Code == "" && strings.HasPrefix(text, "    ") && !markerLine.MatchString(text) {
			last.Code = text[4:]
		}
	}
}

// typeAndMessage parses "module.Type: message" and its continuation lines.
func (p *tracebackParser) typeAndMessage(x *Exception, depth int) {
	text, ok := p.line(depth)
	m := typeLine.FindStringSubmatch(text)
	if !ok || m == nil {
		return
	}
	x.Module, x.Type = SplitType(m[1])
	p.pos++
	message := []string{m[2]}
	quoted := false // inside a worker process's traceback, a triple-quoted message
	for ; ; p.pos++ {
		text, ok := p.line(depth)
		if !ok || (!quoted && endsMessage(text)) {
			break
		}
		if text == `"""` {
			quoted = !quoted
		}
		message = append(message, text)
	}
	x.Message = strings.TrimRight(strings.Join(message, "\n"), "\n ")
}

func endsMessage(line string) bool {
	switch line {
	case headerPlain, headerGroup, "  + " + headerGroup, byCause, byContext:
		return true
	}
	return false
}

// SplitType splits a qualified class name into module and bare name:
// "json.decoder.JSONDecodeError" is ("json.decoder", "JSONDecodeError").
func SplitType(name string) (module, bare string) {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}
