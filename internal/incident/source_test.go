package incident_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/incident"
)

func TestCommitsAreFoundInReleases(t *testing.T) {
	t.Parallel()
	const sha = "9f2c1e7b5a0d4c3e8b6f1a2d3c4e5f60718293a4"
	tests := []struct{ release, want string }{
		{sha, sha},
		{"shop@" + sha, sha},
		{"shop@1.4.2+" + sha, sha},
		{"9F2C1E7", "9f2c1e7"},
		{"shop@9f2c1e7", "9f2c1e7"},
		{"1.4.2-3-g9f2c1e7", "9f2c1e7"},
		{"1.4.2-3-g9f2c1e7-dirty", "9f2c1e7"},
		{"1111111111111111111111111111111111111111", "1111111111111111111111111111111111111111"},
		{"20261120", ""},         // a date
		{"shop@1.4.2", ""},       //
		{"shop@1.4.2+12345", ""}, // a build number
		{"build-1234567", ""},
		{"9f2c1e", ""},
		{sha + "0", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := incident.CommitIn(tt.release); got != tt.want {
			t.Errorf("CommitIn(%q): got %q, want %q", tt.release, got, tt.want)
		}
	}
}

func TestLibraryPaths(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"/opt/venv/lib/python3.11/site-packages/flask/app.py":              true,
		"/usr/lib/python3/dist-packages/flask/app.py":                      true,
		"/usr/lib/python3.11/json/decoder.py":                              true,
		"/root/.pyenv/versions/3.13.1/lib/python3.13t/asyncio/runners.py":  true,
		`C:\Python311\Lib\json\decoder.py`:                                 true,
		`C:\app\venv\Lib\site-packages\flask\app.py`:                       true,
		"/usr/lib/python311.zip/json/decoder.py":                           true,
		"<frozen importlib._bootstrap>":                                    true,
		"<string>":                                                         true,
		"/src/opentelemetry-python/opentelemetry/trace/__init__.py":        true,
		"/src/opentelemetry/instrumentation/flask/__init__.py":             true,
		"/srv/shop/shop.py":                                                false,
		"shop.py":                                                          false,
		"/srv/lib/python/app.py":                                           false,
		`C:\srv\shop\shop.py`:                                              false,
		"/srv/opentelemetry_demo/app.py":                                   false,
		"/home/me/site-packages-mirror/app.py":                             false,
		"flask/app.py":                                                     false,
		"/opt/python/app/main.py":                                          false,
		"/home/user/library/python3.11-notes/lib.py":                       false,
		"/builds/group/project/tests/lib/test_python3.py":                  false,
		"/usr/local/lib64/python3.12/site-packages/numpy/core/numeric.py":  true,
		"/home/me/.local/lib/python3.9/site-packages/sentry_sdk/client.py": true,
	}
	for path, want := range tests {
		if got := incident.LibraryPath(path); got != want {
			t.Errorf("LibraryPath(%q): got %t, want %t", path, got, want)
		}
	}
}

func TestSentryLinksAreFoundInTexts(t *testing.T) {
	t.Parallel()
	const id = "e1b8a50f2d9940f398f302f59cb343fb"
	tests := []struct {
		name, text string
		want       *incident.Fetch
	}{
		{"an event of sentry.io", "see https://acme.sentry.io/issues/4311163364/events/" + id + "/?project=1, please",
			&incident.Fetch{Org: "acme", Issue: "4311163364", EventID: id}},
		{"an issue in the old form", "https://sentry.io/organizations/acme/issues/12/?referrer=x",
			&incident.Fetch{Org: "acme", Issue: "12"}},
		{"a dashed event of a self-hosted server", "(http://sentry.internal:9000/organizations/acme/issues/12/events/e1b8a50f-2d99-40f3-98f3-02f59cb343fb/)",
			&incident.Fetch{Org: "acme", Issue: "12", EventID: id}},
		{"an issue of a code host", "https://github.com/acme/shop/issues/12", nil},
		{"no link", "acme.sentry.io/issues/12", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, _ := incident.SentryLink(tt.text)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAValueIsWholeOnlyIfAllItsPartsAre(t *testing.T) {
	t.Parallel()
	whole := incident.Value{Kind: incident.KindDict, Fields: []incident.Variable{
		{Name: "a", Value: incident.Value{Kind: incident.KindList, Items: []incident.Value{{Kind: incident.KindRepr, Repr: "1"}}}},
	}}
	if !whole.Whole() {
		t.Error("a complete value is not whole")
	}
	whole.Fields[0].Value.Items[0].Trimmed = true
	if whole.Whole() {
		t.Error("a value with a trimmed part is whole")
	}
	whole.Fields[0].Value.Items[0] = incident.Value{Filtered: true}
	if whole.Whole() {
		t.Error("a value with a filtered part is whole")
	}
}

func TestQuoteIsPythonsRepr(t *testing.T) {
	t.Parallel()
	// Each want is what Python 3.11 prints for repr of the text.
	tests := map[string]string{
		"":                   `''`,
		"abc":                `'abc'`,
		"it's":               `"it's"`,
		`it's "so"`:          `'it\'s "so"'`,
		"tab\tnew\nline\r":   `'tab\tnew\nline\r'`,
		`back\slash`:         `'back\\slash'`,
		"\x00\x1f\x7f\u0080": `'\x00\x1f\x7f\x80'`,
		"grüße 世界":           `'grüße 世界'`,
		"\u200b":             `'\u200b'`,
		"\U000e0001":         `'\U000e0001'`,
	}
	for text, want := range tests {
		if got := incident.Quote(text); got != want {
			t.Errorf("Quote(%q): got %s, want %s", text, got, want)
		}
	}
}
