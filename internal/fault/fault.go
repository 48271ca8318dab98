// Package fault classifies errors by what callers can do about them: a [Kind],
// decided once at the edge where the error occurred, and for runs that end
// without a pull request a typed [Stop].
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
	Internal  Kind = iota // a bug or an unexpected condition; see the log
	Invalid               // the input is invalid; retrying the same input cannot succeed
	Denied                // the caller or its token lacks permission
	NotFound              // the named thing does not exist
	Retryable             // the same call may succeed later
	Budget                // a limit on size, time, tokens or money was reached
)

var kindNames = [...]string{"internal", "invalid", "denied", "not_found", "retryable", "budget"}

// String returns the kind's name, as used in metrics and logs.
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

// Errorf is fmt.Errorf, including %w, for an error of kind k.
func Errorf(k Kind, format string, args ...any) error {
	return &kindError{k, fmt.Errorf(format, args...)}
}

// KindOf returns the outermost kind in err's tree, or Internal if there is none.
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
