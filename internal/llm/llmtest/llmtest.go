// Package llmtest is endpoints of language models for tests: servers on loopback
// that speak the vendors' wire formats, streamed and whole, and say what a
// script tells them.
//
//	s := llmtest.Start(t, llmtest.Anthropic, llmtest.Turns(
//		llmtest.Turn{Thinking: "A band is missing.", Calls: llmtest.Call("read_file", map[string]any{"path": "a.py"})},
//		llmtest.Turn{Text: "Done."}))
//	m, err := anthropic.New(llm.Options{BaseURL: s.URL, Model: "m"})
package llmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/repaird/repaird/internal/llm"
)

// A Format is a vendor's wire format.
type Format int

// The formats.
const (
	Anthropic Format = iota // POST /v1/messages
	Chat                    // POST /v1/chat/completions
	Responses               // POST /v1/responses
)

// A Turn is one answer.
type Turn struct {
	Thinking string // reasoning, in the format's own way: signed, encrypted or in clear
	Text     string
	Calls    []llm.ToolCall // without IDs: the server numbers them
	Stop     string         // of package llm; default by Calls
	Usage    llm.Usage

	Status int         // not 0: an error with Body
	Header http.Header // further headers
	Body   string      // raw answer, whatever the format
	Whole  bool        // not streamed, whatever was asked for
	Hang   bool        // nothing is sent until the request is cancelled
	Break  bool        // the stream ends after its first event
}

// Call is one tool call.
func Call(name string, input any) []llm.ToolCall {
	data, err := json.Marshal(input)
	if err != nil {
		panic(err) // a mistake in the test
	}
	return []llm.ToolCall{{Name: name, Input: data}}
}

// A Script says what a model answers in the n-th turn of a conversation; both
// count from 0. Conversations are numbered in the order in which they begin.
type Script func(conversation, turn int) Turn

// Turns is a script that says the same in every conversation, and the last turn
// again after its end.
func Turns(turns ...Turn) Script {
	return func(_, n int) Turn { return turns[min(n, len(turns)-1)] }
}

// Each is a script whose n-th request, of whatever conversation, gets the n-th
// turn, and those after the end the last.
func Each(turns ...Turn) Script {
	var mu sync.Mutex
	n := 0
	return func(int, int) Turn {
		mu.Lock()
		defer mu.Unlock()
		n++
		return turns[min(n, len(turns))-1]
	}
}

// A Request is one that a server received.
type Request struct {
	Conversation, Turn int
	Header             http.Header
	Body               []byte
}

// A Server is an endpoint.
type Server struct {
	URL string // what a client takes as its base URL

	t      testing.TB
	format Format
	script Script
	done   chan struct{}

	mu    sync.Mutex
	begun int
	seen  []Request
	spent llm.Usage
}

// Start starts an endpoint that ends with the test.
func Start(t testing.TB, format Format, script Script) *Server {
	t.Helper()
	s := &Server{t: t, format: format, script: script, done: make(chan struct{})}
	h := httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = h.URL
	if format != Anthropic {
		s.URL += "/v1"
	}
	t.Cleanup(func() { close(s.done); h.Close() })
	return s
}

// Requests returns the requests so far, in the order of their arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.seen...)
}

// Spent is the usage of all answers.
func (s *Server) Spent() llm.Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spent
}

var paths = map[Format]string{Anthropic: "/v1/messages", Chat: "/v1/chat/completions", Responses: "/v1/responses"}

// said is how an answer's number is found in the conversation that follows it.
var said = regexp.MustCompile(`\bturn-(\d+)-(\d+)-`)

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != paths[s.format] {
		s.t.Errorf("the endpoint was asked %s %s, want POST %s", r.Method, r.URL.Path, paths[s.format])
	}
	var asked struct {
		Stream bool `json:"stream"`
	}
	_ = json.Unmarshal(body, &asked)
	s.mu.Lock()
	c, n := s.begun, 0
	if all := said.FindAllStringSubmatch(string(body), -1); len(all) > 0 {
		last := all[len(all)-1]
		c, _ = strconv.Atoi(last[1])
		n, _ = strconv.Atoi(last[2])
		n++
	} else {
		s.begun++
	}
	s.seen = append(s.seen, Request{c, n, r.Header.Clone(), body})
	s.mu.Unlock()
	turn := s.script(c, n)
	if turn.Hang {
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		return
	}
	for k, v := range turn.Header {
		w.Header()[k] = v
	}
	if turn.Status != 0 || turn.Body != "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(max(turn.Status, http.StatusOK))
		_, _ = io.WriteString(w, turn.Body)
		return
	}
	turn.Calls = append([]llm.ToolCall(nil), turn.Calls...)
	for i := range turn.Calls {
		turn.Calls[i].ID = fmt.Sprintf("turn-%d-%d-%d", c, n, i)
	}
	if turn.Stop == "" {
		turn.Stop = llm.StopEnd
		if len(turn.Calls) > 0 {
			turn.Stop = llm.StopTools
		}
	}
	s.mu.Lock()
	s.spent = s.spent.Add(turn.Usage)
	s.mu.Unlock()
	whole, events := s.format.encode(turn, fmt.Sprintf("turn-%d-%d-x", c, n))
	if !asked.Stream || turn.Whole {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(whole)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for i, e := range events {
		if turn.Break && i == 1 {
			return
		}
		_, _ = io.WriteString(w, e)
		w.(http.Flusher).Flush()
	}
}

// object is a JSON object.
type object = map[string]any

func event(kind string, data any) string {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	if kind == "" {
		return "data: " + string(b) + "\n\n"
	}
	return "event: " + kind + "\ndata: " + string(b) + "\n\n"
}

// pieces cuts a text in two, as streams do anywhere.
func pieces(s string) []string {
	if len(s) < 2 {
		return []string{s}
	}
	n := len(s) / 2
	for n < len(s) && s[n]&0xC0 == 0x80 {
		n++
	}
	return []string{s[:n], s[n:]}
}

func (f Format) encode(t Turn, id string) (whole any, events []string) {
	switch f {
	case Anthropic:
		return t.anthropic(id)
	case Chat:
		return t.chat(id)
	default:
		return t.responses(id)
	}
}

// marked is what the vendors' signatures and encrypted texts are in these fakes.
func marked(s string) string { return "sealed:" + strings.ToUpper(s) }
