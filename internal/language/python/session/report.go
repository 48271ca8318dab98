package session

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// maxReport limits a decompressed report, in bytes.
const maxReport = 128 << 20

// report is what the parent saw.
type report struct {
	Status   int       `json:"status"` // of the child, negative a signal
	Late     bool      `json:"late"`   // the parent terminated the session
	Fault    string    `json:"fault"`  // what was wrong with the channel
	Messages []message `json:"messages"`
	Output   string    `json:"output"`
}

// message is one line of the child; which fields it has depends on T.
type message struct {
	T       string           `json:"t"` // hello, error, collected, start, test, end; of the driver also unfit, call, watch, later; of the pool message, session
	ID      string           `json:"id"`
	Text    string           `json:"text"`
	IDs     []string         `json:"ids"`
	I       int              `json:"i"`
	Status  json.RawMessage  `json:"status"` // of a test its name, of the end a number
	Type    string           `json:"type"`
	Message string           `json:"message"`
	Frames  []incident.Frame `json:"frames"`
	Raised  bool             `json:"raised"`
	Seconds float64          `json:"seconds"`
	Ran     map[string][]int `json:"ran"`
	Python  string           `json:"python"`
	Pytest  string           `json:"pytest"`
	Traced  bool             `json:"traced"`
	Tracer  string           `json:"tracer"`
	Seen    []message        `json:"seen"`   // of the driver: exceptions, and whether
	Whole   bool             `json:"whole"`  // it saw all
	Of      *message         `json:"of"`     // of the pool: what a session said, or
	Report  *report          `json:"report"` // how it ended, without messages
}

func (m message) status() (s testrun.Status) {
	_ = json.Unmarshal(m.Status, &s) // "" if it is not a string
	return s
}

func (m message) exit() (code int) {
	if json.Unmarshal(m.Status, &code) != nil {
		return -1
	}
	return code
}

// openReport finds the parent's report in the session's standard output. The
// first line commits to a secret; the report is the line that reveals it.
func openReport(stdout []byte) (*report, error) {
	first, rest, _ := bytes.Cut(stdout, []byte("\n"))
	commit, ok := strings.CutPrefix(string(first), "repaird-commit ")
	if !ok {
		return nil, errors.New("the runner did not start")
	}
	for len(rest) > 0 {
		i := bytes.Index(rest, []byte("repaird-report "))
		if i < 0 {
			break
		}
		line, _, whole := bytes.Cut(rest[i:], []byte("\n"))
		rest = rest[i+1:]
		fields := strings.Fields(string(line))
		if !whole || len(fields) != 3 {
			continue
		}
		secret, err := hex.DecodeString(fields[1])
		if sum := sha256.Sum256(secret); err != nil || hex.EncodeToString(sum[:]) != commit {
			continue
		}
		return unpack(fields[2])
	}
	return nil, errors.New("the runner was terminated before it could report")
}

func unpack(packed string) (*report, error) {
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return nil, err
	}
	z, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(z, maxReport+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxReport {
		return nil, fmt.Errorf("more than %d bytes", maxReport)
	}
	var rep report
	if err := json.Unmarshal(data, &rep); err != nil {
		return nil, err
	}
	return &rep, nil
}

// evaluate fills res from the report and decides whether it can be trusted.
func evaluate(res *testrun.Result, rep *report, req testrun.Request, canaries [2]canary) error {
	res.Output = rep.Output
	s := session{current: -1}
	for _, m := range rep.Messages {
		if s.forged == "" {
			s.message(m)
		}
	}
	if !s.hello && rep.Late {
		res.Cause = sandbox.Timeout
		return nil
	}
	if !s.hello {
		return fault.Errorf(fault.NotFound, "pytest could not be started: %s", lastLines(rep.Output, 2000))
	}
	res.Interpreter, res.Runner, res.Traced, res.Tracer = s.python, s.pytest, s.traced, s.tracer
	res.Errors, res.Loaded = s.errors, s.loaded
	if rep.Late {
		res.Cause = sandbox.Timeout
	}
	switch {
	case rep.Fault != "":
		s.forged = rep.Fault
	case s.forged != "":
	default:
		s.finish(res, rep, canaries)
	}
	res.Forged = s.forged
	res.Tests = s.results(rep.Late, req.Test)
	return nil
}

// session follows the messages of one session.
type session struct {
	hello, traced, collected, ended bool
	python, pytest, tracer, forged  string
	errors                          []string
	ids                             []string
	current                         int // test that runs, -1 none
	tests                           []message
	loaded                          map[string][]int
	exit                            int
}

func (s *session) message(m message) {
	if s.ended || (!s.hello && m.T != "hello") {
		s.forged = "a message outside the session: " + m.T
		return
	}
	switch m.T {
	case "hello":
		if s.hello {
			s.forged = "the session started twice"
		}
		s.hello, s.python, s.pytest, s.traced, s.tracer = true, m.Python, m.Pytest, m.Traced, m.Tracer
	case "error":
		s.errors = append(s.errors, m.ID+": "+m.Text)
	case "collected":
		if s.collected {
			s.forged = "tests were collected twice"
		}
		s.collected, s.ids, s.loaded = true, m.IDs, inTree(m.Ran)
	case "start":
		if s.current >= 0 || m.I != len(s.tests) || m.I >= len(s.ids) {
			s.forged = "tests did not run in the order in which they were collected"
		}
		s.current = m.I
	case "test":
		if s.current < 0 || m.I != s.current {
			s.forged = "the outcome of a test that did not run"
			return
		}
		s.current = -1
		m.ID = s.ids[m.I]
		switch st := m.status(); {
		case st != testrun.Passed && st != testrun.Failed && st != testrun.Error && st != testrun.Skipped:
			s.forged = fmt.Sprintf("%s ended without an outcome", m.ID)
		case st == testrun.Passed && m.Raised:
			s.forged = fmt.Sprintf("%s was reported as passed although it raised %s", m.ID, m.Type)
		}
		s.tests = append(s.tests, m)
	case "end":
		s.ended, s.exit = true, m.exit()
	default:
		s.forged = "an unknown message: " + m.T
	}
}

// finish applies the rules that need the whole session.
func (s *session) finish(res *testrun.Result, rep *report, canaries [2]canary) {
	switch {
	case rep.Late:
		if len(s.tests) > 0 && !canaries[0].held(s.tests[0]) {
			s.forged = "the first canary did not fail"
		}
		return
	case !s.ended:
		s.forged = "the session finished before pytest did: " + statusText(rep.Status)
	case s.exit != rep.Status:
		s.forged = fmt.Sprintf("pytest returned exit code %d, its process %s", s.exit, statusText(rep.Status))
	case !s.collected:
		res.Errors = append(res.Errors, fmt.Sprintf("pytest exited with code %d before collecting tests", s.exit))
	case len(s.tests) != len(s.ids):
		s.forged = fmt.Sprintf("%d tests were collected, %d reported", len(s.ids), len(s.tests))
	case len(s.tests) < 2 || !canaries[0].held(s.tests[0]) || !canaries[1].held(s.tests[len(s.tests)-1]):
		s.forged = "a canary did not fail"
	case s.exit != 1:
		s.forged = fmt.Sprintf("tests failed, but pytest exited with code %d", s.exit)
	}
}

// held reports whether the canary failed as required.
func (c canary) held(m message) bool {
	return strings.HasSuffix(m.ID, "::"+c.name) && m.status() == testrun.Failed &&
		m.Type == "AssertionError" && m.Message == c.token
}

// results are the tests between the canaries.
func (s *session) results(late bool, test *testrun.Test) []testrun.Outcome {
	var made []testrun.Outcome
	for i, m := range s.tests {
		if i == 0 || i == len(s.ids)-1 {
			continue
		}
		made = append(made, testrun.Outcome{
			ID: shownID(m.ID, test), Status: m.status(), Type: m.Type, Message: m.Message,
			Frames: m.Frames, Seconds: m.Seconds, Ran: inTree(m.Ran),
		})
	}
	if n := s.current; late && n > 0 && n < len(s.ids)-1 {
		made = append(made, testrun.Outcome{
			ID: shownID(s.ids[n], test), Status: testrun.Failed, Type: testrun.TimeoutType,
			Message: "the test did not finish within the session's time limit",
		})
	}
	return made
}

// inTree makes paths relative to the tree.
func inTree(lines map[string][]int) map[string][]int {
	var made map[string][]int
	for name, numbers := range lines {
		if rel, ok := strings.CutPrefix(name, testrun.Root+"/"); ok {
			if made == nil {
				made = map[string][]int{}
			}
			made[rel] = numbers
		}
	}
	return made
}

// shownID gives a synthesized test the id that it has in the repository.
func shownID(id string, test *testrun.Test) string {
	if test == nil || test.Own {
		return id
	}
	_, name, _ := strings.Cut(id, "::")
	return test.Path + "::" + name
}

func statusText(status int) string {
	if status < 0 {
		return fmt.Sprintf("signal %d", -status)
	}
	return fmt.Sprintf("status %d", status)
}

func lastLines(s string, n int) string {
	s = strings.TrimSpace(s)
	if len(s) > n {
		s = s[len(s)-n:]
	}
	return s
}
