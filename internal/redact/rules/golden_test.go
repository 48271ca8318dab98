package rules

import (
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp/syntax"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/redact/secrettest"
)

var update = flag.Bool("update", false, "write the golden files")

// TestEveryRuleFindsWhatItDid pins what Detect and Find report for texts that are
// drawn from each rule's pattern: in a line of its own, under a name, in base64.
// When the file was written, gitleaks 8.30.1 reported the same as Detect.
func TestEveryRuleFindsWhatItDid(t *testing.T) {
	t.Parallel()
	const name = "testdata/found.golden"
	rng := rand.New(rand.NewPCG(31, 32))
	var b strings.Builder
	for _, p := range append(secrettest.Patterns(t, "", "gitleaks.toml"), secrettest.Patterns(t, "own:", "own.toml")...) {
		tree, err := syntax.Parse(p.Regex, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", p.ID)
		secret := secrettest.Match(rng, tree)
		for _, text := range []string{
			"x = 1\n" + secret + "\n",
			"def f():\n    api_key = '" + secret + "'  # gitleaks:allow\n",
			"blob = '" + base64.StdEncoding.EncodeToString([]byte("k = "+secret)) + "'",
		} {
			b.WriteString(" ")
			for _, l := range Default().Detect(text) {
				fmt.Fprintf(&b, " %s:%d+%d", l.Rule, l.Line, len(l.Secret))
			}
			b.WriteString(" |")
			work := 1 << 20
			Default().Find(text, &work, func(start, end int, rule string) { fmt.Fprintf(&b, " %s:%d-%d", rule, start, end) })
			b.WriteString("\n")
		}
	}
	got := b.String()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("what the rules find changed (-want +got); go test ./internal/redact/rules -update writes it anew:\n%s", d)
	}
}
