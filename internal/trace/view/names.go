package view

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/trace"
)

// CallName is how views write the id of a call: its number within the process,
// after the process's own, from 0, and a point where that is not 0.
func CallName(id int64) string {
	if p := id >> procShift; p != 0 {
		return strconv.FormatInt(p, 10) + "." + strconv.FormatInt(Number(id), 10)
	}
	return strconv.FormatInt(id, 10)
}

// ParseCall reads the id of a call as views write it, such as 17 or 2.17, or as
// JSON holds it.
func ParseCall(s string) (int64, error) {
	process, n, split := strings.Cut(s, ".")
	if !split {
		process, n = "0", s
	}
	p, err := strconv.ParseInt(process, 10, 64)
	if err == nil && (p < 0 || p >= 1<<20) {
		err = strconv.ErrRange
	}
	if err != nil {
		return 0, fmt.Errorf("call %q: want a number, or PROCESS.NUMBER", s)
	}
	id, err := strconv.ParseInt(n, 10, 64)
	if err != nil || id <= 0 || (split && id >= 1<<procShift) {
		return 0, fmt.Errorf("call %q: want a number, or PROCESS.NUMBER", s)
	}
	return id | p<<procShift, nil
}

// Duration writes microseconds as people do.
func Duration(us int64) string {
	switch {
	case us < 1000:
		return strconv.FormatInt(us, 10) + "µs"
	case us < 1_000_000:
		return strconv.FormatFloat(float64(us)/1e3, 'f', 2, 64) + "ms"
	}
	return strconv.FormatFloat(float64(us)/1e6, 'f', 3, 64) + "s"
}

// Base returns the last part of a file's path.
func Base(file string) string { return file[strings.LastIndexByte(file, '/')+1:] }

// CommonRoot returns the directory that all files of a trace have in common;
// "" when that is the root.
func CommonRoot(t *trace.Trace) string {
	root, first := "", true
	for _, c := range t.Codes() {
		dir := c.File[:max(strings.LastIndexByte(c.File, '/'), 0)]
		if !strings.HasPrefix(c.File, "/") {
			continue // <string> and the like
		}
		if first {
			root, first = dir, false
			continue
		}
		for root != "" && dir != root && !strings.HasPrefix(dir, root+"/") {
			root = root[:max(strings.LastIndexByte(root, '/'), 0)]
		}
	}
	return root
}

// ProcessText describes a process in one line.
func ProcessText(t *trace.Trace, n int) string {
	p := &t.Processes[n]
	text := fmt.Sprintf("process %d", p.PID)
	if len(p.Argv) > 0 {
		text += "  " + Cut(Visible(strings.Join(p.Argv, " ")), 100)
	}
	text += "  (CPython " + Visible(p.Python)
	if p.Engine != "" {
		text += ", " + Visible(p.Engine)
	}
	for i := range t.Processes {
		if t.Processes[i].PID == p.Parent && i != n && p.Parent != 0 {
			text += fmt.Sprintf(", started by %d", p.Parent)
			break
		}
	}
	text += ")"
	if !p.Ended {
		text += "  did not end in order"
	}
	if p.Lost != "" {
		text += "  " + Visible(p.Lost)
	}
	return text
}

// ThreadName names the n-th thread of a process.
func ThreadName(t *trace.Trace, process, n int) string {
	if names := t.Processes[process].Threads; n >= 0 && n < len(names) && names[n] != "" {
		return Visible(names[n])
	}
	return strconv.Itoa(n)
}

// Summary says in one line what a trace holds and what it lacks.
func Summary(t *trace.Trace) string {
	if !t.Traced() {
		return "No process of this run was traced."
	}
	threads := 0
	for _, p := range t.Processes {
		threads += max(len(p.Threads), 1)
	}
	parts := []string{Plural(Size(t), "record"), Plural(len(t.Codes()), "function")}
	if n := len(t.Processes); n > 1 {
		parts = append(parts, fmt.Sprintf("%d processes", n))
	} else if threads > 1 {
		parts = append(parts, Plural(threads, "thread"))
	}
	f := t.Footer
	if f.Dropped > 0 {
		parts = append(parts, fmt.Sprintf("%d dropped from the middle", f.Dropped))
	}
	if f.Uncalled > 0 {
		parts = append(parts, Plural(f.Uncalled, "call")+" only counted")
	}
	if f.Quiet > 0 {
		parts = append(parts, Plural(f.Quiet, "exception")+" only counted")
	}
	if f.Faults > 0 {
		parts = append(parts, Plural(f.Faults, "event")+" not recorded")
	}
	if f.Unnamed > 0 {
		parts = append(parts, Plural(f.Unnamed, "record")+" of functions that are not defined")
	}
	if f.Undefined > 0 {
		parts = append(parts, Plural(f.Undefined, "definition")+" without room")
	}
	if f.Skipped > 0 {
		parts = append(parts, Plural(f.Skipped, "line")+" not readable")
	}
	if f.Cut {
		parts = append(parts, "cut at the reader's bounds")
	}
	if !f.Ended {
		parts = append(parts, "a process did not end in order")
	}
	return strings.Join(parts, ", ")
}

// Plural counts things: 1 call, 2 calls.
func Plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// ExceptionText is the type and message of an exception that was raised.
func ExceptionText(r Rec) string {
	if r.Text() == "" {
		return r.Type()
	}
	return r.Type() + ": " + r.Text()
}

// SwallowedText says where and how an exception ended.
func SwallowedText(f *Forest, r Rec, room int) string {
	what := "an exception"
	if i, ok := f.raises[r.Exc]; ok {
		x := Record(f.T, int(i))
		what = Cut(Visible(ExceptionText(x)), max(room-70, 40))
	}
	switch {
	case r.Outcome() == "outside":
		return what + " was swallowed by code out of scope that this called"
	case r.Outcome() == "return":
		return fmt.Sprintf("%s was SWALLOWED at line %d, and it returned at line %d", what, r.Handler(), r.After())
	}
	return fmt.Sprintf("%s was SWALLOWED at line %d, and it went on at line %d", what, r.Handler(), r.After())
}
