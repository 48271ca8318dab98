package token_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/repaird/repaird/internal/redact/secrettest"
	"github.com/repaird/repaird/internal/redact/shape"
	"github.com/repaird/repaird/internal/redact/token"
)

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
	key, other := token.NewKey(secrettest.Key), token.NewKey([]byte("another key of sixteen bytes"))
	rng := rand.New(rand.NewPCG(3, 4))
	for _, name := range slices.Sorted(maps.Keys(secrettest.Values)) { // one order: the draws are the same in every run
		sample := secrettest.Values[name]
		for range 300 {
			v := sample(rng)
			tok := key.Of(v)
			if tok == v {
				t.Errorf("%s: %q stands for itself", name, v)
			}
			if again := key.Of(tok); again != tok {
				t.Errorf("%s: %q became %q, then %q", name, v, tok, again)
			}
			if key.Of(v) != tok {
				t.Errorf("%s: %q has two tokens", name, v)
			}
			if name != "one letter" && other.Of(v) == tok && len(v) > 8 {
				t.Errorf("%s: %q has the token %q under two keys", name, v, tok)
			}
		}
	}
}

func TestATokenThatIsAnIBANByAccidentStaysAToken(t *testing.T) {
	t.Parallel()
	key := token.NewKey(secrettest.Key)
	rng := rand.New(rand.NewPCG(11, 12))
	accidents := 0
	for range 100_000 {
		tok := key.Of(secrettest.Draw(rng, secrettest.Upper, 2) + secrettest.Draw(rng, secrettest.Digits, 2) + secrettest.Draw(rng, secrettest.Upper, 14))
		if !shape.IsIBAN(tok) {
			continue
		}
		accidents++
		if again := key.Of(tok); again != tok {
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
	key, forger := token.NewKey(secrettest.Key), token.NewKey([]byte("another key of sixteen bytes"))
	rng := rand.New(rand.NewPCG(5, 6))
	for _, name := range []string{"key", "hex", "email", "uuid", "IPv6", "short password", "base64", "words"} {
		for range 2000 {
			v := secrettest.Values[name](rng)
			forged := forger.Of(v)
			if key.Of(forged) == forged {
				t.Errorf("%s: %q, made with another key, is taken for a token", name, forged)
			}
		}
	}
}

func TestTokensKeepShape(t *testing.T) {
	t.Parallel()
	key := token.NewKey(secrettest.Key)
	rng := rand.New(rand.NewPCG(7, 8))
	for _, name := range slices.Sorted(maps.Keys(secrettest.Values)) { // one order: the draws are the same in every run
		sample := secrettest.Values[name]
		for range 300 {
			v := sample(rng)
			tok := key.Of(v)
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
	if v := secrettest.Draw(rng, secrettest.Alnums, 40); len(key.Of(v)) != 40 {
		t.Errorf("a value with room for a token changed its length: %q", key.Of(v))
	}
	if n, err := strconv.ParseInt(key.Of("1234"), 10, 64); err != nil || n < 0 {
		t.Errorf("a number became %q: %v", key.Of("1234"), err)
	}
}

func TestFormatsAreKept(t *testing.T) {
	t.Parallel()
	key := token.NewKey(secrettest.Key)
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
		got := key.Of(tt.value)
		if !regexp.MustCompile(tt.want).MatchString(got) {
			t.Errorf("%q became %q, want %s", tt.value, got, tt.want)
		}
	}
	for _, v := range []string{"4111111111111111", "378282246310005", "6011111111111117", "5555555555554444"} {
		if tok := key.Of(v); !shape.Luhn(tok) || len(tok) != len(v) {
			t.Errorf("card %s became %s", v, tok)
		}
	}
	if tok := key.Of("DE89370400440532013000"); !shape.IsIBAN(tok) {
		t.Errorf("the IBAN became %q", tok)
	}
	for _, v := range []string{"8.8.8.8", "10.1.2.3", "192.168.1.17", "2001:4860:4860::8888", "fd12:3456::1", "fe80::1234:5678"} {
		a, b := netip.MustParseAddr(v), netip.MustParseAddr(key.Of(v))
		if a.Is4() != b.Is4() || a.IsPrivate() != b.IsPrivate() || a.IsGlobalUnicast() != b.IsGlobalUnicast() || a.IsLinkLocalUnicast() != b.IsLinkLocalUnicast() {
			t.Errorf("%s became %s", a, b)
		}
	}
	for _, v := range []string{"127.0.0.1", "::1", "0.0.0.0", "255.255.255.0", "192.0.2.1"} {
		if key.Of(v) != v {
			t.Errorf("%s names no host and became %s", v, key.Of(v))
		}
	}
}

func TestTokensDoNotCollide(t *testing.T) {
	t.Parallel()
	key := token.NewKey(secrettest.Key)
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
			tok := key.Of(tt.make(i))
			if seen[tok] {
				t.Errorf("%s: two values have the token %q", tt.name, tok)
			}
			seen[tok] = true
		}
	}
}
