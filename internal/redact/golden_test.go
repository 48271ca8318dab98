package redact

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"github.com/repaird/repaird/internal/redact/secrettest"
)

var update = flag.Bool("update", false, "write the golden files")

type patternRule struct{ ID, Regex string }

// rulesOf reads the rules of a file that have a pattern.
func rulesOf(t *testing.T, prefix, name string) (list []patternRule) {
	var file struct{ Rules []patternRule }
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := toml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Rules {
		if r.Regex != "" {
			list = append(list, patternRule{prefix + r.ID, r.Regex})
		}
	}
	return list
}

// drawMatch draws a text that a pattern matches.
func drawMatch(r *rand.Rand, re *syntax.Regexp) string {
	times := func(lo, hi int) string {
		if hi < 0 || hi > lo+4 {
			hi = lo + 4
		}
		var b strings.Builder
		for range lo + r.IntN(hi-lo+1) {
			b.WriteString(drawMatch(r, re.Sub[0]))
		}
		return b.String()
	}
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return secrettest.Draw(r, secrettest.Alnums, 1)
	case syntax.OpCharClass:
		var set []byte
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for c := max(re.Rune[i], ' '); c <= min(re.Rune[i+1], '~'); c++ {
				set = append(set, byte(c))
			}
		}
		if len(set) == 0 {
			return string(re.Rune[0])
		}
		return secrettest.Draw(r, string(set), 1)
	case syntax.OpCapture:
		return drawMatch(r, re.Sub[0])
	case syntax.OpStar:
		return times(0, -1)
	case syntax.OpPlus:
		return times(1, -1)
	case syntax.OpQuest:
		return times(0, 1)
	case syntax.OpRepeat:
		return times(re.Min, re.Max)
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(drawMatch(r, sub))
		}
		return b.String()
	case syntax.OpAlternate:
		return drawMatch(r, re.Sub[r.IntN(len(re.Sub))])
	}
	return "" // places: \b, ^, $
}

// goldenTexts are the texts whose redaction is pinned, by group. They are drawn,
// not stored, so that no file of the repository looks like a leak; with one seed
// they are the same in every run.
func goldenTexts(t *testing.T) (groups []string, texts map[string][]string) {
	texts = map[string][]string{}
	add := func(group string, lines ...string) {
		if _, there := texts[group]; !there {
			groups = append(groups, group)
		}
		texts[group] = append(texts[group], lines...)
	}
	rng := rand.New(rand.NewPCG(21, 22))
	for _, r := range append(rulesOf(t, "", "rules/gitleaks.toml"), rulesOf(t, "own:", "rules/own.toml")...) {
		tree, err := syntax.Parse(r.Regex, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		a, b := drawMatch(rng, tree), drawMatch(rng, tree)
		add("rule "+r.ID, "cannot use "+a+" in step 3", `{"value": "`+b+`"}`, "x = '"+a[:len(a)/2]+"' '"+a[len(a)/2:]+"'")
	}
	for _, c := range append(slices.Clone(secrettest.Contexts), secrettest.HeldOutContexts...) {
		for _, k := range append(slices.Clone(secrettest.Kinds), secrettest.HeldOutKinds...) {
			if made := k.Make(rng); c.Write != nil {
				add("context "+c.Name, c.Write(k.Name, made))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(secrettest.Values)) {
		for range 3 {
			v := secrettest.Values[name](rng)
			add("value "+name, v, "password: "+secrettest.JSON(v), "seen at "+v+", twice: "+v+".")
		}
	}
	hostiles := hostile(600)
	for _, name := range slices.Sorted(maps.Keys(hostiles)) {
		add("hostile "+name, hostiles[name])
	}
	add("logs", strings.SplitAfter(logText(3000), "\n")...)
	add("harmless", "max_tokens=4096", "token_count: 17", "the password field is required", "sha256:"+secrettest.Draw(rng, secrettest.Hexes, 64),
		"commit "+secrettest.Draw(rng, secrettest.Hexes, 40), "version 1.2.3.4 of lib/10.0.0.1", "http://localhost:8080/path", "user@example.com",
		"def authenticate(token: str = None) -> Token:", "if password == other.password:", "os.environ['SECRET_KEY']", "%(password)s ${TOKEN} {{ secret }}")
	return groups, texts
}

// TestTextsAreRedactedAsBefore pins what becomes of texts that hold every kind of
// secret: the first line of two is the text as evidence, the second as source.
func TestTextsAreRedactedAsBefore(t *testing.T) {
	t.Parallel()
	const name = "testdata/texts.golden"
	r := New(secrettest.Key)
	known := r.Event(secrettest.LocalsOf("password", "'hunter2-Friday'")).Known()
	groups, texts := goldenTexts(t)
	var b strings.Builder
	for _, group := range groups {
		fmt.Fprintf(&b, "== %s\n", group)
		for _, s := range texts[group] {
			for _, out := range []string{r.Text(s, known).String(), r.Code(s, known).String()} {
				if out == s && group != "harmless" {
					b.WriteString("stays\n")
				} else {
					fmt.Fprintf(&b, "%s\n", secrettest.JSON(out))
				}
			}
		}
	}
	ev, canaries := canaryEvent()
	evidence := r.Event(ev)
	data, err := json.MarshalIndent(struct {
		Event, Report any
	}{evidence.Event(), evidence.Report()}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "== event\n%s\n", data)
	for _, c := range canaries {
		fmt.Fprintf(&b, "%s\n", secrettest.JSON(r.Code("x = 1  # "+c+" "+secrettest.JSON(c), evidence.Known()).String()))
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
		t.Errorf("redaction changed (-want +got); go test ./internal/redact -update writes it anew:\n%s", d)
	}
}
