package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/repaird/repaird/internal/secret"
)

// A Secret is a secret given by reference: file:PATH or env:NAME.
type Secret struct {
	secret.String
	ref string
}

// UnmarshalYAML keeps the reference; Parse resolves it once defaults are known.
func (s *Secret) UnmarshalYAML(n *yaml.Node) error { return n.Decode(&s.ref) }

// MarshalYAML shows the reference, never the value.
func (s Secret) MarshalYAML() (any, error) { return s.ref, nil }

func (s *Secret) resolve(name, dir string) error {
	kind, rest, _ := strings.Cut(s.ref, ":")
	switch {
	case s.ref == "":
		return nil
	case kind == "file":
		if !filepath.IsAbs(rest) {
			rest = filepath.Join(dir, rest)
		}
		b, err := os.ReadFile(rest)
		if err != nil {
			return fmt.Errorf("  %s: %w", name, err)
		}
		s.String = secret.New(strings.TrimRight(string(b), "\r\n"))
	case kind == "env":
		v, ok := os.LookupEnv(rest)
		if !ok {
			return fmt.Errorf("  %s: environment variable %s is not set", name, rest)
		}
		s.String = secret.New(v)
	default:
		return fmt.Errorf("  %s: write a secret as file:PATH or env:NAME, not as its value", name)
	}
	if s.Empty() {
		return fmt.Errorf("  %s: %s is empty", name, s.ref)
	}
	return nil
}

func (c *Config) resolve() error {
	var errs []error
	get := func(name string, s *Secret) { errs = append(errs, s.resolve(name, c.dir)) }
	list := func(name string, l []Secret) {
		for i := range l {
			get(fmt.Sprintf("%s[%d]", name, i), &l[i])
		}
	}
	get("database", &c.Database)
	get("encryption_key", &c.EncryptionKey)
	get("web.token", &c.Web.Token)
	get("model.key", &c.Model.Key)
	if g := c.GitHub; g != nil {
		get("github.private_key", &g.PrivateKey)
		get("github.token", &g.Token)
		list("github.webhook_secrets", g.WebhookSecrets)
	}
	for i := range c.Projects {
		p, at := &c.Projects[i], fmt.Sprintf("projects[%d]", i)
		if p.Sentry != nil {
			list(at+".sentry.client_secrets", p.Sentry.ClientSecrets)
			get(at+".sentry.legacy_token", &p.Sentry.LegacyToken)
			get(at+".sentry.api_token", &p.Sentry.APIToken)
		}
		if p.OTLP != nil {
			list(at+".otlp.tokens", p.OTLP.Tokens)
		}
	}
	return errors.Join(errs...)
}

// Key returns the encryption key's 32 bytes.
func (c *Config) Key() ([]byte, error) {
	if c.EncryptionKey.Empty() {
		return nil, errors.New("required: 32 random bytes as 64 hex digits, such as from `openssl rand -hex 32`, as file:PATH or env:NAME")
	}
	b, err := hex.DecodeString(c.EncryptionKey.Reveal())
	if err != nil || len(b) != 32 {
		return nil, errors.New("must be 64 hex digits (32 bytes)")
	}
	return b, nil
}

// A Duration is written as in Go: 90s, 15m, 2h.
type Duration time.Duration

// UnmarshalYAML reads a Go duration.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a duration such as 90s or 15m", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML writes a Go duration.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }
