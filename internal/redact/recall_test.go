package redact

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// leaks reports whether a secret is still in a redacted text. Four fifths of a
// secret are the secret.
func leaks(out string, c context, k kind, made string) bool {
	secret := made
	if k.secret != nil {
		secret = k.secret(made)
	}
	switch c.name {
	case "base64":
		data, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(out, "payload="))
		out = string(data)
	case "split over two literals":
		if k.secret == nil {
			secret, _ = halves(made)
			break
		}
		// Its parts are joined again, to see whether the secret is in them.
		out = strings.ReplaceAll(out, "'\n    '", "")
	}
	if c.written != nil {
		secret = c.written(secret)
	}
	n := len(secret) * 4 / 5
	return strings.Contains(out, secret[:n]) || strings.Contains(out, secret[len(secret)-n:])
}

// recall plants every kind in every context and returns the share removed, in
// all and for each context.
func recall(t *testing.T, samples int, kinds []kind, contexts []context) (all float64, each map[string]float64, missed map[string]int) {
	r := New(testKey)
	each, missed = map[string]float64{}, map[string]int{}
	rng := rand.New(rand.NewPCG(1, 2))
	total, removed := 0, 0
	for _, c := range contexts {
		here := 0
		for _, k := range kinds {
			for range samples {
				made := k.make(rng)
				var out string
				if c.event != nil {
					data, err := json.Marshal(r.Event(c.event(k.name, made)).Event())
					if err != nil {
						t.Fatal(err)
					}
					var tree any
					_ = json.Unmarshal(data, &tree)
					out = flat(tree)
				} else {
					out = r.Text(c.write(k.name, made), nil).String()
				}
				total++
				if leaks(out, c, k, made) {
					if missed[c.name+" / "+k.name]++; missed[c.name+" / "+k.name] == 1 && testing.Verbose() {
						t.Logf("missed %s: %q", c.name+" / "+k.name, made)
					}
					continue
				}
				removed++
				here++
			}
		}
		each[c.name] = float64(here) / float64(len(kinds)*samples)
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
	all, each, missed := recall(t, 20, kinds, contexts)
	for _, c := range contexts {
		t.Logf("%6.2f %%  %s", 100*each[c.name], c.name)
	}
	t.Logf("%6.2f %%  in all; missed: %v", 100*all, missed)
	if all < 0.985 {
		t.Errorf("recall is %.4f", all)
	}
	// Where a name or a scheme announces the secret, none may stay.
	for _, c := range contexts {
		if !strings.Contains(c.name, "neutral") && each[c.name] < 1 {
			t.Errorf("%s: recall is %.4f", c.name, each[c.name])
		}
	}
}

func TestSecretsThatTheRulesWereNotMadeForAreRemoved(t *testing.T) {
	t.Parallel()
	for _, set := range []struct {
		name     string
		kinds    []kind
		contexts []context
		floor    float64
	}{
		{"held-out kinds, known contexts", heldOutKinds, contexts, 0.93},
		{"known kinds, held-out contexts", kinds, heldOutContexts, 0.97},
		{"held-out kinds, held-out contexts", heldOutKinds, heldOutContexts, 0.93},
	} {
		all, each, missed := recall(t, 8, set.kinds, set.contexts)
		t.Logf("%6.2f %%  %s", 100*all, set.name)
		for _, c := range set.contexts {
			t.Logf("%6.2f %%     %s", 100*each[c.name], c.name)
		}
		t.Logf("missed: %v", missed)
		if all < set.floor {
			t.Errorf("%s: recall is %.4f", set.name, all)
		}
	}
}
