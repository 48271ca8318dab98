package llm_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/secret"
)

func TestCostIsUnknownWithoutAConfiguredPrice(t *testing.T) {
	t.Parallel()
	prices := llm.Prices{"v/m": {Input: 3, Output: 15, Cached: 0.3}}
	u := llm.Usage{Input: 1_000_000, Output: 100_000, Cached: 400_000}
	got, known := prices.Cost("v/m", u)
	if want := 0.6*3 + 0.4*0.3 + 0.1*15; !known || got < want-1e-9 || got > want+1e-9 {
		t.Errorf("cost: got %v (known %v), want %v", got, known, want)
	}
	if got, known := prices.Cost("v/other", u); known || got != 0 {
		t.Errorf("cost of an unpriced model: got %v (known %v), want 0 and unknown", got, known)
	}
	if got, known := llm.Prices(nil).Cost("v/m", u); known || got != 0 {
		t.Errorf("cost without a table: got %v (known %v), want 0 and unknown", got, known)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	busy := func(after string) error {
		h := http.Header{}
		h.Set("Retry-After", after)
		return llm.RefusalOf("v", http.StatusTooManyRequests, h, "slow down")
	}
	for name, c := range map[string]struct {
		errs  []error // what the tries return, in order
		tries int
		kind  fault.Kind
		waits []time.Duration // exact ones only
	}{
		"a vendor's Retry-After is waited for":       {[]error{busy("7"), nil}, 2, fault.Internal, []time.Duration{7 * time.Second}},
		"a wait beyond the bound is not waited for":  {[]error{busy("3600"), nil}, 1, fault.Retryable, nil},
		"a refusal is not tried again":               {[]error{llm.RefusalOf("v", 401, nil, "key"), nil}, 1, fault.Denied, nil},
		"an empty account is not tried again":        {[]error{llm.RefusalOf("v", 402, nil, "pay"), nil}, 1, fault.Budget, nil},
		"tries are bounded":                          {[]error{busy("1"), busy("1"), busy("1"), busy("1")}, 3, fault.Retryable, nil},
		"a server error without a wait backs off":    {[]error{llm.RefusalOf("v", 503, nil, "down"), nil}, 2, fault.Internal, nil},
		"an invalid request is not tried again":      {[]error{llm.RefusalOf("v", 400, nil, "shape"), nil}, 1, fault.Invalid, nil},
		"an error without a kind is not tried again": {[]error{errors.New("odd"), nil}, 1, fault.Internal, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var waits []time.Duration
			n := 0
			r := llm.Retry{Tries: 3, MaxWait: time.Minute, Sleep: func(_ context.Context, d time.Duration) error {
				waits = append(waits, d)
				return nil
			}}
			err := r.Do(t.Context(), nil, func(context.Context) error { n++; return c.errs[n-1] })
			if n != c.tries {
				t.Errorf("tries: got %d, want %d", n, c.tries)
			}
			if k := fault.KindOf(err); err != nil && k != c.kind {
				t.Errorf("kind: got %v, want %v", k, c.kind)
			}
			if c.waits != nil {
				if d := cmp.Diff(c.waits, waits); d != "" {
					t.Error(d)
				}
			}
			for _, w := range waits {
				if w <= 0 || w > time.Minute {
					t.Errorf("wait of %v is out of bounds", w)
				}
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	key := secret.New("k")
	for name, o := range map[string]llm.Options{
		"no model":                     {Key: key},
		"no key for the vendor itself": {Model: "m"},
		"a URL with credentials":       {Model: "m", BaseURL: "http://u:p@h/"},
		"a URL of another scheme":      {Model: "m", BaseURL: "file:///etc/passwd"},
	} {
		if _, err := o.Validate(); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want an invalid error", name, err)
		}
	}
	if _, err := (llm.Options{Model: "m", BaseURL: "http://localhost:1/v1"}).Validate(); err != nil {
		t.Errorf("a self-hosted endpoint needs no key: %v", err)
	}
}

func TestScriptedPlaysItsTurnsAndRecords(t *testing.T) {
	t.Parallel()
	s := &llm.Scripted{Turns: []llm.Turn{llm.Call("read_file", map[string]any{"path": "a.py"}), {Text: "done"}}}
	first, err := s.Generate(t.Context(), llm.Request{MaxTokens: 1})
	if err != nil || first.Stop != llm.StopTools || string(first.Calls[0].Input) != `{"path":"a.py"}` {
		t.Fatalf("first turn: %+v, %v", first, err)
	}
	if second, err := s.Generate(t.Context(), llm.Request{MaxTokens: 2}); err != nil || second.Text != "done" || second.Stop != llm.StopEnd {
		t.Fatalf("second turn: %+v, %v", second, err)
	}
	if _, err := s.Generate(t.Context(), llm.Request{}); err == nil {
		t.Error("a third turn was played although the script has two")
	}
	if got := len(s.Requests()); got != 3 {
		t.Errorf("requests: got %d, want 3", got)
	}
}
