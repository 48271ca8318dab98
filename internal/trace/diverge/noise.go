package diverge

import "regexp"

// What differs from run to run and says nothing by itself.
var noise = []*regexp.Regexp{
	regexp.MustCompile(`0x[0-9A-Fa-f]{5,16}\b`),                                                                          // addresses
	regexp.MustCompile(`\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b`),                // UUID
	regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?\b`),                          // times
	regexp.MustCompile(`\bdatetime\.(datetime|date|time|timedelta)\([^()]*\)`),                                           //
	regexp.MustCompile(`\b1[4-9]\d{8}(\.\d+)?\b|\b1[4-9]\d{11}\b|\b1[4-9]\d{17}\b`),                                      // Unix times: seconds, milli- and nanoseconds
	regexp.MustCompile(`\bpytest-(of-[A-Za-z0-9_.-]+|\d+)\b|\btmp[a-z0-9_]{8}\b|\b(repaird|pip|tmp)-[A-Za-z0-9-]{6,}\b`), // temporary files
	regexp.MustCompile(`\b[0-9a-f]{32}\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b`),                                             // digests
	regexp.MustCompile(`\b(?:pid|port|ident|thread_id|elapsed|duration|took|nonce|timestamp|started_at|created_at)['"]?[=:] ?\d+(?:\.\d+)?\b`),
}

// withoutNoise replaces what differs from run to run.
func withoutNoise(text string) string {
	digits := 0
	for i := 0; i < len(text); i++ {
		if c := text[i]; c-'0' <= 9 || c == '_' {
			digits++
		}
	}
	if digits == 0 {
		return dropTemporary(text)
	}
	for _, re := range noise {
		text = re.ReplaceAllString(text, "~")
	}
	return text
}

// dropTemporary is withoutNoise of a text without digits.
func dropTemporary(text string) string {
	const longest = 5
	for i := 0; i+longest < len(text); i++ {
		if text[i:i+3] == "tmp" || text[i:i+longest] == "pytes" || text[i:i+longest] == "repai" {
			return noise[5].ReplaceAllString(text, "~")
		}
	}
	return text
}

// madeUp are names of variables whose values are a run's own.
var madeUp = regexp.MustCompile(`^(?:.*_)?(?:pid|port|ident|now|time|timestamp|started|elapsed|duration|nonce|seed|uuid)$`)

// A pairing maps what stands in red's values to what stands in their place in
// green's, both ways: ids that a run makes up are others in each, but always
// the same ones in a place.
type pairing struct{ there, back map[string]string }

const maxPairing = 100_000

var aNumber = regexp.MustCompile(`\b\d{3,}\b`)

const idDigits = 9 // numbers that long are taken for ids

// alike says whether two texts differ in noise alone: in what withoutNoise
// drops, or in long numbers that were always paired so, or that stood in
// variables for numbers that are made up.
func (p *pairing) alike(red, green string) bool {
	a, b := withoutNoise(red), withoutNoise(green)
	if a == b {
		return true
	}
	x, y := aNumber.FindAllString(a, 50), aNumber.FindAllString(b, 50)
	if len(x) == 0 || len(x) != len(y) || aNumber.ReplaceAllString(a, "~") != aNumber.ReplaceAllString(b, "~") {
		return false
	}
	for i := range x {
		if x[i] != y[i] && !p.paired(x[i], y[i], len(x[i]) >= idDigits && len(y[i]) >= idDigits) {
			return false
		}
	}
	return true
}

// paired says whether two numbers always stood for one another so far; new
// ones become a pair where learn says so.
func (p *pairing) paired(x, y string, learn bool) bool {
	to, known := p.there[x]
	from, knownBack := p.back[y]
	if known || knownBack || !learn {
		return known && knownBack && to == y && from == x
	}
	if p.there == nil {
		p.there, p.back = map[string]string{}, map[string]string{}
	}
	if len(p.there) < maxPairing {
		p.there[x], p.back[y] = y, x
	}
	return true
}

// learn takes the values of a variable that is known to be made up.
func (p *pairing) learn(red, green string) {
	x, y := aNumber.FindAllString(red, 50), aNumber.FindAllString(green, 50)
	for i := 0; i < len(x) && len(x) == len(y); i++ {
		if x[i] != y[i] {
			p.paired(x[i], y[i], true)
		}
	}
}
