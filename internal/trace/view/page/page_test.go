package page

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/view/viewtest"
)

func page(t *testing.T, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAPageNeedsNothingElse(t *testing.T) {
	t.Parallel()
	trace, dir := viewtest.Recorded(t, viewtest.Hostile)
	text := page(t, Options{Red: trace, Title: "<b>&", Source: DiskSource([]string{dir})})
	for _, banned := range []string{"http://", "https://", "src=", "href=", "@import", "url(", "innerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("} {
		code := regexp.MustCompile(`(?s)<script type="application/json".*?</script>`).ReplaceAllString(text, "")
		if strings.Contains(code, banned) {
			t.Errorf("the page holds %q", banned)
		}
	}
	viewtest.WantAll(t, text[:1200], "<title>&lt;b&gt;&amp;</title>", "default-src 'none'")
	// No value ends the block of data or begins another script.
	if n := strings.Count(text, "</script>"); n != 2 {
		t.Errorf("%d ends of scripts, want 2", n)
	}
	if n := strings.Count(text, "<script"); n != 2 {
		t.Errorf("%d beginnings of scripts, want 2", n)
	}
	for _, part := range []string{"script", "style"} {
		body := regexp.MustCompile(`(?s)<` + part + `>(.*?)</` + part + `>`).FindStringSubmatch(text)
		if body == nil || !strings.Contains(text[:1200], part+"-src '"+digest(body[1])+"'") {
			t.Errorf("the policy does not name the page's own %s", part)
		}
	}
	var data pageData
	block := regexp.MustCompile(`(?s)id="data">(.*?)</script>`).FindStringSubmatch(text)[1]
	if err := json.Unmarshal([]byte(block), &data); err != nil {
		t.Fatal(err)
	}
	x := data.Traces[0]
	if n := len(x.Calls.ID); n != len(x.Calls.Parent) || n != len(x.Calls.Args) || n != len(x.Calls.Brief) || n != len(x.Calls.Task) || n+1 != len(x.Calls.Event) || n != len(x.Calls.Flags) {
		t.Errorf("the columns of %d calls differ in length", n)
	}
	if len(x.Files) != 1 || !strings.HasPrefix(x.Files[0].Source, "EVIL = ") || len(x.Files[0].Executed) < 20 {
		t.Errorf("files %+v", x.Files)
	}
}

func TestSourcesAreReadOnlyBelowTheirDirectories(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	write := func(name, text string) string {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	secret := write(filepath.Join(outside, "secret.py"), "KEY = 1")
	inside := write(filepath.Join(dir, "app", "core.py"), "x = 1")
	notes := write(filepath.Join(dir, "notes.txt"), "no source")
	big := write(filepath.Join(dir, "big.py"), strings.Repeat("#", maxSource+1))
	binary := write(filepath.Join(dir, "binary.py"), "a\x00b")
	link := filepath.Join(dir, "link.py")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	source := DiskSource([]string{dir, "/work=" + dir})
	for _, c := range []struct{ name, file, want string }{
		{"a file below it", inside, "x = 1"},
		{"a file as the traced process saw it", "/work/app/core.py", "x = 1"},
		{"a file elsewhere", secret, ""},
		{"a way out", dir + "/../" + filepath.Base(outside) + "/secret.py", ""},
		{"a link that leads out", link, ""},
		{"what is not Python", notes, ""},
		{"a file that is too large", big, ""},
		{"a binary file", binary, ""},
		{"a directory", dir + "/app", ""},
		{"none", dir + "/none.py", ""},
	} {
		if got := string(source(c.file)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestComparedForestsAlign(t *testing.T) {
	t.Parallel()
	red, _ := viewtest.Recorded(t, map[string]string{"main.py": `
def f(n): return n
def g(n): return n
def h(n): return f(n) + 1


def main():
    f(1); f(2); g(1); h(5); f(9)


main()
`})
	green, _ := viewtest.Recorded(t, map[string]string{"main.py": `
def f(n): return n
def g(n): return n
def h(n): return f(n) + 2


def main():
    f(1); f(2); h(5); g(3); f(9)


main()
`})
	a, b := view.NewForest(red), view.NewForest(green)
	c := compare(a, b)
	var got []string
	for i := range c.Red {
		s := []string{"=", "v", "≠", "-", "+"}[c.Status[i]]
		if r := c.Red[i]; r >= 0 {
			s += " " + a.Nodes[r].Code.Name
		}
		if g := c.Green[i]; g >= 0 {
			s += " " + b.Nodes[g].Code.Name
		}
		got = append(got, s)
	}
	want := "v <module> <module>, v main main, = f f, = f f, - g, ≠ h h, = f f, + g, = f f"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("pairs %s, want %s", s, want)
	}
	if c.First < 0 || c.Status[c.First] < pairDiffer {
		t.Errorf("the first difference is pair %d", c.First)
	}
}
