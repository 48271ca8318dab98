package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/repaird/repaird/internal/trace/view"
)

// A CallID is the id of a call as the tools write it: a JSON number, or a string
// such as "14" or, for call 14 of the run's process 2, "2.14". The number 2.14
// is refused, because it could not be distinguished from 2.140. Zero, as number or string, and the empty string are not ids.
type CallID int64

// UnmarshalJSON implements json.Unmarshaler.
func (c *CallID) UnmarshalJSON(data []byte) error {
	text := string(data)
	if bytes.HasPrefix(data, []byte{'"'}) {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	} else if bytes.ContainsAny(data, ".eE") {
		return fmt.Errorf("call %s: write it as a string, %q", data, data)
	}
	if text == "" || text == "0" {
		*c = 0
		return nil
	}
	id, err := view.ParseCall(text)
	*c = CallID(id)
	return err
}

// schema returns the schema of a tool's input that may hold CallIDs.
func schema[In any]() *jsonschema.Schema {
	s, err := jsonschema.For[In](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[CallID](): {Types: []string{"integer", "string"}},
	}})
	if err != nil {
		panic(err) // the types are this package's own
	}
	return s
}
