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
	"github.com/repaird/repaird/internal/redact/secrettest"
)

var update = flag.Bool("update", false, "write the golden files")

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
	for _, r := range append(secrettest.Patterns(t, "", "rules/gitleaks.toml"), secrettest.Patterns(t, "own:", "rules/own.toml")...) {
		tree, err := syntax.Parse(r.Regex, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		a, b := secrettest.Match(rng, tree), secrettest.Match(rng, tree)
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
