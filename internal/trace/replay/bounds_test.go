package replay

import "testing"

func TestExpressionsMakeNoMoreThanTheirTextTells(t *testing.T) {
	t.Parallel()
	g := &generator{program: map[string]string{}}
	for text, want := range map[string]bool{
		"range(0, 3)":                                      true,
		"list(range(-5, 10000000))":                        false, // 10,000,005 together
		"list(range(9999990))":                             true,
		"list( range (9999999999))":                        false,
		"[range(6000000), range(6000000)]":                 false,
		"list(range(999999999999999999999999999999))":      false,
		"range(int('9999999999'))":                         false,
		"bytes(99999999999)":                               false,
		"bytes([1, 2])":                                    true,
		"bytearray(b'99999999999')":                        true,
		"bytearray(99999999999)":                           false,
		"bytearray(max([99999999999]))":                    false,
		"bytearray(b')', 99999999999)":                     false,
		"min([99999999999], key=bytes)":                    false,
		"sum([1])":                                         false,
		"collections.defaultdict(len, {1: 99999999999})":   true,
		"collections.defaultdict(bytes, {1: 99999999999})": true,
		"int(decimal.Decimal('1e999999999'))":              false,
		"fractions.Fraction('1e999999999')":                false,
		"fractions.Fraction(1, 99999999999)":               true,
		"datetime.timedelta(seconds=99999999999)":          true,
		"'list(range(9999999999))'":                        true,
	} {
		if got := expression(text, true) && g.trusted(text); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]bool{"frozenset(range(9999999999))": false, "bytearray(99999999999)": false, "[bytearray(b'x'), 99999999999]": true} {
		if got := expression(text, false); got != want {
			t.Errorf("the literal %s: %v, want %v", text, got, want)
		}
	}
}
