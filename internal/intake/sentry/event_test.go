package sentry_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/sentry"
)

// withVars returns an event with one frame and the given vars and _meta, from an SDK
// that marks what it truncates.
func withVars(vars, frameMeta string) string { return withVarsOf("2.8.0", vars, frameMeta) }

func withVarsOf(version, vars, frameMeta string) string {
	meta := "{}"
	if frameMeta != "" {
		meta = `{"exception":{"values":{"0":{"stacktrace":{"frames":{"0":` + frameMeta + `}}}}}}`
	}
	return `{"event_id":"aa","sdk":{"name":"sentry.python.flask","version":"` + version + `"},"exception":{"values":[{"type":"E","value":"v","stacktrace":{"frames":[{"filename":"a.py","function":"f","vars":` +
		vars + `}]}}]},"_meta":` + meta + `}`
}

func TestRemarksBecomeMarksAtTheirPlaces(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, vars, meta, want string }{
		{"no remark", `{"a":"1"}`, ``, `a: 1`},
		{"a list that was longer", `{"a":["1","2"],"b":["3"]}`, `{"vars":{"a":{"":{"len":24}}}}`, `a: [1, 2] (trimmed), b: [3]`},
		{"an item of a dict in a list", `{"a":[{"k":"1","l":"2"}]}`, `{"vars":{"a":{"0":{"l":{"":{"rem":[["!limit","x",1021,1024]],"len":3000}}}}}}`, `a: [{k: 1, l: 2 (trimmed)}]`},
		{"a scrubbed value", `{"s":"[Filtered]"}`, `{"vars":{"s":{"":{"rem":[["!config","s"]]}}}}`, `s: [Filtered] (filtered)`},
		{"a scrubbed value with its length", `{"s":"*****"}`, `{"vars":{"s":{"":{"rem":[["@password:filter","s",0,5]],"len":12}}}}`, `s: ***** (filtered)`},
		{"a value that was removed", `{"s":null}`, `{"vars":{"s":{"":{"rem":[["@ip","x"]]}}}}`, `s: None (trimmed) (filtered)`},
		{"a remark that only annotates", `{"s":"1"}`, `{"vars":{"s":{"":{"rem":[["@ip","a",0,1]]}}}}`, `s: 1`},
		{"a value that was invalid", `{"s":null}`, `{"vars":{"s":{"":{"err":["invalid_data"]}}}}`, `s: None (trimmed)`},
		{"a scrubbed value without a remark", `{"s":"[Filtered]","t":"'[Filtered]'"}`, ``, `s: [Filtered] (filtered), t: '[Filtered]' (filtered)`},
		{"a text cut without a remark", `{"s":"'aaaa...","t":"'aaaa...'"}`, ``, `s: 'aaaa... (trimmed), t: 'aaaa...'`},
		{"a null, which no SDK sends for None", `{"s":null}`, ``, `s: None (trimmed)`},
		{"leaves that are not strings", `{"a":true,"b":1.50,"c":-7}`, ``, `a: True, b: 1.50, c: -7`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, err := sentry.Event([]byte(withVars(tt.vars, tt.meta)))
			if err != nil {
				t.Fatal(err)
			}
			if got := showAll(e.Raised().Frames[0].Locals); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAFrameSaysWhetherLocalsAreMissing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, vars, meta string
		cut, has         bool
	}{
		{"all of them arrived", `{"a":"1"}`, ``, false, true},
		{"there are none", `{}`, ``, false, true},
		{"none were sent", `null`, ``, false, false},
		{"the remark says how many there were", `{"a":"1"}`, `{"vars":{"":{"len":11}}}`, true, true},
		{"the server removed them all", `null`, `{"vars":{"":{"rem":[["@anything","x"]]}}}`, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, err := sentry.Event([]byte(withVars(tt.vars, tt.meta)))
			if err != nil {
				t.Fatal(err)
			}
			if f := e.Raised().Frames[0]; f.Cut != tt.cut || f.HasVars != tt.has {
				t.Errorf("got cut %t, has %t, want %t, %t", f.Cut, f.HasVars, tt.cut, tt.has)
			}
		})
	}
}

func TestTenItemsAreSuspectFromAnSDKThatTruncatesSilently(t *testing.T) {
	t.Parallel()
	const list = `["0","1","2","3","4","5","6","7","8","9"]`
	const dict = `{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":"","j":` + list + `}`
	for version, want := range map[string]bool{"2.75.0": true, "2.9.0": true, "3.0.0a1": true, "": true, "2.8.0": false, "1.9.10": false, "0.14.3": false} {
		e, err := sentry.Event([]byte(withVarsOf(version, dict, "")))
		if err != nil {
			t.Fatal(err)
		}
		f := e.Raised().Frames[0]
		if got := f.Locals[9].Value; got.Suspect != want || f.Cut != want || f.Locals[0].Value.Suspect || !got.Whole() {
			t.Errorf("version %q: got list suspect %t, frame cut %t, want %t", version, got.Suspect, f.Cut, want)
		}
	}
	e, err := sentry.Event([]byte(withVarsOf("2.75.0", strings.Replace(dict, `"0",`, "", 1), "")))
	if err != nil {
		t.Fatal(err)
	}
	if e.Raised().Frames[0].Locals[9].Value.Suspect {
		t.Error("nine items are suspect")
	}
}

func TestInAppIsTheClientsFlagIfItIsMeaningful(t *testing.T) {
	t.Parallel()
	const app, lib = `"abs_path":"/srv/shop.py"`, `"abs_path":"/usr/lib/python3.11/json/decoder.py"`
	tests := []struct {
		name, frames string
		want         []bool
	}{
		{"the client's word", `{` + app + `,"in_app":true},{` + lib + `,"in_app":false}`, []bool{true, false}},
		{"the server's word, overruled by the client's", `{` + app + `,"in_app":false,"data":{"orig_in_app":1}},{` + lib + `,"in_app":true,"data":{"orig_in_app":0}}`, []bool{true, false}},
		{"nothing said, the server's guess", `{` + app + `,"in_app":false,"data":{"orig_in_app":-1}},{` + lib + `,"in_app":false,"data":{"orig_in_app":-1}}`, []bool{true, false}},
		{"nothing said at all", `{` + app + `},{` + lib + `,"in_app":null}`, []bool{true, false}},
		{"an old client that calls every frame in-app", `{` + app + `,"in_app":true},{` + lib + `,"in_app":true}`, []bool{true, false}},
		{"an application that is installed as a package", `{` + lib + `,"in_app":true},{` + lib + `,"in_app":true}`, []bool{true, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, err := sentry.Event([]byte(`{"exception":{"values":[{"type":"E","stacktrace":{"frames":[` + tt.frames + `]}}]}}`))
			if err != nil {
				t.Fatal(err)
			}
			var got []bool
			for _, f := range e.Raised().Frames {
				got = append(got, f.InApp)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTheServersFormsOfARequestDecode(t *testing.T) {
	t.Parallel()
	want := &incident.Request{
		Method: "POST", URL: "http://h/p", Query: "a=1&b=x+y", Status: 500, Route: "/p",
		Headers: []incident.Header{{Name: "Host", Value: "h"}},
		Cookies: []incident.Header{{Name: "c", Value: "1"}},
		Data:    &incident.Value{Kind: incident.KindDict, Fields: []incident.Variable{{Name: "k", Value: incident.Value{Kind: incident.KindRepr, Repr: "'v'"}}}},
	}
	const rest = `"data":{"k":"v"}},"transaction":"/p","transaction_info":{"source":"route"},"contexts":{"response":{"status_code":500}}}`
	for name, body := range map[string]string{
		"the SDK's":    `{"request":{"method":"POST","url":"http://h/p?a=1&b=x+y#f","headers":{"Host":"h"},"cookies":{"c":"1"},` + rest,
		"the server's": `{"request":{"method":"POST","url":"http://h/p","query_string":[["a","1"],["b","x y"]],"headers":[["Host","h"]],"cookies":[["c","1"]],` + rest,
		"raven's":      `{"request":{"method":"POST","url":"http://h/p","query_string":"a=1&b=x+y","headers":[["Host","h"]],"cookies":"c=1",` + rest,
	} {
		e, err := sentry.Event([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, e.Request); diff != "" {
			t.Errorf("%s form (-want +got):\n%s", name, diff)
		}
	}
}

func TestARequestBodyThatWasRemovedIsMarked(t *testing.T) {
	t.Parallel()
	e, err := sentry.Event([]byte(`{"request":{"method":"POST"},"_meta":{"request":{"data":{"":{"rem":[["!raw","x"]],"len":90000}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if d := e.Request.Data; d == nil || !d.Trimmed || d.Repr != "" {
		t.Errorf("got %+v, want a trimmed value", d)
	}
}

func TestOldAndOddFormsDecode(t *testing.T) {
	t.Parallel()
	const frames = `"frames":[{"filename":"a.py","function":"f","lineno":3}]`
	tests := []struct {
		name, body string
		check      func(e incident.Event) any
		want       any
	}{
		{"a bare list of exceptions", `{"exception":[{"type":"E","value":"v"}]}`, func(e incident.Event) any { return e.Raised().Type }, "E"},
		{"a bare exception", `{"exception":{"type":"E","value":"v"}}`, func(e incident.Event) any { return e.Raised().Type }, "E"},
		{"a stack without an exception", `{"message":"shop.E: no price","stacktrace":{` + frames + `}}`, func(e incident.Event) any {
			return fmt.Sprint(e.Raised().Module, e.Raised().Type, e.Raised().Message, e.Raised().Frames[0].Line)
		}, "shopEno price3"},
		{"a level in numbers", `{"level":50,"message":"m"}`, func(e incident.Event) any { return e.Level }, "fatal"},
		{"no level", `{"message":"m"}`, func(e incident.Event) any { return e.Level }, "error"},
		{"a dashed id", `{"event_id":"904551B9-03f6-44c1-b38c-297dd3b90125"}`, func(e incident.Event) any { return e.ID }, "904551b903f644c1b38c297dd3b90125"},
		{"time in seconds", `{"timestamp":1588082165.903736}`, func(e incident.Event) any { return e.Time.Format("2006-01-02T15:04:05.000000") }, "2020-04-28T13:56:05.903736"},
		{"time without a zone", `{"timestamp":"2020-04-28T13:56:05.903736"}`, func(e incident.Event) any { return e.Time.Format("2006-01-02T15:04:05.000000") }, "2020-04-28T13:56:05.903736"},
		{"time that is none", `{"timestamp":"yesterday"}`, func(e incident.Event) any { return e.Time.IsZero() }, true},
		{"time beyond all bounds", `{"timestamp":1e300}`, func(e incident.Event) any { return e.Time.IsZero() }, true},
		{"tags as pairs", `{"tags":[["a","b"],null,["c"]]}`, func(e incident.Event) any { return e.Tags["a"] }, "b"},
		{"breadcrumbs as a bare list", `{"breadcrumbs":[{"message":"m","category":"c","data":{"n":1}}]}`, func(e incident.Event) any {
			return fmt.Sprint(e.Logs[0].Category, e.Logs[0].Message, showAll(e.Logs[0].Data))
		}, "cmn: 1"},
		{"a release in a tag only", `{"tags":{"sentry:release":"shop@9f2c1e7"}}`, func(e incident.Event) any { return e.Commit }, "9f2c1e7"},
		{"names that are quoted", `{"sdk":{"name":"raven-python"},"exception":[{"type":"E","stacktrace":{"frames":[{"vars":{"'arr'":null}}]}}]}`, func(e incident.Event) any { return showAll(e.Raised().Frames[0].Locals) }, "arr: None"},
		{"a NUL, which no database stores", `{"message":"a\u0000b"}`, func(e incident.Event) any { return e.Message }, "a\uFFFDb"},
		{"a log message with params", `{"logentry":{"message":"%s failed: %d%%","params":["job",3]}}`, func(e incident.Event) any { return e.Message }, "job failed: 3%"},
		{"two equal keys", `{"message":"a","message":"b"}`, func(e incident.Event) any { return e.Message }, "b"},
		{"wrong types everywhere", `{"event_id":1,"exception":{"values":[1,null,{"type":[],"stacktrace":{"frames":[3,{"vars":7,"lineno":"x","pre_context":"y"}]}}]},"request":[],"tags":3,"breadcrumbs":"x","contexts":[],"user":"u","modules":[],"extra":1,"_meta":5}`, func(e incident.Event) any { return len(e.Exceptions) }, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, err := sentry.Event([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.check(e); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAnEventWithoutAnIDIsNamedByItsBytes(t *testing.T) {
	t.Parallel()
	a, _ := sentry.Event([]byte(`{"message":"a"}`))
	again, _ := sentry.Event([]byte(`{"message":"a"}`))
	b, _ := sentry.Event([]byte(`{"message":"b"}`))
	if a.ID == "" || a.ID != again.ID || a.ID == b.ID {
		t.Errorf("got %q, %q, %q", a.ID, again.ID, b.ID)
	}
}

func TestAdversarialJSONIsRejected(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       fault.Kind
	}{
		{"nothing", "", fault.Invalid},
		{"no object", "[]", fault.Invalid},
		{"two documents", "{}{}", fault.Invalid},
		{"a document cut short", `{"message":"m`, fault.Invalid},
		{"a transaction", `{"type":"transaction"}`, fault.Invalid},
		{"a deep document", `{"extra":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", fault.Budget},
		{"a document of many values", `{"extra":[` + strings.Repeat("0,", 310_000) + "0]}", fault.Budget},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := sentry.Event([]byte(tt.body)); err == nil || fault.KindOf(err) != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestEventsAreLimited(t *testing.T) {
	t.Parallel()
	frame := `{"filename":"a.py","function":"f","vars":{` + strings.TrimSuffix(strings.Repeat(`"x":"1",`, 300), ",") + `}},`
	body := `{"exception":{"values":[{"type":"E","stacktrace":{"frames":[` + strings.TrimSuffix(strings.Repeat(`{"filename":"a.py"},`, 5000)+frame, ",") + `]}}]},` +
		`"breadcrumbs":[` + strings.TrimSuffix(strings.Repeat(`{"message":"m"},`, 1000), ",") + `]}`
	e, err := sentry.Event([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	fs := e.Raised().Frames
	if len(fs) != 2000 || len(fs[1999].Locals) != 200 || !fs[1999].Cut || len(e.Logs) != 200 {
		t.Errorf("got %d frames, %d locals, %d logs", len(fs), len(fs[len(fs)-1].Locals), len(e.Logs))
	}
}

func FuzzEvent(f *testing.F) {
	for _, name := range payloads {
		if data := payload(f, name); len(data) < 20_000 {
			f.Add(data)
		}
	}
	f.Add([]byte(withVars(`{"a":["1"]}`, `{"vars":{"a":{"0":{"":{"len":9}}}}}`)))
	f.Add([]byte("{}\n{\"type\":\"event\",\"length\":2}\n{}\n{\"type\":\"session\"}\n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, decode := range []func([]byte) (incident.Event, error){sentry.Event, sentry.Legacy, sentry.File} {
			e, err := decode(data)
			if err != nil {
				if k := fault.KindOf(err); k != fault.Invalid && k != fault.Budget && k != fault.NotFound {
					t.Fatalf("error of kind %s: %v", k, err)
				}
				continue
			}
			if e.Source != incident.SourceSentry || e.ID == "" {
				t.Fatalf("got source %q, id %q", e.Source, e.ID)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Fatal(err)
			}
		}
		for _, resource := range []string{"event_alert", "error", "issue", "comment", "x"} {
			if h, err := sentry.ParseHook(resource, data); err == nil && h.Event != nil && h.Key == "" {
				t.Fatal("an event without a key")
			}
		}
	})
}
