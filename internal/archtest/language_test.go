package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// neutral are the packages that know no programming language: what they need of
// one comes through package language.
var neutral = []string{
	"internal/repro", "internal/behaviour", "internal/verify", "internal/pipeline", "internal/orchestrator", "internal/report", "internal/web",
}

// exceptions are the names of a language that may stand in a neutral package.
var exceptions = []struct{ file, text, reason string }{
	{"internal/pipeline/artifact.go", `json:"python"`, "how version 0 of reproduction.json named the interpreter"},
	{"internal/web/templates/run.html", ".Event.Environment.Python", "a field of what the event tells of production's environment"},
}

// named finds a language's name, its tools, its files and its spellings.
var named = regexp.MustCompile(`(?i)python|pytest|py\.test|conftest|virtualenv|\bvenv\b|\bpip\b|\.pyc?\b|pyproject|site-packages|requirements\.txt|` +
	`sys\.path|sentry_sdk|docstring|RecursionError|ModuleNotFoundError|ImportError|<(module|lambda|listcomp|setcomp|dictcomp|genexpr)>|` +
	`__[a-z]+__|\btuples?\b`)

var camel = regexp.MustCompile(`[A-Z]?[a-z0-9]+|[A-Z]+`)

// A place is one identifier, literal or line of a template that names a language.
type place struct{ file, text string }

func TestNeutralPackagesNameNoLanguage(t *testing.T) {
	t.Parallel()
	used := make([]bool, len(exceptions))
	for _, dir := range neutral {
		var found []place
		for _, p := range places(t, dir) {
			i := slices.IndexFunc(exceptions, func(e struct{ file, text, reason string }) bool {
				return e.file == p.file && strings.Contains(p.text, e.text) && !named.MatchString(strings.ReplaceAll(p.text, e.text, ""))
			})
			if i < 0 {
				found = append(found, p)
			} else {
				used[i] = true
			}
		}
		for _, p := range found {
			t.Errorf("%s names a language: %s", p.file, p.text)
		}
	}
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("the exception %s in %s does not occur any more", e.text, e.file)
		}
	}
}

// places finds what names a language in a package's own files; its tests and
// the packages below it are not looked at.
func places(t *testing.T, dir string) (found []place) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(filepath.Join("../..", dir), func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(file, "../../"))
		switch {
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(name, "_test.go"):
		case strings.HasSuffix(name, ".go"):
			seen++
			found = append(found, inGo(t, file, name)...)
		case slices.Contains([]string{".html", ".js", ".css", ".txt", ".md"}, path.Ext(name)):
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(data)) {
				if named.MatchString(line) {
					found = append(found, place{name, strings.TrimSpace(line)})
				}
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Fatalf("%s: %d files, %v", dir, seen, err)
	}
	return found
}

func inGo(t *testing.T, file, name string) (found []place) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		text := ""
		switch n := n.(type) {
		case *ast.Ident:
			if names(n.Name) {
				text = n.Name
			}
		case *ast.BasicLit:
			if named.MatchString(n.Value) {
				text = n.Value
			}
		}
		if text != "" {
			found = append(found, place{name, text})
		}
		return true
	})
	return found
}

// names looks at an identifier word by word: pipeline is not pip.
func names(identifier string) bool {
	return named.MatchString(strings.Join(camel.FindAllString(identifier, -1), " "))
}

func TestNamesOfALanguageAreSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"parsePython": true, "runPip": true, "pytestArgs": true, "venvDir": true,
		"pipeline": false, "pipe": false, "pytrace": false, "tupleOf": true, "Proposal": false,
	} {
		if got := names(text); got != want {
			t.Errorf("identifier %s: got %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]bool{
		"a.py": true, "python -m pytest": true, "<module>": true, "__init__": true, "RecursionError": true, "sys.path": true,
		"happy.": false, "a pipe": false, "<details>": false, "copy": false,
	} {
		if got := named.MatchString(text); got != want {
			t.Errorf("text %q: got %v, want %v", text, got, want)
		}
	}
}

// The tracer is Python's, and so are the tools that run programs under it.
var tracing = []string{"internal/trace/run", "internal/trace/run/configfile", "internal/trace/agent", "cmd/repaird"}

// Languages are the packages below internal/language. What is above asks for them
// through the contract, and app makes them.
func TestLanguagesAreImportedOnlyByApp(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		from, _ := local(p.ImportPath)
		if from == "internal/app" || unlayered.MatchString(from) || strings.HasPrefix(from, "internal/language/") {
			continue
		}
		for _, imp := range p.Imports {
			to, ok := local(imp)
			if ok && strings.HasPrefix(to, "internal/language/") && (to != "internal/language/python/tracer" || !slices.Contains(tracing, from)) {
				t.Errorf("%s imports %s; only internal/app may", from, to)
			}
		}
	}
}

var row = regexp.MustCompile(`^  ((?:\S+/ )+) *([0-9]+|-) `)

// The table of layers for people, in docs/design.md §3, is the one above.
func TestTheDesignShowsTheseLayers(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(data), "\n## 3. Layout\n")
	section, _, _ = strings.Cut(section, "\n## 4.")
	if !ok {
		t.Fatal("docs/design.md has no section 3, Layout")
	}
	shown := map[string]bool{}
	for line := range strings.Lines(section) {
		m := row.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for _, name := range strings.Fields(m[1]) {
			p := "internal/" + strings.TrimSuffix(name, "/")
			shown[p] = true
			n, err := strconv.Atoi(m[2])
			switch {
			case err != nil && !unlayered.MatchString(p):
				t.Errorf("docs/design.md gives %s no layer, here it has %d", p, layer(p))
			case err == nil && n != layer(p):
				t.Errorf("docs/design.md has %s in layer %d, here it is %d", p, n, layer(p))
			}
			if _, err := os.Stat(filepath.Join("../..", p)); err != nil {
				t.Errorf("docs/design.md names %s, which does not exist", p)
			}
		}
	}
	for _, p := range slices.Concat(layers...) {
		if strings.HasPrefix(p, "internal/") && !shown[p] {
			t.Errorf("docs/design.md does not show %s", p)
		}
	}
	for p := range lifted {
		if !shown[p] {
			t.Errorf("docs/design.md does not show %s", p)
		}
	}
}
