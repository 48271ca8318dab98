package trace

import (
	"reflect"
	"testing"
)

const stacksText = `main 0x0000000000000002
Thread 0x0000000000000001 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 982 in run
  File "/usr/lib/python3.11/threading.py", line 1002 in _bootstrap

Thread 0x0000000000000003 [Worker "1"] (most recent call first):
  <no Python frame>

Current thread 0x0000000000000002 (most recent call first):
  File "/tmp/t/repaird_tracer/core.py", line 9 in enter
  File "/app/sl\xf6w.py", line 7 in infinite_\u20ac
  Garbage-collecting
  File ???, line ??? in <module>
  ...
Current thread's C stack trace (most recent call first):
  Binary file "/usr/bin/python3", at _Py_DumpStack+0x1 [0x5]
`

func TestFaulthandlersTextBecomesStacks(t *testing.T) {
	t.Parallel()
	want := []ThreadStack{
		{Ident: 2, Name: "MainThread", Cut: true, Frames: []StackFrame{{"/app/slöw.py", "infinite_€", 7}, {"", "<module>", 0}}},
		{Ident: 1, Frames: []StackFrame{{"/usr/lib/python3.11/threading.py", "run", 982}, {"/usr/lib/python3.11/threading.py", "_bootstrap", 1002}}},
		{Ident: 3, Name: `Worker "1"`},
	}
	if got := ParseStacks([]byte(stacksText)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	second := stacksText + "Current thread 0x0000000000000002 (most recent call first):\n  File \"/app/a.py\", line 9 in later\n"
	if got := ParseStacks([]byte(second)); len(got) != 1 || got[0].Frames[0].Name != "later" {
		t.Errorf("of two dumps: got %+v, want the last", got)
	}
}

func FuzzParseStacks(f *testing.F) {
	f.Add([]byte(stacksText))
	f.Add([]byte("Thread 0xffffffffffffffff (most recent call first):\n  File \"\\U7fffffff\", line 999999999 in \n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		stacks := ParseStacks(text)
		if len(stacks) > maxThreads {
			t.Fatalf("%d threads", len(stacks))
		}
		for _, s := range stacks {
			if len(s.Frames) > maxStackFrames {
				t.Fatalf("%d frames", len(s.Frames))
			}
		}
	})
}
