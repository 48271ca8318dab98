package environment_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/testrun"
)

// writeWheel writes a package of one module into dir and returns it.
func writeWheel(t *testing.T, dir, name, metadata string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	project, version, _ := strings.Cut(name, "-")
	for file, text := range map[string]string{
		project + ".py":              "half = 0.5\n",
		name + ".dist-info/METADATA": "Metadata-Version: 2.1\nName: " + project + "\nVersion: " + version + "\n" + metadata,
		name + ".dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		name + ".dist-info/RECORD":   project + ".py,,\n",
	} {
		w, err := z.Create(file)
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
	if err := os.WriteFile(filepath.Join(dir, name+"-py3-none-any.whl"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestABuildReachesThePackageIndexAndNothingElse(t *testing.T) {
	t.Parallel()
	wheel := writeWheel(t, t.TempDir(), "sample-1.0", "")
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

func TestProductionsVersionsHoldAndTestsTakeWhatAgrees(t *testing.T) {
	t.Parallel()
	links := t.TempDir()
	for name, metadata := range map[string]string{
		"sample-1.0": "", "sample-2.0": "", "other-1.0": "", "other-2.0": "",
		"helper-1.0": "Requires-Dist: other==2.0\n", "rival-1.0": "Requires-Dist: sample==2.0\n",
	} {
		writeWheel(t, links, name, metadata)
	}
	cache, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lang := python.New(sandboxtest.Any(t), python.Host{Store: cache, Bases: sandboxtest.Bases(t), Environ: []string{"PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=" + links}})
	tree := sandboxtest.Tree(t, "-- requirements.txt --\nsample\n-- requirements-test.txt --\nhelper\n-- requirements-dev.txt --\nrival\n")
	var said []string
	env, release, err := lang.EnsureEnvironment(t.Context(), language.EnvironmentRequest{
		Run: "test", Tree: tree, Environment: incident.Environment{Modules: map[string]string{"Sample": "1.0", "other": "1.0"}}, Progress: func(s string) { said = append(said, s) },
	})
	if err != nil {
		t.Fatalf("%v, said %q\n%s", err, said, fault.AsStop(err).Log)
	}
	defer release()
	all := strings.Join(said, "\n")
	for _, want := range []string{"the pin other==1.0 was dropped", "requirements-dev.txt could not be installed"} {
		if !strings.Contains(all, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	}
	if strings.Contains(all, "the pin sample==1.0") {
		t.Errorf("production's version of what is required was dropped: %q", said)
	}
	test := testrun.Test{Path: "test_x.py", Name: "test_x", Source: "from importlib.metadata import version\n\n\ndef test_x():\n    raise ValueError([version(n) for n in ('sample', 'helper', 'other')])\n"}
	res, err := lang.Run(t.Context(), testrun.Request{Run: "test", Env: env, Tree: tree, Test: &test})
	if err != nil || len(res.Tests) != 1 || res.Tests[0].Message != "['1.0', '1.0', '2.0']" {
		t.Errorf("got %+v, %v", res, err)
	}
}
