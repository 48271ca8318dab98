package app

import (
	"fmt"

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
	if m.Vendor == "" || m.Vendor == "templates" {
		return templates.New(b, templates.Options{}), nil
	}
	opts := modelOptions(m)
	var model llm.Model
	var err error
	switch m.Vendor {
	case "anthropic":
		model, err = anthropic.New(opts)
	case "openai":
		model, err = openai.New(opts)
	default:
		err = fmt.Errorf("model vendor %q is not anthropic, openai or templates", m.Vendor)
	}
	if err != nil {
		return nil, err
	}
	tests := repair.SandboxTests{Session: python.New(b, python.Host{})}
	return repair.NewModelProposer(model, repair.ModelOptions{Prices: prices(m, model.Name()), Tests: tests}), nil
}

// Mutator changes patches in one place, to measure whether their verdict
// notices.
func Mutator(b sandbox.Backend) mutants.Maker { return mutants.Maker{Backend: b} }

func modelOptions(m config.Model) llm.Options {
	return llm.Options{BaseURL: m.BaseURL, Model: m.Name, Key: m.Key.String}
}

func prices(m config.Model, name string) llm.Prices {
	p := llm.Prices{}
	if m.InputCost != 0 || m.OutputCost != 0 {
		p[name] = llm.Price{Input: m.InputCost, Output: m.OutputCost, Cached: m.InputCost}
	}
	return p
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
