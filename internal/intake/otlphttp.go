package intake

import (
	"net/http"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/otlp"
)

// otlp serves /v1/traces and /v1/logs. Exporters retry only on 429, 502, 503 and
// 504, and resend the same bytes.
func (s *server) otlp(w http.ResponseWriter, r *http.Request, mem *reservation) reply {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		return reply{
			err:    fault.Errorf(fault.Invalid, "405 method not allowed, supported: [POST]"),
			status: http.StatusMethodNotAllowed,
		}
	}
	enc, ok := otlpEncoding(r)
	if !ok {
		return reply{
			err:     fault.Errorf(fault.Invalid, "415 unsupported media type, supported: [application/json, application/x-protobuf]"),
			status:  http.StatusUnsupportedMediaType,
			outcome: OutcomeUnsupported,
		}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	p := s.reg.byToken(strings.TrimSpace(token))
	if !strings.EqualFold(scheme, "Bearer") || p == nil {
		return reply{err: deniedf("the Authorization header has no project's bearer token")}
	}
	if strings.EqualFold(strings.TrimSpace(r.Header.Get("Content-Encoding")), "br") {
		return reply{project: p.Name, err: errEncoding} // no exporter sends it
	}
	body, err := s.unpacked(w, r, mem, s.limits.Body)
	if err != nil {
		return reply{project: p.Name, err: err}
	}
	decode, kind := otlp.Logs, "otlp/logs"
	if r.URL.Path == "/v1/traces" {
		decode, kind = otlp.Traces, "otlp/traces"
	}
	batch, err := decode(body, enc)
	if err != nil {
		return reply{project: p.Name, err: err}
	}
	if len(batch.Events) == 0 {
		return reply{project: p.Name, outcome: OutcomeIgnored}
	}
	out := s.deliver(r, p, Delivery{
		Source: incident.SourceOTLP, Type: kind, Body: body, Events: batch.Events, Keys: batch.Keys,
	})
	out.dropped = batch.Dropped
	return out
}
