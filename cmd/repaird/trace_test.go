package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestTraceShows(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, samples)
	for _, c := range []struct {
		name           string
		args           []string
		stdout, stderr string // stderr: a part; "" for none at all
		code           int
	}{
		{name: "calls and returns of a program with arguments", args: []string{"hello.py", "a", "b", "--calls"},
			stdout: "hello a b\nCALL <module> hello.py:1\nCALL main hello.py:4\nRETURN main\nRETURN <module>\n"},
		{name: "the same with flags before the script", args: []string{"--calls", "hello.py", "a", "b"},
			stdout: "hello a b\nCALL <module> hello.py:1\nCALL main hello.py:4\nRETURN main\nRETURN <module>\n"},
		{name: "flags that are not ours go to the script", args: []string{"hello.py", "--windowed", "--calls", "5"}, code: 5,
			stdout: "hello --windowed 5\nCALL <module> hello.py:1\nCALL main hello.py:4\nRETURN main\nRETURN <module>\n"},
		{name: "after -- everything is the script's", args: []string{"hello.py", "--max-depth", "1", "--calls", "--", "--calls", "x"},
			stdout: "hello --calls x\nCALL <module> hello.py:1\nRETURN <module>\n"},
		{name: "after -- comes any command", args: []string{"--calls", "--max-depth", "1", "--", "python3", "hello.py", "--calls"},
			stdout: "hello --calls\nCALL <module> hello.py:1\nRETURN <module>\n"},
		{name: "a depth limit", args: []string{"calls.py", "--calls", "--max-depth", "2"},
			stdout: "6\nCALL <module> calls.py:1\nCALL Box calls.py:5\nRETURN Box\nCALL main calls.py:17\nRETURN main\nRETURN <module>\n"},
		{name: "an event limit, told on standard error", args: []string{"many_calls.py", "--calls", "--max-events", "5"},
			stdout: "CALL <module> many_calls.py:1\nCALL main many_calls.py:10\nCALL outer many_calls.py:5\nCALL inner many_calls.py:1\nRETURN inner\n",
			stderr: "MAX_EVENTS reached (5)\n"},
		{name: "no limit notice where it is not reached", args: []string{"hello.py", "--calls", "--max-events", "4"},
			stdout: "hello\nCALL <module> hello.py:1\nCALL main hello.py:4\nRETURN main\nRETURN <module>\n"},
		{name: "call counts", args: []string{"many_calls.py", "--call-counts"},
			stdout: "\nCall Counts (Top 10):\n 100 calls to inner (many_calls.py:1)\n   1 calls to <module> (many_calls.py:1)\n   1 calls to outer (many_calls.py:5)\n   1 calls to main (many_calls.py:10)\n"},
		{name: "as many call counts as asked for", args: []string{"many_calls.py", "--call-counts", "1"},
			stdout: "\nCall Counts (Top 1):\n 100 calls to inner (many_calls.py:1)\n"},
		{name: "counts go on below the depth limit", args: []string{"many_calls.py", "--call-counts", "1", "--max-depth", "2"},
			stdout: "\nCall Counts (Top 1):\n 100 calls to inner (many_calls.py:1)\n"},
		{name: "the exception that nobody caught", args: []string{"exception.py", "--on-exception", "snapshot"}, code: 1,
			stdout: "Exception: KeyError('abc123')\n\nStack:\n  get_user() exception.py:2\n  handle_request() exception.py:7\n  main() exception.py:11\n  <module>() exception.py:14\n",
			stderr: "Traceback (most recent call last):\n"},
		{name: "functions only", args: []string{"calls.py", "--calls", "--function", "get"},
			stdout: "6\nCALL get calls.py:9\nRETURN get\n"},
		{name: "not some functions", args: []string{"calls.py", "--calls", "--no-comprehensions", "--exclude-function", "__*", "--exclude-function", "load*"},
			stdout: "6\nCALL <module> calls.py:1\nCALL main calls.py:17\nCALL get calls.py:9\nCALL process calls.py:13\nRETURN process\nRETURN get\nRETURN main\nRETURN <module>\n"},
		{name: "qualified names", args: []string{"calls.py", "--calls", "--function", "get", "--qualified"},
			stdout: "6\nCALL Box.get calls.py:9\nRETURN Box.get\n"},
		{name: "a code that is not in scope", args: []string{"calls.py", "--calls", "--exclude", "."}, stdout: "6\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := p.trace(t, c.args...)
			if got.code != c.code {
				t.Errorf("exit code %d, want %d", got.code, c.code)
			}
			if sorted(got.stdout) != sorted(c.stdout) {
				t.Errorf("standard output:\n%s\nwant:\n%s", got.stdout, c.stdout)
			}
			if (c.stderr == "") != (got.stderr == "") || !strings.Contains(got.stderr, c.stderr) {
				t.Errorf("standard error:\n%s\nwant:\n%s", got.stderr, c.stderr)
			}
		})
	}
}

// sorted puts the lines of the program before those of the tracer: when a
// program's own buffer reaches the pipe is its own affair.
func sorted(text string) string {
	var ours, program []string
	for _, line := range strings.SplitAfter(text, "\n") {
		if regexp.MustCompile(`^(CALL|RETURN) `).MatchString(line) {
			ours = append(ours, line)
		} else {
			program = append(program, line)
		}
	}
	return strings.Join(append(program, ours...), "")
}

func TestExceptionSnapshotShowsLocals(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, samples)
	got := p.trace(t, "exception.py", "--on-exception", "snapshot", "--locals")
	for _, want := range []string{
		"Exception: KeyError('abc123')\n\nStack:\n  get_user() exception.py:2\n    Locals:\n", "      user_id: 'abc123'\n", "      conn: {'x': 1}\n",
		"  handle_request() exception.py:7\n    Locals:\n",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in:\n%s", want, got.stdout)
		}
	}
}

func TestTimeoutKillsAndShowsStacks(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, samples)
	got := p.trace(t, "slow.py", "--timeout", "10", "--call-counts", "--out", "slow.jsonl")
	if got.code != 124 {
		t.Errorf("exit code %d", got.code)
	}
	want := regexp.MustCompile(`TIMEOUT after 10s - dumping stacks:\nThread MainThread:\n  infinite_loop\(\) slow.py:[56]\n  main\(\) slow.py:10\n  <module>\(\) slow.py:13\n`)
	if !want.MatchString(got.stderr) {
		t.Errorf("standard error:\n%s", got.stderr)
	}
	if !strings.Contains(got.stdout, "Call Counts (Top 10):\n") || !strings.Contains(got.stdout, " calls to infinite_loop (slow.py:4)\n") {
		t.Errorf("a killed program's counts are not shown:\n%s", got.stdout)
	}
	if trace := p.readTrace(t, "slow.jsonl"); len(trace.Stacks()) == 0 {
		t.Error("the stacks are not in the trace")
	}
}

func TestTimeoutKillsDescendants(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"parent.py": `import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('started', 'w').close(); time.sleep(60)"])
open("pid", "w").write(str(child.pid))
time.sleep(60)
`})
	got := p.trace(t, "--timeout", "10", "--", "python3", "parent.py")
	if got.code != 124 {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	if _, err := os.Stat(filepath.Join("/proc", p.read(t, "pid"), "exe")); err == nil {
		t.Error("a child that ignores SIGTERM is still there")
	}
}

func TestExitCodesAreTheCommands(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"exit.py": `import os, signal, sys
how = sys.argv[1]
if how == "raise":
    raise SystemExit("message")
if how.startswith("-"):
    os.kill(os.getpid(), int(how[1:]))
if how.startswith("_"):
    os._exit(int(how[1:]))
sys.exit(int(how))
`, "plain.txt": ""})
	for name, c := range map[string]struct {
		args []string
		want int
		says string
	}{
		"success":                          {[]string{"exit.py", "0"}, 0, ""},
		"a failure":                        {[]string{"exit.py", "3"}, 3, ""},
		"a code that is also ours":         {[]string{"exit.py", "124"}, 124, ""},
		"the highest code":                 {[]string{"exit.py", "255"}, 255, ""},
		"a message":                        {[]string{"exit.py", "raise"}, 1, ""},
		"os._exit":                         {[]string{"exit.py", "_7"}, 7, ""},
		"killed by SIGKILL":                {[]string{"exit.py", "-9"}, 137, ""},
		"killed by SIGTERM":                {[]string{"exit.py", "-15"}, 143, ""},
		"a command that does not exist":    {[]string{"--", "no-such-command"}, 127, "no-such-command"},
		"a script that does not exist":     {[]string{"none.py"}, 127, "script not found: none.py"},
		"a file that cannot be run":        {[]string{"--", "./plain.txt"}, 126, "permission denied"},
		"an unknown flag":                  {[]string{"--nonsense", "exit.py"}, 2, "nonsense"},
		"no command":                       {[]string{"--calls"}, 2, "no command"},
		"a breakpoint without a file":      {[]string{"exit.py", "0", "--breakpoint", "none.py:3"}, 2, "breakpoint file not found: none.py"},
		"a breakpoint without a line":      {[]string{"exit.py", "0", "--breakpoint", "exit.py"}, 2, "FILE:LINE"},
		"a level that does not exist":      {[]string{"exit.py", "0", "--level", "all"}, 2, "functions, variables, control"},
		"a condition without a breakpoint": {[]string{"exit.py", "0", "--condition", "x"}, 2, "there is none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := p.trace(t, append([]string{"--quiet"}, c.args...)...)
			if got.code != c.want || !strings.Contains(got.stderr, c.says) {
				t.Errorf("exit code %d, want %d; standard error: %s", got.code, c.want, got.stderr)
			}
		})
	}
}

// T6: what the program reads and writes is its own.
func TestStreamsAreTheProgramsOwn(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"streams.py": `import os, sys
data = sys.stdin.buffer.read()
os.write(1, b"\x00\xff no end of line, " + data)
os.write(2, b"\x1b[31m to the other")
`})
	cmd := p.command("--quiet", "streams.py")
	cmd.Stdin = strings.NewReader("in\r\n\x80")
	got := p.finish(t, cmd)
	if want := "\x00\xff no end of line, in\r\n\x80"; got.stdout != want {
		t.Errorf("standard output %q, want %q", got.stdout, want)
	}
	if want := "\x1b[31m to the other"; got.stderr != want {
		t.Errorf("standard error %q, want %q", got.stderr, want)
	}
}

func TestTraceLinesAreWholeAmongTheProgramsOutput(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"app.py": `import os


def f():
    os.write(1, b"x" * 30)


for _ in range(300):
    f()
    if _ % 50 == 49:
        os.write(1, b"\n")
`})
	got := p.trace(t, "--calls", "app.py")
	calls := strings.Count(got.stdout, "\nCALL f app.py:4\n") + strings.Count(got.stdout, "\nRETURN f\n")
	if calls < 590 { // neighbours share a line end in this way of counting
		calls = len(regexp.MustCompile(`(?m)^(CALL f app\.py:4|RETURN f)$`).FindAllString(got.stdout, -1))
	}
	if calls != 600 {
		t.Errorf("%d whole lines of 600", calls)
	}
	if n := strings.Count(got.stdout, "x"); n != 300*30 {
		t.Errorf("%d bytes of the program of %d", n, 300*30)
	}
}

func TestInterruptEndsTheProgramAndShowsWhatWasSeen(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"wait.py": `import sys, time


def ready():
    open("ready", "w").close()


try:
    ready()
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
    sys.exit(9)
`})
	cmd := p.command("wait.py", "--call-counts", "--function", "ready")
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal: the signal has to be passed on
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, filepath.Join(p.dir, "ready"))
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 9 {
		t.Errorf("exit code %d", code)
	}
	if want := "interrupted\n\nCall Counts (Top 10):\n   1 calls to ready (wait.py:4)\n"; out.String() != want {
		t.Errorf("standard output %q, want %q", out.String(), want)
	}
	nothingLeft(t, cmd)
}

func TestCallsAreShownWhileTheProgramRuns(t *testing.T) {
	t.Parallel()
	p := newTraceProject(t, map[string]string{"wait.py": "import os, time\n\n\ndef f():\n    while not os.path.exists('seen'):\n        time.sleep(0.01)\n\n\nf()\n"})
	cmd := p.command("wait.py", "--calls")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var got []string
	for lines.Scan() {
		if got = append(got, lines.Text()); lines.Text() == "CALL f wait.py:4" { // the program ends only when this was seen
			if err := os.WriteFile(filepath.Join(p.dir, "seen"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil || strings.Join(got, "; ") != "CALL <module> wait.py:1; CALL f wait.py:4; RETURN f; RETURN <module>" {
		t.Errorf("%v: %q", err, got)
	}
}
