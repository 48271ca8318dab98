package incident_test

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/incident"
)

func TestMessagesOfOneFailureMaskToTheSameText(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, a, b string }{
		{"numbers", "index 7 is out of bounds for axis 0 with size 7", "index 12 is out of bounds for axis 0 with size 3"},
		{"floats and signs", "got -1.5e-7", "got 12"},
		{"addresses", "<Cart object at 0x7f8db0783610>", "<Cart object at 0x1>"},
		{"quoted texts", `'NoneType' object has no attribute 'a'`, `'str' object has no attribute "b\"c"`},
		{"uuids", "no cart 0d2b9ddc-1d6a-4a0b-9f3e-1f6b8a0e5a55", "no cart 9f2c1e7b-5a0d-4c3e-8b6f-1a2d3c4e5f60"},
		{"identifiers with digits", "cannot price cart c-1009 for a1b2", "cannot price cart c-7 for zz9plural"},
		{"white space", "a\n  b", "a b"},
		{"a group's count", "2 jobs failed (2 sub-exceptions)", "2 jobs failed"},
		{"what is behind 500 bytes", strings.Repeat("x", 500) + "a", strings.Repeat("x", 500) + "b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, b := incident.MaskMessage(tt.a), incident.MaskMessage(tt.b)
			if a != b {
				t.Errorf("got %q and %q, want the same", a, b)
			}
			if again := incident.MaskMessage(a); again != a {
				t.Errorf("masking %q again gave %q", a, again)
			}
		})
	}
}

func TestMessagesOfDifferentFailuresStayDifferent(t *testing.T) {
	t.Parallel()
	a, b := incident.MaskMessage("list index out of range"), incident.MaskMessage("string index out of range")
	if a == b {
		t.Errorf("got %q for both", a)
	}
}

func TestTheFingerprintIgnoresRootsAndLines(t *testing.T) {
	t.Parallel()
	event := func(file, function, typ string, line int) incident.Signature {
		e := &incident.Event{Exceptions: []incident.Exception{{Type: typ, Message: "list index out of range", Frames: []incident.Frame{
			{File: file, Function: function, Line: line, InApp: true},
			{File: "/usr/lib/python3.11/json/decoder.py", Function: "decode", Line: 1},
		}}}}
		sig, ok := incident.SignatureOf(e)
		if !ok {
			t.Fatal("got no signature")
		}
		return sig
	}
	a := event("/srv/quixbugs/python_programs/kth.py", "kth", "IndexError", 2)
	b := event("python_programs/kth.py", "mod.kth", "builtins.IndexError", 3)
	if fa, fb := incident.Fingerprint("p", a), incident.Fingerprint("p", b); fa != fb || len(fa) != 32 {
		t.Errorf("got %s and %s, want equal 32 digits", fa, fb)
	}
	if !a.Matches(b) {
		t.Errorf("%+v does not match %+v", a, b)
	}
	if incident.Fingerprint("p", a) == incident.Fingerprint("q", a) {
		t.Error("two projects share a fingerprint")
	}
	other := a
	other.Function = "lis"
	if a.Matches(other) || incident.Fingerprint("p", a) == incident.Fingerprint("p", other) {
		t.Error("another function counts as the same failure")
	}
}

func TestAnEventWithoutExceptionHasNoSignature(t *testing.T) {
	t.Parallel()
	if sig, ok := incident.SignatureOf(&incident.Event{Message: "hello"}); ok {
		t.Errorf("got %+v", sig)
	}
}

func TestWithoutInAppFramesAllFramesCount(t *testing.T) {
	t.Parallel()
	x := incident.Exception{Frames: []incident.Frame{{Function: "a"}, {Function: "b"}}}
	if got := len(x.InApp()); got != 2 {
		t.Errorf("got %d frames, want 2", got)
	}
	x.Frames[0].InApp = true
	if got := x.InApp(); len(got) != 1 || got[0].Function != "a" {
		t.Errorf("got %+v, want the in-app frame alone", got)
	}
}
