package otlp

import (
	"encoding/binary"

	"github.com/repaird/repaird/internal/fault"
)

// maxDepth limits the nesting of attribute values. The unmarshalers recurse
// without limit, and exceeding Go's stack limit kills the process; 20 MB of
// nested lists would suffice.
const maxDepth = 64

// A message is the part of a protobuf message's descriptor needed to follow
// nesting: the length-delimited fields that are messages.
type message map[uint32]*message

var (
	anyValue      = &message{}
	keyValue      = &message{2: anyValue}
	attributes1   = &message{1: keyValue} // resource
	scope         = &message{3: keyValue}
	spanEvent     = &message{3: keyValue}
	spanLink      = &message{4: keyValue}
	span          = &message{9: keyValue, 11: spanEvent, 13: spanLink}
	logRecord     = &message{5: anyValue, 6: keyValue}
	tracesRequest = exportRequest(span)
	logsRequest   = exportRequest(logRecord)
)

func init() {
	(*anyValue)[5] = &message{1: anyValue} // list
	(*anyValue)[6] = &message{1: keyValue} // map
}

func exportRequest(record *message) *message {
	return &message{1: {1: attributes1, 2: {1: scope, 2: record}}}
}

func checkDepth(body []byte, enc Encoding, m *message) error {
	if enc == JSON {
		return checkJSONDepth(body)
	}
	return checkProtoDepth(body, m, 0)
}

// checkJSONDepth limits the nesting of brackets outside strings.
func checkJSONDepth(body []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			// One level of values takes up to four brackets in JSON.
			if depth++; depth > 4*maxDepth {
				return fault.Errorf(fault.Budget, "nested deeper than %d values", maxDepth)
			}
		case c == '}' || c == ']':
			if depth--; depth < 0 {
				return fault.Errorf(fault.Invalid, "unbalanced brackets")
			}
		}
	}
	return nil
}

// checkProtoDepth follows the fields that are messages. It rejects what it
// cannot parse: bytes that only the unmarshaler understands could hide nesting.
func checkProtoDepth(b []byte, m *message, depth int) error {
	if depth > 3*maxDepth {
		return fault.Errorf(fault.Budget, "nested deeper than %d values", maxDepth)
	}
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return errMalformed
		}
		b = b[n:]
		size := uint64(0)
		switch tag & 7 {
		case 0:
			if _, n = binary.Uvarint(b); n <= 0 {
				return errMalformed
			}
			size = uint64(n)
		case 1:
			size = 8
		case 5:
			size = 4
		case 2:
			if size, n = binary.Uvarint(b); n <= 0 || size > uint64(len(b)-n) {
				return errMalformed
			}
			b = b[n:]
			// The unmarshaler truncates field numbers to 32 bits.
			if inner := (*m)[uint32(tag>>3)]; inner != nil {
				if err := checkProtoDepth(b[:size], inner, depth+1); err != nil {
					return err
				}
			}
		case 3, 4: // group tags; the group's fields are read at this level
		default:
			return errMalformed
		}
		if size > uint64(len(b)) {
			return errMalformed
		}
		b = b[size:]
	}
	return nil
}

var errMalformed = fault.Errorf(fault.Invalid, "malformed protobuf")
