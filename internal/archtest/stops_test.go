package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Details and helps of stops are sentences: a capital letter first, a full stop
// last. Parts that are known only at run time are not looked at.
func TestStopsAreSentences(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, name := range sources(t, ".go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, s := range stopTexts(t, name) {
			seen++
			if why := notSentence(s.first, s.last); why != "" {
				t.Errorf("%s: %q … %q %s", name, s.first, s.last, why)
			}
		}
	}
	if seen < 20 {
		t.Errorf("found only %d texts of stops", seen)
	}
}

func TestNotSentenceSeesBothEnds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"The test passed.": true, "the test passed.": false, "The test passed": false,
		"%d of %d runs failed.": true, "`f` was not called.": true, "The limit is %d": true,
	} {
		if got := notSentence(text, text) == ""; got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func notSentence(first, last string) string {
	if r, _ := utf8.DecodeRuneInString(first); unicode.IsLower(r) {
		return "does not begin with a capital letter"
	}
	if r, _ := utf8.DecodeLastRuneInString(last); unicode.IsLetter(r) || unicode.IsDigit(r) {
		if i := strings.LastIndexByte(last, '%'); i < 0 || i != len(last)-2 {
			return "does not end with a full stop"
		}
	}
	return ""
}

// A stopText is a text of a stop: the literals that it begins and ends with, ""
// where it is known only at run time.
type stopText struct{ first, last string }

// stopTexts returns the fields Detail and Help of the literals of fault.Stop in a
// file.
func stopTexts(t *testing.T, name string) (list []stopText) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if typ, ok := lit.Type.(*ast.SelectorExpr); !ok || typ.Sel.Name != "Stop" {
			return true
		}
		for _, e := range lit.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			if key, ok := kv.Key.(*ast.Ident); ok && (key.Name == "Detail" || key.Name == "Help") {
				list = append(list, stopText{literal(kv.Value, true), literal(kv.Value, false)})
			}
		}
		return true
	})
	return list
}

// literal returns the string literal at the beginning or the end of an
// expression: of a concatenation its outer operand, of a call such as Sprintf its
// format.
func literal(e ast.Expr, first bool) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		if first {
			return literal(e.X, first)
		}
		return literal(e.Y, first)
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return literal(e.Args[0], first)
		}
	}
	return ""
}
