package app

import (
	"fmt"
	"net/http"
	"time"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/language/python/mutants"
	"github.com/repaird/repaird/internal/language/python/templates"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/llm/anthropic"
	"github.com/repaird/repaird/internal/llm/openai"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/secret"
)

// Proposer returns the configured proposer: a model in a tool loop, or the
// templates, which need none.
func Proposer(m config.Model, b sandbox.Backend) (repair.Proposer, error) {
	return proposerVia(nil, m, b)
}

// proposerVia returns the configured proposer, whose model is asked through a
// client; nil is the usual one.
func proposerVia(client *http.Client, m config.Model, b sandbox.Backend) (repair.Proposer, error) {
	if m.Vendor == "" || m.Vendor == "templates" {
		return templates.New(b, templates.Options{}), nil
	}
	model, err := openModel(m, client)
	if err != nil {
		return nil, err
	}
	return repair.NewModelProposer(model, loopOptions(m, model.Name(), repair.SandboxTests{Session: python.New(b, python.Host{})})), nil
}

// readerVia returns who reads accepted patches a second time: the configured
// model, asked through a client, or nil without one.
func readerVia(client *http.Client, m config.Model) (repair.Reader, error) {
	if m.Vendor == "" || m.Vendor == "templates" {
		return nil, nil
	}
	model, err := openModel(m, client)
	if err != nil {
		return nil, err
	}
	return repair.NewReader(model, loopOptions(m, model.Name(), nil)), nil
}

// openModel opens the configured model, which is asked through a client; nil is
// the usual one.
func openModel(m config.Model, client *http.Client) (llm.Model, error) {
	opts := modelOptions(m)
	opts.Client = client
	switch {
	case m.Vendor == "anthropic":
		return anthropic.New(opts)
	case m.Vendor == "openai" && responsesAPI(m):
		return openai.NewResponses(opts)
	case m.Vendor == "openai":
		return openai.New(opts)
	}
	return nil, fmt.Errorf("model vendor %q is not anthropic, openai or templates", m.Vendor)
}

// responsesAPI reports whether an OpenAI model is asked through the Responses
// API: OpenAI itself is, unless configured otherwise, and compatible endpoints
// are not.
func responsesAPI(m config.Model) bool {
	return m.API == "responses" || m.API == "" && m.BaseURL == ""
}

// Mutator changes patches in one place, to measure whether their verdict
// notices.
func Mutator(b sandbox.Backend) mutants.Maker { return mutants.Maker{Backend: b} }

func modelOptions(m config.Model) llm.Options {
	return llm.Options{BaseURL: m.BaseURL, Model: m.Name, Key: m.Key.String, Timeout: time.Duration(m.Timeout), Idle: time.Duration(m.Idle)}
}

func loopOptions(m config.Model, name string, tests repair.Tests) repair.ModelOptions {
	return repair.ModelOptions{Prices: prices(m, name), Tests: tests, Samples: m.Samples, Temperature: m.Temperature, Effort: m.Effort,
		Answer: m.Answer, Context: m.Context}
}

// prices are the configured ones. Where the prices of the vendor's cache are not
// configured, they are what they are at most.
func prices(m config.Model, name string) llm.Prices {
	if m.InputCost == 0 && m.OutputCost == 0 {
		return llm.Prices{}
	}
	p := llm.Price{Input: m.InputCost, Output: m.OutputCost, Cached: m.CachedCost, Written: m.CacheWriteCost}
	if p.Cached == 0 {
		p.Cached = m.InputCost
	}
	if p.Written == 0 {
		p.Written = m.InputCost
		if m.Vendor == "anthropic" {
			p.Written *= 1.25
		}
	}
	return llm.Prices{name: p}
}

// ModelFromEnvironment chooses the model as the vendors' own tools do:
// ANTHROPIC_API_KEY, or OPENAI_API_KEY or OPENAI_BASE_URL; otherwise templates.
func ModelFromEnvironment(get func(string) (string, bool)) config.Model {
	value := func(name, def string) string {
		if v, ok := get(name); ok && v != "" {
			return v
		}
		return def
	}
	key := func(name string) (s config.Secret) {
		s.String = secret.New(value(name, ""))
		return s
	}
	switch {
	case value("ANTHROPIC_API_KEY", "") != "":
		return config.Model{Vendor: "anthropic", Name: value("ANTHROPIC_MODEL", defaultAnthropic), BaseURL: value("ANTHROPIC_BASE_URL", ""), Key: key("ANTHROPIC_API_KEY")}
	case value("OPENAI_API_KEY", "") != "", value("OPENAI_BASE_URL", "") != "":
		return config.Model{Vendor: "openai", Name: value("OPENAI_MODEL", defaultOpenAI), BaseURL: value("OPENAI_BASE_URL", ""), Key: key("OPENAI_API_KEY")}
	}
	return config.Model{Vendor: "templates"}
}

// The default models for the keys in the environment.
const (
	defaultAnthropic = "claude-sonnet-4-5"
	defaultOpenAI    = "gpt-5"
)
