package intake

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/sentry"
)

// envelope serves current SDKs. It keeps error events only; sessions,
// transactions, client reports and everything else are acknowledged and dropped.
func (s *server) envelope(w http.ResponseWriter, r *http.Request, mem *reservation) reply {
	auth, err := dsnAuth(r)
	if err != nil {
		return reply{err: err}
	}
	p := s.reg.byKey(auth.project, auth.key)
	if auth.key != "" && p == nil {
		return errUnknownDSN
	}
	body, err := s.unpacked(w, r, mem, s.limits.Body)
	if err != nil {
		return reply{project: nameOf(p), err: err}
	}
	env, err := sentry.ParseEnvelope(body)
	if err != nil {
		return reply{project: nameOf(p), err: err}
	}
	if env.DSN != "" {
		if err := auth.agree(env.DSN); err != nil {
			return reply{project: nameOf(p), err: err}
		}
		if p = s.reg.byKey(auth.project, auth.key); p == nil {
			return errUnknownDSN
		}
	}
	if p == nil {
		return reply{err: deniedf("sentry_key is missing from X-Sentry-Auth, the query and the envelope's dsn")}
	}
	for _, item := range env.Items {
		if item.Type == "event" && len(item.Payload) > s.limits.Event {
			return reply{project: p.Name, err: tooLarge(s.limits.Event)}
		}
	}
	e, ok, err := env.Event()
	if err != nil {
		return reply{project: p.Name, err: err}
	}
	if !ok {
		return reply{project: p.Name, outcome: OutcomeIgnored, id: env.EventID}
	}
	return s.sdkEvent(r, p, e, body, "sentry/envelope")
}

// store serves SDKs before 2.0.
func (s *server) store(w http.ResponseWriter, r *http.Request, mem *reservation) reply {
	auth, err := dsnAuth(r)
	if err != nil {
		return reply{err: err}
	}
	if auth.key == "" {
		return reply{err: deniedf("sentry_key is missing from X-Sentry-Auth and the query")}
	}
	p := s.reg.byKey(auth.project, auth.key)
	if p == nil {
		return errUnknownDSN
	}
	body, err := s.unpacked(w, r, mem, s.limits.Event)
	if err != nil {
		return reply{project: p.Name, err: err}
	}
	e, err := sentry.Event(body)
	if err != nil {
		return reply{project: p.Name, err: err}
	}
	return s.sdkEvent(r, p, e, body, "sentry/store")
}

func (s *server) sdkEvent(r *http.Request, p *project, e incident.Event, body []byte, kind string) reply {
	if !worth(&e) {
		return reply{project: p.Name, outcome: OutcomeIgnored, id: e.ID}
	}
	out := s.deliver(r, p, Delivery{
		Source: incident.SourceSentry, Type: kind, Body: body,
		Events: []incident.Event{e}, Keys: []string{"sentry:" + e.ID},
	})
	out.id = e.ID
	return out
}

// unpacked reads a body and decodes its content encoding.
func (s *server) unpacked(w http.ResponseWriter, r *http.Request, mem *reservation, limit int) ([]byte, error) {
	raw, err := s.read(w, r, mem)
	if err != nil {
		return nil, err
	}
	return decompress(raw, strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))), limit, mem)
}

var errUnknownDSN = reply{
	err:    deniedf("unknown project id or public key"),
	status: http.StatusForbidden,
}

func nameOf(p *project) string {
	if p == nil {
		return ""
	}
	return p.Name
}

// A dsn is a request's claimed project and key. They may appear in a header, the
// query and the envelope, which must agree.
type dsn struct {
	project int
	key     string
}

func dsnAuth(r *http.Request) (dsn, error) {
	id, err := strconv.Atoi(chi.URLParam(r, "id"))
	if err != nil || id <= 0 {
		return dsn{}, fault.Errorf(fault.Invalid, "the project id in the path is not a number")
	}
	d := dsn{project: id}
	header := r.Header.Get("X-Sentry-Auth")
	if header == "" {
		header = r.Header.Get("Authorization")
	}
	fields := authFields(header)
	query := r.URL.Query()
	for _, v := range []string{fields["sentry_version"], query.Get("sentry_version")} {
		if n, err := strconv.Atoi(strings.TrimSuffix(v, ".0")); v != "" && (err != nil || n < 2 || n > 7) {
			return dsn{}, fault.Errorf(fault.Invalid, "unsupported sentry_version")
		}
	}
	for _, key := range []string{fields["sentry_key"], query.Get("sentry_key")} {
		if err := d.setKey(key); err != nil {
			return dsn{}, err
		}
	}
	return d, nil
}

// authFields parses "Sentry k=v, k=v".
func authFields(header string) map[string]string {
	rest, ok := strings.CutPrefix(header, "Sentry ")
	if !ok || len(rest) > 4096 {
		return nil
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[k] = strings.TrimSpace(v)
	}
	return fields
}

func (d *dsn) setKey(key string) error {
	if key == "" {
		return nil
	}
	if d.key != "" && !same(d.key, key) {
		return fault.Errorf(fault.Invalid, "the request has two different public keys")
	}
	d.key = key
	return nil
}

// agree checks an envelope's dsn against the path and the key, or takes the key
// from it.
func (d *dsn) agree(address string) error {
	e, ok := sentry.ParseDSN(address)
	if !ok {
		return fault.Errorf(fault.Invalid, "the envelope's dsn is malformed")
	}
	if e.Project != strconv.Itoa(d.project) {
		return fault.Errorf(fault.Invalid, "the envelope's dsn and the path have different project ids")
	}
	return d.setKey(e.PublicKey)
}
