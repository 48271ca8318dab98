package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"strings"
)

// A Signature decides whether a failure counts as the incident's: it holds the
// exception's type, its innermost in-app frame and its message with values
// masked.
type Signature struct {
	Type     string `json:"type"`     // bare class name
	File     string `json:"file"`     // path of the innermost in-app frame, as received or as mapped to the repository
	Function string `json:"function"` // bare function name of that frame
	Message  string `json:"message"`  // masked by MaskMessage
}

// SignatureOf computes the signature of an event's raised exception. ok is
// false if the event has no exception.
func SignatureOf(e *Event) (sig Signature, ok bool) {
	x := e.Raised()
	if x == nil {
		return Signature{}, false
	}
	sig = Signature{Type: BareName(x.Type), Message: MaskMessage(x.Message)}
	if frames := x.InApp(); len(frames) > 0 {
		f := frames[len(frames)-1]
		sig.File, sig.Function = f.File, BareName(f.Function)
	}
	return sig, true
}

// Matches reports whether two signatures denote the same failure. Only the base
// names of files are compared, because sources disagree about roots.
func (s Signature) Matches(o Signature) bool {
	return s.Type == o.Type && s.Function == o.Function && s.Message == o.Message &&
		path.Base(s.File) == path.Base(o.File)
}

// Fingerprint returns the incident's stable key: 32 hex digits of a hash over
// project and signature. It excludes the source and the line number, so OTLP and
// Sentry reports of the same failure agree.
func Fingerprint(project string, s Signature) string {
	h := sha256.New()
	for _, part := range []string{project, s.Type, path.Base(s.File), s.Function, s.Message} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// BareName returns the last dotted component: "PricingError" for
// "shop.PricingError", "add" for "Cart.add", "f" for "g.<locals>.f".
func BareName(name string) string {
	return name[strings.LastIndexByte(name, '.')+1:]
}

// The order matters: the count that str() appends to a group's message, and SDKs
// omit, goes before numbers; so do addresses, quoted text and UUIDs, which
// contain digits.
var maskers = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(` \(\d+ sub-exceptions?\)`), ""},
	{regexp.MustCompile(`0x[0-9a-fA-F]+`), "<addr>"},
	{regexp.MustCompile(`'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"`), "<str>"},
	{regexp.MustCompile(`\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b`), "<uuid>"},
	{regexp.MustCompile(`[-+]?\b\w*\d\w*(?:\.\d+)*(?:[eE][-+]\d+)?`), "<num>"}, // a1b2 too: identifiers are values
	{regexp.MustCompile(`\s+`), " "},
}

// MaskMessage replaces quoted text, numbers, addresses and UUIDs in an
// exception's message by placeholders, so that messages of the same failure
// compare equal. Only the first 500 bytes count.
func MaskMessage(msg string) string {
	if len(msg) > 500 {
		msg = strings.ToValidUTF8(msg[:500], "")
	}
	for _, m := range maskers {
		msg = m.re.ReplaceAllString(msg, m.with)
	}
	return strings.TrimSpace(msg)
}
