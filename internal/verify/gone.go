package verify

import (
	"context"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/verify/pair"
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
	p := j.pair()
	for _, question := range []func() string{p.Contradicted, p.StillRaised, p.PartsEarly} {
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
	case d != nil && d.Later != nil && p.Fails(*d.Later):
		return failed("what the test's call returns %s once it is used: the failure is put off", describe(*d.Later)), nil
	case watched && !pair.Whole(p.Green):
		if n := p.Count(d.Raised) - p.SwallowedOnBase(); n > 0 {
			return failed("the incident's %s is still raised, %s more than on base, in a run without the tracer", j.in.Signature.Type, count(n, "time")), nil
		}
		return held("in a run that was watched from beginning to end the incident's exception is not raised; the trace lacks records"), nil
	case !pair.Whole(p.Green) && !j.in.Quick:
		j.grounds = append(j.grounds, behaviour.Ground{Name: SameFailureGone, Effect: behaviour.Lowers,
			Evidence: "the trace of the run with the patch lacks records, so that it is not known whether the failure is gone or swallowed"})
		return notApplied("the trace of the run with the patch lacks records, and no other run was watched to its end"), nil
	}
	evidence := "the green run holds the incident's exception neither escaping nor newly swallowed"
	if p.PartsInPatch() {
		evidence += ", and parts from the red one in what the patch changes"
	}
	return held("%s", evidence), nil
}
