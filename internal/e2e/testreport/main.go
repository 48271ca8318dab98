// Command testreport reads `go test -json` from standard input, prints failures
// as they happen and one line per package, and ends with the number of test cases
// per backend:
//
//	go test -json ./... | testreport -floor deploy/test-floor
//
// A test belongs to a backend if it logs "uses-backend: NAME". The floor file has
// a line "NAME CASES" per backend; with CI set, the run fails if fewer cases pass
// or any is skipped. The exit code is 1 if anything failed.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type count struct{ run, passed, skipped int }

type report struct {
	out      io.Writer
	output   map[string][]string // package/test → lines, until the test passes
	uses     map[string][]string // package/test → backends
	backends map[string]*count
	tests    count
	failed   []string
	packages int
}

func main() {
	floor := flag.String("floor", "", "`FILE` with the minimum number of cases per backend")
	flag.Parse()
	r := &report{out: os.Stdout, output: map[string][]string{}, uses: map[string][]string{}, backends: map[string]*count{}}
	began := time.Now()
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	ok := r.summary(time.Since(began))
	if *floor != "" {
		ok = r.check(*floor, os.Getenv("CI") != "") && ok
	}
	if !ok {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(make([]byte, 1<<20), 64<<20)
	for scan.Scan() {
		var e event
		if json.Unmarshal(scan.Bytes(), &e) != nil {
			fmt.Fprintln(r.out, scan.Text()) // a compiler message
			continue
		}
		r.handle(e)
	}
	return scan.Err()
}

func (r *report) handle(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		r.output[key] = append(r.output[key], e.Output)
		if _, name, ok := strings.Cut(e.Output, "uses-backend: "); ok {
			if name = strings.TrimSpace(name); !slices.Contains(r.uses[key], name) {
				r.uses[key] = append(r.uses[key], name)
			}
		}
		return
	case "build-fail":
		r.failed = append(r.failed, "build")
		fmt.Fprint(r.out, strings.Join(r.output[key], ""))
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	if e.Test == "" {
		r.packages++
		if e.Action != "skip" {
			fmt.Fprintf(r.out, "%-4s %s %.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
		}
		if e.Action == "fail" {
			r.failed = append(r.failed, e.Package)
			fmt.Fprint(r.out, strings.Join(r.output[key], ""))
		}
		return
	}
	for _, b := range append(r.uses[key], "") {
		c := &r.tests
		if b != "" {
			if r.backends[b] == nil {
				r.backends[b] = &count{}
			}
			c = r.backends[b]
		}
		c.run++
		switch e.Action {
		case "pass":
			c.passed++
		case "skip":
			c.skipped++
		}
	}
	switch e.Action {
	case "fail":
		r.failed = append(r.failed, key)
		fmt.Fprint(r.out, strings.Join(r.output[key], ""))
	case "skip":
		fmt.Fprintf(r.out, "skip %s: %s\n", key, strings.TrimSpace(strings.Join(last(r.output[key], 2), " ")))
	}
	delete(r.output, key)
}

func last(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

func (r *report) summary(took time.Duration) bool {
	fmt.Fprintf(r.out, "\nbackend     cases  passed  skipped\n")
	for _, b := range slices.Sorted(maps.Keys(r.backends)) {
		c := r.backends[b]
		fmt.Fprintf(r.out, "%-10s %6d  %6d  %7d\n", b, c.run, c.passed, c.skipped)
	}
	for _, f := range r.failed {
		fmt.Fprintln(r.out, "FAILED", f)
	}
	fmt.Fprintf(r.out, "\n%d packages in %s\n", r.packages, took.Round(time.Second))
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.tests.passed, r.tests.run-r.tests.passed-r.tests.skipped, r.tests.skipped)
	return len(r.failed) == 0 && r.tests.run > 0
}

// check compares the backends' counts with the floor file.
func (r *report) check(path string, strict bool) bool {
	f, err := os.Open(path)
	if err != nil {
		fmt.Fprintln(r.out, "testreport:", err)
		return false
	}
	defer f.Close()
	ok := true
	for scan := bufio.NewScanner(f); scan.Scan(); {
		var name string
		var least int
		if n, _ := fmt.Sscanf(scan.Text(), "%s %d", &name, &least); n != 2 || strings.HasPrefix(name, "#") {
			continue
		}
		c := r.backends[name]
		if c == nil {
			c = &count{}
		}
		if c.passed < least || strict && c.skipped > 0 {
			fmt.Fprintf(r.out, "backend %s: %d cases passed and %d were skipped; at least %d must pass and none may be skipped\n", name, c.passed, c.skipped, least)
			ok = ok && !strict
		}
	}
	return ok
}
