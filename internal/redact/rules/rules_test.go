package rules

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheRulesAreThoseOfTheReleaseThatVERSIONNames(t *testing.T) {
	t.Parallel()
	said, err := os.ReadFile("VERSION")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(said))
	if len(fields) < 2 {
		t.Fatalf("VERSION says %q", said)
	}
	if want := Provenance(fields[0], fields[1], released); string(said) != want {
		t.Errorf("VERSION says %q, the file is %q", said, want)
	}
}

func TestAFileThatChangedShapeIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := Parse(released); err != nil {
		t.Fatalf("the released file: %v", err)
	}
	rule := func(text string) string { return "\n[[rules]]\n" + text }
	for _, tt := range []struct {
		name     string
		old, new string // "" appends
		want     string
	}{
		{"a field of a rule that nobody knows", "", rule("id = \"x\"\nregex = '''x'''\nkeywords = [\"x\"]\nverify = true\n"), "unknown field"},
		{"a rule that needs another", "", rule("id = \"x\"\nregex = '''x'''\nkeywords = [\"x\"]\n[[rules.required]]\nid = \"y\"\n"), "unknown field"},
		{"allowlists for several rules", "", "\n[[allowlists]]\ntargetRules = [\"jwt\"]\nregexes = ['''x''']\n", "unknown field"},
		{"a pattern that does not compile", "", rule("id = \"x\"\nregex = '''(?=x)'''\nkeywords = [\"x\"]\n"), "rule x"},
		{"a rule without a keyword", "", rule("id = \"x\"\nregex = '''x'''\n"), "no keyword"},
		{"a rule without an id", "", rule("regex = '''x'''\nkeywords = [\"x\"]\n"), "no id"},
		{"a condition that nobody knows", `condition = "AND"`, `condition = "XOR"`, "unknown condition"},
		{"a target that nobody knows", `regexTarget = "line"`, `regexTarget = "file"`, "unknown target"},
		{"an allowlist whose pattern does not compile", `'''33f!!lloppa'''`, `'''(33'''`, "nuget"},
		{"what stands before a name is written in another way", `[\w.-]{0,50}?`, `[\w.-]{0,60}?`, "0 patterns hold"},
		{"what ends a token is written in another way, in one rule", "(?:[\\x60'\"\\s;]|\\\\[nr]|$)'''\nentropy", "(?:[\\x60'\"\\s]|\\\\[nr]|$)'''\nentropy", "patterns hold"},
		{"a rule that is replaced has another id", `id = "jwt"`, `id = "json-web-token"`, "rule jwt, which is replaced, is no longer there"},
		{"no TOML", "[[rules]]", "[[rules", "expected"},
	} {
		changed := strings.Replace(string(released), tt.old, tt.new, -1)
		if tt.old == "" {
			changed = string(released) + tt.new
		} else if changed == string(released) {
			t.Errorf("%s: the file does not hold %q", tt.name, tt.old)
			continue
		}
		if _, err := Parse([]byte(changed)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: the error is %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// fake is a token of GitHub's form; no file is to hold one.
var fake = "ghp_" + "Aq7Zk2" + "Wm9Xr4" + "Lt8Vb1" + "Nc6Yd3" + "Hs5Jf0" + "PgUeQw"

func TestCredentialsInSourceAreDetectedAsByGitleaks(t *testing.T) {
	t.Parallel()
	split := func(parts ...string) string { return strings.Join(parts, "") }
	aws := split("AKIA", "QYLPMN5H", "HHZ2WVXD")
	for _, tt := range []struct {
		name, source string
		want         []Leak
	}{
		{"a token", "x = 1\ntoken = '" + fake + "'\n", []Leak{{"github-pat", fake, 1}}},
		{"a comment does not allow it", "token = '" + fake + "'  # gitleaks:allow\n", []Leak{{"github-pat", fake, 0}}},
		{"a token of one letter has no entropy", "token = 'ghp_" + strings.Repeat("a", 36) + "'\n", nil},
		{"an example of a vendor", "key = '" + split("AKIA", "IOSFODNN7", "EXAMPLE") + "'\n", nil},
		{"a key of a vendor", "\n\nkey = '" + aws + "'\n", []Leak{{"aws-access-token", aws, 2}}},
		{"a generic key yields to the provider's rule", "api_key = '" + fake + "'\n", []Leak{{"github-pat", fake, 0}}},
		{"a template", "api_key = '${SERVICE_API_KEY_V}'\npassword = '{{ vault.password_1 }}'\n", nil},
		{"one letter again and again, which no pattern of a rule excludes", "aws_key = '" + strings.Repeat("k", 20) + "'\n", nil},
		{"a stop word", "api_key = 'q7Xw2m" + "example" + "Rt6Vb3Yk9'\n", nil},
		{"a line that says what it mounts", "RUN --mount=type=secret,id=q7Xw2mNz8Lp4Rt6Vb3Yk9\n", nil},
		{"a line feed before the line of a match", "--mount=type=secret,\napi_key = 'q7Xw2mNz8Lp4Rt6Vb3Yk9'\nx\n", []Leak{{"generic-api-key", "q7Xw2mNz8Lp4Rt6Vb3Yk9", 1}}},
		{"an allowlist that needs a path too", "SRC_key = \"q7Xw2mNz8Lp4Rt6Vb3Yk9\"\n", []Leak{{"generic-api-key", "q7Xw2mNz8Lp4Rt6Vb3Yk9", 0}}},
		{"a word is not a key", "api_key = 'some-words-of-a-person'\n", nil},
		{"a key of nobody in particular", "api_key = 'q7Xw2mNz8Lp4Rt6Vb3Yk9'\n", []Leak{{"generic-api-key", "q7Xw2mNz8Lp4Rt6Vb3Yk9", 0}}},
		{"base64", "x = 1\nblob = '" + base64.StdEncoding.EncodeToString([]byte("token: "+fake)) + "'\n", []Leak{{"github-pat", fake, 1}}},
		{"hex", "blob = '" + fmt.Sprintf("%x", "token: "+fake) + "'\n", []Leak{{"github-pat", fake, 0}}},
		{"URL encoding", "url = 'https://x/?q=" + fmt.Sprintf("%%%02x%%%02x%%%02x", fake[0], fake[1], fake[2]) + fake[3:] + "'\n", []Leak{{"github-pat", fake, 0}}},
		{"Unicode escapes", "x = '" + fmt.Sprintf(`\u%04x\u%04x\u%04x`, fake[0], fake[1], fake[2]) + fake[3:] + "'\n", []Leak{{"github-pat", fake, 0}}},
		{"base64 in base64", "x = '" + base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("token: "+fake)))) + "'\n", []Leak{{"github-pat", fake, 0}}},
		{"nothing", "def total(items):\n    return sum(items)\n", nil},
	} {
		if d := cmp.Diff(tt.want, Default().Detect(tt.source)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestEvidenceIsLookedAtWithoutAllowlists(t *testing.T) {
	t.Parallel()
	for _, s := range []string{fake, "AKIA" + "IOSFODNN7" + "EXAMPLE", "ghs_" + strings.Repeat("x1", 20)} {
		text, work := "seen "+s+"! # gitleaks:allow", 10_000
		var got []string
		if !Default().Find(text, &work, func(start, end int, _ string) { got = append(got, text[start:end]) }) || len(got) == 0 || got[0] != s {
			t.Errorf("in %q was found %q", text, got)
		}
	}
	work := 10
	if Default().Find(fake, &work, func(int, int, string) {}) {
		t.Error("the work limit was exceeded")
	}
}
