package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

const root = "../.."

// foreign are phrases that a native speaker would not write, with what to write
// instead.
var foreign = []struct{ phrase, instead string }{
	{`\bof which the\b`, "whose"},
	{`\bcan(?:not)?(?: not)? be had\b|\bcould(?: not)? be had\b`, "is (not) available, is (not) usable"},
	{`\b(?:is|are|was|were|be|being) made(?: (?:by|from|for|with|in|at|anew|here|there|once)\b|[.,;:)]|$)`, "is built, created, generated, taken"},
	{`\b(?:bound|built|made|written|begun|judged|started) (?:anew|afresh)\b`, "reassigned, rebuilt, rewritten, …"},
	{`\bof elsewhere\b|made to lead here`, "the field's own noun, such as DNS rebinding"},
	{`\bprolongs?\b`, "renew, heartbeat"},
	{`\bhandler for everything\b`, "catch-all handler"},
	{`\bfail(?:s|ed)? otherwise\b`, "failed differently"},
	{`\bhas to do with\b|\bhave to do with\b`, "concerns, is about"},
	{`\bwhoever\b`, "the person or program, by its noun"},
	{`\bwhatever (?:it|they) (?:was|were) doing\b`, "unfinished work"},
	{`\b(?:verifier|verdict) without a model\b`, "model-free"},
	{`\b(?:terminal|page) obeys\b`, "control characters"},
	{`\bof (?:sensible|fitting) size\b`, "at most N bytes"},
	{`\bcosts more was made to\b`, "is treated as adversarial"},
	{`\bidempotence key\b`, "idempotency key"},
	{`\bshuts? down in order\b|\bends it in order\b`, "shut down gracefully"},
	{`\bmore than are taken\b|\bmore \w+ than are\b`, "too many"},
	{`\b(?:hangs|hung) on its\b`, "is related to, depends on"},
	{`\bin the way that\b|\bon its way\b`, "as, in flight"},
	{`\b(?:one|a) (?:durable )?(?:job|line|folder|directory|record|key|argument|event) an? \w+`, "one … per …"},
	{`\bgo(?:es)? on (?:serving|at|with|when|at once)\b`, "continue, resume"},
	{`\btakes? (?:no )?part\b`, "counts, is ignored"},
	{`\bhears? of\b`, "is notified of"},
	{`\b(?:is|are) answered with\b`, "fails with, returns, gets"},
	{`\bof (?:its|our|their) own making\b`, "the package's own"},
	{`\bstands? (?:in|inside) (?:the|its)\b`, "is in"},
	{`\blies? (?:below|beside|in memory)\b`, "is below, is next to"},
	{`\bthe set-up (?:has|writes|did)\b|\bset-up is running\b`, "setup"},
}

// isNo finds "is no X" for "is not an X".
var isNo = regexp.MustCompile(`(?i)(\w+) (?:is|are|was|were) no (\w+)`)

// quoting are files that must have such phrases: tests of what Python files print.
var quoting = []string{"internal/language/python/tracer/probes_"}

// homes are the packages that may declare names with an overloaded word, whose
// one meaning docs/words.md gives.
var homes = map[string][]string{
	"fence":  {"internal/postgres", "internal/orchestrator", "internal/forge", "internal/report"}, // the latter: Markdown's code fences
	"fenced": {"internal/postgres", "internal/orchestrator"},
	"judge":  {"internal/verify", "internal/repair", "internal/pipeline"},
	"lease":  {"internal/postgres", "internal/orchestrator", "internal/config", "internal/app"},
	"rank":   {"internal/postgres", "internal/orchestrator"},
	"budget": {"internal/repair", "internal/pipeline", "internal/config", "internal/app", "internal/orchestrator", "internal/fault", "internal/language/python/templates"},
}

func TestTextsAreNativeEnglish(t *testing.T) {
	t.Parallel()
	patterns := make([]*regexp.Regexp, len(foreign))
	for i, f := range foreign {
		patterns[i] = regexp.MustCompile(`(?i)` + f.phrase)
	}
	for _, name := range sources(t, ".go", ".md", ".html", ".sh", ".yaml") {
		if name == "docs/words.md" || name == "internal/archtest/words_test.go" || within(quoting, name) {
			continue
		}
		for _, line := range texts(t, name) {
			for i, re := range patterns {
				if m := re.FindString(line); m != "" {
					t.Errorf("%s: %q: write %s\n\t%s", name, m, foreign[i].instead, line)
				}
			}
			for _, m := range isNo.FindAllStringSubmatch(line, -1) {
				first, last := strings.ToLower(m[1]), strings.ToLower(m[2])
				if first != "there" && last != "longer" && last != "more" {
					t.Errorf("%s: %q: write \"is not a\"\n\t%s", name, m[0], line)
				}
			}
		}
	}
}

func TestWordsHaveOneMeaning(t *testing.T) {
	t.Parallel()
	unused, qualified := glossary(t)
	declared := map[string]bool{}
	for _, name := range sources(t, ".go") {
		dir := filepath.ToSlash(filepath.Dir(name))
		pkg, names := declarations(t, name)
		for _, ident := range names {
			declared[pkg+"."+ident] = true
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, word := range split(ident) {
				if slices.Contains(unused, word) {
					t.Errorf("%s: %s: docs/words.md does not use %q", name, ident, word)
				}
				if home := homes[strings.TrimSuffix(word, "s")]; home != nil && !within(home, dir) {
					t.Errorf("%s: %s: %q belongs to %v, see docs/words.md", name, ident, word, home)
				}
			}
		}
	}
	for _, q := range qualified {
		if !declared[q] {
			t.Errorf("docs/words.md: %s does not exist", q)
		}
	}
	for _, name := range sources(t, ".md") {
		for line := range strings.Lines(read(t, name)) {
			if !strings.HasPrefix(line, "#") {
				continue
			}
			for word := range strings.FieldsFuncSeq(strings.ToLower(line), func(r rune) bool { return !unicode.IsLetter(r) }) {
				if slices.Contains(unused, word) {
					t.Errorf("%s: heading %q: docs/words.md does not use %q", name, strings.TrimSpace(line), word)
				}
			}
		}
	}
}

// glossary reads the table of docs/words.md: the single words that it does not
// use, and the qualified identifiers that it names. It checks the table's order.
func glossary(t *testing.T) (unused, qualified []string) {
	t.Helper()
	code := regexp.MustCompile("`([^`]+)`")
	previous := ""
	for line := range strings.Lines(read(t, "docs/words.md")) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| term ") {
			continue
		}
		term := strings.TrimSpace(cells[1])
		if term <= previous {
			t.Errorf("docs/words.md: %q is not after %q", term, previous)
		}
		previous = term
		for _, m := range code.FindAllStringSubmatch(cells[3], -1) {
			if strings.Contains(m[1], ".") {
				qualified = append(qualified, m[1])
			}
		}
		for _, m := range code.FindAllStringSubmatch(cells[4], -1) {
			unused = append(unused, m[1])
		}
	}
	if len(unused) == 0 || len(qualified) < 20 {
		t.Fatalf("docs/words.md: read %d unused words and %d identifiers", len(unused), len(qualified))
	}
	return unused, qualified
}

// sources lists the repository's files with one of the extensions, as paths from
// its root, without generated and recorded ones.
func sources(t *testing.T, extensions ...string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base == "testdata" || base == "bin" || len(base) > 2 && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if slices.Contains(extensions, filepath.Ext(name)) {
			rel, err := filepath.Rel(root, name)
			list = append(list, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatalf("no files with %v", extensions)
	}
	return list
}

// texts returns what people read in a file: of Go source the comments and string
// literals, of others every line. Lines of one comment are joined.
func texts(t *testing.T, name string) []string {
	t.Helper()
	if filepath.Ext(name) != ".go" {
		return strings.Split(read(t, name), "\n")
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range file.Comments {
		list = append(list, strings.Join(strings.Fields(c.Text()), " "))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				list = append(list, strings.Join(strings.Fields(s), " "))
			}
		}
		return true
	})
	return list
}

// declarations returns a Go file's package name and the names that it declares at
// top level, as fields, and as parameters.
func declarations(t *testing.T, name string) (pkg string, names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names = append(names, n.Name.Name)
		case *ast.TypeSpec:
			names = append(names, n.Name.Name)
		case *ast.ValueSpec:
			for _, id := range n.Names {
				names = append(names, id.Name)
			}
		case *ast.Field:
			for _, id := range n.Names {
				names = append(names, id.Name)
			}
		}
		return true
	})
	return file.Name.Name, names
}

// split returns an identifier's words in lower case: parseHTTPLease is "parse",
// "http", "lease".
func split(ident string) (words []string) {
	runes := []rune(ident)
	from := 0
	for i := 1; i <= len(runes); i++ {
		if i < len(runes) && runes[i] != '_' {
			upper := unicode.IsUpper(runes[i])
			inside := i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && !unicode.IsLower(runes[i+1])
			if !upper || unicode.IsUpper(runes[i-1]) && (inside || i+1 == len(runes)) {
				continue
			}
		}
		words = append(words, strings.ToLower(strings.Trim(string(runes[from:i]), "_")))
		from = i
	}
	return words
}

func within(list []string, name string) bool {
	return slices.ContainsFunc(list, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheChecksOfWordsFindWhatTheySeek(t *testing.T) {
	t.Parallel()
	for ident, want := range map[string]string{
		"leaseCount": "lease count", "ParseLease": "parse lease", "releaseShape": "release shape",
		"HTTPLease": "http lease", "rawID": "raw id", "run_id": "run id", "x": "x",
	} {
		if got := strings.Join(split(ident), " "); got != want {
			t.Errorf("%s: got %q, want %q", ident, got, want)
		}
	}
	for _, line := range []string{"the value is no number", "it cannot be had", "the test failed otherwise", "Whoever calls it"} {
		found := isNo.MatchString(line)
		for _, f := range foreign {
			found = found || regexp.MustCompile(`(?i)`+f.phrase).MatchString(line)
		}
		if !found {
			t.Errorf("%q passes", line)
		}
	}
}
