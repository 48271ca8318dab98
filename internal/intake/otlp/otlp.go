// Package otlp extracts errors from OpenTelemetry export requests: exceptions
// recorded as span events, and log records with exception attributes. It does no
// I/O: it decodes untrusted bytes to incident.Events, within size limits.
//
//	batch, err := otlp.Traces(body, otlp.JSON) // POST /v1/traces
//	batch, err := otlp.Logs(body, otlp.Proto)  // POST /v1/logs
//
// One failure is reported several times: on the span where it was raised, on the
// spans it propagated through, by the application's logger and by the
// framework's. Records in one request with the same trace, exception type and
// innermost in-app frame become one Event. A batch's Keys deduplicate retried
// requests.
//
// OpenTelemetry records no local variables, and rarely a request's body.
package otlp

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
)

// An Encoding is one of the two encodings of OTLP over HTTP.
type Encoding int

// The encodings.
const (
	Proto Encoding = iota
	JSON
)

// MaxEvents is the maximum number of errors accepted from one request.
const MaxEvents = 100

// A Batch is the content of one request.
type Batch struct {
	Events  []incident.Event // ordered by time
	Keys    []string         // one per event: otlp:<trace>:<span>:<nanoseconds> of its earliest record
	Records int              // spans or log records in the request
	Dropped int              // errors beyond MaxEvents
}

// Traces decodes an ExportTraceServiceRequest. Its error is fault.Invalid or
// fault.Budget.
func Traces(body []byte, enc Encoding) (b *Batch, err error) {
	defer fault.Wrap(&err, "otlp traces")
	if err := checkDepth(body, enc, tracesRequest); err != nil {
		return nil, err
	}
	var td ptrace.Traces
	if enc == JSON {
		td, err = (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(body)
	} else {
		td, err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(body)
	}
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "not an ExportTraceServiceRequest: %w", err)
	}
	c := &collector{spans: map[string][]incident.Span{}, requests: map[string]served{}}
	c.traces(td)
	return c.batch(), nil
}

// Logs decodes an ExportLogsServiceRequest. Its error is fault.Invalid or
// fault.Budget.
func Logs(body []byte, enc Encoding) (b *Batch, err error) {
	defer fault.Wrap(&err, "otlp logs")
	if err := checkDepth(body, enc, logsRequest); err != nil {
		return nil, err
	}
	var ld plog.Logs
	if enc == JSON {
		ld, err = (&plog.JSONUnmarshaler{}).UnmarshalLogs(body)
	} else {
		ld, err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs(body)
	}
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "not an ExportLogsServiceRequest: %w", err)
	}
	c := &collector{logs: map[string][]incident.Log{}}
	c.collectLogs(ld)
	return c.batch(), nil
}

// Success returns the body of a full success, or of a partial success if
// rejected is not 0. field is rejectedSpans or rejectedLogRecords.
func Success(enc Encoding, field string, rejected int, message string) []byte {
	if enc == JSON {
		partial := map[string]string{}
		if rejected > 0 {
			partial[field], partial["errorMessage"] = fmt.Sprint(rejected), message
		}
		b, _ := json.Marshal(map[string]any{"partialSuccess": partial})
		return b
	}
	var partial []byte
	if rejected > 0 {
		partial = binary.AppendUvarint([]byte{1 << 3}, uint64(rejected))
		partial = appendText(partial, 2, message)
	}
	return appendText(nil, 1, string(partial))
}

// Status returns the body of a failure, a google.rpc.Status.
func Status(enc Encoding, code int, message string) []byte {
	if enc == JSON {
		b, _ := json.Marshal(struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		}{code, message})
		return b
	}
	return appendText(binary.AppendUvarint([]byte{1 << 3}, uint64(code)), 2, message)
}

// appendText appends a length-delimited protobuf field.
func appendText(b []byte, field byte, s string) []byte {
	b = append(b, field<<3|2)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
