package incident_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/incident"
)

// outline formats a chain with one line per exception: its relation to its parent,
// type, message, and its frames as function:line.
func outline(chain []incident.Exception) string {
	var b strings.Builder
	for _, x := range chain {
		fmt.Fprintf(&b, "#%d", x.ID)
		if x.Relation != "" {
			fmt.Fprintf(&b, " %s of #%d", x.Relation, x.ParentID)
		}
		name := x.Type
		if x.Module != "" {
			name = x.Module + " " + x.Type
		}
		fmt.Fprintf(&b, " [%s] %q", name, x.Message)
		for _, f := range x.Frames {
			fmt.Fprintf(&b, " %s:%d", f.Function, f.Line)
			if f.Repeated > 0 {
				fmt.Fprintf(&b, "x%d", f.Repeated+1)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The texts are from Python 3.11, written by testdata/tracebacks.py; the outlines
// next to them were checked by hand.
func TestPythonsTracebacksAreReadBack(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 14 {
		t.Fatalf("got %d texts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text := read(t, file)
			want := read(t, strings.TrimSuffix(file, ".txt")+".outline")
			chain, ok := incident.ParseTraceback(text)
			if !ok {
				t.Fatal("got no exception")
			}
			if diff := cmp.Diff(want, outline(chain)); diff != "" {
				t.Errorf("chain (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFramesCarryCodeAndBelongToTheApplicationOrNot(t *testing.T) {
	t.Parallel()
	chain, _ := incident.ParseTraceback(read(t, "testdata/remote.txt"))
	frames := chain[len(chain)-1].Frames
	want := []incident.Frame{
		{File: "/tmp/tb/shop.py", AbsPath: "/tmp/tb/shop.py", Line: 54, Function: "<module>", Code: "try: f(*a)", InApp: true},
		{File: "/tmp/tb/shop.py", AbsPath: "/tmp/tb/shop.py", Line: 51, Function: "remote", InApp: true,
			Code: "with concurrent.futures.ProcessPoolExecutor(1) as pool: pool.submit(work).result()"},
		{File: "/usr/lib/python3.11/concurrent/futures/_base.py", AbsPath: "/usr/lib/python3.11/concurrent/futures/_base.py",
			Line: 456, Function: "result", Code: "return self.__get_result()"},
		{File: "/usr/lib/python3.11/concurrent/futures/_base.py", AbsPath: "/usr/lib/python3.11/concurrent/futures/_base.py",
			Line: 401, Function: "__get_result", Code: "raise self._exception"},
	}
	if diff := cmp.Diff(want, frames); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMultiLineSourceYieldsItsFirstLine(t *testing.T) {
	t.Parallel()
	// Python 3.13's format.
	chain, ok := incident.ParseTraceback(`Traceback (most recent call last):
  File "/srv/a.py", line 3, in <module>
    foo(
    ~~~^
        1,
        ^^
    ...<2 lines>...
    )
    ^
  File "/srv/a.py", line 1, in foo
    def foo(*a): raise ValueError(a)
                 ^^^^^^^^^^^^^^^^^^^
ValueError: (1, 2, 3)
`)
	if !ok || outline(chain) != "#0 [ValueError] \"(1, 2, 3)\" <module>:3 foo:1\n" || chain[0].Frames[0].Code != "foo(" {
		t.Errorf("got %s%+v", outline(chain), chain)
	}
}

func TestATruncatedTracebackYieldsWhatIsThere(t *testing.T) {
	t.Parallel()
	whole := read(t, "testdata/cause.txt")
	for _, at := range []int{len(whole) - 30, len(whole) / 2, 60} {
		chain, ok := incident.ParseTraceback(whole[:at])
		if at > 60 && (!ok || len(chain[0].Frames) == 0) {
			t.Errorf("cut at %d: got %v, %v", at, chain, ok)
		}
	}
	if _, ok := incident.ParseTraceback("just words"); ok {
		t.Error("words are a traceback")
	}
}

func TestTracebacksAreFoundInOtherTexts(t *testing.T) {
	t.Parallel()
	const want = "#1 cause of #0 [KeyError] \"'sku'\" line:8\n#0 [shop PricingError] \"no price\" quote:23\n"
	bare := strings.Split(`Traceback (most recent call last):
  File "/srv/shop/shop.py", line 8, in line
    return prices[sku]
KeyError: 'sku'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/shop/shop.py", line 23, in quote
    raise PricingError("no price") from e
shop.PricingError: no price`, "\n")
	prefixed := func(prefix string) string { return prefix + strings.Join(bare, "\n"+prefix) }
	tests := []struct{ name, text string }{
		{"a fence", "It broke:\n\n```python\n" + prefixed("") + "\n```\nWhy?"},
		{"a quotation", "> it broke\n>\n" + prefixed("> ") + "\n\nWhy?"},
		{"an indented block", "It broke:\n\n" + prefixed("    ") + "\n\nWhy?"},
		{"a log", "2026-11-20 12:00:00 ERROR shop: " + prefixed("") + "\n\n2026-11-20 12:00:01 INFO next"},
		{"a log with a head on every line", "boot\n" + prefixed("web-1 | ") + "\nweb-2 | other"},
		{"lines that end as on Windows", strings.ReplaceAll("```\n"+prefixed("")+"\n```\n", "\n", "\r\n")},
		{"the end of the text", prefixed("")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			chain, ok := incident.FindTraceback(tt.text)
			if diff := cmp.Diff(want, outline(chain)); !ok || diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAGroupIsFoundInOtherTexts(t *testing.T) {
	t.Parallel()
	text := "```\n" + read(t, "testdata/group.txt") + "```\n"
	chain, _ := incident.FindTraceback(text)
	if diff := cmp.Diff(read(t, "testdata/group.outline"), outline(chain)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzTraceback(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) ([]incident.Exception, bool){incident.ParseTraceback, incident.FindTraceback} {
			chain, ok := parse(text)
			if ok != (len(chain) > 0) || len(chain) > 200 {
				t.Fatalf("got %d exceptions, ok %t", len(chain), ok)
			}
			for i, x := range chain {
				if x.ID != len(chain)-1-i || (x.ID > 0) != (x.Relation != "") || x.ParentID > x.ID {
					t.Fatalf("exception %d hangs wrongly: %+v", i, x)
				}
				if x.Type == "" && len(x.Frames) == 0 {
					t.Fatalf("exception %d is empty", i)
				}
			}
		}
	})
}
