package patch

import (
	"fmt"
	"io/fs"

	"github.com/repaird/repaird/internal/fault"
)

// A Policy says what a machine-made patch may touch. Its zero fields take the
// defaults, but for Rules: without them it admits nothing.
type Policy struct {
	Rules      Rules    // of the repository's language
	MaxFiles   int      // default 5
	MaxLines   int      // changed lines, added and removed, default 120
	MaxBytes   int      // of added text, default 32 KiB
	Extensions []string // file name extensions that may be edited, default those of Rules
}

// Rules are what a policy asks of a language: which files of a repository are
// its sources, its tests, and what steers it.
type Rules interface {
	// Extensions are those of source files, such as ".py".
	Extensions() []string
	// Names are the patterns (those of path.Match) of base names that a patch may
	// not touch, by the rule that refuses them. Names are folded before they are
	// compared.
	Names() map[Rule][]string
	// Shadows says what a new file or folder would hide from what imports it, ""
	// for nothing. The elements from first on are those that base lacks; siblings
	// stand beside the first of them.
	Shadows(base fs.FS, elements []string, first int, siblings []fs.DirEntry) string
	// Encoding returns the name of the encoding that an added line would have the
	// language read its file with, "" where that stays UTF-8.
	Encoding(line int, text string) string
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
		p.Extensions = p.Rules.Extensions()
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
// (kind fault.Denied), or that of [Apply]. What takes the language's own parser
// to decide, the rules on the added code, package verify asks in a sandbox.
func (p Policy) Check(base fs.FS, patch Patch) error {
	if p.Rules == nil {
		return fault.Errorf(fault.Internal, "a policy without a language's rules admits nothing")
	}
	p = p.withDefaults()
	for _, path := range patch.Paths() {
		if v := p.checkPath(base, path); v != nil {
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
