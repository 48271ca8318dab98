// Package find finds the secret and personal parts of a text: values of telling
// names ([Pairs]), private keys and logins in URLs ([PEM], [Userinfo]),
// personal data with a recognisable form ([Personal]), and values that look
// random ([Random]). Each reports [Finding]s, which may overlap, and changes
// nothing. Providers' credentials are found by package redact/rules.
package find

import "github.com/repaird/repaird/internal/redact/encode"

// A Finding is a part of a text that is to be replaced.
type Finding struct {
	Start, End int
	Rule       string
	Firm       bool          // a value in a sensitive position, which propagates
	Cells      []encode.Cell // how the part is encoded; nil: not at all
	Given      string        // the replacement, if it is not the token of the part
	Basic      bool          // user:password in base64
}
