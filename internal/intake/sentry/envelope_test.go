package sentry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/intake/sentry"
)

// items writes an envelope as one text.
func items(env *sentry.Envelope) string {
	s := env.EventID + "|" + env.DSN
	for _, i := range env.Items {
		s += fmt.Sprintf(" %s:%q", i.Type, i.Payload)
	}
	return s
}

func TestEnvelopesFollowTheGrammar(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"a header alone", `{}`, `|`},
		{"a header and a newline", "{}\n", `|`},
		{"header fields", `{"event_id":"904551b9-03f6-44c1-b38c-297dd3b90125","dsn":"https://k@h/42"}`, `904551b903f644c1b38c297dd3b90125|https://k@h/42`},
		{"an item with its length", "{}\n{\"type\":\"event\",\"length\":4}\n{\n}\n\n", `| event:"{\n}\n"`},
		{"an item without", "{}\n{\"type\":\"event\"}\n{}", `| event:"{}"`},
		{"an empty item", "{}\n{\"type\":\"attachment\",\"length\":0}\n\n{\"type\":\"event\"}\n{}\n", `| attachment:"" event:"{}"`},
		{"an empty item at the end", "{}\n{\"type\":\"attachment\",\"length\":0}", `| attachment:""`},
		{"a carriage return, which is payload", "{}\n{\"type\":\"attachment\",\"length\":3}\na\r\n\n{\"type\":\"x\"}\ny", `| attachment:"a\r\n" x:"y"`},
		{"a length in bytes, not characters", "{}\n{\"type\":\"attachment\",\"length\":4}\näö\n{\"type\":\"x\"}\ny", `| attachment:"äö" x:"y"`},
		{"an unknown type", "{}\n{\"type\":\"from_the_future\",\"new\":true}\n{}\n{\"type\":\"event\"}\n{}", `| from_the_future:"{}" event:"{}"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env, err := sentry.ParseEnvelope([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := items(env); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestBrokenEnvelopesAreRejected(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body string }{
		{"nothing", ""},
		{"a header that is not JSON", "hello\n"},
		{"a header that is not an object", "[]\n"},
		{"an item header that is not JSON", "{}\nhello\n{}"},
		{"an item without a type", "{}\n{\"length\":2}\n{}"},
		{"an item longer than the body", "{}\n{\"type\":\"event\",\"length\":20}\n{}"},
		{"an item shorter than its payload", "{}\n{\"type\":\"event\",\"length\":1}\n{}"},
		{"a negative length", "{}\n{\"type\":\"event\",\"length\":-1}\n{}"},
		{"a length that is not a number", "{}\n{\"type\":\"event\",\"length\":\"2\"}\n{}"},
		{"a length beyond all bounds", "{}\n{\"type\":\"event\",\"length\":99999999999999999999}\n{}"},
		{"too many items", "{}\n" + strings.Repeat("{\"type\":\"x\"}\n{}\n", 101)},
		{"a header of 100 KB", `{"dsn":"` + strings.Repeat("x", 100<<10) + `"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := sentry.ParseEnvelope([]byte(tt.body))
			if k := fault.KindOf(err); err == nil || (k != fault.Invalid && k != fault.Budget) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnEnvelopeCarriesOneEvent(t *testing.T) {
	t.Parallel()
	env, err := sentry.ParseEnvelope([]byte("{}\n{\"type\":\"event\"}\n{}\n{\"type\":\"event\"}\n{}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := env.Event(); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want an error for two events", err)
	}
}

func TestTheHeadersIDWins(t *testing.T) {
	t.Parallel()
	env, err := sentry.ParseEnvelope([]byte("{\"event_id\":\"aa\"}\n{\"type\":\"event\"}\n{\"event_id\":\"bb\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	e, ok, err := env.Event()
	if err != nil || !ok || e.ID != "aa" {
		t.Errorf("got %q, %t, %v, want aa", e.ID, ok, err)
	}
}

func TestDSNsAreParsed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		dsn, key, project string
		ok                bool
	}{
		{"https://k@h.example/42", "k", "42", true},
		{"https://k:s@h.example:9000/some/path/42", "k", "42", true},
		{"https://h.example/42", "", "", false},
		{"k@h/42", "", "", false},
		{"https://k@h", "", "", false},
		{"", "", "", false},
	}
	for _, tt := range tests {
		got, ok := sentry.ParseDSN(tt.dsn)
		if ok != tt.ok || ok && (got.PublicKey != tt.key || got.Project != tt.project) {
			t.Errorf("ParseDSN(%q): got %+v, %t", tt.dsn, got, ok)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, name := range payloads {
		if data := payload(f, name); len(data) < 20_000 {
			f.Add(data)
		}
	}
	f.Add([]byte("{}\n{\"type\":\"event\",\"length\":2}\n{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := sentry.ParseEnvelope(data)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Budget {
				t.Fatalf("error of kind %s: %v", k, err)
			}
			return
		}
		size := 0
		for _, i := range env.Items {
			size += len(i.Payload)
		}
		if size > len(data) {
			t.Fatalf("%d bytes of items in %d bytes", size, len(data))
		}
		_, _, _ = env.Event()
	})
}
