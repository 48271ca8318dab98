package session

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/language/python/tree"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// driven is what driver.py reads besides a session's configuration.
type driven struct {
	config
	Function  string    `json:"function"`
	Home      string    `json:"home"`
	Ahead     float64   `json:"ahead"` // seconds
	Processes int       `json:"processes"`
	Watched   string    `json:"exception"` // name of an exception's class
	Tokens    [2]string `json:"tokens"`
}

// Drive calls a synthesized test's function twice, with runner/driver.py in the
// place of pytest.
func (r *Runner) Drive(ctx context.Context, req testrun.Request, under testrun.Conditions, watch string) (res *testrun.Driven, err error) {
	defer fault.Wrap(&err, "drive the test")
	if req.Test == nil || req.Test.Own {
		return &testrun.Driven{Unfit: "the test is one of the repository's, and may need its test runner"}, nil
	}
	dir, _, cleanup, err := tree.With(r.Scratch, req.Tree, req.Overlay, patchrules.Steers)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	canaries := [2]canary{newCanary(), newCanary()}
	spec, err := specOf(testrun.Request{Run: req.Run, Env: req.Env, Tree: dir, Test: req.Test, Limits: req.Limits, Seed: under.Seed}, dir, canaries)
	if err != nil {
		return nil, err
	}
	root := cmp.Or(under.Root, testrun.Root)
	d := driven{
		Function: req.Test.Name, Home: under.Home, Ahead: under.Ahead.Seconds(), Processes: under.Processes,
		Watched: watch, Tokens: [2]string{canaries[0].token, canaries[1].token},
	}
	if err := json.Unmarshal(spec.Files["runner/config.json"], &d.config); err != nil {
		return nil, err
	}
	d.Script, d.Root, d.Dir = "driver.py", root, cmp.Or(under.Dir, root)
	if spec.Files["runner/config.json"], err = json.Marshal(d); err != nil {
		return nil, err
	}
	spec.Dir, spec.Mounts = "/tmp", program.Mounts(dir, req.Env)
	spec.Mounts[0].Target = root
	ran, err := r.Backend.Run(ctx, spec)
	if err != nil {
		return nil, err
	}
	res = &testrun.Driven{Cause: ran.Cause}
	if ran.Cause != sandbox.Exited {
		return res, nil
	}
	rep, err := openReport(ran.Stdout)
	if err != nil {
		res.Forged = fmt.Sprintf("no report from the driver (exit code %d): %v", ran.Exit, err)
		return res, nil
	}
	drive(res, rep, canaries, path.Base(req.Test.Path))
	return res, nil
}

// drive reads the driver's messages: between two canaries the calls, and what was
// seen in the last of them.
func drive(res *testrun.Driven, rep *report, canaries [2]canary, id string) {
	if rep.Late {
		res.Cause = sandbox.Timeout
		return
	}
	var tokens []string
	ended, exit := false, -1
	for i, m := range rep.Messages {
		o := testrun.Outcome{ID: id, Status: m.status(), Type: m.Type, Message: m.Message, Frames: m.Frames}
		switch {
		case (m.T == "hello") != (i == 0) || ended:
			res.Forged = "a message outside the drive: " + m.T
		case m.T == "unfit":
			res.Unfit = m.Text
		case m.T == "call" && (o.Type == "AssertionError" && (o.Message == canaries[0].token || o.Message == canaries[1].token)):
			tokens = append(tokens, o.Message)
		case m.T == "call" && (len(tokens) != 1 || m.I != len(res.Calls)+1):
			res.Forged = "a canary did not fail"
		case m.T == "call":
			res.Calls = append(res.Calls, o)
		case m.T == "watch":
			res.Whole = m.Whole
			for _, s := range m.Seen {
				res.Raised = append(res.Raised, testrun.Outcome{ID: id, Status: testrun.Failed, Type: s.Type, Message: s.Message, Frames: s.Frames})
			}
		case m.T == "later":
			res.Later = &o
		case m.T == "end":
			ended, exit = true, m.exit()
		}
	}
	switch {
	case rep.Fault != "":
		res.Forged = rep.Fault
	case res.Forged != "":
	case !ended || exit != rep.Status:
		res.Forged = "the driver's process ended before its report did: " + statusText(rep.Status)
	case len(tokens) != 2 || tokens[0] != canaries[0].token || tokens[1] != canaries[1].token:
		res.Forged = "a canary did not fail"
	case res.Unfit == "" && len(res.Calls) != 2:
		res.Forged = fmt.Sprintf("%d calls were reported, not 2", len(res.Calls))
	}
}
