package otlp

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/incident/evidence"
)

// Limits on the context kept for one error.
const (
	maxSpans   = 200
	maxLogs    = 200
	maxRecords = 1000 // exception records parsed per request
)

// A record is one exception record: a span event or log record.
type record struct {
	event incident.Event
	nanos uint64
	key   string             // deduplication key
	group string             // records of the same group report the same failure
	doc   *evidence.Document // what the recorder said of its values; nil if nothing
}

// A served is the request that a trace's server span was serving.
type served struct {
	request     *incident.Request
	transaction string
}

// A collector gathers one export request.
type collector struct {
	records  []record
	spans    map[string][]incident.Span // by trace
	logs     map[string][]incident.Log
	requests map[string]served
	seen     int
	skipped  int
}

func (c *collector) traces(td ptrace.Traces) {
	for _, rs := range td.ResourceSpans().All() {
		base := resource(rs.Resource().Attributes())
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				c.seen++
				c.span(s, base)
			}
		}
	}
}

func (c *collector) span(s ptrace.Span, base incident.Event) {
	trace, id := s.TraceID().String(), s.SpanID().String()
	if len(c.spans[trace]) < maxSpans {
		c.spans[trace] = append(c.spans[trace], incident.Span{
			TraceID: trace, ID: id, ParentID: s.ParentSpanID().String(),
			Name: clean(s.Name()), Kind: strings.ToLower(s.Kind().String()),
			Start: s.StartTimestamp().AsTime(), End: s.EndTimestamp().AsTime(),
			Status: strings.ToLower(s.Status().Code().String()),
			Attrs:  variables(s.Attributes()),
		})
	}
	if s.Kind() == ptrace.SpanKindServer {
		if r := request(s.Attributes()); r != nil {
			c.requests[trace] = served{r, clean(s.Name())}
		}
	}
	for _, ev := range s.Events().All() {
		if ev.Name() != "exception" && !has(ev.Attributes(), "exception.type") {
			continue
		}
		e := base
		e.TraceID, e.SpanID, e.Level = trace, id, "error"
		e.Transaction = clean(s.Name())
		c.add(e, ev.Attributes(), uint64(ev.Timestamp()))
	}
}

func (c *collector) collectLogs(ld plog.Logs) {
	for _, rl := range ld.ResourceLogs().All() {
		base := resource(rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			for _, l := range sl.LogRecords().All() {
				c.seen++
				c.log(l, clean(sl.Scope().Name()), base)
			}
		}
	}
}

func (c *collector) log(l plog.LogRecord, scope string, base incident.Event) {
	at := l.Timestamp()
	if at == 0 {
		at = l.ObservedTimestamp()
	}
	trace := l.TraceID().String()
	lv := level(l.SeverityNumber())
	if len(c.logs[trace]) < maxLogs {
		c.logs[trace] = append(c.logs[trace], incident.Log{
			Time: at.AsTime(), Level: lv, Category: scope, Message: clean(l.Body().AsString()), Data: logData(l.Attributes()),
		})
	}
	if !has(l.Attributes(), "exception.type") && !has(l.Attributes(), "exception.stacktrace") {
		return
	}
	if n := l.SeverityNumber(); n != 0 && n < plog.SeverityNumberError {
		return // logged, but handled
	}
	e := base
	e.TraceID, e.SpanID, e.Level, e.Logger = trace, l.SpanID().String(), lv, scope
	if lv == "" {
		e.Level = "error"
	}
	e.Message = clean(l.Body().AsString())
	c.add(e, l.Attributes(), uint64(at))
}

// add appends a record made from exception.* attributes.
func (c *collector) add(e incident.Event, attrs pcommon.Map, nanos uint64) {
	if len(c.records) >= maxRecords {
		c.skipped++
		return
	}
	e.Exceptions = exceptions(attrs)
	if e.Exceptions == nil {
		return
	}
	e.Time = time.Unix(0, int64(min(nanos, 1<<63-1))).UTC()
	if e.Platform == "" && len(e.Raised().Frames) > 0 {
		e.Platform = "python" // only Python tracebacks parse
	}
	key := fmt.Sprintf("otlp:%s:%s:%d", e.TraceID, e.SpanID, nanos)
	sum := sha256.Sum256([]byte(key + e.Raised().Type))
	e.ID = hex.EncodeToString(sum[:16])
	c.records = append(c.records, record{event: e, nanos: nanos, key: key, group: groupOf(&e, key), doc: recorded(attrs)})
}

// recorded reads the recorder's attribute; a document that cannot be read is ignored.
func recorded(attrs pcommon.Map) *evidence.Document {
	v, ok := attrs.Get(evidence.Attribute)
	if !ok {
		return nil
	}
	doc, err := evidence.Decode([]byte(v.AsString()))
	if err != nil {
		return nil
	}
	return doc
}

// groupOf returns the group of a record: its trace, exception type and innermost
// in-app frame. Without a trace id, each record is its own group.
func groupOf(e *incident.Event, key string) string {
	if e.TraceID == "" {
		return key
	}
	x := e.Raised()
	group := e.TraceID + "\x00" + incident.BareName(x.Type)
	if fs := x.InApp(); len(fs) > 0 {
		f := fs[len(fs)-1]
		group += fmt.Sprintf("\x00%s\x00%s\x00%d", path.Base(f.File), incident.BareName(f.Function), f.Line)
	}
	return group
}

// batch returns one event per group.
func (c *collector) batch() *Batch {
	slices.SortStableFunc(c.records, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.nanos, b.nanos), cmp.Compare(a.key, b.key))
	})
	b := &Batch{Records: c.seen, Dropped: c.skipped}
	place := map[string]int{}
	var docs []*evidence.Document // by event
	for _, r := range c.records {
		if i, ok := place[r.group]; ok {
			merge(&b.Events[i], r.event)
			docs[i] = cmp.Or(docs[i], r.doc)
			continue
		}
		if len(b.Events) >= MaxEvents {
			b.Dropped++
			continue
		}
		place[r.group] = len(b.Events)
		b.Events = append(b.Events, r.event)
		b.Keys = append(b.Keys, r.key)
		docs = append(docs, r.doc)
	}
	for i := range b.Events {
		if docs[i] != nil {
			docs[i].AddTo(&b.Events[i])
		}
		c.surround(&b.Events[i])
	}
	return b
}

// merge adds the better parts of a later record of the same failure: the longer
// stack, which starts at the server's entry point, and the log message.
func merge(e *incident.Event, r incident.Event) {
	if own(r.Raised()) > own(e.Raised()) {
		e.Exceptions = r.Exceptions
	}
	if e.Message == "" {
		e.Message = r.Message
	}
	if e.Logger == "" {
		e.Logger = r.Logger
	}
}

// own counts the frames outside the telemetry SDK.
func own(x *incident.Exception) int {
	n := 0
	for _, f := range x.Frames {
		if !strings.Contains(f.File, "/opentelemetry/") {
			n += 1 + f.Repeated
		}
	}
	return n
}

// surround adds the spans, logs and request from the event's trace.
func (c *collector) surround(e *incident.Event) {
	if e.TraceID == "" {
		return
	}
	e.Spans = c.spans[e.TraceID]
	e.Logs = c.logs[e.TraceID]
	if s, ok := c.requests[e.TraceID]; ok {
		e.Request = s.request
		e.Transaction = cmp.Or(s.transaction, e.Transaction)
	}
}
