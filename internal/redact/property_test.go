package redact

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact/shape"
)

// samples are makers of values of every format that is kept.
var samples = map[string]func(*rand.Rand) string{
	"email": func(r *rand.Rand) string {
		return draw(r, lower, 3+r.IntN(8)) + "." + draw(r, lower+upper, 4) + []string{"", "+news"}[r.IntN(2)] + "@" + draw(r, lower, 3+r.IntN(9)) + []string{".com", ".co.uk", ".example.org"}[r.IntN(3)]
	},
	"uuid": func(r *rand.Rand) string {
		return draw(r, hexes, 8) + "-" + draw(r, hexes, 4) + "-4" + draw(r, hexes, 3) + "-a" + draw(r, hexes, 3) + "-" + draw(r, hexes, 12)
	},
	"IPv4": func(r *rand.Rand) string {
		return fmt.Sprintf("%d.%d.%d.%d", 34+r.IntN(60), r.IntN(256), r.IntN(256), 1+r.IntN(254))
	},
	"private IPv4": func(r *rand.Rand) string { return fmt.Sprintf("192.168.%d.%d", r.IntN(256), r.IntN(256)) },
	"IPv6": func(r *rand.Rand) string {
		return "2a02:" + strconv.FormatInt(int64(r.IntN(65535)+1), 16) + "::" + strconv.FormatInt(int64(r.IntN(65535)+1), 16)
	},
	"card": func(r *rand.Rand) string {
		d := []string{"4", "51", "37", "6011", "3530"}[r.IntN(5)]
		n := 16
		if d == "37" {
			n = 15
		}
		d += draw(r, digits, n-1-len(d))
		return d + strconv.Itoa((10-shape.LuhnSum(d+"0"))%10)
	},
	"ssn": func(r *rand.Rand) string {
		return fmt.Sprintf("%03d-%02d-%04d", 1+r.IntN(665), 1+r.IntN(99), 1+r.IntN(9999))
	},
	"phone": func(r *rand.Rand) string {
		return fmt.Sprintf("+49 %d %d", 30+r.IntN(900), 100000+r.IntN(9000000))
	},
	"North American phone": func(r *rand.Rand) string {
		return fmt.Sprintf("(%d) %d-%04d", 201+r.IntN(700), 600+r.IntN(300), r.IntN(10000))
	},
	"IBAN": func(r *rand.Rand) string {
		b := draw(r, digits, 18)
		return "DE" + shape.TwoDigits(98-shape.Mod97(b+"DE00")) + b
	},
	"MAC":            func(r *rand.Rand) string { return "00:1a:" + strings.Join(split2(draw(r, hexes, 8)), ":") },
	"number":         func(r *rand.Rand) string { return strconv.Itoa(1000 + r.IntN(1e9)) },
	"long number":    func(r *rand.Rand) string { return "7" + draw(r, digits, 22) },
	"hex":            of("", hexes, 32),
	"short hex":      func(r *rand.Rand) string { return "a1" + draw(r, hexes, 10) },
	"key":            of("", alnums, 40),
	"short password": humanPassword,
	"base64":         func(r *rand.Rand) string { return draw(r, b64s, 43) + "=" },
	"symbols":        func(r *rand.Rand) string { return draw(r, "!@#$%^&*()-_=+", 12) },
	"words": func(r *rand.Rand) string {
		return people[r.IntN(8)] + " " + people[r.IntN(8)] + " " + draw(r, digits, 4)
	},
	"other scripts": func(r *rand.Rand) string {
		return "пароль" + draw(r, digits, 3) + "鍵" + draw(r, "äöüß", 3)
	},
	"one letter":      of("", lower, 1),
	"upper case":      of("", upper, 9),
	"URL":             func(r *rand.Rand) string { return "https://hooks.example.com/" + draw(r, alnums, 20) },
	"dashes, digits":  func(r *rand.Rand) string { return draw(r, digits, 3) + "-" + draw(r, digits, 4) },
	"hex of one case": of("F0", "0123456789ABCDEF", 20),
}

func split2(s string) (out []string) {
	for len(s) > 1 {
		out, s = append(out, s[:2]), s[2:]
	}
	return out
}

func class(r rune) string {
	switch {
	case unicode.IsDigit(r):
		return "digit"
	case unicode.IsUpper(r):
		return "upper"
	case unicode.IsLetter(r):
		return "letter"
	}
	return string(r)
}

func TestATokenIsATokenAndDiffersFromItsValue(t *testing.T) {
	t.Parallel()
	r, other := New(testKey), New([]byte("another key of sixteen bytes"))
	rng := rand.New(rand.NewPCG(3, 4))
	for _, name := range slices.Sorted(maps.Keys(samples)) { // one order: the draws are the same in every run
		sample := samples[name]
		for range 300 {
			v := sample(rng)
			tok := r.key.Of(v)
			if tok == v {
				t.Errorf("%s: %q stands for itself", name, v)
			}
			if again := r.key.Of(tok); again != tok {
				t.Errorf("%s: %q became %q, then %q", name, v, tok, again)
			}
			if r.key.Of(v) != tok {
				t.Errorf("%s: %q has two tokens", name, v)
			}
			if name != "one letter" && other.key.Of(v) == tok && len(v) > 8 {
				t.Errorf("%s: %q has the token %q under two keys", name, v, tok)
			}
		}
	}
}

func TestATokenThatIsAnIBANByAccidentStaysAToken(t *testing.T) {
	t.Parallel()
	r := New(testKey)
	rng := rand.New(rand.NewPCG(11, 12))
	accidents := 0
	for range 100_000 {
		tok := r.key.Of(draw(rng, upper, 2) + draw(rng, digits, 2) + draw(rng, upper, 14))
		if !shape.IsIBAN(tok) {
			continue
		}
		accidents++
		if again := r.key.Of(tok); again != tok {
			t.Errorf("%q became %q", tok, again)
		}
	}
	if accidents == 0 {
		t.Error("no token was an IBAN: nothing was tested")
	}
	if shape.IsIBAN("MKOWOJIPUJDRWMZRUPW") {
		t.Error("letters in the place of the check digits make an IBAN")
	}
}

func TestATokenOfAnotherKeyIsNoToken(t *testing.T) {
	t.Parallel()
	r, forger := New(testKey), New([]byte("another key of sixteen bytes"))
	rng := rand.New(rand.NewPCG(5, 6))
	for _, name := range []string{"key", "hex", "email", "uuid", "IPv6", "short password", "base64", "words"} {
		for range 2000 {
			v := samples[name](rng)
			forged := forger.key.Of(v)
			if r.key.Of(forged) == forged {
				t.Errorf("%s: %q, made with another key, is taken for a token", name, forged)
			}
		}
	}
}

func TestTokensKeepShape(t *testing.T) {
	t.Parallel()
	r := New(testKey)
	rng := rand.New(rand.NewPCG(7, 8))
	for _, name := range slices.Sorted(maps.Keys(samples)) { // one order: the draws are the same in every run
		sample := samples[name]
		for range 300 {
			v := sample(rng)
			tok := r.key.Of(v)
			in, out := []rune(v), []rune(tok)
			if len(out) < len(in) && !strings.Contains(name, "IP") {
				t.Fatalf("%s: %q is shorter than %q", name, tok, v)
			}
			switch name {
			case "email", "IPv4", "private IPv4", "IPv6", "MAC", "symbols":
				continue // checked below
			}
			for i := range in {
				if a, b := class(in[i]), class(out[i]); a != b && !(name == "uuid" || name == "IBAN") {
					t.Errorf("%s: %q became %q: %s became %s", name, v, tok, a, b)
					break
				}
			}
		}
	}
	if v := draw(rng, alnums, 40); len(r.key.Of(v)) != 40 {
		t.Errorf("a value with room for a token changed its length: %q", r.key.Of(v))
	}
	if n, err := strconv.ParseInt(r.key.Of("1234"), 10, 64); err != nil || n < 0 {
		t.Errorf("a number became %q: %v", r.key.Of("1234"), err)
	}
}

func TestFormatsAreKept(t *testing.T) {
	t.Parallel()
	r := New(testKey)
	tests := []struct{ value, want string }{
		{"jane.doe+shop@mail.example.co.uk", `^[a-z]{4}\.[a-z]{3}\+[a-z]{4}@[a-z]+\.[a-z]{7}\.co\.uk$`},
		{"Jane_Doe7@Example.com", `^[A-Z][a-z]{3}_[A-Z][a-z]{2}[0-9]@[A-Z][a-z]{6,}\.com$`},
		{"4111 1111 1111 1111", `^4000 0[0-9]{3} [0-9]{4} [0-9]{4}$|^4000 [0-9 ]+$`},
		{"378282246310005", `^37000[0-9]{10}$`},
		{"123-45-6789", `^9\d\d-[0-4]\d-\d{4}$`},
		{"+1 (212) 664-7665", `^\+1 \(\d{3}\) 555-\d{4}$`},
		{"+49 30 901820", `^\+99 9\d \d{6}$`},
		{"DE89 3704 0044 0532 0130 00", `^DE\d\d( \d{4}){4} \d\d$`},
		{"f81d4fae-7dec-41d0-a765-00a0c91e6bf6", `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$`},
		{"192.168.1.17", `^10\.`},
		{"00:1A:2B:3C:4D:5E", `^02(:[0-9A-F]{2}){5}$`},
		{"https://hooks.example.com/abcdef", `^https://`},
	}
	for _, tt := range tests {
		got := r.key.Of(tt.value)
		if !regexp.MustCompile(tt.want).MatchString(got) {
			t.Errorf("%q became %q, want %s", tt.value, got, tt.want)
		}
	}
	for _, v := range []string{"4111111111111111", "378282246310005", "6011111111111117", "5555555555554444"} {
		if tok := r.key.Of(v); !shape.Luhn(tok) || len(tok) != len(v) {
			t.Errorf("card %s became %s", v, tok)
		}
	}
	if tok := r.key.Of("DE89370400440532013000"); !shape.IsIBAN(tok) {
		t.Errorf("the IBAN became %q", tok)
	}
	for _, v := range []string{"8.8.8.8", "10.1.2.3", "192.168.1.17", "2001:4860:4860::8888", "fd12:3456::1", "fe80::1234:5678"} {
		a, b := netip.MustParseAddr(v), netip.MustParseAddr(r.key.Of(v))
		if a.Is4() != b.Is4() || a.IsPrivate() != b.IsPrivate() || a.IsGlobalUnicast() != b.IsGlobalUnicast() || a.IsLinkLocalUnicast() != b.IsLinkLocalUnicast() {
			t.Errorf("%s became %s", a, b)
		}
	}
	for _, v := range []string{"127.0.0.1", "::1", "0.0.0.0", "255.255.255.0", "192.0.2.1"} {
		if r.key.Of(v) != v {
			t.Errorf("%s names no host and became %s", v, r.key.Of(v))
		}
	}
}

func TestEqualValuesHaveEqualTokensInEveryEncoding(t *testing.T) {
	t.Parallel()
	r := New(testKey)
	for _, secret := range []string{"hunter2-Friday", `p"a's\s100%`, "grün+Käse 42", "Zx81QmPl77TtRs09AaBb", "line one\nline two 9"} {
		tok := r.key.Of(secret)
		texts := map[string][2]string{
			"JSON":           {`{"password": ` + jsonString(secret) + `}`, jsonString(tok)},
			"JSON in JSON":   {jsonString(`{"password": ` + jsonString(secret) + `}`), jsonInner(jsonString(tok))},
			"Python":         {"password=" + pyRepr(secret), pyInner(tok)},
			"URL query":      {"/login?password=" + url.QueryEscape(secret) + "&x=1", url.QueryEscape(tok)},
			"URL login":      {"amqp://svc:" + url.PathEscape(secret) + "@mq/", url.PathEscape(tok)},
			"base64":         {base64.StdEncoding.EncodeToString([]byte(`{"password": ` + jsonString(secret) + `}`)), base64.StdEncoding.EncodeToString([]byte(`{"password": ` + jsonString(tok) + `}`))},
			"base64 itself":  {"password: " + jsonString(secret) + "\nx: " + base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(tok))},
			"somewhere else": {"password: " + jsonString(secret) + "\nand later " + secret + " again", "later " + tok + " again"},
		}
		for name, tt := range texts {
			if strings.Contains(secret, "\n") && (name == "Python" || name == "URL login" || name == "somewhere else") {
				continue
			}
			if got := r.Text(tt[0], nil).String(); !strings.Contains(strings.ReplaceAll(got, "+", "%20"), strings.ReplaceAll(tt[1], "+", "%20")) {
				t.Errorf("%s of %q: token %q is not in %q, made of %q", name, secret, tt[1], got, tt[0])
			}
		}
	}
}

func TestTokensDoNotCollide(t *testing.T) {
	t.Parallel()
	r := New(testKey)
	for _, tt := range []struct {
		name string
		n    int
		make func(i int) string
	}{
		{"short", 100_000, func(i int) string { return "pw" + strconv.Itoa(i) }},
		{"digits", 25_000, func(i int) string { return strconv.Itoa(1000000 + i) }},
		{"email", 25_000, func(i int) string { return fmt.Sprintf("u%d@example.com", i) }},
		{"hex", 25_000, func(i int) string { return fmt.Sprintf("%032x", 1<<60+i*7919) }},
	} {
		if testing.Short() {
			tt.n /= 10
		}
		seen := map[string]bool{}
		for i := range tt.n {
			tok := r.key.Of(tt.make(i))
			if seen[tok] {
				t.Errorf("%s: two values have the token %q", tt.name, tok)
			}
			seen[tok] = true
		}
	}
}

func TestRedactingTwiceIsRedactingOnce(t *testing.T) {
	t.Parallel()
	r := New(testKey)
	rng := rand.New(rand.NewPCG(9, 10))
	all, contextsOf := append(append([]kind{}, kinds...), heldOutKinds...), append(append([]context{}, contexts...), heldOutContexts...)
	for _, k := range all {
		for _, c := range contextsOf {
			for range 2 {
				made := k.make(rng)
				if c.event != nil {
					once := r.Event(c.event(k.name, made)).Event()
					twice := r.Event(once)
					if n := twice.Report().Replaced; n != 0 {
						t.Errorf("%s in %s: %d values replaced again: %+v", k.name, c.name, n, twice.Report())
					}
					continue
				}
				once := r.Text(c.write(k.name, made), nil).String()
				if twice := r.Text(once, nil).String(); twice != once {
					t.Errorf("%s in %s: %q became %q, then %q", k.name, c.name, c.write(k.name, made), once, twice)
				}
			}
		}
	}
}

func TestReprsStayLiteralsOfTheirType(t *testing.T) {
	t.Parallel()
	r := New(testKey)
	rng := rand.New(rand.NewPCG(11, 12))
	for _, name := range slices.Sorted(maps.Keys(samples)) { // one order: the draws are the same in every run
		sample := samples[name]
		for range 50 {
			v := sample(rng)
			repr := incident.Quote(v)
			ev := r.Event(localsOf("password", repr))
			got := ev.Event().Exceptions[0].Frames[0].Locals[0].Value.Repr
			if _, _, ok := literal(got); !ok || got[0] != repr[0] {
				t.Errorf("%s: %s became %s", name, repr, got)
			}
		}
	}
	for repr, want := range map[string]string{
		`b'hunter2-\xe9\xff'`:    `^b'[a-z]{6}[0-9]-\\x[0-9a-f]{2}\\x[0-9a-f]{2}[a-z]*'$`,
		`1234567`:                `^[0-9]{19}$`,
		`None`:                   `^None$`,
		`True`:                   `^True$`,
		`<Secret object at 0x1>`: `^<Secret object at 0x1>$`,
		`['abc123', 'def456']`:   `^\['[a-z]{3}[0-9]{3}[a-z]+', '[a-z]{3}[0-9]{3}[a-z]+'\]$`,
		`{'a': 'abc123'}`:        `^\{'a': '[a-z]{3}[0-9]{3}[a-z]+'\}$`,
	} {
		got := r.Event(localsOf("password", repr)).Event().Exceptions[0].Frames[0].Locals[0].Value.Repr
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s became %s, want %s", repr, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, c := range append(contexts, heldOutContexts...) {
		if c.write != nil {
			for _, k := range kinds {
				f.Add(c.write(k.name, k.make(rng)))
			}
		}
	}
	for _, s := range hostile(300) {
		f.Add(s)
	}
	r := New(testKey)
	known := r.Event(localsOf("password", "'hunter2-Friday'")).Known()
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{r.Text(s, known).String(), r.Code(s, known).String()} {
			if !utf8.ValidString(out) {
				t.Fatalf("%q became %q, which is not UTF-8", s, out)
			}
			if strings.Count(out, "\n") != strings.Count(s, "\n") && !strings.HasPrefix(out, "[redacted") {
				t.Fatalf("%q lost lines: %q", s, out)
			}
			if strings.Contains(out, "hunter2-Friday") {
				t.Fatalf("%q still holds a known value", out)
			}
		}
	})
}
