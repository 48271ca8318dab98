package python

import "regexp"

// rewordings are messages of the interpreter that its versions word differently,
// with what they have in common; groups are what the message is about.
var rewordings = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\.? Did you mean:? .*$`), ""},                                                                   // 3.10 on
	{regexp.MustCompile(`^local variable '(\w+)' referenced before assignment$`), "unbound $1"},                          // up to 3.10
	{regexp.MustCompile(`^cannot access local variable '(\w+)' where it is not associated with a value$`), "unbound $1"}, // 3.11 on
	{regexp.MustCompile(`^free variable '(\w+)' referenced before assignment in enclosing scope$`), "unbound $1"},        // up to 3.10
	{regexp.MustCompile(`^cannot access free variable '(\w+)' where it is not associated with a value in enclosing scope$`), "unbound $1"},
	{regexp.MustCompile(`^(?:[\w.<>]+\.)?(\w+)\(\) (got|takes|missing)`), "$1() $2"},                                                           // 3.10 on: with the class
	{regexp.MustCompile(`^(?:float |integer )?(?:division|division or modulo|modulo|floor division|divmod\(\)) by zero$`), "division by zero"}, // 3.14 on: one message
	{regexp.MustCompile(`^float (?:divmod\(\)|modulo|floor division by zero)$`), "division by zero"},
	{regexp.MustCompile(`^unhashable type: '(\w+)'$`), "unhashable $1"},                                                                         // up to 3.13
	{regexp.MustCompile(`^cannot use '[\w.]+' as a (?:dict key|set element) \(unhashable type: '(\w+)'\)$`), "unhashable $1"},                   // 3.14 on
	{regexp.MustCompile(`^Can't instantiate abstract class (\w+) (?:with|without an implementation for) abstract methods? .*$`), "abstract $1"}, // 3.12 on: without …
	{regexp.MustCompile(`^(?:math domain error|expected a (?:non-?negative|positive|finite) input.*)$`), "math domain error"},                   // 3.14 on
	{regexp.MustCompile(`^maximum recursion depth exceeded.*$`), "recursion"},
	{regexp.MustCompile(`^(?:list|tuple|string|bytearray) indices must be integers(?: or slices)?, not '?(\w+)'?$`), "index $1"},
	{regexp.MustCompile(`^(?:an integer is required \(got type (\w+)\)|'(\w+)' object cannot be interpreted as an integer)$`), "integer of $1$2"}, // up to 3.9
}

// reword is a message in the words that versions have in common.
func reword(message string) string {
	for _, r := range rewordings {
		message = r.re.ReplaceAllString(message, r.with)
	}
	return message
}

// Reworded implements language.Rules.
func (*Language) Reworded(a, b string) bool { return reword(a) == reword(b) }
