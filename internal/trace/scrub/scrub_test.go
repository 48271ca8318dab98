package scrub

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/wire"
	"github.com/repaird/repaird/internal/trace/wire/wiretest"
)

var redactor = redact.New([]byte("a key of at least sixteen bytes"))

const (
	canaryWord  = "correcthorsebattery"              // secret for its name alone
	canaryToken = "sk_live_4eC39HqLyjWDarjtT1zdp7dc" // secret by its form
	canaryMail  = "ann.smith@example.org"
	canaryCard  = "4111111111111111"
)

func redacted(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	dropped, err := Trace(&out, strings.NewReader(text), redactor)
	if err != nil || dropped != 0 {
		t.Fatalf("%d lines dropped, %v", dropped, err)
	}
	for _, canary := range []string{canaryWord, canaryToken, canaryMail, canaryCard} {
		if i := strings.Index(out.String(), canary); i >= 0 {
			t.Errorf("%s is still there: %.200s", canary, out.String()[max(0, i-100):])
		}
	}
	return out.String()
}

func TestRedactionLeavesNoSecretOfARun(t *testing.T) {
	t.Parallel()
	s := tracertest.RunFailing(t, `
import os
class Account:
    def __init__(self, mail, passcode):
        self.mail, self.passcode = mail, passcode
        self.by_mail = {mail: 1, "token": "`+canaryToken+`"}
    def check(self, given):
        if given != self.passcode:
            raise ValueError("wrong password for %s" % self.mail)
        return given
def plain(x):
    return [x, {"card": "`+canaryCard+`"}, b"`+canaryToken+`"]
def login(mail, passcode):
    a = Account(mail, passcode)
    plain(passcode)
    plain(mail)
    secret = passcode
    return a.check(passcode + "!")
login("`+canaryMail+`", "`+canaryWord+`")
`)
	var merged bytes.Buffer
	if err := trace.Merge(&merged, s.Dir); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(merged.String(), canaryWord); n < 3 {
		t.Fatalf("the run shows its secret %d times: %s", n, merged.String())
	}
	trace, err := trace.Read(strings.NewReader(redacted(t, merged.String())))
	if err != nil {
		t.Fatal(err)
	}
	if trace.Len() != s.Trace.Len() || trace.Footer != s.Trace.Footer || len(trace.Raised()) != len(s.Trace.Raised()) {
		t.Errorf("%d records, footer %+v; want %d, %+v", trace.Len(), trace.Footer, s.Trace.Len(), s.Trace.Footer)
	}
	var texts []string
	for r := range trace.All() {
		was := s.Trace.Record(r.ID)
		if r.Kind != was.Kind || r.Call != was.Call || r.Code.Name != was.Code.Name || r.Code.File != was.Code.File || len(r.Args()) != len(was.Args()) {
			t.Fatalf("record %+v was %+v", r, was)
		}
		for i, a := range r.Args() {
			if old := was.Args()[i]; a.Name != old.Name || a.Value.ID != old.Value.ID || a.Value.Literal != old.Value.Literal || a.Value.Type != old.Value.Type {
				t.Errorf("%+v was %+v", a, old)
			}
			if a.Name == "passcode" {
				texts = append(texts, a.Value.Text)
			}
		}
	}
	if len(texts) < 2 || texts[0] != texts[1] || !isLiteral(texts[0]) {
		t.Errorf("the password is now %q: want equal literals", texts)
	}
	want := redactor.Text("passcode='"+canaryWord+"'", nil).String()
	if len(texts) > 0 && "passcode="+texts[0] != want {
		t.Errorf("%s, but elsewhere in the project %s", texts[0], want)
	}
}

func TestRedactionReachesEveryKey(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"arguments":                  `{"k":"call","i":9,"c":1,"a":[["password","'` + canaryWord + `'"],["x","'` + canaryMail + `'"]]}`,
		"a return":                   `{"k":"ret","i":9,"c":1,"v":"['` + canaryToken + `']"}`,
		"fields":                     `{"k":"ret","i":9,"c":1,"v":{"t":"A","id":3,"f":[["password",{"t":"Secret","r":"` + canaryWord + `"}]],"cf":[["token","'` + canaryWord + `'"]]}}`,
		"a mapping":                  `{"k":"ret","i":9,"c":1,"v":{"t":"dict","kv":[["'password'","'` + canaryWord + `'"],["'` + canaryMail + `'","1"]]}}`,
		"a list under a name":        `{"k":"call","i":9,"c":1,"a":[["passwords",{"t":"list","e":["'` + canaryWord + `'"]}],["password",{"t":"list","e":["'` + canaryWord + `'"]}]]}`,
		"a rebuilt value":            `{"k":"ret","i":9,"c":1,"v":{"t":"A","re":"A('` + canaryToken + `')"}}`,
		"a message":                  `{"k":"raise","i":9,"c":1,"e":1,"x":"E","msg":"for ` + canaryMail + `","loc":[["token","'` + canaryWord + `'"]]}`,
		"changed variables":          `{"k":"step","i":9,"c":1,"l":2,"s":[["password","'` + canaryWord + `'"]]}`,
		"a snapshot":                 `{"k":"snap","msg":"` + canaryMail + `","stack":[{"file":"a.py","name":"f","line":1,"loc":[["password","'` + canaryWord + `'"]]}],"w":[{"x":"p","v":"'` + canaryToken + `'"},{"x":"q","err":"E: ` + canaryMail + `"}]}`,
		"a command line":             `{"k":"child","pid":3,"how":"exec","argv":["python","--password","` + canaryWord + `","--token=` + canaryWord + `","` + canaryMail + `"]}`,
		"a test's name":              `{"k":"mark","name":"test_a[` + canaryMail + `]","state":"call"}`,
		"a class that is not a name": `{"k":"ret","i":9,"c":1,"v":{"t":"type for ` + canaryMail + `"}}`,
		"a thread":                   `{"k":"thread","th":3,"name":"for ` + canaryMail + `"}`,
		"a problem":                  `{"k":"problem","msg":"cannot open ` + canaryToken + `"}`,
		"a key that is not known":    `{"k":"call","i":9,"c":1,"zz":{"` + canaryMail + `":["` + canaryToken + `"]}}`,
		"a kind that is not known":   `{"k":"zz","r":"` + canaryToken + `","n":[{"a":"` + canaryMail + `"}]}`,
		"escapes":                    `{"k":"mark","name":"` + strings.ReplaceAll(canaryMail, "@", `\u0040`) + `"}`,
		"a directory":                `{"k":"meta","f":"trace-9","pid":9,"cwd":"/home/` + canaryMail + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := redacted(t, `{"k":"call","i":8,"c":1,"a":[["password","'`+canaryWord+`'"],["token","'`+canaryWord+`'"]]}`+"\n"+line+"\n")
			if strings.Count(text, "\n") != 2 {
				t.Errorf("got %s", text)
			}
		})
	}
}

func TestRedactionReachesTheNamesOfADivergence(t *testing.T) {
	t.Parallel()
	stream := func(value string) string {
		return `{"k":"meta","v":1,"f":"trace-1","pid":1,"python":"3.11.2","engine":"settrace","argv":["a.py"],"cwd":"/w/` + canaryToken + `"}
{"k":"code","c":1,"file":"/w/` + canaryToken + `/m.py","name":"Account.` + canaryToken + `","line":1,"args":["` + canaryToken + `","x"],"kind":""}
{"k":"code","c":2,"file":"/w/` + canaryCard + `.py","name":"use","line":7,"args":["x"],"kind":""}
{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":1,"l":0,"a":[["` + canaryToken + `","` + value + `"],["x",{"t":"` + canaryToken + `","id":3,"f":[["` + canaryToken + `","1"]]}]],"` + canaryToken + `":1}
{"k":"call","i":2,"p":1,"c":2,"d":1,"n":1,"t":2,"l":2,"a":[["x","` + value + `"]]}
{"k":"ret","i":2,"c":2,"t":3,"l":8,"v":"1"}
{"k":"ret","i":1,"c":1,"t":4,"l":3,"v":"1","m":[["` + canaryToken + `","` + value + `"]]}
`
	}
	read := func(text string) *trace.Trace {
		trace, err := trace.Read(strings.NewReader(redacted(t, text)))
		if err != nil {
			t.Fatal(err)
		}
		return trace
	}
	red, green := read(stream("1")), read(stream("2"))
	d := diverge.Compare(red, green, card.Options{})
	if !d.Found || len(d.Changed) == 0 || d.Lines[0].Where == "" {
		t.Fatalf("no divergence: %+v", d)
	}
	name, where := d.Changed[0].Name, d.Lines[0].Where
	if len(name) != len(canaryToken) || !strings.HasSuffix(where, "/m.py:1") || red.Record(1).Code.Args[0] != name {
		t.Errorf("the name is %q, the place %q, the argument %q: want equal tokens in the names' form", name, where, red.Record(1).Code.Args[0])
	}
	card, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{canaryToken, canaryCard} {
		if strings.Contains(string(card), canary) {
			t.Errorf("%s is in %s", canary, card)
		}
	}
}

func TestRedactionKeepsTheNamesOfPrograms(t *testing.T) {
	t.Parallel()
	x := newScrubber(redactor)
	for _, name := range []string{"/home/ann/src/shop/cart.py", "/tmp/pytest-of-ann/pytest-157/test_x0/a.py", "InvalidBase64CharactersDefect", "X509_get_serialNumber",
		"/srv/4f9a2c1b8d7e6f5a4f9a2c1b8d7e6f5a4f9a2c1b/x.py", "TestCart.test_that_an_expensive_item_can_be_added", "<listcomp>", "shop.cart.Cart", "handler_20260101"} {
		if got := x.plainName(name); got != name {
			t.Errorf("%s became %s", name, got)
		}
	}
}

func TestTheProbesOfNamesAreReplacedForTheirNameAlone(t *testing.T) {
	t.Parallel()
	x := newScrubber(redactor)
	for name, want := range map[string]bool{"password": true, "token": true, "api_key": true, "username": true, "x": false, "rows": false, "self": false, "price": false} {
		if got := x.isSensitive(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRedactionKeepsWhatIsNoSecretAsItIs(t *testing.T) {
	t.Parallel()
	text := wiretest.Small + `{"k":"mark","name":"lone \ud800 \u00e9","state":"x"}` + "\n"
	if got := redacted(t, text); got != text {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
}

func TestRedactionDropsAndCountsWhatIsNotValid(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r, w, err := os.Pipe() // which cannot be read twice
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.WriteString(w, wiretest.Small+`{"k":"mark","name":"`+canaryMail+"\n"+strings.Repeat("x", wire.MaxLine+5)+"\n"+wiretest.Small[:40])
		_ = w.Close() // the reader sees the end
	}()
	dropped, err := Trace(&out, r, redactor)
	if err != nil || dropped != 3 || out.String() != wiretest.Small {
		t.Errorf("%d lines dropped, %v, got %d bytes of %d", dropped, err, out.Len(), len(wiretest.Small))
	}
}

func TestRedactDirKnowsTheSecretsOfAllFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir, "trace-1-0.jsonl", `{"k":"ret","i":1,"c":1,"v":"'`+canaryWord+`'"}`+"\n\x00\x00")
	writeFile(t, dir, "trace-2-0.jsonl", `{"k":"call","i":1,"c":1,"a":[["password","'`+canaryWord+`'"]]}`+"\n")
	if dropped, err := Dir(dir, redactor); err != nil || dropped != 0 {
		t.Fatal(dropped, err)
	}
	var merged bytes.Buffer
	if err := trace.Merge(&merged, dir); err != nil {
		t.Fatal(err)
	}
	if text := merged.String(); strings.Contains(text, canaryWord) || strings.Count(text, "\n") != 2 {
		t.Error(text)
	}
}

func TestLiteralsAreTold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1": true, "-1.5e3": true, "1j": true, "'a'": true, `"a'b"`: true, `'a\'b'`: true, "b'x'": true, "None": true, "[]": true, "[1, 'a']": true, "(1,)": true,
		"{'a': 1}": true, "{1, 2}": true, "set()": true, " 1 ": true, "": false, "a": false, "'a": false, "[1": false, "1, 2": false, "'a' b": false, "[a]": false, "<x>": false, "{'a': }": false,
	} {
		if got := isLiteral(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add([]byte(wiretest.Small))
	for _, line := range wiretest.OddLines {
		f.Add([]byte(line))
	}
	for _, v := range wiretest.OddVars {
		f.Add([]byte(strings.Replace(wiretest.Small, `["x","1"]`, v, 1)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var once, twice bytes.Buffer
		if _, err := Trace(&once, bytes.NewReader(text), redactor); err != nil {
			return
		}
		if dropped, err := Trace(&twice, bytes.NewReader(once.Bytes()), redactor); err != nil || dropped != 0 {
			t.Fatalf("what was written is not valid: %d lines dropped, %v: %q", dropped, err, once.Bytes())
		}
	})
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
