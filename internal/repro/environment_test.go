package repro

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/pytest"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// wheel writes a wheel of one module into dir.
func wheel(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "repaird_sample-1.0-py3-none-any.whl"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, text := range map[string]string{
		"repaird_sample.py":                      "def half(x):\n    return 1 / x\n",
		"repaird_sample-1.0.dist-info/METADATA":  "Metadata-Version: 2.1\nName: repaird-sample\nVersion: 1.0\n",
		"repaird_sample-1.0.dist-info/WHEEL":     "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"repaird_sample-1.0.dist-info/RECORD":    "repaird_sample.py,,\n",
		"repaird_sample-1.0.dist-info/INSTALLER": "test\n",
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

const needy = `
-- app.py --
from repaird_sample import half


def run(x):
    return half(x)
-- requirements.txt --
-r more.txt
-- more.txt --
repaird-sample==1.0
`

func needyEvent() incident.Event {
	return event("ZeroDivisionError", "division by zero",
		incident.Frame{File: "app.py", Module: "app", Function: "run", Line: 5, Code: "return half(x)", InApp: true, HasVars: true, Locals: []incident.Variable{repr("x", "0")}},
		incident.Frame{File: "repaird_sample.py", AbsPath: "/usr/lib/python3/site-packages/repaird_sample.py", Module: "repaird_sample", Function: "half", Line: 2},
	)
}

func TestDependenciesAreInstalledOnceWithTheHostsPipConfiguration(t *testing.T) {
	t.Parallel()
	dir, links := tree(t, needy), t.TempDir()
	wheel(t, links)
	sandboxtest.Each(t, func(t *testing.T, b sandbox.Backend) {
		r := Reproducer{
			Runner: &pytest.Runner{Backend: b}, Store: newStore(t), Bases: sandboxtest.Bases(t),
			Environ: []string{"PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=" + links},
		}
		for _, want := range []string{"building the environment of requirements.txt, more.txt", "environment of requirements.txt, more.txt is there"} {
			var said []string
			got, err := r.Reproduce(t.Context(), Input{
				Run: "test", Bundle: bundleOf(needyEvent()), Tree: dir, Repeats: 1, Progress: func(s string) { said = append(said, s) },
			})
			if err != nil {
				t.Fatalf("%v\n%s", err, fault.AsStop(err).Log)
			}
			if got.Env.Python != "/env/bin/python" || got.Called != "app.run" {
				t.Errorf("got %+v", got.Env)
			}
			if !strings.Contains(strings.Join(said, "\n"), want) {
				t.Errorf("got %q, want %q", said, want)
			}
		}
	})
}

func TestAnotherHostFindsOrRebuildsAReproductionsEnvironment(t *testing.T) {
	t.Parallel()
	dir, links := tree(t, needy), t.TempDir()
	wheel(t, links)
	host := func(environ ...string) Reproducer {
		return Reproducer{
			Runner: &pytest.Runner{Backend: sandboxtest.Backend(t, "bwrap")}, Store: newStore(t), Bases: sandboxtest.Bases(t),
			Environ: append([]string{"PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=" + links}, environ...),
		}
	}
	first := host()
	got, err := first.Reproduce(t.Context(), Input{Run: "test", Bundle: bundleOf(needyEvent()), Tree: dir, Repeats: 1})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if where := filepath.Dir(filepath.Dir(got.Env.Venv)); strings.Contains(string(stored), where) {
		t.Errorf("the stored reproduction names %s of the host that made it", where)
	}
	var restored Reproduction
	if err := json.Unmarshal(stored, &restored); err != nil {
		t.Fatal(err)
	}
	event := needyEvent()
	for _, c := range []struct {
		name string
		host Reproducer
		same bool
		said string
	}{
		{"the host that made it finds it", first, true, ""},
		{"another builds it anew", host(), true, "building the environment of requirements.txt, more.txt"},
		{"another with another package index builds its own", host("PIP_EXTRA_INDEX_URL=https://pip.example.org/simple"), false, "this host's environment is another than the reproduction's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			env, release, err := c.host.EnsureEnvironment(t.Context(), EnvironmentRequest{
				Run: "test", Tree: dir, Event: &event, Env: restored.Env, Progress: func(s string) { said = append(said, s) },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			if (env.Digest == restored.Env.Digest) != c.same || !strings.Contains(strings.Join(said, "\n"), c.said) || c.said == "" && said != nil {
				t.Errorf("got %s, said %q", env.Digest, said)
			}
			if diff := cmp.Diff(restored.Env.Roots, env.Roots); diff != "" {
				t.Error(diff)
			}
			res, err := c.host.Runner.Run(t.Context(), pytest.Request{Run: "test", Env: env, Tree: dir, Test: &restored.Test, Seed: pytest.Seed})
			if err != nil || len(res.Tests) != 1 || res.Tests[0].Type != "ZeroDivisionError" {
				t.Errorf("got %+v, %v", res, err)
			}
			if removed, err := c.host.Store.Prune(t.Context(), 0); len(removed) != 0 || err != nil {
				t.Errorf("an environment in use was removed: %v, %v", removed, err)
			}
		})
	}
}

func TestAFailedBuildIsAStopWithItsDecisiveLines(t *testing.T) {
	t.Parallel()
	r := Reproducer{
		Runner: &pytest.Runner{Backend: sandboxtest.Backend(t, "bwrap")}, Store: newStore(t), Bases: sandboxtest.Bases(t),
		Environ: []string{"PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1"},
	}
	_, err := r.Reproduce(t.Context(), Input{Run: "test", Bundle: bundleOf(needyEvent()), Tree: tree(t, needy)})
	stop := fault.AsStop(err)
	if stop == nil || stop.Type != fault.NeedsEnvironment || !strings.Contains(stop.Log, "repaird-sample==1.0") {
		t.Fatalf("got %v", err)
	}
}

func TestAModuleThatNobodyDeclaresIsNamed(t *testing.T) {
	t.Parallel()
	dir := tree(t, needy)
	if err := os.Remove(filepath.Join(dir, "requirements.txt")); err != nil {
		t.Fatal(err)
	}
	_, stop := reproduce(t, sandboxtest.Backend(t, "bwrap"), Input{Bundle: bundleOf(needyEvent()), Tree: dir})
	if stop == nil || stop.Type != fault.NeedsEnvironment || !strings.Contains(stop.Detail, "repaird_sample") {
		t.Fatalf("got %v", stop)
	}
}

func TestDependenciesAreReadFromWhatARepositoryHas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, files  string
		setup        Setup
		requirements []string
		constraints  []string
		order        []string
	}{
		{name: "nothing", files: "-- a.py --\n"},
		{name: "requirements.txt", files: "-- requirements.txt --\nflask\n-- pyproject.toml --\n[project]\ndependencies = [\"x\"]\n", order: []string{"requirements.txt"}},
		{name: "configured files", files: "-- requirements.txt --\nflask\n-- deps/b.txt --\nx\n", setup: Setup{Requirements: []string{"deps/b.txt"}}, order: []string{"deps/b.txt"}},
		{name: "pyproject.toml and uv.lock", files: "-- pyproject.toml --\n[project]\ndependencies = [\"flask>=2\", \"x ; python_version < '3.9'\"]\n-- uv.lock --\n[[package]]\nname = \"flask\"\nversion = \"2.2.5\"\n[[package]]\nname = \"own\"\nversion = \"0.1\"\nsource = { editable = \".\" }\n",
			requirements: []string{"flask>=2", "x ; python_version < '3.9'"}, constraints: []string{"flask==2.2.5"}},
		{name: "Poetry", files: "-- pyproject.toml --\n[tool.poetry.dependencies]\npython = \"^3.9\"\nflask = \"^2.0\"\nboto = {version = \"1.2\", extras = [\"s3\"]}\nlocal = {path = \"../x\"}\nopt = {version = \"1\", optional = true}\n-- poetry.lock --\n[[package]]\nname = \"flask\"\nversion = \"2.2.5\"\n",
			requirements: []string{"boto[s3]==1.2", "flask>=2.0"}, constraints: []string{"flask==2.2.5"}},
		{name: "Pipfile.lock", files: "-- Pipfile.lock --\n{\"default\": {\"flask\": {\"version\": \"==2.2.5\", \"markers\": \"python_version >= '3.7'\"}, \"own\": {\"path\": \".\"}}}\n",
			requirements: []string{"flask==2.2.5 ; python_version >= '3.7'"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root, err := os.OpenRoot(tree(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			d, err := readDependencies(root, c.setup)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]string{c.requirements, c.constraints, c.order}, [][]string{d.requirements, d.constraints, d.order}); diff != "" {
				t.Error(diff)
			}
			if d.empty() != (c.name == "nothing") {
				t.Errorf("empty: got %v", d.empty())
			}
		})
	}
}

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
		"HOME=" + home, "PIP_CERT=" + cert, "PIP_INDEX_URL=https://own.example.org/simple", "PIP_FIND_LINKS=" + links + " https://w.example.org /does/not/exist",
		"HTTPS_PROXY=http://proxy.example.org", "SECRET=x", "PIP_TARGET=/evil", "PIP_USER=1",
	})
	for _, name := range []string{"PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"} { // what this machine's own files may set
		delete(c.env, name)
	}
	want := map[string]string{
		"PIP_INDEX_URL": "https://own.example.org/simple", "PIP_EXTRA_INDEX_URL": "https://a.example.org https://b.example.org", "PIP_NO_BINARY": "x",
		"PIP_CERT": "/in/pip/pip-cert.pem", "PIP_FIND_LINKS": "/links/0 https://w.example.org", "HTTPS_PROXY": "http://proxy.example.org",
	}
	if diff := cmp.Diff(want, c.env); diff != "" {
		t.Error(diff)
	}
	if string(c.files["pip/pip-cert.pem"]) != "PEM" || len(c.mounts) != 1 || c.mounts[0].Writable || len(c.notes) != 1 {
		t.Errorf("got files %v, mounts %v, notes %v", c.files, c.mounts, c.notes)
	}
}

func TestTestsRunInProductionsTimeZone(t *testing.T) {
	t.Parallel()
	r := Reproducer{Runner: &pytest.Runner{Backend: sandboxtest.Backend(t, "bwrap")}}
	for name, c := range map[string]struct{ event, configured, want string }{
		"neither is known":                {"", "", ""},
		"the configured one":              {"", "Europe/Vienna", "Europe/Vienna"},
		"the event's own stands above it": {"Asia/Tokyo", "Europe/Vienna", "Asia/Tokyo"},
	} {
		event := incident.Event{Environment: incident.Environment{TimeZone: c.event}}
		env, release, err := r.environment(t.Context(), EnvironmentRequest{Tree: t.TempDir(), Setup: Setup{TimeZone: c.configured}, Event: &event})
		if err != nil {
			t.Fatal(err)
		}
		release()
		if env.Env["TZ"] != c.want {
			t.Errorf("%s: got %q", name, env.Env["TZ"])
		}
	}
}
