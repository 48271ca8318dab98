package patch

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
)

// tree makes a base from path, content pairs.
func tree(pairs ...string) fstest.MapFS {
	fs := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fs[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1]), Mode: 0o644}
	}
	return fs
}

func TestApply(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		base fstest.MapFS
		edit []Edit
		want map[string]string
	}{
		{"a unique text is replaced", tree("a.py", "x = 1\ny = 2\n"), []Edit{{"a.py", "x = 1", "x = 3"}}, map[string]string{"a.py": "x = 3\ny = 2\n"}},
		{"later edits see earlier ones", tree("a.py", "x = 1\n"), []Edit{{"a.py", "1", "2"}, {"a.py", "2", "3"}}, map[string]string{"a.py": "x = 3\n"}},
		{"an empty search creates a file", tree(), []Edit{{"b.py", "", "z = 1\n"}}, map[string]string{"b.py": "z = 1\n"}},
		{"an empty search fills an empty file", tree("b.py", ""), []Edit{{"b.py", "", "z = 1\n"}}, map[string]string{"b.py": "z = 1\n"}},
		{"a created file can be edited", tree(), []Edit{{"b.py", "", "z = 1\n"}, {"b.py", "1", "2"}}, map[string]string{"b.py": "z = 2\n"}},
		{"CRLF is kept when the edit has LF", tree("a.py", "x = 1\r\ny = 2\r\n"), []Edit{{"a.py", "x = 1\ny", "x = 3\nw = 0\ny"}}, map[string]string{"a.py": "x = 3\r\nw = 0\r\ny = 2\r\n"}},
		{"LF is kept when the edit has CRLF", tree("a.py", "x = 1\ny = 2\n"), []Edit{{"a.py", "x = 1\r\ny", "x = 3\r\ny"}}, map[string]string{"a.py": "x = 3\ny = 2\n"}},
		{"a file that mixes endings is matched byte by byte", tree("a.py", "x\r\ny\nz\n"), []Edit{{"a.py", "y\nz", "q\nz"}}, map[string]string{"a.py": "x\r\nq\nz\n"}},
		{"a missing last newline stays missing", tree("a.py", "x = 1"), []Edit{{"a.py", "1", "2"}}, map[string]string{"a.py": "x = 2"}},
		{"edits that cancel out leave nothing", tree("a.py", "x = 1\n"), []Edit{{"a.py", "1", "2"}, {"a.py", "2", "1"}}, map[string]string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			overlay, err := Apply(tt.base, Patch{Edits: tt.edit})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for p, c := range overlay {
				got[p] = string(c)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("overlay (-want +got):\n%s", d)
			}
		})
	}
}

func TestApplySaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	code := "def f(a):\n    if a:\n        return 1\n    return 2\n"
	for _, tt := range []struct {
		name string
		base fstest.MapFS
		edit Edit
		want string
	}{
		{"two occurrences are named by line", tree("a.py", "x = 1\ny = 0\nx = 1\n"), Edit{"a.py", "x = 1", "x = 2"}, "occurs 2 times, at lines 1, 3"},
		{"overlapping occurrences count", tree("a.py", "aaa\n"), Edit{"a.py", "aa", "b"}, "occurs 2 times"},
		{"wrong indentation", tree("a.py", code), Edit{"a.py", "if a:\n    return 1", "x"}, "the indentation differs at line 2"},
		{"tabs for spaces", tree("a.py", code), Edit{"a.py", "\tif a:\n\t\treturn 1", "x"}, "tabs and spaces differ"},
		{"white space at the end", tree("a.py", "x = 1  \ny = 2\n"), Edit{"a.py", "x = 1\ny = 2", "x"}, "trailing white space differs at line 1"},
		{"white space inside", tree("a.py", "x  =  1\n"), Edit{"a.py", "x = 1", "x"}, "white space inside lines differs at line 1"},
		{"mixed line endings", tree("a.py", "x = 1\r\ny = 2\nz = 1\n"), Edit{"a.py", "x = 1\ny = 2", "x"}, "line endings differ"},
		{"a similar line is shown", tree("a.py", code), Edit{"a.py", "    if a is None:", "x"}, "closest text is at line 2"},
		{"nothing alike", tree("a.py", code), Edit{"a.py", "while quux(zap):", "x"}, "nor anything similar"},
		{"a file that is not there", tree(), Edit{"a.py", "x", "y"}, "does not exist"},
		{"creating what exists", tree("a.py", "x"), Edit{"a.py", "", "y"}, "the file exists"},
		{"no change", tree("a.py", "x"), Edit{"a.py", "x", "x"}, "the same"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Apply(tt.base, Patch{Edits: []Edit{tt.edit}})
			var a *ApplyError
			if !errors.As(err, &a) || fault.KindOf(err) != fault.Invalid {
				t.Fatalf("got error %v of kind %v, want an invalid *ApplyError", err, fault.KindOf(err))
			}
			if !strings.Contains(a.Error(), tt.want) {
				t.Errorf("got %q, want it to say %q", a, tt.want)
			}
		})
	}
	for _, path := range []string{"../a.py", "/etc/passwd", "", ".", "a//b.py"} {
		if _, err := Apply(tree("a.py", "x"), Patch{Edits: []Edit{{path, "", "y"}}}); err == nil {
			t.Errorf("path %q applied", path)
		}
	}
}

var diffCases = []struct{ name, old, new string }{
	{"a line in the middle", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"},
	{"two far changes", strings.Repeat("x\n", 10) + "a\n" + strings.Repeat("y\n", 10) + "b\n" + strings.Repeat("z\n", 10), strings.Repeat("x\n", 10) + "A\n" + strings.Repeat("y\n", 10) + "B\n" + strings.Repeat("z\n", 10)},
	{"two near changes share a hunk", "a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n"},
	{"lines added at the start", "a\nb\n", "0\n1\na\nb\n"},
	{"lines added at the end", "a\nb\n", "a\nb\nc\n"},
	{"all lines removed but one", "a\nb\nc\n", "b\n"},
	{"the last newline is lost", "a\nb\n", "a\nb"},
	{"the last newline is gained", "a\nb", "a\nb\n"},
	{"no newline on either side", "a\nb", "a\nc"},
	{"CRLF", "a\r\nb\r\nc\r\n", "a\r\nB\r\nc\r\n"},
	{"repeated lines", "{\n}\n{\n}\n{\n}\n", "{\n}\n{\nx\n}\n{\n}\n"},
	{"a moved line", "a\nb\nc\nd\n", "b\nc\nd\na\n"},
}

// git is the judge of diffs: what it makes of base and diff must be the head.
func TestDiffIsWhatGitApplies(t *testing.T) {
	t.Parallel()
	for _, tt := range diffCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "pkg/a file.py", tt.old)
			overlay := Overlay{"pkg/a file.py": []byte(tt.new), "new.py": []byte("n = 1\n"), "empty/__init__.py": nil}
			diff, err := Diff(Dir(dir), overlay)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("git", "apply", "-p1", "--whitespace=nowarn", "-")
			cmd.Dir, cmd.Stdin = dir, strings.NewReader(diff)
			cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git apply: %v\n%s\n%s", err, out, diff)
			}
			for path, want := range overlay {
				got, err := os.ReadFile(filepath.Join(dir, path))
				if err != nil || string(got) != string(want) {
					t.Errorf("%s: got %q (%v), want %q\n%s", path, got, err, want, diff)
				}
			}
		})
	}
}

func TestHunksRecombine(t *testing.T) {
	t.Parallel()
	for _, tt := range diffCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base := tree("a.py", tt.old)
			overlay := Overlay{"a.py": []byte(tt.new), "b.py": []byte("n\n")}
			hunks, err := Hunks(base, overlay)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := Combine(base, hunks, "why")
			if err != nil {
				t.Fatal(err)
			}
			again, err := Apply(base, whole)
			if err != nil {
				t.Fatalf("%v\n%+v", err, whole)
			}
			if d := cmp.Diff(overlay, again); d != "" {
				t.Errorf("all hunks together (-want +got):\n%s", d)
			}
			for i := range hunks {
				smaller, err := Combine(base, slices.Delete(slices.Clone(hunks), i, i+1), "")
				if err != nil {
					t.Fatal(err)
				}
				if len(smaller.Edits) == 0 {
					continue
				}
				got, err := Apply(base, smaller)
				if err != nil {
					t.Fatalf("without hunk %d: %v\n%+v", i, err, smaller)
				}
				left, err := Hunks(base, got)
				if err != nil {
					t.Fatal(err)
				}
				if len(left) != len(hunks)-1 {
					t.Errorf("without hunk %d: got %d hunks, want %d", i, len(left), len(hunks)-1)
				}
			}
		})
	}
}

func TestChangedLines(t *testing.T) {
	t.Parallel()
	base := tree("a.py", "1\n2\n3\n4\n5\n")
	got, err := ChangedLines(base, Overlay{"a.py": []byte("1\ntwo\n3\n5\nsix\n"), "n.py": []byte("x\ny\n"), "a2.py": []byte("")})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string][]int{"a.py": {2, 5}, "n.py": {1, 2}, "a2.py": {}}, got); d != "" {
		t.Errorf("changed lines (-want +got):\n%s", d)
	}
}

func TestDirCannotBeLeft(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside, "secret.py", "s")
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if b, err := Dir(dir).ReadFile("link/secret.py"); err == nil {
		t.Errorf("read %q through a link", b)
	}
	if _, err := Dir(dir).Open("../" + filepath.Base(outside) + "/secret.py"); err == nil {
		t.Error("opened a file above the tree")
	}
}

func FuzzApplyAndDiff(f *testing.F) {
	for _, c := range diffCases {
		f.Add(c.old, c.new)
	}
	f.Fuzz(func(t *testing.T, old, new string) {
		base := tree("a.py", old)
		overlay := Overlay{"a.py": []byte(new)}
		if _, err := Diff(base, overlay); err != nil {
			t.Fatal(err)
		}
		hunks, err := Hunks(base, overlay)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Combine(base, hunks, "")
		if err != nil || len(hunks) == 0 {
			return
		}
		// Apply keeps a file's line endings, so an overlay of another kind, which
		// it cannot have made, does not come back.
		got, err := Apply(base, p)
		if strings.Contains(old+new, "\r") {
			return
		}
		if err != nil || string(got["a.py"]) != new {
			t.Fatalf("got %q (%v), want %q\n%+v", got["a.py"], err, new, p)
		}
	})
}

func write(t *testing.T, dir, path, content string) {
	t.Helper()
	full := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
