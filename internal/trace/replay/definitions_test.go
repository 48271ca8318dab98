package replay

import (
	"strings"
	"testing"
)

func FuzzDefinitions(f *testing.F) {
	for _, s := range []string{"class A:\n\tdef f(self): pass\n", "x = \"\"\"\ndef f():\n'''\"\"\"\ndef g(): pass\n", "def f(\n):\n  class B: 0", "'\\", "\"\"\"\\", "P = collections.namedtuple('P', 'x')\nasync  def h(): 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		d := defined(source)
		for _, names := range []map[string]bool{d.functions, d.classes} {
			for name := range names {
				for part := range strings.SplitSeq(name, ".") {
					if part == "" || !strings.Contains(source, part) {
						t.Fatalf("%q is defined by %q", name, source)
					}
				}
			}
		}
	})
}
