package pytrace

import "context"

// Follow reads the trace files of a directory while they are written, and
// calls fn with each record as soon as it is there: in order within a process,
// and by arrival among processes. New files are picked up. What a full tail
// file held and Follow had not read when it was wiped is missed, and counted.
//
// Follow returns when ctx is done, after it has read what was written until
// then: cancel it once the traced command has ended. It returns the error of
// fn, which ends it at once, or that of reading the directory. A Record that fn
// got stays valid; its Call and Exc are unique, but its trace's tree and
// findings are those of a Trace that ReadDir gives at the end.
func Follow(ctx context.Context, dir string, fn func(Followed) error) (missed int, err error) {
	return 0, nil
}

// A Followed is a record of a process that still runs.
type Followed struct {
	Record
	Process Process // that wrote it, as known so far; Process.PID tells processes apart
	Task    string  // name of the asyncio task
	Thread  string  // name of the thread
}
