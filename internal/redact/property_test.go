package redact

import (
	"encoding/base64"
	"maps"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact/secrettest"
)

func TestEqualValuesHaveEqualTokensInEveryEncoding(t *testing.T) {
	t.Parallel()
	r := New(secrettest.Key)
	for _, secret := range []string{"hunter2-Friday", `p"a's\s100%`, "grün+Käse 42", "Zx81QmPl77TtRs09AaBb", "line one\nline two 9"} {
		tok := r.key.Of(secret)
		texts := map[string][2]string{
			"JSON":           {`{"password": ` + secrettest.JSON(secret) + `}`, secrettest.JSON(tok)},
			"JSON in JSON":   {secrettest.JSON(`{"password": ` + secrettest.JSON(secret) + `}`), secrettest.JSONInner(secrettest.JSON(tok))},
			"Python":         {"password=" + secrettest.Repr(secret), secrettest.ReprInner(tok)},
			"URL query":      {"/login?password=" + url.QueryEscape(secret) + "&x=1", url.QueryEscape(tok)},
			"URL login":      {"amqp://svc:" + url.PathEscape(secret) + "@mq/", url.PathEscape(tok)},
			"base64":         {base64.StdEncoding.EncodeToString([]byte(`{"password": ` + secrettest.JSON(secret) + `}`)), base64.StdEncoding.EncodeToString([]byte(`{"password": ` + secrettest.JSON(tok) + `}`))},
			"base64 itself":  {"password: " + secrettest.JSON(secret) + "\nx: " + base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(tok))},
			"somewhere else": {"password: " + secrettest.JSON(secret) + "\nand later " + secret + " again", "later " + tok + " again"},
		}
		for name, tt := range texts {
			if strings.Contains(secret, "\n") && (name == "Python" || name == "URL login" || name == "somewhere else") {
				continue
			}
			if got := r.Text(tt[0], nil).String(); !strings.Contains(strings.ReplaceAll(got, "+", "%20"), strings.ReplaceAll(tt[1], "+", "%20")) {
				t.Errorf("%s of %q: token %q is not in %q, made of %q", name, secret, tt[1], got, tt[0])
			}
		}
	}
}

func TestRedactingTwiceIsRedactingOnce(t *testing.T) {
	t.Parallel()
	r := New(secrettest.Key)
	rng := rand.New(rand.NewPCG(9, 10))
	all, contextsOf := append(append([]secrettest.Kind{}, secrettest.Kinds...), secrettest.HeldOutKinds...), append(append([]secrettest.Context{}, secrettest.Contexts...), secrettest.HeldOutContexts...)
	for _, k := range all {
		for _, c := range contextsOf {
			for range 2 {
				made := k.Make(rng)
				if c.Event != nil {
					once := r.Event(c.Event(k.Name, made)).Event()
					twice := r.Event(once)
					if n := twice.Report().Replaced; n != 0 {
						t.Errorf("%s in %s: %d values replaced again: %+v", k.Name, c.Name, n, twice.Report())
					}
					continue
				}
				once := r.Text(c.Write(k.Name, made), nil).String()
				if twice := r.Text(once, nil).String(); twice != once {
					t.Errorf("%s in %s: %q became %q, then %q", k.Name, c.Name, c.Write(k.Name, made), once, twice)
				}
			}
		}
	}
}

func TestReprsStayLiteralsOfTheirType(t *testing.T) {
	t.Parallel()
	r := New(secrettest.Key)
	rng := rand.New(rand.NewPCG(11, 12))
	for _, name := range slices.Sorted(maps.Keys(secrettest.Values)) { // one order: the draws are the same in every run
		sample := secrettest.Values[name]
		for range 50 {
			v := sample(rng)
			repr := incident.Quote(v)
			ev := r.Event(secrettest.LocalsOf("password", repr))
			got := ev.Event().Exceptions[0].Frames[0].Locals[0].Value.Repr
			if _, _, ok := literal(got); !ok || got[0] != repr[0] {
				t.Errorf("%s: %s became %s", name, repr, got)
			}
		}
	}
	for repr, want := range map[string]string{
		`b'hunter2-\xe9\xff'`:    `^b'[a-z]{6}[0-9]-\\x[0-9a-f]{2}\\x[0-9a-f]{2}[a-z]*'$`,
		`1234567`:                `^[0-9]{19}$`,
		`None`:                   `^None$`,
		`True`:                   `^True$`,
		`<Secret object at 0x1>`: `^<Secret object at 0x1>$`,
		`['abc123', 'def456']`:   `^\['[a-z]{3}[0-9]{3}[a-z]+', '[a-z]{3}[0-9]{3}[a-z]+'\]$`,
		`{'a': 'abc123'}`:        `^\{'a': '[a-z]{3}[0-9]{3}[a-z]+'\}$`,
	} {
		got := r.Event(secrettest.LocalsOf("password", repr)).Event().Exceptions[0].Frames[0].Locals[0].Value.Repr
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s became %s, want %s", repr, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, c := range append(secrettest.Contexts, secrettest.HeldOutContexts...) {
		if c.Write != nil {
			for _, k := range secrettest.Kinds {
				f.Add(c.Write(k.Name, k.Make(rng)))
			}
		}
	}
	for _, s := range hostile(300) {
		f.Add(s)
	}
	r := New(secrettest.Key)
	known := r.Event(secrettest.LocalsOf("password", "'hunter2-Friday'")).Known()
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{r.Text(s, known).String(), r.Code(s, known).String()} {
			if !utf8.ValidString(out) {
				t.Fatalf("%q became %q, which is not UTF-8", s, out)
			}
			if strings.Count(out, "\n") != strings.Count(s, "\n") && !strings.HasPrefix(out, "[redacted") {
				t.Fatalf("%q lost lines: %q", s, out)
			}
			if strings.Contains(out, "hunter2-Friday") {
				t.Fatalf("%q still holds a known value", out)
			}
		}
	})
}
