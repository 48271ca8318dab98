package redact

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact/secrettest"
)

// Whatever part of a value that the recorder described holds a secret, it is
// redacted, and what holds none stays.
func TestEveryPartOfARecordedValueIsRedacted(t *testing.T) {
	t.Parallel()
	const token = "ghp_R8aVbq0XyZ3LmN5kPwT7sUvC1dEfGh2IjKl4"
	secret := incident.Value{Kind: incident.KindRepr, Repr: "'" + token + "'"}
	plain := incident.Value{Kind: incident.KindRepr, Repr: "7"}
	for name, v := range map[string]incident.Value{
		"an attribute":         {Kind: incident.KindObject, Type: "shop:A", Fields: []incident.Variable{{Name: "a", Value: secret}}},
		"an attribute's name":  {Kind: incident.KindObject, Type: "shop:A", Fields: []incident.Variable{{Name: token, Value: plain}}},
		"an argument":          {Kind: incident.KindCall, Type: "re:compile", Items: []incident.Value{secret}},
		"a dict's key":         {Kind: incident.KindDict, Fields: []incident.Variable{{Name: token, Value: plain}}, Keys: []incident.Value{secret}},
		"the base of a string": {Kind: incident.KindObject, Type: "shop:A", Base: &secret},
		"the repr":             {Kind: incident.KindObject, Type: "shop:A", Repr: "<A token=" + token + ">"},
		"the type":             {Kind: incident.KindObject, Type: "x " + token},
		"a parameter":          {Kind: incident.KindObject, Type: "shop:A", Init: []string{token}},
		"a method's object":    {Kind: incident.KindMember, Type: "get", Items: []incident.Value{secret}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := incident.Event{
				Environment: incident.Environment{Facts: []incident.Variable{{Name: "v", Value: v}}, Task: token},
				Exceptions: []incident.Exception{{Type: "E", Frames: []incident.Frame{{
					Function: "f", Locals: []incident.Variable{{Name: "v", Value: v, Entry: true}},
				}}}},
			}
			out := New(secrettest.Key).Event(e).Event()
			text, err := json.Marshal(out)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), token) {
				t.Errorf("the secret is left in %s", text)
			}
			got := out.Exceptions[0].Frames[0].Locals[0]
			if !got.Entry || got.Value.Kind != v.Kind || len(got.Value.Fields) != len(v.Fields) || len(got.Value.Keys) != len(v.Keys) {
				t.Errorf("%+v became %+v", v, got)
			}
		})
	}
}

func TestSecretNamesRedactTheAttributesOfObjects(t *testing.T) {
	t.Parallel()
	v := incident.Value{Kind: incident.KindObject, Type: "shop:Client", ID: 4, Guarded: true, Fields: []incident.Variable{
		{Name: "password", Value: incident.Value{Kind: incident.KindRepr, Repr: "'correct horse battery'"}},
		{Name: "retries", Value: incident.Value{Kind: incident.KindRepr, Repr: "3"}},
	}}
	e := incident.Event{Exceptions: []incident.Exception{{Type: "E", Frames: []incident.Frame{{Locals: []incident.Variable{{Name: "v", Value: v}}}}}}}
	out := New(secrettest.Key).Event(e).Event()
	got := out.Exceptions[0].Frames[0].Locals[0].Value
	if strings.Contains(got.Fields[0].Value.Repr, "horse") || got.Fields[1].Value.Repr != "3" || got.ID != 4 || !got.Guarded || got.Type != "shop:Client" {
		t.Errorf("got %+v", got)
	}
}
