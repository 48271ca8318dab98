package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/secret"
)

// An effect is another value for a key, and what then is another.
type effect struct {
	value any
	seen  func(c *config.Config) any
}

func proposerName(c *config.Config) any {
	p, err := Proposer(c.Model, nil)
	if err != nil {
		return err
	}
	return p.Name()
}

// looped is what the conversations with a model are told.
func looped(c *config.Config) any {
	o := loopOptions(c.Model, "m", nil)
	o.Temperature = nil // a pointer
	return o
}

// priced is what a model costs whose other prices are known.
func priced(c *config.Config) any {
	m := c.Model
	m.InputCost = 3
	return prices(m, "m")
}

func revealed(list []secret.String) (out []string) {
	for _, s := range list {
		out = append(out, s.Reveal())
	}
	return out
}

func theProject(c *config.Config) pipeline.Project {
	return project(c.Projects[0], c, make([]byte, 32), nil)
}

// effects has a case for every key, as what is handed to the package that the
// key is for. That packages heed their options their own tests show.
var effects = map[string]effect{
	"listen":          {"127.0.0.1:7231", func(c *config.Config) any { return c.Listen }},
	"public_url":      {"https://r.example.org", func(c *config.Config) any { return orchestratorOptions(c).PageURL("run-1") }},
	"state_dir":       {"other", func(c *config.Config) any { return machineOf(c, nil).StateDir }},
	"store.max_bytes": {"1GiB", func(c *config.Config) any { return machineOf(c, nil).StoreBytes }},
	"database":        {"file:two", func(c *config.Config) any { return c.Database.Reveal() }},
	"encryption_key":  {"file:key2", func(c *config.Config) any { key, _ := c.Key(); return redactKey(key, "shop") }},
	"raw_retention":   {"1h", func(c *config.Config) any { return orchestratorOptions(c).RawRetention }},
	"workers":         {5, func(c *config.Config) any { return orchestratorOptions(c).Workers }},
	"lease":           {"1m", func(c *config.Config) any { return orchestratorOptions(c).Lease }},
	"stage_timeout":   {"1h", func(c *config.Config) any { return orchestratorOptions(c).StageTimeout }},
	"repeats":         {7, func(c *config.Config) any { return c.Repeats }},
	"log_level": {"debug", func(c *config.Config) any {
		return Logger(c.LogLevel, io.Discard).Enabled(context.Background(), slog.LevelDebug)
	}},
	"web.token":                      {"file:two", func(c *config.Config) any { return c.Web.Token.Reveal() }},
	"sandbox.backend":                {"bwrap", func(c *config.Config) any { return machineOf(c, nil).Backend }},
	"sandbox.image":                  {"python@sha256:0", func(c *config.Config) any { return machineOf(c, nil).Image }},
	"sandbox.images":                 {map[string]string{"3.8": "python@sha256:0"}, func(c *config.Config) any { return fmt.Sprint(machineOf(c, nil).Images) }},
	"model.vendor":                   {"templates", proposerName},
	"model.name":                     {"other", proposerName},
	"model.base_url":                 {"http://two.example.org", func(c *config.Config) any { return modelOptions(c.Model).BaseURL }},
	"model.key":                      {"file:two", func(c *config.Config) any { return modelOptions(c.Model).Key.Reveal() }},
	"model.api":                      {"responses", func(c *config.Config) any { m, _ := openModel(c.Model, nil); return fmt.Sprintf("%T", m) }},
	"model.samples":                  {5, looped},
	"model.effort":                   {"high", looped},
	"model.temperature":              {0.5, func(c *config.Config) any { return loopOptions(c.Model, "m", nil).Temperature != nil }},
	"model.answer_tokens":            {900, looped},
	"model.context_tokens":           {9000, looped},
	"model.timeout":                  {"3m", func(c *config.Config) any { return modelOptions(c.Model).Timeout }},
	"model.idle":                     {"3s", func(c *config.Config) any { return modelOptions(c.Model).Idle }},
	"model.input_cost":               {2.5, looped},
	"model.output_cost":              {2.5, looped},
	"model.cached_cost":              {0.25, priced},
	"model.cache_write_cost":         {9.5, priced},
	"budget.attempts":                {3, func(c *config.Config) any { return theProject(c).Budget }},
	"budget.tokens":                  {3, func(c *config.Config) any { return theProject(c).Budget }},
	"budget.dollars":                 {3, func(c *config.Config) any { return theProject(c).Budget }},
	"budget.time":                    {"3m", func(c *config.Config) any { return theProject(c).Budget }},
	"budget.runs_per_day":            {3, func(c *config.Config) any { return orchestratorOptions(c).RunsPerDay }},
	"github.base_url":                {"https://two.example.org", func(c *config.Config) any { return gitHubOptions(c.GitHub).BaseURL }},
	"github.app_id":                  {7, func(c *config.Config) any { return gitHubOptions(c.GitHub).App.ID }},
	"github.private_key":             {"file:two", func(c *config.Config) any { return gitHubOptions(c.GitHub).App.Key.Reveal() }},
	"github.token":                   {"file:two", func(c *config.Config) any { return gitHubOptions(c.GitHub).Token.Reveal() }},
	"intake.max_body":                {7, func(c *config.Config) any { return intakeConfig(c).Limits }},
	"intake.max_event":               {7, func(c *config.Config) any { return intakeConfig(c).Limits }},
	"intake.per_second":              {7, func(c *config.Config) any { return intakeConfig(c).Limits }},
	"projects.name":                  {"other", func(c *config.Config) any { return theProject(c).Name }},
	"projects.repository":            {"acme/other", func(c *config.Config) any { return theProject(c).Repository }},
	"projects.url":                   {"/srv/other.git", func(c *config.Config) any { return theProject(c).URL }},
	"projects.branch":                {"other", func(c *config.Config) any { return theProject(c).Branch }},
	"projects.forge":                 {"local", func(c *config.Config) any { repos, _ := localRepositories(c.Projects); return len(repos) }},
	"projects.label":                 {"other", func(c *config.Config) any { return intakeProjects(c)[0].Labels }},
	"projects.time_zone":             {"Europe/Vienna", func(c *config.Config) any { return theProject(c).Setup.TimeZone }},
	"projects.card":                  {map[string]int{"after_failures": 2}, func(c *config.Config) any { return theProject(c).Card }},
	"projects.patch.max_files":       {2, func(c *config.Config) any { return theProject(c).Policy.MaxFiles }},
	"projects.patch.max_lines":       {2, func(c *config.Config) any { return theProject(c).Policy.MaxLines }},
	"projects.patch.max_bytes":       {2, func(c *config.Config) any { return theProject(c).Policy.MaxBytes }},
	"projects.setup.image":           {"python@sha256:0", func(c *config.Config) any { return theProject(c).Setup.Image }},
	"projects.setup.root":            {"lib", func(c *config.Config) any { return theProject(c).Setup.Root }},
	"projects.test_command":          {[]string{"pytest", "unit"}, func(c *config.Config) any { return theProject(c).TestCommand }},
	"projects.setup.requirements":    {[]string{"r.txt"}, func(c *config.Config) any { return theProject(c).Setup.Requirements }},
	"projects.otlp.tokens":           {[]string{"file:two"}, func(c *config.Config) any { return revealed(intakeProjects(c)[0].OTLPTokens) }},
	"projects.sentry.project_id":     {7, func(c *config.Config) any { return intakeProjects(c)[0].SentryID }},
	"projects.sentry.public_keys":    {[]string{"b"}, func(c *config.Config) any { return intakeProjects(c)[0].PublicKeys }},
	"projects.sentry.client_secrets": {[]string{"file:two"}, func(c *config.Config) any { return revealed(intakeProjects(c)[0].SentrySecrets) }},
	"projects.sentry.legacy_token":   {"file:two", func(c *config.Config) any { return intakeProjects(c)[0].LegacyToken.Reveal() }},
	"projects.sentry.api_url":        {"https://two.example.org", func(c *config.Config) any { return newFetcher(c.Projects).clients["shop"].BaseURL }},
	"projects.sentry.api_token":      {"file:two", func(c *config.Config) any { return newFetcher(c.Projects).clients["shop"].Token.Reveal() }},
	"projects.sentry.organization":   {"other", func(c *config.Config) any { return newFetcher(c.Projects).clients["shop"].Org }},
	"projects.sentry.slug":           {"other", func(c *config.Config) any { return newFetcher(c.Projects).slugs["shop"] }},
	"github.webhook_secrets":         {[]string{"file:two"}, func(c *config.Config) any { return revealed(gitHubSecrets(c)) }},
}

// base is a configuration in which every key may be given.
const base = `
database: file:one
encryption_key: file:key1
web: {token: file:one}
model: {vendor: openai, name: m, base_url: "http://one.example.org", key: file:one}
github: {app_id: 1, private_key: file:one, webhook_secrets: [file:one]}
projects:
  - name: shop
    repository: acme/shop
    url: /srv/shop.git
    sentry: {project_id: 1, public_keys: [a], client_secrets: [file:one], legacy_token: file:one, api_token: file:one, organization: acme}
    otlp: {tokens: [file:one]}
`

// replaces says which keys cannot stand beside another.
var replaces = map[string][]string{"github.token": {"github.app_id", "github.private_key"}}

func TestEveryKeyHasAnEffect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"one": "first", "two": "second", "key1": strings.Repeat("7a", 32), "key2": strings.Repeat("7b", 32)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parse := func(change func(doc map[string]any)) *config.Config {
		var doc map[string]any
		if err := yaml.Unmarshal([]byte(base), &doc); err != nil {
			t.Fatal(err)
		}
		change(doc)
		data, err := yaml.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse(data, dir)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		return c
	}
	keys := leaves(reflect.TypeFor[config.Config](), "")
	for _, key := range keys {
		e, ok := effects[key]
		if !ok {
			t.Errorf("%s: no case shows that it has an effect", key)
			continue
		}
		before := e.seen(parse(func(doc map[string]any) {}))
		after := e.seen(parse(func(doc map[string]any) {
			for _, other := range replaces[key] {
				set(doc, other, nil)
			}
			set(doc, key, e.value)
		}))
		if fmt.Sprintf("%+v", before) == fmt.Sprintf("%+v", after) {
			t.Errorf("%s: %v has no effect: %+v", key, e.value, after)
		}
	}
	for key := range effects {
		if !slices.Contains(keys, key) {
			t.Errorf("%s is not a key", key)
		}
	}
}

// leaves are the keys below a type that hold values.
func leaves(typ reflect.Type, at string) (keys []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag := f.Tag.Get("yaml")
		if tag == "" {
			continue
		}
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[config.Secret]() {
			keys = append(keys, leaves(inner, at+tag+".")...)
		} else {
			keys = append(keys, at+tag)
		}
	}
	return keys
}

// set writes a value into the document, in the only project where the key is a
// project's; nil takes the key out.
func set(doc map[string]any, key string, value any) {
	name, rest, deeper := strings.Cut(key, ".")
	switch {
	case !deeper && value == nil:
		delete(doc, name)
	case !deeper:
		doc[name] = value
	case name == "projects":
		set(doc[name].([]any)[0].(map[string]any), rest, value)
	default:
		if doc[name] == nil {
			doc[name] = map[string]any{}
		}
		set(doc[name].(map[string]any), rest, value)
	}
}
