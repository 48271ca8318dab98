package run

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/repaird/repaird/internal/trace"
)

// A View shows a run. Its methods are called one after another.
type View interface {
	// Record is called with each record, while the command runs where that
	// can be; in order within a process.
	Record(r trace.Followed)
	// Finish is called at the end, with the whole trace.
	Finish(result *Result)
}

// A follower hands records to views while they are written.
type follower struct {
	cancel context.CancelFunc
	done   chan error
	fed    int // records so far; this and missed are to be read after finish
	missed int // records that were gone before they could be read
}

// follow starts to read the trace that grows in dir.
func follow(dir string, all []View) *follower {
	f := &follower{cancel: func() {}, done: make(chan error, 1)}
	var views []View
	for _, v := range all {
		if _, ok := v.(*Stacks); !ok { // which has no use for records
			views = append(views, v)
		}
	}
	if len(views) == 0 {
		f.done <- nil
		return f
	}
	var ctx context.Context
	ctx, f.cancel = context.WithCancel(context.Background())
	go func() {
		var err error
		f.missed, err = trace.Follow(ctx, dir, func(r trace.Followed) error {
			f.fed++
			for _, v := range views {
				v.Record(r)
			}
			return nil
		})
		f.done <- err
	}()
	return f
}

// finish reads what is left. The traced processes have ended.
func (f *follower) finish() error {
	f.cancel()
	err := <-f.done
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// feed hands the records of a whole trace to views.
func feed(t *trace.Trace, views []View) {
	if len(views) == 0 {
		return
	}
	for r := range t.All() {
		f := trace.Followed{Record: r, Task: t.TaskName(r)}
		if r.Process < len(t.Processes) {
			f.Process = t.Processes[r.Process]
		}
		if r.Thread > 0 && r.Thread < len(f.Process.Threads) {
			f.Thread = f.Process.Threads[r.Thread]
		}
		for _, v := range views {
			v.Record(f)
		}
	}
}

// place shows file names as people write them: relative to a directory where
// they are below it.
type place struct{ dir string }

func (p place) file(name string) string {
	if rest, ok := strings.CutPrefix(name, strings.TrimSuffix(p.dir, "/")+"/"); ok && filepath.IsAbs(name) {
		return oneWord(rest)
	}
	return oneWord(name)
}

// Clean makes what could break out of a line of output, or change how the rest
// of it is shown, visible as a dot.
func Clean(s string) string { return strings.Map(plainRune, s) }

func oneWord(s string) string { return Clean(s) }

func plainRune(r rune) rune {
	if unicode.Is(unicode.Cc, r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
		return '·'
	}
	return r
}

// short returns the last part of a qualified name: what the code object is called.
func short(qualified string) string {
	if i := strings.LastIndexByte(qualified, '.'); i >= 0 {
		return qualified[i+1:]
	}
	return qualified
}
