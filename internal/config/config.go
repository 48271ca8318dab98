// Package config reads repaird's one YAML file: strictly (an unknown key is an
// error), with defaults, and with every problem reported at once.
//
// Secrets are written as a reference, so that the file itself can be shown:
//
//	token: file:/etc/repaird/github-token   # the file's content, without the last newline
//	token: env:GITHUB_TOKEN                 # an environment variable
//
// deploy/repaird.example.yaml is a commented example that a test reads.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/repaird/repaird/internal/fault"
)

// A Config is the whole file.
type Config struct {
	Listen        string    `yaml:"listen"`     // address of the one HTTP server; default 127.0.0.1:7230
	PublicURL     string    `yaml:"public_url"` // how people reach it; default http://<listen>
	StateDir      string    `yaml:"state_dir"`  // store, work, base images; default /var/lib/repaird or ~/.local/share/repaird
	Store         Store     `yaml:"store"`
	Database      Secret    `yaml:"database"`       // connection string
	EncryptionKey Secret    `yaml:"encryption_key"` // 32 bytes as 64 hex digits; encrypts raw events until the bundle is sealed
	RawRetention  Duration  `yaml:"raw_retention"`  // maximum lifetime of a raw event; default 15m
	Workers       int       `yaml:"workers"`        // concurrent stages; default 2
	Web           Web       `yaml:"web"`
	Sandbox       Sandbox   `yaml:"sandbox"`
	Model         Model     `yaml:"model"`
	Budget        Budget    `yaml:"budget"`
	GitHub        *GitHub   `yaml:"github"`
	Intake        Intake    `yaml:"intake"`
	Projects      []Project `yaml:"projects"`
	LogLevel      string    `yaml:"log_level"` // debug, info, warn, error; default info
	Repeats       int       `yaml:"repeats"`   // runs of each test; default 5
	Lease         Duration  `yaml:"lease"`     // time until a dead daemon's work is taken over; default 20s
	StageTimeout  Duration  `yaml:"stage_timeout"`
	dir           string    // of the file; base of relative references
}

// Store caches, in the state directory, mirrors of repositories, trees of
// commits, and environments.
type Store struct {
	MaxBytes Size `yaml:"max_bytes"` // on disk, in total; the least recently used are evicted first; default 20GiB
}

// DefaultStoreSize is the store's default size limit.
const DefaultStoreSize Size = 20 << 30

// Web is the dashboard.
type Web struct {
	Token Secret `yaml:"token"` // required of every reader; mandatory unless listen is a loopback address
}

// Sandbox chooses where untrusted code runs.
type Sandbox struct {
	Backend string            `yaml:"backend"` // auto, docker, bwrap; default auto
	Image   string            `yaml:"image"`   // docker image with its digest, such as python:3.13-slim@sha256:…, for all code; default the base systems of deploy/setup.sh
	Images  map[string]string `yaml:"images"`  // by minor version of Python, such as 3.8: docker image, release of a base system, or (bwrap) directory of one
}

// Model chooses the proposer, and how a model is asked.
type Model struct {
	Vendor         string   `yaml:"vendor"`   // anthropic, openai, templates; default templates
	Name           string   `yaml:"name"`     // the vendor's model name
	BaseURL        string   `yaml:"base_url"` // of a compatible endpoint
	API            string   `yaml:"api"`      // of vendor openai: responses, chat; default responses, or chat with a base_url
	Key            Secret   `yaml:"key"`
	Samples        int      `yaml:"samples"`          // independent conversations of one repair; default 3
	Effort         string   `yaml:"effort"`           // of reasoning, such as low, medium, high; default the vendor's
	Temperature    *float64 `yaml:"temperature"`      // default the vendor's
	Answer         int      `yaml:"answer_tokens"`    // of one answer at most, reasoning included; default 16384
	Context        int      `yaml:"context_tokens"`   // beyond which a conversation is compacted; default 120000
	Timeout        Duration `yaml:"timeout"`          // of one request; default 10m
	Idle           Duration `yaml:"idle"`             // without a byte of the answer, after which a request is cut off; default 1m
	InputCost      float64  `yaml:"input_cost"`       // dollars per million tokens; 0 unknown
	OutputCost     float64  `yaml:"output_cost"`      //
	CachedCost     float64  `yaml:"cached_cost"`      // of prompt tokens read from the vendor's cache; default input_cost
	CacheWriteCost float64  `yaml:"cache_write_cost"` // of prompt tokens written to it; default input_cost, with vendor anthropic a quarter more
}

// Budget bounds one repair.
type Budget struct {
	Attempts   int      `yaml:"attempts"`
	Tokens     int      `yaml:"tokens"`
	Dollars    float64  `yaml:"dollars"`
	Time       Duration `yaml:"time"`
	RunsPerDay int      `yaml:"runs_per_day"` // per project; default 50
}

// GitHub is the App (or token) that opens pull requests.
type GitHub struct {
	BaseURL        string   `yaml:"base_url"` // API; default https://api.github.com
	AppID          int64    `yaml:"app_id"`
	PrivateKey     Secret   `yaml:"private_key"` // PEM
	Token          Secret   `yaml:"token"`       // instead of an App
	WebhookSecrets []Secret `yaml:"webhook_secrets"`
}

// Intake limits what is received.
type Intake struct {
	MaxBody   int64   `yaml:"max_body"`   // bytes on the wire; default 20 MiB
	MaxEvent  int64   `yaml:"max_event"`  // bytes of one decoded event; default 1 MiB
	PerSecond float64 `yaml:"per_second"` // deliveries per project; default 200
}

// A Project is one application whose errors are repaired.
type Project struct {
	Name        string   `yaml:"name"`       // lower-case letters, digits and dashes; in webhook addresses
	Repository  string   `yaml:"repository"` // owner/name
	URL         string   `yaml:"url"`        // git URL or path; default https://github.com/<repository>.git
	Branch      string   `yaml:"branch"`     // default: the repository's
	Forge       string   `yaml:"forge"`      // github, local; default github when configured
	Label       string   `yaml:"label"`      // issue label that requests a repair; default repaird
	TestCommand []string `yaml:"test_command"`
	Sentry      *Sentry  `yaml:"sentry"`
	OTLP        *OTLP    `yaml:"otlp"`
	Setup       Setup    `yaml:"setup"`
	TimeZone    string   `yaml:"time_zone"` // of production, IANA name; used for tests if the event names none
	Patch       Patch    `yaml:"patch"`
	Card        Card     `yaml:"card"` // when a model sees the trace; default always
}

// A Card says when a model sees the trace of the failing run: always, never, or
// {after_failures: 2} once so many patches of it have failed.
type Card int

// The cards that are not a number of failures.
const (
	CardAlways Card = 0
	CardNever  Card = -1
)

// ParseCard reads always, never or a number of failures.
func ParseCard(s string) (Card, error) {
	switch s {
	case "always":
		return CardAlways, nil
	case "never":
		return CardNever, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("card: %q is not always, never or a number of failures", s)
	}
	return Card(n), nil
}

// UnmarshalYAML reads always, never or after_failures.
func (c *Card) UnmarshalYAML(n *yaml.Node) (err error) {
	var after struct {
		Failures string `yaml:"after_failures"`
	}
	text := n.Value
	if n.Kind == yaml.MappingNode {
		if err := n.Decode(&after); err != nil {
			return err
		}
		text = after.Failures
	}
	*c, err = ParseCard(text)
	return err
}

// Sentry is how events of this project arrive.
type Sentry struct {
	ProjectID     int64    `yaml:"project_id"`     // the number at the end of the DSN
	PublicKeys    []string `yaml:"public_keys"`    // of the DSN
	ClientSecrets []Secret `yaml:"client_secrets"` // of the internal integration; two while rotating
	LegacyToken   Secret   `yaml:"legacy_token"`   // in the URL of the legacy WebHooks plugin
	APIURL        string   `yaml:"api_url"`        // default https://sentry.io/api/0
	APIToken      Secret   `yaml:"api_token"`
	Organization  string   `yaml:"organization"`
	Slug          string   `yaml:"slug"` // Sentry's project slug; default Name
}

// OTLP is how traces and logs of this project arrive.
type OTLP struct {
	Tokens []Secret `yaml:"tokens"` // bearer tokens
}

// Patch limits what may be proposed; proposers are told when they exceed it.
type Patch struct {
	MaxFiles int  `yaml:"max_files"` // default 5
	MaxLines int  `yaml:"max_lines"` // added and removed; default 120
	MaxBytes Size `yaml:"max_bytes"` // of added text; default 32KiB
}

// Setup is how the environment is built; empty detects.
type Setup struct {
	Image        string   `yaml:"image"`
	Requirements []string `yaml:"requirements"`
	Root         string   `yaml:"root"`
}

// Load reads and validates a file. Its error is fault.Invalid and lists every problem.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Errorf(fault.NotFound, "configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 4<<20))
	if err != nil {
		return nil, err
	}
	return Parse(data, filepath.Dir(path))
}

// Parse reads YAML; relative files are looked up in dir.
func Parse(data []byte, dir string) (*Config, error) {
	c := &Config{dir: dir}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.Errorf(fault.Invalid, "configuration: %s", err)
	}
	c.defaults()
	if err := errors.Join(c.resolve(), c.Validate()); err != nil {
		return nil, fault.Errorf(fault.Invalid, "configuration:\n%w", err)
	}
	return c, nil
}

func set[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (c *Config) defaults() {
	set(&c.Listen, "127.0.0.1:7230")
	set(&c.PublicURL, "http://"+c.Listen)
	set(&c.StateDir, DefaultStateDir())
	if !filepath.IsAbs(c.StateDir) {
		c.StateDir = filepath.Join(c.dir, c.StateDir)
	}
	set(&c.Store.MaxBytes, DefaultStoreSize)
	set(&c.RawRetention, Duration(15*time.Minute))
	set(&c.Workers, 2)
	set(&c.Sandbox.Backend, "auto")
	set(&c.Model.Vendor, "templates")
	set(&c.Budget.RunsPerDay, 50)
	set(&c.Repeats, 5)
	set(&c.LogLevel, "info")
	set(&c.Lease, Duration(20*time.Second))
	set(&c.StageTimeout, Duration(30*time.Minute))
	set(&c.Intake.MaxBody, 20<<20)
	set(&c.Intake.MaxEvent, 1<<20)
	set(&c.Intake.PerSecond, 200)
	if c.GitHub != nil {
		set(&c.GitHub.BaseURL, "https://api.github.com")
	}
	for i := range c.Projects {
		p := &c.Projects[i]
		set(&p.Label, "repaird")
		set(&p.Patch.MaxFiles, 5)
		set(&p.Patch.MaxLines, 120)
		set(&p.Patch.MaxBytes, 32<<10)
		if p.Repository != "" {
			set(&p.URL, "https://github.com/"+p.Repository+".git")
		}
		if c.GitHub != nil {
			set(&p.Forge, "github")
		}
		set(&p.Forge, "local")
		if p.Sentry != nil {
			set(&p.Sentry.APIURL, "https://sentry.io/api/0")
			set(&p.Sentry.Slug, p.Name)
		}
	}
}

// DefaultStateDir is the default state directory, the same as in
// deploy/setup.sh.
func DefaultStateDir() string {
	if d := os.Getenv("REPAIRD_STATE"); d != "" {
		return d
	}
	if os.Geteuid() == 0 {
		return "/var/lib/repaird"
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".local", "share", "repaird")
}

var pythonMinor = regexp.MustCompile(`^3\.\d{1,3}$`)

var projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Validate returns every problem, joined.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("  "+format, args...)) }

	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		bad("listen: %s is not host:port", c.Listen)
	} else if !loopback(host) && c.Web.Token.Empty() {
		bad("web.token: required because listen %s is not a loopback address (evidence would be readable by anyone)", c.Listen)
	}
	if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" {
		bad("public_url: %s is not a URL such as https://repaird.example.com", c.PublicURL)
	}
	if c.Database.Empty() {
		bad("database: a PostgreSQL connection string is required, such as env:DATABASE_URL")
	}
	if _, err := c.Key(); err != nil {
		bad("encryption_key: %s", err)
	}
	oneOf(bad, "sandbox.backend", c.Sandbox.Backend, "auto", "docker", "bwrap")
	for python, image := range c.Sandbox.Images {
		if !pythonMinor.MatchString(python) || image == "" {
			bad("sandbox.images: %q: %q is not a minor version of Python such as \"3.8\" with its image", python, image)
		}
	}
	oneOf(bad, "model.vendor", c.Model.Vendor, "anthropic", "openai", "templates")
	oneOf(bad, "log_level", c.LogLevel, "debug", "info", "warn", "error")
	if c.Model.Vendor != "templates" && c.Model.Name == "" {
		bad("model.name: required for vendor %s", c.Model.Vendor)
	}
	if c.Model.Vendor == "anthropic" && c.Model.Key.Empty() {
		bad("model.key: required for vendor anthropic")
	}
	oneOf(bad, "model.api", c.Model.API, "", "chat", "responses")
	if m := c.Model; m.Samples < 0 || m.Samples > 9 {
		bad("model.samples: %d is not between 1 and 9", m.Samples)
	}
	if m := c.Model; m.Answer < 0 || m.Context < 0 || m.InputCost < 0 || m.OutputCost < 0 || m.CachedCost < 0 || m.CacheWriteCost < 0 || m.Timeout < 0 || m.Idle < 0 {
		bad("model: numbers must not be negative")
	}
	if c.Workers < 1 || c.Workers > 64 {
		bad("workers: %d is not between 1 and 64", c.Workers)
	}
	if c.Repeats < 1 || c.Repeats > 50 {
		bad("repeats: %d is not between 1 and 50", c.Repeats)
	}
	if c.Lease < Duration(time.Second) {
		bad("lease: %s is shorter than a second", time.Duration(c.Lease))
	}
	c.validateGitHub(bad)
	c.validateProjects(bad)
	return errors.Join(errs...)
}

func (c *Config) validateGitHub(bad func(string, ...any)) {
	g := c.GitHub
	if g == nil {
		return
	}
	if (g.AppID != 0) == !g.Token.Empty() {
		bad("github: give either app_id with private_key, or token")
	}
	if g.AppID != 0 && g.PrivateKey.Empty() {
		bad("github.private_key: required with app_id")
	}
	for i, s := range g.WebhookSecrets {
		if s.Empty() {
			bad("github.webhook_secrets[%d]: is empty; anyone could sign requests with it", i)
		}
	}
	if len(g.WebhookSecrets) > 2 {
		bad("github.webhook_secrets: at most two, the second while rotating")
	}
}

func (c *Config) validateProjects(bad func(string, ...any)) {
	names, ids, keys := map[string]bool{}, map[int64]bool{}, map[string]bool{}
	for i, p := range c.Projects {
		at := fmt.Sprintf("projects[%d]", i)
		if !projectName.MatchString(p.Name) {
			bad("%s.name: %q must be lower-case letters, digits and dashes", at, p.Name)
		}
		if names[p.Name] {
			bad("%s.name: %s occurs twice", at, p.Name)
		}
		names[p.Name] = true
		if p.URL == "" {
			bad("%s: repository (owner/name) or url is required", at)
		}
		if u, err := url.Parse(p.URL); err == nil && u.User != nil {
			bad("%s.url: must not contain a password; configure github.token", at)
		}
		oneOf(bad, at+".forge", p.Forge, "github", "local")
		if p.Forge == "local" && strings.Contains(p.URL, "://") && !strings.HasPrefix(p.URL, "file://") {
			bad("%s.forge: local publishes to a repository on this machine: set url to its path, or configure the github section", at)
		}
		if p.Forge == "github" && c.GitHub == nil {
			bad("%s.forge: github needs the github section", at)
		}
		if p.TimeZone != "" {
			if _, err := time.LoadLocation(p.TimeZone); err != nil {
				bad("%s.time_zone: %s", at, err)
			}
		}
		if p.Patch.MaxFiles < 1 || p.Patch.MaxLines < 1 || p.Patch.MaxBytes < 1 {
			bad("%s.patch: limits must be positive", at)
		}
		if s := p.Sentry; s != nil {
			if s.ProjectID != 0 && ids[s.ProjectID] {
				bad("%s.sentry.project_id: %d occurs twice", at, s.ProjectID)
			}
			ids[s.ProjectID] = true
			if s.ProjectID != 0 && len(s.PublicKeys) == 0 {
				bad("%s.sentry.public_keys: required with project_id", at)
			}
			if len(s.ClientSecrets) > 2 {
				bad("%s.sentry.client_secrets: at most two, the second while rotating", at)
			}
			for j, cs := range s.ClientSecrets {
				if cs.Empty() {
					bad("%s.sentry.client_secrets[%d]: is empty; anyone could sign requests with it", at, j)
				}
			}
		}
		if p.OTLP != nil {
			for j, tok := range p.OTLP.Tokens {
				if tok.Empty() || keys[tok.Reveal()] {
					bad("%s.otlp.tokens[%d]: empty, or used by two projects", at, j)
				}
				keys[tok.Reveal()] = true
			}
		}
	}
}

func oneOf(bad func(string, ...any), name, got string, allowed ...string) {
	for _, a := range allowed {
		if got == a {
			return
		}
	}
	bad("%s: %q is none of %v", name, got, allowed)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
