package secrettest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/redact/shape"
)

// Values generate values of every format that is kept.
var Values = map[string]func(*rand.Rand) string{
	"email": func(r *rand.Rand) string {
		return Draw(r, lower, 3+r.IntN(8)) + "." + Draw(r, lower+Upper, 4) + []string{"", "+news"}[r.IntN(2)] + "@" + Draw(r, lower, 3+r.IntN(9)) + []string{".com", ".co.uk", ".example.org"}[r.IntN(3)]
	},
	"uuid": func(r *rand.Rand) string {
		return Draw(r, Hexes, 8) + "-" + Draw(r, Hexes, 4) + "-4" + Draw(r, Hexes, 3) + "-a" + Draw(r, Hexes, 3) + "-" + Draw(r, Hexes, 12)
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
		d += Draw(r, Digits, n-1-len(d))
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
		b := Draw(r, Digits, 18)
		return "DE" + shape.TwoDigits(98-shape.Mod97(b+"DE00")) + b
	},
	"MAC":            func(r *rand.Rand) string { return "00:1a:" + strings.Join(split2(Draw(r, Hexes, 8)), ":") },
	"number":         func(r *rand.Rand) string { return strconv.Itoa(1000 + r.IntN(1e9)) },
	"long number":    func(r *rand.Rand) string { return "7" + Draw(r, Digits, 22) },
	"hex":            of("", Hexes, 32),
	"short hex":      func(r *rand.Rand) string { return "a1" + Draw(r, Hexes, 10) },
	"key":            of("", Alnums, 40),
	"short password": humanPassword,
	"base64":         func(r *rand.Rand) string { return Draw(r, b64s, 43) + "=" },
	"symbols":        func(r *rand.Rand) string { return Draw(r, "!@#$%^&*()-_=+", 12) },
	"words": func(r *rand.Rand) string {
		return people[r.IntN(8)] + " " + people[r.IntN(8)] + " " + Draw(r, Digits, 4)
	},
	"other scripts": func(r *rand.Rand) string {
		return "пароль" + Draw(r, Digits, 3) + "鍵" + Draw(r, "äöüß", 3)
	},
	"one letter":      of("", lower, 1),
	"upper case":      of("", Upper, 9),
	"URL":             func(r *rand.Rand) string { return "https://hooks.example.com/" + Draw(r, Alnums, 20) },
	"dashes, digits":  func(r *rand.Rand) string { return Draw(r, Digits, 3) + "-" + Draw(r, Digits, 4) },
	"hex of one case": of("F0", "0123456789ABCDEF", 20),
}

func split2(s string) (out []string) {
	for len(s) > 1 {
		out, s = append(out, s[:2]), s[2:]
	}
	return out
}
