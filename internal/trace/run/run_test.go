package run

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

func TestOptionsOfAnInterpreter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		argv  string
		split int
		bare  string
		want  string // what is started, L for the launcher
	}{
		{"python app.py -I", 1, "", "python app.py -I"},
		{"python -u app.py", 2, "", "python -u app.py"},
		{"python -W error -X dev app.py", 5, "", "python -W error -X dev app.py"},
		{"python -Werror -Xdev app.py", 3, "", "python -Werror -Xdev app.py"},
		{"python -uW error app.py", 3, "", "python -uW error app.py"},
		{"python -m pytest -I", 1, "", "python -m pytest -I"},
		{"python -I app.py", 2, "-I", "python -I L -- app.py"},
		{"python -I -m pytest tests", 2, "-I", "python -I L -- -m pytest tests"},
		{"python -Ic code a", 1, "-I", "python -I L -- -c code a"},
		{"python -sSE -mpkg", 2, "-S -E", "python -sSE L -- -mpkg"},
		{"python -E -", 2, "-E", "python -E L -- -"},
		{"python -I", 2, "-I", "python -I"},
		{"python --check-hash-based-pycs always -S x", 4, "-S", "python --check-hash-based-pycs always -S L -- x"},
		{"python -X I app.py", 3, "", "python -X I app.py"},
	} {
		argv := strings.Fields(c.argv)
		p := plan{argv: argv, split: pythonOptions(argv)}
		p.bare = bare(argv[1:min(p.split+1, len(argv))])
		got, note := p.launch("/lib")
		text := strings.ReplaceAll(strings.Join(got, " "), "/lib/"+launcher, "L")
		if p.split != c.split || p.bare != c.bare || text != c.want || (note == "") != (c.bare == "") {
			t.Errorf("%s: program at %d, options %q, started as %q (%s); want %d, %q, %q", c.argv, p.split, p.bare, text, note, c.split, c.bare, c.want)
		}
	}
}

func TestShebangs(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][2]string{
		"/usr/bin/python3":              {"/usr/bin/python3", ""},
		"/usr/bin/python3 -I":           {"/usr/bin/python3", "-I"},
		"/usr/bin/env python3":          {"python3", ""},
		"/usr/bin/env -S python3 -u -I": {"python3", "-u -I"},
		"":                              {"", ""},
	} {
		if got := [2]string{programOf(line), strings.Join(optionsOf(line), " ")}; got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestEnvironmentLeadsToTheTracer(t *testing.T) {
	t.Parallel()
	lib := t.TempDir()
	f := folder{lib: lib, config: "/c.json"}
	for name, c := range map[string]struct{ env, want []string }{
		"nothing there": {[]string{"A=1"}, []string{"A=1", "PYTHONPATH=" + lib, "REPAIRD_TRACE_CONFIG=/c.json"}},
		"what was there comes after": {[]string{"PYTHONPATH=/a:/b", "PYTEST_PLUGINS=x,y", "REPAIRD_TRACE_CONFIG=old"},
			[]string{"PYTEST_PLUGINS=x,y", "PYTHONPATH=" + lib + ":/a:/b", "REPAIRD_TRACE_CONFIG=/c.json"}},
		"an empty path is none": {[]string{"PYTHONPATH="}, []string{"PYTHONPATH=" + lib, "REPAIRD_TRACE_CONFIG=/c.json"}},
	} {
		if diff := cmp.Diff(c.want, f.environment(c.env)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAMuxKeepsLinesWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ writes, want string }{ // p… is the program's, v… the view's
		"nobody waits":                          {"pa\n|vB\n|pc\n", "a\nB\nc\n"},
		"a view waits for the end of a line":    {"pa|vB\n|pb\nc", "ab\nB\nc"},
		"several wait, in order":                {"pa|vB\n|vC\n|pb|pc\nd\n", "abc\nB\nC\nd\n"},
		"a line that never ends is ended":       {"pa|vB\n", "a\nB\n"},
		"after the program's line nobody waits": {"pa\nb\n|vC\n|vD\n", "a\nb\nC\nD\n"},
	} {
		var b bytes.Buffer
		m := NewMux(&b)
		for _, w := range strings.Split(c.writes, "|") {
			var n int
			var err error
			if w[0] == 'p' {
				n, err = m.Program().Write([]byte(w[1:]))
			} else {
				n, err = m.Write([]byte(w[1:]))
			}
			if n != len(w)-1 || err != nil {
				t.Errorf("%s: wrote %d of %d, %v", name, n, len(w)-1, err)
			}
		}
		m.Flush()
		if b.String() != c.want {
			t.Errorf("%s: got %q, want %q", name, b.String(), c.want)
		}
	}
}

func TestSpacedIsAsPythonWritesIt(t *testing.T) {
	t.Parallel()
	got := string(spaced([]byte(`{"a":[1,2],"b:,":"x,\"y:","c":null}`)))
	if want := `{"a": [1, 2], "b:,": "x,\"y:", "c": null}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReprIsAsPythonWritesIt(t *testing.T) {
	t.Parallel()
	one, text := wire.Value{Text: "1", Literal: true}, wire.Value{Text: "'a'", Literal: true}
	for want, v := range map[string]wire.Value{
		"1":                        one,
		"[1, 'a']":                 {Type: "list", ID: 3, Len: 2, Items: []wire.Value{one, text}},
		"[1, ...]":                 {Type: "list", Len: 9, Items: []wire.Value{one}},
		"(1,)":                     {Type: "tuple", Len: 1, Items: []wire.Value{one}},
		"{'a': 1}":                 {Type: "dict", Len: 1, Pairs: [][2]wire.Value{{text, one}}},
		"set()":                    {Type: "set"},
		"Cart(n=1, Cart.items=[])": {Type: "Cart", Module: "shop", ID: 7, Fields: []wire.Var{{Name: "n", Value: one}}, Shared: []wire.Var{{Name: "items", Value: wire.Value{Type: "list"}}}},
		"<Cart>":                   {Type: "Cart", Module: "shop", ID: 7},
		"ValueError('a')":          {Type: "ValueError", Args: []wire.Value{text}},
		"<function f>":             {Type: "function", Text: "f"},
		"<masked str>":             {Type: "str", Masked: true},
		"<list again>":             {Type: "list", Cycle: true},
	} {
		if got := repr(&v); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	endless := wire.Value{Type: "list", Len: 1}
	for range 5000 {
		endless = wire.Value{Type: "list", Len: 1, Items: []wire.Value{endless}}
	}
	if got := repr(&endless); len(got) > reprLimit+10 || strings.ContainsAny(got, "\n\x1b") {
		t.Errorf("a deep value gives %d bytes", len(got))
	}
	hostile := wire.Value{Type: "A\x1b[31m\n", Text: "x\r\ny"}
	if got := repr(&hostile); strings.ContainsAny(got, "\n\r\x1b") {
		t.Errorf("control characters come through: %q", got)
	}
}

func TestKeepWritesWholeLinesAndNothingElse(t *testing.T) {
	t.Parallel()
	out, dir := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{
		"trace-7-0.jsonl": "{\"k\":\"meta\"}\n\x00\x00\x00\n{\"k\":\"stack\"}\n{\"k\":\"cu", "trace-7-1.jsonl": "{\"k\":\"seg\"}\n" + strings.Repeat("\x00", 1<<20),
		"stacks-7.txt": "main 0x1\n", "other": "x",
	} {
		if err := os.WriteFile(filepath.Join(out, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(out, "trace-8-0.jsonl")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "t.jsonl")
	if err := keep(out, name); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(got); !strings.Contains(text, "{\"k\":\"stack\"}\n") || !strings.Contains(text, "{\"k\":\"seg\"}\n") || strings.ContainsAny(text, "\x00:/") && strings.Contains(text, "root:") ||
		strings.Contains(text, "main 0x1") {
		t.Errorf("got %q", got)
	}
	if err := keep(out, filepath.Join(dir, "none", "t.jsonl")); err == nil {
		t.Error("a folder that is not there is no error")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFoldersOfKilledRunsAreSwept(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	dead := filepath.Join(tmp, prefix+"999999999-1")
	other := filepath.Join(tmp, "other-999999999-1")
	for _, d := range []string{dead, other} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mine, err := newFolder()
	if err != nil {
		t.Fatal(err)
	}
	sweep()
	for d, want := range map[string]bool{dead: false, other: true, mine.root: true} {
		if _, err := os.Stat(d); (err == nil) != want {
			t.Errorf("%s is there: %t", d, err == nil)
		}
	}
	mine.remove()
}

func TestAContextEndsTheCommand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	result, err := Run(ctx, Options{Command: []string{"sleep", "600"}, Dir: t.TempDir()})
	if err != nil || result.Exit != exitSignal+15 {
		t.Errorf("exit %d, %v", result.Exit, err)
	}
	if result.Trace.Traced() {
		t.Error("sleep was traced")
	}
}

func TestLinesOfHostileTraces(t *testing.T) {
	t.Parallel()
	var out, notice bytes.Buffer
	code := &trace.Code{File: "/p/a\n\x1b[31m.py", Name: "f\nCALL g", Line: 3}
	c := &Calls{Data: &out, Notice: &notice, Dir: "/p"}
	c.Record(trace.Followed{Record: trace.Record{Kind: wire.KindCall, Call: 1, Code: code}})
	c.Record(trace.Followed{Record: trace.Record{Kind: wire.KindReturn, Call: 1, Code: code}})
	c.Record(trace.Followed{Record: trace.Record{Kind: wire.KindReturn, Call: 2, Code: code}}) // of a call that was not shown
	if got := out.String(); strings.Count(got, "\n") != 2 || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
	x := &Lines{Data: &out, Dir: "/p"}
	x.Record(trace.Followed{Record: trace.Record{Kind: wire.KindStep, Code: &trace.Code{File: "/dev/zero"}, Line: 1}})
	if !strings.HasSuffix(out.String(), "+ ?\n") {
		t.Errorf("got %q", out.String())
	}
}

// The times in the log are those of the records, not those of their arrival.
func TestTheLogHasTheTimesOfTheRecords(t *testing.T) {
	t.Parallel()
	trace, err := trace.Read(strings.NewReader(`{"k":"meta","v":1,"f":"trace-1","pid":1,"ts":1700000000.25}
{"k":"code","c":1,"file":"/w/a.py","name":"work","line":1}
{"k":"call","i":1,"c":1,"t":500000}
{"k":"raise","i":1,"c":1,"e":1,"x":"KeyError","l":2}
{"k":"ret","i":1,"c":1,"t":1500000,"v":"None"}
`))
	if err != nil {
		t.Fatal(err)
	}
	l := &Log{Name: filepath.Join(t.TempDir(), "log.jsonl")}
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	feed(trace, []View{l})
	l.Finish(&Result{})
	data, err := os.ReadFile(l.Name)
	if err != nil {
		t.Fatal(err)
	}
	at := func(micros int64) string {
		return `"timestamp": "` + time.UnixMicro(micros).Format("2006-01-02T15:04:05.000000") + `"`
	}
	lines := strings.Split(string(data), "\n")
	for n, micros := range []int64{1700000000750000, 1700000000750000, 1700000001750000} {
		if !strings.Contains(lines[n], at(micros)) {
			t.Errorf("line %d is %s; want %s", n+1, lines[n], at(micros))
		}
	}
}

// What the command has started is killed with it, also where the process between
// them is gone and another one has adopted it.
func TestOrphansAreKilledToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "daemon.py"), []byte(`
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        subprocess.Popen(["sleep", "600"], env={}, stdin=subprocess.DEVNULL)
        os.write(1, b"%d\n" % os.getpid())
        time.sleep(600)
    os._exit(0)
os.wait()
time.sleep(600)
`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := Run(ctx, Options{Command: []string{"daemon.py"}, Dir: dir, Stdout: in})
		ended <- errors.Join(err, in.Close())
	}()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// The end of the stream comes when nobody has it open any more.
	if err := out.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Errorf("a descendant is alive: %v", err)
		_ = syscall.Kill(orphan, syscall.SIGKILL)
	}
}
