// Package incident describes what broke in production, in one form for all
// sources.
//
// An [Event] is one error as received: from a Sentry webhook or SDK, from an
// OpenTelemetry exporter, or pasted into a GitHub issue. Decoders (package
// intake and below) produce Events; everything downstream reads only Events.
// An incident is the set of events that share a [Fingerprint]; its [Signature]
// is what a reproduction must match.
package incident

import "time"

// A Source names where an event came from.
type Source string

// The sources.
const (
	SourceSentry Source = "sentry"
	SourceOTLP   Source = "otlp"
	SourceGitHub Source = "github"
)

// An Event is one error as received, normalised. Its text is untrusted, and
// unredacted until it has passed package redact.
type Event struct {
	ID          string            `json:"id"`                 // the source's own id; 32 hex digits for Sentry
	Source      Source            `json:"source"`             //
	Project     string            `json:"project,omitempty"`  // configured project name; set by intake, never by a decoder
	Time        time.Time         `json:"time"`               // when it happened, UTC; zero if the source did not say
	Level       string            `json:"level,omitempty"`    // debug, info, warning, error, fatal
	Platform    string            `json:"platform,omitempty"` // "python"
	Logger      string            `json:"logger,omitempty"`
	Transaction string            `json:"transaction,omitempty"` // route or task name
	Message     string            `json:"message,omitempty"`     // log message, if there is no exception
	Exceptions  []Exception       `json:"exceptions,omitempty"`  // oldest cause first, the raised exception last
	Request     *Request          `json:"request,omitempty"`
	Logs        []Log             `json:"logs,omitempty"`  // breadcrumbs and correlated log records, oldest first
	Spans       []Span            `json:"spans,omitempty"` // spans of the same trace, as received
	Environment Environment       `json:"environment"`
	Release     string            `json:"release,omitempty"` // as received: a commit, pkg@version, …
	Commit      string            `json:"commit,omitempty"`  // 7 to 40 lower-case hex digits, if the event names one
	TraceID     string            `json:"trace_id,omitempty"`
	SpanID      string            `json:"span_id,omitempty"`
	Link        string            `json:"link,omitempty"` // the event's page at the source
	User        map[string]string `json:"user,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Extra       []Variable        `json:"extra,omitempty"`
	Fetch       *Fetch            `json:"fetch,omitempty"` // non-nil: this is only a notification; the event itself must be fetched
}

// An Exception is one link of the exception chain.
type Exception struct {
	Type     string   `json:"type"`               // bare or qualified class name, as received
	Module   string   `json:"module,omitempty"`   // module of the class, if reported separately from Type
	Message  string   `json:"message,omitempty"`  // str(exception)
	Handled  *bool    `json:"handled,omitempty"`  // nil: the source did not say
	Relation Relation `json:"relation,omitempty"` // to its parent; "" for the raised exception
	ID       int      `json:"id,omitempty"`       // position in an exception group's tree
	ParentID int      `json:"parent_id,omitempty"`
	Frames   []Frame  `json:"frames,omitempty"` // outermost first, the crash frame last
}

// A Relation says how an exception in the chain is related to its parent.
type Relation string

// The relations of PEP 3134 and PEP 654.
const (
	RelationCause   Relation = "cause"   // raise … from this
	RelationContext Relation = "context" // raised while handling this
	RelationGroup   Relation = "group"   // member of an ExceptionGroup
)

// A Frame is one level of a stack.
type Frame struct {
	File     string     `json:"file"`               // as received: relative, absolute, or derived from the module
	AbsPath  string     `json:"abs_path,omitempty"` //
	Module   string     `json:"module,omitempty"`   // dotted module name
	Function string     `json:"function,omitempty"` // code name or qualified name
	Line     int        `json:"line,omitempty"`     // 1-based; 0 unknown
	Code     string     `json:"code,omitempty"`     // source of Line
	Pre      []string   `json:"pre,omitempty"`      // source lines before
	Post     []string   `json:"post,omitempty"`     // source lines after
	InApp    bool       `json:"in_app"`             // the application's own code, according to the source or the decoder
	Locals   []Variable `json:"locals,omitempty"`   // nil if the SDK sent none
	Repeated int        `json:"repeated,omitempty"` // further identical frames folded into this one
	HasVars  bool       `json:"has_vars,omitempty"` // the SDK sent locals, possibly none
	Cut      bool       `json:"cut,omitempty"`      // the SDK dropped some locals, or may have: a missing name may have had a value
}

// A Variable is a named value: a local, a request field, an extra.
type Variable struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
	Entry bool   `json:"entry,omitempty"` // a parameter that, as the recorder saw, was not rebound since the call
}

// A Value is what a source recorded of one Python value. Kind says which of the
// other fields are meaningful. A value marked Trimmed or Filtered must never
// become a test's input. Error trackers' own values are of the first three kinds,
// without Type, Keys and ID; the others come from the recorder (sdk/python), which
// names things as module:qualified.name.
type Value struct {
	Kind     Kind       `json:"kind"`
	Repr     string     `json:"repr,omitempty"`     // KindRepr: Python repr text, such as 'a' or <Cart object at 0x7f>; of the recorder's kinds, the repr if it is known
	Items    []Value    `json:"items,omitempty"`    // KindList: the items; KindCall: positional arguments; KindObject: those of __new__; KindMember: the object
	Fields   []Variable `json:"fields,omitempty"`   // KindDict: keys as text; KindCall: keyword arguments; KindObject: attributes
	Keys     []Value    `json:"keys,omitempty"`     // KindDict: the keys of Fields, if the source recorded more than text
	Type     string     `json:"type,omitempty"`     // KindList: list, tuple, set or frozenset, "" if the source does not distinguish; KindDict: another mapping, "" for a dict; KindObject: the class; KindCall, KindName, KindMember: the name
	Init     []string   `json:"init,omitempty"`     // KindObject: what its constructor takes, as attribute or parameter=attribute; nil if it may do more than keep them
	Guarded  bool       `json:"guarded,omitempty"`  // KindObject: assigning to its attributes runs code of its class
	Base     *Value     `json:"base,omitempty"`     // KindObject: what it holds as an instance of a built-in type's subclass
	ID       int        `json:"id,omitempty"`       // not 0: other values of the event refer to this object; KindRef: the object referred to
	Trimmed  bool       `json:"trimmed,omitempty"`  // truncated by the SDK
	Filtered bool       `json:"filtered,omitempty"` // removed by the sender's scrubber, or withheld by repaird; not set for redaction tokens
	Suspect  bool       `json:"suspect,omitempty"`  // exactly as long as the limit of an SDK that truncates silently: may be incomplete
}

// A Kind is the form of a Value.
type Kind string

// The kinds.
const (
	KindRepr   Kind = "repr"
	KindList   Kind = "list"
	KindDict   Kind = "dict"
	KindObject Kind = "object" // an instance, by its attributes
	KindCall   Kind = "call"   // what a call returns
	KindName   Kind = "name"   // a class, function, module or enumeration member, by its name
	KindMember Kind = "member" // a method of an object
	KindRef    Kind = "ref"    // an object that is described elsewhere in the event
)

// A Request is the HTTP request that was being served.
type Request struct {
	Method  string     `json:"method,omitempty"`
	URL     string     `json:"url,omitempty"` // without its query
	Query   string     `json:"query,omitempty"`
	Headers []Header   `json:"headers,omitempty"`
	Cookies []Header   `json:"cookies,omitempty"`
	Data    *Value     `json:"data,omitempty"` // body, as the SDK parsed it
	Env     []Variable `json:"env,omitempty"`
	Route   string     `json:"route,omitempty"`
	Status  int        `json:"status,omitempty"`
}

// A Header is one HTTP header or cookie.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Log is one log record or breadcrumb near the error.
type Log struct {
	Time     time.Time  `json:"time"`
	Level    string     `json:"level,omitempty"`
	Category string     `json:"category,omitempty"` // logger or breadcrumb category
	Message  string     `json:"message,omitempty"`
	Data     []Variable `json:"data,omitempty"`
}

// A Span is one timed operation of the trace in which the error happened.
type Span struct {
	TraceID  string     `json:"trace_id"`
	ID       string     `json:"id"`
	ParentID string     `json:"parent_id,omitempty"`
	Name     string     `json:"name,omitempty"`
	Kind     string     `json:"kind,omitempty"` // server, client, internal, producer, consumer
	Start    time.Time  `json:"start"`
	End      time.Time  `json:"end"`
	Status   string     `json:"status,omitempty"` // ok, error, unset
	Attrs    []Variable `json:"attrs,omitempty"`
}

// An Environment is where the program ran.
type Environment struct {
	Name     string            `json:"name,omitempty"`    // production, staging, …
	Service  string            `json:"service,omitempty"` // service.name or Sentry project
	Server   string            `json:"server,omitempty"`
	Runtime  string            `json:"runtime,omitempty"`        // CPython
	Python   string            `json:"python,omitempty"`         // 3.11.7
	OS       string            `json:"os,omitempty"`             // Linux 6.1
	SDK      string            `json:"sdk,omitempty"`            // sentry.python.flask/2.68.0
	Modules  map[string]string `json:"modules,omitempty"`        // distribution → version
	TimeZone string            `json:"time_zone,omitempty"`      // IANA name, if known
	Repo     string            `json:"repository_url,omitempty"` // vcs.repository.url.full, if the source sets it
	Task     string            `json:"task,omitempty"`           // of the event loop, by its name
	Facts    []Variable        `json:"facts,omitempty"`          // what the application says of itself, such as its feature flags
}

// Raised returns the exception that was raised, which is the last in the chain,
// or nil if the event has none.
func (e *Event) Raised() *Exception {
	if len(e.Exceptions) == 0 {
		return nil
	}
	return &e.Exceptions[len(e.Exceptions)-1]
}

// Described reports whether the recorder described values of the event.
func (e *Event) Described() bool {
	for _, x := range e.Exceptions {
		for _, f := range x.Frames {
			for _, v := range f.Locals {
				if v.Value.Described() {
					return true
				}
			}
		}
	}
	return false
}

// InApp returns the exception's in-app frames, outermost first, or all frames if
// none is marked as in-app.
func (x *Exception) InApp() []Frame {
	var frames []Frame
	for _, f := range x.Frames {
		if f.InApp {
			frames = append(frames, f)
		}
	}
	if len(frames) == 0 {
		return x.Frames
	}
	return frames
}
