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

func TestWhatALineGoesOnWithEndsNoClass(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a list":                               "    table = [\n1, 2,\n    ]\n",
		"a call in a call":                     "    table = f(g(\nx,\n),\ny)\n",
		"a bracket in a string":                "    table = [\"]\",\n1,\n\"\"\"\n]\n\"\"\",\n2]\n",
		"a bracket in a comment":               "    table = [  # ]\n1]\n    # [\n",
		"a backslash":                          "    table = 1 + \\\n2\n",
		"a string with a backslash":            "    table = 'a(\\\nb'\n",
		"a string with a tab and a bracket":    "    table = ['\t', \"(\"]\n",
		"a backslash before a carriage return": "    table = 1 + \\\r\n2\r\n",
		"a bracket that is never shut":         "    table = f\"{d[\"(\"]}\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := defined("class P:\n" + body + "    def after(self):\n        pass\ndef f():\n    pass\n")
			if !d.functions["P.after"] || !d.functions["f"] || d.functions["after"] {
				t.Errorf("got %v", d.functions)
			}
		})
	}
	if d := defined("class P:\n    x = [\n]\nx = 1\nif x:\n    def f(): pass\n"); !d.functions["f"] || d.functions["P.f"] {
		t.Errorf("the class does not end: %v", d.functions)
	}
	if d := defined("class P:\n    x = '''\ndef f():\n'''\n"); d.functions["f"] {
		t.Errorf("text is taken for a function: %v", d.functions)
	}
}
