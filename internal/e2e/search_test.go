package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A canary is a planted secret: what must be found nowhere.
type canary struct {
	name   string
	secret string // the part that is secret, at least 10 bytes
}

// A needle is one form of a part of a canary.
type needle struct {
	text string
	of   string // canary
	form string
}

// A haystack finds needles by their first eight bytes, so that one pass over a
// text looks for all of them.
type haystack struct {
	needles map[[8]byte][]needle
	forms   map[string]bool
	count   int
}

// newHaystack looks for each canary whole, and for its first and its last four
// fifths: so much of a secret is the secret.
func newHaystack(t *testing.T, canaries []canary) *haystack {
	t.Helper()
	h := &haystack{needles: map[[8]byte][]needle{}, forms: map[string]bool{}}
	for _, c := range canaries {
		n := len(c.secret) * 4 / 5
		if n < 8 {
			t.Fatalf("canary %s: %q is too short to be told from chance", c.name, c.secret)
		}
		for _, part := range []string{c.secret[:n], c.secret[len(c.secret)-n:]} {
			for form, texts := range written(part) {
				h.forms[form] = true
				for _, text := range texts {
					h.add(needle{text, c.name, form})
				}
			}
		}
	}
	return h
}

func (h *haystack) add(n needle) {
	key := [8]byte([]byte(n.text))
	if slices.ContainsFunc(h.needles[key], func(o needle) bool { return o.text == n.text && o.of == n.of }) {
		return
	}
	h.needles[key] = append(h.needles[key], n)
	h.count++
}

// written returns the forms in which a text may be written somewhere.
func written(s string) map[string][]string {
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) }
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&")
	percent := func(s, format string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, format, s[i])
		}
		return b.String()
	}
	reversed := []byte(s)
	slices.Reverse(reversed)
	once := quoted(s)
	forms := map[string][]string{
		"raw":          {s, strings.ToLower(s), strings.ToUpper(s)},
		"JSON":         {once, plain.Replace(once)},
		"JSON in JSON": {quoted(once), quoted(plain.Replace(once)), plain.Replace(quoted(once))},
		"Python":       {strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s)},
		"HTML":         {html.EscapeString(s)},
		"URL":          {url.QueryEscape(s), url.PathEscape(s), strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), percent(s, "%%%02x"), percent(s, "%%%02X")},
		"hex":          {hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s)))},
		"UTF-16":       {percent(s, "%c\x00")},
		"reversed":     {string(reversed)},
	}
	for shift := range 3 {
		forms["base64"] = append(forms["base64"], inBase64(s, shift, base64.RawStdEncoding), inBase64(s, shift, base64.RawURLEncoding))
	}
	return forms
}

// inBase64 is what of s is the same in the base64 of every text in which s
// stands shift bytes behind a multiple of three.
func inBase64(s string, shift int, enc *base64.Encoding) string {
	all := enc.EncodeToString([]byte(strings.Repeat("x", shift) + s))
	first := (shift*8 + 5) / 6            // characters with bits of what stands before
	last := (shift + len(s)) * 8 / 6      // characters with bits of s only
	return all[first:min(last, len(all))] // the one after has bits of what follows
}

// hits returns "canary (form)" for each canary and form in a text.
func (h *haystack) hits(text []byte) map[string]bool {
	found := map[string]bool{}
	for i := 0; i+8 <= len(text); i++ {
		for _, n := range h.needles[[8]byte(text[i:])] {
			if len(n.text) <= len(text)-i && string(text[i:i+len(n.text)]) == n.text {
				found[n.of+" ("+n.form+")"] = true
			}
		}
	}
	return found
}

// A place is where canaries are searched.
type place struct {
	name    string
	control string // stands there for certain: the search sees the place
	texts   [][]byte
}

func (p *place) add(texts ...[]byte) { p.texts = append(p.texts, texts...) }

// search fails the test for each canary in a place, and for each place in
// which the control cannot be seen; it returns the number of hits and bytes.
func (h *haystack) search(t *testing.T, places []place) (hits, bytes int) {
	t.Helper()
	for _, p := range places {
		seen, size := false, 0
		for _, text := range p.texts {
			seen = seen || strings.Contains(string(text), p.control)
			size += len(text)
			for what := range h.hits(text) {
				hits++
				t.Errorf("%s: found %s", p.name, what)
			}
		}
		if !seen {
			t.Errorf("%s: the control %q is not in its %d texts of %d bytes: the search sees nothing there", p.name, p.control, len(p.texts), size)
		}
		bytes += size
		t.Logf("searched %s: %d texts, %d KiB", p.name, len(p.texts), size>>10)
	}
	return hits, bytes
}

func TestTheSearchForCanariesSeesEveryForm(t *testing.T) {
	t.Parallel()
	const secret = `Tr0ub4dor&3 <"\'é` + "\n" + `xyzzy/+?`
	h := newHaystack(t, []canary{{"c", secret}})
	for form, texts := range written(secret) {
		for _, text := range texts {
			for _, around := range []string{"", "a", "bc", "def"} {
				found := h.hits([]byte(around + text + around))
				if len(found) == 0 {
					t.Errorf("%s: %q is not found", form, around+text+around)
				}
			}
		}
	}
	for shift := range 7 {
		text := base64.StdEncoding.EncodeToString([]byte("{'a': 1"[:shift] + secret + "tail"[:shift%4]))
		if len(h.hits([]byte(text))) == 0 {
			t.Errorf("base64 with %d bytes before: not found in %s", shift, text)
		}
	}
	// Parts are found, chance is not.
	if len(h.hits([]byte("x"+secret[:len(secret)-4]))) == 0 || len(h.hits([]byte(secret[4:]+"x"))) == 0 {
		t.Error("a part of a secret is not found")
	}
	if found := h.hits([]byte("Tr0ub4dor is a word, and so is xyzzy.")); len(found) > 0 {
		t.Errorf("found %v where nothing is", found)
	}
}
