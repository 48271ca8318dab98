// Package secrettest draws secrets, personal data, and texts and events in
// which they occur, for tests: none is stored, so that no file of the
// repository looks like a leak.
package secrettest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"

	"github.com/repaird/repaird/internal/incident"
)

// Key is a key of redactors in tests.
var Key = []byte("a key of at least sixteen bytes")

// A Kind generates secrets of one kind under the name that programs give them.
type Kind struct {
	Name string // of a variable that holds it
	Make func(*rand.Rand) string
	// Secret is the part of the generated text that must not remain; nil means
	// all.
	Secret func(string) string
}

// Draw draws n characters of an alphabet.
func Draw(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// Alphabets.
const (
	Hexes   = "0123456789abcdef"
	Digits  = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	Upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	Alnums  = Digits + lower + Upper
	b64s    = Alnums + "+/"
	b64urls = Alnums + "-_"
)

// of returns a maker of prefix and n characters.
func of(prefix, alphabet string, n int) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return prefix + Draw(r, alphabet, n) }
}

var people = []string{"summer", "Dragon", "maria", "tigger", "Arsenal", "sunshine", "pepper", "Wolf"}

func humanPassword(r *rand.Rand) string {
	return people[r.IntN(len(people))] + []string{"", "!", "_", "#"}[r.IntN(4)] + Draw(r, Digits, 2+r.IntN(3))
}

func pem(label string) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		var b strings.Builder
		b.WriteString("-----BEGIN " + label + "-----\n")
		for range 6 {
			b.WriteString(Draw(r, b64s, 64) + "\n")
		}
		return b.String() + Draw(r, b64s, 40) + "==\n-----END " + label + "-----"
	}
}

func pemBody(s string) string { return strings.Split(s, "\n")[2] }

func jwt(r *rand.Rand) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"HS256","typ":"JWT"}`) + "." + part(fmt.Sprintf(`{"sub":"%d","iat":%d}`, r.IntN(1e9), 1600000000+r.IntN(1e8))) + "." + Draw(r, b64urls, 43)
}

func after(sep string) func(string) string {
	return func(s string) string { _, rest, _ := strings.Cut(s, sep); return rest }
}

func dbPassword(s string) string {
	_, rest, _ := strings.Cut(s, "://")
	_, rest, _ = strings.Cut(rest, ":")
	pw, _, _ := strings.Cut(rest, "@")
	return pw
}

// Kinds are the 21 kinds that the rules target.
var Kinds = []Kind{
	{"aws_access_key_id", of("AKIA", Upper+"234567", 16), nil},
	{"aws_secret_access_key", of("", b64s, 40), nil},
	{"github_token", of("ghp_", Alnums, 36), nil},
	{"github_token", of("github_pat_", Alnums+"_", 82), nil},
	{"installation_token", of("ghs_", Alnums+"._-", 60), nil},
	{"gitlab_token", of("glpat-", b64urls, 20), nil},
	{"slack_token", func(r *rand.Rand) string {
		return "xoxb-" + Draw(r, Digits, 12) + "-" + Draw(r, Digits, 12) + "-" + Draw(r, Alnums, 24)
	}, nil},
	{"stripe_key", of("sk_live_", Alnums, 24), nil},
	{"google_api_key", of("AIza", b64urls, 35), nil},
	{"openai_api_key", func(r *rand.Rand) string {
		return "sk-proj-" + Draw(r, b64urls, 74) + "T3BlbkFJ" + Draw(r, b64urls, 74)
	}, nil},
	{"anthropic_api_key", func(r *rand.Rand) string { return "sk-ant-api03-" + Draw(r, b64urls, 93) + "AA" }, nil},
	{"access_token", jwt, nil},
	{"private_key", pem("RSA PRIVATE KEY"), pemBody},
	{"authorization", func(r *rand.Rand) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("svc:"+Draw(r, Alnums, 14)))
	}, after(" ")},
	{"authorization", func(r *rand.Rand) string { return "Bearer " + Draw(r, b64urls, 40) }, after(" ")},
	{"database_url", func(r *rand.Rand) string {
		return "postgres://shop:" + Draw(r, Alnums, 12) + "@db.internal:5432/shop"
	}, dbPassword},
	{"session_id", of("", lower+Digits, 32), nil},
	{"password", humanPassword, nil},
	{"SECRET_KEY", of("", lower+Digits+"!@#$%^&*(-_=+)", 50), nil},
	{"api_key", of("", Hexes, 32), nil},
	{"sentry_dsn", func(r *rand.Rand) string {
		return "https://" + Draw(r, Hexes, 32) + ":" + Draw(r, Hexes, 32) + "@sentry.io/" + Draw(r, Digits, 6)
	}, dbPassword},
}

// HeldOutKinds are kinds for which no rule was written or changed after they
// were first measured.
var HeldOutKinds = []Kind{
	{"npm_token", of("npm_", Alnums, 36), nil},
	{"pypi_token", of("pypi-AgEIcHlwaS5vcmc", b64urls, 120), nil},
	{"sendgrid_key", func(r *rand.Rand) string { return "SG." + Draw(r, b64urls, 22) + "." + Draw(r, b64urls, 43) }, nil},
	{"twilio_auth_token", of("", Hexes, 32), nil},
	{"vault_token", of("hvs.", b64urls, 95), nil},
	{"azure_storage_key", func(r *rand.Rand) string { return Draw(r, b64s, 86) + "==" }, nil},
	{"mailgun_key", of("key-", Hexes, 32), nil},
	{"totp_seed", of("", Upper+"234567", 32), nil},
	{"heroku_api_key", func(r *rand.Rand) string {
		return Draw(r, Hexes, 8) + "-" + Draw(r, Hexes, 4) + "-4" + Draw(r, Hexes, 3) + "-a" + Draw(r, Hexes, 3) + "-" + Draw(r, Hexes, 12)
	}, nil},
	{"flask_session", func(r *rand.Rand) string {
		return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"user_id":%d}`, r.IntN(1e6))) + "." + Draw(r, b64urls, 6) + "." + Draw(r, b64urls, 27)
	}, nil},
	{"deploy_key", pem("OPENSSH PRIVATE KEY"), pemBody},
	{"signing_key", pem("EC PRIVATE KEY"), pemBody},
	{"db_passwd", of("", Alnums, 16), nil},
	{"passphrase", func(r *rand.Rand) string {
		return people[r.IntN(8)] + " " + people[r.IntN(8)] + " " + people[r.IntN(8)] + " " + Draw(r, Digits, 1)
	}, nil},
	{"hmac_secret", of("", Hexes, 64), nil},
	{"redis_url", func(r *rand.Rand) string { return "redis://:" + Draw(r, Alnums, 20) + "@cache:6379/0" }, dbPassword},
}

// A Context writes a secret into a text, or into an event, as one finds it there.
type Context struct {
	Name  string
	Write func(name, secret string) string
	// Written is how the secret looks in it, where it is encoded.
	Written func(secret string) string
	Event   func(name, secret string) incident.Event
}

// JSON writes a text as a string of JSON.
func JSON(s string) string { data, _ := json.Marshal(s); return string(data) }

// JSONInner is JSON without its quotes.
func JSONInner(s string) string { q := JSON(s); return q[1 : len(q)-1] }

// Halves cuts a text into two.
func Halves(s string) (string, string) { return s[:len(s)/2], s[len(s)/2:] }

// Repr writes a text as Python does.
func Repr(s string) string { return incident.Quote(s) }

// LocalsOf is an event with one local variable.
func LocalsOf(name, repr string) incident.Event {
	return incident.Event{Exceptions: []incident.Exception{{Type: "ValueError", Frames: []incident.Frame{{
		File: "a.py", Function: "f", Locals: []incident.Variable{{Name: name, Value: incident.Value{Kind: incident.KindRepr, Repr: repr}}},
	}}}}}
}

// Contexts are the 13 contexts that the rules target.
var Contexts = []Context{
	{Name: "Python assignment", Write: func(n, s string) string { return n + " = " + Repr(s) + "\n" }, Written: ReprInner},
	{Name: ".env line", Write: func(n, s string) string { return strings.ToUpper(n) + "=" + strings.ReplaceAll(s, "\n", `\n`) + "\n" }, Written: func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }},
	{Name: "locals", Event: func(n, s string) incident.Event { return LocalsOf(n, Repr(s)) }, Written: ReprInner},
	{Name: "locals, neutral name", Event: func(_, s string) incident.Event { return LocalsOf("value", Repr(s)) }, Written: ReprInner},
	{Name: "OTLP attribute", Event: func(n, s string) incident.Event {
		return incident.Event{Spans: []incident.Span{{Attrs: []incident.Variable{{Name: "http." + n, Value: incident.Value{Kind: incident.KindRepr, Repr: Repr(s)}}}}}}
	}, Written: ReprInner},
	{Name: "message with key word", Write: func(n, s string) string { return "request failed: " + n + " " + Repr(s) + " was rejected" }, Written: ReprInner},
	{Name: "message, neutral", Write: func(_, s string) string { return "cannot process " + s + " in step 3" }},
	{Name: "dict repr in a log", Write: func(n, s string) string {
		return "2026-11-03 INFO sending {'id': 17, '" + n + "': " + Repr(s) + ", 'retry': True}"
	}, Written: ReprInner},
	{Name: "JSON in JSON", Write: func(n, s string) string {
		return JSON(`{"body": ` + JSON(`{"`+n+`":`+JSON(s)+`}`) + `}`)
	},
		Written: func(s string) string { return JSONInner(JSONInner(JSONInner(s))) }},
	{Name: "URL query", Write: func(n, s string) string {
		return "GET /v1/items?page=2&" + n + "=" + url.QueryEscape(s) + "&sort=asc HTTP/1.1"
	}, Written: url.QueryEscape},
	{Name: "base64", Write: func(n, s string) string {
		return "payload=" + base64.StdEncoding.EncodeToString([]byte(n+"="+s))
	}},
	{Name: "line with gitleaks:allow", Write: func(n, s string) string { return n + " = " + Repr(s) + "  # gitleaks:allow" }, Written: ReprInner},
	{Name: "split over two literals", Write: func(n, s string) string {
		a, b := Halves(s)
		return n + " = (" + Repr(a) + "\n    " + Repr(b) + ")"
	}, Written: ReprInner},
}

// ReprInner is Repr without its quotes.
func ReprInner(s string) string { q := Repr(s); return q[1 : len(q)-1] }

// HeldOutContexts were written after the rules and did not change them.
var HeldOutContexts = []Context{
	{Name: "YAML", Write: func(n, s string) string {
		return "service:\n  " + n + ": " + strings.ReplaceAll(s, "\n", `\n`) + "\n  port: 80\n"
	}, Written: func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }},
	{Name: "dataclass repr", Write: func(n, s string) string {
		return "unhandled in <Worker 3>: Config(host='db', " + n + "=" + Repr(s) + ", debug=False)"
	}, Written: ReprInner},
	{Name: "validation error", Write: func(n, s string) string {
		return "1 validation error for Settings\n" + n + "\n  Input should be a valid integer [type=int_parsing, input_value=" + Repr(s) + ", input_type=str]"
	}, Written: ReprInner},
	{Name: "raw header", Write: func(n, s string) string {
		return "> X-" + strings.ReplaceAll(n, "_", "-") + ": " + strings.ReplaceAll(s, "\n", "") + "\n> Accept: */*\n"
	}, Written: func(s string) string { return strings.ReplaceAll(s, "\n", "") }},
	{Name: "XML element", Write: func(n, s string) string { return "<config><" + n + ">" + s + "</" + n + "></config>" }},
	{Name: "logfmt", Write: func(n, s string) string {
		return "level=info msg=\"connecting\" " + n + "=" + JSON(s) + " attempt=1"
	}, Written: JSONInner},
	{Name: "keyword argument in a trace", Write: func(n, s string) string {
		return "-> connect(host='db', port=5432, " + n + "=" + Repr(s) + ")\n<- None"
	}, Written: ReprInner},
	{Name: "hex", Write: func(n, s string) string { return n + "_hex=" + hex.EncodeToString([]byte(s)) },
		Written: func(s string) string { return hex.EncodeToString([]byte(s))[:12] }},
	{Name: "percent-encoded JSON", Write: func(n, s string) string { return "state=" + url.QueryEscape(`{"`+n+`":`+JSON(s)+`}`) },
		Written: func(s string) string { return url.QueryEscape(JSONInner(s)) }},
	{Name: "command line", Write: func(n, s string) string {
		return "Command '['deploy', '--" + strings.ReplaceAll(n, "_", "-") + "', " + Repr(s) + "]' returned non-zero exit status 1."
	}, Written: ReprInner},
}
