package patch

import (
	"fmt"
	"io/fs"

	"github.com/repaird/repaird/internal/fault"
)

// A Policy says what a generated patch may touch. Its zero fields take the
// defaults, except Rules: without them it allows nothing.
type Policy struct {
	Rules      Rules    // of the repository's language
	MaxFiles   int      // default 5
	MaxLines   int      // changed lines, added and removed, default 120
	MaxBytes   int      // of added text, default 32 KiB
	Extensions []string // file name extensions that may be edited, default those of Rules, and those of its data in files that exist

	data []string
}

// Rules are what a policy needs to know of a language: which files of a
// repository are its sources and its tests, and which control tools.
type Rules interface {
	// Extensions are those of source files, such as ".py".
	Extensions() []string
	// Data are those of data files, which may be changed where they exist.
	Data() []string
	// Names are the patterns (those of path.Match) of base names that a patch may
	// not touch, by the rule that refuses them. Names are folded before they are
	// compared.
	Names() map[Rule][]string
	// Shadows says which module a new file or directory would hide, "" for
	// none. The elements from first on are those that base lacks; siblings are
	// next to the first of them.
	Shadows(base fs.FS, elements []string, first int, siblings []fs.DirEntry) string
	// Encoding returns the encoding in which an added line would make the
	// language read its file, "" if that remains UTF-8.
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
		p.Extensions, p.data = p.Rules.Extensions(), p.Rules.Data()
	}
	return p
}

// A Violation is a rule of the policy that a patch breaks.
type Violation struct {
	Rule   Rule   `json:"rule"`
	Path   string `json:"path,omitempty"` // as in the patch; untrusted
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

// Check says whether the policy allows the patch. Its error is a *Violation
// (kind fault.Denied), or that of [Apply]. The rules on the added code need the
// language's own parser; package verify checks them in a sandbox.
func (p Policy) Check(base fs.FS, patch Patch) error {
	if p.Rules == nil {
		return fault.Errorf(fault.Internal, "a policy without a language's rules allows nothing")
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
