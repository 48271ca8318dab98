package redact

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/redact/secrettest"
)

// leaks reports whether a secret is still in a redacted text. Four fifths of a
// secret are the secret.
func leaks(out string, c secrettest.Context, k secrettest.Kind, made string) bool {
	secret := made
	if k.Secret != nil {
		secret = k.Secret(made)
	}
	switch c.Name {
	case "base64":
		data, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(out, "payload="))
		out = string(data)
	case "split over two literals":
		if k.Secret == nil {
			secret, _ = secrettest.Halves(made)
			break
		}
		// Its parts are joined again, to see whether the secret is in them.
		out = strings.ReplaceAll(out, "'\n    '", "")
	}
	if c.Written != nil {
		secret = c.Written(secret)
	}
	n := len(secret) * 4 / 5
	return strings.Contains(out, secret[:n]) || strings.Contains(out, secret[len(secret)-n:])
}

// recall plants every kind in every context and returns the share removed, in
// all and for each context.
func recall(t *testing.T, samples int, kinds []secrettest.Kind, contexts []secrettest.Context) (all float64, each map[string]float64, missed map[string]int) {
	r := New(secrettest.Key)
	each, missed = map[string]float64{}, map[string]int{}
	rng := rand.New(rand.NewPCG(1, 2))
	total, removed := 0, 0
	for _, c := range contexts {
		here := 0
		for _, k := range kinds {
			for range samples {
				made := k.Make(rng)
				var out string
				if c.Event != nil {
					data, err := json.Marshal(r.Event(c.Event(k.Name, made)).Event())
					if err != nil {
						t.Fatal(err)
					}
					var tree any
					_ = json.Unmarshal(data, &tree)
					out = flat(tree)
				} else {
					out = r.Text(c.Write(k.Name, made), nil).String()
				}
				total++
				if leaks(out, c, k, made) {
					if missed[c.Name+" / "+k.Name]++; missed[c.Name+" / "+k.Name] == 1 && testing.Verbose() {
						t.Logf("missed %s: %q", c.Name+" / "+k.Name, made)
					}
					continue
				}
				removed++
				here++
			}
		}
		each[c.Name] = float64(here) / float64(len(kinds)*samples)
	}
	return float64(removed) / float64(total), each, missed
}

// flat joins every text of a decoded JSON document.
func flat(tree any) string {
	var b strings.Builder
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			b.WriteString(v + "\n")
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for k, item := range v {
				b.WriteString(k + "\n")
				walk(item)
			}
		}
	}
	walk(tree)
	return b.String()
}

func TestPlantedSecretsAreRemoved(t *testing.T) {
	t.Parallel()
	all, each, missed := recall(t, 20, secrettest.Kinds, secrettest.Contexts)
	for _, c := range secrettest.Contexts {
		t.Logf("%6.2f %%  %s", 100*each[c.Name], c.Name)
	}
	t.Logf("%6.2f %%  in all; missed: %v", 100*all, missed)
	if all < 0.985 {
		t.Errorf("recall is %.4f", all)
	}
	// Where a name or a scheme announces the secret, none may stay.
	for _, c := range secrettest.Contexts {
		if !strings.Contains(c.Name, "neutral") && each[c.Name] < 1 {
			t.Errorf("%s: recall is %.4f", c.Name, each[c.Name])
		}
	}
}

func TestSecretsThatTheRulesWereNotMadeForAreRemoved(t *testing.T) {
	t.Parallel()
	for _, set := range []struct {
		name     string
		kinds    []secrettest.Kind
		contexts []secrettest.Context
		floor    float64
	}{
		{"held-out kinds, known contexts", secrettest.HeldOutKinds, secrettest.Contexts, 0.93},
		{"known kinds, held-out contexts", secrettest.Kinds, secrettest.HeldOutContexts, 0.97},
		{"held-out kinds, held-out contexts", secrettest.HeldOutKinds, secrettest.HeldOutContexts, 0.93},
	} {
		all, each, missed := recall(t, 8, set.kinds, set.contexts)
		t.Logf("%6.2f %%  %s", 100*all, set.name)
		for _, c := range set.contexts {
			t.Logf("%6.2f %%     %s", 100*each[c.Name], c.Name)
		}
		t.Logf("missed: %v", missed)
		if all < set.floor {
			t.Errorf("%s: recall is %.4f", set.name, all)
		}
	}
}
