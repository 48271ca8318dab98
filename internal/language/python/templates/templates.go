// Package templates is the model-free proposer: it finds known kinds of
// mistakes with Python's own syntax tree.
//
// A Python program (embedded, standard library only) runs in the sandbox beside
// the base tree and the failing test. It observes where the test fails, which
// lines ran, what was swallowed and the frames' values; generates candidates at
// the places closest to the failure; runs the test on each; and orders those
// that pass by how well they agree with what the code does for inputs near the
// production one:
//
//	p := templates.New(backend, templates.Options{})
//	result, err := p.Repair(ctx, input) // *fault.Stop when nothing was accepted
//
// The program shares its interpreter with untrusted code, so its answer is only
// a list of suggestions: each is checked against the patch policy and then
// verified by Input.Judge, in order. Nothing else accepts a patch.
//
// The templates, as Attempt.Template names them:
//
//	off-by-one               a bound of range, an index, a slice, a start value
//	wrong-operator           a comparison, boolean or arithmetic operator
//	mutable-default          one default object for all calls
//	shared-class-attribute   one mutable attribute for all instances
//	over-broad-except        a handler that swallows what it was not meant for
//	ignored-absence          a documented None or empty result that a caller ignores
//	swapped-arguments        two arguments of a call
//	adjusted-argument        an argument plus or minus a variable in scope
//	missing-key              what is looked up, removed or split off may not be there, as the code around it allows
//	unnormalised-key         a text that is looked up in another case or with blanks
//	domain-error             bad input that the module's own error refuses elsewhere
//	accepted-format          a date or number format that other code or documentation names, tried where the text is parsed
//	converted-input          a number, text, bytes or time converted where the value entered
//	copied-argument          a list, dict or set copied before a function changes its caller's
//	shadowed-match           a search that finds a shorter entry before the one that was meant
//
// And where a test of the repository fails, so that what it asserts and the rest
// of the suite tell right from wrong:
//
//	wrong-name               a variable, attribute or function for another
//	wrong-expression         a part too many, too few, or in the wrong place
//	missing-statement        a step that was left out
//	missing-condition        a part of a condition, or a loop's end
//
// There a candidate has to pass the failing test and every test that passed on
// base. One under which another test that executes its lines still fails, or
// that inverts a condition without a passing test that executes it, is an
// alternative to ask about, and is never proposed.
//
// None of the others adds a guard at the place of the failure. A check for an
// absent value is proposed only where the callee documents the absence, in the
// caller that ignored it, with a behaviour that the code base already shows. A
// candidate on which the failing computation no longer runs counts as a detour
// and is dropped unless everything else speaks for it; so does one that breaks a
// test of the repository.
package templates

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
)

//go:embed repaird_templates/*.py
var files embed.FS

var engine = program.Program{Source: files, Dir: ".", Main: "repaird_templates.main"}

// Options limit the search. Zero fields take the defaults.
type Options struct {
	Candidates int           // tried on the test, default 400; 4,000 where tests of the repository assert values
	Time       time.Duration // of the search, before anything is verified; default 100 s
	RunTime    time.Duration // of one run of the test; default 4 s
}

// A Proposer finds patches without a model. It is safe for concurrent use.
type Proposer struct {
	sandbox program.Sandbox
	opts    Options
}

var _ repair.Proposer = (*Proposer)(nil)

// New returns a proposer whose search runs in sb.
func New(sb program.Sandbox, opts Options) *Proposer {
	if opts.Time == 0 {
		opts.Time = 100 * time.Second
	}
	if opts.RunTime == 0 {
		opts.RunTime = 4 * time.Second
	}
	return &Proposer{sb, opts}
}

// Name is "templates".
func (p *Proposer) Name() string { return "templates" }

// request is what the program reads.
type request struct {
	Test      testFile `json:"test"`
	Roots     []string `json:"roots"`
	Type      string   `json:"type"` // the failure's exception type
	Functions []hint   `json:"functions"`
	Limits    limits   `json:"limits"`
}

type testFile struct {
	Path   string `json:"path"`
	Name   string `json:"name"`
	Source string `json:"source"`
	Own    bool   `json:"own"`
}

// A hint is a function that the recorded trace shows.
type hint struct {
	File string `json:"file"`
	Name string `json:"name"`
	Line int    `json:"line"`
}

type limits struct {
	Candidates int     `json:"candidates"`
	Seconds    float64 `json:"seconds"`
	Run        float64 `json:"run"`
	Survivors  int     `json:"survivors"`
	Answers    int     `json:"answers"`
	Trials     int     `json:"trials"`
	Suite      float64 `json:"suite"` // seconds for one look at the repository's tests
}

// answer is what the program writes. It was produced beside untrusted code.
type answer struct {
	Observed    bool           `json:"observed"`
	Note        string         `json:"note"`
	Generated   int            `json:"generated"`
	Tried       int            `json:"tried"`
	Passed      int            `json:"passed"`  // that pass the failing test, and where it is the repository's own, the others
	Kept        int            `json:"kept"`    // of these, that break no other test
	Seconds     float64        `json:"seconds"` // that trying took
	Tests       int            `json:"tests"`   // of the repository that were looked at
	Failing     int            `json:"failing"` // of them, on base
	PerTemplate map[string]int `json:"per_template"`
	Candidates  []candidate    `json:"candidates"`
	Trials      []trial        `json:"trials"`
	Witnesses   int            `json:"witnesses"` // tests beside the failing one that execute what the candidates change
}

// A trial is a candidate that was tried on tests, with its edits.
type trial struct {
	repair.Trial
	Edits []patch.Edit `json:"edits"`
}

type candidate struct {
	Template    string       `json:"template"`
	Why         string       `json:"why"`
	Path        string       `json:"path"`
	Line        int          `json:"line"`
	Function    string       `json:"function"`
	Edits       []patch.Edit `json:"edits"`
	Score       float64      `json:"score"`
	Class       int          `json:"class"`
	Behaviour   int          `json:"behaviour"`   // equal numbers answer every probe equally
	Partial     []string     `json:"partial"`     // tests that execute the changed lines and still fail, as on base
	Mended      int          `json:"mended"`      // other tests that failed on base and pass
	Guess       bool         `json:"guess"`       // it inverts a condition or a result, and no test says that this is right
	Detour      bool         `json:"detour"`      // the failing computation no longer runs, and nothing says that this is meant
	Unsupported bool         `json:"unsupported"` // nothing in the code speaks for it: calls near the failing one must
	Trial       int          `json:"trial"`       // its index among the trials; -1 it is not among them
	Examples    struct {
		Failing int `json:"failing"` // documented examples that go wrong with it
	} `json:"examples"`
	changes bool // calls that base answers are answered otherwise with it
}

const (
	maxAnswer = 4 << 20
	survivors = 60
	suiteTime = 20 * time.Second
)

// candidates is how many are tried by default.
func candidates(t testrun.Test) int {
	if t.Own {
		return 4000
	}
	return 400
}

// search runs the program.
func (p *Proposer) search(ctx context.Context, in repair.Input) (*answer, error) {
	roots := in.Env.Roots
	if len(roots) == 0 {
		roots = []string{"."}
	}
	req := request{
		Test: testFile{in.Test.Path, in.Test.Name, in.Test.Source, in.Test.Own}, Roots: roots, Type: incident.BareName(in.Outcome.Type),
		Functions: hints(in.Trace),
		Limits: limits{Candidates: cmp.Or(p.opts.Candidates, candidates(in.Test)), Suite: suiteTime.Seconds(), Seconds: p.opts.Time.Seconds(), Run: p.opts.RunTime.Seconds(),
			Survivors: survivors, Answers: survivors, Trials: maxTrials},
	}
	spec := program.Spec{
		Run: in.Run, Env: in.Env, Tree: in.Tree, Beside: true, Answer: maxAnswer,
		Limits: sandbox.Limits{Wall: p.opts.Time + 60*time.Second, CPUs: 2},
	}
	var a answer
	err := engine.Run(ctx, p.sandbox, spec, req, &a)
	var failure *program.Failure
	switch {
	case errors.As(err, &failure) && failure.Answer == "":
		return &answer{Note: fmt.Sprintf("the search terminated with %s (exit code %d): %s", failure.Cause, failure.Exit, lastLine(failure.Stderr))}, nil
	case errors.As(err, &failure):
		return &answer{Note: "the search: " + failure.Answer}, nil
	case err != nil:
		return nil, err
	}
	if len(a.Candidates) > survivors {
		a.Candidates = a.Candidates[:survivors]
	}
	return &a, nil
}

func lastLine(out []byte) string {
	out = bytes.TrimSpace(out)
	line := string(out[bytes.LastIndexByte(out, '\n')+1:])
	if len(line) > 300 {
		line = line[:300]
	}
	return strings.ToValidUTF8(line, "")
}

// hints returns the first 200 functions of the tree in the red trace, in the order
// of their first call.
func hints(tr []byte) []hint {
	if len(tr) == 0 {
		return nil
	}
	t, err := trace.Read(bytes.NewReader(tr))
	if err != nil || t == nil {
		return nil
	}
	seen := map[hint]bool{}
	var out []hint
	for r := range t.All() {
		if r.Code == nil || r.Code.Kind == "module" || len(out) >= 200 {
			continue
		}
		file, ok := strings.CutPrefix(r.Code.File, testrun.Root+"/")
		h := hint{file, incident.BareName(r.Code.Name), r.Code.Line}
		if ok && !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
	}
	return out
}

// stop returns the typed end of a search that found nothing.
func stop(t fault.StopType, detail, help string) *fault.Stop {
	return &fault.Stop{Type: t, Detail: detail, Help: help}
}
