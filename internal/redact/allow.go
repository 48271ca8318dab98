package redact

import (
	"strings"

	"github.com/repaird/repaird/internal/redact/find"
)

// What is not listed here is dropped: an event's free-form parts may contain
// anything. An operator can allow more through [New].

// headers whose values are useful and reveal little; addresses and tokens in
// them are still redacted.
var allowedHeaders = find.Set(`accept accept-charset accept-encoding accept-language access-control-request-method cache-control connection
	content-disposition content-encoding content-language content-length content-type date expect host if-match if-modified-since if-none-match
	origin pragma range referer te traceparent tracestate transfer-encoding upgrade user-agent via x-forwarded-for x-forwarded-host
	x-forwarded-port x-forwarded-proto x-real-ip x-request-id x-requested-with x-correlation-id forwarded b3 baggage sentry-trace dnt
	sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user upgrade-insecure-requests x-http-method-override idempotency-key`)

// sensitive headers are kept by name, with the value replaced.
var secretHeaders = find.Set(`authorization proxy-authorization cookie set-cookie x-api-key x-auth-token x-csrf-token x-csrftoken x-xsrf-token
	x-amz-security-token x-access-token api-key apikey x-session-token x-authorization www-authenticate x-hub-signature x-hub-signature-256
	x-gitlab-token x-vault-token x-goog-api-key sentry-hook-signature stripe-signature private-token x-amz-signature`)

var allowedEnv = find.Set(`server_name server_port server_protocol server_software request_method remote_addr remote_port script_name path_info
	query_string content_type content_length gateway_interface wsgi.url_scheme wsgi.version`)

var allowedTags = find.Set(`environment level logger release runtime runtime.name os os.name os.version browser browser.name device device.family
	server_name site transaction url handled mechanism culture.timezone sdk dist python version service region zone component module
	http.method http.status_code status_code method endpoint route task task_name queue worker celery_task_id django_version framework`)

var allowedExtras = find.Set(`sys.argv celery-job`)

// log and breadcrumb data.
var allowedData = find.Set(`url method http.method http.request.method http.query http.fragment status_code http.response.status_code reason
	category type level logger name module funcname function lineno line filename pathname thread threadname thread.name thread.id process
	processname asctime query sql db.statement db.system operation op duration elapsed count size rows args params exc_type exc_value error
	exception message status state event action`)

// attributes of OpenTelemetry's semantic conventions, by their first part.
var allowedAttributes = []string{
	"http.", "url.", "server.", "client.", "network.", "net.", "db.", "rpc.", "messaging.", "code.", "exception.", "error.", "service.",
	"telemetry.", "process.runtime.", "process.pid", "process.command", "thread.", "otel.", "faas.", "k8s.", "container.", "host.", "os.",
	"deployment.", "cloud.region", "cloud.provider", "cloud.availability_zone", "user_agent.", "peer.service", "graphql.operation.", "log.",
	"event.name", "feature_flag.", "vcs.", "gen_ai.operation", "celery.", "django.", "flask.", "aws.region", "session.type",
}

// dropped attributes, although of an allowed family: they contain personal data
// or a body.
var deniedAttributes = []string{
	"http.request.body", "http.response.body", "http.request.header", "http.response.header", "db.query.parameter", "messaging.message.body",
	"db.user", "rpc.request.metadata", "rpc.response.metadata", "host.mac",
}

func (r *Redactor) allowsTag(name string) bool {
	return allowedTags[strings.ToLower(name)] || r.allow[name]
}

func (r *Redactor) allowsExtra(name string) bool {
	return allowedExtras[name] || r.allow[name]
}

func (r *Redactor) allowsData(name string) bool {
	return allowedData[strings.ToLower(name)] || r.allowsAttribute(name)
}

func (r *Redactor) allowsAttribute(name string) bool {
	if r.allow[name] {
		return true
	}
	for _, p := range deniedAttributes {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	for _, p := range allowedAttributes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// statement reports whether a name refers to a database statement, whose
// literals are data.
func statement(name string) bool {
	switch strings.ToLower(name) {
	case "db.statement", "db.query.text", "sql", "query":
		return true
	}
	return false
}
