package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact/rules"
	"github.com/repaird/repaird/internal/redact/secrettest"
)

func repr(name, text string) incident.Variable {
	return incident.Variable{Name: name, Value: incident.Value{Kind: incident.KindRepr, Repr: text}}
}

// canaryEvent plants fifty different secrets where events have them, each once
// under a name or in a form that tells, and some again where nothing tells.
func canaryEvent() (incident.Event, []string) {
	rng := rand.New(rand.NewPCG(15, 16))
	var canaries []string
	plant := func() string {
		c := "Cn" + secrettest.Draw(rng, secrettest.Alnums, 10) + secrettest.Draw(rng, "%&+ '\"", 1) + secrettest.Draw(rng, secrettest.Alnums, 6) + secrettest.Draw(rng, secrettest.Digits, 2)
		canaries = append(canaries, c)
		return c
	}
	word := func() string {
		c := "Cn" + secrettest.Draw(rng, secrettest.Alnums, 18) + secrettest.Draw(rng, secrettest.Digits, 2)
		canaries = append(canaries, c)
		return c
	}
	q := incident.Quote
	at := time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC)
	known := plant() // is repeated everywhere
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	e := incident.Event{
		ID: strings.Repeat("ab", 16), Source: incident.SourceSentry, Time: at, TraceID: strings.Repeat("c1", 16), SpanID: strings.Repeat("d", 16),
		Transaction: "/reset?token=" + word(), Message: "cannot log in with password " + q(plant()),
		Release: "shop@1.4.0", Commit: strings.Repeat("1e", 20), Link: "https://sentry.example/issues/1?auth_token=" + word(),
		Exceptions: []incident.Exception{{
			Type: "ConnectionError", Module: "shop.db",
			Message: "could not connect to postgres://shop:" + url.PathEscape(plant()) + "@db/shop: " + known,
			Frames: []incident.Frame{
				{File: "shop/db.py", Function: "connect", Line: 12, InApp: true, Code: "    password=" + q(plant()) + ","},
				{File: "shop/cart.py", Function: "total", Line: 31, InApp: true, Locals: []incident.Variable{
					repr("db_password", q(known)), repr("password", q(plant())), repr("api_key", q(word())), repr("token", "b"+q(word())),
					repr("config", "{'db': {'password': "+q(plant())+"}, 'debug': True}"),
					repr("settings", "Settings(debug=False, secret_key="+q(plant())+")"),
					repr("body", q(`{"user": {"password": `+secrettest.JSON(plant())+`}}`)),
					repr("raw", q(secrettest.JSON(`{"client_secret": `+secrettest.JSON(plant())+`}`))),
					repr("header", q("Basic "+b64("svc:"+plant()))),
					repr("headers", "{'Authorization': 'Bearer "+word()+"'}"),
					repr("blob", q(b64(`{"refresh_token": "`+word()+`"}`))),
					repr("row", "('secret', "+q(plant())+")"),
					repr("url", q("https://api.example.com/v1?api_key="+word()+"&page=2")),
					repr("value", q(known)), repr("hexed", q(hex.EncodeToString([]byte(known)))),
					{Name: "user", Value: incident.Value{Kind: incident.KindDict, Fields: []incident.Variable{
						repr("passwd", q(plant())), repr("'secret_answer'", q(plant())),
						{Name: "credentials", Value: incident.Value{Kind: incident.KindList, Items: []incident.Value{
							{Kind: incident.KindRepr, Repr: q(plant())}, {Kind: incident.KindDict, Fields: []incident.Variable{repr("x", q(plant()))}},
						}}},
					}}},
				}},
			},
		}},
		Request: &incident.Request{
			Method: "POST", URL: "https://user:" + word() + "@shop.example/cart", Query: "page=1&access_token=" + url.QueryEscape(plant()) + "&q=" + url.QueryEscape(known),
			Headers: []incident.Header{
				{Name: "Authorization", Value: "Bearer " + word()}, {Name: "X-Api-Key", Value: word()}, {Name: "Cookie", Value: "sessionid=" + word() + "; theme=dark"},
				{Name: "X-Company-Internal", Value: plant()}, {Name: "Referer", Value: "https://shop.example/?session_token=" + word()}, {Name: "Accept", Value: "text/html"},
			},
			Cookies: []incident.Header{{Name: "sessionid", Value: word()}},
			Data: &incident.Value{Kind: incident.KindDict, Fields: []incident.Variable{
				repr("password", q(plant())), repr("payload", q(`{"otp": "`+word()+`"}`)), repr("note", q("my password is "+word())),
			}},
			Env: []incident.Variable{repr("AWS_SECRET_ACCESS_KEY", q(word())), repr("SERVER_NAME", "'web-1'"), repr("HTTP_X", q(plant()))},
		},
		Logs: []incident.Log{
			{Time: at, Message: "connecting with secret=" + word(), Category: "shop.db"},
			{Time: at, Message: "retry " + known + " and " + url.QueryEscape(known) + " and " + b64(known) + " and " + secrettest.JSON(known)},
			{Time: at, Message: `{"level": "info", "auth": {"password": ` + secrettest.JSON(plant()) + `}}`, Data: []incident.Variable{
				repr("url", q("https://x.example/?api_key="+word())), repr("unlisted", q(plant())), repr("sql", q("UPDATE users SET pw = '"+word()+"'")),
			}},
			{Time: at, Message: "env: DB_PASSWORD=" + word() + " PATH=/usr/bin"},
			{Time: at, Message: "-----BEGIN PRIVATE KEY-----\n" + word() + "\n-----END PRIVATE KEY-----"},
		},
		Spans: []incident.Span{{
			TraceID: strings.Repeat("c1", 16), ID: strings.Repeat("e", 16), Name: "GET /x?token=" + word(), Start: at, End: at,
			Attrs: []incident.Variable{repr("db.statement", q("SELECT 1 FROM t WHERE k = '"+word()+"'")), repr("http.request.header.authorization", q(word())), repr("app.secret", q(word())), repr("url.full", q("https://a:"+word()+"@b/"))},
		}},
		Environment: incident.Environment{Server: "web-1", Repo: "https://oauth2:" + word() + "@git.example/shop.git", Modules: map[string]string{"flask": "3.0.1", "lib": "git+https://" + word() + "@git.example/lib"}},
		User:        map[string]string{"email": "jane.doe@example.org", "id": word(), "nickname": word()},
		Tags:        map[string]string{"environment": "prod", "customer": word(), "url": "https://h/?secret=" + word()},
		Extra:       []incident.Variable{repr("sys.argv", "['run', '--password="+word()+"']"), repr("dump", q(plant()))},
	}
	return e, canaries
}

// forms are the ways in which a value may have been written.
func forms(s string) map[string]string {
	return map[string]string{
		"raw": s, "JSON": secrettest.JSONInner(s), "JSON in JSON": secrettest.JSONInner(secrettest.JSONInner(s)), "query": url.QueryEscape(s), "path": url.PathEscape(s),
		"base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(s)), "="), "base64url": base64.RawURLEncoding.EncodeToString([]byte(s)),
		"hex": hex.EncodeToString([]byte(s)), "first half": s[:len(s)*2/3], "second half": s[len(s)/3:],
	}
}

func TestNoCanaryIsLeftInAnEvent(t *testing.T) {
	t.Parallel()
	e, canaries := canaryEvent()
	if len(canaries) < 50 {
		t.Fatalf("only %d canaries", len(canaries))
	}
	before, _ := json.Marshal(e)
	ev := New(secrettest.Key).Event(e)
	after, err := json.Marshal(struct {
		E incident.Event
		R Report
	}{ev.Event(), ev.Report()})
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(e); string(again) != string(before) {
		t.Error("redacting changed the event that was passed")
	}
	var tree any
	_ = json.Unmarshal(after, &tree)
	out := string(after) + flat(tree)
	for i, c := range canaries {
		for name, form := range forms(c) {
			if strings.Contains(out, form) {
				t.Errorf("canary %d is left, as %s: %q", i, name, form)
			}
		}
	}
	if strings.Contains(out, "jane.doe") {
		t.Error("the e-mail address is left")
	}
	t.Logf("%d canaries, %d replacements, %d places dropped", len(canaries), ev.Report().Replaced, len(ev.Report().Dropped))
	if !slices.Contains(ev.Report().Dropped, "tags.customer: not listed") || ev.Report().Places["exception[0].frame[1].locals.password"] != 1 {
		t.Errorf("the report is incomplete: %+v", ev.Report())
	}
}

func TestRedactingARedactedEventChangesNothing(t *testing.T) {
	t.Parallel()
	e, canaries := canaryEvent()
	r := New(secrettest.Key)
	once := r.Event(e)
	twice := r.Event(once.Event())
	if d := cmp.Diff(once.Event(), twice.Event()); d != "" {
		t.Errorf("the second pass changed (-once +twice):\n%s", d)
	}
	if n := twice.Report().Replaced; n != 0 {
		t.Errorf("the second pass counts %d replacements: %v %v", n, twice.Report().Rules, twice.Report().Places)
	}
	// What the first pass knows is found in other texts of the incident; what
	// the second knows are tokens, which stay.
	text := "later: " + canaries[0]
	if got := r.Text(text, once.Known()).String(); got == text {
		t.Error("a known value is not replaced in a further text")
	}
	if got := r.Code("x = 1  # "+canaries[0], once.Known()).String(); strings.Contains(got, canaries[0]) {
		t.Error("a known value is not replaced in code")
	}
}

func TestWhatLocatesTheFailureStays(t *testing.T) {
	t.Parallel()
	e, _ := canaryEvent()
	e.Exceptions[0].Frames[0].File = "/home/jane/4f3a9c1be2d84c7d9a1f0b2c3d4e5f60/shop/db.py"
	e.Exceptions[0].Frames[0].Module = "token.password_hasher"
	e.Exceptions[0].Frames[0].Function = "Secret.get_password"
	got := New(secrettest.Key).Event(e).Event()
	if got.ID != e.ID || got.TraceID != e.TraceID || got.SpanID != e.SpanID || got.Commit != e.Commit || got.Release != e.Release || !got.Time.Equal(e.Time) {
		t.Errorf("an identifier changed: %s %s %s %s %s", got.ID, got.TraceID, got.SpanID, got.Commit, got.Release)
	}
	for i, f := range e.Exceptions[0].Frames {
		g := got.Exceptions[0].Frames[i]
		if g.File != f.File || g.Line != f.Line || g.Function != f.Function || g.Module != f.Module {
			t.Errorf("frame %d moved: %+v", i, g)
		}
	}
	if got.Spans[0].ID != e.Spans[0].ID || got.Spans[0].TraceID != e.Spans[0].TraceID {
		t.Error("a span id changed")
	}
}

func TestMalformedAndExcessiveFieldsAreReplaced(t *testing.T) {
	t.Parallel()
	deep := incident.Value{Kind: incident.KindRepr, Repr: "'deep'"}
	for range 70 {
		deep = incident.Value{Kind: incident.KindList, Items: []incident.Value{deep}}
	}
	keywords := strings.Join(rules.Default().Keywords(), " ")
	e := secrettest.LocalsOf("a", "'ok'")
	e.Message = "bad \xff bytes"
	e.Transaction = strings.Repeat("x ", maxText)
	e.Logs = []incident.Log{{Message: strings.Repeat(keywords, 20)}}
	f := &e.Exceptions[0].Frames[0]
	f.Locals = append(f.Locals, incident.Variable{Name: "deep", Value: deep}, repr("bytes", "'\xff'"))
	ev := New(secrettest.Key).Event(e)
	got := ev.Event()
	for place, text := range map[string]string{"message: not UTF-8": got.Message, "transaction: too long": got.Transaction, "logs[0].message: over budget": got.Logs[0].Message} {
		if !slices.Contains(ev.Report().Dropped, place) {
			t.Errorf("%q is not in the report: %q", place, ev.Report().Dropped)
		}
		if !strings.HasPrefix(text, "[redacted: ") {
			t.Errorf("%s: %.80q was passed", place, text)
		}
	}
	data, err := json.Marshal(got)
	if err != nil || strings.Contains(string(data), "'deep'") {
		t.Errorf("the deep value was passed, or %v", err)
	}
	if v := got.Exceptions[0].Frames[0].Locals[2].Value; !v.Filtered || v.Repr == "'\xff'" {
		t.Errorf("a value that is not UTF-8 became %+v, which a test could use", v)
	}
	if got.Exceptions[0].Frames[0].Locals[0].Value.Repr != "'ok'" {
		t.Error("a clean value changed")
	}
}

func TestCleanEventsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	e := cleanEvent()
	ev := New(secrettest.Key).Event(e)
	if d := cmp.Diff(e, ev.Event()); d != "" {
		t.Errorf("a clean event changed (-before +after):\n%s\n%v", d, ev.Report())
	}
}

func cleanEvent() incident.Event {
	at := time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC)
	return incident.Event{
		ID: "9f1c0a52b7d94e6688aa01c2d3e4f506", Time: at, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", SpanID: "00f067aa0ba902b7",
		Transaction: "/authors/<int:author_id>/books", Release: "bookshop@2024.11.3", Commit: "1f0e3dad99908345f7439f8ffabdffc4a1b2c3d4",
		Exceptions: []incident.Exception{{Type: "IndexError", Message: "list index out of range", Frames: []incident.Frame{{
			File: "bookshop/authors.py", Function: "Author.token_count", Line: 17, Code: "    return self.tokens[index + 1]", HasVars: true,
			Pre: []string{"    def token_count(self, index, password=None):", "        key = self.keys[index]"},
			Locals: []incident.Variable{
				repr("self", "<Author object at 0x7f3c2a1b4d60>"), repr("author", "'Ursula K. Le Guin'"), repr("token_count", "5"), repr("tokens", "['+', '-', 'let', 'x', 12]"),
				repr("token", "'+'"), repr("key", "'price'"), repr("password", "None"), repr("index", "41"), repr("session", "<Session object at 0x7f3c2a1b4d61>"),
				repr("numbers", "[3, 1, 4, 1, 5, 926535, 8979323846]"), repr("ratio", "0.6180339887498949"), repr("matrix", "[[1, 0], [0, 1]]"),
				repr("sha", "'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'"), repr("when", "datetime.datetime(2026, 11, 3, 9, 30)"),
				repr("path", "PosixPath('/srv/app/static/css/main.3f2a1b.css')"), repr("version", "'3.11.2'"), repr("uid", "UUID('f81d4fae-7dec-41d0-a765-00a0c91e6bf6')"),
				repr("max_tokens", "4096"), repr("auth", "True"), repr("code", "'E404'"), repr("isbn", "'978-0-441-47812-5'"), repr("text", `'It\'s "quoted"\n'`),
				repr("graph", "{'a': ['b', 'c'], 'b': []}"), repr("query", "'SELECT title FROM books'"), repr("n", "-1"), repr("empty", "''"),
			},
		}}}},
		Request: &incident.Request{Method: "GET", URL: "https://books.example/authors/17/books", Query: "page=2&sort=title&token_type=x",
			Headers: []incident.Header{{Name: "Accept", Value: "text/html,application/xhtml+xml;q=0.9"}, {Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36"}, {Name: "traceparent", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}},
		Logs: []incident.Log{
			{Time: at, Level: "info", Category: "bookshop.http", Message: "GET /authors/17/books?page=2 200 in 0.123s (request 8f14e45f-ceea-467f-9575-1b0a3c5d7e9f)"},
			{Time: at, Level: "debug", Category: "query", Message: "loaded 1204 rows at 2026-11-03T09:30:00.123456Z from books@10:30"},
			{Time: at, Message: "the author has no password set; token expired; please sign in at http://localhost:8000/login"},
		},
		Environment: incident.Environment{Name: "production", Server: "web-7d9f8b6c5d-x2x4z", Runtime: "CPython", Python: "3.11.7", OS: "Linux 6.1.0-18-amd64", SDK: "sentry.python.flask/2.68.0", TimeZone: "Europe/Berlin", Modules: map[string]string{"flask": "3.0.3", "jinja2": "3.1.4", "oauthlib": "3.2.2"}},
		Tags:        map[string]string{"environment": "production", "runtime": "CPython 3.11.7"},
	}
}

// cleanText is what logs, tests and tracebacks say that is nobody's secret.
func cleanText() string {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, `2026-11-03 09:30:%02d,%03d INFO bookshop.http GET /authors/%d/books?page=%d 200 in 0.%03ds trace_id=4bf92f3577b34da6a3ce929d0e0e%04x
Traceback (most recent call last):
  File "/srv/app/bookshop/authors.py", line %d, in token_count
    return self.tokens[index + 1]
           ~~~~~~~~~~~^^^^^^^^^^^
IndexError: list index out of range
E       assert total([1, 2, %d]) == %d.50
E        +  where total = <function total at 0x7f3c2a1b%04x>
tests/test_authors.py::test_token_count[%d-password] FAILED [ %d%%]
the author changed the key of the session; a password is required, and the token has expired
commit 1f0e3dad99908345f7439f8ffabdffc4a1b2c%03x by 3 authors, build 20261103.%d, image sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b%03x
Requirement already satisfied: oauthlib==3.2.%d in /usr/lib/python3/dist-packages (from requests-oauthlib)
`, i, i, i, i, i, i, i, i, i, i, i, i, i+256, i, i+256, i)
	}
	return b.String()
}

func TestCleanTextsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	r := New(secrettest.Key)
	for name, redacted := range map[string]string{"Text": r.Text(cleanText(), nil).String(), "Code": r.Code(cleanText(), nil).String()} {
		before, after := strings.Fields(cleanText()), strings.Fields(redacted)
		changed := 0
		for i := range before {
			if i >= len(after) || before[i] != after[i] {
				if changed++; changed < 10 && i < len(after) {
					t.Logf("%s: %q became %q", name, before[i], after[i])
				}
			}
		}
		t.Logf("%s: %d of %d words changed, %.3f %%", name, changed, len(before), 100*float64(changed)/float64(len(before)))
		if float64(changed) > 0.005*float64(len(before)) {
			t.Errorf("%s: %d of %d words of a clean text were changed", name, changed, len(before))
		}
	}
}

func TestProgramsStayPrograms(t *testing.T) {
	t.Parallel()
	const program = `from auth import Token, copy_context
API_KEY = os.environ["API_KEY"]
DEFAULT_URL = "postgres://user:password@localhost/db"
ADMIN = "admin@example.com"

def login(username, password=None, *, token_count: int = 5, secret: str = ""):
    """Logs in with password: 'x' or token "abc"."""
    password = password or getpass('Password: ', stream=None)
    headers = {"Authorization": f"Bearer {token}", "X-Api-Key": api_key}
    secret_key = settings["secret_key"]; salt = b"0123456789abcdef0123456789abcdef"
    return check(password=password, token='0123456789', ip="8.8.8.8", ssn="123-45-6789")
`
	r := New(secrettest.Key)
	if got := r.Code(program, nil).String(); got != program {
		t.Errorf("a program without secrets changed:\n%s", cmp.Diff(program, got))
	}
	const leaky = "TOKEN = \"ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789\"\nURL = 'https://deploy:" + "Zk38dkQpwo2l@git.example/x'\nKEY = '''-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7Yt3pZ1m0qVx2cBn\n-----END RSA PRIVATE KEY-----'''\n"
	got := r.Code(leaky, nil).String()
	for _, secret := range []string{"abcdefghijklmnop", "Zk38dkQpwo2l", "MIIEpAIBAAKCAQEA7Yt3pZ1m0qVx2cBn"} {
		if strings.Contains(got, secret) {
			t.Errorf("%s is left in %q", secret, got)
		}
	}
	if !strings.HasPrefix(got, "TOKEN = \"") || strings.Count(got, "\n") != strings.Count(leaky, "\n") {
		t.Errorf("the program lost its form: %q", got)
	}
}
