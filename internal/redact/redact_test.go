package redact

import (
	"testing"
)

var testKey = []byte("a key of at least sixteen bytes")

func TestRedactingTwiceIsRedactingOnce(t *testing.T) {
	t.Parallel()
	r := New(testKey)
	for _, s := range []string{
		"password=hunter2 and again hunter2", `{"password": "hunter2-Friday", "a": 1}`, `{"body": "{\"password\": \"p\\\"w99xx\"}"}`,
	} {
		a := r.Text(s, nil).String()
		if b := r.Text(a, nil).String(); a != b {
			t.Errorf("%q became %q, then %q", s, a, b)
		}
	}
}
