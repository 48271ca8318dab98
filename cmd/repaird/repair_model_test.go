package main

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/repair"
)

func TestTheFlagsOfAModel(t *testing.T) {
	t.Setenv("ANTHROPIC_API_KEY", "")
	t.Setenv("OPENAI_API_KEY", "k")
	t.Setenv("OPENAI_BASE_URL", "")
	t.Setenv("OPENAI_MODEL", "m")
	for name, c := range map[string]struct {
		args []string
		want func(o app.OneShot) bool
		err  string
	}{
		"the environment's": {nil, func(o app.OneShot) bool {
			return o.Model.Vendor == "openai" && o.Model.Name == "m" && o.Model.Samples == 3 && o.Card == repair.CardAlways
		}, ""},
		"templates in spite of a key": {[]string{"--proposer", "templates"}, func(o app.OneShot) bool { return o.Model.Vendor == "templates" && o.Model.Key.Empty() }, ""},
		"prices": {[]string{"--price", "3/15/0.3/3.75"}, func(o app.OneShot) bool {
			return o.Model.InputCost == 3 && o.Model.OutputCost == 15 && o.Model.CachedCost == 0.3 && o.Model.CacheWriteCost == 3.75
		}, ""},
		"a budget": {[]string{"--attempts", "2", "--tokens", "9000", "--dollars", "0.5", "--time", "3m"}, func(o app.OneShot) bool {
			return o.Budget == repair.Budget{Attempts: 2, Tokens: 9000, Dollars: 0.5, Time: 3 * time.Minute}
		}, ""},
		"how it is asked": {[]string{"--api", "chat", "--effort", "high", "--samples", "1", "--temperature", "0.2", "--answer-tokens", "900", "--context-tokens", "9000", "--model", "n"}, func(o app.OneShot) bool {
			m := o.Model
			return m.API == "chat" && m.Effort == "high" && m.Samples == 1 && *m.Temperature == 0.2 && m.Answer == 900 && m.Context == 9000 && m.Name == "n"
		}, ""},
		"the control arm":            {[]string{"--card", "never"}, func(o app.OneShot) bool { return o.Card == repair.CardNever }, ""},
		"a card after failures":      {[]string{"--card", "2"}, func(o app.OneShot) bool { return o.Card == 2 }, ""},
		"a replay without a key":     {[]string{"--proposer", "anthropic", "--replay", "x"}, func(o app.OneShot) bool { return o.Model.Vendor == "anthropic" && o.Replay == "x" }, ""},
		"no key for the vendor":      {[]string{"--proposer", "anthropic"}, nil, "ANTHROPIC_API_KEY"},
		"an unknown vendor":          {[]string{"--proposer", "oracle"}, nil, "not anthropic, openai or templates"},
		"a price of one number":      {[]string{"--price", "3"}, nil, "IN/OUT"},
		"a negative price":           {[]string{"--price", "3/-1"}, nil, "IN/OUT"},
		"an unknown card":            {[]string{"--card", "sometimes"}, nil, "--card"},
		"no samples":                 {[]string{"--samples", "0"}, nil, "between 1 and 9"},
		"an unknown API":             {[]string{"--api", "grpc"}, nil, "neither responses nor chat"},
		"a negative budget":          {[]string{"--tokens", "-1"}, nil, "negative"},
		"a recording of no model":    {[]string{"--proposer", "templates", "--record", "x"}, nil, "need a model"},
		"a recording and its replay": {[]string{"--record", "x", "--replay", "x"}, nil, "either"},
	} {
		fs := flag.NewFlagSet(name, flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		var o app.OneShot
		put := modelFlags(fs, &o)
		if err := fs.Parse(c.args); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		err := put()
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got %v, want %q", name, err, c.err)
			}
			continue
		}
		if err != nil || !c.want(o) {
			t.Errorf("%s: got %+v, %v", name, o, err)
		}
	}
}

func TestAnUnknownCostIsSaidToBeUnknown(t *testing.T) {
	t.Parallel()
	used := llm.Usage{Input: 1200, Output: 30, Cached: 1000, Unreported: 1}
	for name, c := range map[string]struct {
		result *repair.Result
		want   string
	}{
		"no repair":      {nil, ""},
		"no model":       {&repair.Result{Proposer: "templates"}, ""},
		"a known price":  {&repair.Result{Proposer: "openai/m", Usage: llm.Usage{Input: 1200, Output: 30}, Dollars: 0.0123}, "openai/m: 1200 tokens in (0 cached), 30 out; cost 0.0123 USD"},
		"no known price": {&repair.Result{Proposer: "openai/m", Usage: used, Unpriced: true}, "openai/m: 1200 tokens in (1000 cached), 30 out; cost unknown: no price is configured for the model (--price); 1 requests were cut off before the vendor said what they used"},
	} {
		if got := spent(c.result); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
