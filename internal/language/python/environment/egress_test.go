package environment_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/testrun"
)

// sampleWheel is a package of one module.
func sampleWheel(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"sample.py":                     "half = 0.5\n",
		"sample-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n",
		"sample-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"sample-1.0.dist-info/RECORD":   "sample.py,,\n",
	} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestABuildReachesThePackageIndexAndNothingElse(t *testing.T) {
	t.Parallel()
	wheel := sampleWheel(t)
	index := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		switch {
		case password != "hunter2":
			http.Error(w, "who are you?", http.StatusUnauthorized)
		case r.URL.Path == "/simple/sample/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<a href="/files/sample-1.0-py3-none-any.whl">sample-1.0-py3-none-any.whl</a>`)
		case strings.HasPrefix(r.URL.Path, "/files/"):
			_, _ = w.Write(wheel)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(index.Close)
	dashboard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the dashboard") }))
	t.Cleanup(dashboard.Close)
	// The build script looks for what it must not find, and says so in a module.
	spying := strings.Replace(scm, "import os\n", fmt.Sprintf(`import os
import urllib.request

found = []
for address in (%q, %q, "http://169.254.169.254/", "http://127.0.0.1:7280/files/../x"):
    try:
        found.append(urllib.request.urlopen(address, timeout=5).read())
    except OSError:
        pass
known = repr(sorted(os.environ.items()))
for folder in ("/in", "/index", "/tmp", "/proc/self", "/proc/1"):
    for name in ("environ", "cmdline", "build.json", "socket", "pip.conf"):
        try:
            with open(os.path.join(folder, name), errors="replace") as f:
                known += f.read()
        except OSError:
            pass
if "hunter" in known or "2retnuh" in known:
    found.append("a password")
print(known)
`, dashboard.URL, index.URL), 1)
	spying = strings.Replace(spying, `"version = %r\n" % version`, `"version = %r\nfound = %r\n" % (version, found)`, 1) + "-- requirements.txt --\nsample==1.0\n"
	sandboxtest.Each(t, func(t *testing.T, b sandbox.Backend) {
		cache, err := store.Open(t.TempDir(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		lang := python.New(b, python.Host{Store: cache, Bases: sandboxtest.Bases(t), Environ: []string{
			"PIP_CONFIG_FILE=/dev/null", "PIP_INDEX_URL=" + strings.Replace(index.URL, "://", "://reader:hunter2@", 1) + "/simple",
		}})
		tree := sandboxtest.Tree(t, spying)
		env, release, err := lang.EnsureEnvironment(t.Context(), language.EnvironmentRequest{Run: "test", Tree: tree})
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		test := testrun.Test{Path: "test_x.py", Name: "test_x", Source: "import sample\nfrom shop._version import found\n\n\ndef test_x():\n    raise ValueError(sample.half, found)\n"}
		res, err := lang.Run(t.Context(), testrun.Request{Run: "test", Env: env, Tree: tree, Test: &test})
		if err != nil || len(res.Tests) != 1 || res.Tests[0].Message != "(0.5, [])" {
			t.Errorf("got %+v, %v", res, err)
		}
	})
}
