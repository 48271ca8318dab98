// Package recording keeps what is said to and by a model's endpoint in a file,
// and says it again without one.
//
// A recording is JSON Lines: one exchange a line, in the order in which they
// ended. It holds no header but the response's content type and Retry-After, no
// host, and the key nowhere; prompts are redacted before they are sent. The
// folder of a run can so be given to somebody who has no access to the vendor.
//
//	r, err := recording.Create("model.jsonl", key)
//	m, err := anthropic.New(llm.Options{Model: "m", Key: key, Client: r.Client(nil)})
//	…
//	p, err := recording.Open("model.jsonl")
//	m, err = anthropic.New(llm.Options{Model: "m", BaseURL: "http://replay.invalid", Client: p.Client()})
package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/secret"
)

// An exchange is one request and its response.
type exchange struct {
	Endpoint   string          `json:"endpoint"` // last part of the path: messages, completions, responses
	Request    json.RawMessage `json:"request"`
	Status     int             `json:"status"`
	Type       string          `json:"content_type,omitempty"`
	RetryAfter string          `json:"retry_after,omitempty"`
	Response   string          `json:"response"`
	Cut        bool            `json:"cut,omitempty"` // the response was not read to its end
}

// maxBytes limits a recording that is read, and one exchange of it.
const maxBytes = 64 << 20

// A Recorder writes a recording. Safe for concurrent use.
type Recorder struct {
	key  secret.String
	mu   sync.Mutex
	file *os.File
}

// Create creates or empties a file. Nothing that equals key is written to it.
func Create(name string, key secret.String) (*Recorder, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &Recorder{key: key, file: f}, nil
}

// Close closes the file.
func (r *Recorder) Close() error { return r.file.Close() }

// Client returns a client that records what base does; nil is a new client.
func (r *Recorder) Client(base *http.Client) *http.Client {
	c := http.Client{}
	if base != nil {
		c = *base
	}
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	c.Transport = recorded{r, next}
	return &c
}

type recorded struct {
	*Recorder
	next http.RoundTripper
}

func (r recorded) RoundTrip(req *http.Request) (*http.Response, error) {
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = io.ReadAll(io.LimitReader(req.Body, maxBytes)); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	x := exchange{Endpoint: path.Base(req.URL.Path), Request: sent, Status: resp.StatusCode,
		Type: resp.Header.Get("Content-Type"), RetryAfter: resp.Header.Get("Retry-After"), Cut: true}
	resp.Body = &tee{ReadCloser: resp.Body, to: r.Recorder, x: x}
	return resp, nil
}

// tee keeps what is read of a response, and writes the exchange when it is closed.
type tee struct {
	io.ReadCloser
	to   *Recorder
	x    exchange
	kept bytes.Buffer
	once sync.Once
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if t.kept.Len() < maxBytes {
		t.kept.Write(p[:n])
	}
	if err == io.EOF {
		t.x.Cut = false
	}
	return n, err
}

func (t *tee) Close() error {
	t.once.Do(func() {
		t.x.Response = t.kept.String()
		if complete(t.x) {
			t.x.Cut = false
		}
		t.to.write(t.x)
	})
	return t.ReadCloser.Close()
}

// complete reports whether a stream has had its last event: readers stop there.
func complete(x exchange) bool {
	for _, last := range []string{"message_stop", "[DONE]", "response.completed", "response.incomplete", "response.failed"} {
		if strings.Contains(x.Response, last) {
			return true
		}
	}
	return false
}

func (r *Recorder) write(x exchange) {
	if !json.Valid(x.Request) {
		x.Request, _ = json.Marshal(string(x.Request))
	}
	data, err := json.Marshal(x)
	if err != nil {
		return
	}
	if key := r.key.Reveal(); key != "" {
		quoted, _ := json.Marshal(key)
		data = bytes.ReplaceAll(data, bytes.Trim(quoted, `"`), []byte("[key]"))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = r.file.Write(append(data, '\n')) // a full disk must not end a repair
}

// A Player answers from a recording. Safe for concurrent use.
type Player struct {
	endpoint string

	mu   sync.Mutex
	left map[string][]exchange // by what they answer
}

// Endpoint is the last part of the path that was asked: messages, completions or
// responses; "" if the recording is empty.
func (p *Player) Endpoint() string { return p.endpoint }

// Open reads a recording. Its error is fault.Invalid if it is not one.
func Open(name string) (*Player, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &Player{left: map[string][]exchange{}}
	scanner := bufio.NewScanner(io.LimitReader(f, maxBytes))
	scanner.Buffer(nil, maxBytes)
	for n := 1; scanner.Scan(); n++ {
		var x exchange
		if err := json.Unmarshal(scanner.Bytes(), &x); err != nil || x.Endpoint == "" {
			return nil, fault.Errorf(fault.Invalid, "%s, line %d is not an exchange with a model", name, n)
		}
		k := key(x.Endpoint, x.Request)
		p.endpoint = x.Endpoint
		p.left[k] = append(p.left[k], x)
	}
	return p, scanner.Err()
}

// Client returns a client that answers from the recording: with the next exchange
// that had as many turns and the same tool calls. Prompts need not be equal:
// redaction and quotation differ between runs.
func (p *Player) Client() *http.Client { return &http.Client{Transport: played{p}} }

type played struct{ *Player }

func (p played) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(req.Body, maxBytes)); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	k := key(path.Base(req.URL.Path), body)
	p.mu.Lock()
	list := p.left[k]
	if len(list) > 0 {
		p.left[k] = list[1:]
	}
	p.mu.Unlock()
	if len(list) == 0 {
		return nil, fault.Errorf(fault.NotFound, "the recording has no further answer to this conversation")
	}
	x := list[0]
	header := http.Header{}
	for name, value := range map[string]string{"Content-Type": x.Type, "Retry-After": x.RetryAfter} {
		if value != "" {
			header.Set(name, value)
		}
	}
	var text io.Reader = strings.NewReader(x.Response)
	if x.Cut {
		text = io.MultiReader(text, broken{})
	}
	return &http.Response{Status: http.StatusText(x.Status), StatusCode: x.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(text), ContentLength: -1, Request: req}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// key is what a request asks: the endpoint, the number of its turns, and the
// model's tool calls that are among them, in any vendor's format.
func key(endpoint string, request []byte) string {
	var r struct {
		Messages []any `json:"messages"`
		Input    []any `json:"input"`
	}
	_ = json.Unmarshal(request, &r)
	var ids []string
	collect(r.Messages, &ids)
	collect(r.Input, &ids)
	return fmt.Sprint(endpoint, " ", strconv.Itoa(len(r.Messages)+len(r.Input)), " ", ids)
}

// collect finds the identifiers of tool calls.
func collect(v any, ids *[]string) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			collect(x, ids)
		}
	case map[string]any:
		for _, name := range []string{"tool_use_id", "tool_call_id", "call_id"} {
			if id, ok := v[name].(string); ok {
				*ids = append(*ids, id)
			}
		}
		for _, name := range []string{"content", "tool_calls"} {
			collect(v[name], ids)
		}
	}
}
