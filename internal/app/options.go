package app

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/forge/github"
	"github.com/repaird/repaird/internal/intake"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/orchestrator"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/secret"
)

// The configuration, translated into each package's own options. New adds open
// resources.

// Logger writes entries of at least the level.
func Logger(level string, w io.Writer) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level))
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l}))
}

func machineOf(c *config.Config, log *slog.Logger) *Machine {
	return &Machine{StateDir: c.StateDir, StoreBytes: c.Store.MaxBytes.Bound(), Backend: c.Sandbox.Backend, Image: c.Sandbox.Image, Images: c.Sandbox.Images, Logger: log}
}

func orchestratorOptions(c *config.Config) orchestrator.Options {
	return orchestrator.Options{
		Workers: c.Workers, Lease: time.Duration(c.Lease), StageTimeout: time.Duration(c.StageTimeout),
		RawRetention: time.Duration(c.RawRetention), RunsPerDay: c.Budget.RunsPerDay,
		PageURL: func(run string) string { return strings.TrimRight(c.PublicURL, "/") + "/runs/" + run },
	}
}

func intakeConfig(c *config.Config) intake.Config {
	return intake.Config{
		Projects: intakeProjects(c), GitHubSecrets: gitHubSecrets(c),
		Limits: intake.Limits{Wire: int(c.Intake.MaxBody), Event: int(c.Intake.MaxEvent), Rate: c.Intake.PerSecond},
	}
}

func gitHubOptions(c *config.GitHub) github.Options {
	o := github.Options{BaseURL: c.BaseURL, Token: c.Token.String}
	if c.AppID != 0 {
		o.App = &github.App{ID: fmt.Sprint(c.AppID), Key: c.PrivateKey.String}
	}
	return o
}

// localRepositories are the repositories on this host to which repairs are
// published.
func localRepositories(projects []config.Project) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range projects {
		if p.Forge != "local" {
			continue
		}
		if p.Repository == "" {
			return nil, fault.Errorf(fault.Invalid, "project %s: the local forge needs a repository name (owner/name)", p.Name)
		}
		out[p.Repository] = strings.TrimPrefix(p.URL, "file://")
	}
	return out, nil
}

// project translates a configured project for the pipeline.
func project(p config.Project, c *config.Config, key []byte, f forge.Forge) pipeline.Project {
	out := pipeline.Project{
		Name: p.Name, Repository: p.Repository, URL: p.URL, Branch: p.Branch, TestCommand: p.TestCommand,
		RedactKey: redactKey(key, p.Name), Forge: f,
		Card:   repair.CardPolicy(p.Card),
		Budget: repair.Budget{Attempts: c.Budget.Attempts, Tokens: c.Budget.Tokens, Dollars: c.Budget.Dollars, Time: time.Duration(c.Budget.Time)},
	}
	out.Setup = language.Setup{Image: cmp.Or(p.Setup.Image, c.Sandbox.Image), Requirements: p.Setup.Requirements, Root: p.Setup.Root, TimeZone: p.TimeZone}
	out.Policy = patch.Policy{MaxFiles: p.Patch.MaxFiles, MaxLines: p.Patch.MaxLines, MaxBytes: int(p.Patch.MaxBytes)}
	return out
}

// redactKey derives a project's own key, so that equal values of two projects
// have different replacements.
func redactKey(master []byte, project string) []byte {
	m := hmac.New(sha256.New, master)
	m.Write([]byte("redact\x00" + project))
	return m.Sum(nil)
}

func intakeProjects(c *config.Config) []intake.Project {
	var out []intake.Project
	for _, p := range c.Projects {
		ip := intake.Project{Name: p.Name, Repository: p.Repository, Labels: []string{p.Label}}
		if s := p.Sentry; s != nil {
			ip.SentryID, ip.PublicKeys, ip.LegacyToken = int(s.ProjectID), s.PublicKeys, s.LegacyToken.String
			ip.SentrySecrets = secrets(s.ClientSecrets)
		}
		if p.OTLP != nil {
			ip.OTLPTokens = secrets(p.OTLP.Tokens)
		}
		out = append(out, ip)
	}
	return out
}

func gitHubSecrets(c *config.Config) []secret.String {
	if c.GitHub == nil {
		return nil
	}
	return secrets(c.GitHub.WebhookSecrets)
}

func secrets(in []config.Secret) []secret.String {
	var out []secret.String
	for _, s := range in {
		out = append(out, s.String)
	}
	return out
}
