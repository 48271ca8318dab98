package testrun

import (
	"time"

	"github.com/repaird/repaird/internal/sandbox"
)

// Conditions are what a program can know of where and when it runs. Their zero
// value is that of a session.
type Conditions struct {
	Seed      int           // of hashes and of all randomness in the interpreter
	Home      string        // home directory, below /tmp
	Dir       string        // working directory, below /tmp; "" is the tree
	Root      string        // the tree's path in the sandbox; "" is Root
	Ahead     time.Duration // of the clock
	Processes int           // that were started before
}

// A Driven is what a bare driver, without a test runner, reported of a test's
// function that it called several times in one process.
type Driven struct {
	Calls  []Outcome     `json:"calls"`
	Later  *Outcome      `json:"later,omitempty"`  // how using what the calls inside returned failed: running a function or generator that they put off
	Raised []Outcome     `json:"raised,omitempty"` // exceptions of the watched type that the tree raised in the last call, handled or not; the frame is the one that raised
	Whole  bool          `json:"whole"`            // the last call was watched from beginning to end
	Unfit  string        `json:"unfit,omitempty"`  // why the driver cannot call the test; nothing else is set then
	Forged string        `json:"forged,omitempty"` // not empty: nothing else may be trusted
	Cause  sandbox.Cause `json:"cause"`
}
