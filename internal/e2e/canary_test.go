package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
)

const (
	hexes  = "0123456789abcdef"
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alnums = digits + lower + upper
	b64s   = alnums + "+/"
	urls   = alnums + "-_"
)

// marker is a text that is not a secret: it must appear everywhere that
// evidence appears, otherwise the search finds nothing because there is
// nothing.
const marker = "leave the parcel behind the green shed"

// A planter makes secrets and remembers them.
type planter struct {
	t       *testing.T
	random  *rand.Rand
	planted []canary
}

func (p *planter) draw(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[p.random.IntN(len(alphabet))]
	}
	return string(b)
}

// plant remembers prefix and n random characters as a secret.
func (p *planter) plant(name, prefix, alphabet string, n int) string {
	return p.secret(name, prefix+p.draw(alphabet, n))
}

func (p *planter) secret(name, s string) string {
	p.planted = append(p.planted, canary{name, s})
	return s
}

// pem makes a private key; each line of it is the secret, one is looked for.
func (p *planter) pem(name, label string) string {
	lines := []string{"-----BEGIN " + label + "-----"}
	for range 5 {
		lines = append(lines, p.draw(b64s, 64))
	}
	p.secret(name, lines[3])
	return strings.Join(append(lines, p.draw(b64s, 30)+"==", "-----END "+label+"-----", ""), "\n")
}

func (p *planter) jwt(name string) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"HS256","typ":"JWT"}`) + "." + part(`{"sub":"8812","iat":1700000000}`) + "." + p.plant(name, "", urls, 43)
}

// card makes a number with a right check digit.
func (p *planter) card(name string) string {
	s := "4539" + p.draw(digits, 11)
	sum := 0
	for i, c := range s { // 15 digits: those at even places are doubled
		d := int(c - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return p.secret(name, s+fmt.Sprint((10-sum%10)%10))
}

func (p *planter) email(name string) string {
	return p.plant(name, p.draw(lower, 5)+".", lower, 7) + "@customers.example.org"
}

type object = map[string]any

// repr is how an SDK sends a local variable's string.
func repr(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'"
}

func asJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func in64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// locals plants in the variables: some in the very argument that the test is
// built of, others in the frame around.
func (p *planter) locals(event object) {
	frames := event["exception"].(object)["values"].([]any)[0].(object)["stacktrace"].(object)["frames"].([]any)
	vars := func(i int) object { return frames[i].(object)["vars"].(object) }
	order := object{
		"note":     repr(marker + "; token " + p.plant("GitHub token in an argument", "ghp_", alnums, 36)),
		"password": repr(p.plant("password in an argument", "Tigger!", digits, 6)),
		"api_key":  repr(p.plant("API key in an argument", "", hexes, 32)),
		"customer": object{"email": repr(p.email("e-mail in an argument")), "card_number": repr(p.card("card in an argument"))},
	}
	for k, v := range order {
		vars(1)["message"].(object)[k] = v
		vars(2)["order"].(object)[k] = v
	}
	v := vars(0)
	v["AWS_SECRET_ACCESS_KEY"] = repr(p.plant("AWS secret in a local", "", b64s, 40))
	v["settings"] = "{'SECRET_KEY': " + repr(p.plant("Django key in a repr", "", lower+digits+"!@#$%^&*(-_=+)", 50)) + ", 'DEBUG': False}"
	v["private_key"] = repr(p.pem("RSA key in a local", "RSA PRIVATE KEY"))
	v["engine"] = "Engine(postgres://shop:" + p.plant("password of a URL in a local", "", alnums, 14) + "@db.internal:5432/shop)"
	v["access_token"] = repr(p.jwt("JWT in a local"))
	v["mail"] = object{"smtp": object{"host": "'mx.internal'", "passwd": repr(p.plant("password deep in a local", "", alnums, 16))}}
	v["blob"] = repr(in64(asJSON(object{"client_secret": p.plant("secret in base64 in a local", "", alnums, 32)})))
	v["scope"] = object{"type": "'http'", "headers": []any{[]any{"b'host'", "b'shop.example.org'"}, []any{"b'x-auth-token'", "b'" + p.plant("bytes of a header in a local", "", alnums, 21) + "'"}}}
	v["key"] = repr(p.plant("Anthropic key in a local", "sk-ant-api03-", urls, 93) + "AA")
}

// request plants in the parts of a request.
func (p *planter) request(event object) {
	session := p.plant("session cookie", "", lower+digits, 32)
	event["request"] = object{
		"method":       "POST",
		"url":          "https://ops:" + p.plant("password of the request's URL", "", alnums, 15) + "@shop.example.org/quote",
		"query_string": "page=2&access_token=" + p.plant("token in the query", "", urls, 40) + "&sort=asc",
		"headers": object{
			"Host": "shop.example.org", "Content-Type": "application/json", "X-Request-Id": "4711",
			"Authorization":     "Bearer " + p.plant("bearer token", "", urls, 40),
			"Cookie":            "lang=en; csrftoken=" + p.plant("cookie in a header", "", alnums, 32) + "; sessionid=" + session,
			"X-Api-Key":         p.plant("API key in a header", "", alnums, 32),
			"X-Internal-Secret": p.plant("header that nobody lists", "", alnums, 24),
			"Referer":           "https://shop.example.org/reset?code=1&reset_token=" + p.plant("token in the referer", "", urls, 32),
			"X-Forwarded-For":   "203.0.113.9",
		},
		"cookies": object{"sessionid": session, "remember": p.plant("remember cookie", "", urls, 44)},
		"env":     object{"REMOTE_ADDR": "203.0.113.9", "HTTP_X_VAULT_TOKEN": p.plant("Vault token in the environment", "hvs.", urls, 95)},
		"data": object{
			"user":    object{"name": "k", "password": p.plant("password in the body", "summer_", digits, 5)},
			"payload": asJSON(object{"inner": asJSON(object{"client_secret": p.plant("secret in JSON in JSON", "", alnums, 28)})}),
			"state":   in64(asJSON(object{"refresh_token": p.plant("token in base64 in the body", "", urls, 48)})),
			"form":    "grant=password&password=" + url.QueryEscape(p.plant("password in a form", "p&ss=", alnums, 12)) + "&x=1",
			"iban":    p.secret("IBAN in the body", "DE89370400440532013000"),
		},
	}
}

// logs plants in log lines; some repeat what stands under a name elsewhere.
func (p *planter) logs(event object) {
	pepper := p.plant("secret named in one line, bare in another", "", alnums, 26)
	lines := []string{
		"connecting to mysql://root:" + p.plant("password of a URL in a line", "", alnums, 13) + "@10.0.0.5/shop",
		"stripe client with sk_live_" + p.plant("Stripe key", "", alnums, 24),
		"slack says xoxb-" + p.draw(digits, 12) + "-" + p.draw(digits, 12) + "-" + p.plant("Slack token", "", alnums, 24),
		"> Authorization: Basic " + p.secret("basic authorization", in64("svc:"+p.draw(alnums, 18))),
		`{"level": "info", "client_secret": "` + p.plant("secret in a JSON line", "", alnums, 30) + `"}`,
		"state=" + url.QueryEscape(asJSON(object{"private_token": p.plant("token in URL-encoded JSON", "glpat-", urls, 20)})),
		"config loaded: signing_secret=" + pepper, "checksum differs for " + pepper + " after 3 tries",
		"mail to " + p.email("e-mail in a line") + " bounced",
		"pushed with " + p.plant("npm token", "npm_", alnums, 36) + " to the registry",
		"key file:\n" + p.pem("SSH key in a line", "OPENSSH PRIVATE KEY"),
		"GET https://maps.example.org/v1?q=x&key=AIza" + p.plant("Google key", "", urls, 35),
		"using AWS key AKIA" + p.plant("AWS key id", "", upper+"234567", 16),
		"redis://:" + p.plant("Redis password", "", alnums, 20) + "@cache:6379/0 is slow",
		"sendgrid SG." + p.plant("SendGrid key", "", urls, 22) + "." + p.draw(urls, 43),
		"dialled " + p.secret("telephone number", "+4930"+p.draw("23456789", 8)),
	}
	var crumbs []any
	for i, line := range lines {
		crumbs = append(crumbs, object{"timestamp": fmt.Sprintf("2026-11-21T01:04:%02dZ", i), "category": "app.log", "level": "info", "type": "default", "message": line})
	}
	crumbs = append(crumbs,
		object{"timestamp": "2026-11-21T01:04:58Z", "category": "httplib", "type": "http", "message": "",
			"data": object{"url": "https://pay.example.org/charge?api_key=" + p.plant("API key in a crumb's URL", "", hexes, 32), "method": "GET", "body": p.plant("crumb data that nobody lists", "", alnums, 22)}},
		object{"timestamp": "2026-11-21T01:04:59Z", "category": "query", "type": "default",
			"message": "SELECT id FROM users WHERE email = '" + p.email("e-mail in SQL") + "' AND api_token = '" + p.plant("token in SQL", "", alnums, 32) + "'"})
	event["breadcrumbs"] = object{"values": crumbs}
}

// rest plants in everything else that an event has.
func (p *planter) rest(event object) {
	values := event["exception"].(object)["values"].([]any)
	event["exception"].(object)["values"] = append([]any{object{
		"type": "ConnectionError", "value": "cannot reach amqp://guest:" + p.plant("password in an exception's message", "", alnums, 14) + "@mq:5672", "mechanism": object{"type": "chained", "handled": true},
	}}, values...)
	event["user"] = object{"id": p.plant("user id", "", hexes, 24), "email": p.email("user's e-mail"), "username": p.plant("user name", "", lower, 12), "phone_home": p.plant("user field that nobody lists", "", alnums, 18)}
	event["tags"] = object{"site": "till-3", "customer_token": p.plant("token in a tag", "", alnums, 24)}
	event["extra"].(object)["sys.argv"] = []any{"worker.py", "--db-password", p.plant("password on the command line", "", alnums, 17), "--token=" + p.plant("token on the command line", "", alnums, 30)}
	event["extra"].(object)["dump"] = object{"secret": p.plant("extra that nobody lists", "", alnums, 27)}
	event["contexts"].(object)["vault"] = object{"token": p.plant("context that nobody lists", "", alnums, 29)}
	event["logentry"] = object{"message": "login of %s failed: password=%s", "params": []any{"k", p.plant("parameter of the log entry", "", alnums, 19)}}
	event["transaction"] = "/reset-password/MTc/" + p.plant("token in the transaction", "", hexes, 32) + "/done"
}

// envelope returns the sample's envelope with secrets in every part of it.
func (p *planter) envelope(sample []byte) []byte {
	parts := bytes.SplitN(sample, []byte("\n"), 3)
	var header, event object
	must(p.t, json.Unmarshal(parts[0], &header))
	must(p.t, json.Unmarshal(bytes.TrimSpace(parts[2]), &event))
	p.locals(event)
	p.request(event)
	p.logs(event)
	p.rest(event)
	header["dsn"] = "https://" + publicKey + ":" + p.plant("secret key of the DSN", "", hexes, 32) + "@errors.example.org/42"
	body := []byte(asJSON(event))
	attachment := "DATABASE_PASSWORD=" + p.plant("attachment", "", alnums, 20) + "\n"
	return fmt.Appendf(nil, "%s\n{\"type\":\"event\",\"length\":%d}\n%s\n{\"type\":\"attachment\",\"length\":%d,\"filename\":\".env\"}\n%s\n",
		asJSON(header), len(body), body, len(attachment), attachment)
}

func TestNoPlantedCanaryIsFoundAnywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, "tariff", "bwrap")
	m := startModel(t)
	state := s.useModel(m)
	outward := s.recordOutward()
	p := &planter{t: t, random: rand.New(rand.NewPCG(20261121, 50))}
	body := p.envelope(s.sample.Envelope)
	secret := p.plant("secret of the delivery", "", hexes, 32)
	if len(p.planted) < 50 {
		t.Fatalf("%d canaries are planted, want at least 50", len(p.planted))
	}
	h := newHaystack(t, append(s.ownSecrets(), p.planted...))
	// The search finds every one of them where they are.
	found := h.hits(append([]byte(secret+"\n"), body...))
	for _, c := range p.planted {
		seen := false
		for what := range found {
			seen = seen || strings.HasPrefix(what, c.name+" (")
		}
		if !seen {
			t.Errorf("the search does not see %s in the envelope", c.name)
		}
	}

	m.script(
		calls(tool("search_code", map[string]any{"pattern": "LIMITS"}), reads("tariff/bands.py"), reads("tariff/quote.py"), reads("worker.py")),
		calls(tool("query_trace", map[string]any{"function": "quote"}), tool("query_trace", map[string]any{"kind": "raise"}), tool("query_trace", map[string]any{"text": "password"})),
		calls(proposes("The search for a band runs one past the table's end.", rightEdit)))
	d := s.start("")
	seen := watch(t, d.cmd.Process.Pid, state, filepath.Join(s.dir, "tmp"))
	status, answer := s.send("/api/42/envelope/?sentry_secret="+secret, body, map[string]string{"X-Sentry-Auth": "Sentry sentry_version=7, sentry_secret=" + secret + ", sentry_key=" + publicKey})
	if status != 200 {
		t.Fatalf("the envelope got %d %s", status, answer)
	}
	r := s.answered(4 * time.Minute)
	if r.State != "proposed" || len(s.hub.State().Pulls) != 1 {
		t.Fatalf("the run ended as %s: %s %s\n%s", r.State, r.Stop, r.Error, s.logs())
	}
	places := append(s.stored(r), s.pages(r), place{"prompts", marker, m.prompts()})
	d.stop()
	places = append(places,
		place{"the daemon's log", r.ID, [][]byte{[]byte(s.logs())}},
		place{"what sandboxes saw", marker, seen()},
		place{"what went to the code host", marker, outward()},
		place{"the code host's state", "tariff", [][]byte{[]byte(asJSON(s.hub.State()))}},
		place{"the repository's objects", marker, [][]byte{s.objects()}},
		place{"files left on the disk", "rootfs", files(t, state, filepath.Join(s.dir, "tmp"))},
	)
	hits, size := h.search(t, places)
	t.Logf("%d canaries and %d secrets of the daemon, in %d forms (%d needles), searched in %d places, %d KiB: %d hits",
		len(p.planted), len(s.ownSecrets()), len(h.forms), h.count, len(places), size>>10, hits)
}

// ownSecrets are what the daemon itself is trusted with.
func (s *site) ownSecrets() []canary {
	return []canary{{"the encryption key", strings.Repeat("7a", 32)}, {"the code host's token", s.hub.UserToken()}, {"the webhook secret", hookKey}, {"the OTLP token", otlpToken}, {"the model's key", modelKey}}
}

// stored is what the database holds: its dump, and unpacked what is compressed there.
func (s *site) stored(r *postgres.Run) []place {
	s.t.Helper()
	artifacts, err := s.db.Artifacts(s.t.Context(), r.ID)
	must(s.t, err)
	places := []place{{"the database's dump", marker, [][]byte{s.dump()}}}
	for _, name := range []string{pipeline.ArtifactBundle, pipeline.ArtifactReproduction, pipeline.ArtifactRed, pipeline.ArtifactGreen, pipeline.ArtifactDiagnosis} {
		control := marker
		if name == pipeline.ArtifactDiagnosis {
			control = "IndexError"
		}
		places = append(places, place{"artifact " + name, control, [][]byte{artifacts[name]}})
		delete(artifacts, name)
	}
	others := place{name: "other artifacts", control: "tariff/bands.py"}
	for _, content := range artifacts {
		others.add(content)
	}
	lines := place{name: "the ledger", control: marker}
	ledger, err := s.db.Ledger(s.t.Context(), r.ID, 0)
	must(s.t, err)
	for _, e := range ledger {
		lines.add(e.Data)
	}
	var keys int
	must(s.t, s.db.Pool.QueryRow(s.t.Context(), "select count(*) from event_keys").Scan(&keys))
	if keys > 0 {
		s.t.Errorf("%d raw events can still be decrypted", keys)
	}
	return append(places, others, lines)
}

func (s *site) dump() []byte {
	s.t.Helper()
	program, err := exec.LookPath("pg_dump")
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump"); len(found) > 0 {
		sort.Strings(found)
		program, err = found[len(found)-1], nil
	}
	must(s.t, err)
	database := ""
	for _, v := range s.env {
		if value, ok := strings.CutPrefix(v, "E2E_DATABASE="); ok {
			database = value
		}
	}
	out, err := exec.CommandContext(s.t.Context(), program, "--inserts", "-d", database).Output()
	must(s.t, err)
	return out
}

// pages are what a reader of the dashboard gets.
func (s *site) pages(r *postgres.Run) place {
	s.t.Helper()
	p := place{name: "pages", control: marker}
	for _, path := range []string{"/", "/incidents/" + r.Incident, "/runs/" + r.ID, "/metrics", "/runs/" + r.ID + "/artifacts/" + pipeline.ArtifactBundle} {
		resp, err := http.Get("http://" + s.address + path)
		must(s.t, err)
		body, err := io.ReadAll(resp.Body)
		must(s.t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			s.t.Errorf("%s: status %d", path, resp.StatusCode)
		}
		p.add(body)
	}
	return p
}

// objects are all of the repository's, also those that no branch holds.
func (s *site) objects() []byte {
	s.t.Helper()
	return []byte(git(s.t, s.bare, "cat-file", "--batch", "--batch-all-objects") + git(s.t, s.bare, "for-each-ref"))
}

// recordOutward puts a proxy before the code host that keeps every request.
func (s *site) recordOutward() func() [][]byte {
	s.t.Helper()
	hub, err := url.Parse(s.hub.URL)
	must(s.t, err)
	var mu sync.Mutex
	var all [][]byte
	forward := httputil.NewSingleHostReverseProxy(hub)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		decoded := body
		var blob struct{ Content, Encoding string }
		if json.Unmarshal(body, &blob) == nil && blob.Encoding == "base64" {
			decoded, _ = base64.StdEncoding.DecodeString(blob.Content)
		}
		mu.Lock()
		all = append(all, fmt.Appendf(nil, "%s %s\n%s\n%s", r.Method, r.URL, body, decoded))
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.Host = hub.Host
		forward.ServeHTTP(w, r)
	}))
	s.t.Cleanup(proxy.Close)
	data, err := os.ReadFile(s.configFile())
	must(s.t, err)
	must(s.t, os.WriteFile(s.configFile(), bytes.ReplaceAll(data, []byte(s.hub.URL), []byte(proxy.URL+hub.Path)), 0o600))
	return func() [][]byte {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}
