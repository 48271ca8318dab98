package llm

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// Streamed reports whether a response is a stream of events. Endpoints that do
// not stream answer a request to do so with one JSON document.
func Streamed(resp *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind == "text/event-stream"
}

// Events calls handle for the data of every server-sent event of a stream, and
// tells req's Progress how much has arrived. It returns handle's first error, or
// io.ErrUnexpectedEOF if the stream ended before handle returned io.EOF.
func Events(body io.Reader, req Request, handle func(data []byte) error) error {
	const line = 4 << 20
	scanner := bufio.NewScanner(body)
	scanner.Buffer(nil, line)
	var data []byte
	read := 0
	end := func() error {
		event := bytes.TrimSpace(data)
		data = nil
		if len(event) == 0 {
			return nil
		}
		return handle(event)
	}
	for scanner.Scan() {
		text := scanner.Bytes()
		read += len(text) + 1
		if len(text) == 0 {
			if err := end(); err != nil {
				return done(err)
			}
			req.progress(Progress{Bytes: read})
			continue
		}
		if value, ok := bytes.CutPrefix(text, []byte("data:")); ok {
			data = append(append(data, value...), '\n')
		}
	}
	if err := scanner.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return fault.Errorf(fault.Invalid, "an event of the response exceeds %d bytes", line)
		}
		return err
	}
	if err := end(); err != nil { // some servers send no empty line after the last event
		return done(err)
	}
	return fmt.Errorf("the stream ended early: %w", io.ErrUnexpectedEOF)
}

func done(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// Whole reads a response that is one JSON document.
func Whole(body io.Reader, req Request) ([]byte, error) {
	data, err := io.ReadAll(body)
	req.progress(Progress{Bytes: len(data)})
	return data, err
}

// Habits are what an endpoint turned out to refuse or to call otherwise. They
// are kept for later requests. Safe for concurrent use.
type Habits struct {
	mu     sync.Mutex
	habits []string
	answer int // completion tokens at most, 0 unknown
}

// Have reports whether the endpoint has a habit.
func (h *Habits) Have(habit string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.habits, habit)
}

// Learn adds a habit; it reports false if the endpoint had it already.
func (h *Habits) Learn(habit string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.habits, habit) {
		return false
	}
	h.habits = append(h.habits, habit)
	return true
}

var number = regexp.MustCompile(`\d+`)

// LearnAnswer takes the highest number of completion tokens from the message
// with which a request for asked was refused; it reports false if the message
// has none that is smaller.
func (h *Habits) LearnAnswer(message string, asked int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	best := 0
	for _, s := range number.FindAllString(message, -1) {
		if n, err := strconv.Atoi(s); err == nil && n >= 256 && n < asked {
			best = max(best, n)
		}
	}
	if best == 0 || h.answer != 0 && h.answer <= best {
		return false
	}
	h.answer = best
	return true
}

// Answer returns the completion tokens to ask for.
func (h *Habits) Answer(asked int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answer == 0 {
		return asked
	}
	return min(asked, h.answer)
}

// Try is one request: it returns the response, or an error with what had been
// used by then.
type Try func(ctx context.Context) (*Response, error)

// maxAdaptations bounds the requests that are repeated at once because adapt
// changed something.
const maxAdaptations = 8

// Generate makes the requests of one call of a vendor's Model: try is repeated
// as o.Retry says, and at once where adapt learnt something from its error. The
// usage of all of them is in the response.
func (o Options) Generate(ctx context.Context, vendor string, req Request, try Try, adapt func(error) bool) (*Response, error) {
	var spent Usage
	var got *Response
	waiting := func(d time.Duration, why error) { req.progress(Progress{Wait: d, Why: why}) }
	err := o.Retry.Do(ctx, waiting, func(ctx context.Context) error {
		limited, cancel := context.WithTimeout(ctx, o.Timeout)
		defer cancel()
		for n := 0; ; n++ {
			resp, err := try(limited)
			if resp != nil {
				spent = spent.Add(resp.Usage)
			}
			if err == nil {
				got = resp
				return nil
			}
			var status *StatusError
			if !errors.As(err, &status) {
				return TransportError(ctx, vendor, err)
			}
			if n >= maxAdaptations || !adapt(err) {
				return err
			}
		}
	})
	if err != nil {
		return &Response{Usage: spent}, err
	}
	got.Usage = spent
	return got, nil
}
