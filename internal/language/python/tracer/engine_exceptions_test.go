package tracer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/findings"
)

const exceptionsProgram = `
import contextlib

def fails(n):
    raise ValueError("no %d" % n)

def handled():
    x = 1
    try:
        fails(1)
    except KeyError:
        x = 2
    except (TypeError, ValueError):
        x = 3
    return x

def returned_from_handler():
    try:
        fails(2)
    except ValueError:
        return "default"

def reraised():
    try:
        fails(3)
    except ValueError:
        raise

def replaced():
    try:
        fails(4)
    except ValueError as e:
        raise RuntimeError("wrapped") from e

def finally_returns():
    try:
        fails(5)
    finally:
        return "swallowed"

def finally_passes():
    try:
        fails(6)
    finally:
        x = 1

def suppressed():
    with contextlib.suppress(ValueError):
        fails(7)
    return "after"

def looped():
    n = 0
    for i in range(3):
        try:
            fails(i)
        except ValueError:
            n += 1
    return n

class Lazy:
    @property
    def size(self):
        raise AttributeError("size")

def asks():
    return hasattr(Lazy(), "size")

def library():
    try:
        return int("x")
    except ValueError:
        return None

def catch(f):
    try:
        f()
    except Exception:
        pass

handled(); returned_from_handler(); catch(reraised); catch(replaced); finally_returns()
catch(finally_passes); suppressed(); looped(); asks(); library()
`

var exceptionsWant = []string{
	"ValueError: no 1 in fails swallowed by handled:12 continue → 3",
	"ValueError: no 2 in fails swallowed by returned_from_handler:19 return → 'default'",
	"ValueError: no 3 in fails swallowed by catch:77 return → None",
	"RuntimeError: wrapped in replaced swallowed by catch:77 return → None",
	"ValueError: no 5 in fails swallowed by finally_returns:38 return → 'swallowed'",
	"ValueError: no 6 in fails swallowed by catch:77 return → None",
	"ValueError: no 7 in fails swallowed by suppressed:47 continue → 'after'",
	"ValueError: no 0 in fails swallowed by looped:56 continue → 3",
	"ValueError: no 1 in fails swallowed by looped:56 continue → 3",
	"ValueError: no 2 in fails swallowed by looped:56 continue → 3",
	"AttributeError: size in Lazy.size swallowed by asks:0 outside → False",
	"ValueError: invalid literal for int() with base 10: 'x' in library swallowed by library:71 return → None",
}

func TestEveryPythonSaysWhereExceptionsAreSwallowed(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, exceptionsProgram, tracer.Config{Engine: engine})
		var got []string
		for _, w := range s.Trace.Swallowed() {
			got = append(got, fmt.Sprintf("%s: %s in %s swallowed by %s:%d %s → %s", w.Type, w.Message, w.Name, w.HandlerName, w.Handler, w.Outcome, w.Returned))
		}
		if g, w := strings.Join(got, "\n"), strings.Join(exceptionsWant, "\n"); g != w {
			t.Errorf("swallowed:\n%s\nwant:\n%s", g, w)
		}
		if k := tracertest.Kinds(s.Trace, "reraised"); k != "call pass unwind" {
			t.Errorf("reraised: records %q", k)
		}
		if k := tracertest.Kinds(s.Trace, "replaced"); k != "call pass raise unwind" {
			t.Errorf("replaced: records %q", k)
		}
	})
}

func TestRecursionToTheLimitKeepsTheWayToTheCrash(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		dir, file := tracertest.Program(t, `
def merge(a, b):
    return a + b
def mergesort(arr):
    if len(arr) == 0:
        return arr
    middle = len(arr) // 2
    left = mergesort(arr[:middle])
    right = mergesort(arr[middle:])
    return merge(left, right)
mergesort([3, 1, 2])
`)
		bare := tracertest.Run(t, python, nil, file)
		s := tracertest.Run(t, python, &tracer.Config{Engine: engine, Include: []string{dir}}, file)
		if s.Code != bare.Code || !bytes.Contains(s.Err, []byte("RecursionError")) {
			t.Fatalf("exit %d, %s", s.Code, s.Err)
		}
		path, raise := s.Trace.Crash()
		if raise.Type() != "RecursionError" || len(path) < 10 {
			t.Fatalf("crash %+v on a path of %d calls; processes %+v", raise, len(path), s.Trace.Processes)
		}
		f := findings.Find(s.Trace)
		if len(f) == 0 || f[0].Kind != "recursion" || f[0].Name != "mergesort" || !strings.Contains(f[0].Text, "without progress") {
			t.Errorf("first finding: %+v, want recursion without progress", f)
		}
		if card := card.Diagnose(s.Trace, card.Options{Tokens: 800}); card.Tokens > 800 || !strings.Contains(card.Text, "mergesort") {
			t.Errorf("card of %d tokens:\n%s", card.Tokens, card.Text)
		}
	})
}

func TestDeepRecursionIsCountedAndItsCrashIsBackfilled(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
def down(n):
    if n == 0:
        raise KeyError("bottom")
    return down(n - 1)
try:
    down(800)
except KeyError:
    print("caught")
`, tracer.Config{Engine: engine, MaxDepth: 50, PerCode: 2000})
		raised := s.Trace.Raised()
		if len(raised) != 1 || raised[0].Type != "KeyError" || raised[0].Name != "down" || raised[0].Line != 3 {
			t.Fatalf("raised %+v", raised)
		}
		c := s.Trace.Call(raised[0].Call).Start()
		if !c.Late || c.Args()[0].Value.Text != "0" {
			t.Errorf("the call that raised is not backfilled with n=0: %+v", c)
		}
		if s.Trace.Footer.Uncalled != 801-49 {
			t.Errorf("%d calls only counted, want %d", s.Trace.Footer.Uncalled, 801-49)
		}
		if w := s.Trace.Swallowed(); len(w) != 1 || w[0].HandlerName != "<module>" {
			t.Errorf("swallowed %+v", w)
		}
		if n := len(s.Trace.Call(raised[0].Call).Path()); n < 40 {
			t.Errorf("path of %d calls", n)
		}
	})
}

// A loop that counts on exceptions costs little: those of one line are only
// counted in the end, but for the one that nobody handles.
func TestExceptionsOfALoopAreCountedAndTheUncaughtOneIsRecorded(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
def find(table, key):
    return check(table, key)
def check(table, key):
    if key not in table:
        raise KeyError(key)
    return table[key]
def attempt(key):
    try:
        return find({}, key)
    except KeyError:
        return None
for i in range(3000):
    attempt(i)
find({}, "last")
`, tracer.Config{Engine: engine, PerCode: 100000, MaxRecords: 100000})
		raised := s.Trace.Raised()
		if len(raised) != 500+3+1 { // 512, 1024, 2048, and the last
			t.Fatalf("%d raised", len(raised))
		}
		if n := s.Trace.Footer.Quiet; n != 3001-503 {
			t.Errorf("%d only counted", n)
		}
		if n := len(s.Trace.Swallowed()); n != 503 {
			t.Errorf("%d swallowed", n)
		}
		last := raised[len(raised)-1]
		if last.Name != "check" || last.Line != 5 || !strings.Contains(last.Message, "last") {
			t.Errorf("last raised: %+v", last)
		}
		if path := s.Trace.Call(last.Call).Path(); len(path) != 3 {
			t.Errorf("a path of %d calls", len(path))
		}
	})
}

// What is rare is recorded also beside what is common: other lines, other
// classes, what is raised while another is handled, and an exception that goes
// on after many were handled meanwhile.
func TestRareExceptionsAreRecordedBesideCommonOnes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source string
		want   map[string]int
	}{
		"on other lines of the function": {`
def f():
    for i in range(600):
        try:
            raise ValueError(i)
        except ValueError:
            pass
    try:
        raise KeyError("rare")
    except KeyError:
        pass
    try:
        {}["rare"]
    except KeyError:
        return None
f()
`, map[string]int{"ValueError": 501, "KeyError": 2}},
		"of another class on the line": {`
def f():
    for x in ["x"] * 600 + [None]:
        try:
            int(x)
        except (ValueError, TypeError):
            pass
f()
`, map[string]int{"ValueError": 501, "TypeError": 1}},
		"while another is handled": {`
def f():
    for i in range(520):
        try:
            raise ValueError(i)
        except ValueError:
            pass
    try:
        raise OSError("disk")
    except OSError:
        g()
def g():
    for i in range(520):
        try:
            raise ValueError(i)
        except ValueError:
            pass
f()
`, map[string]int{"ValueError": 501 + 501, "OSError": 1}},
		"one that goes on meanwhile": {`
keep = []
def many():
    for i in range(1100):
        try:
            raise LookupError(i)
        except LookupError as e:
            keep.append(e)
def rare():
    raise OSError("disk")
def mid():
    try:
        rare()
    finally:
        many()
def top():
    try:
        mid()
    except OSError:
        return "swallowed"
top()
`, map[string]int{"LookupError": 502, "OSError": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engines(t, func(t *testing.T, python, engine string) {
				s := tracertest.RunSource(t, python, c.source, tracer.Config{Engine: engine, PerCode: 100000, MaxRecords: 100000})
				got, quiet := map[string]int{}, -s.Trace.Footer.Quiet
				for _, r := range s.Trace.Raised() {
					got[r.Type]++
				}
				if !maps.Equal(got, c.want) {
					t.Errorf("raised %v, want %v", got, c.want)
				}
				for _, n := range got {
					quiet -= n
				}
				if all := map[string]int{"on other lines of the function": 602, "of another class on the line": 601,
					"while another is handled": 1041, "one that goes on meanwhile": 1101}[name]; quiet != -all {
					t.Errorf("%d recorded or counted, want %d", -quiet, all)
				}
			})
		})
	}
}

// T12: the alarm nearly always strikes inside the tracer. The program must see
// it each time, and what it does afterwards must be recorded.
func TestASignalHandlersExceptionReachesTheProgram(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		dir, file := tracertest.Program(t, `
import signal
class TimeUp(Exception): pass
def ring(*args):
    raise TimeUp()
signal.signal(signal.SIGALRM, ring)
def f(x):
    return x
def spin():
    while True:
        f([1, {"a": [2, 3]}])
def after(n):
    return n
seen = 0
for i in range(60):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        spin()
    except TimeUp:
        seen += 1
    except KeyError:
        pass
    after(i)
print("seen", seen)
`)
		out := t.TempDir()
		config, err := json.Marshal(tracer.Config{Engine: engine, Include: []string{dir}, Out: out, PerCode: 1 << 30, MaxRecords: 1 << 30, MaxBytes: 4 << 20})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(python, file)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+tracertest.Dir(t), "PYTHONDONTWRITEBYTECODE=1", "REPAIRD_TRACE_CONFIG="+string(config))
		text, err := cmd.CombinedOutput()
		if err != nil || string(text) != "seen 60\n" {
			t.Fatalf("%v: %s", err, text)
		}
		trace, err := trace.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		if last := tracertest.Kinds(trace, "after"); !strings.HasSuffix(last, "call ret") {
			t.Errorf("records of after: %q", last)
		}
	})
}
