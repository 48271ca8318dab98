package redact

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

var testKey = []byte("a key of at least sixteen bytes")

// A kind makes secrets of one sort under the name that programs give them.
type kind struct {
	name string // of a variable that holds it
	make func(*rand.Rand) string
	// secret is the part of the made text that must not remain; nil means all.
	secret func(string) string
}

func draw(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	hexes   = "0123456789abcdef"
	digits  = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alnums  = digits + lower + upper
	b64s    = alnums + "+/"
	b64urls = alnums + "-_"
)

// of returns a maker of prefix and n characters.
func of(prefix, alphabet string, n int) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return prefix + draw(r, alphabet, n) }
}

var people = []string{"summer", "Dragon", "maria", "tigger", "Arsenal", "sunshine", "pepper", "Wolf"}

func humanPassword(r *rand.Rand) string {
	return people[r.IntN(len(people))] + []string{"", "!", "_", "#"}[r.IntN(4)] + draw(r, digits, 2+r.IntN(3))
}

func pem(label string) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		var b strings.Builder
		b.WriteString("-----BEGIN " + label + "-----\n")
		for range 6 {
			b.WriteString(draw(r, b64s, 64) + "\n")
		}
		return b.String() + draw(r, b64s, 40) + "==\n-----END " + label + "-----"
	}
}

func pemBody(s string) string { return strings.Split(s, "\n")[2] }

func jwt(r *rand.Rand) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"HS256","typ":"JWT"}`) + "." + part(fmt.Sprintf(`{"sub":"%d","iat":%d}`, r.IntN(1e9), 1600000000+r.IntN(1e8))) + "." + draw(r, b64urls, 43)
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

// kinds are the 21 sorts that the rules were made for.
var kinds = []kind{
	{"aws_access_key_id", of("AKIA", upper+"234567", 16), nil},
	{"aws_secret_access_key", of("", b64s, 40), nil},
	{"github_token", of("ghp_", alnums, 36), nil},
	{"github_token", of("github_pat_", alnums+"_", 82), nil},
	{"installation_token", of("ghs_", alnums+"._-", 60), nil},
	{"gitlab_token", of("glpat-", b64urls, 20), nil},
	{"slack_token", func(r *rand.Rand) string {
		return "xoxb-" + draw(r, digits, 12) + "-" + draw(r, digits, 12) + "-" + draw(r, alnums, 24)
	}, nil},
	{"stripe_key", of("sk_live_", alnums, 24), nil},
	{"google_api_key", of("AIza", b64urls, 35), nil},
	{"openai_api_key", func(r *rand.Rand) string {
		return "sk-proj-" + draw(r, b64urls, 74) + "T3BlbkFJ" + draw(r, b64urls, 74)
	}, nil},
	{"anthropic_api_key", func(r *rand.Rand) string { return "sk-ant-api03-" + draw(r, b64urls, 93) + "AA" }, nil},
	{"access_token", jwt, nil},
	{"private_key", pem("RSA PRIVATE KEY"), pemBody},
	{"authorization", func(r *rand.Rand) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("svc:"+draw(r, alnums, 14)))
	}, after(" ")},
	{"authorization", func(r *rand.Rand) string { return "Bearer " + draw(r, b64urls, 40) }, after(" ")},
	{"database_url", func(r *rand.Rand) string {
		return "postgres://shop:" + draw(r, alnums, 12) + "@db.internal:5432/shop"
	}, dbPassword},
	{"session_id", of("", lower+digits, 32), nil},
	{"password", humanPassword, nil},
	{"SECRET_KEY", of("", lower+digits+"!@#$%^&*(-_=+)", 50), nil},
	{"api_key", of("", hexes, 32), nil},
	{"sentry_dsn", func(r *rand.Rand) string {
		return "https://" + draw(r, hexes, 32) + ":" + draw(r, hexes, 32) + "@sentry.io/" + draw(r, digits, 6)
	}, dbPassword},
}

// heldOutKinds are sorts for which no rule was written or changed after they
// were first measured.
var heldOutKinds = []kind{
	{"npm_token", of("npm_", alnums, 36), nil},
	{"pypi_token", of("pypi-AgEIcHlwaS5vcmc", b64urls, 120), nil},
	{"sendgrid_key", func(r *rand.Rand) string { return "SG." + draw(r, b64urls, 22) + "." + draw(r, b64urls, 43) }, nil},
	{"twilio_auth_token", of("", hexes, 32), nil},
	{"vault_token", of("hvs.", b64urls, 95), nil},
	{"azure_storage_key", func(r *rand.Rand) string { return draw(r, b64s, 86) + "==" }, nil},
	{"mailgun_key", of("key-", hexes, 32), nil},
	{"totp_seed", of("", upper+"234567", 32), nil},
	{"heroku_api_key", func(r *rand.Rand) string {
		return draw(r, hexes, 8) + "-" + draw(r, hexes, 4) + "-4" + draw(r, hexes, 3) + "-a" + draw(r, hexes, 3) + "-" + draw(r, hexes, 12)
	}, nil},
	{"flask_session", func(r *rand.Rand) string {
		return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"user_id":%d}`, r.IntN(1e6))) + "." + draw(r, b64urls, 6) + "." + draw(r, b64urls, 27)
	}, nil},
	{"deploy_key", pem("OPENSSH PRIVATE KEY"), pemBody},
	{"signing_key", pem("EC PRIVATE KEY"), pemBody},
	{"db_passwd", of("", alnums, 16), nil},
	{"passphrase", func(r *rand.Rand) string {
		return people[r.IntN(8)] + " " + people[r.IntN(8)] + " " + people[r.IntN(8)] + " " + draw(r, digits, 1)
	}, nil},
	{"hmac_secret", of("", hexes, 64), nil},
	{"redis_url", func(r *rand.Rand) string { return "redis://:" + draw(r, alnums, 20) + "@cache:6379/0" }, dbPassword},
}

// A context writes a secret into a text, or into an event, as one finds it there.
type context struct {
	name  string
	write func(name, secret string) string
	// written is how the secret looks in it, where it is encoded.
	written func(secret string) string
	event   func(name, secret string) incident.Event
}

func jsonString(s string) string { data, _ := json.Marshal(s); return string(data) }

func jsonInner(s string) string { q := jsonString(s); return q[1 : len(q)-1] }

func halves(s string) (string, string) { return s[:len(s)/2], s[len(s)/2:] }

func pyRepr(s string) string { return incident.Quote(s) }

func localsOf(name, repr string) incident.Event {
	return incident.Event{Exceptions: []incident.Exception{{Type: "ValueError", Frames: []incident.Frame{{
		File: "a.py", Function: "f", Locals: []incident.Variable{{Name: name, Value: incident.Value{Kind: incident.KindRepr, Repr: repr}}},
	}}}}}
}

// contexts are the 13 places that the rules were made for.
var contexts = []context{
	{name: "Python assignment", write: func(n, s string) string { return n + " = " + pyRepr(s) + "\n" }, written: pyInner},
	{name: ".env line", write: func(n, s string) string { return strings.ToUpper(n) + "=" + strings.ReplaceAll(s, "\n", `\n`) + "\n" }, written: func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }},
	{name: "locals", event: func(n, s string) incident.Event { return localsOf(n, pyRepr(s)) }, written: pyInner},
	{name: "locals, neutral name", event: func(_, s string) incident.Event { return localsOf("value", pyRepr(s)) }, written: pyInner},
	{name: "OTLP attribute", event: func(n, s string) incident.Event {
		return incident.Event{Spans: []incident.Span{{Attrs: []incident.Variable{{Name: "http." + n, Value: incident.Value{Kind: incident.KindRepr, Repr: pyRepr(s)}}}}}}
	}, written: pyInner},
	{name: "message with key word", write: func(n, s string) string { return "request failed: " + n + " " + pyRepr(s) + " was rejected" }, written: pyInner},
	{name: "message, neutral", write: func(_, s string) string { return "cannot process " + s + " in step 3" }},
	{name: "dict repr in a log", write: func(n, s string) string {
		return "2026-11-03 INFO sending {'id': 17, '" + n + "': " + pyRepr(s) + ", 'retry': True}"
	}, written: pyInner},
	{name: "JSON in JSON", write: func(n, s string) string {
		return jsonString(`{"body": ` + jsonString(`{"`+n+`":`+jsonString(s)+`}`) + `}`)
	},
		written: func(s string) string { return jsonInner(jsonInner(jsonInner(s))) }},
	{name: "URL query", write: func(n, s string) string {
		return "GET /v1/items?page=2&" + n + "=" + url.QueryEscape(s) + "&sort=asc HTTP/1.1"
	}, written: url.QueryEscape},
	{name: "base64", write: func(n, s string) string {
		return "payload=" + base64.StdEncoding.EncodeToString([]byte(n+"="+s))
	}},
	{name: "line with gitleaks:allow", write: func(n, s string) string { return n + " = " + pyRepr(s) + "  # gitleaks:allow" }, written: pyInner},
	{name: "split over two literals", write: func(n, s string) string {
		a, b := halves(s)
		return n + " = (" + pyRepr(a) + "\n    " + pyRepr(b) + ")"
	}, written: pyInner},
}

func pyInner(s string) string { q := pyRepr(s); return q[1 : len(q)-1] }

// heldOutContexts were written after the rules and did not change them.
var heldOutContexts = []context{
	{name: "YAML", write: func(n, s string) string {
		return "service:\n  " + n + ": " + strings.ReplaceAll(s, "\n", `\n`) + "\n  port: 80\n"
	}, written: func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }},
	{name: "dataclass repr", write: func(n, s string) string {
		return "unhandled in <Worker 3>: Config(host='db', " + n + "=" + pyRepr(s) + ", debug=False)"
	}, written: pyInner},
	{name: "validation error", write: func(n, s string) string {
		return "1 validation error for Settings\n" + n + "\n  Input should be a valid integer [type=int_parsing, input_value=" + pyRepr(s) + ", input_type=str]"
	}, written: pyInner},
	{name: "raw header", write: func(n, s string) string {
		return "> X-" + strings.ReplaceAll(n, "_", "-") + ": " + strings.ReplaceAll(s, "\n", "") + "\n> Accept: */*\n"
	}, written: func(s string) string { return strings.ReplaceAll(s, "\n", "") }},
	{name: "XML element", write: func(n, s string) string { return "<config><" + n + ">" + s + "</" + n + "></config>" }},
	{name: "logfmt", write: func(n, s string) string {
		return "level=info msg=\"connecting\" " + n + "=" + jsonString(s) + " attempt=1"
	}, written: jsonInner},
	{name: "keyword argument in a trace", write: func(n, s string) string {
		return "-> connect(host='db', port=5432, " + n + "=" + pyRepr(s) + ")\n<- None"
	}, written: pyInner},
	{name: "hex", write: func(n, s string) string { return n + "_hex=" + hex.EncodeToString([]byte(s)) },
		written: func(s string) string { return hex.EncodeToString([]byte(s))[:12] }},
	{name: "percent-encoded JSON", write: func(n, s string) string { return "state=" + url.QueryEscape(`{"`+n+`":`+jsonString(s)+`}`) },
		written: func(s string) string { return url.QueryEscape(jsonInner(s)) }},
	{name: "command line", write: func(n, s string) string {
		return "Command '['deploy', '--" + strings.ReplaceAll(n, "_", "-") + "', " + pyRepr(s) + "]' returned non-zero exit status 1."
	}, written: pyInner},
}
