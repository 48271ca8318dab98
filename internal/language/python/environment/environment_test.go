package environment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

func TestTheHostsPipConfigurationIsTranslated(t *testing.T) {
	t.Parallel()
	home, links := t.TempDir(), t.TempDir()
	cert := filepath.Join(home, "ca.pem")
	for name, text := range map[string]string{
		cert: "PEM",
		filepath.Join(home, ".config/pip/pip.conf"): "[global]\nindex-url = https://pip.example.org/simple\ntarget = /evil\nextra-index-url =\n    https://a.example.org\n    https://b.example.org\n[install]\nno-binary = x\n[list]\nformat = columns\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := readPipConfig([]string{
		"HOME=" + home, "PIP_CERT=" + cert, "PIP_INDEX_URL=https://user:hunter2@own.example.org/simple", "PIP_FIND_LINKS=" + links + " https://w.example.org /does/not/exist",
		"HTTPS_PROXY=http://proxy.example.org", "SECRET=x", "PIP_TARGET=/evil", "PIP_USER=1", "PIP_TRUSTED_HOST=own.example.org",
	})
	for _, name := range []string{"PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"} { // what this machine's own files may set
		delete(c.env, name)
	}
	want := map[string]string{
		"PIP_INDEX_URL": "http://127.0.0.1:7280/0/", "PIP_EXTRA_INDEX_URL": "http://127.0.0.1:7280/1/ http://127.0.0.1:7280/2/", "PIP_NO_BINARY": "x",
		"PIP_FIND_LINKS": "/links/0 http://127.0.0.1:7280/links/0",
	}
	if diff := cmp.Diff(want, c.env); diff != "" {
		t.Error(diff)
	}
	up := c.upstream
	if diff := cmp.Diff([]string{"https://user:hunter2@own.example.org/simple", "https://a.example.org", "https://b.example.org"}, up.Indexes); diff != "" {
		t.Error(diff)
	}
	if string(up.CA) != "PEM\n" || up.Proxy.HTTPSProxy != "http://proxy.example.org" || len(up.Links) != 1 || len(up.Trusted) != 1 || len(c.mounts) != 1 || c.mounts[0].Writable || len(c.notes) != 1 || c.implicit {
		t.Errorf("got %+v", c)
	}
	if id := c.identity(); strings.Contains(id, "hunter2") || !strings.Contains(id, "own.example.org") {
		t.Errorf("an environment's identity: %q", id)
	}
}

func TestTestsRunInProductionsTimeZone(t *testing.T) {
	t.Parallel()
	b := Builder{Backend: sandboxtest.Backend(t, "bwrap")}
	for name, c := range map[string]struct{ event, configured, want string }{
		"neither is known":                {"", "", ""},
		"the configured one":              {"", "Europe/Vienna", "Europe/Vienna"},
		"the event's own stands above it": {"Asia/Tokyo", "Europe/Vienna", "Asia/Tokyo"},
	} {
		env, release, err := b.Ensure(t.Context(), language.EnvironmentRequest{
			Tree: t.TempDir(), Setup: language.Setup{TimeZone: c.configured}, Environment: incident.Environment{TimeZone: c.event},
		})
		if err != nil {
			t.Fatal(err)
		}
		release()
		if env.Env["TZ"] != c.want {
			t.Errorf("%s: got %q", name, env.Env["TZ"])
		}
	}
}
