package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/repair"
)

// modelFlags declares the flags that choose a proposer and bound what it spends.
// The returned function puts them into o once they have been parsed.
func modelFlags(fs *flag.FlagSet, o *app.OneShot) func() error {
	vendor := fs.String("proposer", "", "anthropic, openai (any compatible endpoint) or templates; default by the environment")
	name := fs.String("model", "", "the vendor's `NAME` of the model")
	api := fs.String("api", "", "of openai: responses or chat")
	effort := fs.String("effort", "", "of the model's reasoning, such as low, medium or high; default the vendor's")
	samples := fs.Int("samples", 3, "independent conversations with the model")
	card := fs.String("card", "always", "when the model sees the trace: always, never, or after so many failed patches")
	price := fs.String("price", "", "dollars per million tokens, `IN/OUT[/CACHED[/WRITTEN]]`")
	temperature := fs.String("temperature", "", "of the model's sampling; default the vendor's")
	answer := fs.Int("answer-tokens", 0, "tokens of one answer at most, reasoning included; default 16384")
	context := fs.Int("context-tokens", 0, "tokens beyond which a conversation is compacted; default 120000")
	idle := fs.Duration("idle", time.Minute, "without a byte of an answer, after which a request is cut off; more for a slow machine")
	fs.StringVar(&o.Record, "record", "", "keep what is said to the model and by it in `FILE`, without keys and hosts")
	fs.StringVar(&o.Replay, "replay", "", "let the recording in `FILE` answer in the model's place; needs --proposer and no key")
	fs.IntVar(&o.Budget.Attempts, "attempts", 0, "candidates that are verified at most; default 12 for a model, 60 for templates")
	fs.IntVar(&o.Budget.Tokens, "tokens", 0, "tokens that a model may use, default 1200000")
	fs.Float64Var(&o.Budget.Dollars, "dollars", 0, "`DOLLARS` that a model may cost, default 5; needs --price")
	fs.DurationVar(&o.Budget.Time, "time", 0, "that the search for a patch may take, default 20m")
	return func() (err error) {
		m := modelFromEnvironment()
		if *vendor != "" {
			if m, err = modelOf(*vendor); err != nil && o.Replay == "" {
				return err
			}
		}
		if *name != "" {
			m.Name = *name
		}
		if o.Replay != "" && o.Record != "" {
			return fmt.Errorf("give either --record or --replay")
		}
		if (o.Replay != "" || o.Record != "") && m.Vendor == "templates" {
			return fmt.Errorf("--record and --replay need a model: --proposer anthropic or openai")
		}
		if *samples < 1 || *samples > 9 {
			return fmt.Errorf("--samples must be between 1 and 9")
		}
		if *api != "" && *api != "chat" && *api != "responses" {
			return fmt.Errorf("--api %s is neither responses nor chat", *api)
		}
		if *idle < 0 || *answer < 0 || *context < 0 || o.Budget.Attempts < 0 || o.Budget.Tokens < 0 || o.Budget.Dollars < 0 || o.Budget.Time < 0 {
			return fmt.Errorf("limits must not be negative")
		}
		m.API, m.Effort, m.Samples, m.Answer, m.Context = *api, *effort, *samples, *answer, *context
		m.Idle = config.Duration(*idle)
		if *temperature != "" {
			t, err := strconv.ParseFloat(*temperature, 64)
			if err != nil || t < 0 {
				return fmt.Errorf("--temperature %s is not a number of at least 0", *temperature)
			}
			m.Temperature = &t
		}
		if err := setPrice(&m, *price); err != nil {
			return err
		}
		c, err := config.ParseCard(*card)
		if err != nil {
			return fmt.Errorf("--%w", err)
		}
		o.Model, o.Card = m, repair.CardPolicy(c)
		return nil
	}
}

// modelOf is the environment's model of a vendor.
func modelOf(vendor string) (config.Model, error) {
	prefix := map[string]string{"anthropic": "ANTHROPIC_", "openai": "OPENAI_"}[vendor]
	if prefix == "" && vendor != "templates" {
		return config.Model{}, fmt.Errorf("--proposer %s is not anthropic, openai or templates", vendor)
	}
	m := app.ModelFromEnvironment(func(key string) (string, bool) {
		if prefix == "" || !strings.HasPrefix(key, prefix) {
			return "", false
		}
		return os.LookupEnv(key)
	})
	if m.Vendor != vendor {
		return config.Model{Vendor: vendor, Name: "recorded"}, fmt.Errorf("--proposer %s needs %sAPI_KEY in the environment", vendor, prefix)
	}
	return m, nil
}

// setPrice reads up to four numbers separated by slashes.
func setPrice(m *config.Model, s string) error {
	if s == "" {
		return nil
	}
	into := []*float64{&m.InputCost, &m.OutputCost, &m.CachedCost, &m.CacheWriteCost}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > len(into) {
		return fmt.Errorf("--price %s is not IN/OUT[/CACHED[/WRITTEN]]", s)
	}
	for i, p := range parts {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("--price %s is not IN/OUT[/CACHED[/WRITTEN]]", s)
		}
		*into[i] = n
	}
	return nil
}

// spent says what a model cost, "" if none was used.
func spent(r *repair.Result) string {
	if r == nil || !r.Usage.Used() {
		return ""
	}
	u := r.Usage
	cost := fmt.Sprintf("cost %.4f USD", r.Dollars)
	if r.Unpriced {
		cost = "cost unknown: no price is configured for the model (--price)"
	}
	text := fmt.Sprintf("%s: %d tokens in (%d cached), %d out; %s", r.Proposer, u.Input, u.Cached, u.Output, cost)
	if u.Unreported > 0 {
		text += fmt.Sprintf("; %d requests were cut off before the vendor said what they used", u.Unreported)
	}
	return text
}
