package redact

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact/secrettest"
)

func TestAnItemOfAListIsNamedByTheOneBefore(t *testing.T) {
	t.Parallel()
	const secret = "kX81mQz0LrT4vbn72"
	list := func(items ...string) incident.Value {
		v := incident.Value{Kind: incident.KindList}
		for _, s := range items {
			v.Items = append(v.Items, incident.Value{Kind: incident.KindRepr, Repr: s})
		}
		return v
	}
	q := func(s string) string { return "'" + s + "'" }
	for name, c := range map[string]struct {
		value incident.Value
		gone  bool
	}{
		"the value of an option":                       {list("'worker.py'", "'--db-password'", q(secret)), true},
		"a plain word as the value of an option":       {list("'--password'", "'hunter'"), true},
		"a value given twice":                          {list("'--token'", q(secret), "'--verbose'", q(secret)), true},
		"bytes of a header":                            {list("b'X-Api-Key'", "b'"+secret+"'"), true},
		"a header with a scheme":                       {list("b'authorization'", "b'Token "+secret+"'"), true},
		"a random value after a name":                  {list("'client_secret'", q(secret)), true},
		"an option after an option":                    {list("'--password'", "'--verbose'"), false},
		"an option with its value":                     {list("'--password-file=x'", "'verbose'"), false},
		"the value of a harmless option":               {list("'--verbose'", "'plainly'"), false},
		"two names":                                    {list("'password'", "'password_confirmation'"), false},
		"names in a row":                               {list("'id'", "'password'", "'quantity'"), false},
		"a number after the name of a sensitive thing": {list("'token'", "25300"), false},
	} {
		e := incident.Event{Exceptions: []incident.Exception{{Type: "E", Frames: []incident.Frame{{Locals: []incident.Variable{{Name: "items", Value: c.value}}}}}}}
		r := New(secrettest.Key)
		once := r.Event(e).Event()
		before, err := json.Marshal(c.value)
		if err != nil {
			t.Fatal(err)
		}
		after, err := json.Marshal(once.Exceptions[0].Frames[0].Locals[0].Value)
		if err != nil {
			t.Fatal(err)
		}
		last := c.value.Items[len(c.value.Items)-1].Repr
		if gone := !strings.Contains(string(after), strings.Trim(last, "b'")); gone != c.gone {
			t.Errorf("%s: %s became %s", name, before, after)
		}
		twice, err := json.Marshal(r.Event(once).Event().Exceptions[0].Frames[0].Locals[0].Value)
		if err != nil || string(twice) != string(after) {
			t.Errorf("%s: redacted twice: %s, once: %s", name, twice, after)
		}
	}
}
