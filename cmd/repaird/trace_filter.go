package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/wire"
)

// recordKinds are what --kind takes.
var recordKinds = []wire.Kind{wire.KindCall, wire.KindReturn, wire.KindUnwind, wire.KindYield, wire.KindResume, wire.KindRaise,
	wire.KindPass, wire.KindHandled, wire.KindStep, wire.KindBranch, wire.KindSnapshot, wire.KindMark}

// defineFilter adds the flags that select records. The function that it returns
// builds the filter once they are parsed.
func defineFilter(fs *flag.FlagSet) func() (view.Filter, error) {
	q := &view.Filter{}
	var functions, files, modules, kinds, calls, records listFlag
	fs.Var(&functions, "function", "records of functions `NAME`: qualified, its last part, or with * and ?; repeatable")
	fs.Var(&files, "file", "records of `FILE`: a path, the end of one, a directory, or with * and ?; repeatable")
	fs.Var(&modules, "module", "records of the module or package `NAME`; repeatable")
	fs.Var(&kinds, "kind", "records of a `KIND` such as call, ret, raise, handled; repeatable")
	fs.Var(&calls, "call", "records of call `ID`; repeatable")
	fs.Var(&records, "record", "record `ID`, or FROM-TO; repeatable")
	fs.StringVar(&q.Text, "text", "", "records whose names, values or messages contain `TEXT`")
	object := fs.String("object", "", "records whose values contain the object `ID`, such as '#3'")
	fs.IntVar(&q.Process, "process", 0, "records of the process `PID`")
	fs.StringVar(&q.Thread, "thread", "", "records of the thread `NAME`, or its number")
	fs.StringVar(&q.Task, "task", "", "records of the asyncio task `NAME`")
	fs.DurationVar(&q.From, "from", 0, "records from `TIME` after the start, such as 1.5s or 200ms")
	fs.DurationVar(&q.To, "to", 0, "records up to `TIME` after the start")
	fs.BoolVar(&q.Callers, "callers", false, "include their callers")
	fs.BoolVar(&q.Callees, "callees", false, "include all calls that these calls made")
	fs.BoolVar(&q.Whole, "whole", false, "include all other records of these calls")
	fs.IntVar(&q.Limit, "limit", 0, "the first `N` records")
	return func() (view.Filter, error) {
		q.Functions, q.Files, q.Modules = functions, files, modules
		var err error
		if *object != "" {
			if q.Object, err = view.ParseObject(*object); err != nil {
				return *q, err
			}
		}
		for _, c := range calls {
			id, err := view.ParseCall(c)
			if err != nil {
				return *q, err
			}
			q.Calls = append(q.Calls, id)
		}
		for _, k := range kinds {
			if !knownKind(wire.Kind(k)) {
				return *q, fmt.Errorf("--kind %q: want one of %v", k, recordKinds)
			}
			q.Kinds = append(q.Kinds, wire.Kind(k))
		}
		for _, r := range records {
			from, to, err := recordRange(r)
			if err != nil {
				return *q, err
			}
			q.Records = append(q.Records, [2]int{from, to})
		}
		return *q, nil
	}
}

func knownKind(k wire.Kind) bool {
	for _, known := range recordKinds {
		if k == known {
			return true
		}
	}
	return false
}

func recordRange(s string) (from, to int, err error) {
	first, last, ranged := strings.Cut(s, "-")
	if !ranged {
		last = first
	}
	if from, err = strconv.Atoi(first); err == nil {
		to, err = strconv.Atoi(last)
	}
	if err != nil || from < 1 || to < from {
		return 0, 0, fmt.Errorf("--record %q: want a number, or FROM-TO", s)
	}
	return from, to, nil
}

// errBrokenPipe means that the reader of standard output has closed it.
var errBrokenPipe = errors.New("broken pipe")

// toStdout writes data to standard output.
func toStdout(write func(io.Writer) error) error {
	b := bufio.NewWriterSize(os.Stdout, 1<<16)
	err := write(b)
	if ferr := b.Flush(); err == nil {
		err = ferr
	}
	if errors.Is(err, syscall.EPIPE) {
		return errBrokenPipe
	}
	return err
}
