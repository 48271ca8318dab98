package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/testrun"
)

func TestStatesAreDrawnAsTheyAre(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := regexp.MustCompile(`──(\w+)──► (\w+)`).FindAllStringSubmatch(string(page), -1)
	if len(drawn) != len(Stages) {
		t.Fatalf("docs/states.md draws %d stages, there are %d", len(drawn), len(Stages))
	}
	for i, s := range Stages {
		if drawn[i][1] != s.Name || drawn[i][2] != s.State {
			t.Errorf("docs/states.md draws %s ► %s, want %s ► %s", drawn[i][1], drawn[i][2], s.Name, s.State)
		}
		next := ""
		if i+1 < len(Stages) {
			next = Stages[i+1].Name
		}
		if s.Next() != next {
			t.Errorf("after %s comes %q, want %q", s.Name, s.Next(), next)
		}
	}
}

// A name in two places is two names as soon as one of them changes.
func TestAStagesNameStandsInOnePlace(t *testing.T) {
	t.Parallel()
	at := map[string][]string{}
	for _, pkg := range []string{"pipeline", "orchestrator", "postgres", "web", "app", "report", "intake"} {
		files, err := filepath.Glob("../" + pkg + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					text, _ := strconv.Unquote(l.Value)
					at[text] = append(at[text], fset.Position(l.Pos()).String())
				}
				return true
			})
		}
	}
	for _, s := range Stages {
		if len(at[s.Name]) != 1 {
			t.Errorf("%s stands at %v", s.Name, at[s.Name])
		}
	}
}

func TestAStageReturnsWhatItMadeAnew(t *testing.T) {
	t.Parallel()
	stop := &fault.Stop{Type: fault.Rejected}
	for name, c := range map[string]struct {
		bundle *bundle.Bundle
		result *repair.Result
		err    error
		want   []string
	}{
		"it ends well":                     {&bundle.Bundle{}, &repair.Result{}, nil, []string{ArtifactRepair}},
		"it made something and stops":      {&bundle.Bundle{}, &repair.Result{}, stop, []string{ArtifactRepair}},
		"it stops before it makes a thing": {&bundle.Bundle{}, nil, stop, nil},
		"it fails":                         {&bundle.Bundle{}, &repair.Result{}, errors.New("disk full"), nil},
		"what it needs is not there":       {nil, &repair.Result{}, nil, nil},
	} {
		s := stage("toy", "toyed",
			func(*at, context.Context, Sealed) (*repair.Result, error) { return c.result, c.err },
			func(c *Case) (Sealed, bool) { return Sealed{c.Bundle}, c.Bundle != nil },
			func(c *Case, r *repair.Result) []string { c.Repair = r; return []string{ArtifactRepair} })
		made, err := s.do(t.Context(), &at{}, &Case{Bundle: c.bundle, Diagnosis: "made before"})
		var got []string
		for _, a := range made {
			got = append(got, a.Name)
			if a.SHA256 != sha256.Sum256(a.Content) {
				t.Errorf("%s: %s has another digest", name, a.Name)
			}
		}
		if !slices.Equal(got, c.want) || c.bundle != nil && !errors.Is(err, c.err) || c.bundle == nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestASealedBundleIsNotStoredAgain(t *testing.T) {
	t.Parallel()
	b := &bundle.Bundle{}
	c := &Case{Bundle: b}
	if made, err := (&Pipeline{}).Do(t.Context(), Assemble, c); made != nil || err != nil || c.Bundle != b {
		t.Errorf("got %v, %v", made, err)
	}
}

func TestAStoredReproductionNamesItsVersionAndNoFolder(t *testing.T) {
	t.Parallel()
	c := &Case{Reproduction: &repro.Reproduction{Called: "shop.price", Env: testrun.Environment{Digest: "sha256:abc", Dir: "/var/lib/x", Interpreter: "/env/bin/python"}}}
	made, err := c.encode([]string{ArtifactReproduction})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(made[0].Content, &fields); err != nil {
		t.Fatal(err)
	}
	if fields["version"] != 1.0 || fields["called"] != "shop.price" || strings.Contains(string(made[0].Content), "/var/lib/x") {
		t.Errorf("got %s", made[0].Content)
	}
	for name, c := range map[string]struct {
		json string
		kind fault.Kind // Internal: none
	}{
		"as it is written":       {string(made[0].Content), fault.Internal},
		"as older versions did":  {`{"called":"shop.price","env":{"image":"","venv":"/var/lib/x","python":"/env/bin/python","digest":"sha256:abc"}}`, fault.Internal},
		"as newer versions will": {`{"version":2,"called":{"function":"shop.price"}}`, fault.Retryable},
	} {
		restored := &Case{}
		err := restored.Restore(map[string][]byte{ArtifactReproduction: []byte(c.json), ArtifactRed: []byte("{}")})
		if c.kind != fault.Internal {
			if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), "newer repaird") {
				t.Errorf("%s: got %v", name, err)
			}
			continue
		}
		if err != nil || restored.Reproduction.Called != "shop.price" || restored.Reproduction.Env.Digest != "sha256:abc" || restored.Reproduction.Env.Dir != "" || restored.Reproduction.Env.Interpreter != "/env/bin/python" {
			t.Errorf("%s: got %+v, %v", name, restored.Reproduction, err)
		}
	}
}

func TestARunFromAnOlderVersionStillSaysHowToRunItsTest(t *testing.T) {
	t.Parallel()
	c := &Case{Bundle: &bundle.Bundle{}}
	old := `{"called":"shop.price","test":{"path":"tests/test_a.py","name":"test_a"},"env":{"python":"/env/bin/python","digest":"sha256:abc"}}`
	if err := c.Restore(map[string][]byte{ArtifactReproduction: []byte(old)}); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Pipeline{Language: python.New(nil, python.Host{})}).Do(t.Context(), Assemble, c); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Reproduction.Test.Command, " "); !strings.Contains(got, "tests/test_a.py") {
		t.Errorf("got command %q", got)
	}
}
