package patch

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/repaird/repaird/internal/fault"
)

func TestAPatchIsCarriedOverToALaterTree(t *testing.T) {
	t.Parallel()
	const file = "a\nb\nc\nd\ne\nf\ng\n"
	for _, c := range []struct {
		name           string
		search, replac string
		onto           string // "" the file is gone
		want           string // the file with the patch; "" the patch does not apply
		says           string
	}{
		{"nothing changed", "d\n", "D\n", file, "a\nb\nc\nD\ne\nf\ng\n", ""},
		{"lines above", "d\n", "D\n", "x\ny\n" + file, "x\ny\na\nb\nc\nD\ne\nf\ng\n", ""},
		{"lines below", "d\n", "D\n", strings.Replace(file, "f\n", "F\n", 1), "a\nb\nc\nD\ne\nF\ng\n", ""},
		{"a line that is unique no more", "d\n", "D\n", "d\n" + file, "d\na\nb\nc\nD\ne\nf\ng\n", ""},
		{"lines put in", "d\n", "d\nmore\n", strings.Replace(file, "a\n", "", 1), "b\nc\nd\nmore\ne\nf\ng\n", ""},
		{"the same line", "d\n", "D\n", strings.Replace(file, "d\n", "dd\n", 1), "", "changed where the patch changes it, at lines 4 to 4"},
		{"the line before", "d\n", "D\n", strings.Replace(file, "c\n", "cc\n", 1), "", "lines 4 to 4"},
		{"a line put in beside it", "d\n", "D\n", strings.Replace(file, "e\n", "x\ne\n", 1), "", "lines 4 to 4"},
		{"the line is gone", "d\n", "D\n", strings.Replace(file, "d\n", "", 1), "", "lines 4 to 4"},
		{"the file is gone", "d\n", "D\n", "", "", "no longer there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			from := fstest.MapFS{"m.py": {Data: []byte(file)}}
			onto := fstest.MapFS{}
			if c.onto != "" {
				onto["m.py"] = &fstest.MapFile{Data: []byte(c.onto)}
			}
			p, err := Rebase(from, onto, Patch{Edits: []Edit{{Path: "m.py", Search: c.search, Replace: c.replac}}, Why: "d is D"})
			if c.want == "" {
				if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v, want it refused saying %q", err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			overlay, err := Apply(onto, p)
			if err != nil || string(overlay["m.py"]) != c.want || p.Why != "d is D" {
				t.Errorf("got %q, %v; want %q", overlay["m.py"], err, c.want)
			}
		})
	}
}

func TestAPatchThatCreatesAFileIsCarriedOver(t *testing.T) {
	t.Parallel()
	p := Patch{Edits: []Edit{{Path: "new.py", Replace: "x\n"}, {Path: "m.py", Search: "a\n", Replace: "A\n"}}}
	from := fstest.MapFS{"m.py": {Data: []byte("a\nb\nc\n")}}
	moved, err := Rebase(from, fstest.MapFS{"m.py": {Data: []byte("a\nb\nd\n")}}, p)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := Apply(fstest.MapFS{"m.py": {Data: []byte("a\nb\nd\n")}}, moved)
	if err != nil || string(overlay["new.py"]) != "x\n" || string(overlay["m.py"]) != "A\nb\nd\n" {
		t.Errorf("got %q, %v", overlay, err)
	}
	if _, err := Rebase(from, fstest.MapFS{"m.py": {Data: []byte("a\nb\nc\n")}, "new.py": {Data: []byte("y\n")}}, p); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a file that is there already: got %v", err)
	}
}
