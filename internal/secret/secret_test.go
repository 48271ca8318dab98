package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/repaird/repaird/internal/secret"
)

func TestASecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const text = "hunter2"
	s := secret.New(text)
	holder := struct{ Token secret.String }{s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, s, &s, holder)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "token", s, "holder", holder, "pointer", &s)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "token", s, "holder", holder, "list", []secret.String{s})
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		b, err := marshal(map[string]any{"a": s, "b": &s, "c": holder})
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	fmt.Fprint(&out, s, fmt.Errorf("with %v", s))
	for _, form := range []string{text, fmt.Sprintf("%x", text)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret was printed: %s", out.String())
		}
	}
	if s.Reveal() != text {
		t.Errorf("got %q, want the secret", s.Reveal())
	}
}

func TestASecretIsReadFromConfiguration(t *testing.T) {
	t.Parallel()
	var v struct{ A, B secret.String }
	if err := yaml.Unmarshal([]byte("a: hunter2\n"), &v); err != nil {
		t.Fatal(err)
	}
	if v.A.Reveal() != "hunter2" || v.A.Empty() || !v.B.Empty() {
		t.Errorf("got %q and %q", v.A.Reveal(), v.B.Reveal())
	}
}
