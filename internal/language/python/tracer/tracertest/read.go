package tracertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
)

// Read reads the text of a trace.
func Read(t *testing.T, text string) *trace.Trace {
	t.Helper()
	trace, err := trace.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// RunFailing runs a program that ends with an exception. Where that is a
// RecursionError its traceback's lines may differ from the untraced run's.
func RunFailing(t *testing.T, source string) session {
	t.Helper()
	dir, file := Program(t, source)
	s := Run(t, Pythons(t)[0], &tracer.Config{Include: []string{dir}}, file)
	if s.Code != 1 {
		t.Fatalf("exit %d: %s", s.Code, s.Err)
	}
	return s
}

// ReadLines reads a trace of one process: definitions and records as JSON, one a
// line, with f and g as functions 1 and 2 of /w/app.py.
func ReadLines(t *testing.T, lines ...string) *trace.Trace {
	t.Helper()
	head := `{"k":"meta","v":1,"f":"trace-7","pid":7,"ppid":1,"python":"3.11.2","engine":"settrace","argv":["app.py"],"cwd":"/w","exe":"/usr/bin/python3"}
{"k":"code","c":1,"file":"/w/app.py","name":"f","line":1,"args":["x"],"kind":""}
{"k":"code","c":2,"file":"/w/app.py","name":"Job.g","line":10,"args":["x"],"kind":""}
`
	trace := Read(t, head+strings.Join(lines, "\n")+"\n")
	if trace.Footer.Skipped > 0 {
		t.Fatalf("footer %+v", trace.Footer)
	}
	return trace
}

// KindOfFinding returns the first finding of a kind.
func KindOfFinding(list []findings.Finding, kind string) findings.Finding {
	if i := slices.IndexFunc(list, func(f findings.Finding) bool { return f.Kind == kind }); i >= 0 {
		return list[i]
	}
	return findings.Finding{}
}
