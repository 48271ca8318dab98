package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/intake/otlp"
)

// message returns the text for the sender. repaird's own errors never quote the
// body; infrastructure errors are only logged.
func (p *reply) message() string {
	switch {
	case p.status == http.StatusTooManyRequests:
		return "rate limit exceeded"
	case p.outcome == OutcomeUnavailable:
		return "not stored; try again later"
	}
	return p.err.Error()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	b, _ := json.Marshal(v)
	_, _ = w.Write(append(b, '\n'))
}

// jsonAnswer responds to webhooks: {"status":…} or {"detail":…}.
func jsonAnswer(w http.ResponseWriter, _ *http.Request, p reply) {
	if p.err != nil {
		writeJSON(w, p.status, map[string]string{"detail": p.message()})
		return
	}
	body := map[string]string{"status": p.outcome}
	if p.note != "" {
		body["detail"] = p.note
	}
	writeJSON(w, p.status, body)
}

// relayAnswer responds to SDKs as Sentry's Relay does.
func relayAnswer(w http.ResponseWriter, _ *http.Request, p reply) {
	if p.err == nil {
		body := map[string]string{}
		if p.id != "" {
			body["id"] = p.id
		}
		writeJSON(w, p.status, body)
		return
	}
	if p.status == http.StatusTooManyRequests {
		// An empty category list means all; SDKs parse the seconds as an integer.
		w.Header().Set("X-Sentry-Rate-Limits", fmt.Sprintf("%d::project:rate_limit", p.retry))
	}
	if p.status == http.StatusUnsupportedMediaType {
		w.Header().Set("Accept-Encoding", "gzip, deflate, br, zstd")
	}
	var causes []string
	if p.outcome != OutcomeUnavailable {
		if root := rootCause(p.err); root != p.message() {
			causes = []string{root}
		}
	}
	writeJSON(w, p.status, struct {
		Detail string   `json:"detail"`
		Causes []string `json:"causes,omitempty"`
	}{p.message(), causes})
}

// rootCause returns the message of the innermost error.
func rootCause(err error) string {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}

// otlpEncoding returns the encoding of a request's content type.
func otlpEncoding(r *http.Request) (enc otlp.Encoding, ok bool) {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && t == "application/x-protobuf":
		return otlp.Proto, true
	case err == nil && t == "application/json":
		return otlp.JSON, true
	}
	return 0, false
}

// The codes of google.rpc.Status.
const (
	rpcInvalid         = 3
	rpcExhausted       = 8
	rpcUnavailable     = 14
	rpcUnauthenticated = 16
)

// otlpAnswer responds in the request's encoding, with a google.rpc.Status for
// failures. A wrong method or content type has no encoding and gets plain text.
func otlpAnswer(w http.ResponseWriter, r *http.Request, p reply) {
	enc, ok := otlpEncoding(r)
	if !ok || p.status == http.StatusMethodNotAllowed {
		http.Error(w, p.err.Error(), p.status)
		return
	}
	code := rpcUnavailable
	switch p.status {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		code = rpcInvalid
	case http.StatusUnauthorized:
		code = rpcUnauthenticated
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		code = rpcExhausted
	}
	var body []byte
	if p.err != nil {
		body = otlp.Status(enc, code, p.message())
	} else {
		field := map[string]string{"/v1/traces": "rejectedSpans"}[r.URL.Path]
		if field == "" {
			field = "rejectedLogRecords"
		}
		body = otlp.Success(enc, field, p.dropped, "too many errors in one request")
	}
	w.Header().Set("Content-Type", map[otlp.Encoding]string{otlp.Proto: "application/x-protobuf", otlp.JSON: "application/json"}[enc])
	w.WriteHeader(p.status)
	_, _ = w.Write(body)
}

// deniedf returns an authentication error.
func deniedf(format string, args ...any) error {
	return fault.Errorf(fault.Denied, format, args...)
}
