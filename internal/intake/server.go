package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/secret"
)

// A Config configures New.
type Config struct {
	Projects      []Project
	GitHubSecrets []secret.String // of the App's webhook; two while rotating; none: not served
	Acceptor      Acceptor
	Log           *slog.Logger // default: discards
	Metrics       Metrics      // default: none
	Limits        Limits       // zero fields take their defaults
	Now           func() time.Time
}

// Limits bound the work that senders can cause.
type Limits struct {
	Wire          int           // bytes of a body as sent; default 20 MiB
	Body          int           // bytes of a body after decompression; default 20 MiB
	Event         int           // bytes of one event from an SDK; default 1 MiB
	Memory        int64         // bytes of all bodies in flight; default 128 MiB
	ReadTimeout   time.Duration // to read a body; default 30 s
	AcceptTimeout time.Duration // to commit; default 5 s
	Rate          float64       // deliveries that contain an error, per project and second; default 50
	Burst         int           // of such deliveries at once; default 200
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Wire, defaultBody)
	def(&l.Body, defaultBody)
	def(&l.Event, defaultEvent)
	def(&l.Burst, 200)
	if l.Memory <= 0 {
		l.Memory = 128 << 20
	}
	if l.ReadTimeout <= 0 {
		l.ReadTimeout = 30 * time.Second
	}
	if l.AcceptTimeout <= 0 {
		l.AcceptTimeout = 5 * time.Second
	}
	if l.Rate <= 0 {
		l.Rate = 50
	}
	return l
}

// Metrics observes every request; app implements it. The strings are from small
// fixed sets, except project, which is a configured name or "".
type Metrics interface {
	// Delivery: endpoint is sentry_webhook, sentry_legacy, sentry_envelope,
	// sentry_store, otlp_traces, otlp_logs or github; outcome is one of the
	// Outcome constants.
	Delivery(endpoint, project, outcome string, took time.Duration)
}

// The outcomes of a request.
const (
	OutcomeAccepted    = "accepted"     // stored
	OutcomeDuplicate   = "duplicate"    // already stored
	OutcomeIgnored     = "ignored"      // authenticated, but nothing to do
	OutcomeInvalid     = "invalid"      // malformed
	OutcomeUnsupported = "unsupported"  // content type or encoding
	OutcomeDenied      = "denied"       // unknown project, key, token or signature
	OutcomeTooLarge    = "too_large"    // over a limit
	OutcomeRateLimited = "rate_limited" //
	OutcomeUnavailable = "unavailable"  // database outage or internal error
)

type server struct {
	reg      *registry
	github   []secret.String
	acceptor Acceptor
	log      *slog.Logger
	metrics  Metrics
	limits   Limits
	mem      memory
	now      func() time.Time
}

// New returns the handler for all endpoints. It rejects a configuration that
// would admit anyone: an empty secret, token or key, or one that two projects
// share.
//
// The handler limits the size of bodies and the time to read them. The
// http.Server needs a ReadHeaderTimeout (5 s), an IdleTimeout (60 s) and a
// WriteTimeout greater than ReadTimeout plus AcceptTimeout (60 s).
func New(cfg Config) (h http.Handler, err error) {
	defer fault.Wrap(&err, "intake")
	if cfg.Acceptor == nil {
		return nil, fault.Errorf(fault.Invalid, "acceptor is missing")
	}
	if err := checkSecrets("GitHub webhook secret", cfg.GitHubSecrets); err != nil {
		return nil, fault.Errorf(fault.Invalid, "%w", err)
	}
	limits := cfg.Limits.withDefaults()
	reg, err := newRegistry(cfg.Projects, limits)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "%w", err)
	}
	s := &server{reg: reg, github: cfg.GitHubSecrets, acceptor: cfg.Acceptor, log: cfg.Log, metrics: cfg.Metrics, limits: limits, now: cfg.Now}
	s.mem.left.Store(limits.Memory)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s.routes(), nil
}

func (s *server) routes() http.Handler {
	r := chi.NewRouter()
	r.Post("/webhooks/sentry/{project}", s.serve("sentry_webhook", jsonAnswer, s.sentryWebhook))
	r.Post("/webhooks/sentry/{project}/{token}", s.serve("sentry_legacy", jsonAnswer, s.sentryLegacy))
	for _, slash := range []string{"", "/"} {
		r.Post("/api/{id}/envelope"+slash, s.serve("sentry_envelope", relayAnswer, s.envelope))
		r.Post("/api/{id}/store"+slash, s.serve("sentry_store", relayAnswer, s.store))
	}
	r.HandleFunc("/v1/traces", s.serve("otlp_traces", otlpAnswer, s.otlp))
	r.HandleFunc("/v1/logs", s.serve("otlp_logs", otlpAnswer, s.otlp))
	r.Post("/webhooks/github", s.serve("github", jsonAnswer, s.githubWebhook))
	return r
}

// A reply is an endpoint's result; an answer writes it in the sender's format.
type reply struct {
	project string
	outcome string
	id      string // the event's id, for senders that expect it
	note    string // for people: why nothing was done
	dropped int    // OTLP: errors over the limit
	err     error  // nil: 200
	status  int    // HTTP status of err; 0: from its kind
	retry   int    // Retry-After in seconds, with 429 and 503
}

type answer func(w http.ResponseWriter, r *http.Request, p reply)

// An endpoint handles one request. mem is released when it returns.
type endpoint func(w http.ResponseWriter, r *http.Request, mem *reservation) reply

func (s *server) serve(name string, write answer, h endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start := s.now()
		p := s.guarded(w, r, name, h)
		p.settle()
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if p.retry > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(p.retry))
		}
		write(w, r, p)
		took := s.now().Sub(start)
		if s.metrics != nil {
			s.metrics.Delivery(name, p.project, p.outcome, took)
		}
		level := slog.LevelDebug
		switch p.outcome {
		case OutcomeAccepted:
			level = slog.LevelInfo
		case OutcomeUnavailable:
			level = slog.LevelError
		}
		attrs := []any{"endpoint", name, "project", p.project, "outcome", p.outcome, "took", took}
		if p.outcome == OutcomeUnavailable {
			attrs = append(attrs, "err", p.err)
		}
		s.log.Log(r.Context(), level, "delivery", attrs...)
	}
}

// guarded runs an endpoint and turns a panic in a decoder into an error response.
// The panic value may quote the body, so it is not logged.
func (s *server) guarded(w http.ResponseWriter, r *http.Request, name string, h endpoint) (p reply) {
	mem := &reservation{from: &s.mem}
	defer mem.release()
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("a handler panicked", "endpoint", name, "type", fmt.Sprintf("%T", v))
			p = reply{err: errors.New("internal error")}
		}
	}()
	return h(w, r, mem)
}

// settle fills in status, outcome and retry from the error's kind. Anything that
// is not the sender's fault is 503, because senders give up on 500.
func (p *reply) settle() {
	if p.err == nil {
		p.status = http.StatusOK
		return
	}
	status, outcome := http.StatusServiceUnavailable, OutcomeUnavailable
	switch fault.KindOf(p.err) {
	case fault.Invalid:
		status, outcome = http.StatusBadRequest, OutcomeInvalid
		if errors.Is(p.err, errEncoding) {
			status, outcome = http.StatusUnsupportedMediaType, OutcomeUnsupported
		}
	case fault.Denied:
		status, outcome = http.StatusUnauthorized, OutcomeDenied
	case fault.NotFound:
		status, outcome = http.StatusNotFound, OutcomeDenied
	case fault.Budget:
		status, outcome = http.StatusRequestEntityTooLarge, OutcomeTooLarge
	}
	if p.status == 0 {
		p.status = status
	}
	if p.outcome == "" {
		p.outcome = outcome
	}
	if p.status == http.StatusServiceUnavailable && p.retry == 0 {
		p.retry = 5
	}
}

// commitContext returns a context for the acceptor that survives the sender's
// disconnect: Sentry waits one second, and never retries for internal
// integrations.
func (s *server) commitContext(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), s.limits.AcceptTimeout)
}

// deliver applies the project's rate limit and hands events to the acceptor.
func (s *server) deliver(r *http.Request, p *project, d Delivery) reply {
	out := reply{project: p.Name}
	if wait := s.overRate(p); wait > 0 {
		out.err = fault.Errorf(fault.Budget, "rate limit exceeded")
		out.status, out.outcome, out.retry = http.StatusTooManyRequests, OutcomeRateLimited, wait
		return out
	}
	d.Project, d.Digest = p.Name, sha256.Sum256(d.Body)
	for i := range d.Events {
		d.Events[i].Project = p.Name
	}
	ctx, cancel := s.commitContext(r)
	defer cancel()
	accepted, err := s.acceptor.Accept(ctx, d)
	switch {
	case fault.KindOf(err) == fault.Budget:
		out.status, out.outcome, out.retry = http.StatusTooManyRequests, OutcomeRateLimited, 30
		out.err = err
	case err != nil:
		out.err = err
	case accepted != nil && accepted.Duplicate:
		out.outcome = OutcomeDuplicate
	default:
		out.outcome = OutcomeAccepted
	}
	return out
}

// overRate counts one delivery against the project's rate limit. It returns the
// seconds to wait, 0 if the delivery is within the limit.
func (s *server) overRate(p *project) int {
	now := s.now()
	res := p.limit.ReserveN(now, 1)
	wait := res.DelayFrom(now)
	if wait == 0 {
		return 0
	}
	res.CancelAt(now)
	return max(1, int(math.Ceil(min(wait.Seconds(), 3600))))
}

// worth reports whether an event can be an incident. Messages below error level
// are acknowledged and dropped.
func worth(e *incident.Event) bool {
	return len(e.Exceptions) > 0 || e.Fetch != nil || e.Level == "error" || e.Level == "fatal"
}
