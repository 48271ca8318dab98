package verify

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// sameFailureGone asks whether the failure does not happen any more, or happens
// where the test does not see it. It rejects a patch with which
//
//   - the incident's exception is still raised, and leaves the traced code or is
//     swallowed where it was not on base, other than by a handler that the patch
//     adds, which no-band-aid judges;
//   - what the test's calls return fails as the incident did once it is used;
//   - the red and the green run part before anything that the patch changes is
//     called, so that it is not the change that made them part;
//   - the trace tells of another test than the session.
//
// Where records are missing, in a full verification the driver's watch over the
// whole run takes their place. Where it saw too little as well, the failure is not
// known to be gone: the gate does not apply, and the strength is lower.
func (j *verification) sameFailureGone(ctx context.Context) (finding, error) {
	if j.green.read == nil {
		return failed("there is no trace of the run with the patch (%s), so nothing shows that the failure is gone", j.green.why), nil
	}
	for _, question := range []func() string{j.contradicted, j.stillRaised, j.partsEarly} {
		if why := question(); why != "" {
			return failed("%s", why), nil
		}
	}
	d, err := j.away(ctx)
	if err != nil {
		return finding{}, err
	}
	watched := d != nil && len(d.Calls) == 2 && d.Whole && d.Forged == ""
	switch {
	case d != nil && d.Later != nil && j.same(d.Later.Type, d.Later.Message, innermost(*d.Later)):
		return failed("what the test's call returns %s once it is used: the failure is put off", describe(*d.Later)), nil
	case watched && !whole(j.green.read):
		if n := j.watched(d.Raised) - j.swallowedRed(); n > 0 {
			return failed("the incident's %s is still raised, %s more than on base, in a run without the tracer", j.in.Signature.Type, count(n, "time")), nil
		}
		return held("in a run that was watched from beginning to end the incident's exception is not raised; the trace lacks records"), nil
	case !whole(j.green.read) && !j.in.Quick:
		j.grounds = append(j.grounds, behaviour.Ground{Name: SameFailureGone, Effect: behaviour.Lowers,
			Evidence: "the trace of the run with the patch lacks records, so that it is not known whether the failure is gone or swallowed"})
		return notApplied("the trace of the run with the patch lacks records, and no other run was watched to its end"), nil
	}
	return held("the green run holds the incident's exception neither escaping nor newly swallowed%s", j.parted()), nil
}

// same reports whether an exception is the incident's: of its type and message,
// from the function that crashed.
func (j *verification) same(kind, message string, at language.Level) bool {
	if j.v.Rules.Exhausts(kind) {
		return kind == j.in.Signature.Type
	}
	return kind == j.in.Signature.Type && plain(message) == plain(j.failure.Message) &&
		(j.in.Signature.Function == "" || at.Path == j.in.Signature.File && at.Function == j.in.Signature.Function)
}

// plain is a message without what varies; a trace has the beginning of a long one.
func plain(message string) string {
	message = volatile.ReplaceAllString(message, "")
	return message[:min(len(message), 150)]
}

func (j *verification) sameRaise(r trace.Raise) bool {
	return j.same(r.Type, r.Message, language.Level{Path: strings.TrimPrefix(r.File, treeRoot), Function: incident.BareName(r.Name)})
}

// innermost is an outcome's innermost place in the tree.
func innermost(o testrun.Outcome) language.Level {
	sig := o.Signature()
	return language.Level{Path: sig.File, Function: sig.Function}
}

// watched counts those of the watched exceptions that are the incident's.
func (j *verification) watched(seen []testrun.Outcome) (n int) {
	for _, o := range seen {
		if j.same(o.Type, o.Message, innermost(o)) {
			n++
		}
	}
	return n
}

func (j *verification) swallowedRed() (n int) {
	if j.red.read == nil {
		return 0
	}
	for _, s := range j.red.read.Swallowed() {
		if j.sameRaise(s.Raise) {
			n++
		}
	}
	return n
}

// contradicted says where the trace tells of another test than the session.
func (j *verification) contradicted() string {
	if j.in.Test.Own {
		return "" // it has more than a function of its name
	}
	calls, ended := 0, ""
	for _, c := range callsOf(j.green.read) {
		if incident.BareName(c.Code.Name) != j.in.Test.Name || path.Base(c.Code.File) != path.Base(j.in.Test.Path) {
			continue
		}
		calls++
		if end := j.green.read.Call(c.Call).End(); end.Kind == wire.KindUnwind {
			ended = end.Type()
		}
	}
	switch {
	case ended != "" && (j.refused == nil || ended != j.refused.signature.Type):
		return fmt.Sprintf("the session says that the test passed, and the trace that it ended with %s", clip(ended, 100))
	case calls == 0 && whole(j.green.read):
		return "the session says that the test passed, and in the trace its function is never called"
	}
	return ""
}

// stillRaised names an exception of the green run that is the incident's.
func (j *verification) stillRaised() string {
	for _, r := range j.green.read.Raised() {
		if r.Escaped && j.sameRaise(r) {
			return fmt.Sprintf("with the patch, %s is still raised in %s at %s:%d, and leaves it", r.Type, r.Name, strings.TrimPrefix(r.File, treeRoot), r.Line)
		}
	}
	type pair struct{ file, function, handlerFile, handler string }
	known := map[pair]bool{}
	of := func(s trace.Swallow) pair {
		return pair{s.File, incident.BareName(s.Name), s.HandlerFile, incident.BareName(s.HandlerName)}
	}
	if j.red.read != nil {
		for _, s := range j.red.read.Swallowed() {
			known[of(s)] = known[of(s)] || j.sameRaise(s.Raise)
		}
	}
	for _, s := range j.green.read.Swallowed() {
		if j.sameRaise(s.Raise) && !known[of(s)] && !j.handles(s) {
			return fmt.Sprintf("with the patch, %s is still raised in %s at %s:%d, and swallowed in %s at line %d, a handler that it does not add",
				s.Type, s.Name, strings.TrimPrefix(s.File, treeRoot), s.Line, s.HandlerName, s.Handler)
		}
	}
	return ""
}

// handles reports whether an exception ended in a handler that the patch adds or
// changes.
func (j *verification) handles(s trace.Swallow) bool {
	return slices.ContainsFunc(j.analysis.Guards, func(g language.Guard) bool {
		return (g.Kind == language.GuardHandler || g.Handler > 0) && g.Path == strings.TrimPrefix(s.HandlerFile, treeRoot) &&
			incident.BareName(g.Function) == incident.BareName(s.HandlerName)
	})
}

// A calling is a call of the tree in the order of a trace.
type calling struct {
	*trace.Record
	function language.Level // without its line
}

func (j *verification) callings(t *trace.Trace) []calling {
	var list []calling
	for r := range t.All() {
		if r.Kind == wire.KindCall && r.Code != nil && strings.HasPrefix(r.Code.File, treeRoot) {
			list = append(list, calling{&r, language.Level{Path: strings.TrimPrefix(r.Code.File, treeRoot), Function: incident.BareName(r.Code.Name)}})
		}
	}
	return list
}

// patched returns the functions that the patch changes; ok is false where it
// changes something else too, which may show anywhere.
func (j *verification) patched() (functions map[language.Level]bool, ok bool) {
	functions = map[language.Level]bool{}
	for name := range j.overlay {
		changed, known := j.analysis.Changed[name]
		if !known || slices.Contains(changed, "") {
			return nil, false
		}
		for _, f := range changed {
			functions[language.Level{Path: name, Function: incident.BareName(f)}] = true
		}
	}
	return functions, true
}

// partsEarly says where the runs part if that is before the patch; "" where it is
// not, or where the traces do not tell.
func (j *verification) partsEarly() string {
	if j.red.read == nil || !whole(j.red.read) || !whole(j.green.read) || len(j.green.read.Processes) != 1 || len(j.green.read.Processes[0].Threads) > 1 {
		return ""
	}
	functions, ok := j.patched()
	if !ok {
		return ""
	}
	red, green := j.callings(j.red.read), j.callings(j.green.read)
	n := 0
	called := func(c calling) bool { return functions[c.function] }
	if !slices.ContainsFunc(red, called) && !slices.ContainsFunc(green, called) {
		return "" // on-path asks whether what changed ran
	}
	// Arguments are not compared: the order of a set of objects may be another.
	for n < len(red) && n < len(green) && red[n].function == green[n].function {
		if functions[green[n].function] {
			return "" // what it does otherwise is the patch's
		}
		n++
	}
	at := "their end"
	for i, run := range [][]calling{red, green} {
		if n >= len(run) {
			continue
		}
		calls := callsOf([]*trace.Trace{j.red.read, j.green.read}[i])
		for c := calls[run[n].Call]; c != nil; c = calls[c.Parent] {
			if functions[language.Level{Path: strings.TrimPrefix(c.Code.File, treeRoot), Function: incident.BareName(c.Code.Name)}] {
				return ""
			}
		}
		at = fmt.Sprintf("%s in %s", run[n].function.Function, run[n].function.Path)
	}
	return fmt.Sprintf("the runs with and without the patch part at %s, and no function that the patch changes was called until then", at)
}

// parted adds where the runs part, if that is known.
func (j *verification) parted() string {
	if _, ok := j.patched(); ok && j.red.read != nil && whole(j.red.read) && whole(j.green.read) {
		return ", and parts from the red one in what the patch changes"
	}
	return ""
}
