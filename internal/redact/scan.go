package redact

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/redact/encode"
	"github.com/repaird/repaird/internal/redact/find"
	"github.com/repaird/repaird/internal/redact/rules"
	"github.com/repaird/repaird/internal/redact/shape"
)

// A mode says how much a scan looks for.
type mode int

const (
	evidence   mode = iota // everything
	program                // source code: only certain secrets
	sourceLine             // source code as evidence: literals that look like secrets too
)

const (
	maxText   = 4 << 20 // bytes of one text
	maxNested = 4       // encodings within encodings
)

func (sc *scan) keeps(s string) bool {
	return slices.ContainsFunc(sc.known, func(k *Known) bool { return k.keeps(s) })
}

func (sc *scan) inCode() bool { return sc.mode == program || sc.mode == sourceLine }

// A scan redacts the texts of one call. It is used by one goroutine.
type scan struct {
	r      *Redactor
	mode   mode
	known  []*Known          // any may be nil
	learn  *Known            // collects values in sensitive positions; nothing is replaced then
	count  func(rule string) // called for each replacement; may be nil
	work   int               // units of work that are left, see unitsPerByte; set for each text
	tokens map[string]string // of this call
}

// Each text has a work budget proportional to its length; one that exceeds it
// is treated as adversarial, and withheld. A byte that is examined costs one
// unit, a finding findCost, a token tokenCost.
const (
	unitsPerByte = 16
	unitsPerText = 4 << 10
	findCost     = 20
	tokenCost    = 130
)

// withheld is the notice that replaces a text that could not be redacted, with
// the reason. Redacted text has no mark: tokens replace what was secret or
// personal.
func withheld(reason string) string { return "[redacted: " + reason + "]" }

// text redacts one text; reason is not empty if all of it was withheld.
func (sc *scan) text(s string) (out, reason string) {
	sc.work = unitsPerByte*len(s) + unitsPerText
	switch {
	case len(s) > maxText:
		return withheld("too long"), "too long"
	case !utf8.ValidString(s):
		return withheld("not UTF-8"), "not UTF-8"
	}
	out, ok := sc.layers(s, 0)
	if !ok {
		return withheld("over budget"), "over budget"
	}
	return out, ""
}

// layers redacts a text as it is, then what it contains in other encodings.
func (sc *scan) layers(s string, depth int) (out string, ok bool) {
	if len(s) < 3 {
		return s, true
	}
	out, ok = sc.plain(s)
	if ok && strings.IndexByte(out, '%') >= 0 && !sc.inCode() {
		out, ok = sc.percent(out)
	}
	if ok && (strings.Contains(out, `\u`) || strings.Contains(out, `\x`)) {
		out, ok = sc.cells(encode.Escapes(out))
	}
	if ok {
		out, ok = sc.base64(out, depth)
	}
	return out, ok
}

// percent redacts the URL-encoded parts of a text.
func (sc *scan) percent(s string) (string, bool) {
	return encode.EachPercent(s, func(start, end int, cells []encode.Cell) (string, bool) {
		out, ok := sc.cells(cells)
		if !ok {
			return "", false
		}
		if text := encode.Text(cells); out != s[start:end] && (sc.r.key.Around(s, start, end) || sc.r.key.Around(text, 0, len(text))) {
			out = s[start:end] // a token with a % in it
		}
		return out, true
	})
}

// base64 redacts what is encoded in base64 or hex within a text.
func (sc *scan) base64(s string, depth int) (string, bool) {
	return encode.EachBase64(s, func(written, text string) (out string, raw, ok bool) {
		if depth >= maxNested {
			if sc.learn != nil {
				return written, true, true
			}
			return sc.r.key.Of(written), true, true
		}
		out, ok = sc.layers(text, depth+1)
		return out, false, ok
	})
}

// plain redacts a text that is not encoded.
func (sc *scan) plain(s string) (string, bool) {
	found, ok := sc.find(s)
	if !ok || len(found) == 0 {
		return s, ok
	}
	var b strings.Builder
	last := 0
	for _, f := range sc.resolve(s, found) {
		text, changed := sc.replacement(f, s[f.Start:f.End], f.Cells)
		if !changed {
			continue
		}
		b.WriteString(s[last:f.Start])
		b.WriteString(text)
		last = f.End
	}
	b.WriteString(s[last:])
	return b.String(), sc.work >= 0
}

// cells redacts a text in which each rune is encoded by itself.
func (sc *scan) cells(cells []encode.Cell) (string, bool) {
	var raw, decoded strings.Builder
	offsets := make([]int, 0, len(cells)) // of each cell in the decoded text
	for _, c := range cells {
		raw.WriteString(c.Raw)
		offsets = append(offsets, decoded.Len())
		decoded.WriteRune(c.Rune)
	}
	s := decoded.String()
	found, ok := sc.find(s)
	if !ok || len(found) == 0 {
		return raw.String(), ok
	}
	var b strings.Builder
	last := 0
	for _, f := range sc.resolve(s, found) {
		from, _ := slices.BinarySearch(offsets, f.Start)
		to, _ := slices.BinarySearch(offsets, f.End)
		text, changed := sc.replacement(f, "", cells[from:to])
		if !changed {
			continue
		}
		for _, c := range cells[last:from] {
			b.WriteString(c.Raw)
		}
		b.WriteString(text)
		last = to
	}
	for _, c := range cells[last:] {
		b.WriteString(c.Raw)
	}
	return b.String(), sc.work >= 0
}

// replacement returns the replacement of a finding; changed is false if it is
// already a token, and always while learning. cells are nil if s is not
// encoded.
func (sc *scan) replacement(f find.Finding, s string, cells []encode.Cell) (text string, changed bool) {
	value := s
	if cells != nil {
		value = encode.Text(cells)
	}
	if sc.learn != nil {
		switch {
		case f.Basic:
			_, password, _ := strings.Cut(encode.Login(value), ":")
			sc.learn.add(sc.r.key, password, f.Rule)
			sc.learn.addForm(value, form{rule: f.Rule, given: sc.r.key.OfLogin(value)})
		case f.Firm:
			sc.learn.add(sc.r.key, value, f.Rule)
		}
		return "", false
	}
	switch {
	case f.Given != "":
		text, changed = f.Given, f.Given != value
	case f.Basic:
		text = sc.r.key.OfLogin(value)
		changed = text != value
	case cells != nil:
		sc.work -= tokenCost + 2*len(value)
		text, changed = sc.r.key.OfCells(cells)
	default:
		text = sc.token(value)
		changed = text != value
	}
	if changed && sc.count != nil {
		sc.count(f.Rule)
	}
	return text, changed
}

// token creates tokens and caches them: texts repeat their values.
func (sc *scan) token(value string) string {
	if t, there := sc.tokens[value]; there {
		return t
	}
	sc.work -= tokenCost + 2*len(value)
	t := sc.r.key.Of(value)
	if sc.tokens == nil {
		sc.tokens = map[string]string{}
	}
	if len(sc.tokens) < 10_000 && len(value) < 1000 {
		sc.tokens[value] = t
	}
	return t
}

// find lists what is to be replaced in a text.
func (sc *scan) find(s string) (found []find.Finding, ok bool) {
	sc.work -= len(s)
	add := func(f find.Finding) {
		if f.End > f.Start && sc.work >= 0 {
			sc.work -= findCost
			found = append(found, f)
		}
	}
	escaped := !sc.inCode() && strings.IndexByte(s, '%') >= 0 && encode.HasPercent(s)
	if strings.Contains(s, "-----BEGIN") {
		find.PEM(s, func(f find.Finding) {
			if !escaped || !encode.HasPercent(s[f.Start:f.End]) { // otherwise it is found when decoded
				add(f)
			}
		})
	}
	var logins []int // places of the @ after user:password
	if strings.Contains(s, "://") {
		logins = find.Userinfo(s, sc.inCode(), add)
	}
	for _, k := range sc.known {
		k.find(s, add)
	}
	switch sc.mode {
	case program:
	case sourceLine:
		find.Pairs(s, &sc.work, func(f find.Finding) {
			// Of a program only literals can be secrets, and most are not.
			sh := shape.Of(s[f.Start:f.End])
			if f.Rule == "name:secret" && f.Start > 0 && strings.IndexByte(`'"`, s[f.Start-1]) >= 0 && sh.Alnum >= 8 && sh.Digit > 0 {
				add(f)
			}
		})
	default:
		find.Pairs(s, &sc.work, add)
	}
	if sc.learn != nil || sc.work < 0 {
		return found, sc.work >= 0
	}
	if escaped {
		// Random-looking values are examined decoded if something is encoded:
		// "%22" and "%2F" do not belong to a token.
		firm := add
		add = func(f find.Finding) {
			if !encode.PercentWithin(s, f.Start, f.End) {
				firm(f)
			}
		}
	}
	ok = rules.Default().Find(s, &sc.work, func(start, end int, rule string) {
		add(find.Finding{Start: start, End: end, Rule: rule})
	})
	if ok {
		ok = sc.splitLiterals(s, add)
	}
	if sc.mode == evidence {
		find.Personal(s, logins, add)
		find.Random(s, sc.keeps, add)
	}
	return found, ok && sc.work >= 0
}

// resolve orders findings and makes them disjoint: of two nested ones the outer
// is kept, and two that cross become one. Random-looking findings are dropped
// where a token is.
func (sc *scan) resolve(s string, found []find.Finding) []find.Finding {
	slices.SortStableFunc(found, func(a, b find.Finding) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		if a.End != b.End {
			return b.End - a.End
		}
		return order(a) - order(b)
	})
	out := found[:0]
	for _, f := range found {
		if n := len(out); n > 0 && f.Start < out[n-1].End {
			last := &out[n-1]
			if f.End > last.End {
				last.End, last.Cells, last.Given, last.Basic = f.End, nil, "", false
				last.Firm = last.Firm || f.Firm
			}
			continue
		}
		out = append(out, f)
	}
	if sc.learn != nil {
		return out
	}
	return slices.DeleteFunc(out, func(f find.Finding) bool {
		switch f.Rule {
		case "email", "ip", "mac", "iban", "url-userinfo", "cookie": // have ends of their own
			return false
		}
		return !f.Firm && (sc.r.key.InWord(s, f.Start, f.End) || sc.r.key.Around(s, f.Start, f.End))
	})
}

func order(f find.Finding) int {
	switch {
	case f.Basic:
		return -1
	case f.Firm && f.Given == "":
		return 0
	case f.Firm:
		return 1
	}
	return 2
}

// splitLiterals looks for credentials that are written as adjacent literals.
func (sc *scan) splitLiterals(s string, add func(find.Finding)) bool {
	j := find.Join(s)
	if len(j.Gaps) == 0 {
		return true
	}
	if len(j.Gaps) > 1000 {
		return false
	}
	emit := func(f find.Finding) { j.Parts(f, add) }
	if sc.mode == evidence {
		find.Random(j.Text, sc.keeps, emit)
		find.Userinfo(j.Text, false, emit)
	}
	return rules.Default().Find(j.Text, &sc.work, func(start, end int, rule string) {
		emit(find.Finding{Start: start, End: end, Rule: rule})
	})
}
