package githubtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A token is a token that the server has issued.
type token struct {
	app         bool              // an installation's
	jwt         bool              // the App itself
	login       string            //
	permissions map[string]string // nil: all but checks
	repos       []int64           // nil: all
	expires     time.Time         // zero: never
}

type refusal struct {
	status int
	value  any
}

func (c *call) authenticate() *refusal {
	text := c.r.Header.Get("Authorization")
	scheme, text, _ := strings.Cut(text, " ")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return &refusal{http.StatusUnauthorized, message("Requires authentication")}
	}
	bad := &refusal{http.StatusUnauthorized, message("Bad credentials")}
	if asApp := strings.HasPrefix(c.template, "/app") || strings.HasSuffix(c.template, "/installation"); asApp {
		if why := c.s.checkJWT(text); why != "" {
			return &refusal{http.StatusUnauthorized, message(why)}
		}
		c.token = &token{jwt: true, login: "repaird[bot]"}
		return nil
	}
	if c.token = c.s.tokens[text]; c.token == nil {
		return bad
	}
	if !c.token.expires.IsZero() && !c.s.o.Now().Before(c.token.expires) {
		return bad
	}
	return nil
}

// checkJWT validates an App's JWT as GitHub documents it. It returns the reason
// for a rejection, or "".
func (s *Server) checkJWT(text string) string {
	const undecodable = "A JSON web token could not be decoded"
	parts := strings.Split(text, ".")
	if len(parts) != 3 || s.o.AppKey == nil {
		return undecodable
	}
	var header struct{ Alg, Typ string }
	var claims struct {
		Iat, Exp int64
		Iss      any
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !decodePart(parts[0], &header) || !decodePart(parts[1], &claims) || header.Alg != "RS256" {
		return undecodable
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(s.o.AppKey, crypto.SHA256, digest[:], sig) != nil {
		return undecodable
	}
	now := s.o.Now().Unix()
	switch {
	case claims.Iat > now:
		return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	case claims.Exp <= now || claims.Exp > now+600:
		return "'Expiration time' claim ('exp') is too far in the future"
	case s.o.AppID != "" && fmt.Sprint(claims.Iss) != s.o.AppID:
		return "Integration not found"
	}
	return ""
}

func decodePart(part string, v any) bool {
	data, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(data, v) == nil
}

func (c *call) mayRead() bool {
	return c.token.jwt || c.token.repos == nil || slices.Contains(c.token.repos, c.repo.id)
}

// may reports whether the token has one of the write permissions in need, which
// are separated by bars.
func (c *call) may(need string) bool {
	for name := range strings.SplitSeq(need, "|") {
		if c.token.permissions == nil && name != "checks" {
			return true
		}
		if c.token.permissions[name] == "write" && (name != "checks" || c.token.app) {
			return true
		}
	}
	return false
}

func (c *call) refusal(need string) string {
	switch {
	case need == "checks" && !c.token.app:
		return "You must authenticate via a GitHub App."
	case c.token.app:
		return "Resource not accessible by integration"
	}
	return "Resource not accessible by personal access token"
}

// needs maps calls to the write permission that they require.
var needs = map[string]string{
	"POST " + repoPath + "/git/blobs":                      "contents",
	"POST " + repoPath + "/git/trees":                      "contents",
	"POST " + repoPath + "/git/commits":                    "contents",
	"POST " + repoPath + "/git/refs":                       "contents",
	"PATCH " + repoPath + "/git/refs/{ref}":                "contents",
	"DELETE " + repoPath + "/git/refs/{ref}":               "contents",
	"POST " + repoPath + "/pulls":                          "pull_requests",
	"PATCH " + repoPath + "/pulls/{pull_number}":           "pull_requests",
	"POST " + repoPath + "/issues/{issue_number}/comments": "issues|pull_requests",
	"POST " + repoPath + "/issues/{issue_number}/labels":   "issues|pull_requests",
	"POST " + repoPath + "/check-runs":                     "checks",
	"POST " + repoPath + "/statuses/{sha}":                 "statuses",
}

const repoPath = "/repos/{owner}/{repo}"

// grantable holds the App's maximum permissions.
var grantable = map[string]string{
	"contents": "write", "pull_requests": "write", "issues": "write", "checks": "write", "metadata": "read",
}

// installationOf returns the App's installation: one per owner.
func (c *call) installationOf() (int, any) {
	if c.repo.NotInstalled {
		return http.StatusNotFound, message("Not Found")
	}
	v := c.s.spec.example("GET", repoPath+"/installation", "200")
	v["id"] = installationID(c.repo.Name)
	return http.StatusOK, v
}

func installationID(repo string) int64 {
	owner, _, _ := strings.Cut(strings.ToLower(repo), "/")
	sum := sha256.Sum256([]byte(owner))
	return int64(sum[0])<<16 | int64(sum[1])<<8 | int64(sum[2]) | 1<<24
}

func (c *call) createToken() (int, any) {
	var mine []*repository
	for _, r := range c.s.repos {
		if fmt.Sprint(installationID(r.Name)) == c.params["installation_id"] && !r.NotInstalled {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 {
		return http.StatusNotFound, message("Not Found")
	}
	t := &token{app: true, login: "repaird[bot]", permissions: map[string]string{}, expires: c.s.o.Now().Add(time.Hour).Truncate(time.Second)}
	wanted := list(c.body["repositories"])
	ids := list(c.body["repository_ids"])
	for _, r := range mine {
		_, name, _ := strings.Cut(r.Name, "/")
		byName := slices.ContainsFunc(wanted, func(v any) bool { return strings.EqualFold(fmt.Sprint(v), name) })
		byID := slices.ContainsFunc(ids, func(v any) bool { f, _ := v.(float64); return int64(f) == r.id })
		if byName || byID || len(wanted)+len(ids) == 0 {
			t.repos = append(t.repos, r.id)
		}
	}
	if n := len(wanted) + len(ids); n > 0 && len(t.repos) != n {
		return http.StatusUnprocessableEntity, message("There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	asked, _ := c.body["permissions"].(map[string]any)
	for name, level := range asked {
		if grantable[name] == "" || (level == "write" && grantable[name] == "read") {
			return http.StatusUnprocessableEntity, message("The permissions requested are not granted to this installation.")
		}
		t.permissions[name] = fmt.Sprint(level)
	}
	// The format since 2026: about 520 characters, including dots and dashes.
	text := "ghs_" + c.s.o.AppID + "_" + randomHex(100) + "." + randomHex(100) + "-" + randomHex(60)
	c.s.tokens[text] = t
	v := c.s.spec.example("POST", "/app/installations/{installation_id}/access_tokens", "201")
	v["token"], v["expires_at"], v["permissions"] = text, t.expires.UTC().Format(time.RFC3339), t.permissions
	delete(v, "repositories")
	return http.StatusCreated, v
}

func list(v any) []any { l, _ := v.([]any); return l }

func quote(text string) string { b, _ := json.Marshal(text); return string(b) }
