package redact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact/rules"
	"github.com/repaird/repaird/internal/redact/secrettest"
)

// logText is n bytes of what services log, with a secret now and then.
func logText(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "2026-11-03 09:30:%02d,%03d INFO shop.cart request finished method=GET path=/cart/%d status=200 duration=0.%03d worker=%d\n", i%60, i%1000, i, i%997, i%8)
		if i%20 == 0 {
			fmt.Fprintf(&b, "2026-11-03 09:30:%02d WARN login failed for user%d@example.org from 91.12.%d.7 password='pw-%d-x'\n", i%60, i, i%250, i)
		}
		if i%7 == 0 {
			b.WriteString("  File \"/srv/app/shop/cart.py\", line 31, in total\n    return sum(prices[item] * count for item, count in self.items.items())\n")
		}
	}
	return b.String()[:n]
}

// bigEvent is an event with about n bytes of locals, logs and source.
func bigEvent(n int) incident.Event {
	e := incident.Event{ID: strings.Repeat("ab", 16)}
	x := incident.Exception{Type: "KeyError", Message: "'sku-17'"}
	size := 0
	for i := 0; size < n; i++ {
		f := incident.Frame{File: "shop/cart.py", Function: "total", Line: i + 1, Code: "    return sum(prices[item] for item in items)"}
		for j := range 8 {
			repr := fmt.Sprintf("{'id': %d, 'title': 'Blue shirt %d', 'prices': [%d, %d.50], 'tags': ['a', 'b%d'], 'owner': <User object at 0x7f1c%04x>}", i*8+j, j, i, j, i, i)
			f.Locals = append(f.Locals, incident.Variable{Name: fmt.Sprintf("item_%d", j), Value: incident.Value{Kind: incident.KindRepr, Repr: repr}})
			size += len(repr) + 8
		}
		f.Locals = append(f.Locals, incident.Variable{Name: "db_password", Value: incident.Value{Kind: incident.KindRepr, Repr: fmt.Sprintf("'secret-%d-value'", i%50)}})
		x.Frames = append(x.Frames, f)
		size += 100
	}
	e.Exceptions = []incident.Exception{x}
	return e
}

// hostile are texts that make naive redactors slow.
func hostile(n int) map[string]string {
	dense := strings.Join(rules.Default().Keywords(), " ")
	fill := func(s string) string { return strings.Repeat(s, n/len(s)+1)[:n] }
	return map[string]string{
		"every keyword":   fill(dense + " "),
		"api_key=":        fill("api_key="),
		"password=x":      fill("password=hunter22 "),
		"addresses":       fill("a@b.co "),
		"at signs":        fill("@"),
		"logins":          fill("://a:b@"),
		"backslashes":     fill(`\`),
		"quotes":          fill(`'"`),
		"open quotes":     fill(`password='`),
		"base64":          fill("c2VjcmV0X2tleQ"),
		"percent":         fill("%41"),
		"percent words":   fill("%41 "),
		"digits":          fill("4111 1111 1111 1111 "),
		"digit run":       fill("1"),
		"digits, points":  fill("1."),
		"hex and colons":  fill("a:1"),
		"open brackets":   fill("secrets=["),
		"BEGIN":           fill("-----BEGIN PRIVATE KEY-----"),
		"gaps":            fill(`a" "b`),
		"random words":    fill("aB3xY9kQ2mZ7pL4wR8tU "),
		"JWT beginnings":  fill("eyJ"),
		"cookies":         fill("cookie: a=b; "),
		"authorizations":  fill("authorization: "),
		"names":           fill("password "),
		"plus and parens": fill("+("),
		"unicode escapes": fill(`\u0041`),
		"underscores":     fill("a_"),
	}
}

func BenchmarkText(b *testing.B) {
	r := New(secrettest.Key)
	text := logText(200 << 10)
	known := r.Event(bigEvent(20 << 10)).Known()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.Text(text, known)
	}
}

func BenchmarkCode(b *testing.B) {
	r := New(secrettest.Key)
	text := strings.Repeat("def total(self, items):\n    \"\"\"Returns the sum of the items' prices.\"\"\"\n    return sum(self.prices[item].amount for item in items if item.token_count > 3)\n\n", 1300)
	known := r.Event(bigEvent(20 << 10)).Known()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.Code(text, known)
	}
}

func BenchmarkEvent(b *testing.B) {
	r := New(secrettest.Key)
	for _, n := range []int{20 << 10, 1 << 20} {
		e := bigEvent(n)
		b.Run(fmt.Sprintf("%dKB", n>>10), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				r.Event(e)
			}
		})
	}
}

func BenchmarkHostile64KB(b *testing.B) {
	r := New(secrettest.Key)
	for name, text := range hostile(64 << 10) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r.Text(text, nil)
			}
		})
	}
}
