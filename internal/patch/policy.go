package patch

import (
	"fmt"
	"io/fs"

	"github.com/repaird/repaird/internal/fault"
)

// A Policy says what a machine-made patch may touch. The zero value is the default policy.
type Policy struct {
	MaxFiles   int      // default 5
	MaxLines   int      // changed lines, added and removed, default 120
	MaxBytes   int      // of added text, default 32 KiB
	Extensions []string // file name extensions that may be edited, default .py
}

func (p Policy) withDefaults() Policy {
	if p.MaxFiles == 0 {
		p.MaxFiles = 5
	}
	if p.MaxLines == 0 {
		p.MaxLines = 120
	}
	if p.MaxBytes == 0 {
		p.MaxBytes = 32 << 10
	}
	if len(p.Extensions) == 0 {
		p.Extensions = []string{".py"}
	}
	return p
}

// A Violation is a rule of the policy that a patch breaks.
type Violation struct {
	Rule   Rule   `json:"rule"`
	Path   string `json:"path,omitempty"` // as in the patch; hostile
	Line   int    `json:"line,omitempty"` // in the new file, from 1; 0: the file as a whole
	Detail string `json:"detail"`
}

// Error returns rule, place and detail, printable whatever the path.
func (v *Violation) Error() string {
	place := ""
	if v.Path != "" {
		place = " " + clip(quotable(v.Path), 120)
	}
	if v.Line > 0 {
		place += fmt.Sprintf(":%d", v.Line)
	}
	return fmt.Sprintf("policy %s:%s %s", v.Rule, place, v.Detail)
}

// Check says whether the policy admits the patch. Its error is a *Violation
// (kind fault.Denied), or that of [Apply]. What needs Python to decide, the
// rules on the added code, package verify asks in a sandbox.
func (p Policy) Check(base fs.FS, patch Patch) error {
	p = p.withDefaults()
	for _, path := range patch.Paths() {
		if v := checkPath(base, path, p.Extensions); v != nil {
			return fault.Errorf(fault.Denied, "%w", v)
		}
	}
	overlay, err := Apply(base, patch)
	if err != nil {
		return err
	}
	v, err := p.checkTexts(base, overlay)
	if err != nil {
		return err
	}
	if v != nil {
		return fault.Errorf(fault.Denied, "%w", v)
	}
	return nil
}
