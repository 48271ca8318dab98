package bundle_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact"
)

var redactor = redact.New([]byte("a key of at least sixteen bytes"))

// sample is an event with every kind of field and with texts that YAML and JSON
// parsers tend to misread.
func sample() incident.Event {
	handled := false
	at := time.Date(2026, 11, 3, 9, 30, 0, 123456000, time.UTC)
	repr := func(name, text string) incident.Variable {
		return incident.Variable{Name: name, Value: incident.Value{Kind: incident.KindRepr, Repr: text}}
	}
	return incident.Event{
		ID: strings.Repeat("ab", 16), Source: incident.SourceSentry, Project: "shop", Time: at,
		Level: "error", Platform: "python", Transaction: "/cart/<id>", Release: "shop@1.4.0",
		Commit: strings.Repeat("1e", 20), TraceID: strings.Repeat("c", 32), SpanID: strings.Repeat("d", 16),
		Exceptions: []incident.Exception{{
			Type: "KeyError", Message: "'no' & <yes>\n\tline: two # not a comment", Handled: &handled,
			Frames: []incident.Frame{{
				File: "shop/cart.py", Function: "total", Line: 31, InApp: true, HasVars: true, Code: "    return prices[item]",
				Locals: []incident.Variable{
					repr("a", "'yes'"), repr("b", "0x1F"), repr("c", "1e3"), repr("d", "'2001-01-01'"), repr("e", "~"), repr("f", "'\\x00 \u2028 é'"),
					{Name: "items", Value: incident.Value{Kind: incident.KindList, Items: []incident.Value{{Kind: incident.KindRepr, Repr: "12"}}}},
				},
			}},
		}},
		Logs:        []incident.Log{{Time: at, Message: "- not: a list\r\n"}},
		Environment: incident.Environment{Python: "3.11", Modules: map[string]string{"flask": "3.0", "on": "1"}},
		Tags:        map[string]string{"environment": "null"},
	}
}

func seal(t *testing.T, e incident.Event) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Seal(
		bundle.Incident{ID: "inc_1", Project: "shop", Fingerprint: strings.Repeat("f", 32), FirstSeen: e.Time, LastSeen: e.Time, Count: 3},
		bundle.Code{Repository: "acme/shop", Commit: strings.Repeat("1e", 20), Language: "python", TestCommand: []string{"pytest", "-q"}},
		redactor.Event(e))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestABundleSurvivesJSONAndYAML(t *testing.T) {
	t.Parallel()
	b := seal(t, sample())
	for name, data := range map[string][]byte{"JSON": b.JSON(), "YAML": b.YAML()} {
		got, err := bundle.Open(data)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, data)
		}
		if diff := cmp.Diff(b, got); diff != "" {
			t.Errorf("%s changed the bundle (-sealed +opened):\n%s", name, diff)
		}
		if !bytes.Equal(got.JSON(), b.JSON()) {
			t.Errorf("%s: the canonical bytes differ after opening", name)
		}
	}
}

func TestSealingTheSameEvidenceTwiceGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	a, b := seal(t, sample()), seal(t, sample())
	if !bytes.Equal(a.JSON(), b.JSON()) || a.ID != b.ID {
		t.Errorf("two seals of one evidence differ: %s, %s", a.ID, b.ID)
	}
	other := sample()
	other.Exceptions[0].Frames[0].Line++
	if c := seal(t, other); c.ID == a.ID {
		t.Error("another line number, the same id")
	}
}

func TestCanonicalJSONHasSortedKeysAndNoHTMLEscapes(t *testing.T) {
	t.Parallel()
	data := seal(t, sample()).JSON()
	if !bytes.HasPrefix(data, []byte(`{"code":{"build":`)) {
		t.Errorf("keys are not sorted: %.60s", data)
	}
	if !bytes.Contains(data, []byte("& <yes>")) {
		t.Error("HTML characters are escaped")
	}
	if bytes.HasSuffix(data, []byte("\n")) {
		t.Error("there is space at the end")
	}
}

func TestEveryChangedByteOfABundleIsDetected(t *testing.T) {
	t.Parallel()
	sealed := seal(t, sample())
	data := sealed.JSON()
	for i := 0; i < len(data); i += 7 {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		got, err := bundle.Open(changed)
		if err == nil {
			t.Errorf("byte %d changed (%q to %q) and the bundle opened as %s", i, data[i], changed[i], got.ID)
			continue
		}
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("byte %d: error is %v, want invalid: %v", i, fault.KindOf(err), err)
		}
	}
}

func TestATamperedSectionIsNamed(t *testing.T) {
	t.Parallel()
	data := bytes.Replace(seal(t, sample()).JSON(), []byte(`"line":31`), []byte(`"line":32`), 1)
	_, err := bundle.Open(data)
	if err == nil || !strings.Contains(err.Error(), `section "event" was changed after sealing`) {
		t.Errorf("got %v", err)
	}
}

func TestABundleWithForgedDigestsStillNeedsItsID(t *testing.T) {
	t.Parallel()
	var tree map[string]any
	if err := json.Unmarshal(seal(t, sample()).JSON(), &tree); err != nil {
		t.Fatal(err)
	}
	tree["incident"].(map[string]any)["count"] = 4
	data, _ := json.Marshal(tree)
	if _, err := bundle.Open(data); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want invalid", err)
	}
}

func TestSummaryAndSignatureComeFromTheEvidenceOnly(t *testing.T) {
	t.Parallel()
	e := sample()
	b, err := bundle.Seal(bundle.Incident{ID: "inc_1", Project: "shop", Summary: "raw text", Signature: incident.Signature{Message: "raw text"}},
		bundle.Code{Language: "python", Build: "raw text"}, redactor.Event(e))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.JSON(), []byte("raw text")) {
		t.Errorf("text that the redactor has not seen is in the bundle: %s", b.JSON())
	}
	if want := "KeyError: 'no' & <yes> line: two # not a comment in total"; b.Incident.Summary != want {
		t.Errorf("summary is %q, want %q", b.Incident.Summary, want)
	}
}

func TestOnlyRedactedEvidenceCanBeSealed(t *testing.T) {
	t.Parallel()
	if _, err := bundle.Seal(bundle.Incident{}, bundle.Code{}, redact.Evidence{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want invalid", err)
	}
}

func TestOpenRejectsWhatIsNotABundle(t *testing.T) {
	t.Parallel()
	good := string(seal(t, sample()).JSON())
	tests := map[string]string{
		"nothing":                     "",
		"other JSON":                  `{"a":1}`,
		"a list":                      `[1]`,
		"two documents":               good + good,
		"text after the document":     good + "x",
		"half a document":             good[:len(good)/2],
		"another version":             strings.Replace(good, `"version":1`, `"version":2`, 1),
		"an unknown field":            strings.Replace(good, `"version":1`, `"version":1,"extra":1`, 1),
		"a field of another type":     strings.Replace(good, `"line":31`, `"line":"31"`, 1),
		"a number that is not an int": strings.Replace(good, `"line":31`, `"line":31.5`, 1),
		"a deep nest":                 strings.Repeat(`{"a":`, 100000),
		"bytes that are not UTF-8":    "\xff\xfe",
		"YAML with an alias":          "a: &x [1]\nb: *x\n",
		"two YAML documents":          "a: 1\n---\nb: 2\n",
		"a YAML key twice":            "a: 1\na: 2\n",
		"too much":                    strings.Repeat(" ", bundle.MaxBytes+1),
	}
	for name, data := range tests {
		if b, err := bundle.Open([]byte(data)); err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, %v, want invalid", name, b, err)
		}
	}
}

func TestTheSchemaKnowsEveryFieldOfTheEvent(t *testing.T) {
	t.Parallel()
	// A field that is in incident.Event but not in the schema would fail in
	// production on the first event that has it.
	e := sample()
	e.Logger, e.Message, e.Link = "app", "m", "https://sentry.example/1"
	e.User = map[string]string{"id": "1"}
	e.Extra = []incident.Variable{{Name: "x", Value: incident.Value{Kind: incident.KindRepr, Repr: "1", Trimmed: true, Filtered: true}}}
	e.Request = &incident.Request{
		Method: "GET", URL: "https://a.example/", Query: "a=1", Route: "/", Status: 500,
		Headers: []incident.Header{{Name: "Accept", Value: "*/*"}}, Cookies: []incident.Header{{Name: "a", Value: "b"}},
		Data: &incident.Value{Kind: incident.KindDict, Fields: e.Extra}, Env: e.Extra,
	}
	e.Spans = []incident.Span{{TraceID: e.TraceID, ID: e.SpanID, ParentID: e.SpanID, Name: "n", Kind: "server", Start: e.Time, End: e.Time, Status: "ok", Attrs: e.Extra}}
	e.Logs[0].Level, e.Logs[0].Category, e.Logs[0].Data = "info", "c", e.Extra
	e.Exceptions[0].Module, e.Exceptions[0].Relation, e.Exceptions[0].ID, e.Exceptions[0].ParentID = "m", incident.RelationCause, 1, 2
	f := &e.Exceptions[0].Frames[0]
	f.AbsPath, f.Module, f.Pre, f.Post, f.Repeated = "/app/shop/cart.py", "shop.cart", []string{"a"}, []string{"b"}, 3
	e.Environment = incident.Environment{Name: "a", Service: "b", Server: "c", Runtime: "d", Python: "e", OS: "f", SDK: "g", Modules: map[string]string{"h": "i"}, TimeZone: "UTC", Repo: "https://j.example/k"}
	seal(t, e)
}

func TestNoCanaryReachesABundle(t *testing.T) {
	t.Parallel()
	repr := func(name, text string) incident.Variable {
		return incident.Variable{Name: name, Value: incident.Value{Kind: incident.KindRepr, Repr: incident.Quote(text)}}
	}
	e := sample()
	var canaries []string
	f := &e.Exceptions[0].Frames[0]
	e.Request = &incident.Request{Method: "GET", URL: "https://shop.example/"}
	for i := range 50 {
		c := fmt.Sprintf("Cn%dq%%'x Zk%02dTr", 7919*(i+13), i)
		canaries = append(canaries, c)
		f.Locals = append(f.Locals, repr("password", c))
		switch i % 5 { // and once more where nothing tells
		case 0:
			f.Locals = append(f.Locals, repr("x", "before "+c+" after"))
		case 1:
			e.Logs = append(e.Logs, incident.Log{Time: e.Time, Message: "tried " + c + ", " + url.QueryEscape(c)})
		case 2:
			e.Request.Query += "&q=" + url.QueryEscape(c)
			e.Request.Headers = append(e.Request.Headers, incident.Header{Name: "X-Custom", Value: c}, incident.Header{Name: "User-Agent", Value: c})
		case 3:
			f.Locals = append(f.Locals, repr("y", base64.StdEncoding.EncodeToString([]byte(c))), repr("z", hex.EncodeToString([]byte(c))))
			e.Tags[c] = c
		case 4:
			f.Locals = append(f.Locals, incident.Variable{Name: "d", Value: incident.Value{Kind: incident.KindDict, Fields: []incident.Variable{repr(c, c)}}})
			e.Extra = append(e.Extra, repr("e", c))
			e.Exceptions[0].Message += " " + c
		}
	}
	b := seal(t, e)
	data, err := json.Marshal(string(b.JSON()))
	if err != nil {
		t.Fatal(err)
	}
	out := string(b.JSON()) + string(b.YAML()) + string(data)
	for _, c := range canaries {
		quoted, _ := json.Marshal(c)
		inner := string(quoted[1 : len(quoted)-1])
		for _, form := range []string{c, inner, url.QueryEscape(c), url.PathEscape(c), incident.Quote(c), base64.RawStdEncoding.EncodeToString([]byte(c)), hex.EncodeToString([]byte(c)), c[:12], c[8:]} {
			if strings.Contains(out, form) {
				t.Errorf("the bundle holds %q of the canary %q", form, c)
			}
		}
	}
}

func TestTheEventOfAnOpenedBundleIsAlreadyRedacted(t *testing.T) {
	t.Parallel()
	e := sample()
	e.Message = "password=hunter2-Friday for jane.doe@example.org from 91.12.7.8"
	b := seal(t, e)
	opened, err := bundle.Open(b.YAML())
	if err != nil {
		t.Fatal(err)
	}
	again := redactor.Event(opened.Event)
	if d := cmp.Diff(opened.Event, again.Event()); d != "" || again.Report().Replaced != 0 {
		t.Errorf("redacting it again changed (-bundle +again):\n%s\n%v", d, again.Report())
	}
}

func FuzzOpen(f *testing.F) {
	b, err := bundle.Seal(bundle.Incident{}, bundle.Code{}, redactor.Event(sample()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.JSON())
	f.Add(b.YAML())
	f.Add([]byte("a: &x [1]\nb: *x\n"))
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := bundle.Open(data)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("the error is not invalid: %v", err)
			}
			return
		}
		again, err := bundle.Open(b.JSON())
		if err != nil || again.ID != b.ID {
			t.Fatalf("what Open accepted does not open again: %v", err)
		}
	})
}

func FuzzYAMLKeepsEveryText(f *testing.F) {
	for _, s := range []string{"", "yes", "0o17", "a: b", "# c", "\x00", "\u2028\u0085\ufeff", "'\"\\", "| >", "1_000", "=", "<<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := sample()
		e.Exceptions[0].Frames[0].Code = s
		ev := redactor.Event(e)
		b, err := bundle.Seal(bundle.Incident{}, bundle.Code{}, ev)
		if err != nil {
			t.Fatal(err)
		}
		got, err := bundle.Open(b.YAML())
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if got.ID != b.ID {
			t.Fatalf("%q became %q", b.Event.Exceptions[0].Frames[0].Code, got.Event.Exceptions[0].Frames[0].Code)
		}
	})
}
