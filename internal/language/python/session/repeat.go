package session

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// Repeat runs the same session n times in one sandbox, each in a process that
// has imported pytest but nothing of the tree (runner/pool.py). The first is as
// good as one of Run. The others have the same memory layout, so that what
// depends on addresses varies less.
func (r *Runner) Repeat(ctx context.Context, req testrun.Request, n int) (results []*testrun.Result, err error) {
	if n == 1 {
		res, err := r.Run(ctx, req)
		return []*testrun.Result{res}, err
	}
	defer fault.Wrap(&err, "run pytest %d times", n)
	if req.Trace != nil {
		return nil, fault.Errorf(fault.Invalid, "a session that is traced has a sandbox of its own")
	}
	dir, ignored, cleanup, err := r.materialise(req.Tree, req.Overlay)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	each := req.Limits.WithDefaults().Wall
	req.Limits.Wall = time.Duration(n+1) * each // one share for the start
	canaries := [2]canary{newCanary(), newCanary()}
	spec, err := specOf(req, dir, canaries)
	if err != nil {
		return nil, err
	}
	var cfg config
	if err := json.Unmarshal(spec.Files["runner/config.json"], &cfg); err != nil {
		return nil, err
	}
	cfg.Script, cfg.Repeats, cfg.Session = "pool.py", n, innerWall(each).Seconds()
	if spec.Files["runner/config.json"], err = json.Marshal(cfg); err != nil {
		return nil, err
	}
	ran, err := r.Backend.Run(ctx, spec)
	if err != nil {
		return nil, err
	}
	for range n {
		results = append(results, &testrun.Result{Cause: ran.Cause, Wall: ran.Wall, Ignored: ignored})
	}
	if ran.Cause != sandbox.Exited {
		for _, res := range results {
			res.Output = tailOf(ran.Stderr)
		}
		return results, nil
	}
	rep, err := openReport(ran.Stdout)
	if err != nil {
		for _, res := range results {
			res.Output, res.Forged = tailOf(ran.Stderr), fmt.Sprintf("no report from the runner (exit code %d): %v", ran.Exit, err)
		}
		return results, nil
	}
	return results, repeated(results, rep, req, canaries)
}

// repeated fills the results from a pool's report. A session that it does not
// account for is forged: one before it has ended the pool.
func repeated(results []*testrun.Result, rep *report, req testrun.Request, canaries [2]canary) error {
	sessions := make([]report, len(results))
	var seconds []float64 // of the sessions that ended
	ready, ended, broken := false, false, rep.Fault
	for _, m := range rep.Messages {
		current := m.I == len(seconds) && m.I < len(sessions)
		switch {
		case m.T == "hello" && !ready:
			ready = true
		case m.T == "message" && current && m.Of != nil:
			sessions[m.I].Messages = append(sessions[m.I].Messages, *m.Of)
		case m.T == "session" && current && m.Report != nil:
			said := sessions[m.I].Messages
			sessions[m.I] = *m.Report
			sessions[m.I].Messages = said
			seconds = append(seconds, m.Seconds)
		case m.T == "end" && len(seconds) == len(sessions):
			ended = true
		default:
			broken = "a message outside the sessions: " + m.T
		}
	}
	switch {
	case !ready && !rep.Late && broken == "":
		return fault.Errorf(fault.NotFound, "pytest could not be started: %s", lastLines(rep.Output, 2000))
	case !ended && !rep.Late && broken == "":
		broken = fmt.Sprintf("the sessions' process ended after %d of %d: %s", len(seconds), len(sessions), statusText(rep.Status))
	}
	for i, res := range results {
		switch {
		case broken != "":
			res.Forged = broken
		case i >= len(seconds):
			res.Cause = sandbox.Timeout
		default:
			if err := evaluate(res, &sessions[i], req, canaries); err != nil {
				return err
			}
			res.Wall = time.Duration(seconds[i] * float64(time.Second))
		}
	}
	return nil
}
