package trace_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/scrub"
	"github.com/repaird/repaird/internal/trace/wire"
)

// The programs whose traces are read: of small values, and of objects that are
// all shown in full.
var readPrograms = map[string]string{
	"small-values": `
class Node:
    def __init__(self, key):
        self.key, self.left, self.right = key, None, None
    def insert(self, key):
        side = "left" if key < self.key else "right"
        child = getattr(self, side)
        if child is None:
            setattr(self, side, Node(key))
        else:
            child.insert(key)
    def find(self, key, depth=0):
        if key == self.key:
            return depth
        child = self.left if key < self.key else self.right
        if child is None:
            raise KeyError(key)
        return child.find(key, depth + 1)
def parse(text):
    return [int(part) for part in text.split(",")]
def look(tree, key):
    try:
        return tree.find(key)
    except KeyError:
        return None
tree = Node(500)
for i in range(400):
    for key in parse("%d,%d" % (i * 37 % 1000, i * 91 % 1000)):
        tree.insert(key)
for i in range(500):
    look(tree, i)
def crash(rows):
    return rows[99]
crash([1])
`,
	"objects": `
class Item:
    def __init__(self, sku, price):
        self.sku, self.price, self.tags = sku, price, [sku[:2], "new"]
    def total(self, n):
        return {"sku": self.sku, "total": self.price * n}
class Cart:
    def __init__(self, owner):
        self.owner, self.lines = owner, []
    def add(self, item, n=1):
        self.lines.append(item.total(n))
        return len(self.lines)
    def sum(self):
        return sum(line["total"] for line in self.lines)
for i in range(24):
    cart = Cart("owner-%d" % i)
    item = Item("sku-%d" % i, i * 1.5)
    cart.add(item)
    cart.add(item, 2)
    cart.sum()
def pay(cart):
    return cart.money
pay(cart)
`,
}

// A scaled trace is a recorded one, repeated as so many processes or calls of
// one, whose calls, exceptions, objects and times are others in each repetition.
type scaled struct {
	head, tail []byte
	lines      []scaledLine
	calls      int
	micros     int
}

// A scaledLine is a line cut where numbers change.
type scaledLine struct {
	parts [][]byte
	what  []byte // of the numbers: c a call, e an exception, o an object, t a time
	nums  []int
}

var scaledNumber = regexp.MustCompile(`"(i|p|e|ctx|t|id)":(\d+)`)

func scale(b *testing.B, source string) *scaled {
	b.Helper()
	dir, file := tracertest.Program(b, source)
	s := tracertest.Run(b, tracertest.Pythons(b)[0], &tracer.Config{Include: []string{dir}}, file)
	var merged bytes.Buffer
	if err := trace.Merge(&merged, s.Dir); err != nil {
		b.Fatal(err)
	}
	out := &scaled{}
	for line := range bytes.Lines(merged.Bytes()) {
		var e wire.Event
		if !wire.ScanEvent(bytes.TrimSpace(line), &e) {
			if bytes.HasPrefix(line, []byte(`{"k":"end"`)) || bytes.HasPrefix(line, []byte(`{"k":"count"`)) {
				out.tail = append(out.tail, line...)
			} else {
				out.head = append(out.head, line...)
			}
			continue
		}
		out.calls, out.micros = max(out.calls, int(e.Call)), max(out.micros, int(e.Micros))
		l, at := scaledLine{}, 0
		for _, m := range scaledNumber.FindAllSubmatchIndex(line, -1) {
			n, _ := strconv.Atoi(string(line[m[4]:m[5]]))
			if n == 0 {
				continue
			}
			l.parts = append(l.parts, line[at:m[4]])
			l.what = append(l.what, map[string]byte{"i": 'c', "p": 'c', "e": 'e', "ctx": 'e', "t": 't', "id": 'o'}[string(line[m[2]:m[3]])])
			l.nums = append(l.nums, n)
			at = m[5]
		}
		l.parts = append(l.parts, line[at:])
		out.lines = append(out.lines, l)
	}
	if len(out.lines) < 300 {
		b.Fatalf("%d records: %s", len(out.lines), s.Err)
	}
	return out
}

// text returns a trace of at least so many events.
func (s *scaled) text(events int) []byte {
	out := append([]byte(nil), s.head...)
	for i := 0; i*len(s.lines) < events; i++ {
		for _, l := range s.lines {
			for j, n := range l.nums {
				out = append(out, l.parts[j]...)
				switch l.what[j] {
				case 'c':
					n += i * s.calls
				case 't':
					n += i * s.micros
				default:
					n += i * 10_000
				}
				out = strconv.AppendInt(out, int64(n), 10)
			}
			out = append(out, l.parts[len(l.nums)]...)
		}
	}
	return append(out, s.tail...)
}

// BenchmarkRead reads traces of three sizes, and makes findings and a card of
// them. It reports MB and events a second of time and of processor time; for
// memory see BenchmarkProcess.
func BenchmarkRead(b *testing.B) {
	for name, source := range readPrograms {
		s := scale(b, source)
		for _, events := range []int{10_000, 100_000, 1_000_000} {
			file := b.TempDir() + "/trace"
			text := s.text(events)
			size := len(text)
			if err := os.WriteFile(file, text, 0o600); err != nil {
				b.Fatal(err)
			}
			for _, what := range []string{"scan", "read", "card"} {
				b.Run(fmt.Sprintf("%s/%d/%s", name, events, what), func(b *testing.B) {
					before, n, records := processorTime(b), 0, 0
					b.SetBytes(int64(size))
					for ; b.Loop(); n++ {
						records = readFor(b, what, file)
					}
					cpu := (processorTime(b) - before).Seconds() / float64(n)
					wall := b.Elapsed().Seconds() / float64(n)
					b.ReportMetric(float64(size)/1e6/cpu, "MB/cpu-s")
					b.ReportMetric(float64(records)/wall/1e6, "Mevents/s")
					b.ReportMetric(cpu*1e9/float64(records), "cpu-ns/event")
				})
			}
		}
	}
}

// BenchmarkProcess makes findings and a card in a process of its own, and reports
// its time, processor time and the most memory that it had resident, which a
// command that shows a trace would have as well.
func BenchmarkProcess(b *testing.B) {
	if file := os.Getenv("PYTRACE_BENCH_FILE"); file != "" {
		readFor(b, "card", file)
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			b.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "VmHWM:") // not the rusage, which begins with what the parent had
		fmt.Println("resident", strings.Fields(rest)[0])
		return
	}
	for name, source := range readPrograms {
		s := scale(b, source)
		for _, events := range []int{10_000, 100_000, 1_000_000} {
			file := b.TempDir() + "/trace"
			text := s.text(events)
			if err := os.WriteFile(file, text, 0o600); err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%d", name, events), func(b *testing.B) {
				var cpu time.Duration
				most, n := 0, 0
				for ; b.Loop(); n++ {
					cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkProcess$", "-test.benchtime=1x")
					cmd.Env = append(os.Environ(), "PYTRACE_BENCH_FILE="+file)
					out, err := cmd.CombinedOutput()
					_, rest, _ := strings.Cut(string(out), "resident ")
					var resident int
					if _, scanErr := fmt.Sscan(rest, &resident); err != nil || scanErr != nil {
						b.Fatalf("%v: %s", err, out)
					}
					cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
					most = max(most, resident)
				}
				b.ReportMetric(float64(len(text))/1e6, "MB")
				b.ReportMetric(cpu.Seconds()/float64(n), "cpu-s")
				b.ReportMetric(b.Elapsed().Seconds()/float64(n), "s")
				b.ReportMetric(float64(most)/1e3, "rss-MB")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// readFor does what a benchmark measures, and returns the number of records.
func readFor(b *testing.B, what, file string) int {
	if what == "scan" {
		return trace.Scanned(b, file)
	}
	t, err := trace.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	if t.Footer.Skipped > 0 || t.Footer.Cut {
		b.Fatalf("footer %+v", t.Footer)
	}
	if what == "card" {
		if card := card.Diagnose(t, card.Options{}); !strings.Contains(card.Text, "Error") || len(card.Findings) == 0 {
			b.Fatal(card.Text)
		}
	}
	return t.Len()
}

// BenchmarkRedact redacts traces of two sizes.
func BenchmarkRedact(b *testing.B) {
	for name, source := range readPrograms {
		s := scale(b, source)
		for _, events := range []int{10_000, 100_000} {
			text := s.text(events)
			b.Run(fmt.Sprintf("%s/%d", name, events), func(b *testing.B) {
				before, n := processorTime(b), 0
				for ; b.Loop(); n++ {
					if dropped, err := scrub.Trace(io.Discard, bytes.NewReader(text), redact.New([]byte("a key of at least sixteen bytes"))); err != nil || dropped > 0 {
						b.Fatal(dropped, err)
					}
				}
				b.ReportMetric(float64(n*len(text))/1e6/(processorTime(b)-before).Seconds(), "MB/cpu-s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// processorTime returns what this process took so far, which says more than the
// time of day on a machine that others load.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
