// Package fault gives errors the two properties that callers act on: a [Kind],
// decided once at the edge where the error arose, and for ends of a run a typed
// [Stop].
//
// A Stop is an answer, not a failure of repaird: it says which evidence or
// permission is missing and what would help.
package fault

import (
	"errors"
	"fmt"
)

// A Kind says what a caller can do about an error.
type Kind int

// The kinds. An error without one is Internal.
const (
	Internal  Kind = iota // a defect or an unexpected condition; look at the log
	Invalid               // the input is wrong; the same input never works
	Denied                // the sender or token may not do this
	NotFound              // what was named does not exist
	Retryable             // the same call may work later
	Budget                // a limit of size, time, tokens or money was reached
)

var kindNames = [...]string{"internal", "invalid", "denied", "not_found", "retryable", "budget"}

// String returns the kind's name as metrics and logs use it.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return kindNames[Internal]
	}
	return kindNames[k]
}

type kindError struct {
	kind Kind
	err  error
}

func (e *kindError) Error() string { return e.err.Error() }
func (e *kindError) Unwrap() error { return e.err }

// Errorf returns an error of the kind; the format is that of fmt.Errorf, %w included.
func Errorf(k Kind, format string, args ...any) error {
	return &kindError{k, fmt.Errorf(format, args...)}
}

// KindOf returns the outermost kind in err's tree, Internal when it has none.
func KindOf(err error) Kind {
	var e *kindError
	if errors.As(err, &e) {
		return e.kind
	}
	return Internal
}

// Wrap adds context to *err at an exported boundary, keeping its kind:
//
//	func Open(name string) (err error) {
//		defer fault.Wrap(&err, "open bundle %s", name)
func Wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *err)
	}
}
