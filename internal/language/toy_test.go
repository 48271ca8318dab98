package language_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// sum is a language of whole numbers in prefix notation, one function a line:
//
//	half n = / n 2
//	share n of = / half n of else 0
//
// Its operators are + - * / and the check ?, which raises when its two sides
// differ. What stands after else takes the place of a function that raises. It
// shows all that a language has to bring so that its failures are reproduced,
// judged and reported.
type sum struct{}

var _ language.Language = sum{}

func (sum) Name() string                  { return "sum" }
func (sum) Claims(e *incident.Event) bool { return e.Platform == "sum" }
func (s sum) Repeat(ctx context.Context, req testrun.Request, n int) (results []*testrun.Result, err error) {
	for range n {
		res, err := s.Run(ctx, req)
		if err != nil {
			return nil, err
		}
		results = append(results, res)
	}
	return results, nil
}
func (sum) Drive(context.Context, testrun.Request, testrun.Conditions, string) (*testrun.Driven, error) {
	return &testrun.Driven{Unfit: "sums have no driver"}, nil
}
func (sum) Suite([]string) []string                               { return nil }
func (sum) Command(t testrun.Test) []string                       { return []string{"sum", "--test", t.Path} }
func (sum) Body(string) bool                                      { return false }
func (sum) Expects(string) bool                                   { return false }
func (sum) Inlined(string) bool                                   { return false }
func (sum) Reworded(a, b string) bool                             { return a == b }
func (sum) Exhausts(string) bool                                  { return false }
func (sum) Extensions() []string                                  { return []string{".sum"} }
func (sum) Data() []string                                        { return nil }
func (sum) Shadows(fs.FS, []string, int, []fs.DirEntry) string    { return "" }
func (sum) Encoding(int, string) string                           { return "" }
func (sum) Unimportable(string, *testrun.Result) *language.Import { return nil }
func (sum) Help(language.Problem) string                          { return "send the arguments" }

func (sum) Names() map[patch.Rule][]string {
	return map[patch.Rule][]string{patch.RuleTests: {"*_test.sum"}}
}

func (sum) EnsureEnvironment(context.Context, language.EnvironmentRequest) (testrun.Environment, func(), error) {
	return testrun.Environment{Digest: "sum"}, func() {}, nil
}

// A function is one line of a file.
type function struct {
	name, file   string
	line         int
	params       []string
	body, orElse []string
}

// load reads a tree's functions, with an overlay over its files.
func load(tree string, overlay map[string][]byte) (map[string]*function, error) {
	texts := maps.Clone(overlay)
	if texts == nil {
		texts = map[string][]byte{}
	}
	err := fs.WalkDir(os.DirFS(tree), ".", func(name string, d fs.DirEntry, err error) error {
		if _, over := overlay[name]; err != nil || over || path.Ext(name) != ".sum" {
			return err
		}
		texts[name], err = os.ReadFile(filepath.Join(tree, name))
		return err
	})
	functions := map[string]*function{}
	for file, text := range texts {
		for i, line := range strings.Split(string(text), "\n") {
			head, rest, ok := strings.Cut(line, "=")
			if words := strings.Fields(head); ok && len(words) > 0 {
				body, orElse, _ := strings.Cut(rest, " else ")
				functions[words[0]] = &function{words[0], file, i + 1, words[1:], strings.Fields(body), strings.Fields(orElse)}
			}
		}
	}
	return functions, err
}

// A raised exception passes functions as a panic.
type raised struct {
	kind, message string
	frames        []incident.Frame
}

// A machine runs functions and records them in repaird's trace format.
type machine struct {
	functions map[string]*function
	codes     map[*function]int
	trace     bytes.Buffer
	calls     int
	stack     []incident.Frame
}

func (m *machine) record(format string, args ...any) { fmt.Fprintf(&m.trace, format+"\n", args...) }

func (m *machine) call(f *function, args []int, parent int) (value int) {
	m.calls++
	id, vars, shown := m.calls, map[string]int{}, []string{}
	frame := incident.Frame{File: f.file, Function: f.name, Line: f.line, InApp: !strings.HasSuffix(f.file, "_test.sum"), HasVars: true}
	for i, p := range f.params {
		vars[p] = args[i]
		shown = append(shown, fmt.Sprintf(`[%q,"%d"]`, p, args[i]))
		frame.Locals = append(frame.Locals, incident.Variable{Name: p, Value: incident.Value{Kind: incident.KindRepr, Repr: strconv.Itoa(args[i])}})
	}
	place := testrun.Root
	if !frame.InApp {
		place = "/in"
	}
	if m.codes[f] == 0 {
		m.codes[f] = len(m.codes) + 1
		m.record(`{"k":"code","c":%d,"file":%q,"name":%q,"line":%d}`, m.codes[f], path.Join(place, f.file), f.name, f.line)
		m.record(`{"k":"line","c":%d,"l":%d}`, m.codes[f], f.line)
	}
	m.record(`{"k":"call","i":%d,"p":%d,"c":%d,"d":%d,"n":%d,"l":%d,"a":[%s]}`, id, parent, m.codes[f], len(m.stack), id, f.line, strings.Join(shown, ","))
	m.stack = append(m.stack, frame)
	depth := len(m.stack)
	defer func() {
		x, failed := recover().(*raised)
		switch {
		case failed && x.frames == nil:
			x.frames = slices.Clone(m.stack)
			m.record(`{"k":"raise","i":%d,"c":%d,"l":%d,"e":1,"x":%q,"msg":%q}`, id, m.codes[f], f.line, x.kind, x.message)
		case failed:
			m.record(`{"k":"pass","i":%d,"c":%d,"l":%d,"e":1}`, id, m.codes[f], f.line)
		}
		m.stack = m.stack[:depth-1]
		if failed && len(f.orElse) == 0 {
			m.record(`{"k":"unwind","i":%d,"c":%d,"e":1}`, id, m.codes[f])
			panic(x)
		}
		if failed {
			m.record(`{"k":"handled","i":%d,"c":%d,"l":%d,"h":%d,"e":1,"o":"continue"}`, id, m.codes[f], f.line, f.line)
			value, _ = m.eval(f.orElse, vars, id)
		}
		m.record(`{"k":"ret","i":%d,"c":%d,"l":%d,"v":"%d"}`, id, m.codes[f], f.line, value)
	}()
	value, _ = m.eval(f.body, vars, id)
	return value
}

func (m *machine) eval(words []string, vars map[string]int, call int) (value int, rest []string) {
	head, rest := words[0], words[1:]
	if v, ok := vars[head]; ok {
		return v, rest
	}
	f, n := m.functions[head], 0
	if f != nil {
		n = len(f.params)
	} else if strings.Contains("+-*/?", head) {
		n = 2
	}
	v := make([]int, n)
	for i := range v {
		v[i], rest = m.eval(rest, vars, call)
	}
	switch {
	case f != nil:
		value = m.call(f, v, call)
	case head == "+":
		value = v[0] + v[1]
	case head == "-":
		value = v[0] - v[1]
	case head == "*":
		value = v[0] * v[1]
	case head == "/" && v[1] == 0:
		panic(&raised{kind: "NoQuotient", message: "nothing can be shared among 0"})
	case head == "/":
		value = v[0] / v[1]
	case head == "?" && v[0] != v[1]:
		panic(&raised{kind: "Unequal", message: fmt.Sprintf("%d is not %d", v[0], v[1])})
	default:
		value, _ = strconv.Atoi(head)
	}
	return value, rest
}

// Run runs the functions of a test's file, or of all files *_test.sum.
func (sum) Run(_ context.Context, req testrun.Request) (*testrun.Result, error) {
	overlay := maps.Clone(req.Overlay)
	if req.Test != nil {
		overlay = patch.Overlay{}
		maps.Copy(overlay, req.Overlay)
		overlay[req.Test.Path] = []byte(req.Test.Source)
	}
	functions, err := load(req.Tree, overlay)
	if err != nil {
		return nil, err
	}
	m := &machine{functions: functions, codes: map[*function]int{}}
	m.record(`{"k":"meta","v":1,"f":"trace-1","pid":1}`)
	res := &testrun.Result{Cause: sandbox.Exited, Traced: req.Trace != nil}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		if strings.HasSuffix(f.file, "_test.sum") && (req.Test == nil || f.file == req.Test.Path) {
			res.Tests = append(res.Tests, m.test(f))
		}
	}
	m.record(`{"k":"end","records":%d,"dropped":0}`, strings.Count(m.trace.String(), `"i":`))
	if res.Traced {
		res.Trace = m.trace.Bytes()
	}
	return res, nil
}

func (m *machine) test(f *function) (o testrun.Outcome) {
	o = testrun.Outcome{ID: f.file + "::" + f.name, Status: testrun.Passed}
	defer func() {
		if x, ok := recover().(*raised); ok {
			o.Status, o.Type, o.Message, o.Frames, m.stack = testrun.Failed, x.kind, x.message, x.frames, nil
		}
	}()
	m.call(f, nil, 0)
	return o
}

// Analyse finds the lines that can run, and the handlers that a patch adds.
// Refuses: nothing is raised on purpose.
func (sum) Refuses(context.Context, language.Question, language.Raise) (*language.Purpose, error) {
	return &language.Purpose{}, nil
}

func (sum) Analyse(_ context.Context, q language.Question) (*language.Analysis, error) {
	base, err := load(q.Tree, nil)
	if err != nil {
		return nil, err
	}
	head, err := load(q.Tree, q.Overlay)
	a := &language.Analysis{Lines: map[string]map[int][2]int{}}
	for name, f := range head {
		if a.Lines[f.file] == nil {
			a.Lines[f.file] = map[int][2]int{}
		}
		a.Lines[f.file][f.line] = [2]int{f.line, f.line}
		if before := base[name]; len(f.orElse) > 0 && (before == nil || len(before.orElse) == 0) {
			a.Broad = append(a.Broad, patch.Violation{Rule: "code-handler", Path: f.file, Line: f.line, Detail: "else in " + name})
		}
	}
	return a, err
}

// Neighbours varies the numbers of the test's call.
func (l sum) Neighbours(ctx context.Context, p language.Probe) (*language.Neighbourhood, error) {
	words := strings.Fields(p.Test.Source)
	near := &language.Neighbourhood{Calls: []language.Call{{Shown: strings.Join(words[2:], " "), Test: p.Test.Source}}}
	for i, word := range words[2:] {
		for step := range 20 {
			if n, err := strconv.Atoi(word); err == nil && step != n {
				other := slices.Clone(words)
				other[i+2] = strconv.Itoa(step)
				near.Calls = append(near.Calls, language.Call{Shown: strings.Join(other[2:], " "), Test: strings.Join(other, " "), Leaf: strconv.Itoa(i), From: word, To: other[i+2]})
			}
		}
	}
	var err error
	near.Answers, err = l.Answers(ctx, p, near.Calls)
	return near, err
}

// Answers runs each call on a machine of its own.
func (sum) Answers(_ context.Context, p language.Probe, calls []language.Call) (answers []language.Answer, err error) {
	for _, c := range calls {
		overlay := patch.Overlay{}
		maps.Copy(overlay, p.Overlay)
		overlay[p.Test.Path] = []byte(c.Test)
		functions, err := load(p.Tree, overlay)
		if err != nil {
			return nil, err
		}
		m := &machine{functions: functions, codes: map[*function]int{}}
		a := language.Answer{End: language.Returned, Type: "number"}
		func() {
			defer func() {
				if x, ok := recover().(*raised); ok {
					last := x.frames[len(x.frames)-1]
					a = language.Answer{End: language.Raised, Type: x.kind, Message: x.message, Raised: language.Place{Path: last.File, Function: last.Function, Line: last.Line}}
				}
			}()
			a.Value = strconv.Itoa(m.call(functions[p.Test.Name], nil, 0))
			a.Literal = a.Value
		}()
		a.Lines = map[string][]int{}
		for f := range m.codes {
			a.Lines[f.file] = append(a.Lines[f.file], f.line)
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// Rivals has none.
func (sum) Rivals(context.Context, language.Probe) ([]language.Rival, error) { return nil, nil }

// Compete has the calls answered on each overlay.
func (l sum) Compete(ctx context.Context, p language.Probe, overlays []patch.Overlay, calls []language.Call) (all [][]language.Answer, err error) {
	for _, p.Overlay = range overlays {
		answers, err := l.Answers(ctx, p, calls)
		if err != nil {
			return nil, err
		}
		all = append(all, answers)
	}
	return all, nil
}

// Pin has the test check the call's value: "call = f 1" becomes "call = ? 12 f 1".
func (sum) Pin(_ context.Context, p language.Pin) (language.Pinned, error) {
	head, body, ok := strings.Cut(p.Test.Source, "= ")
	if _, err := strconv.Atoi(p.Expect.Literal); err != nil || !ok {
		return language.Pinned{Test: p.Test}, nil //nolint:nilerr // it has no literal
	}
	p.Test.Source = head + "= ? " + p.Expect.Literal + " " + body
	return language.Pinned{Test: p.Test, Asserts: "the value"}, nil
}

// Stack takes an event's frames as they are: files are named from the tree.
func (sum) Stack(tree string, _ language.Setup, x *incident.Exception) (language.Stack, error) {
	functions, err := load(tree, nil)
	s := &stack{}
	for _, f := range x.InApp() {
		mapped := language.Frame{Frame: f}
		if known := functions[f.Function]; known != nil && known.file == f.File {
			mapped.Path = f.File
		}
		s.frames = append(s.frames, mapped)
	}
	return s, err
}

type stack struct{ frames []language.Frame }

func (s *stack) Frames() []language.Frame { return s.frames }
func (s *stack) Roots() []string          { return nil }
func (s *stack) Close() error             { return nil }

func (s *stack) Strategies(_ context.Context, _ string, story language.Story) ([]language.Strategy, error) {
	return []language.Strategy{literal{s.frames, story}}, nil
}

// literal calls a function with the arguments that were recorded.
type literal struct {
	frames []language.Frame
	story  language.Story
}

func (literal) Name() string { return "literal" }

func (l literal) Candidates(context.Context) (found []language.Candidate, hurdles []language.Hurdle, err error) {
	for i, f := range l.frames {
		words := []string{"incident_" + l.story.Name, "=", f.Function}
		for _, v := range f.Locals {
			if _, err := strconv.Atoi(v.Value.Repr); err != nil {
				hurdles = append(hurdles, language.Hurdle{Frame: i, At: f, What: v.Name + " is not a number", Name: v.Name})
				words = nil
				break
			}
			words = append(words, v.Value.Repr)
		}
		if words != nil {
			test := testrun.Test{Path: "tests/" + words[0] + "_test.sum", Name: words[0], Source: strings.Join(words, " ") + "\n"}
			found = append(found, language.Candidate{Test: test, Called: f.Function, Frame: i, Cost: 1})
		}
	}
	return found, hurdles, nil
}
