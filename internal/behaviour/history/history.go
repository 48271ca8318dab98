// Package history asks earlier commits what the failing call answered there,
// and which commit broke it. It knows no language and no version control: a
// Source has the commits, a language.Prober makes the calls.
//
//	past, err := history.Search{Prober: lang, Session: lang, Rules: lang, Source: s, Probe: p, Near: near, Signature: sig}.Find(ctx)
//	if g := past.Ground(near, head, green); g != nil { … }
//
// That the call once answered proves little: the answer may have been wrong, or
// the commit that broke it may have meant to refuse such input. So it
// establishes what is right only if
//
//   - at least two ancestors answer the call alike, the newest of those that answer it;
//   - the commit that broke it is known (its parent answers, it fails as the incident did), and changed a file that the call runs;
//   - no exception of the incident's type is swallowed in the ancestors' answer, and the commit did not add the statement that raises it;
//   - the ancestors' suite passed, and ran every changed line that the call ran;
//   - the ancestors meet the tests that the commit brought, but for what is new: it did not change what was expected;
//   - no rule of package behaviour would reject a patch for answering as the ancestors do;
//   - near the call, the code still answers as on the commit that broke it: nothing else has changed since.
//
// Anything missing is a doubt; with one the history is a hint.
package history

import (
	"context"
	"time"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/trace"
)

// A Source has the commits of one line of ancestors. Safe for concurrent use.
type Source interface {
	// Commits returns the incident's commit and its ancestors by first parents,
	// newest first, at most n; one or none where there is no history.
	Commits(ctx context.Context, n int) ([]Commit, error)
	// Tree returns the files of a commit, which are not to be changed; they stay
	// until release is called.
	Tree(ctx context.Context, c Commit) (dir string, release func(), err error)
}

// A Commit is one commit. Its texts are untrusted.
type Commit struct {
	ID      string    `json:"id"`
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
	Changed []string  `json:"-"` // paths that differ from its first parent
	Merge   bool      `json:"merge,omitempty"`
}

// A Search is for what earlier commits answered. Limits that are 0 take their
// defaults.
type Search struct {
	Prober    language.Prober
	Session   language.Session
	Rules     language.Rules
	Source    Source
	Probe     language.Probe          // on base
	Near      *language.Neighbourhood // of the test, on base
	Signature incident.Signature
	Suite     []string // of the repository, as testrun.Request takes it

	Commits int           // that are asked, default 16
	Wall    time.Duration // of all, default 2 minutes
	Suites  time.Duration // of one run of the suite, default 20 seconds
}

const (
	defaultCommits = 16
	defaultWall    = 2 * time.Minute
	defaultSuites  = 20 * time.Second
	maxLine        = 256 // commits that are considered
	enough         = 3   // ancestors that agree: no more are asked
	several        = 2   // that have to agree
)

// A Past is what earlier commits answered.
type Past struct {
	Broke   *Commit  // the commit that broke the call, nil where it is not known
	Agree   []Commit // ancestors that answer alike, newest first; the first is the newest that answers
	Tried   int      // commits that were asked
	Skipped int      // of them, those where the call could not be observed, or failed differently
	Doubts  []Doubt

	answers   []language.Answer // of the newest of Agree, to the neighbourhood's calls
	green     *trace.Trace      // its run of the test; nil where there is none
	functions []function        // that the commit changed and the call ran
}

// A Doubt is why the past does not establish what is right.
type Doubt struct {
	Why string
	// Opposed says that it speaks against the ancestors' answer itself: a patch
	// may well answer differently.
	Opposed bool
}
