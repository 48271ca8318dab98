package repair

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
)

// Limits of the source in the opening message.
const (
	maxCode      = 28 << 10 // bytes in all, without what it depends on
	maxWhole     = 6 << 10  // bytes of a file that is shown whole
	maxPlaces    = 40       // functions
	functionRows = 150      // lines of one function
	maxNearTests = 6 << 10  // bytes of the repository's own tests
	maxTestFiles = 300      // that are searched for tests
)

// A place is a line of a file of the tree.
type place struct {
	file string
	line int
}

// places are where the cause may be, the likeliest first: where it crashed, what
// the findings name, the frames outwards, then what the functions of the
// findings called and what the crash's callers had called before.
func places(frames []incident.Frame, t *trace.Trace, found []findings.Finding) []place {
	var out []place
	seen := map[place]bool{}
	add := func(file string, line int) {
		p := place{strings.TrimPrefix(file, treeRoot+"/"), line}
		if !path.IsAbs(p.file) && line > 0 && !seen[p] && len(out) < maxPlaces {
			seen[p] = true
			out = append(out, p)
		}
	}
	frames = slices.Clone(frames)
	slices.Reverse(frames)
	if len(frames) > 0 {
		add(frames[0].File, frames[0].Line)
	}
	var evidence []trace.Call
	for _, f := range found {
		add(f.File, f.Line)
		for _, id := range f.Records {
			if c := t.Call(t.Record(id).Call); c.Index != 0 {
				evidence = append(evidence, c)
			}
		}
	}
	for _, f := range frames {
		add(f.File, f.Line)
	}
	for _, c := range evidence {
		add(c.Code().File, c.Code().Line)
	}
	if t != nil {
		crash, _ := t.Crash()
		slices.Reverse(crash)
		for _, start := range append(evidence, crash...) {
			for _, c := range below(start) {
				add(c.Code().File, c.Code().Line)
			}
		}
	}
	return out
}

// below returns what a call called, directly and indirectly, a level at a time.
func below(c trace.Call) (out []trace.Call) {
	const most = 200
	for level := []trace.Call{c}; len(level) > 0 && len(out) < most; {
		var next []trace.Call
		for _, c := range level {
			children := c.Children()
			if len(children) > most {
				children = children[len(children)-most:] // the last ones came before the crash
			}
			next = append(next, children...)
		}
		out = append(out, next...)
		level = next[:min(len(next), most)]
	}
	return out
}

// excerpts is the source at places, file by file, with what it depends on in its
// file; names are the functions shown, the likeliest first.
func (s *session) excerpts(at []place) (text redact.Clean, names []string) {
	type shown struct {
		*module
		spans []span
		whole bool
	}
	var order []*shown
	files := map[string]*shown{}
	size := 0
	for _, p := range at {
		f := files[p.file]
		if f == nil {
			text, err := s.tree.read(p.file)
			if err != nil || size >= s.limit(maxCode) {
				continue
			}
			f = &shown{module: newModule(p.file, text)}
			files[p.file], order = f, append(order, f)
			if f.whole = len(text) <= maxWhole && size+len(text) <= s.limit(maxCode); f.whole {
				f.spans = []span{{0, len(f.lines) - 1}}
				size += len(text)
			}
		}
		sp, ok := f.function(p.line, functionRows)
		if !ok {
			continue
		}
		if m := definition.FindStringSubmatch(f.definitionAt(sp)); m != nil && m[1] != "" && !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
		if !f.whole && !slices.Contains(f.spans, sp) && size < s.limit(maxCode) {
			f.spans = append(f.spans, sp)
			size += len(strings.Join(f.lines[sp.first:sp.last+1], "\n"))
		}
	}
	var parts []redact.Clean
	left := s.limit(maxCode) * 5 / 4 // for what it depends on
	for _, f := range order {
		spans := f.spans
		if !f.whole {
			spans = append(f.context(f.spans), f.spans...)
		}
		if len(spans) == 0 || left <= 0 {
			continue
		}
		first := slices.MinFunc(spans, func(a, b span) int { return a.first - b.first }).first + 1
		part := quoted(s.clean.code(fmt.Sprintf("%s:%d", f.path, first), 300), s.clean.code(f.excerpt(spans), left))
		left -= part.Len()
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return redact.Constant("None could be read; use the tools."), nil
	}
	return redact.Join(redact.Constant("\n\n"), parts...), names
}

// definitionAt returns the head of the function that a span is, past its
// decorators.
func (m *module) definitionAt(sp span) string {
	for _, s := range m.statements {
		if s.first >= sp.first && s.first <= sp.last && s.head[0] != '@' {
			return s.head
		}
	}
	return ""
}

var testFile = regexp.MustCompile(`(?:^|/)(?:test_[^/]*|[^/]*_test|tests?)\.py$`)

// nearTests are the repository's own tests that name one of the functions, those
// of the likeliest function first.
func (s *session) nearTests(names []string) redact.Clean {
	var modules []*module
	for _, name := range s.tree.list(".", maxSearchFiles) {
		if !testFile.MatchString(name) || len(modules) >= maxTestFiles {
			continue
		}
		if text, err := s.tree.read(name); err == nil {
			modules = append(modules, newModule(name, text))
		}
	}
	found := map[*module][]span{}
	size := 0
	for _, name := range names {
		word := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`)
		for _, m := range modules {
			for i, st := range m.statements {
				d := definition.FindStringSubmatch(st.head)
				if d == nil || !strings.HasPrefix(d[1], "test") {
					continue
				}
				sp := m.whole(i)
				text := strings.Join(m.lines[sp.first:sp.last+1], "\n")
				if word.MatchString(text) && !slices.Contains(found[m], sp) && size+len(text) <= s.limit(maxNearTests) {
					found[m] = append(found[m], sp)
					size += len(text)
				}
			}
		}
	}
	var parts []redact.Clean
	for _, m := range modules {
		if spans := found[m]; len(spans) > 0 {
			parts = append(parts, quoted(s.clean.code(m.path, 300), s.clean.code(m.excerpt(append(m.context(spans), spans...)), 2*maxNearTests)))
		}
	}
	if len(parts) == 0 {
		return redact.Constant("None names one of these functions.")
	}
	return redact.Join(redact.Constant("\n\n"), parts...)
}

// layout is the tree's folders with their files, at most a few thousand bytes.
func (s *session) layout() redact.Clean {
	most := s.limit(3 << 10)
	var folders []string
	files := map[string][]string{}
	for _, name := range s.tree.list(".", maxSearchFiles) {
		dir := path.Dir(name)
		if files[dir] == nil {
			folders = append(folders, dir)
		}
		files[dir] = append(files[dir], path.Base(name))
	}
	slices.SortFunc(folders, func(a, b string) int { // the shallow ones tell more
		if n := strings.Count(a, "/") - strings.Count(b, "/"); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for i, dir := range folders {
		list := files[dir]
		more := ""
		if len(list) > 20 {
			list, more = list[:20], fmt.Sprintf(" … %d more", len(list)-20)
		}
		line := fmt.Sprintf("%s/ %s%s\n", dir, strings.Join(list, " "), more)
		if b.Len()+len(line) > most {
			fmt.Fprintf(&b, "… %d more folders\n", len(folders)-i)
			break
		}
		b.WriteString(line)
	}
	return quoted(redact.Constant("repository"), s.clean.code(strings.TrimRight(b.String(), "\n"), most))
}
