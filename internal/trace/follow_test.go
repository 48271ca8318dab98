package trace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/repaird/repaird/internal/trace/wire"
	"github.com/repaird/repaird/internal/trace/wire/wiretest"
)

// followed runs Follow over files that step by step becomes longer: each call
// of next changes them, until it returns false.
func followed(t *testing.T, dir string, next func(seen int) bool) (texts []string, missed int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !next(0) {
		cancel()
	}
	missed, err := Follow(ctx, dir, func(r Followed) error {
		texts = append(texts, fmt.Sprint(r.Kind, " ", r.Record.Process, " ", r.Text()))
		if !next(len(texts)) {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts, missed
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFollowGivesRecordsAsTheyCome(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mark := func(name string) string { return `{"k":"mark","name":"` + name + `"}` + "\n" }
	meta := func(f string) string { return `{"k":"meta","v":1,"f":"` + f + `","pid":7,"python":"3"}` + "\n" }
	head := meta("trace-7")
	texts, missed := followed(t, dir, func(seen int) bool {
		switch seen {
		case 0:
			write(t, dir, "trace-7-0.jsonl", head+mark("a")+`{"k":"mark","na`+strings.Repeat("\x00", 100))
		case 1: // the line gets its end, and a tail file begins
			write(t, dir, "trace-7-0.jsonl", head+mark("a")+mark("b")+strings.Repeat("\x00", 100))
			write(t, dir, "trace-7-1.jsonl", `{"k":"seg","f":"trace-7","n":1,"written":2,"dropped":0}`+"\n"+mark("c")+strings.Repeat("\x00", 100))
		case 3: // another process, and the next tail file
			write(t, dir, "trace-8-0.jsonl", meta("trace-8")+mark("other"))
			write(t, dir, "trace-7-2.jsonl", `{"k":"seg","f":"trace-7","n":2,"written":3,"dropped":0}`+"\n"+mark("d"))
		case 5: // the first tail file was wiped and used again; two records came and went meanwhile
			write(t, dir, "trace-7-1.jsonl", `{"k":"seg","f":"trace-7","n":3,"written":6,"dropped":1}`+"\n"+mark("g"))
		case 6:
			return false
		}
		return true
	})
	slices.Sort(texts[3:5]) // of two processes
	if got := strings.Join(texts, ", "); got != "mark 0 a, mark 0 b, mark 0 c, mark 0 d, mark 1 other, mark 0 g" {
		t.Errorf("got %s", got)
	}
	if missed != 2 {
		t.Errorf("%d missed, want 2", missed)
	}
}

func TestFollowReadsWhatIsLeftWhenItIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "trace-7-0.jsonl", wiretest.Small)
	texts, missed := followed(t, dir, func(int) bool { return false })
	if len(texts) != 8 || missed != 0 {
		t.Errorf("%d records, %d missed", len(texts), missed)
	}
	stop := errors.New("stop")
	n := 0
	_, err := Follow(context.Background(), dir, func(Followed) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("%v after %d records", err, n)
	}
	if _, err := Follow(context.Background(), filepath.Join(dir, "none"), nil); err == nil {
		t.Error("a directory that is not there is no error")
	}
}

func TestAMergedStreamReadsAsTheDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "trace-7-0.jsonl", wiretest.Small[:len(wiretest.Small)-100]+strings.Repeat("\x00", 3*wire.MaxLine))
	write(t, dir, "trace-7-1.jsonl", `{"k":"seg","f":"trace-7","n":1,"written":2,"dropped":0}`+"\n"+`{"k":"mark","name":"x"}`+"\n\x00\x00")
	write(t, dir, "trace-8-0.jsonl", strings.ReplaceAll(wiretest.Small, "trace-7", "trace-8"))
	want, err := ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var plain, packed bytes.Buffer
	if err := Merge(&plain, dir); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.IndexByte(plain.Bytes(), 0) >= 0 {
		t.Error("NUL bytes in the merged stream")
	}
	for name, text := range map[string][]byte{"plain": plain.Bytes(), "compressed": packed.Bytes()} {
		got, err := Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(name, err)
		}
		if g, w := describe(got), describe(want); g != w {
			t.Errorf("%s: got\n%s\nwant\n%s", name, g, w)
		}
	}
	for n := range packed.Len() { // any cut is tolerated
		got, err := Read(bytes.NewReader(packed.Bytes()[:n]))
		if err != nil || got.Len() > want.Len() {
			t.Fatalf("cut at %d: %d records, %v", n, got.Len(), err)
		}
	}
	broken := bytes.Clone(packed.Bytes())
	broken[len(broken)/2] ^= 0x55
	if _, err := Read(bytes.NewReader(broken)); err == nil {
		t.Error("a broken stream is not an error")
	}
}
