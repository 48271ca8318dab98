package behaviour

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/repaird/repaird/internal/language"
)

// Digest is equal for heads that answer all calls alike, by what the callers
// see: results, types of exceptions, and what was printed. Answers that cannot be
// compared count as one. It tells proposals apart; no verdict rests on it.
func Digest(head []language.Answer) string {
	h := sha256.New()
	for i, a := range head {
		switch {
		case !Comparable(a):
			fmt.Fprintf(h, "%d incomparable\n", i)
		case a.End == language.Raised:
			fmt.Fprintf(h, "%d raises %q\n", i, a.Type)
		default:
			fmt.Fprintf(h, "%d returns %q %q %q\n", i, a.Type, a.Value, a.Output)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
