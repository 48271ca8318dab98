package trace

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/repaird/repaird/internal/trace/wire"
	"github.com/repaird/repaird/internal/trace/wire/wiretest"
)

// many is a stream of more than a block, whose lines tell their place.
func many(lines int) string {
	var b strings.Builder
	b.WriteString(`{"k":"meta","v":1,"f":"trace-7","pid":7,"python":"3"}` + "\n" + `{"k":"code","c":1,"file":"/w/a.py","name":"f","line":1}` + "\n")
	for i := 1; i <= lines; i++ {
		switch {
		case i%1000 == 0:
			fmt.Fprintf(&b, "{\"k\":\"thread\",\"th\":%d,\"name\":\"t%d\"}\n", i/1000, i/1000)
		case i%777 == 0:
			b.WriteString("\n \x00\x00\n")
		case i%100 == 0: // one that the decoder must read
			fmt.Fprintf(&b, "{ \"i\":%d, \"k\":\"call\",\"c\":1,\"a\":[[\"x\",\"%d\"]]}\n", i, i)
		default:
			fmt.Fprintf(&b, "{\"k\":\"call\",\"i\":%d,\"c\":1,\"n\":%d,\"a\":[[\"x\",\"%d\"],[\"y\",\"'%s'\"]]}\n", i, i, i, strings.Repeat("y", i%300))
		}
	}
	return b.String()
}

func TestAStreamOfManyBlocksKeepsItsOrder(t *testing.T) {
	t.Parallel()
	text := many(16_000)
	if len(text) < 3*blockSize {
		t.Fatalf("%d bytes are too few", len(text))
	}
	for name, r := range map[string]io.Reader{"whole": strings.NewReader(text), "in halves": iotest.HalfReader(strings.NewReader(text)), "with its error late": iotest.DataErrReader(strings.NewReader(text))} {
		trace, err := Read(r)
		if err != nil {
			t.Fatal(err)
		}
		before := int64(0)
		for r := range trace.All() {
			if args := r.Args(); r.Call <= before || args[0].Value.Text != fmt.Sprint(r.Call) {
				t.Fatalf("%s: call %d with %v after %d", name, r.Call, args, before)
			}
			before = r.Call
		}
		if n := 16_000 - 16 - 20; trace.Len() != n || trace.Footer.Skipped != 0 || len(trace.Processes[0].Threads) != 17 || before != 15_999 {
			t.Errorf("%s: %d records, want %d; footer %+v, %d threads, the last is %d", name, trace.Len(), n, trace.Footer, len(trace.Processes[0].Threads), before)
		}
	}
}

func TestWhatWasReadBeforeAnErrorIsThere(t *testing.T) {
	t.Parallel()
	trace, err := Read(io.MultiReader(strings.NewReader(many(16_000)), iotest.ErrReader(io.ErrClosedPipe)))
	if err == nil || trace.Len() < 15_000 {
		t.Errorf("%v, %d records", err, trace.Len())
	}
}

func TestLinesThatAreTooLongAreSkippedAndCounted(t *testing.T) {
	t.Parallel()
	long := `{"k":"mark","name":"` + strings.Repeat("x", 3*blockSize) + `"}` + "\n"
	trace := read(t, wiretest.Small+long+strings.Repeat("\x00", 3*blockSize)+"\n"+`{"k":"mark","name":"after"}`+"\n"+long)
	if trace.Len() != 9 || trace.Footer.Skipped != 2 || trace.Record(9).Text() != "after" {
		t.Errorf("%d records, footer %+v", trace.Len(), trace.Footer)
	}
}

func TestNumbersWithGapsCostNoMemory(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(wiretest.Small)
	for i := range 2000 {
		fmt.Fprintf(&b, "{\"k\":\"call\",\"i\":%d,\"p\":%d,\"c\":2}\n", wire.MaxNumber-3*i, wire.MaxNumber-3*i-3)
	}
	trace := read(t, b.String())
	if trace.Len() != 2008 || len(trace.calls.dense[0]) != 0 || len(trace.Call(wire.MaxNumber).Path()) != 2000 {
		t.Errorf("%d records, a path of %d calls", trace.Len(), len(trace.Call(wire.MaxNumber).Path()))
	}
	for _, id := range []int64{-1, 0, 4, 1 << 39, 1 << 40, 1<<63 - 1, 1000 << procShift, 1<<16<<procShift | 1} {
		if c := trace.Call(id); c.ID() != 0 || c.Code() != nil || len(c.Children()) != 0 || c.Start().ID != 0 || c.Parent().ID() != 0 {
			t.Errorf("call %d is %+v", id, c)
		}
	}
	for _, id := range []int{-1, 0, 2009} {
		if r := trace.Record(id); r.ID != 0 || r.Value() != nil || r.Args() != nil || r.Snapshot() != nil || r.Type() != "" {
			t.Errorf("record %d is %+v", id, r)
		}
	}
}

func TestWhatIsNoEventIsRead(t *testing.T) {
	t.Parallel()
	trace := read(t, strings.Replace(wiretest.Small, `{"k":"end"`, `{"k":"task","ta":3,"name":"Task-3"}
{"k":"thread","th":2,"name":"worker"}
{"k":"call","i":4,"p":1,"c":2,"ta":3,"th":2}
{"k":"step","i":4,"c":2,"l":3,"t":9,"s":[["x","1"]]}
{"k":"br","i":4,"c":2,"l":3,"to":5,"o":1}
{"k":"snap","n":1,"why":"breakpoint","at":"app.py:3","hit":1,"i":4,"c":2,"l":3,"t":10,"ts":1.5,"stack":[{"file":"/w/app.py","name":"f","line":3,"loc":[["x","1"]]}],"w":[{"x":"x","v":"1"}],"more":2}
{"k":"snap","n":2,"why":"exception","x":"ValueError","msg":"no"}
{"k":"stack","why":"timeout","th":2,"name":"worker","frames":[{"file":"a.py","name":"f","line":3}],"more":true}
{"k":"problem","msg":"cannot see","at":"a.py:1"}
{"k":"count","c":1,"n":7,"min":1}
{"k":"end"`, 1))
	if trace.Footer.Skipped != 0 || trace.Len() != 13 {
		t.Fatalf("footer %+v, %d records", trace.Footer, trace.Len())
	}
	call, step, branch := trace.Record(9), trace.Record(10), trace.Record(11)
	if trace.TaskName(call) != "Task-3" || trace.Processes[0].Threads[call.Thread] != "worker" || step.Assigned()[0].Name != "x" || branch.To() != 5 || !branch.Taken() {
		t.Errorf("%+v, %+v, %+v", call, step, branch)
	}
	snaps := trace.Snapshots()
	if len(snaps) != 2 || snaps[0].Snapshot().Stack[0].Locals[0].Value.Text != "1" || snaps[0].Snapshot().Watches[0].Value.Text != "1" ||
		snaps[0].Snapshot().More != 2 || snaps[0].Snapshot().Time != 1.5 || snaps[1].Snapshot().Text != "no" || snaps[1].Code != nil {
		t.Errorf("snapshots %+v", snaps)
	}
	if s := trace.Stacks(); len(s) != 1 || s[0].Frames[0].Line != 3 || !s[0].More || trace.Problems()[0] != (Problem{0, "cannot see", "a.py:1"}) {
		t.Errorf("stacks %+v, problems %+v", s, trace.Problems())
	}
	if c := trace.Codes()[0]; c.Calls != 7 || !c.AtLeast {
		t.Errorf("count %+v", c)
	}
}

// T2, T4: a Python that did not shake hands is named.
func TestChildrenThatDidNotShakeHandsAreNamed(t *testing.T) {
	t.Parallel()
	child := func(pid int, how, argv string) string {
		return fmt.Sprintf("{\"k\":\"child\",\"pid\":%d,\"how\":%q,\"argv\":[%s]}\n", pid, how, argv)
	}
	meta := strings.Replace(wiretest.Small, `"cwd":"/w"`, `"cwd":"/w","exe":"/opt/snake"`, 1)
	trace := read(t, meta+child(10, "subprocess", `"/usr/bin/python3.11","-I","x.py"`)+child(11, "subprocess", `"ls"`)+child(12, "spawn", `"/opt/snake","-c"`)+
		child(13, "fork", ``)+child(14, "subprocess", `"pypy3"`)+child(15, "subprocess", `"python3"`)+child(13, "exec", `"python"`)+
		`{"k":"meta","v":1,"f":"trace-15","pid":15}`+"\n")
	var got []int
	for _, c := range trace.Untraced() {
		got = append(got, c.PID)
	}
	if fmt.Sprint(got) != "[10 12 13 14]" || len(trace.Children()) != 7 {
		t.Errorf("untraced %v of %d", got, len(trace.Children()))
	}
}
