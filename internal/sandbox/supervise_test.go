package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
)

// script writes frames: kind and payload in turn.
func script(parts ...string) []byte {
	var b []byte
	for i := 0; i+1 < len(parts); i += 2 {
		b = append(b, parts[i][0])
		b = binary.BigEndian.AppendUint32(b, uint32(len(parts[i+1])))
		b = append(b, parts[i+1]...)
	}
	return b
}

type closer struct{ io.Writer }

func (closer) Close() error { return nil }

// supervise feeds Supervise with what a supervisor might say.
func supervise(stream []byte, l Limits) (*Result, int, error) {
	spec := Spec{Argv: []string{"x"}, Limits: l.WithDefaults()}
	return Supervise(context.Background(), spec, Connection{
		In: closer{io.Discard}, Out: bytes.NewReader(stream), Kill: func() {}, Log: func() string { return "log\x1b of the backend" },
	})
}

const end = `{"cause":"exited","exit":0,"ns":5,"oom":0}`

func TestSupervise(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		stream []byte
		limits Limits
		want   Result
	}{
		{"a whole conversation", script("S", "{}", "o", "a", "e", "b", "o", "c", "E", end, "A", `{"name":"d/f","size":3}`, "D", "xy", "D", "z", "R", `{"name":"l","why":"no"}`, "Z", "{}"), Limits{},
			Result{Cause: Exited, Stdout: []byte("ac"), Stderr: []byte("b"), Artifacts: map[string][]byte{"d/f": []byte("xyz")}, Refused: []string{"l: no"}, Wall: 5}},
		{"a sandbox that vanishes while the command runs was killed", script("S", "{}", "o", "a"), Limits{},
			Result{Cause: Killed, Exit: -1, Stdout: []byte("a"), Artifacts: map[string][]byte{}, Refused: []string{"/out: the sandbox was killed before everything was collected"}}},
		{"half an artifact is none", script("S", "{}", "E", end, "A", `{"name":"f","size":3}`, "D", "xy"), Limits{},
			Result{Cause: Exited, Artifacts: map[string][]byte{}, Refused: []string{"/out: the sandbox was killed before everything was collected"}, Wall: 5}},
		{"a name that is printable for Python only is refused", script("S", "{}", "E", end, "A", `{"name":"a\u0378","size":2}`, "D", "xy", "A", `{"name":"b","size":0}`, "Z", "{}"), Limits{},
			Result{Cause: Exited, Artifacts: map[string][]byte{"b": {}}, Refused: []string{`a\u0378: its name is not printable`}, Wall: 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, _, err := supervise(tt.stream, tt.limits)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want.Cause == Killed {
				got.Wall = 0
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSuperviseBelievesNothing(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string][]byte{
		"output before the start":           script("o", "x"),
		"output after the end":              script("S", "{}", "E", end, "o", "x"),
		"more output than the limit":        script("S", "{}", "o", strings.Repeat("x", 101)),
		"two starts":                        script("S", "{}", "S", "{}"),
		"two ends":                          script("S", "{}", "E", end, "E", end),
		"an end that claims a strange code": script("S", "{}", "E", `{"cause":"exited","exit":-7,"ns":5}`),
		"an end that claims oom by itself":  script("S", "{}", "E", `{"cause":"oom","exit":-1,"ns":5}`),
		"completion without an end":         script("S", "{}", "Z", "{}"),
		"an artifact before the end":        script("S", "{}", "A", `{"name":"f","size":3}`),
		"an artifact twice":                 script("S", "{}", "E", end, "A", `{"name":"f","size":0}`, "A", `{"name":"f","size":0}`),
		"an artifact of negative size":      script("S", "{}", "E", end, "A", `{"name":"f","size":-1}`),
		"an artifact over the limit":        script("S", "{}", "E", end, "A", `{"name":"f","size":51}`),
		"artifacts together over the limit": script("S", "{}", "E", end, "A", `{"name":"f","size":2}`, "D", "xy", "A", `{"name":"g","size":49}`),
		"more data than announced":          script("S", "{}", "E", end, "A", `{"name":"f","size":1}`, "D", "xy"),
		"data of no artifact":               script("S", "{}", "E", end, "D", "x"),
		"a frame inside an artifact":        script("S", "{}", "E", end, "A", `{"name":"f","size":2}`, "Z", "{}"),
		"an unknown frame":                  script("S", "{}", "Q", "{}"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r, _, err := supervise(stream, Limits{Output: 100, Artifacts: 50}); err == nil {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestSuperviseReportsASandboxThatDidNotStart(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string][]byte{"silence": nil, "a broken frame": []byte("S\xff\xff\xff\xff"), "half a frame": []byte("S\x00\x00\x00\x09{")} {
		_, _, err := supervise(stream, Limits{})
		if fault.KindOf(err) != fault.Retryable || !strings.Contains(err.Error(), `log\x1b of the backend`) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSuperviseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(context.Background())
	r, w := io.Pipe()
	killed := false
	go func() {
		_, _ = w.Write(script("S", "{}"))
		cancel(why)
	}()
	_, _, err := Supervise(ctx, Spec{Limits: DefaultLimits}, Connection{In: closer{io.Discard}, Out: r, Kill: func() { killed = true; w.Close() }, Log: func() string { return "" }})
	if !errors.Is(err, why) || !killed {
		t.Errorf("got %v, killed = %v", err, killed)
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain ümlaut": "plain ümlaut", "a\nb": `a\nb`, "\x1b[0m": `\x1b[0m`, "\xff": `\xff`, "\u202e": `\u202e`, "\u00a0": `\u00a0`,
		strings.Repeat("x", 700): strings.Repeat("x", 600) + "…",
	} {
		if got := escape(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzSupervise checks that no stream of bytes from a sandbox gives a result that
// breaks the contract.
func FuzzSupervise(f *testing.F) {
	f.Add(script("S", "{}", "o", "a", "e", "b", "E", end, "A", `{"name":"d/f","size":3}`, "D", "xyz", "R", `{"name":"l\n","why":"no"}`, "Z", "{}"))
	f.Add(script("S", "{}", "E", end, "A", `{"name":"../f","size":0}`, "A", `{"name":"a\u202e","size":1}`, "D", "x", "Z", "{}"))
	f.Add([]byte("S\x00\x00\x00\x00E\x00\x00"))
	l := Limits{Output: 64, Artifacts: 64}
	f.Fuzz(func(t *testing.T, stream []byte) {
		r, _, err := supervise(stream, l)
		if err != nil {
			return
		}
		size := 0
		for name, data := range r.Artifacts {
			size += len(data)
			if !inertName(name) {
				t.Errorf("artifact %q", name)
			}
		}
		if int64(len(r.Stdout)+len(r.Stderr)) > l.Output || int64(size) > l.Artifacts {
			t.Errorf("over the limits: %+v", r)
		}
		for _, line := range r.Refused {
			for _, c := range line {
				if !unicode.IsPrint(c) {
					t.Errorf("refusal %q", line)
				}
			}
		}
		if (r.Cause == Exited) != (r.Exit >= 0) {
			t.Error(fmt.Sprint("cause ", r.Cause, " with exit ", r.Exit))
		}
	})
}
