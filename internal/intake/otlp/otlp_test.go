package otlp_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/otlp"
)

func payload(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			tb.Fatal(err)
		}
		if data, err = io.ReadAll(r); err != nil {
			tb.Fatal(err)
		}
	}
	return data
}

// decode decodes a payload according to its name.
func decode(tb testing.TB, name string) *otlp.Batch {
	tb.Helper()
	enc := otlp.JSON
	if strings.Contains(name, ".pb") {
		enc = otlp.Proto
	}
	read := otlp.Traces
	if strings.Contains(name, "logs") {
		read = otlp.Logs
	}
	b, err := read(payload(tb, name), enc)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func describe(e incident.Event) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s %s %s %q in %q by %q", e.Source, e.Platform, e.Level, e.Message, e.Transaction, e.Logger)
	line("trace %s span %s commit %s release %s", e.TraceID, e.SpanID, e.Commit, e.Release)
	line("%s/%s %s %s", e.Environment.Service, e.Environment.Name, e.Environment.SDK, e.Environment.Repo)
	if r := e.Request; r != nil {
		var env []string
		for _, v := range r.Env {
			env = append(env, v.Name+" "+v.Value.Repr)
		}
		line("request %s %s ?%s route %s status %d %v %v", r.Method, r.URL, r.Query, r.Route, r.Status, r.Headers, env)
	}
	for _, s := range e.Spans {
		line("span %s of %q: %s %s %s, %d attributes", s.ID, s.ParentID, s.Kind, s.Name, s.Status, len(s.Attrs))
	}
	for _, l := range e.Logs {
		line("log %s %s %q %d", l.Level, l.Category, l.Message, len(l.Data))
	}
	for _, x := range e.Exceptions {
		line("%s %s|%s: %s", x.Relation, x.Module, x.Type, x.Message)
		for _, f := range x.Frames {
			app := " "
			if f.InApp {
				app = "*"
			}
			line(" %s%s:%d %s x%d | %s", app, f.File, f.Line, f.Function, 1+f.Repeated, f.Code)
		}
	}
	return b.String()
}

const (
	sha      = "9f2c1e7b5a0d4c3e8b6f1a2d3c4e5f60718293a4"
	quixbugs = "4257f44b0ff1181dedaedee6a447e133219fcebf"

	chained = `cause |ZeroDivisionError: division by zero
 */srv/shop/shop.py:21 quote x1 | return {"avg": average_line(lines)}
 */srv/shop/shop.py:15 average_line x1 | return total / len(lines)
 shop|PricingError: cannot price cart c-1009
`
	flask = `  /usr/lib/python3/dist-packages/flask/app.py:2525 wsgi_app x1 | response = self.full_dispatch_request()
  /usr/lib/python3/dist-packages/flask/app.py:1822 full_dispatch_request x1 | rv = self.handle_user_exception(e)
  /usr/lib/python3/dist-packages/flask/app.py:1820 full_dispatch_request x1 | rv = self.dispatch_request()
  /usr/lib/python3/dist-packages/flask/app.py:1796 dispatch_request x1 | return self.ensure_sync(self.view_functions[rule.endpoint])(**view_args)
`
	shop = ` */srv/shop/otelapp.py:35 quote x1 | try: return shop.quote(body)
 */srv/shop/shop.py:23 quote x1 | raise PricingError(f"cannot price cart {payload['cart_id']}") from e
`
	otel = `  /opt/venv/lib/python3.11/site-packages/opentelemetry/trace/__init__.py:602 use_span x1 | yield span
`
	otelSpan = otel + `  /opt/venv/lib/python3.11/site-packages/opentelemetry/sdk/trace/__init__.py:1136 start_as_current_span x1 | yield span
`
)

// served is one request in both generations of HTTP conventions.
func served(spans string, attrs int) string {
	ids := strings.Fields(spans)
	return fmt.Sprintf(`otlp python error "" in "POST /cart/<cid>/quote" by ""
trace 0af7651916cd43dd8448eb211c80319c span %s commit %s release %s
shop/production opentelemetry/1.45.0.dev https://github.com/acme/shop
request POST http://localhost/cart/c-1009/quote ?coupon=SPRING route /cart/<cid>/quote status 500 [{User-Agent curl/8.5.0}] [REMOTE_ADDR '127.0.0.1']
span %s of "%s": internal price_cart error, 1 attributes
span %s of "b7ad6b7169203331": server POST /cart/<cid>/quote error, %d attributes
`, ids[0], sha, sha, ids[0], ids[1], ids[1], attrs) + strings.Replace(chained, "\n shop|", "\n shop|", 1) + otel + flask + shop
}

func TestPayloadsOfRealExportersDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		want []string
	}{
		{"example-trace.opentelemetry-proto.json", nil},
		{"example-logs.opentelemetry-proto.json", nil},
		{"wire-telemetrygen.traces.pb", nil},
		{"wire-otelpy-flask-chained-semconv-stable.traces.json", []string{served("2160e657ac3b1200 b813140c7201ecdc", 12)}},
		{"wire-otelpy-flask-chained-semconv-old.traces.json", []string{served("d5284a1951aab92a 464c42992edd6098", 12)}},
		{"wire-otelpy-flask-chained.logs.json", []string{`otlp python error "pricing failed for c-1009" in "" by "shop.api"
trace 0af7651916cd43dd8448eb211c80319c span 2160e657ac3b1200 commit ` + sha + ` release ` + sha + `
shop/production opentelemetry/1.45.0.dev https://github.com/acme/shop
log error shop.api "pricing failed for c-1009" 3
log error shop "Exception on /cart/c-1009/quote [POST]" 3
` + chained + flask + shop}},
		{"wire-otelpy-quixbugs-kth.traces.json", []string{`otlp python error "" in "batch kth" by ""
trace 60ab4814b3b2f40862e5fbcbb0474bd0 span 36a1536a45434bf8 commit ` + quixbugs + ` release ` + quixbugs + `
quixbugs/production opentelemetry/1.45.0.dev https://github.com/jkoppel/QuixBugs
span 36a1536a45434bf8 of "": internal batch kth error, 0 attributes
 |IndexError: list index out of range
` + otelSpan + ` */srv/quixbugs/run_otel.py:19 <module> x1 | with tr.start_as_current_span('batch '+name): fn(*args)
 */srv/quixbugs/python_programs/kth.py:12 kth x1 | return kth(above, k)
 */srv/quixbugs/python_programs/kth.py:12 kth x1 | return kth(above, k)
 */srv/quixbugs/python_programs/kth.py:12 kth x3 | return kth(above, k)
 */srv/quixbugs/python_programs/kth.py:2 kth x1 | pivot = arr[0]
`}},
		{"wire-otelpy-quixbugs-mergesort-recursion.traces.json", []string{`otlp python error "" in "batch mergesort" by ""
trace 5a542c5bd4c2c3b0b33511cb10eacb5e span 9303cbf66046d0b4 commit ` + quixbugs + ` release ` + quixbugs + `
quixbugs/production opentelemetry/1.45.0.dev https://github.com/jkoppel/QuixBugs
span 9303cbf66046d0b4 of "": internal batch mergesort error, 0 attributes
 |RecursionError: maximum recursion depth exceeded
` + otelSpan + ` */srv/quixbugs/run_otel.py:19 <module> x1 | with tr.start_as_current_span('batch '+name): fn(*args)
 */srv/quixbugs/python_programs/mergesort.py:21 mergesort x1 | left = mergesort(arr[:middle])
 */srv/quixbugs/python_programs/mergesort.py:21 mergesort x1 | left = mergesort(arr[:middle])
 */srv/quixbugs/python_programs/mergesort.py:22 mergesort x1 | right = mergesort(arr[middle:])
 */srv/quixbugs/python_programs/mergesort.py:22 mergesort x1 | right = mergesort(arr[middle:])
 */srv/quixbugs/python_programs/mergesort.py:22 mergesort x994 | right = mergesort(arr[middle:])
 */srv/quixbugs/python_programs/mergesort.py:21 mergesort x1 | left = mergesort(arr[:middle])
`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := decode(t, tt.name)
			var got []string
			for _, e := range b.Events {
				got = append(got, describe(e))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(b.Keys) != len(b.Events) || b.Records == 0 || b.Dropped != 0 {
				t.Errorf("got %d keys for %d events, %d records, %d dropped", len(b.Keys), len(b.Events), b.Records, b.Dropped)
			}
		})
	}
}

func TestProtobufAndJSONAgree(t *testing.T) {
	t.Parallel()
	pb := decode(t, "wire-otelpy-flask-chained-semconv-stable.traces.pb.gz")
	js := decode(t, "wire-otelpy-flask-chained-semconv-stable.traces.json")
	// Two runs of one program: ids of spans differ, everything else is the same.
	if diff := cmp.Diff(js.Events[0].Exceptions, pb.Events[0].Exceptions); diff != "" {
		t.Errorf("exceptions (-json +protobuf):\n%s", diff)
	}
	if diff := cmp.Diff(js.Events[0].Request, pb.Events[0].Request); diff != "" {
		t.Errorf("request (-json +protobuf):\n%s", diff)
	}
	if diff := cmp.Diff(js.Events[0].Environment, pb.Events[0].Environment); diff != "" && !strings.Contains(diff, "Server") {
		t.Errorf("environment (-json +protobuf):\n%s", diff)
	}
}

func TestSpansAndLogsOfOneFailureHaveOneFingerprint(t *testing.T) {
	t.Parallel()
	var prints []string
	for _, name := range []string{
		"wire-otelpy-flask-chained-semconv-stable.traces.json",
		"wire-otelpy-flask-chained-semconv-old.traces.json",
		"wire-otelpy-flask-chained.logs.json",
	} {
		sig, ok := incident.SignatureOf(&decode(t, name).Events[0])
		if !ok {
			t.Fatalf("%s: no signature", name)
		}
		prints = append(prints, incident.Fingerprint("shop", sig))
	}
	if prints[0] != prints[1] || prints[1] != prints[2] {
		t.Errorf("got %v, want one", prints)
	}
}

// A tracesOf writes a request with spans of the given exception events.
func tracesOf(spans ...string) []byte {
	return []byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.version","value":{"stringValue":"1.0+9f2c1e7"}}]},"scopeSpans":[{"spans":[` +
		strings.Join(spans, ",") + `]}]}]}`)
}

func spanOf(trace, span, nanos, typ, line string) string {
	return `{"traceId":"` + trace + `","spanId":"` + span + `","name":"n","events":[{"timeUnixNano":"` + nanos + `","name":"exception","attributes":[` +
		`{"key":"exception.type","value":{"stringValue":"` + typ + `"}},{"key":"exception.message","value":{"stringValue":"m"}},` +
		`{"key":"exception.stacktrace","value":{"stringValue":"Traceback (most recent call last):\n  File \"/srv/a.py\", line ` + line + `, in f\n    x()\n` + typ + `: m\n"}}]}]}`
}

const (
	traceA = "0af7651916cd43dd8448eb211c80319c"
	traceB = "1af7651916cd43dd8448eb211c80319c"
	spanA  = "2160e657ac3b1200"
	spanB  = "b813140c7201ecdc"
)

func TestRecordsOfOneFailureAreOneEvent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spans []string
		keys  []string
	}{
		{"the same failure on two spans, the later one first",
			[]string{spanOf(traceA, spanB, "20", "shop.E", "1"), spanOf(traceA, spanA, "10", "E", "1")},
			[]string{"otlp:" + traceA + ":" + spanA + ":10"}},
		{"two failures of one trace by type",
			[]string{spanOf(traceA, spanA, "10", "E", "1"), spanOf(traceA, spanA, "20", "F", "1")},
			[]string{"otlp:" + traceA + ":" + spanA + ":10", "otlp:" + traceA + ":" + spanA + ":20"}},
		{"two failures of one trace by frame",
			[]string{spanOf(traceA, spanA, "10", "E", "1"), spanOf(traceA, spanA, "20", "E", "2")},
			[]string{"otlp:" + traceA + ":" + spanA + ":10", "otlp:" + traceA + ":" + spanA + ":20"}},
		{"the same failure in two traces",
			[]string{spanOf(traceA, spanA, "10", "E", "1"), spanOf(traceB, spanA, "20", "E", "1")},
			[]string{"otlp:" + traceA + ":" + spanA + ":10", "otlp:" + traceB + ":" + spanA + ":20"}},
		{"no trace at all",
			[]string{spanOf("", "", "10", "E", "1"), spanOf("", "", "20", "E", "1")},
			[]string{"otlp:::10", "otlp:::20"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := otlp.Traces(tracesOf(tt.spans...), otlp.JSON)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.keys, b.Keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			ids := map[string]bool{}
			for _, e := range b.Events {
				ids[e.ID] = true
				if e.Commit != "9f2c1e7" {
					t.Errorf("got commit %q", e.Commit)
				}
			}
			if len(ids) != len(b.Events) {
				t.Errorf("got %d ids for %d events", len(ids), len(b.Events))
			}
		})
	}
}

func TestErrorsOverTheLimitAreCountedAndDropped(t *testing.T) {
	t.Parallel()
	var spans []string
	for i := range otlp.MaxEvents + 7 {
		spans = append(spans, spanOf(traceA, spanA, fmt.Sprint(i+1), "E", fmt.Sprint(i+1)))
	}
	b, err := otlp.Traces(tracesOf(spans...), otlp.JSON)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Events) != otlp.MaxEvents || b.Dropped != 7 {
		t.Errorf("got %d events, %d dropped", len(b.Events), b.Dropped)
	}
}

func logOf(severity int, attrs ...string) []byte {
	return fmt.Appendf(nil, `{"resourceLogs":[{"resource":{"attributes":[{"key":"vcs.repository.ref.revision","value":{"stringValue":"%s"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","severityNumber":%d,"body":{"stringValue":"b"},"attributes":[%s]}]}]}]}`,
		sha, severity, strings.Join(attrs, ","))
}

func attr(key, value string) string {
	return fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, key, value)
}

func TestLogRecordsStartAnIncidentOrNot(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		body []byte
		want string
	}{
		{"an error with type and message", logOf(17, attr("exception.type", "shop.E"), attr("exception.message", "m")), "error shop E m 0"},
		{"a fatal one with a message alone", logOf(21, attr("exception.type", ""), attr("exception.message", "m")), "fatal   m 0"},
		{"one of unknown severity", logOf(0, attr("exception.type", "E")), "error  E  0"},
		{"one with a stack trace alone", logOf(17, attr("exception.stacktrace", "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nE: m")), "error  E m 1"},
		{"one whose stack trace was cut", logOf(17, attr("exception.type", "E"), attr("exception.message", "m"), attr("exception.stacktrace", "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\n  Fil")), "error  E m 1"},
		{"one of another language", logOf(17, attr("exception.type", "java.lang.E"), attr("exception.stacktrace", "java.lang.E: m\n\tat a.b(C.java:1)")), "error java.lang E  0"},
		{"a warning", logOf(13, attr("exception.type", "E")), ""},
		{"an error without an exception", logOf(17), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := otlp.Logs(tt.body, otlp.JSON)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, e := range b.Events {
				x := e.Raised()
				got += fmt.Sprintf("%s %s %s %s %d", e.Level, x.Module, x.Type, x.Message, len(x.Frames))
				if e.Commit != sha {
					t.Errorf("got commit %q", e.Commit)
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAttributesBecomePythonsValues(t *testing.T) {
	t.Parallel()
	body := strings.Replace(string(tracesOf(spanOf(traceA, spanA, "10", "E", "1"))), `"name":"n",`, `"name":"n","attributes":[`+
		`{"key":"s","value":{"stringValue":"it's"}},{"key":"i","value":{"intValue":"7"}},{"key":"b","value":{"boolValue":true}},`+
		`{"key":"d","value":{"doubleValue":2}},{"key":"e","value":{}},{"key":"y","value":{"bytesValue":"AAE="}},`+
		`{"key":"l","value":{"arrayValue":{"values":[{"intValue":1},{"stringValue":"x"}]}}},`+
		`{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}}],`, 1)
	b, err := otlp.Traces([]byte(body), otlp.JSON)
	if err != nil {
		t.Fatal(err)
	}
	repr := func(s string) incident.Value { return incident.Value{Kind: incident.KindRepr, Repr: s} }
	want := []incident.Variable{
		{Name: "s", Value: repr(`"it's"`)}, {Name: "i", Value: repr("7")}, {Name: "b", Value: repr("True")},
		{Name: "d", Value: repr("2.0")}, {Name: "e", Value: repr("None")}, {Name: "y", Value: repr("'AAE='")},
		{Name: "l", Value: incident.Value{Kind: incident.KindList, Items: []incident.Value{repr("1"), repr("'x'")}}},
		{Name: "m", Value: incident.Value{Kind: incident.KindDict, Fields: []incident.Variable{{Name: "k", Value: repr("'v'")}}}},
	}
	if diff := cmp.Diff(want, b.Events[0].Spans[0].Attrs); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// field writes a length-delimited protobuf field.
func field(number byte, content []byte) []byte {
	return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(content))), content...)
}

// nested writes a trace request whose one attribute is a list in a list, levels deep.
func nested(levels int) []byte {
	var v []byte
	for range levels {
		v = field(5, field(1, v))
	}
	keyValue := append(field(1, []byte("k")), field(2, v)...)
	return field(1, field(2, field(2, field(9, keyValue))))
}

func TestNestingIsLimited(t *testing.T) {
	t.Parallel()
	if _, err := otlp.Traces(nested(20), otlp.Proto); err != nil {
		t.Errorf("20 levels: %v", err)
	}
	for _, levels := range []int{200, 5_000} {
		if _, err := otlp.Traces(nested(levels), otlp.Proto); fault.KindOf(err) != fault.Budget {
			t.Errorf("%d levels of protobuf: got %v", levels, err)
		}
		list := strings.Repeat(`{"arrayValue":{"values":[`, levels) + strings.Repeat(`]}}`, levels)
		body := `{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":` + list + `}]}}]}`
		if _, err := otlp.Traces([]byte(body), otlp.JSON); fault.KindOf(err) != fault.Budget {
			t.Errorf("%d levels of JSON: got %v", levels, err)
		}
	}
	// The unmarshaler truncates field numbers to 32 bits; the check must too.
	wide := binary.AppendUvarint(nil, (1<<32+1)<<3|2)
	inner := nested(200)[1:]
	if _, err := otlp.Traces(append(wide, inner...), otlp.Proto); fault.KindOf(err) != fault.Budget {
		t.Errorf("a field number of 33 bits: got %v", err)
	}
}

func TestMalformedRequestsAreRejected(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		body string
		enc  otlp.Encoding
	}{
		{"no JSON", "hello", otlp.JSON},
		{"nothing, which is not JSON", "", otlp.JSON},
		{"a JSON document cut short", `{"resourceSpans":[`, otlp.JSON},
		{"brackets that close too often", "]]]]", otlp.JSON},
		{"no protobuf", "hello", otlp.Proto},
		{"a protobuf cut short", string(nested(3)[:10]), otlp.Proto},
		{"a varint without end", strings.Repeat("\xff", 20), otlp.Proto},
		{"a varint of 65 bits, which decoders read differently", "\x0a" + strings.Repeat("\x80", 9) + "\x7f", otlp.Proto},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if b, err := otlp.Traces([]byte(tt.body), tt.enc); fault.KindOf(err) != fault.Invalid {
				t.Errorf("traces: got %+v, %v", b, err)
			}
			if b, err := otlp.Logs([]byte(tt.body), tt.enc); fault.KindOf(err) != fault.Invalid {
				t.Errorf("logs: got %+v, %v", b, err)
			}
		})
	}
	for _, read := range []func([]byte, otlp.Encoding) (*otlp.Batch, error){otlp.Traces, otlp.Logs} {
		if b, err := read(nil, otlp.Proto); err != nil || len(b.Events) != 0 {
			t.Errorf("an empty protobuf request: got %+v, %v", b, err)
		}
		if b, err := read([]byte("{}"), otlp.JSON); err != nil || len(b.Events) != 0 {
			t.Errorf("an empty JSON request: got %+v, %v", b, err)
		}
	}
}

func TestResponsesAreWhatExportersExpect(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, got, want string }{
		{"success in JSON", string(otlp.Success(otlp.JSON, "rejectedSpans", 0, "")), `{"partialSuccess":{}}`},
		{"success in protobuf", string(otlp.Success(otlp.Proto, "rejectedSpans", 0, "")), "\x0a\x00"},
		{"partial success in JSON", string(otlp.Success(otlp.JSON, "rejectedSpans", 3, "m")), `{"partialSuccess":{"errorMessage":"m","rejectedSpans":"3"}}`},
		{"partial success in protobuf", string(otlp.Success(otlp.Proto, "rejectedSpans", 300, "m")), "\x0a\x06\x08\xac\x02\x12\x01m"},
		{"failure in JSON", string(otlp.Status(otlp.JSON, 14, "m")), `{"code":14,"message":"m"}`},
		{"failure in protobuf", string(otlp.Status(otlp.Proto, 14, "m")), "\x08\x0e\x12\x01m"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func fuzz(f *testing.F, read func([]byte, otlp.Encoding) (*otlp.Batch, error)) {
	files, _ := filepath.Glob("testdata/wire-*")
	for _, file := range files {
		f.Add(payload(f, filepath.Base(file)), strings.Contains(file, "json"))
	}
	f.Add(nested(5), false)
	f.Add(logOf(17, attr("exception.type", "E"), attr("exception.stacktrace", "x")), true)
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		enc := otlp.Proto
		if isJSON {
			enc = otlp.JSON
		}
		b, err := read(data, enc)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Budget {
				t.Fatalf("error of kind %s: %v", k, err)
			}
			return
		}
		if len(b.Keys) != len(b.Events) || len(b.Events) > otlp.MaxEvents {
			t.Fatalf("got %d keys, %d events", len(b.Keys), len(b.Events))
		}
		for _, e := range b.Events {
			if e.Raised() == nil || e.ID == "" || e.Source != incident.SourceOTLP {
				t.Fatalf("got %+v", e)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzTraces(f *testing.F) { fuzz(f, otlp.Traces) }

func FuzzLogs(f *testing.F) { fuzz(f, otlp.Logs) }
