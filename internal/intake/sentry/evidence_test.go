package sentry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/intake/sentry"
)

func TestTheRecordersAttachmentIsReadWithItsEvent(t *testing.T) {
	t.Parallel()
	const event = `{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","exception":{"values":[{"type":"KeyError","stacktrace":{"frames":[
		{"filename":"shop/cart.py","function":"total","lineno":7,"in_app":true,"vars":{"cart":"<Cart object at 0x7f>"}}]}}]}}`
	const document = `{"version":1,"exceptions":[{"type":"builtins:KeyError","frames":[
		{"file":"/srv/shop/cart.py","function":"total","line":7,"locals":[["cart",{"object":"shop.cart:Cart"}]]}]}]}`
	line := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "\n", ""), "\t", "") }
	for name, tt := range map[string]struct{ file, document, want string }{
		"the recorder's":                  {"repaird-evidence.json", document, "shop.cart:Cart"},
		"a document that cannot be read":  {"repaird-evidence.json", `{"version":9}`, ""},
		"something else that is attached": {"notes.json", document, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			item := func(header, payload string) string {
				return fmt.Sprintf("{%s,\"length\":%d}\n%s\n", header, len(payload), payload)
			}
			env, err := sentry.ParseEnvelope([]byte("{}\n" +
				item(`"type":"event"`, line(event)) + item(`"type":"attachment","filename":"`+tt.file+`"`, line(tt.document))))
			if err != nil {
				t.Fatal(err)
			}
			e, ok, err := env.Event()
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			v := e.Exceptions[0].Frames[0].Locals[0].Value
			if v.Type != tt.want || v.Repr != "<Cart object at 0x7f>" {
				t.Errorf("got %+v", v)
			}
		})
	}
}
