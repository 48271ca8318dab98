// Package sentry decodes what Sentry's SDKs and servers send, and fetches from
// Sentry's Web API the events that webhooks only refer to. The decoders do no
// I/O: they turn untrusted bytes into incident.Events, within size limits.
//
//	ev, err := sentry.Event(body)                   // an SDK's event, POST /api/42/store/
//	env, err := sentry.ParseEnvelope(body)          // POST /api/42/envelope/
//	hook, err := sentry.ParseHook("event_alert", b) // an integration's webhook
//	ev, err := sentry.Legacy(body)                  // the WebHooks plugin
//
// All share one event grammar, which covers the SDK's format and the format that
// Sentry's server normalises it to (tags and headers as lists of pairs, in_app
// overruled, nulls for absent keys). Remarks in _meta set Trimmed and Filtered on
// values and Cut on frames.
package sentry

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
)

// Limits on the lists in one event.
const (
	maxBreadcrumbs = 200
	maxExtra       = 200
	maxTags        = 200
	maxModules     = 2000
	maxHeaders     = 200
)

// Event decodes an event's JSON, in the SDK's or the server's format. An event
// without an id gets one hashed from its bytes, so that equal bytes are the same
// event. Its error is fault.Invalid or fault.Budget.
func Event(data []byte) (e incident.Event, err error) {
	defer fault.Wrap(&err, "sentry event")
	n, err := parse(data)
	if err != nil {
		return incident.Event{}, err
	}
	e, err = event(n)
	if err == nil && e.ID == "" {
		sum := sha256.Sum256(data)
		e.ID = hex.EncodeToString(sum[:16])
	}
	return e, err
}

func event(n *node) (incident.Event, error) {
	if n.null() || n.kind != '{' {
		return incident.Event{}, fault.Errorf(fault.Invalid, "not a JSON object")
	}
	if n.get("type").text() == "transaction" {
		return incident.Event{}, fault.Errorf(fault.Invalid, "a transaction, not an error")
	}
	meta := n.get("_meta")
	r := reader{raven: strings.HasPrefix(n.get("sdk", "name").text(), "raven"), silent: silentSDK(n.get("sdk"))}
	e := incident.Event{
		ID:          eventID(first(n, "event_id", "id")),
		Source:      incident.SourceSentry,
		Time:        timestamp(n.get("timestamp")),
		Level:       level(n.get("level").text()),
		Platform:    n.get("platform").text(),
		Logger:      n.get("logger").text(),
		Transaction: n.get("transaction").text(),
		Message:     message(n),
		Exceptions:  exceptions(n, meta, r),
		Request:     request(n, meta),
		Logs:        breadcrumbs(n.get("breadcrumbs")),
		Environment: environment(n),
		Release:     n.get("release").text(),
		TraceID:     n.get("contexts", "trace", "trace_id").text(),
		SpanID:      n.get("contexts", "trace", "span_id").text(),
		Link:        n.get("web_url").text(),
		User:        textMap(n.get("user"), 20),
		Tags:        textMap(n.get("tags"), maxTags),
		Extra:       reader{plain: true}.variables(n.get("extra"), meta.get("extra"), maxExtra),
	}
	if e.Time.IsZero() {
		e.Time = timestamp(n.get("datetime"))
	}
	if e.Release == "" {
		e.Release = e.Tags["sentry:release"]
	}
	if e.Release == "" {
		e.Release = e.Tags["release"]
	}
	e.Commit = incident.CommitIn(e.Release)
	return e, nil
}

var sdkVersion = regexp.MustCompile(`^(\d+)\.(\d+)`)

// silentSDK reports whether an SDK truncates local variables without a remark:
// Python's do, in versions after 2.8.
func silentSDK(sdk *node) bool {
	if !strings.HasPrefix(sdk.get("name").text(), "sentry.python") {
		return false
	}
	m := sdkVersion.FindStringSubmatch(sdk.get("version").text())
	if m == nil {
		return true
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return major > 2 || major == 2 && minor > 8
}

// first returns the first non-empty text among the keys.
func first(n *node, keys ...string) string {
	for _, k := range keys {
		if s := n.get(k).text(); s != "" {
			return s
		}
	}
	return ""
}

var idText = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)

// eventID returns an id in undashed lower-case form, or "" if it is invalid.
func eventID(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, "-", ""))
	if !idText.MatchString(s) {
		return ""
	}
	return s
}

// message returns an event's log message: logentry, or the legacy message.
func message(n *node) string {
	for _, key := range []string{"logentry", "sentry.interfaces.Message", "message"} {
		m := n.get(key)
		if m == nil {
			continue
		}
		if m.kind == 's' {
			if m.str != "" {
				return m.str
			}
			continue
		}
		if s := m.get("formatted").text(); s != "" {
			return s
		}
		if s := m.get("message").text(); s != "" {
			return fill(s, m.get("params").list())
		}
	}
	return ""
}

var placeholder = regexp.MustCompile(`%[-+ #0-9.]*[diouxXeEfFgGcrsa%]`)

// fill interpolates the params of a log message as Python's logging does, except
// for number formats.
func fill(format string, params []*node) string {
	return placeholder.ReplaceAllStringFunc(format, func(p string) string {
		if p == "%%" {
			return "%"
		}
		if len(params) == 0 {
			return p
		}
		text := params[0].text()
		params = params[1:]
		return text
	})
}

// level parses a level's name, or raven's number (10 to 50).
func level(s string) string {
	switch s {
	case "", "error", "40":
		return "error"
	case "debug", "10":
		return "debug"
	case "info", "20", "log", "sample":
		return "info"
	case "warning", "warn", "30":
		return "warning"
	case "fatal", "critical", "50":
		return "fatal"
	}
	return "error"
}

var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00"}

// timestamp parses RFC 3339, with or without a zone, or Unix seconds.
func timestamp(n *node) time.Time {
	s := n.text()
	if s == "" {
		return time.Time{}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if f <= 0 || f > 1<<33 {
			return time.Time{}
		}
		sec, frac := math.Modf(f)
		return time.Unix(int64(sec), int64(math.Round(frac*1e6))*1000).UTC()
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1970 && t.Year() < 2243 {
			return t.UTC()
		}
	}
	return time.Time{}
}

func textMap(n *node, limit int) map[string]string {
	var m map[string]string
	n.pairs(func(k string, v *node) {
		if v.text() == "" || len(m) >= limit {
			return
		}
		if m == nil {
			m = map[string]string{}
		}
		m[k] = v.text()
	})
	return m
}

func environment(n *node) incident.Environment {
	env := incident.Environment{
		Name:     n.get("environment").text(),
		Server:   n.get("server_name").text(),
		Runtime:  n.get("contexts", "runtime", "name").text(),
		OS:       strings.TrimSpace(n.get("contexts", "os", "name").text() + " " + n.get("contexts", "os", "version").text()),
		SDK:      strings.Trim(n.get("sdk", "name").text()+"/"+n.get("sdk", "version").text(), "/"),
		Modules:  textMap(n.get("modules"), maxModules),
		TimeZone: n.get("contexts", "culture", "timezone").text(),
	}
	if strings.HasSuffix(strings.ToLower(env.Runtime), "python") || env.Runtime == "PyPy" {
		env.Python = n.get("contexts", "runtime", "version").text()
	} else if n.get("platform").text() == "python" && env.Runtime == "" {
		env.Python = env.Modules["python"] // raven lists the interpreter as a module
	}
	if tags := textMap(n.get("tags"), maxTags); tags != nil {
		if env.Server == "" {
			env.Server = tags["server_name"]
		}
		if env.Name == "" {
			env.Name = tags["environment"]
		}
	}
	return env
}

func breadcrumbs(n *node) []incident.Log {
	items := n.list()
	if len(items) > maxBreadcrumbs {
		items = items[len(items)-maxBreadcrumbs:]
	}
	var logs []incident.Log
	for _, b := range items {
		if b.kind != '{' {
			continue
		}
		logs = append(logs, incident.Log{
			Time:     timestamp(b.get("timestamp")),
			Level:    b.get("level").text(),
			Category: first(b, "category", "type"),
			Message:  b.get("message").text(),
			Data:     reader{plain: true}.variables(b.get("data"), nil, 50),
		})
	}
	return logs
}

func request(n, meta *node) *incident.Request {
	q := n.get("request")
	if q == nil || q.kind != '{' {
		return nil
	}
	m := meta.get("request")
	r := &incident.Request{
		Method:  q.get("method").text(),
		Query:   query(q.get("query_string")),
		Headers: headers(q.get("headers")),
		Cookies: cookies(q.get("cookies")),
		Env:     reader{plain: true}.variables(q.get("env"), m.get("env"), 50),
		Status:  n.get("contexts", "response", "status_code").integer(),
	}
	r.URL, _, _ = strings.Cut(q.get("url").text(), "#")
	address, rest, _ := strings.Cut(r.URL, "?")
	r.URL = address
	if r.Query == "" {
		r.Query = rest
	}
	if n.get("transaction_info", "source").text() == "route" {
		r.Route = n.get("transaction").text()
	}
	if d, dm := q.get("data"), m.get("data"); !d.null() || dm.get("") != nil {
		v := reader{plain: true}.value(d, dm)
		if d.null() {
			v.Repr = ""
		}
		r.Data = &v
	}
	return r
}

// query reads a query string, or a list of pairs.
func query(n *node) string {
	if n == nil || n.kind == 's' {
		return strings.TrimPrefix(n.text(), "?")
	}
	var parts []string
	n.pairs(func(k string, v *node) {
		if len(parts) < maxHeaders {
			parts = append(parts, url.QueryEscape(k)+"="+url.QueryEscape(v.text()))
		}
	})
	return strings.Join(parts, "&")
}

func headers(n *node) []incident.Header {
	var out []incident.Header
	n.pairs(func(k string, v *node) {
		if len(out) < maxHeaders {
			out = append(out, incident.Header{Name: k, Value: v.text()})
		}
	})
	return out
}

// cookies reads a list of pairs, or the text of a Cookie header.
func cookies(n *node) []incident.Header {
	if n == nil || n.kind != 's' {
		return headers(n)
	}
	var out []incident.Header
	for part := range strings.SplitSeq(n.str, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		if k != "" && len(out) < maxHeaders {
			out = append(out, incident.Header{Name: k, Value: v})
		}
	}
	return out
}
