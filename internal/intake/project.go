package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/time/rate"

	"github.com/repaird/repaird/internal/secret"
)

// A Project is one configured project with its senders' credentials. Endpoints
// whose credentials are empty are not served.
type Project struct {
	Name          string          // used in URLs: letters, digits, dots, dashes, underscores
	SentryID      int             // project id of the DSN
	PublicKeys    []string        // public keys of DSNs
	SentrySecrets []secret.String // client secrets of the integration; two while rotating
	LegacyToken   secret.String   // path element of the WebHooks plugin's URL
	OTLPTokens    []secret.String // bearer tokens
	Repository    string          // owner/name on the code host
	Labels        []string        // labels that ask for a repair; default "repaird"
}

type project struct {
	Project
	limit *rate.Limiter
}

// A registry looks up projects by the names and credentials in requests.
type registry struct {
	all          []*project
	byName       map[string]*project
	bySentryID   map[int]*project
	byRepository map[string]*project // lower case
}

var projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func newRegistry(projects []Project, limits Limits) (*registry, error) {
	reg := &registry{byName: map[string]*project{}, bySentryID: map[int]*project{}, byRepository: map[string]*project{}}
	tokens := map[string]string{}
	for _, p := range projects {
		if !projectName.MatchString(p.Name) {
			return nil, fmt.Errorf("project %q: the name may contain only letters, digits, dots, dashes and underscores", p.Name)
		}
		if err := p.check(tokens); err != nil {
			return nil, fmt.Errorf("project %s: %w", p.Name, err)
		}
		if len(p.Labels) == 0 {
			p.Labels = []string{"repaird"}
		}
		q := &project{p, rate.NewLimiter(rate.Limit(limits.Rate), limits.Burst)}
		if reg.byName[p.Name] != nil {
			return nil, fmt.Errorf("project %s is configured twice", p.Name)
		}
		reg.byName[p.Name] = q
		if p.SentryID != 0 {
			if other := reg.bySentryID[p.SentryID]; other != nil {
				return nil, fmt.Errorf("projects %s and %s have the same Sentry id", other.Name, p.Name)
			}
			reg.bySentryID[p.SentryID] = q
		}
		if repo := strings.ToLower(p.Repository); repo != "" && reg.byRepository[repo] == nil {
			reg.byRepository[repo] = q // if projects share a repository, the first gets its issues
		}
		reg.all = append(reg.all, q)
	}
	return reg, nil
}

// check rejects credentials that would admit anyone.
func (p *Project) check(tokens map[string]string) error {
	if err := checkSecrets("Sentry client secret", p.SentrySecrets); err != nil {
		return err
	}
	for _, k := range p.PublicKeys {
		if k == "" {
			return fmt.Errorf("a public key is empty")
		}
	}
	if len(p.PublicKeys) > 0 && p.SentryID <= 0 {
		return fmt.Errorf("public keys need the DSN's project id")
	}
	for _, t := range p.OTLPTokens {
		if t.Empty() {
			return fmt.Errorf("an OTLP token is empty")
		}
		if other, taken := tokens[t.Reveal()]; taken {
			return fmt.Errorf("an OTLP token is shared with project %s", other)
		}
		tokens[t.Reveal()] = p.Name
	}
	return nil
}

func checkSecrets(what string, secrets []secret.String) error {
	if len(secrets) > 2 {
		return fmt.Errorf("more than two values of the %s", what)
	}
	for _, s := range secrets {
		if s.Empty() {
			return fmt.Errorf("the %s is empty", what)
		}
	}
	return nil
}

// signed reports whether signature, in lower-case hex, is the HMAC-SHA256 of
// body under one of the secrets. Without secrets it does the same work and
// reports false, so that timing does not reveal whether a project exists.
func signed(secrets []secret.String, body []byte, signature string) bool {
	ok := false
	for i := 0; i < max(len(secrets), 1); i++ {
		key := []byte("nobody's secret")
		if i < len(secrets) {
			key = []byte(secrets[i].Reveal())
		}
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		if hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(signature)) && i < len(secrets) {
			ok = true
		}
	}
	return ok
}

// same compares in constant time, whatever the lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// byToken returns the project that an OTLP token belongs to.
func (reg *registry) byToken(token string) *project {
	var found *project
	for _, p := range reg.all {
		for _, t := range p.OTLPTokens {
			if same(t.Reveal(), token) {
				found = p
			}
		}
	}
	return found
}

// byKey returns the project of a DSN, or nil if the id is unknown or the key is
// not one of its keys.
func (reg *registry) byKey(id int, key string) *project {
	p := reg.bySentryID[id]
	keys := []string{"nobody's key"}
	if p != nil {
		keys = p.PublicKeys
	}
	ok := false
	for _, k := range keys {
		ok = same(k, key) || ok
	}
	if p == nil || !ok {
		return nil
	}
	return p
}
