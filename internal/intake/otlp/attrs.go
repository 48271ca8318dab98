package otlp

import (
	"cmp"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/incident/evidence"
)

const maxAttrs = 128

func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

func has(m pcommon.Map, key string) bool { _, ok := m.Get(key); return ok }

// text returns the first non-empty attribute. Semantic conventions were renamed,
// so most facts have a new and an old key.
func text(m pcommon.Map, keys ...string) string {
	for _, k := range keys {
		if v, ok := m.Get(k); ok {
			if s := clean(v.AsString()); s != "" {
				return s
			}
		}
	}
	return ""
}

// resource returns an event with the fields that a resource provides.
func resource(m pcommon.Map) incident.Event {
	e := incident.Event{
		Source:   incident.SourceOTLP,
		Platform: strings.ToLower(text(m, "telemetry.sdk.language")),
		Release:  text(m, "service.version"),
		Commit:   commit(m),
		Environment: incident.Environment{
			Name:    text(m, "deployment.environment.name", "deployment.environment"),
			Service: text(m, "service.name"),
			Server:  text(m, "host.name", "k8s.pod.name", "service.instance.id"),
			Runtime: text(m, "process.runtime.name"),
			OS:      strings.TrimSpace(text(m, "os.description", "os.name", "os.type") + " " + text(m, "os.version")),
			SDK:     strings.Trim(text(m, "telemetry.sdk.name")+"/"+text(m, "telemetry.sdk.version"), "/"),
			Repo:    text(m, "vcs.repository.url.full"),
		},
	}
	if strings.Contains(strings.ToLower(e.Environment.Runtime), "py") {
		e.Environment.Python = text(m, "process.runtime.version")
	}
	return e
}

var fullHex = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)

// commit returns a resource's commit: its head revision, else the service
// version if that is or ends with a commit.
func commit(m pcommon.Map) string {
	if rev := text(m, "vcs.ref.head.revision", "vcs.repository.ref.revision"); fullHex.MatchString(rev) {
		return strings.ToLower(rev)
	}
	return incident.CommitIn(text(m, "service.version"))
}

// exceptions builds the chain from the exception.* attributes. Their type and
// message take precedence over those in the stack trace's text, which may be
// truncated and ends with the exception's notes.
func exceptions(m pcommon.Map) []incident.Exception {
	typ, msg := text(m, "exception.type"), text(m, "exception.message")
	chain, ok := incident.ParseTraceback(text(m, "exception.stacktrace"))
	if !ok {
		if typ == "" && msg == "" {
			return nil
		}
		chain = []incident.Exception{{}}
	}
	x := &chain[len(chain)-1]
	if module, bare := incident.SplitType(typ); bare != "" {
		x.Type, x.Module = bare, cmp.Or(module, x.Module)
	}
	if has(m, "exception.message") {
		x.Message = msg
	}
	return chain
}

var headerKey = regexp.MustCompile(`^http\.request\.header\.([A-Za-z0-9_-]{1,64})$`)

// request reads a server span's attributes, in the stable HTTP conventions or
// the older ones, which are still the Python SDK's default.
func request(m pcommon.Map) *incident.Request {
	r := &incident.Request{
		Method: text(m, "http.request.method", "http.method"),
		Query:  text(m, "url.query"),
		Route:  text(m, "http.route"),
	}
	r.Status, _ = strconv.Atoi(text(m, "http.response.status_code", "http.status_code"))
	if r.Method == "" {
		return nil
	}
	target := text(m, "url.path")
	if target == "" {
		var query string
		target, query, _ = strings.Cut(text(m, "http.target"), "?")
		r.Query = cmp.Or(r.Query, query)
	}
	r.URL = origin(m) + target
	if full := text(m, "url.full", "http.url"); full != "" && target == "" {
		var query string
		r.URL, query, _ = strings.Cut(full, "?")
		r.Query = cmp.Or(r.Query, query)
	}
	if agent := text(m, "user_agent.original", "http.user_agent"); agent != "" {
		r.Headers = append(r.Headers, incident.Header{Name: "User-Agent", Value: agent})
	}
	if client := text(m, "client.address", "net.peer.ip", "net.sock.peer.addr"); client != "" {
		r.Env = []incident.Variable{{Name: "REMOTE_ADDR", Value: value(pcommon.NewValueStr(client), 0)}}
	}
	for k, v := range m.All() {
		if h := headerKey.FindStringSubmatch(k); h != nil && len(r.Headers) < maxAttrs {
			r.Headers = append(r.Headers, incident.Header{Name: strings.ReplaceAll(h[1], "_", "-"), Value: headerText(v)})
		}
	}
	if body, ok := m.Get("http.request.body.content"); ok {
		v := value(body, 0)
		r.Data = &v
	}
	return r
}

// origin returns scheme, host and port, omitting the scheme's default port.
func origin(m pcommon.Map) string {
	scheme := text(m, "url.scheme", "http.scheme")
	host := text(m, "server.address", "http.host", "net.host.name", "http.server_name")
	if scheme == "" || host == "" {
		return ""
	}
	port := text(m, "server.port", "net.host.port")
	implied := port == "" || (scheme == "http" && port == "80") || (scheme == "https" && port == "443")
	if !implied && !strings.Contains(host, ":") {
		host += ":" + port
	}
	return scheme + "://" + host
}

func headerText(v pcommon.Value) string {
	if v.Type() != pcommon.ValueTypeSlice {
		return clean(v.AsString())
	}
	var parts []string
	for _, item := range v.Slice().All() {
		parts = append(parts, clean(item.AsString()))
	}
	return strings.Join(parts, ", ")
}

// logData returns a log record's attributes without those of the exception, which
// is in the event itself.
func logData(m pcommon.Map) []incident.Variable {
	var out []incident.Variable
	for _, v := range variables(m) {
		if !strings.HasPrefix(v.Name, "exception.") && v.Name != evidence.Attribute {
			out = append(out, v)
		}
	}
	return out
}

func variables(m pcommon.Map) []incident.Variable {
	var out []incident.Variable
	for k, v := range m.All() {
		if len(out) == maxAttrs {
			break
		}
		out = append(out, incident.Variable{Name: clean(k), Value: value(v, 0)})
	}
	return out
}

// value formats an attribute as Python's repr does.
func value(v pcommon.Value, depth int) incident.Value {
	out := incident.Value{Kind: incident.KindRepr}
	switch v.Type() {
	case pcommon.ValueTypeSlice:
		out.Kind = incident.KindList
		for _, item := range v.Slice().All() {
			if depth >= maxDepth || len(out.Items) == maxAttrs {
				out.Trimmed = true
				break
			}
			out.Items = append(out.Items, value(item, depth+1))
		}
	case pcommon.ValueTypeMap:
		out.Kind = incident.KindDict
		for k, item := range v.Map().All() {
			if depth >= maxDepth || len(out.Fields) == maxAttrs {
				out.Trimmed = true
				break
			}
			out.Fields = append(out.Fields, incident.Variable{Name: clean(k), Value: value(item, depth+1)})
		}
	case pcommon.ValueTypeBool:
		out.Repr = map[bool]string{true: "True", false: "False"}[v.Bool()]
	case pcommon.ValueTypeInt:
		out.Repr = strconv.FormatInt(v.Int(), 10)
	case pcommon.ValueTypeDouble:
		out.Repr = double(v.Double())
	case pcommon.ValueTypeEmpty:
		out.Repr = "None"
	default:
		out.Repr = incident.Quote(clean(v.AsString()))
	}
	return out
}

func double(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// level returns the name of a severity number (1 to 24, four per level), or "".
func level(n plog.SeverityNumber) string {
	switch {
	case n <= 0:
		return ""
	case n < plog.SeverityNumberInfo:
		return "debug"
	case n < plog.SeverityNumberWarn:
		return "info"
	case n < plog.SeverityNumberError:
		return "warning"
	case n < plog.SeverityNumberFatal:
		return "error"
	}
	return "fatal"
}
