package llm

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/secret"
)

// The values of Response.Stop.
const (
	StopEnd       = "end_turn"
	StopTools     = "tool_use"
	StopMaxTokens = "max_tokens"
	StopRefusal   = "refusal" // the model or a filter of the vendor's refuses to go on
)

// Options configure a vendor's client (llm/anthropic, llm/openai).
type Options struct {
	BaseURL string        // of the API; default: the vendor's
	Model   string        // the vendor's name for the model; required
	Key     secret.String // optional only with a BaseURL (self-hosted endpoints)
	Client  *http.Client  // default: a new client
	Timeout time.Duration // per request; default 10 minutes
	Idle    time.Duration // without a byte of the response, after which a request is cut off; default 1 minute
	Retry   Retry
}

// Validate checks the options and fills in the defaults. Its error is
// fault.Invalid.
func (o Options) Validate() (Options, error) {
	if o.Model == "" {
		return o, fault.Errorf(fault.Invalid, "model name is not configured")
	}
	if o.BaseURL == "" && o.Key.Empty() {
		return o, fault.Errorf(fault.Invalid, "API key for model %s is not configured", o.Model)
	}
	if o.BaseURL != "" {
		u, err := url.Parse(o.BaseURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
			return o, fault.Errorf(fault.Invalid, "the model's base URL must be an http or https URL without credentials")
		}
		o.BaseURL = strings.TrimRight(o.BaseURL, "/") + "/"
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Minute
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	o.Retry = o.Retry.withDefaults()
	o.Client = guarded(o.Client, o.Idle)
	return o, nil
}

// ObjectOrEmpty returns input if it is a JSON object, else {}: vendors reject a
// history in which a tool call's input is anything else.
func ObjectOrEmpty(input json.RawMessage) json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(input, &object) != nil || object == nil {
		return json.RawMessage(`{}`)
	}
	return input
}
