package view

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

const handshake = `{"k":"meta","v":1,"f":"x","pid":1,"python":"3.11"}` + "\n"

func TestWhatIsNoTraceIsAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, want string }{
		"random bytes":                 {"\x00\x91\xfe\x07\n\xff", "not a trace"},
		"a source file":                {"def f():\n    return 1\n", "not a trace"},
		"an empty file":                {"", "not a trace"},
		"other JSON Lines":             {`{"k":"call","i":1}` + "\n" + `{"event":"call"}` + "\n", "not a trace"},
		"a trace of a later version":   {strings.Replace(handshake, `"v":1`, `"v":2`, 1), "a newer repaird"},
		"a trace of one process":       {handshake, ""},
		"a trace that no version says": {strings.Replace(handshake, `"v":1,`, "", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(file, nil)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if _, err := Open(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "not a trace") {
		t.Errorf("a directory without traces: %v", err)
	}
}

func TestACutTraceIsTorn(t *testing.T) {
	t.Parallel()
	text := handshake + strings.Repeat(`{"k":"code","c":1,"file":"a.py","name":"f","line":1}`+"\n", 5)
	var b bytes.Buffer
	z, _ := zstd.NewWriter(&b)
	for range 3 {
		_, _ = z.Write([]byte(text))
		_ = z.Flush()
	}
	_ = z.Close()
	for name, c := range map[string]struct {
		stream string
		torn   bool
	}{
		"whole":                            {text, false},
		"with NUL bytes at its end":        {text + "\x00\x00\x00", false},
		"cut in a line":                    {text[:len(text)-9], true},
		"compressed":                       {b.String(), false},
		"compressed, cut before its end":   {b.String()[:b.Len()-8], true},
		"compressed, cut within its block": {b.String()[:b.Len()-14], true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace, err := Open("-", strings.NewReader(c.stream))
			if err != nil || trace.Torn() != c.torn {
				t.Errorf("torn is %v, want %v: %v", err == nil && trace.Torn(), c.torn, err)
			}
		})
	}
}
